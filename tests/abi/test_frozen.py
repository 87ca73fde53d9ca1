# SPDX-License-Identifier: MIT
"""The ABI stays: today's headers against those of every frozen version, by abidiff and by their
constants; and plugins export one symbol."""
import pathlib
import re
import shutil
import subprocess

import pytest

from harness.needs import programs
from harness.weir import BIN, ROOT

HERE = pathlib.Path(__file__).parent
TODAY = ROOT / "include"
MAJOR = 1
FROZEN = sorted((HERE / "frozen").glob(f"{MAJOR}.*"))
HEADERS = sorted(p.name for p in (TODAY / "weir").glob("*.h"))
# What begins with its own size, and so may grow.
GROWING = {f"weir_{name}" for name in
           ("services", "input_ops", "filter_ops", "output_ops", "plugin", "plugin_list", "option", "node",
            "batch", "shape", "source_view", "source_spec", "source_state", "delivery_view", "encode_spec",
            "encoding", "output_settings", "http_client_options", "http_request", "http_response", "fields")}


def run(*argv, check=True, **options):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=120,
                          check=False, **options)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def surface(headers, output):
    run("gcc", "-g", "-shared", "-fPIC", "-I", headers, HERE / "plugins/surface.c", "-o", output)
    return output


def is_appended(change):
    """True for a block of abidiff's report that says: a struct with its own size has grown at its end."""
    name = re.match(r"'struct (\w+) at ", change)
    size = re.search(r"^  type size changed from (\d+) to", change, re.M)
    told = re.sub(r"^  type size changed .*\n|^  \d+ data member insertions?:\n|"
                  r"^    '.*', at offset (\d+) \(in bits\).*\n?", "", change, flags=re.M).splitlines()
    return bool(name and name[1] in GROWING and size and len(told) == 1 and
                all(int(at) >= int(size[1]) for at in re.findall(r"', at offset (\d+)", change)))


def differences(old, new, tmp_path):
    """What abidiff says of the headers in two folders that is more than something appended."""
    programs("abidiff")
    done = run("abidiff", "--leaf-changes-only", surface(old, tmp_path / "old.so"),
               surface(new, tmp_path / "new.so"), check=False)
    assert not done.returncode & 3, done.stderr  # usage, or its own failure
    if done.returncode == 0:
        return []
    changes = [c for c in done.stdout.split("\n\n")[1:] if c.strip()]
    assert changes, done.stdout
    return [change for change in changes if not is_appended(change)]


def changed(tmp_path, file, old, new):
    """Today's headers with one text replaced."""
    folder = tmp_path / "include"
    shutil.copytree(TODAY, folder)
    text = (folder / "weir" / file).read_text()
    assert text.count(old) >= 1
    (folder / "weir" / file).write_text(text.replace(old, new, 1))
    return folder


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda p: p.name)
def test_todays_headers_only_append_to_the_frozen_ones(frozen, tmp_path):
    assert differences(frozen, TODAY, tmp_path) == []


APPENDED = [
    ("services.h", "\n};\n\n#endif", "\n\tvoid (*more)(void);\n};\n\n#endif"),
    ("plugin.h", "\tconst char *short_option;\n", "\tconst char *short_option;\n\tvoid *more;\n"),
]
BROKEN = [
    ("services.h", "\tint64_t (*wall_ns)(void);", "\tvoid *more;\n\tint64_t (*wall_ns)(void);"),
    ("services.h", "void (*random)(void *ret_bytes, uint64_t size);",
     "void (*random)(void *ret_bytes, uint32_t size);"),
    ("value.h", "\tuint32_t length; /* bytes of text */", "\tuint64_t length;"),
    ("value.h", "\t\tdouble f64;\n\t} as;\n", "\t\tdouble f64;\n\t} as;\n\tuint64_t more;\n"),
    ("abi.h", "\tchar text[WEIR_ERROR_TEXT];", "\tchar text[WEIR_ERROR_TEXT];\n\tuint64_t more;"),
    ("batch.h", "\tuint64_t range_start;\n", ""),
    ("option.h", "\tuint32_t count; /* of list elements or map members */\n\tuint32_t reserved;\n",
     "\tuint32_t reserved;\n\tuint32_t count;\n"),
    ("plugin.h", "\tvoid (*stop)(void *instance);\n", "\tint32_t (*stop)(void *instance);\n"),
]


@pytest.mark.parametrize("file, old, new", APPENDED)
def test_a_member_more_at_the_end_of_a_table_is_no_difference(tmp_path, file, old, new):
    assert differences(TODAY, changed(tmp_path, file, old, new), tmp_path) == []


@pytest.mark.parametrize("file, old, new", BROKEN)
def test_a_break_is_found(tmp_path, file, old, new):
    assert differences(TODAY, changed(tmp_path, file, old, new), tmp_path)


def constants(headers):
    """{name: text} of every macro of the headers."""
    text = run("gcc", "-E", "-dM", "-I", headers, "-x", "c", "-", input="#include <weir/plugin.h>\n").stdout
    return {name: " ".join(value.split())
            for name, value in re.findall(r"^#define (WEIR_[A-Z0-9_]+) (.*)$", text, re.M)}


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda p: p.name)
def test_constants_keep_their_values(frozen):
    now = constants(TODAY)
    for name, value in constants(frozen).items():
        if name not in ("WEIR_ABI_MINOR", "WEIR_RECORD_GONE"):  # the latter may get more flags
            assert now[name] == value, name


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda p: p.name)
def test_a_frozen_set_is_of_the_version_that_it_is_called(frozen):
    had = constants(frozen)
    assert frozen.name == f"{had['WEIR_ABI_MAJOR']}.{had['WEIR_ABI_MINOR']}"


def test_every_earlier_minor_is_frozen_and_dated():
    now = constants(TODAY)
    assert int(now["WEIR_ABI_MAJOR"]) == MAJOR
    changelog = (TODAY / "weir/abi.h").read_text().split("Changelog")[1].split("*/")[0]
    for minor in range(int(now["WEIR_ABI_MINOR"]) + 1):
        assert re.search(rf"^ \*   {MAJOR}\.{minor}  \d{{4}}-\d\d-\d\d  \S", changelog, re.M), minor
    # The current minor may still grow; those before it may not.
    for minor in range(int(now["WEIR_ABI_MINOR"])):
        assert HERE / f"frozen/{MAJOR}.{minor}" in FROZEN


def test_what_is_appended_to_a_frozen_minor_makes_the_next_one(tmp_path):
    minor = int(constants(TODAY)["WEIR_ABI_MINOR"])
    newest = max(FROZEN, key=lambda folder: int(constants(folder)["WEIR_ABI_MINOR"]))
    programs("abidiff")
    done = run("abidiff", surface(newest, tmp_path / "old.so"), surface(TODAY, tmp_path / "new.so"),
               check=False)
    assert done.returncode == 0 or minor > int(constants(newest)["WEIR_ABI_MINOR"]), \
        f"raise WEIR_ABI_MINOR, and date it in abi.h:\n{done.stdout}"


def padding(headers):
    return run("gcc", "-Wpadded", "-fsyntax-only", "-I", headers, "-x", "c", "-",
               input="#include <weir/plugin.h>\n").stderr


def test_no_struct_has_padding_in_which_a_later_member_would_count_as_there(tmp_path):
    assert padding(TODAY) == ""
    assert "[-Wpadded]" in padding(changed(tmp_path, "services.h", "\tuint32_t reserved;\n};\n\n/* What http_done()",
                                           "};\n\n/* What http_done()"))


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("language", ["c", "c++"])
def test_each_header_stands_by_itself(header, language):
    run("gcc", "-x", language, "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I", TODAY, "-",
        input=f"#include <weir/{header}>\n")


def test_a_plugin_exports_one_symbol():
    plugins = [p for p in BIN.parent.parent.rglob("*.so") if "weir/plugins" in str(p)]
    assert plugins
    for plugin in plugins:
        table = run("nm", "-D", "--defined-only", plugin).stdout
        # Weak ones are inline functions of the C++ library, which every user of it has; AddressSanitizer
        # puts a mark beside what is exported.
        strong = [name for _, kind, name in map(str.split, table.splitlines())
                  if kind not in "WVu" and not name.startswith("__odr_asan.")]
        assert strong == ["weir_plugins"], plugin

# SPDX-License-Identifier: MIT
"""`weir check`, `weir plugins`, `weir version` and `weir help`, as a user at a shell meets them."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness.process import free_port
from harness.weir import ROOT

GOOD = """
    inputs:
      - tail: { paths: [/etc/passwd] }
    outputs:
      - stdout
"""


@pytest.fixture
def plugin_dir(weir):
    """Where the binary finds its plugins."""
    return pathlib.Path(os.environ.get("WEIR_PLUGIN_DIR") or
                        weir.command("plugins").stdout.splitlines()[0])


def errors_of(result):
    return [line for line in result.stdout.splitlines() if re.search(r": (error|warning): ", line)]


# ---- weir check ------------------------------------------------------------------------------------

def test_a_good_configuration_passes(weir):
    weir.pipeline("web", GOOD)
    result = weir.check()
    assert (result.returncode, result.stdout) == (0, "1 pipeline, 0 errors, 0 warnings\n")
    assert result.stderr == ""


def test_a_problem_is_shown_with_its_line_and_a_caret(weir):
    path = weir.pipeline("web", GOOD.replace("paths", "pathes"))
    result = weir.check()
    assert result.returncode == 1
    assert f'{path}:3:13: error: unknown option "pathes" of tail; did you mean "paths"?\n' \
        "    3 |   - tail: { pathes: [/etc/passwd] }\n" \
        "      |             ^\n" in result.stdout
    assert result.stdout.endswith("\n1 pipeline, 2 errors, 0 warnings\n")


def test_every_problem_of_every_file_is_shown(weir):
    weir.configure(workers=99, nonsense=1)
    weir.pipeline("a", "inputs: [\n")
    weir.pipeline("b", "inputs: [nosuch]\noutputs: [nosuch]\nfilter: 1\n")
    result = weir.check()
    assert result.returncode == 1
    assert len(errors_of(result)) == 6
    assert result.stdout.endswith("2 pipelines, 6 errors, 0 warnings\n")


def test_broken_pipelines_do_not_hide_whole_ones(weir):
    weir.pipeline("bad", "inputs: [\n")
    weir.pipeline("good", GOOD)
    assert json.loads(weir.check("--json").stdout) == {
        "pipelines": 2, "errors": 1, "warnings": 0,
        "problems": [{"severity": "error", "path": str(weir.conf_dir / "bad.yaml"),
                      "line": 2, "column": 1,
                      "text": "expected a value here; write one, or put it in quotes"}]}


def test_what_only_the_plugin_can_tell_is_shown_too(weir, tmp_path):
    weir.pipeline("url", {"inputs": [{"stdin": {}}],
                          "outputs": [{"http": {"url": "logs.example.com/ingest"}}]})
    weir.pipeline("regex", {"inputs": [{"stdin": {}}], "filters": [{"parse": "regex"}],
                            "outputs": [{"file": f"{tmp_path}/new/out"}]})
    result = weir.check()
    assert result.returncode == 1
    assert re.search(r"url\.yaml:\d+:\d+: error: .*http://", result.stdout), result.stdout
    assert re.search(r"regex\.yaml:.*error: .*pattern", result.stdout), result.stdout
    assert not (tmp_path / "new").exists()


def test_warnings_fail_only_when_strict(weir):
    result = weir.check()
    assert result.returncode == 0
    assert "warning: there are no pipelines in this folder" in result.stdout
    assert weir.check("--strict").returncode == 1


def twice(paths, url, **options):
    return {"inputs": [{"tail": {"paths": paths}}], "outputs": [{"http": {"url": url, **options}}]}


def test_two_pipelines_with_one_file_and_one_destination_are_warned_of(weir, tmp_path, scripted):
    (tmp_path / "a.log").write_text("x\n")
    url = scripted().url
    weir.pipeline("one", twice([str(tmp_path / "*.log")], url))
    second = weir.pipeline("two", twice([str(tmp_path / "a.*"), "/etc/hostname"], url, gzip=True))
    weir.pipeline("elsewhere", twice([str(tmp_path / "*.log")], url + "other"))
    weir.pipeline("other", twice(["/etc/hostname"], url + "x"))
    result = weir.check()
    assert result.returncode == 0 and weir.check("--strict").returncode == 1
    (warning,) = [line for line in errors_of(result) if "arrive twice" in line]
    assert warning.startswith(f"{second}:") and f"{tmp_path}/a.log is read by the pipeline one" in warning


def test_only_the_files_given_are_checked(weir):
    weir.pipeline("bad", "inputs: [\n")
    good = weir.pipeline("good", GOOD)
    assert weir.check(good).returncode == 0
    assert weir.check(good, weir.conf_dir / "bad.yaml").returncode == 1
    assert weir.check("/no/such.yaml").stdout.startswith(
        "/no/such.yaml: error: it cannot be opened: No such file or directory\n")


def test_a_relative_path_is_shown_as_it_was_given(weir):
    weir.configure(conf_dir="conf.d")
    weir.pipeline("web", "inputs: 1\noutputs: [stdout]\n")
    result = subprocess.run([weir.binary, "check", "-c", "weir.yaml"], cwd=weir.folder,
                            capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout.startswith("conf.d/web.yaml:1:9: error: expected \"inputs\" to be a list")


def test_a_long_line_is_cut_around_the_caret(weir):
    weir.pipeline("web", GOOD + "        # x\n" + '      - stdout: { name: "' + "a" * 300 + '", nope: 1 }\n')
    weir.env["COLUMNS"] = "80"
    lines = weir.check().stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if '"nope"' in line)
    assert len(lines[at + 1]) <= 80 and len(lines[at + 2]) <= 80
    assert lines[at + 1][lines[at + 2].index("^"):].startswith("nope")


def test_a_settings_file_that_is_missing_fails(weir):
    weir.config.unlink()
    result = weir.check()
    assert result.returncode == 1
    assert f"{weir.config}: error: it cannot be opened: No such file or directory" in result.stdout


@pytest.mark.parametrize("arguments, words", [
    (["--strickt"], 'there is no option "--strickt"; did you mean "--strict"?'),
    (["-x"], 'there is no option "-x"'),
    (["-c"], '"-c" needs a value'),
    (["--json=1"], 'the option "--json=1" takes no value'),
])
def test_a_wrong_option_is_wrong_usage(weir, arguments, words):
    result = weir.command("check", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"weir check: {words}; for help: weir check --help\n"


# ---- weir plugins -----------------------------------------------------------------------------------

def test_plugins_are_listed_by_kind(weir):
    rows = [line.split()[:2] for line in weir.command("plugins").stdout.splitlines()
            if line.startswith("  ") and line.split()[0] in ("input", "filter", "output")]
    assert ["filter", "parse"] in rows and ["output", "file"] in rows
    kinds = [kind for kind, _ in rows]
    assert kinds == sorted(kinds, key=["input", "filter", "output"].index)


def test_every_declared_option_is_printed(weir):
    whole = json.loads(weir.command("plugins", "file", "--json").stdout)["plugins"][0]
    text = weir.command("plugins", "file").stdout

    def names(options, indent):
        for option in options:
            assert re.search(rf"^ {{{indent}}}{option['name']}  \(", text, re.M), option["name"]
            names(option.get("members", []), indent + 4)

    names(whole["options"], 2)
    names(whole["host_options"], 2)
    assert any(option["required"] for option in whole["options"])


def all_options(options):
    for option in options:
        yield option
        yield from all_options(option.get("members", []))


def test_every_plugin_declares_itself_well(weir):
    """Defaults that its own declaration accepts, a line of meaning for each option, no full stop."""
    for plugin in json.loads(weir.command("plugins", "--json").stdout)["plugins"]:
        kind, name = plugin["kind"], plugin["name"]
        stages = {"input": ["stdin"], "filter": [], "output": ["null"], kind: [name]}
        path = weir.pipeline("one", "".join(f"{key}s: {json.dumps(value)}\n"
                                            for key, value in stages.items()))
        told = weir.check(path).stdout
        assert "wrong in the plugin itself" not in told, told
        for option in all_options(json.loads(weir.command("plugins", name, "--json").stdout)
                                  ["plugins"][0]["options"]):
            assert option["doc"] and not option["doc"].endswith("."), (name, option)
            words = (option["values"] or "").split("|")
            assert option["default"] is None or option["values"] is None or \
                option["type"].startswith("list") or option["default"] in words, (name, option)


def test_a_misspelt_plugin_names_the_nearest(weir):
    result = weir.command("plugins", "prase")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == 'weir plugins: there is no plugin "prase"; did you mean "parse"?\n'


def test_a_refused_file_is_listed_with_its_reason(weir, tmp_path, plugin_dir):
    folder = tmp_path / "plugins"
    folder.mkdir()
    shutil.copy(plugin_dir / "output-null.so", folder / "output-null.so")
    (folder / "output-broken.so").write_text("not a plugin\n")
    weir.configure(plugin_dirs=[str(folder)])
    result = weir.command("plugins", "-c", weir.config)
    assert result.returncode == 0
    assert "Refused" in result.stdout and f"  {folder}/output-broken.so\n" in result.stdout
    assert "it is not an ELF shared object; take it out of the plugin folder" in result.stdout
    whole = json.loads(weir.command("plugins", "-c", weir.config, "--json").stdout)
    assert [plugin["name"] for plugin in whole["plugins"]] == ["null"]
    assert [refused["path"] for refused in whole["refused"]] == [f"{folder}/output-broken.so"]


def test_an_empty_plugin_folder_is_named(weir, tmp_path):
    weir.configure(plugin_dirs=[str(tmp_path / "nothing")])
    assert weir.command("plugins", "-c", weir.config).stdout == \
        f"No plugins were found in:\n  {tmp_path}/nothing\n"


# ---- weir, weir help, weir version ----------------------------------------------------------------------

def test_help_lists_every_command_and_each_has_its_own(weir):
    text = weir.command("help", check=True).stdout
    commands = re.findall(r"^  ([a-z]+)  ", text, re.M)
    assert {"check", "plugins", "version", "help"} <= set(commands)
    for command in set(commands) - {"help"}:
        own = weir.command(command, "--help", check=True).stdout
        assert own.startswith(f"usage: weir {command}")
        assert weir.command("help", command, check=True).stdout == own


def test_no_command_is_wrong_usage(weir):
    result = weir.command()
    assert result.returncode == 2 and "usage: weir COMMAND" in result.stdout


def test_a_misspelt_command_names_the_nearest(weir):
    result = weir.command("chekc")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == 'weir: there is no command "chekc"; did you mean "check"?\n'


def test_the_version_is_that_of_the_build(weir):
    version = re.search(r"project\(weir VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert weir.command("version", check=True).stdout.startswith(f"weir {version} (plugin ABI ")
    assert weir.command("--version").stdout == weir.command("version").stdout


# ---- what `weir run` says of a configuration --------------------------------------------------------

def test_run_shows_every_problem_and_runs_the_whole_pipelines(weir, tmp_path):
    log = tmp_path / "app.log"
    log.write_text("one\ntwo\n")
    weir.pipeline("bad", "inputs: [stdin]\noutputs: [stdout]\nfilters:\n" +
                  "".join(f"  - nosuch{i}\n" for i in range(20)))
    weir.pipeline("good", {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                           "outputs": [{"file": {"path": str(tmp_path / "out.log"),
                                                 "format": "line"}}]})
    result = weir.run_once(check=False)
    assert result.returncode == 1
    for i in range(20):
        assert re.search(rf'error {weir.conf_dir}/bad.yaml:{i + 4}:5 \[config\] there is no filter '
                         rf'"nosuch{i}"', result.stderr), i
    assert (tmp_path / "out.log").read_text() == "one\ntwo\n"


def test_run_starts_nothing_when_the_settings_are_wrong(weir):
    weir.configure(workers=0)
    weir.pipeline("web", GOOD)
    result = weir.run_once(check=False)
    assert result.returncode == 1
    assert f'{weir.config}:5:13 [config] "workers" must be from 1 to 64, found 0' in result.stderr
    assert not weir.state_dir.exists()


def test_what_cannot_work_now_is_a_warning_and_an_error_only_with_strict(weir, tmp_path, sink):
    readable = tmp_path / "there.log"
    readable.write_text("a line\n")
    pipeline = {"inputs": [{"tail": {"paths": [str(readable)]}}],
                "outputs": [{"http": {"url": sink.url}}]}
    weir.pipeline("fine", pipeline)
    assert "0 errors, 0 warnings" in weir.check("--strict").stdout
    pipeline["inputs"][0]["tail"]["paths"] = [str(tmp_path / "nothing-*.log")]
    pipeline["outputs"][0]["http"]["url"] = f"http://127.0.0.1:{free_port()}/"
    weir.pipeline("fine", pipeline)
    result = weir.check()
    assert result.returncode == 0
    assert "no file matches" in result.stdout and "nobody answers at 127.0.0.1" in result.stdout
    assert "0 errors, 2 warnings" in result.stdout
    assert weir.check("--strict").returncode == 1

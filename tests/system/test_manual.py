# SPDX-License-Identifier: MIT
"""The manual pages as they are installed: well-formed, and in agreement with the plugins and the headers."""
import json
import os
import re
import shutil
import subprocess

import pytest

from harness import needs
from harness.kit import Kit, command
from harness.weir import ROOT

MAN = ROOT / "packaging/man"
# Of mandoc's advice on style. Where a page's source is folded is this project's affair; the pages that are
# referred to are looked for below.
NOT_ASKED = re.compile(r"input text line longer than 80 bytes|referenced manual not found|mandoc\.db lacks")


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit.whole(tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="module")
def plugins(kit):
    """{(kind, name): what `weir plugins` says of it, its options included}."""
    listed = json.loads(command(kit.weir, "plugins", "-c", "/dev/null", "--json").stdout)["plugins"]
    told = {}
    for name in {p["name"] for p in listed}:
        for plugin in json.loads(command(kit.weir, "plugins", "-c", "/dev/null", "--json",
                                         name).stdout)["plugins"]:
            told[plugin["kind"], plugin["name"]] = plugin
    assert len(told) == len(listed)
    return told


def pages(kit):
    return sorted(p for p in (kit.prefix / "share/man").rglob("*") if p.is_file())


def shown(page):
    """The page as a reader sees it, with one space between words."""
    text = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=200", page], capture_output=True,
                          check=True).stdout.decode()
    return " ".join(re.sub(r".\x08", "", text).split())


def test_every_page_is_there(kit, plugins):
    expected = {"weir.1", "weir.yaml.5", "weir-plugin.3", "weir-plugins.7"}
    assert {p.name for p in pages(kit)} == \
        expected | {f"weir-{kind}-{name}.7" for kind, name in plugins}
    for page in pages(kit):
        assert page.parent.name == f"man{page.suffix[1:]}"
        for name, section in re.findall(r"^\.(?:It )?Xr (weir\S*) (\d)", page.read_text(), re.M):
            assert (kit.prefix / f"share/man/man{section}/{name}.{section}").exists(), (page, name)


def test_mandoc_has_nothing_to_say(kit):
    needs.programs("mandoc")
    done = command("mandoc", "-T", "lint", *pages(kit), check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if not NOT_ASKED.search(line)]
    assert not said


def test_man_warns_of_nothing(kit):
    needs.programs("man")
    for page in pages(kit):
        done = command("man", "--warnings", "--local-file", page, env={"LC_ALL": "C.UTF-8",
                                                                     "MANROFFSEQ": "", "MANWIDTH": "80"})
        assert not done.stderr and "WEIR" in done.stdout, (page, done.stderr)


def all_options(options):
    for option in options:
        yield option
        yield from all_options(option.get("members", []))


def test_the_page_of_a_plugin_has_all_its_options(kit, plugins):
    needs.programs("mandoc")
    for (kind, name), plugin in plugins.items():
        source = kit.one(f"weir-{kind}-{name}.7")
        tags = re.findall(r"^\.It Cm (\w+) ", source.read_text(), re.M)
        assert tags == [o["name"] for o in all_options(plugin["options"])], name
        text = shown(source)
        assert plugin["summary"] in text
        for option in all_options(plugin["options"]):
            required = "; required" if option["required"] else ""
            entry = re.search(rf"{option['name']} \({option['type']}[^)]*{required}.*?\) ?"
                              + re.escape(" ".join(option["doc"].split())), text)
            assert entry, (name, option["name"])
            if option["default"] and not option["required"]:
                assert f"; default {option['default']}" in entry[0], (name, option["name"])


def test_what_all_of_a_kind_take_is_in_the_page_of_plugins(kit, plugins):
    source = kit.one("weir-plugins.7").read_text()
    for kind in ("input", "filter", "output"):
        part = source.split(f".Ss Options of every {kind}\n")[1].split("\n.S")[0]
        options = next(p["host_options"] for (k, _), p in plugins.items() if k == kind)
        assert re.findall(r"^\.It Cm (\w+) ", part, re.M) == [o["name"] for o in all_options(options)]


def test_the_page_of_plugins_lists_those_that_there_are(kit, plugins):
    """As the README does: test_shipped.py."""
    listed = re.findall(r"^\.It Xr weir-(\w+?)-(\w+) 7$", kit.one("weir-plugins.7").read_text(), re.M)
    assert len(listed) == len(set(listed)) and set(listed) == set(plugins)
    for line in kit.one("packages").read_text().splitlines():
        kind, name, package = line.split()
        assert f"weir-{kind}-{name}(7) {plugins[kind, name]['summary']}. In the package {package}." \
            in shown(kit.one("weir-plugins.7"))


@pytest.mark.parametrize("header, table", [
    ("plugin.h", "weir_plugin"), ("plugin.h", "weir_input_ops"), ("plugin.h", "weir_filter_ops"),
    ("plugin.h", "weir_output_ops"), ("plugin.h", "weir_fields"),
    ("services.h", "weir_services"), ("option.h", "weir_option")])
def test_the_page_for_authors_has_every_member(kit, header, table):
    """By the compiler's own reading of the header."""
    text = command("cc", "-E", "-P", f"-I{kit.prefix}/include", "-include", f"weir/{header}", "-xc",
                   "/dev/null").stdout
    body = re.search(rf"struct {table} \{{(.*?)\n\}};", text, re.S)[1]
    members = set()
    for declaration in body.split(";")[:-1]:
        function = re.search(r"\(\*(\w+)\)", declaration)
        members |= {function[1]} if function else set(re.findall(r"(\w+)(?=,|$)", declaration.strip()))
    page = (kit.prefix / "share/man/man3/weir-plugin.3").read_text()
    listed = set()
    for item in re.findall(r"^\.It .*? (?:Fn (\w+)|Va \"([\w, ]+)\")", page, re.M):
        listed |= set(re.findall(r"\w+", " ".join(item)))
    assert members and members <= listed, members - listed


def test_any_awk_makes_the_same_pages(kit, tmp_path):
    made = []
    for awk in ("mawk", "gawk", "original-awk", "busybox"):
        needs.programs(awk)
        folder = tmp_path / awk
        folder.mkdir()
        (folder / "awk").symlink_to(shutil.which(awk))
        env = {"PATH": f"{folder}:{os.environ['PATH']}"}
        made.append([
            command(MAN / "api-page", ROOT / "include", MAN / "weir-plugin.3.in", env=env).stdout,
            command(MAN / "generate", kit.weir, "plugins", kit.one("packages"), "filter", "parse",
                    env=env).stdout,
            command(MAN / "generate", kit.weir, "plugin", "input", "tail", env=env).stdout])
    assert all(pages == made[0] for pages in made)

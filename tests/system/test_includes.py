# SPDX-License-Identifier: MIT
"""The direction of dependencies, read from the #include lines.

cli -> import, isolate -> pipeline -> host, batch, state, spool, sandbox, http, admin, expr, config -> base. Folders of
the middle row may use each other, but never in a circle. A plugin sees include/weir and plugins/support
and nothing else, and the agent knows no plugin by name.
"""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
AGENT = ROOT / "agent"
PLUGINS = ROOT / "plugins"
KINDS = ("input", "filter", "output")

MIDDLE = ("host", "batch", "state", "spool", "sandbox", "http", "admin", "expr", "config")
RANK = {"base": 0, **dict.fromkeys(MIDDLE, 1), "import": 2, "pipeline": 2, "isolate": 3, "cli": 4, "": 5}

# Names of plugins that are also words of the agent's own.
WORDS = {
    "null": "JSON's and YAML's null",
    "http": "the HTTP module and the URL scheme",
    "file": "the word in ${file:...} and in messages",
    "json": "the log format and --json",
    "stdin": "the standard stream",
    "stdout": "the standard stream",
    "set": "a verb",
    "syslog": "a format of lines",
    "parse": "--parse, for a format of lines",
    "where": "--where, for an expression",
}

# What commands write into pipelines in the user's place: text, by which nothing is looked up.
TEMPLATES = "_templates.h"
# These compare the names of Fluent Bit's own plugins, some of which are ours, too.
FOREIGN = ("fluent",)

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h", ".cpp"))


def includes(path):
    return INCLUDE.findall(path.read_text())


def folder_of(path):
    """The folder of the agent that a file is in; '' for main.c."""
    parts = path.relative_to(AGENT).parts
    return parts[0] if len(parts) > 1 else ""


def plugin_names():
    return {p.name for kind in KINDS for p in (PLUGINS / kind).glob("*") if p.is_dir()}


def wrong_in_agent(folder, included):
    """Why a file of the agent's `folder` may not include `included`, or None."""
    quote, name = included
    if name.startswith("weir/"):
        return None if quote == "<" else "the public API is included as <weir/...>"
    if quote == "<":
        return None
    target = name.split("/")[0] if "/" in name else folder
    if target not in RANK:
        return "not a folder of the agent's"
    if target != folder and RANK[target] > RANK[folder]:
        return f"{folder} is below {target}"
    if target != folder and RANK[target] == RANK[folder] and RANK[folder] != 1:
        return f"{folder} and {target} are apart"
    return None


def wrong_in_plugin(path, included):
    quote, name = included
    if name.startswith("weir/"):
        return None if quote == "<" else "the public API is included as <weir/...>"
    if quote == "<" or name.startswith("support/"):
        return None
    if "/" not in name and (path.parent / name).exists():
        return None
    return "a plugin sees <weir/...>, \"support/...\" and its own folder"


def test_the_agent_depends_downwards_only():
    wrong = [f"{path.relative_to(ROOT)}: {name}: {why}" for path in sources(AGENT)
             for quote, name in includes(path)
             if (why := wrong_in_agent(folder_of(path), (quote, name)))]
    assert not wrong, "\n".join(wrong)


def test_folders_of_one_row_do_not_use_each_other_in_a_circle():
    uses = {}
    for path in sources(AGENT):
        for quote, name in includes(path):
            target = name.split("/")[0]
            if quote == '"' and "/" in name and target != folder_of(path):
                uses.setdefault(folder_of(path), {}).setdefault(target, path.name)

    def walk(folder, trail):
        assert folder not in trail, " -> ".join(trail[trail.index(folder):] + [folder])
        for target in uses.get(folder, {}):
            walk(target, trail + [folder])

    for folder in list(uses):
        walk(folder, [])


def test_plugins_see_the_public_api_and_support_only():
    wrong = [f"{path.relative_to(ROOT)}: {name}: {why}" for path in sources(PLUGINS)
             for quote, name in includes(path) if (why := wrong_in_plugin(path, (quote, name)))]
    assert not wrong, "\n".join(wrong)


def test_the_public_api_includes_itself_and_the_c_library_only():
    allowed = {"stdarg.h", "stddef.h", "stdint.h", "stdio.h", "string.h"}
    wrong = [f"{path.name}: {name}" for path in sources(ROOT / "include/weir")
             for _, name in includes(path)
             if not name.startswith("weir/") and name not in allowed]
    assert not wrong, "\n".join(wrong)


def names_plugin(name, text):
    """The strings of a file of the agent's that name one of our plugins."""
    strings = STRING.findall(INCLUDE.sub("", COMMENT.sub("", text)))
    if name.endswith(TEMPLATES):
        return []
    exact = set() if name.startswith(FOREIGN) else plugin_names() - WORDS.keys()
    stage = re.compile(rf'- (?:\\")?(?:{"|".join(plugin_names())})\b')
    return [word for word in strings if word in exact or stage.search(word) or any(
        f"{kind}-{plugin}" in word for kind in KINDS for plugin in plugin_names())]


def test_the_agent_names_no_plugin():
    wrong = [f"{path.relative_to(ROOT)}: \"{word}\"" for path in sources(AGENT)
             for word in names_plugin(path.name, path.read_text())]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("text", ['"tail"', r'"  - tail:\n"', r'"  - \"null\"\n"', '"output-http.so"'])
def test_a_plugin_that_is_named_would_be_found(text):
    assert names_plugin("ship_write.c", f"x = {text};")
    assert not names_plugin("ship_templates.h", f"x = {text};")


@pytest.mark.parametrize("folder, name", [
    ("base", "batch/block.h"), ("state", "pipeline/pipeline.h"), ("pipeline", "cli/run.h"),
    ("host", "support/aws/sign.h"), ("host", "plugins/input/tail/tail.h")])
def test_a_wrong_arrow_would_be_found(folder, name):
    assert wrong_in_agent(folder, ('"', name))


def test_a_plugin_that_reaches_into_the_agent_would_be_found():
    assert wrong_in_plugin(PLUGINS / "input/tail/tail.c", ('"', "base/buffer.h"))

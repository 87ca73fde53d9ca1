# SPDX-License-Identifier: MIT
"""The documentation does what it says: recipes and messages."""
import os
import re
import subprocess

import pytest

from harness.weir import BIN, ROOT

DOCS = ROOT / "packaging/docs"
GUIDE = (DOCS / "guide.md").read_text()
BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```$", re.M | re.S)
RECIPES = {title: BLOCK.findall(body)
           for title, body in re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", GUIDE, re.M | re.S)}
PIPELINES = {title: dict((kind, text) for _, kind, text in blocks)
             for title, blocks in RECIPES.items() if any(kind == "pipeline" for _, kind, _ in blocks)}
COMMANDS = {title: blocks for title, blocks in RECIPES.items() if title not in PIPELINES}

# ---- the guide -------------------------------------------------------------------------------------


def test_every_recipe_can_be_tried():
    assert len(RECIPES) >= 19
    assert all({"pipeline", "test"} <= blocks.keys() for blocks in PIPELINES.values())
    assert all(any(kind == "run" for _, kind, _ in blocks) for blocks in COMMANDS.values())


@pytest.mark.parametrize("title", PIPELINES)
def test_a_recipe_passes_its_check_and_its_test(weir, title):
    path = weir.pipeline("recipe", PIPELINES[title]["pipeline"])
    weir.pipeline("recipe.test", PIPELINES[title]["test"])
    weir.env["INGEST_TOKEN"] = "x"
    told = weir.check("--offline", "--strict", path)
    assert told.returncode == 0, told.stdout
    result = weir.command("test", "-c", weir.config)
    assert result.returncode == 0 and " 0 failed" in result.stdout, result.stdout + result.stderr
    assert not result.stdout.splitlines()[-1].startswith("1 pipeline, 0 tests")


@pytest.mark.parametrize("title", COMMANDS)
def test_a_command_of_the_guide_does_what_it_shows(tmp_path, title):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/weir").symlink_to(BIN)
    for _, kind, text in COMMANDS[title]:
        if kind != "run":
            (tmp_path / kind).write_text(text)
    for command in (text for _, kind, text in COMMANDS[title] if kind == "run"):
        result = subprocess.run(["sh", "-e", "-c", command], cwd=tmp_path, capture_output=True, text=True,
                                timeout=120, check=False,
                                env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
        assert result.returncode == 0, result.stdout + result.stderr


# ---- messages --------------------------------------------------------------------------------------

LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
TOKEN = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)+')|/\*.*?\*/|//[^\n]*""", re.S)
WORD = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
ALONE = {"config", "started", "stopping", "stuck", "reloaded"}  # codes of one word
NOT_LOGGERS = {"is_throttle", "aws_error_class", "limit_key", "limit_passes", "make_json", "make_text",
               "remember", "list_failed", "meters_error"}


def sources():
    return [p for folder in ("agent", "plugins") for p in sorted((ROOT / folder).rglob("*"))
            if p.suffix in (".c", ".cpp", ".h")]


def arguments(text, at):
    """What stands between the parenthesis before `at` and its end."""
    depth, i = 1, at
    while depth:
        if text[i] in "\"'":
            i = TOKEN.match(text, i).end()
            continue
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        i += 1
    return text[at:i - 1]


def logged_codes():
    """Every code that is given to the log, or to a function that passes one on."""
    texts = [TOKEN.sub(lambda m: m[1] or "", path.read_text()) for path in sources()]
    loggers = {"log_line", "weir_logf", "log"}
    for text in texts:
        loggers |= set(re.findall(r"\b(\w+)\([^;{)]*const char \*code\b", text))
    found = set()
    for text in texts:
        for match in re.finditer(rf"\b({'|'.join(loggers - NOT_LOGGERS)})\(", text):
            given = arguments(text, match.end())
            found |= {word for word in LITERAL.findall(given) if WORD.fullmatch(word) or word in ALONE}
    return found


def test_every_message_is_explained_and_no_other():
    explained = re.findall(r"^\| `(\w+)` \| (\S.*?) \| (\S.*?) \|$", (DOCS / "messages.md").read_text(), re.M)
    codes = [code for code, _, _ in explained]
    assert len(codes) == len(set(codes))
    logged = logged_codes()
    assert len(logged) > 50
    assert sorted(set(codes) - logged) == [], "explained, but never logged"
    assert sorted(logged - set(codes)) == [], "logged, but not explained in packaging/docs/messages.md"
    assert all(set(levels.split(", ")) <= {"error", "warning", "info", "debug"} for _, levels, _ in explained)

# SPDX-License-Identifier: MIT
"""The completions that are installed, asked in the shells themselves, against what --help says."""
import os
import pty
import re
import select
import subprocess
import time

import pytest

from harness import needs
from harness.kit import Kit, command
from harness.weir import ROOT, SLOW

# What a terminal would act on.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\r|\x07")


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit.whole(tmp_path_factory.mktemp("kit"))


def help_of(kit, *words):
    return command(kit.weir, *words, "--help").stdout


def commands(kit):
    return re.findall(r"^  ([a-z]+)  ", command(kit.weir, "help").stdout, re.M)


def options(text):
    """The options that a help text lists, short and long."""
    return {name for line in re.findall(r"^  (?:-\w, |    )--[\w-]+", text, re.M)
            for name in re.findall(r"--?[\w-]+", line)}


def everywhere(kit):
    """(words, options) for each command, and for two that have others below themselves."""
    places = [[name] for name in commands(kit) if name != "help"]
    return [(words, options(help_of(kit, *words)))
            for words in [*places, ["plugins", "new"], ["plugins", "inspect"]]]


def bash(kit, *words):
    """What bash offers at the end of `weir WORDS`."""
    script = f"""
. {kit.one("bash-completion")}/completions/weir
COMP_WORDS=(weir "$@") COMP_CWORD=$#
_weir
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return set(command("bash", "-c", script, "bash", *words, env=kit.env).stdout.split())


def fish(kit, *words):
    needs.programs("fish")
    script = f"source {kit.one('weir.fish')}; complete -C '{' '.join(['weir', *words])}'"
    said = command("fish", "--no-config", "-c", script, env={**kit.env, "HOME": str(kit.root)}).stdout
    return {line.split("\t")[0] for line in said.splitlines()}


class Zsh:
    """An interactive zsh; ask() types a line and has it list what could come next."""

    def __init__(self, kit):
        folder = kit.one("_weir").parent
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.environ.update(kit.env, HOME=str(kit.root), TERM="dumb", PS1="ready> ")
            os.execvp("zsh", ["zsh", "-f", "-i"])
        self.line(f"stty -echo rows 200 columns 200; fpath=({folder} $fpath); autoload -U compinit; "
                  "compinit -u -D; LISTMAX=0; bindkey '^X' list-choices")

    def read_until(self, done, what):
        text, deadline = "", time.monotonic() + 30 * SLOW
        while not done(text):
            assert time.monotonic() < deadline, f"{what}: {text}"
            if select.select([self.terminal], [], [], 0.2)[0]:
                text += CONTROL.sub("", os.read(self.terminal, 65536).decode(errors="replace"))
        return text

    def line(self, text):
        """Runs a command, and waits for the prompt after it."""
        os.write(self.terminal, f"{text}; echo do''ne\n".encode())
        self.read_until(lambda text: "ready> " in text.partition("done\n")[2], text)

    def ask(self, words, expected):
        """Waits until everything expected has been listed."""
        os.write(self.terminal, f"weir {words}\x18".encode())
        self.read_until(lambda text: all(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)
                                         for word in expected), (words, expected))
        self.line("\x15true")  # takes the line away, and what is still listed

    def close(self):
        os.close(self.terminal)
        os.kill(self.process, 9)
        os.waitpid(self.process, 0)


@pytest.fixture
def zsh(kit):
    needs.programs("zsh")
    made = Zsh(kit)
    yield made
    made.close()


SHELLS = {"bash": bash, "fish": fish}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_offered(kit, shell):
    assert SHELLS[shell](kit, "") == set(commands(kit))
    assert SHELLS[shell](kit, "pl") == {"plugins"}
    assert set(commands(kit)) <= SHELLS[shell](kit, "help", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_options_of_every_command_are_those_of_its_help(kit, shell):
    for words, wanted in everywhere(kit):
        offered = SHELLS[shell](kit, *words, "-") | SHELLS[shell](kit, *words, "--")
        assert {o for o in offered if o[0] == "-"} == wanted, words


@pytest.mark.parametrize("shell", SHELLS)
def test_subcommands_plugins_and_kinds_are_offered(kit, shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where there are no files to offer as well
    ask = SHELLS[shell]
    assert {"new", "inspect", "tail", "parse", "http"} <= ask(kit, "plugins", "")
    assert ask(kit, "positions", "l") == {"list"}
    assert ask(kit, "plugins", "new", "mine", "--kind", "") == {"input", "filter", "output"}
    assert ask(kit, "plugins", "new", "mine", "-k", "f") == {"filter"}


def test_zsh_offers_commands_subcommands_options_and_kinds(kit, zsh):
    zsh.ask("", commands(kit))
    zsh.ask("plugins ", ["new", "inspect", "tail", "http"])
    zsh.ask("plugins new mine --kind ", ["input", "filter", "output"])
    for words, wanted in everywhere(kit):
        if wanted:
            zsh.ask(f"{' '.join(words)} -", wanted)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_files_are_scripts_of_their_shell(kit, shell):
    needs.programs(shell)
    file = {"bash": kit.one("bash-completion") / "completions/weir", "zsh": kit.prefix.rglob("_weir"),
            "fish": kit.prefix.rglob("weir.fish")}[shell]
    command(shell, "-n", file if shell == "bash" else next(file))


def test_any_awk_makes_the_same_completions(kit, tmp_path):
    needs.programs("mawk", "gawk")
    made = {}
    for awk in ("mawk", "gawk"):
        (tmp_path / awk).mkdir()
        (tmp_path / awk / "awk").symlink_to(subprocess.run(
            ["which", awk], capture_output=True, text=True, check=True).stdout.strip())
        made[awk] = [command(ROOT / "packaging/completions/generate", shell, kit.weir,
                             env={"PATH": f"{tmp_path / awk}:{os.environ['PATH']}"}).stdout
                     for shell in ("bash", "zsh", "fish")]
    assert made["mawk"] == made["gawk"]

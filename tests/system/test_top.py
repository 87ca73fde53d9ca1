# SPDX-License-Identifier: MIT
"""weir top on a real terminal of 80 columns and 24 lines, by tmux."""
import os
import re
import subprocess

import pytest

from harness import needs
from harness.process import wait_until
from harness.weir import SLOW

needs.programs("tmux")


class Terminal:
    """A tmux server of its own."""

    def __init__(self, folder, *command, env=()):
        self.socket = folder / "tmux"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24",
                  "env", *env, *map(str, command))
        self.tmux("set-option", "-g", "remain-on-exit", "on")

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-S", str(self.socket), *arguments], check=True,
                              capture_output=True, text=True,
                              env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
                              ).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def press(self, *keys):
        self.tmux("send-keys", *keys)

    def wait(self, pattern):
        return wait_until(lambda: re.search(pattern, self.screen(), re.M), 20 * SLOW,
                          f"{pattern!r} on the screen")

    def names(self):
        """Of the rows, in order."""
        lines = self.screen().splitlines()[2:]
        return [line.split()[0] for line in lines if re.match(r"\s*\S+ .* \d+\s+\d+\.\d\d ", line)]

    def state(self):
        """(ended, on another screen), each 0 or 1. tmux does not always write on the screen that a pane
        is dead."""
        told = self.tmux("list-panes", "-F", "#{pane_dead} #{alternate_on}")
        return tuple(map(int, told.split()))

    def close(self):
        subprocess.run(["tmux", "-S", str(self.socket), "kill-server"], check=False,
                       capture_output=True)


@pytest.fixture
def agent(weir, tmp_path):
    for name, lines in ("alpha", 10), ("beta", 30), ("gamma", 20):
        log = tmp_path / f"{name}.log"
        log.write_text("a line\n" * lines)
        weir.pipeline(name, {
            "inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
            "filters": [{"where": "true"}],
            "outputs": [{"null": {}}]})
    weir.start()
    return weir


@pytest.fixture
def top(agent, tmp_path):
    terminal = Terminal(tmp_path, agent.binary, "top", "-c", agent.config, env=["LC_ALL=C.UTF-8"])
    terminal.wait(r"^alpha ")
    yield terminal
    terminal.close()


def test_it_shows_every_pipeline_and_fits(top, agent, tmp_path):
    screen = top.screen()
    assert re.search(r"^weir on \S+, up \d+ s, memory [\d.]+ [KM]?i?B of 64.0 MiB", screen)
    for word in "PIPELINE", "REC/S", "MB/S", "UNREAD", "RETRIES", "DEAD", "MEMORY":
        assert word in screen
    assert top.names() == ["alpha", "beta", "gamma"]
    assert all(len(line) <= 80 for line in screen.splitlines())
    assert "q: quit" in screen.splitlines()[5]
    # A rate, and its spark.
    with open(tmp_path / "beta.log", "a", encoding="utf-8") as log:
        log.write("a line\n" * 5000)
    top.wait(r"^beta +[1-9]\d* +\d+\.\d\d .*[▁▂▃▄▅▆▇█]")
    agent.stop()


def test_keys_open_sort_filter_and_quit(top, agent, tmp_path):
    top.press("Down", "Enter")
    for stage in "input tail", "filter where", "output null", "letters file":
        top.wait(f"^  {stage} ")
    top.press("Enter")
    wait_until(lambda: "input tail" not in top.screen(), 10 * SLOW, "the stages to go")
    top.press("r")
    wait_until(lambda: top.names() == ["gamma", "beta", "alpha"], 10 * SLOW, "the reverse order")
    top.press("r", "/", "a", "m")
    wait_until(lambda: top.names() == ["gamma"], 10 * SLOW, "the filter")
    top.press("Escape")
    wait_until(lambda: len(top.names()) == 3, 10 * SLOW, "all of them")
    top.press("s")
    with open(tmp_path / "gamma.log", "a", encoding="utf-8") as log:
        log.write("a line\n" * 5000)
    wait_until(lambda: top.names()[0] == "gamma", 10 * SLOW, "the busiest first")
    assert top.state() == (0, 1)
    top.press("q")
    wait_until(lambda: top.state()[0], 10 * SLOW, "its end")
    assert top.state() == (1, 0), "the screen as it was"
    agent.stop()


def test_what_is_wrong_is_said_with_the_reason(weir, tmp_path):
    log = tmp_path / "a.log"
    log.write_text("abc\ndef\n")
    weir.pipeline("broken", "inputs: [x\n")
    weir.pipeline("full-with-a-name-that-is-too-long", {
        "inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
        "outputs": [{"file": {"path": f"{tmp_path}/out", "format": "line", "max_bytes": 4}}]})
    weir.start()
    wait_until(lambda: "output_stalled" in weir.log() or "max_bytes" in weir.log(), 20 * SLOW, "the stall")
    terminal = Terminal(tmp_path, weir.binary, "top", "-c", weir.config, env=["LC_ALL=C.UTF-8"])
    try:
        terminal.wait("^broken +not started: its file has errors; see weir check$")
        terminal.wait("^full-with-a-name-that-… +0 ")
        assert not re.search("^output file: ", terminal.screen(), re.M)
        terminal.press("Down")
        said = terminal.wait("^output file: .*$")[0]
        assert len(said) <= 80 and terminal.screen().splitlines().index(said) == 4
    finally:
        terminal.close()
    weir.kill()


def test_it_goes_on_when_the_agent_comes_back_and_when_the_window_changes(top, agent):
    agent.stop()
    top.wait("^the agent does not answer")
    agent.start()
    top.wait("^weir on ")
    top.tmux("resize-window", "-x", "50", "-y", "10")
    wait_until(lambda: len(top.screen().splitlines()) <= 10 and "alpha" in top.screen(), 10 * SLOW,
               "the smaller window")
    assert all(len(line) <= 50 for line in top.screen().splitlines())
    agent.stop()


def test_without_a_terminal_or_an_agent_it_says_so(weir):
    result = weir.command("top", "-c", weir.config)
    assert result.returncode == 1 and "takes a terminal" in result.stderr
    assert weir.command("top", "now").returncode == 2


def test_without_unicode_the_sparks_are_letters(agent, tmp_path):
    terminal = Terminal(tmp_path, agent.binary, "top", "-c", agent.config, env=["LC_ALL=C"])
    try:
        terminal.wait(r"^alpha ")
        with open(tmp_path / "alpha.log", "a", encoding="utf-8") as log:
            log.write("a line\n" * 5000)
        terminal.wait(r"^alpha +[1-9].*@")
    finally:
        terminal.close()
    agent.stop()

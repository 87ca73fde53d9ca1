# SPDX-License-Identifier: MIT
"""weir tap: what it shows at each stage, to whom, and that nothing waits for it."""
import json
import os
import pty
import select
import signal
import stat
import subprocess
import urllib.error
import urllib.request

import pytest

from harness.process import wait_until
from harness.records import count
from harness.weir import SLOW

NOT_RUNNING = 3


class Tap:
    """`weir tap` while it runs."""

    def __init__(self, weir, *arguments, **options):
        self.process = subprocess.Popen([weir.binary, "tap", "-c", weir.config, *arguments],
                                        stdout=options.get("stdout", subprocess.PIPE),
                                        stderr=subprocess.PIPE, text=True)

    def end(self, code=0):
        out, self.errors = self.process.communicate(timeout=20 * SLOW)
        assert self.process.returncode == code, self.errors
        return out.splitlines() if out else []


def tapping(weir, number=1):
    """Until so many taps are open."""
    wait_until(lambda: weir.metric("weir_taps") == number, 10 * SLOW, "the tap")


@pytest.fixture
def agent(weir, tmp_path):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    log.touch()
    weir.pipeline("a", {
        "inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
        "filters": [{"parse": {"format": "json", "on_error": "dead_letter"}},
                    {"where": "n < 100"}, {"set": {"site": "x"}}],
        "outputs": [{"file": {"path": str(out)}},
                    {"null": {"when": "n == 2"}}]})
    weir.log_file, weir.out = log, out
    weir.start()

    def write(*lines):
        with open(log, "a", encoding="utf-8") as f:
            f.writelines(line + "\n" for line in lines)

    weir.write = write
    return weir


LINES = ['{"n":1}', '{"n":2}', '{"n":100}', "no JSON", '{"n":3}']


@pytest.mark.parametrize("at, expected", [
    (None, [1, 2, 3]), ("set", [1, 2, 3]), ("filter:parse", [1, 2, 100, 3]), ("where", [1, 2, 3]),
    ("output:file", [1, 2, 3]), ("null", [2]), ("dead_letter", [None]),
    ("tail", [None] * 5)])
def test_records_are_shown_as_they_pass_a_stage(agent, at, expected):
    tap = Tap(agent, "a", "--json", "--limit", str(len(expected)), *(["--at", at] if at else []))
    tapping(agent)
    agent.write(*LINES)
    shown = [json.loads(line) for line in tap.end()]
    assert [r.get("n") for r in shown] == expected
    assert all(r["@source"] == str(agent.log_file) for r in shown if at != "dead_letter")
    assert ("site" in shown[0]) == (at in (None, "set", "output:file", "null"))
    if at == "tail":
        assert [r["message"] for r in shown] == LINES
    wait_until(lambda: agent.metric("weir_taps") == 0, 10 * SLOW, "the tap's end")
    agent.stop()


def test_only_what_where_says_is_shown(agent):
    tap = Tap(agent, "a", "--json", "--limit", "2", "--where", "n > 1")
    tapping(agent)
    agent.write(*LINES)
    assert [json.loads(line)["n"] for line in tap.end()] == [2, 3]
    agent.stop()


def test_a_tap_goes_on_over_a_reload(agent):
    tap = Tap(agent, "a", "--json", "--limit", "2")
    tapping(agent)
    agent.write('{"n":1}')
    wait_until(lambda: count(agent.out) == 1, 10 * SLOW, "the first record")
    path = agent.conf_dir / "a.yaml"
    path.write_text(path.read_text().replace('"x"', '"y"'))
    agent.command("reload", "-c", agent.config, check=True)
    agent.write('{"n":2}')
    assert [json.loads(line)["site"] for line in tap.end()] == ["x", "y"]
    agent.stop()


def test_under_load_it_is_a_sample_and_the_pipeline_does_not_wait(weir, tmp_path, long):
    lines = 4000000 if long else 400000
    log = tmp_path / "a.log"
    log.touch()
    weir.pipeline("a", {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                        "outputs": [{"null": {}}]})
    weir.start()
    # One that reads, and one that has stopped reading: neither holds anything up.
    taps = [Tap(weir, "a", "--json", "--where", "ends_with(message, '7')"), Tap(weir, "a", "--json")]
    tapping(weir, 2)
    taps[1].process.send_signal(signal.SIGSTOP)
    log.write_text("".join(f"{n:060}\n" for n in range(lines)))
    wait_until(lambda: weir.metric("weir_output_records_total", output="null",
                                   outcome="delivered") == lines, 60 * SLOW, "all records")
    taps[1].process.send_signal(signal.SIGCONT)
    wait_until(lambda: select.select([taps[0].process.stdout], [], [], 0)[0], 20 * SLOW, "a record")
    for tap in taps:
        tap.process.send_signal(signal.SIGINT)
    shown = [json.loads(line) for line in taps[0].end()]
    assert 0 < len(shown) < lines / 10 and all(r["message"].endswith("7") for r in shown)
    taps[1].end()
    weir.stop()


def test_log_content_cannot_act_on_the_terminal(agent):
    ours, theirs = pty.openpty()
    tap = Tap(agent, "a", "--at", "tail", "--limit", "1", stdout=theirs)
    os.close(theirs)
    tapping(agent)
    agent.write("\x1b]0;title\x07 \x1b[2J \x9b31m \u009b31m <b>")
    assert tap.process.wait(20 * SLOW) == 0
    shown = os.read(ours, 65536)
    os.close(ours)
    assert b"\x1b[1mmessage" in shown, "in colour"
    rest = shown
    for style in (b"\x1b[0m", b"\x1b[1m", b"\x1b[2m"):
        rest = rest.replace(style, b"")
    assert b"\x1b" not in rest and b"\x07" not in rest and b"\xc2\x9b" not in rest
    agent.stop()


def test_records_are_shown_to_those_who_may_read_the_state_folder(agent):
    token = agent.state_dir / "admin.token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    status, text = agent.get("/tap?pipeline=a")
    assert status == 401 and "token" in text
    assert agent.get("/tap?pipeline=a&token=0123")[0] == 401
    agent.stop()


def test_who_asks_for_events_gets_events(agent):
    token = (agent.state_dir / "admin.token").read_text()
    request = urllib.request.Request(agent.url(f"/tap?pipeline=a&limit=1&token={token}"),
                                     headers={"Accept": "text/event-stream"})
    with urllib.request.urlopen(request, timeout=20 * SLOW) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.readline() == b": \n"  # the first beat: nothing has come
        agent.write('{"n":1}')
        data = [line for line in answer if line.startswith(b"data: ")]
    assert [json.loads(line[6:])["n"] for line in data] == [1]
    agent.stop()


def test_an_agent_that_stops_ends_its_taps(agent):
    tap = Tap(agent, "a")
    tapping(agent)
    agent.stop()
    assert tap.end(1) == [] and "the agent has ended" in tap.errors


def test_what_is_not_there_is_said(agent):
    for arguments, code, words in [
            (["b"], 1, 'no pipeline "b"'), (["a", "--at", "sett"], 1, "filter:set"),
            ([], 2, "which pipeline"),
            (["a", "--limit", "many"], 2, "--limit wants")]:
        result = agent.command("tap", "-c", agent.config, *arguments)
        assert result.returncode == code and words in result.stderr
    taps = [Tap(agent, "a") for _ in range(8)]
    tapping(agent, 8)
    result = agent.command("tap", "-c", agent.config, "a")
    assert result.returncode == 1 and "8 taps already" in result.stderr
    for tap in taps:
        tap.process.send_signal(signal.SIGINT)
        tap.end()
    agent.stop()
    assert agent.command("tap", "-c", agent.config, "a").returncode == NOT_RUNNING


def test_a_mistake_in_where_is_shown_without_an_agent(weir):
    result = weir.command("tap", "-c", weir.config, "a", "--where", "name == 'ä' and n ==")
    assert result.returncode == 2 and result.stdout == ""
    said, shown, caret = result.stderr.splitlines()
    assert said.startswith("weir tap: --where, column 21: expected a value")
    assert shown == "  name == 'ä' and n ==" and caret == "  " + " " * 20 + "^"


def test_where_the_address_wants_a_token_that_one_counts(agent):
    agent.stop()
    agent.configure(admin_token="open.sesame.16.letters")
    agent.start(ready=False)
    wait_until(lambda: agent.command("tap", "-c", agent.config, "b").returncode == 1, 20 * SLOW,
               "the admin address")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(agent.url("/tap?pipeline=a"), timeout=20 * SLOW)
    tap = Tap(agent, "a", "--json", "--limit", "1")
    # Who opens it has no test's way to see: a record is written until one is shown.
    wait_until(lambda: agent.write('{"n":1}') or tap.process.poll() is not None, 20 * SLOW, "a record",
               0.1)
    assert json.loads(tap.end()[0])["n"] == 1
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(20 * SLOW) == 0
    agent.process = None

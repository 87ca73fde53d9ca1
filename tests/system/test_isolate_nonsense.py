# SPDX-License-Identifier: MIT
"""Processes of plugins that talk nonsense to the agent: each has a clear end, and no record is lost, repeated or
spoilt by it."""
import collections
import pathlib
import sqlite3
import subprocess

import pytest

from harness.process import wait_until
from harness.records import count, lines
from harness.weir import ROOT, SLOW

HERE = pathlib.Path(__file__).parent
TEXT = [b"first", b"gone", b"lie", b"gone", b"last"]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-g", "-shared", "-fPIC", "-fvisibility=hidden", "-Wall",
                    "-Wextra", "-Werror", "-I", ROOT / "include", "-I", ROOT / "agent", HERE / "isolated_liars.c",
                    *(ROOT / f"agent/{name}.c" for name in ("isolate/did", "isolate/parcel", "isolate/wire",
                                                            "base/buffer")),
                    "-o", folder / "liars.so"], check=True)
    return folder


@pytest.fixture
def agent(make_weir, plugins, tmp_path):
    (tmp_path / "log").write_bytes(b"".join(line + b"\n" for line in TEXT))
    return make_weir(admin=True, plugin_dirs=["default", str(plugins)], isolate_timeout=f"{SLOW}s", workers=1)


def pipeline(agent, tmp_path, lie, as_output=False):
    liar = {"liar": {"isolate": "process", "lie": lie, "mark": f"{tmp_path}/mark", "path": f"{tmp_path}/out"}}
    agent.pipeline("payments", {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/log"], "start": "beginning"}}],
        "filters": [{"where": {"expr": "@position != 6 and @position != 15"}}] + ([] if as_output else [liar]),
        "outputs": [liar] if as_output else [{"file": {"path": f"{tmp_path}/out", "format": "line"}}],
        "dead_letter": [{"file": {"path": f"{tmp_path}/dead"}}]})


NONE = "which makes no sense; it is ended"
UNUSABLE = "what this plugin made of a batch can't be used"
FILTER = {
    "answer of nothing": f"answers what it has not been asked, {NONE}",
    "answer too early": f"answers what it has not been asked, {NONE}",
    "answer at no place": f"answers at a place that is none, {NONE}",
    "answer too large": f"answers at a place that is none, {NONE}",
    "answer that is empty": f"gives an answer that is none, {NONE}",
    "status of no error": f"gives an answer that is none, {NONE}",
    "message of no size": f"sends a message that is none, {NONE}",
    "message of another size": f"sends a message that is none, {NONE}",
    "event of nothing": f"says something that is nothing, {NONE}",
    "events without end": "did not come back from process()",
    "questions without end": f"asks and does not listen, {NONE}",
    "hold of a number": f"{UNUSABLE} (it names records that it does not hold)",
    "hold of no record": f"{UNUSABLE} (it names records that it does not hold)",
    "source of no claim": f"{UNUSABLE} (it names records that it does not hold)",
    "batches without end": f"{UNUSABLE} (it sends on more than there is room for)",
    "blocks without end": f"{UNUSABLE} (what it says of the batch makes no sense)",
    "changed twice": f"{UNUSABLE} (it has changed the batch twice)",
    "text beyond": "its line is not inside a block",
    "value beyond": "its text is not inside a block",
}


@pytest.mark.parametrize("lie", FILTER)
def test_a_filter_that_talks_nonsense_is_replaced_and_costs_no_record(agent, tmp_path, lie):
    pipeline(agent, tmp_path, lie)
    agent.run_once()
    assert (tmp_path / "mark").exists()
    assert lines(tmp_path / "out") == [b"first", b"lie", b"last"]
    assert count(tmp_path / "dead") == 0
    log = agent.log()
    assert FILTER[lie] in log, log
    assert log.count("[plugin_crashed]") == 1


def test_a_filter_cannot_take_back_what_another_has_dropped(agent, tmp_path):
    pipeline(agent, tmp_path, "undropped")
    agent.run_once()
    assert (tmp_path / "mark").exists()
    assert lines(tmp_path / "out") == [b"first", b"lie", b"last"]
    assert "[plugin_" not in agent.log()


def test_what_a_process_says_of_itself_cannot_harm_what_others_say(agent, tmp_path):
    """A metric of no name, one that counts backwards, a log line of two lines, a state key and a charge without bound."""
    pipeline(agent, tmp_path, "trifles")
    agent.start()
    wait_until(lambda: count(tmp_path / "out") == 3, 10 * SLOW, "the lines")
    wait_until(lambda: agent.metric("weir_liar_good_total", filter="liar") == 7, 10 * SLOW, "the metric")
    status, metrics = agent.get("/metrics")
    assert status == 200
    assert "weir_liar_bad" not in metrics and "weir_liar_far" not in metrics and "\nb 1" not in metrics
    limit = 64 << 20
    assert agent.metric("weir_plugin_memory_bytes", filter="liar") <= limit
    agent.stop()
    log = agent.log()
    assert [line for line in log.splitlines() if "te\\nxt" in line and "co\\nde" in line], log
    assert log.count("te\\nxt") == 1
    assert "[plugin_" not in log
    with sqlite3.connect(agent.state_dir / "state.db") as database:
        keys = [bytes(key) for key, in database.execute(
            "SELECT key FROM plugin_values WHERE owner LIKE '%/filter/liar'")]
    assert keys == [b"k" * 20]


OUTPUT = {
    "answer of nothing": f"answers what it has not been asked, {NONE}",
    "message of no size": f"sends a message that is none, {NONE}",
    "event of nothing": f"says something that is nothing, {NONE}",
    "outcome of no kind": f"gives records an outcome that is none, {NONE}",
    "questions without end": f"asks and does not listen, {NONE}",
    "events without end": "did not come back from a call",
}


@pytest.mark.parametrize("lie", OUTPUT)
def test_an_output_that_talks_nonsense_is_replaced_and_loses_no_record(agent, tmp_path, lie):
    pipeline(agent, tmp_path, lie, as_output=True)
    agent.run_once()
    assert (tmp_path / "mark").exists()
    got = collections.Counter(lines(tmp_path / "out"))
    assert set(got) == {b"first", b"lie", b"last"} and max(got.values()) <= 2
    assert count(tmp_path / "dead") == 0
    log = agent.log()
    assert OUTPUT[lie] in log, log
    assert log.count("[plugin_crashed]") == 1


def test_outcomes_of_records_that_an_output_does_not_have_count_for_nothing(agent, tmp_path):
    pipeline(agent, tmp_path, "outcomes of others", as_output=True)
    agent.run_once()
    assert (tmp_path / "mark").exists()
    assert lines(tmp_path / "out") == [b"first", b"lie", b"last"]
    assert "[plugin_" not in agent.log() and "outcome_twice" not in agent.log()

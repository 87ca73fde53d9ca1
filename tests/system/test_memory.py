# SPDX-License-Identifier: MIT
"""What many files and many pipelines cost in memory: no more than the agent explains to itself, so that it
suspects no plugin for them (agent/pipeline/weigh.c)."""
import re

import pytest

from harness.process import wait_until
from harness.records import lines
from harness.weir import BIN, SLOW

pytestmark = pytest.mark.skipif(bool(re.search(r"asan|tsan", str(BIN))),
                                reason="a sanitizer's own memory counts as well")
FILE, PIPELINE = 4 << 10, 512 << 10


@pytest.fixture
def agent(make_weir):
    agent = make_weir(admin=True, memory_limit="16MiB")
    agent.env = {"WATCHDOG_USEC": "500000"}
    return agent


def tails(agent, tmp_path, name):
    (tmp_path / "logs" / name).mkdir(parents=True)
    agent.pipeline(name, {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/logs/{name}/**/*.log"], "start": "beginning"}}],
        "filters": [{"parse": {"format": "logfmt"}}],
        "outputs": [{"file": {"path": f"{tmp_path}/out-{name}", "format": "line"}}]})


def write(tmp_path, name, first, end):
    for i in range(first, end):
        folder = tmp_path / "logs" / name / str(i // 1000)
        folder.mkdir(exist_ok=True)
        (folder / f"application-{i}.log").write_text(f"line={i}\n")


def has(tmp_path, name, count, patience):
    wait_until(lambda: len(lines(tmp_path / f"out-{name}")) == count, patience * SLOW, f"{count} lines")


def test_many_files_cost_what_is_explained(agent, tmp_path, long):
    count = 100_000 if long else 5_000
    tails(agent, tmp_path, "many")
    write(tmp_path, "many", 0, 10)
    agent.start()
    has(tmp_path, "many", 10, 20)
    before = agent.metric("weir_resident_memory_bytes")
    agent.stop()
    write(tmp_path, "many", 10, count)
    agent.start(timeout=20 + count / 500)
    has(tmp_path, "many", count, 20 + count / 250)
    assert agent.metric("weir_input_sources", input="tail") == count
    cost = agent.metric("weir_resident_memory_bytes") - before
    assert cost < count * FILE
    print(f"{cost / count:.0f} bytes for a file")
    agent.stop()
    assert "memory_beyond_limit" not in agent.log()


def test_many_pipelines_cost_what_is_explained(agent, tmp_path, long):
    count = 1_000 if long else 50
    for i in range(count):
        tails(agent, tmp_path, f"p{i}")
        write(tmp_path, f"p{i}", 0, 1)
    agent.start()
    for i in range(count):
        has(tmp_path, f"p{i}", 1, 20 + count / 10)
    cost = agent.metric("weir_resident_memory_bytes")
    assert cost < (32 << 20) + count * PIPELINE
    print(f"{cost / count:.0f} bytes for a pipeline")
    agent.stop()
    assert "memory_beyond_limit" not in agent.log()

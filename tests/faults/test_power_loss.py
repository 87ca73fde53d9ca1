# SPDX-License-Identifier: MIT
"""The power fails, again and again: what was acknowledged is there.

The state database and the queues on disk keep of what was not synced some blocks in any order, or
none; see tests/harness/power.py. 12 cuts for each input, 200 with --long.
"""
import random
import sqlite3
import threading
import time

import pytest

from harness import syslog
from harness.power import Disk
from harness.process import free_port, listening, pace, wait_until, watch_for
from harness.records import lines
from harness.weir import SLOW

DEADLINE = 60 * SLOW
LATEST_S = 0.6  # a cut comes at most so long after the agent is ready
CUTS, CUTS_LONG = 12, 200
BATCH = 20


class Sender:
    """Sends numbered messages in batches, each batch again until it is acknowledged."""

    def __init__(self, port):
        self.port, self.acknowledged, self.next = port, [], 0
        self.lock, self.going, self.stopped = threading.Lock(), threading.Event(), False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopped:
            if not self.going.wait(0.1):
                continue
            batch = range(self.next, self.next + BATCH)
            data = syslog.counted(*(b"<13>1 - h a - - - message %d" % n for n in batch))
            if syslog.send(self.port, data):
                with self.lock:
                    self.acknowledged.extend(batch)
                    self.next += BATCH

    def taken(self):
        with self.lock:
            return list(self.acknowledged)

    def stop(self):
        self.stopped = True
        self.going.set()
        self.thread.join()


@pytest.fixture
def agent(make_weir, tmp_path):
    """An agent on a disk that can be cut: agent.disk."""
    weir = make_weir("weir", shutdown_timeout="5s")
    weir.state_dir.mkdir()
    weir.disk = Disk(weir.state_dir, tmp_path / "notes", strict=["spool"])
    weir.env = weir.disk.env
    return weir


def http(gate, **buffer):
    return {"http": {"url": gate.url, "format": "ndjson", "linger": "0s",
                     "retry": {"backoff_min": "10ms", "backoff_max": "50ms"},
                     "buffer": {"disk": "16MiB", **buffer}}}


def arrived(gate):
    return {int(line.rsplit(b" ", 1)[1].rstrip(b'"}')) for line in gate.lines()}


def on(agent, port, sender):
    agent.start(ready=False)
    wait_until(lambda: listening(port), DEADLINE, "the listener")
    sender.going.set()


def cut(agent, sender, chance, keep=None):
    sender.going.clear()
    agent.kill()
    agent.disk.cut(chance, keep)


def database_is_whole(agent):
    path = agent.state_dir / "state.db"
    if not path.exists():
        return True
    with sqlite3.connect(path) as database:
        return database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_what_a_sender_was_told_is_taken_survives_power_cuts(agent, gate, long):
    port, chance = free_port(), random.Random(1)
    agent.pipeline("main", {"inputs": [{"syslog": f"127.0.0.1:{port}"}], "outputs": [http(gate)]})
    sender = Sender(port)
    try:
        for number in range(CUTS_LONG if long else CUTS):
            (gate.open.set if number % 3 == 1 else gate.open.clear)()
            on(agent, port, sender)
            watch_for(chance.uniform(0, LATEST_S))
            cut(agent, sender, chance)
        gate.open.set()
        on(agent, port, sender)
        seen = len(sender.taken())
        wait_until(lambda: len(sender.taken()) > seen, DEADLINE, "one more batch")
    finally:
        sender.stop()
    taken = set(sender.taken())
    try:
        wait_until(lambda: taken <= arrived(gate), DEADLINE, "what was acknowledged")
    finally:
        missing = taken - arrived(gate)
        print(f"\n{len(taken)} acknowledged, {len(missing)} missing, {len(gate.lines())} sent")
    agent.stop()
    assert database_is_whole(agent)


def test_the_lines_of_a_file_survive_power_cuts(agent, gate, tmp_path, long):
    log, chance, written = tmp_path / "log", random.Random(2), 0
    agent.pipeline("main", {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                            "outputs": [http(gate)]})
    for number in range(CUTS_LONG if long else CUTS):
        (gate.open.set if number % 3 == 1 else gate.open.clear)()
        agent.start(ready=False)
        until = time.monotonic() + chance.uniform(0.05, LATEST_S)
        while time.monotonic() < until:  # the instant is the subject of the test
            with open(log, "a", encoding="ascii") as file:
                file.writelines(f"message {n}\n" for n in range(written, written + 100))
            written += 100
            pace(time.monotonic() + 0.005)
        agent.kill()
        agent.disk.cut(chance)
    gate.open.set()
    agent.start(ready=False)
    try:
        wait_until(lambda: len(arrived(gate)) == written, DEADLINE, "every line", 0.1)
    finally:
        print(f"\n{written} lines, {written - len(arrived(gate))} missing, {len(gate.lines())} sent")
    agent.stop()
    assert database_is_whole(agent)
    assert len(lines(log)) == written


def test_a_queue_that_is_not_durable_is_caught(agent, gate):
    """The layer and its reader can fail a test: without `durable`, what was taken is lost."""
    port = free_port()
    agent.pipeline("main", {"inputs": [{"syslog": f"127.0.0.1:{port}"}],
                            "outputs": [http(gate, durable=False)]})
    sender = Sender(port)
    try:
        on(agent, port, sender)
        wait_until(lambda: len(sender.taken()) >= BATCH, DEADLINE, "a batch")
        cut(agent, sender, random.Random(3), keep=0)
        before = set(sender.taken())
        gate.open.set()
        on(agent, port, sender)
        wait_until(lambda: set(sender.taken()) - before, DEADLINE, "another batch")
    finally:
        sender.stop()
    wait_until(lambda: set(sender.taken()) - before <= arrived(gate), DEADLINE, "the new batches")
    assert not before & arrived(gate)
    agent.stop()

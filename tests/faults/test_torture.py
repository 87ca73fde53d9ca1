# SPDX-License-Identifier: MIT
"""Rotation torture: 50,000 lines/s over five files that are renamed, copytruncated, deleted and
recreated, and compressed at random, while the agent is killed by SIGKILL every few seconds.

What is demanded: every line that the writer completed arrives. Three things that no agent can give
are kept out of it, by name:
  - what copytruncate itself loses: lines written between its copy and its truncation. The writer
    does the copytruncate, so it knows exactly which these are (mode "race");
  - a file that is deleted before anyone could read it: a live file is deleted only when the present
    process has read from it, and no kill comes until the rest of it has arrived;
  - an old rotated file is deleted only when all of its lines have arrived.

Repeats: a kill may repeat what had reached the destination and was not committed yet, which is what
arrived within the last commit interval (200 ms; COMMIT_SLACK_S allows for a loaded machine).
"""
import random
import time

import pytest

from harness.process import pace, wait_until
from harness.weir import SLOW
from harness.writer import Arrivals, Follower, Writer

STREAMS = 5
RATE = 50000
KEPT_FILES = 4
COMMIT_SLACK_S = 0.6
CATCH_UP_S = 60
LOOK_S = 0.01
EXTRA_S = 60
KILLS = 5 if SLOW == 1 else 2

PIPELINE = """
inputs:
  - tail: {{ paths: ["{logs}/app-*.log*"], start: beginning }}
outputs:
  - file: {{ path: {out}, format: line }}
"""


class Torture:
    def __init__(self, weir, writer, out, seed):
        self.weir, self.writer = weir, writer
        self.arrivals = Arrivals(STREAMS)
        self.follower = Follower(out, self.arrivals)
        self.random = random.Random(seed)
        self.history = []        # (time, lines arrived so far)
        self.started_at = [0] * STREAMS  # highest line of each stream when the process started
        self.promised = {}       # stream -> line that must arrive before the next kill
        self.bound = 0           # repeats that the kills so far explain
        self.kills = 0
        self.done = dict.fromkeys(("rename", "copy", "race", "delete", "compress", "drop"), 0)
        self.events = []         # (seconds, what, stream), for a failure's message
        self.began = time.monotonic()

    # ---- the agent ----

    def look(self):
        self.follower.poll()
        self.history.append((time.monotonic(), self.arrivals.total))
        del self.history[:-2000]
        for stream, line in list(self.promised.items()):
            if self.arrived(stream, line):
                del self.promised[stream]

    def arrived(self, stream, line):
        return self.arrivals.contiguous(stream, self.writer.lost[stream]) >= line

    def note(self, what, stream=None):
        self.events.append((round(time.monotonic() - self.began, 2), what, stream))

    def start(self):
        self.note("start")
        self.weir.start(ready=False)
        self.started_at = list(self.arrivals.highest)

    def kill(self):
        since = time.monotonic() - COMMIT_SLACK_S * SLOW
        self.weir.kill()
        self.note("kill")
        self.look()
        before = max((total for when, total in self.history if when <= since), default=0)
        self.bound += self.arrivals.total - before
        self.kills += 1

    # ---- the rotations ----

    def open_by_agent(self, stream):
        """The present process has read from the current file."""
        newest = self.arrivals.highest[stream]
        return self.weir.running() and newest >= self.writer.first[stream] \
            and newest > self.started_at[stream]

    def rotate(self, stream):
        word = self.random.choice(("rename", "rename", "copy", "race", "delete"))
        if word == "delete":
            if not self.open_by_agent(stream):
                return
            self.promised[stream] = self.writer.delete(stream)
        else:
            self.writer.rotate(stream, word)
        self.note(f"{word} up to {self.writer.first[stream] - 1}", stream)
        self.done[word] += 1

    def compress(self, stream):
        plain = [n for n, file in enumerate(self.writer.rotated[stream], 1) if not file.compressed]
        if plain:
            number = self.random.choice(plain)
            self.writer.compress(stream, number)
            self.note(f"compress .{number}", stream)
            self.done["compress"] += 1

    def drop(self, stream):
        files = self.writer.rotated[stream]
        if len(files) > KEPT_FILES and self.arrived(stream, files[-1].last):
            self.writer.drop_oldest(stream)
            self.done["drop"] += 1

    def disturb(self):
        stream = self.random.randrange(STREAMS)
        self.random.choice((self.rotate, self.rotate, self.compress, self.drop))(stream)

    # ---- the whole ----

    def run(self, seconds, kills):
        """For that long, and on a machine that is busy with other things until it was killed that
        often and every rotation was seen."""
        restart = 0
        self.start()
        # A file that was compressed before the very first start is an old archive, not a loss.
        wait_until(lambda: self.look() or all(self.arrivals.highest), 30 * SLOW, "the first lines")
        end = time.monotonic() + seconds
        next_kill = next_disturbance = time.monotonic() + 0.5
        while time.monotonic() < end or (
                time.monotonic() < end + EXTRA_S and
                (self.kills < kills or not all(self.done.values()))):
            now = time.monotonic()
            self.look()
            if self.weir.process is None:
                if now >= restart:
                    self.start()
                    next_kill = now + self.random.uniform(0.3, 3.5) * min(SLOW, 2)
            elif now >= next_kill and not self.promised:
                self.kill()
                restart = now + self.random.uniform(0, 0.6)
            if now >= next_disturbance:
                self.disturb()
                next_disturbance = now + self.random.uniform(0.02, 0.25)
            pace(now + LOOK_S)
        if self.weir.process is None:
            self.start()

    def caught_up(self):
        self.look()
        return all(self.arrived(s, self.writer.last[s]) for s in range(STREAMS))

    def account(self):
        lines = sum(self.writer.last)
        excused = sum(map(len, self.writer.lost))
        missing = {s: self.arrivals.missing(s, self.writer.last[s], self.writer.lost[s])
                   for s in range(STREAMS)}
        missing = {s: numbers for s, numbers in missing.items() if numbers}
        ranges = {s: f"{len(m)} of {m[0]}..{m[-1]}" for s, m in missing.items()}
        repeats = self.arrivals.repeats()
        print(f"\n{lines} lines, {self.kills} kills, {self.done}; missing {ranges or 0}; "
              f"{excused} written inside copytruncate's window, "
              f"{excused - len(self.survivors())} of them lost there; "
              f"{repeats} repeats, {self.bound} explained; {len(self.arrivals.damaged)} damaged")
        return missing, repeats

    def survivors(self):
        return [n for s in range(STREAMS) for n in self.writer.lost[s]
                if n < len(self.arrivals.times[s]) and self.arrivals.times[s][n]]


@pytest.mark.parametrize("seed", [1])
def test_every_completed_line_survives_rotation_and_sigkill(tmp_path, make_weir, long, seed):
    out, logs = tmp_path / "out.log", tmp_path / "logs"
    weir = make_weir(admin=False)
    weir.pipeline("torture", PIPELINE.format(logs=logs, out=out))
    writer = Writer(logs, STREAMS, RATE // SLOW, seed)
    try:
        torture = Torture(weir, writer, out, seed)
        torture.run(60 if long else 20, KILLS)
        writer.stop()
        try:
            wait_until(torture.caught_up, CATCH_UP_S * SLOW, "arrival of every line", 0.1)
            weir.stop()
        finally:
            torture.look()
            missing, repeats = torture.account()
    finally:
        writer.close()
    assert not missing
    assert torture.kills >= KILLS and all(torture.done.values()), torture.done
    assert len(torture.arrivals.damaged) <= torture.kills, torture.arrivals.damaged[:5]
    assert repeats <= torture.bound

# SPDX-License-Identifier: MIT
"""All at once: the rotation torture's files, for three outputs with fates of their own, while the agent
is killed, stopped and started, and given other configurations, some of them broken.

The two servers refuse, hang, break connections before and after they have taken a request, or can't be
reached at all for a while; one of them has a queue on disk before it. Every line that was completed
reaches each output, with the exceptions of test_torture.py. What comes twice is bounded for the file;
a server that takes a request and does not say so is sent it again.
"""
import itertools
import random
import threading
import time

import pytest

from faults.test_torture import STREAMS, Torture
from harness.process import wait_until, watch_for
from harness.scripted import Scripted
from harness.weir import SLOW
from harness.writer import Arrivals, Writer

RATE = 4000  # lines a second, which the servers here can read
CATCH_UP_S = 60
DOWN_S = 1.5  # at most, at a time
HANG_S = 0.5
SHUTDOWN_S = 5
KILLS = 4 if SLOW == 1 else 2


class Moody:
    """A server of lines whose answers are drawn by chance."""

    def __init__(self, seed):
        self.random, self.down_until, self.calm = random.Random(seed), 0, False
        self.fates = dict.fromkeys(("taken", "refused", "hung", "broken", "unsaid", "down"), 0)
        self.over = threading.Event()
        self.arrivals, self.seen = Arrivals(STREAMS), 0
        self.server = Scripted(self.answer)
        self.server.server.handle_error = lambda *_: None  # what is raised here breaks the connection
        self.url = self.server.url

    def fate(self):
        if time.monotonic() < self.down_until:
            return "down"
        if self.calm:
            return "taken"
        return self.random.choices(("taken", "refused", "hung", "broken", "unsaid"), (75, 10, 5, 5, 5))[0]

    def answer(self, body, number):
        fate = self.fate()
        self.fates[fate] += 1
        if fate == "hung":
            self.over.wait(HANG_S)
        if fate in ("down", "hung", "broken"):
            raise ConnectionAbortedError
        if fate == "unsaid":
            self.server.taken.append(body)
            raise ConnectionAbortedError
        return 200 if fate == "taken" else self.random.choice((429, 500, 503))

    def look(self):
        with self.server.lock:
            new = self.server.taken[self.seen:]
            self.seen += len(new)
        for body in new:
            self.arrivals.feed(body)

    def close(self):
        self.over.set()
        self.server.close()


class Turmoil(Torture):
    def __init__(self, weir, writer, out, servers, seed):
        self.servers, self.out, self.reloads, self.stops = servers, out, 0, 0
        self.variants = itertools.cycle(range(6))
        super().__init__(weir, writer, out, seed)
        self.write_pipeline(0)

    # ---- configurations ----

    def write_pipeline(self, variant):
        retry = {"backoff_min": "10ms", "backoff_max": "200ms"}
        usual = {"format": "lines", "retry": retry, "batch_records": (500, 50, 5000)[variant % 3],
                 "linger": ("20ms", "0s")[variant % 2], "concurrency": (1, 4, 16)[variant // 2]}
        direct, queued = self.servers
        self.weir.pipeline("turmoil", {
            "inputs": [{"tail": {"paths": [f"{self.writer.folder}/app-*.log*"], "start": "beginning"}}],
            "filters": [{"set": {"variant": str(variant)}}] if variant % 2 else [],
            "outputs": [{"file": {"path": str(self.out), "format": "line"}},
                        {"http": {"url": direct.url, **usual}},
                        {"http": {"url": queued.url, "buffer": {"disk": "64MiB"}, **usual}}]})

    def reload(self):
        if not self.weir.running():
            return
        variant = next(self.variants)
        if variant == 5:  # one with a mistake, which must change nothing
            self.weir.pipeline("turmoil", {"inputs": [{"tail": {"path": "x"}}], "outputs": []})
            assert self.weir.command("reload", "-c", self.weir.config).returncode != 0
            variant = 0
        self.write_pipeline(variant)
        self.weir.reload()
        self.note(f"reload {variant}")
        self.reloads += 1

    # ---- what happens ----

    def disturb(self):
        event = self.random.randrange(8)
        if event == 0:
            self.reload()
        elif event == 1:
            server = self.random.choice(self.servers)
            server.down_until = time.monotonic() + self.random.uniform(0.1, DOWN_S)
        else:
            super().disturb()

    def kill(self):
        if self.random.random() < 0.3:  # for once it is asked to end, and has seconds for that
            self.weir.process.terminate()
            self.weir.process.wait((SHUTDOWN_S + 10) * SLOW)
            self.weir.process = None
            self.note("stop")
            self.stops += 1
            self.look()
        else:
            super().kill()

    # ---- what arrived ----

    def look(self):
        super().look()
        for server in self.servers:
            server.look()

    def arrived(self, stream, line):
        return all(arrivals.contiguous(stream, self.writer.lost[stream]) >= line
                   for arrivals in (self.arrivals, *(server.arrivals for server in self.servers)))

    def missing_at_servers(self):
        return [f"server {number} lacks {len(numbers)} of stream {stream}: {numbers[:3]} to {numbers[-1]}"
                for number, server in enumerate(self.servers) for stream in range(STREAMS)
                if (numbers := server.arrivals.missing(stream, self.writer.last[stream],
                                                       self.writer.lost[stream]))]


@pytest.mark.parametrize("seed", [1])
def test_every_line_reaches_every_output_whatever_happens(tmp_path, make_weir, long, seed):
    out, logs = tmp_path / "out.log", tmp_path / "logs"
    weir = make_weir(admin=False, shutdown_timeout=f"{SHUTDOWN_S}s")
    writer = Writer(logs, STREAMS, RATE // SLOW, seed)
    servers = [Moody(seed), Moody(seed + 1)]
    try:
        turmoil = Turmoil(weir, writer, out, servers, seed)
        turmoil.run(120 if long else 15, KILLS)
        writer.stop()
        for server in servers:
            server.calm, server.down_until = True, 0
        try:
            wait_until(turmoil.caught_up, CATCH_UP_S * SLOW, "arrival of every line", 0.1)
            weir.stop()
        finally:
            turmoil.look()
            missing, repeats = turmoil.account()
            print(f"{turmoil.reloads} reloads, {turmoil.stops} stops; "
                  f"{[server.fates for server in servers]}", turmoil.missing_at_servers())
            print(turmoil.events)
    finally:
        writer.close()
        for server in servers:
            server.close()
    assert not missing and not turmoil.missing_at_servers()
    assert repeats <= turmoil.bound
    assert turmoil.reloads and all(server.fates[fate] for server in servers for fate in ("taken", "unsaid"))

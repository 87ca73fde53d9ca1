# SPDX-License-Identifier: MIT
"""The destination is away while 20 MB of lines come every second: memory stays within its bound, the
log file is the queue, and when the destination is back all of it arrives, without a herd of requests.

Half of the outage nobody listens, the other half every request is answered 503. 20 s in all, 10 min
with --long.
"""
import pathlib
import threading
import time

import pytest

from harness.process import pace, wait_until, watch_for
from harness.weir import SLOW

MB = 1_000_000
RATE = 20 * MB // SLOW
LINE_BYTES = 200
MEMORY_LIMIT, RSS_LIMIT_KIB = "32MiB", 48 << 10
STEADY_S, OUTAGE_S, OUTAGE_LONG_S = 3, 20, 600
TICK_S = 0.05
# Requests while everything is refused: waits double up to `backoff_max`, half of that on average.
BACKOFF_MAX_S = 1


class Stream:
    """Numbered lines of one length, appended to a file at a steady rate by a thread."""

    def __init__(self, path):
        self.path, self.count, self.stopping = pathlib.Path(path), 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        began, filler = time.monotonic(), b"x" * (LINE_BYTES - 12) + b"\n"
        with open(self.path, "wb", buffering=0) as log:
            while not self.stopping:
                due = int((time.monotonic() - began) * RATE / LINE_BYTES)
                log.write(b"".join(b"%010d " % n + filler for n in range(self.count, due)))
                self.count = max(due, self.count)
                pace(time.monotonic() + TICK_S)

    def stop(self):
        self.stopping = True
        self.thread.join()
        return self.count


class Memory:
    """The largest resident set of a process, looked at now and then."""

    def __init__(self, pid):
        self.status = pathlib.Path(f"/proc/{pid}/status")

    def peak_kib(self):
        return int(self.status.read_text().partition("VmHWM:")[2].split()[0])


def missing(path, count):
    """How many of the numbers did not arrive, and how many lines came twice."""
    times, repeats = bytearray(count), 0
    with open(path, "rb") as bodies:
        for line in bodies:
            number = int(line[:10])
            repeats += times[number]
            times[number] = 1
    return count - sum(times), repeats


@pytest.fixture
def stream(tmp_path):
    one = Stream(tmp_path / "in.log")
    yield one
    one.stop()


def test_an_outage_costs_no_memory_and_no_line(weir, make_sink, stream, long):
    outage = OUTAGE_LONG_S if long else OUTAGE_S
    sink = make_sink("first")
    weir.configure(memory_limit=MEMORY_LIMIT)
    weir.pipeline("p", {
        "inputs": [{"tail": {"paths": [str(stream.path)], "start": "beginning"}}],
        "outputs": [{"http": {"url": f"{sink.url}/in", "format": "lines",
                              "retry": {"backoff_min": "20ms", "backoff_max": f"{BACKOFF_MAX_S}s"}}}]})
    weir.start()
    memory = Memory(weir.process.pid)
    watch_for(STEADY_S)  # the steady state is what the outage ends
    wait_until(lambda: weir.metric("weir_input_lag_bytes") < RATE, 20 * SLOW, "the steady state")

    port = sink.port
    sink.close()
    watch_for(outage / 2)
    back = make_sink("second", port=port)
    back.behave("status=503")
    wait_until(lambda: back.stats()["requests"] > 0, 10 * SLOW, "a request")
    asked = back.stats()["requests"]
    watch_for(outage / 2)
    asked = back.stats()["requests"] - asked
    held = weir.metric("weir_input_bytes_total")
    backlog = stream.count * LINE_BYTES - held
    wait_until(lambda: weir.get("/health")[0] == 503, 10 * SLOW, "the outage to be said")
    back.behave("")
    began = time.monotonic()
    total = stream.stop()
    wait_until(lambda: weir.metric("weir_output_records_total", outcome="delivered") == total,
               (30 + 2 * outage) * SLOW, "every line", 0.1)
    took, peak = time.monotonic() - began, memory.peak_kib()
    print(f"\n{total} lines; backlog {backlog / MB:.0f} MB gone in {took:.1f} s "
          f"({backlog / MB / took:.0f} MB/s); {asked} requests in {outage / 2:.0f} s of 503; "
          f"peak RSS {peak / 1024:.1f} MiB")
    weir.stop()

    lost = [missing(one.out, total) for one in (sink, back)]
    assert sum(total - gone for gone, _ in lost) == total and not any(twice for _, twice in lost)
    assert SLOW > 1 or peak < RSS_LIMIT_KIB
    assert backlog > RATE * outage / 2, "the outage was one"
    # One request at a time asks whether the destination is back.
    assert asked <= 4 * outage / 2 / BACKOFF_MAX_S + 10
    assert took < backlog / RATE + 5 * SLOW, "the backlog goes faster than it came"

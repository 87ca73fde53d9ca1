# SPDX-License-Identifier: MIT
"""What an agent costs at the pace of a busy server: 10 MB/s of combined lines, parsed, sent as JSON.

The file grows every 10 ms. CPU is that of the agent's threads from the first line to the arrival of
the last, as a part of one core.
"""
import itertools
import time

import agents
import measure
from harness.process import end, free_port, pace

RATE = 10_000_000  # bytes a second
STEP_S = 0.01
START_S = 15
SLACK_S = 30


def pieces(source):
    """Whole lines of the input, about a step's worth at a time, for ever."""
    with open(source, "rb") as f:
        head = f.read(16 << 20)
    cuts, at = [], 0
    while (end := head.find(b"\n", at + int(RATE * STEP_S))) >= 0:
        cuts.append(head[at:end + 1])
        at = end + 1
    return itertools.cycle(cuts)


def await_lines(sink, lines, seconds):
    measure.wait_until(lambda: sink.lines() >= lines, seconds,
                       lambda: f"the arrival of {lines} lines, of which {sink.lines()} came,")
    if (got := sink.lines()) != lines:
        raise measure.Failed(f"{got} lines at the sink, {lines} written")


def write(log, source, seconds):
    """Lines written, at the rate however late a step comes."""
    began, lines, done = time.monotonic(), 0, 0
    for piece in pieces(source):
        if done >= RATE * seconds:
            return lines
        log.write(piece)
        done += len(piece)
        lines += piece.count(b"\n")
        pace(began + done / RATE)


def run(make, tests, folder, source, seconds):
    """(CPU as a part of one core, peak RSS in MiB)"""
    folder.mkdir()
    port, path = free_port(), folder / "in.log"
    agent = make(folder, path, 0, "steady", port)
    with open(source, "rb") as f:
        path.write_bytes(f.readline())
    sink = agents.Sink(tests, folder, "http", port)
    process = measure.spawn(agent.command(), agent.log, agent.env)
    try:
        await_lines(sink, 1, START_S)
        measure.until_quiet(process)
        began, cpu = time.monotonic(), measure.cpu_ns(process.pid)
        with open(path, "ab", buffering=0) as log:
            lines = write(log, source, seconds)
        await_lines(sink, lines + 1, SLACK_S)
        return ((measure.cpu_ns(process.pid) - cpu) / 1e9 / (time.monotonic() - began),
                measure.peak_mib(process.pid))
    finally:
        end(process)
        sink.close()


def table(figures):
    print("| 10 MB/s → parse combined → HTTP, JSON | CPU, % of a core | Peak RSS, MiB |")
    print("|---|---:|---:|")
    for name, (cpu, rss) in figures.items():
        print(f"| {name} | {cpu * 100:.1f} | {rss:.0f} |")

# SPDX-License-Identifier: MIT
"""What an agent costs while nothing happens: memory, wake-ups and CPU, and how long it takes to start.

Each case starts Weir as a daemon over files that don't grow. A wake-up is a voluntary context switch
of any of its threads: a thread that ran and went back to sleep.
"""
import pathlib
import re
import time

import agents
import measure
from harness.process import end, free_port, watch_for

SETTLE_S = 1.0
MANY_FILES = 10_000
TREE_FILES, TREE_FOLDERS = 100_000, 1_000

TITLES = {"plain-file": "one file → file", "http": "one file → HTTP",
          "many": f"{MANY_FILES:,} files → null", "tree": f"`**` over {TREE_FILES:,} files → null"}


def memory_mb(pid):
    """(RSS, PSS) in MB."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return tuple(int(re.search(rf"^{kind}:\s+(\d+) kB", rollup, re.M)[1]) * 1024 / 1e6
                 for kind in ("Rss", "Pss"))


def wakeups(pid):
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        status = (task / "status").read_text(encoding="utf-8")
        total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.M)[1])
    return total


def make_files(folder, case):
    """Makes the files; returns the glob."""
    line = "one line that is there from the beginning\n"
    if case == "tree":
        for i in range(TREE_FOLDERS):
            (folder / f"{i // 100}" / f"{i % 100}").mkdir(parents=True)
        for i in range(TREE_FILES):
            (folder / f"{i // 10_000}" / f"{i // 100 % 100}" / f"{i}.log").write_text(line)
        return folder / "**/*.log"
    folder.mkdir()
    for i in range(MANY_FILES if case == "many" else 1):
        (folder / f"{i}.log").write_text(line)
    return folder / "*.log"


def run_case(binary, tests, folder, case, watch_s):
    """{"rss", "pss" (MB), "wakeups" and "cpu_ms" in watch_s, "start_s"}"""
    folder.mkdir()
    port, sink = free_port(), None
    path = make_files(folder / "logs", case)
    agent = agents.Weir(folder, path, 0, case if case in ("plain-file", "http") else "null", port,
                        binary=binary)
    if case == "http":
        sink = agents.Sink(tests, folder, "http", port)
    began, process = time.monotonic(), measure.spawn(agent.command(), agent.log)
    try:
        start = measure.until_quiet(process, quiet_s=SETTLE_S, busy_ns=0) - began
        before, cpu = wakeups(process.pid), measure.cpu_ns(process.pid)
        watch_for(watch_s)
        rss, pss = memory_mb(process.pid)
        return {"rss": rss, "pss": pss, "wakeups": wakeups(process.pid) - before,
                "cpu_ms": (measure.cpu_ns(process.pid) - cpu) / 1e6, "start_s": start}
    finally:
        end(process)
        if sink:
            sink.close()


def table(figures, watch_s):
    print(f"| At rest | RSS, MB | PSS, MB | Wake-ups in {watch_s} s | CPU in {watch_s} s, ms | "
          "At rest after, s |")
    print("|---|---:|---:|---:|---:|---:|")
    for case, f in figures.items():
        print(f"| {TITLES[case]} | {f['rss']:.1f} | {f['pss']:.1f} | {f['wakeups']} | "
              f"{f['cpu_ms']:.1f} | {f['start_s']:.2f} |")

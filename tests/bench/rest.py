# SPDX-License-Identifier: MIT
"""What an agent costs while nothing happens: memory, wake-ups and CPU, and how long it takes to start.

Each case starts Weir as a daemon over files that don't grow; in `active` twenty of them do, by a line a
second each. A wake-up is a voluntary context switch of any of its threads: a thread that ran and went
back to sleep. After a start that read all files comes a restart over the same ones.
"""
import pathlib
import re
import time

import agents
import measure
from harness.process import end, free_port, pace, watch_for

SETTLE_S = 1.0
MANY_FILES, ACTIVE_FILES = 10_000, 20
TREE_FILES, TREE_FOLDERS = 100_000, 1_000

TITLES = {"plain-file": "one file → file", "http": "one file → HTTP",
          "many": f"{MANY_FILES:,} files → null",
          "active": f"the same, {ACTIVE_FILES} of them active", "tree": f"`**` over {TREE_FILES:,} files → null"}


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
    for i in range(MANY_FILES if case in ("many", "active") else 1):
        (folder / f"{i}.log").write_text(line)
    return folder / "*.log"


def write_lines(folder, seconds):
    """A line a second for each of the active files, in turn."""
    began = time.monotonic()
    for i in range(ACTIVE_FILES * seconds):
        pace(began + i / ACTIVE_FILES)
        with open(folder / f"{i % ACTIVE_FILES}.log", "a", encoding="ascii") as file:
            file.write("one line more\n")
    pace(began + seconds)


def start(command, log):
    """(the process, at rest; seconds from its start until then; CPU seconds of them)"""
    began, process = time.monotonic(), measure.spawn(command, log)
    try:
        seconds = measure.until_quiet(process, quiet_s=SETTLE_S, busy_ns=0) - began
        return process, seconds, measure.cpu_ns(process.pid) / 1e9
    except BaseException:
        end(process)
        raise


def run_case(binary, tests, folder, case, watch_s):
    """{"rss", "pss" (MB), "wakeups" and "cpu_ms" in watch_s, "start_s", "start_cpu_s", and of the
    restart "restart_s", "restart_cpu_s"}"""
    folder.mkdir()
    port, sink = free_port(), None
    path = make_files(folder / "logs", case)
    agent = agents.Weir(folder, path, 0, case if case in ("plain-file", "http") else "null", port,
                        binary=binary)
    if case == "http":
        sink = agents.Sink(tests, folder, "http", port)
    process, command = None, agent.command()
    try:
        process, start_s, start_cpu_s = start(command, agent.log)
        before, cpu = wakeups(process.pid), measure.cpu_ns(process.pid)
        if case == "active":
            write_lines(folder / "logs", watch_s)
        else:
            watch_for(watch_s)
        rss, pss = memory_mb(process.pid)
        figures = {"rss": rss, "pss": pss, "wakeups": wakeups(process.pid) - before,
                   "cpu_ms": (measure.cpu_ns(process.pid) - cpu) / 1e6,
                   "start_s": start_s, "start_cpu_s": start_cpu_s}
        end(process)
        process, figures["restart_s"], figures["restart_cpu_s"] = start(command, agent.log)
        return figures
    finally:
        if process:
            end(process)
        if sink:
            sink.close()


def table(figures, watch_s):
    print(f"| At rest | RSS, MB | PSS, MB | Wake-ups in {watch_s} s | CPU in {watch_s} s, ms | "
          "At rest after, s (CPU s) | A restart, s (CPU s) |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for case, f in figures.items():
        print(f"| {TITLES[case]} | {f['rss']:.1f} | {f['pss']:.1f} | {f['wakeups']} | "
              f"{f['cpu_ms']:.1f} | {f['start_s']:.2f} ({f['start_cpu_s']:.2f}) | "
              f"{f['restart_s']:.2f} ({f['restart_cpu_s']:.2f}) |")

# SPDX-License-Identifier: MIT
"""Runs one agent over one file, and says how long it took, how much CPU, and how much memory.

An agent that ends by itself is timed from its start to its end. A daemon is done when its counters
say so and it has used no CPU for QUIET_S; its time ends with the last CPU it used, so the waiting is
not counted.
"""
import dataclasses
import os
import pathlib
import re
import select
import signal
import time

from harness import process as processes
from harness.process import spawn

QUIET_S = 0.25
POLL_S = 0.01
BUSY_NS = 1_000_000  # less CPU than this between two polls is a timer or an answer, not work
LIMIT_S = 180
PEAK_POLL_MS = 3


@dataclasses.dataclass
class Measure:
    wall_s: float
    cpu_s: float
    rss_mib: float


class Failed(Exception):
    """The agent ended badly, or did not do the work."""


def wait_until(condition, timeout, what, interval=POLL_S):
    """As the tests have it; what does not come true is a run that failed."""
    return processes.wait_until(condition, timeout, what, interval, Failed)


def peak_mib(pid):
    """Peak memory so far. Not ru_maxrss: that begins with the size of the Python that forked."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) / 1024 if found else 0
    except OSError:
        return 0


def reap(process):
    """Waits for the end; (exit code, CPU seconds)."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def cpu_ns(pid):
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (OSError, ProcessLookupError):
            pass
    return total


def until_quiet(process, done=lambda: True, quiet_s=QUIET_S, busy_ns=BUSY_NS):
    """Returns when the daemon last used the CPU, once it has been quiet for so long and done() is
    true."""
    used, last = 0, time.monotonic()

    def quiet():
        nonlocal used, last
        if process.poll() is not None:
            raise Failed(f"ended by itself with {process.returncode}")
        now, before = time.monotonic(), used
        used = cpu_ns(process.pid)
        if used - before > busy_ns:
            last = now
        return now - last >= quiet_s and done()

    wait_until(quiet, LIMIT_S, "rest")
    return last


def run_to_end(argv, log, env=None):
    """An agent that ends when it is done."""
    began = time.monotonic()
    process = spawn(argv, log, env)
    peak, ended, descriptor = 0, select.poll(), os.pidfd_open(process.pid)
    ended.register(descriptor, select.POLLIN)
    while not ended.poll(PEAK_POLL_MS):
        peak = max(peak, peak_mib(process.pid))
    wall = time.monotonic() - began
    os.close(descriptor)
    code, cpu = reap(process)
    if code != 0:
        raise Failed(f"exit code {code}")
    return Measure(wall, cpu, peak)


def run_daemon(argv, log, done, env=None):
    """An agent that waits for more when it is done; done() asks its own counters or the sink's."""
    began = time.monotonic()
    process = spawn(argv, log, env)
    peak = 0
    try:
        wall = until_quiet(process, done) - began
        peak = peak_mib(process.pid)
    finally:
        if process.poll() is None:
            process.terminate()
            code, cpu = reap(process)
    if code not in (0, -signal.SIGTERM):
        raise Failed(f"exit code {code}")
    return Measure(wall, cpu, peak)

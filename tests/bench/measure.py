# SPDX-License-Identifier: MIT
"""Runs one agent over one file, and says how long it took, how much CPU, and how much memory.

An agent that ends by itself is timed from its start to its end. A daemon is done when its counters
say so and it has used no CPU for QUIET_S; its time ends with the last CPU it used, so the waiting is
not counted.
"""
import ctypes
import dataclasses
import os
import pathlib
import signal
import subprocess
import time

QUIET_S = 0.25
POLL_S = 0.01
BUSY_NS = 300_000  # less CPU than this between two polls is a timer, not work
LIMIT_S = 180


@dataclasses.dataclass
class Measure:
    wall_s: float
    cpu_s: float
    rss_mib: float


class Failed(Exception):
    """The agent ended badly, or did not do the work."""


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def spawn(argv, log, env=None):
    with open(log, "ab") as out:
        return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, env={**os.environ, **(env or {})},
                                preexec_fn=_die_with_parent)


def reap(process):
    """Waits for the end; (exit code, CPU seconds, peak RSS in MiB)."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def cpu_ns(pid):
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (OSError, ProcessLookupError):
            pass
    return total


def until_quiet(process, done):
    """Returns when the daemon last used the CPU, once it is quiet and done() is true."""
    began = time.monotonic()
    used, last = 0, began
    while True:
        time.sleep(POLL_S)
        now = time.monotonic()
        if process.poll() is not None:
            raise Failed(f"ended by itself with {process.returncode}")
        if now - began > LIMIT_S:
            raise Failed(f"not done after {LIMIT_S} s")
        cpu = cpu_ns(process.pid)
        if cpu - used > BUSY_NS:
            last = now
        used = cpu
        if now - last >= QUIET_S and done():
            return last


def run_to_end(argv, log, env=None):
    """An agent that ends when it is done."""
    began = time.monotonic()
    process = spawn(argv, log, env)
    code, cpu, rss = reap(process)
    wall = time.monotonic() - began
    if code != 0:
        raise Failed(f"exit code {code}")
    return Measure(wall, cpu, rss)


def run_daemon(argv, log, done, env=None):
    """An agent that waits for more when it is done; done() asks its own counters or the sink's."""
    began = time.monotonic()
    process = spawn(argv, log, env)
    try:
        wall = until_quiet(process, done) - began
    finally:
        if process.poll() is None:
            process.terminate()
        code, cpu, rss = reap(process) if process.returncode is None else (process.returncode, 0, 0)
    if code not in (0, -signal.SIGTERM):
        raise Failed(f"exit code {code}")
    return Measure(wall, cpu, rss)

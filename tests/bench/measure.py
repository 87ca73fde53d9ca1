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
import re
import select
import signal
import subprocess
import time

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


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def spawn(argv, log, env=None):
    with open(log, "ab") as out:
        return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, env={**os.environ, **(env or {})},
                                preexec_fn=_die_with_parent)


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

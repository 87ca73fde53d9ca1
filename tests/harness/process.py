# SPDX-License-Identifier: MIT
"""Processes that die with the test run, conditions with a deadline, and ports of one's own."""
import collections
import ctypes
import os
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def wait_until(condition, timeout=10, what="the condition", interval=0.02, error=AssertionError,
               moving=None):
    """Returns the first true result of condition(), or fails when `timeout` seconds have passed; with
    `moving`, since moving() last gave something else, which must come to an end by itself. `what` may be
    a function, which then says how far it came."""
    deadline, before = time.monotonic() + timeout, None
    while True:
        result = condition()
        if result:
            return result
        if moving and moving() != before:
            deadline, before = time.monotonic() + timeout, moving()
        if time.monotonic() > deadline:
            raise error(f"{what() if callable(what) else what} did not come true within {timeout} s "
                        f"(last: {result!r})")
        time.sleep(interval)


def watch_for(seconds):
    """Lets time pass that is itself what the caller is about: the window of a measurement or of an
    outage, or the instant of a kill. For whatever can be asked about there is wait_until()."""
    time.sleep(seconds)


def pace(until):
    """Holds a writer or a server back until that time of time.monotonic(), so that it is as slow as it
    is meant to be; one that is late goes on at once."""
    time.sleep(max(0, until - time.monotonic()))


_held = collections.deque(maxlen=256)  # a test uses a few; all of a run's would be too many descriptors


def free_port():
    """A port of 127.0.0.1 that nobody else is given while this test lives: a socket that does not
    listen stays bound to it. A server that says SO_REUSEADDR, as all do, can still listen there."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _held.append(held)
    return held.getsockname()[1]


def listening(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), 0.5):
            return True
    except OSError:
        return False


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(argv, log, env=None, **options):
    """Starts a process whose output is appended to the file `log`."""
    with open(log, "ab") as out:
        return subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, preexec_fn=_die_with_parent,
                                env={**os.environ, **(env or {})}, **options)


def end(process, timeout=10):
    """Stops a process, gently first; returns its exit code."""
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode if process else None

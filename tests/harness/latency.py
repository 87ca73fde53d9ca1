# SPDX-License-Identifier: MIT
"""How long single lines take to arrive."""
import time

from .process import wait_until


def append_and_wait(log, arrived, wanted, count=60):
    """Appends single lines, each after the one before it has added its time to `arrived`; returns how long
    each took. No more of them once one was as fast as wanted, since on a machine with other work a line
    may be late, but not every one."""
    took = []
    while len(took) < 5 or (min(took) > wanted and len(took) < count):
        began = time.monotonic()
        with log.open("a") as lines:
            lines.write(f"line {len(took)}\n")
        wait_until(lambda: len(arrived) > len(took), 20, "the line", interval=0.002)
        took.append(arrived[len(took)] - began)
    return took

# SPDX-License-Identifier: MIT
"""One tail input into a file, and what has arrived of it."""
import contextlib
import os
import signal
import sqlite3
import struct

import pytest

from harness import needs
from harness.process import wait_until
from harness.records import records
from harness.weir import BIN, SLOW


def needs_metrics():
    """Leaves the test out where the admin module was not built."""
    if not list(BIN.parent.parent.glob("lib*/**/weir/modules/admin.so")):
        needs.missing("the admin module", "build")


# Both ends of an agent; see Follow.end().
HOW = pytest.mark.parametrize("how", ["stop", "kill"])

# Where an identity has how far its tail goes; see identity_encode() of plugins/input/tail.
TAIL_OFFSET = struct.Struct("<64xQ")


class Follow:
    """An agent that follows files in folder/logs; `options` are those of the input."""

    def __init__(self, weir, folder, paths=("*.log",), **options):
        self.weir = weir
        self.logs = folder / "logs"
        self.logs.mkdir(exist_ok=True)
        self.out = folder / "out.jsonl"
        self.options = {"paths": [str(self.logs / p) for p in paths], "start": "beginning",
                        **options}
        self.configure("20ms")

    def configure(self, linger):
        self.weir.pipeline("follow", {
            "inputs": [{"tail": self.options}],
            "outputs": [{"file": {"path": str(self.out), "linger": linger}}]})

    def path(self, name="app.log"):
        return self.logs / name

    def write(self, text, name="app.log"):
        with open(self.path(name), "ab") as f:
            f.write(text.encode() if isinstance(text, str) else text)

    def start(self):
        before = self.weir.log().count("[started]")
        self.weir.start()
        wait_until(lambda: self.weir.log().count("[started]") > before, 20 * SLOW, "start")
        return self

    def messages(self):
        return [r["message"] for r in records(self.out)]

    def wait(self, count, timeout=10):
        """Until that many records have arrived; returns all messages."""
        wait_until(lambda: len(self.messages()) >= count, timeout * SLOW,
                   lambda: f"arrival of {count} records (now {len(self.messages())})", 0.05)
        return self.messages()

    def wait_for(self, message, timeout=10):
        """Until this message has arrived; returns all messages."""
        wait_until(lambda: message in self.messages(), timeout * SLOW, f"arrival of {message!r}",
                   0.05)
        return self.messages()

    def sources(self):
        """What the state database has: (path, position, how far the file's bytes are known again) of all
        sources, those of nothing read too."""
        with contextlib.closing(sqlite3.connect(self.weir.state_dir / "state.db")) as state:
            return [(name, position, *TAIL_OFFSET.unpack_from(identity))
                    for name, position, identity in state.execute(
                        "SELECT name, coalesce(position, 0), identity FROM sources "
                        "LEFT JOIN positions ON id = source_id")]

    def positions(self):
        return [position for _, position, _ in self.sources()]

    def noted(self):
        """Whether the state has all that was read of the files that are there."""
        sources = self.sources()
        return sorted(name for name, _, _ in sources) == sorted(map(str, self.logs.iterdir())) and all(
            position >= os.stat(name).st_size and known for name, position, known in sources)

    def end(self, how):
        """Both ends of the agent: a stop, and a kill once all of it is noted."""
        if how == "stop":
            self.weir.stop()
        else:
            wait_until(self.noted, 10 * SLOW, "the note of all that was read")
            self.weir.kill()

    def pause(self):
        os.kill(self.weir.process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.weir.process.pid, signal.SIGCONT)

    def wait_log(self, text, timeout=10):
        wait_until(lambda: text in self.weir.log(), timeout * SLOW, f"{text!r} in the log")
        return self.weir.log()


def numbered(first, last, word="line"):
    """Lines that differ from the first byte on, so that files do not look alike."""
    return "".join(f"{number:06d} {word}\n" for number in range(first, last + 1))


def numbers(messages):
    return [int(message[:6]) for message in messages]

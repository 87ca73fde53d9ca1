# SPDX-License-Identifier: MIT
"""The numbered-line writer of tests/faults/writer.c, and the account of what of it arrived."""
import gzip
import os
import pathlib
import re
import subprocess

from .process import _die_with_parent
from .weir import BIN

# Built beside the binary under test; the writer itself is always fast enough.
PROGRAM = BIN.parent.parent / "tests/writer"
LINE = re.compile(rb"^(\d) (\d{10}) [a-z ]{10,}\.$", re.M)


class Incarnation:
    """One file that a stream was written to: which lines went there, and whether it is still there."""

    def __init__(self, first, last, lost=range(0)):
        self.first, self.last, self.lost = first, last, lost
        self.compressed = False


class Writer:
    """Lines of `streams` streams into folder/app-S.log, and the rotations logrotate would make.

    Rotated files are app-S.log.1, .2 and so on, newest first, or .N.gz.
    """

    def __init__(self, folder, streams=5, rate=50000, seed=1):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.streams = streams
        self.first = [1] * streams                  # of the current file
        self.rotated = [[] for _ in range(streams)]  # newest first
        self.lost = [set() for _ in range(streams)]  # what copytruncate may have lost
        self.last = None                            # after stop()
        self.process = subprocess.Popen(
            [PROGRAM, self.folder, str(streams), str(rate), str(seed)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_parent)

    def _tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def _ask(self, word, stream):
        self._tell(f"{word} {stream}")
        answer = self.process.stdout.readline().split()
        assert answer[:2] == ["done", str(stream)], f"the writer said {answer}"
        return int(answer[2]), int(answer[3])

    def path(self, stream, number=0, compressed=False):
        name = f"app-{stream}.log" + (f".{number}" if number else "") + (".gz" if compressed else "")
        return self.folder / name

    def shift(self, stream):
        """app-S.log.1 becomes .2, and so on, oldest first, as logrotate does it."""
        files = self.rotated[stream]
        for number in range(len(files), 0, -1):
            gz = files[number - 1].compressed
            os.rename(self.path(stream, number, gz), self.path(stream, number + 1, gz))

    def rotate(self, stream, word):
        """word: rename, copy or race."""
        self.shift(stream)
        last, racing_from = self._ask(word, stream)
        lost = range(racing_from, last + 1) if word == "race" else range(0)
        self.lost[stream].update(lost)
        self.rotated[stream].insert(0, Incarnation(self.first[stream], last, lost))
        self.first[stream] = last + 1

    def delete(self, stream):
        """Unlinks the current file; returns its last line."""
        last, _ = self._ask("delete", stream)
        self.first[stream] = last + 1
        return last

    def compress(self, stream, number):
        """app-S.log.N into app-S.log.N.gz, then the plain one is unlinked."""
        file = self.rotated[stream][number - 1]
        plain, packed = self.path(stream, number), self.path(stream, number, True)
        with open(plain, "rb") as source, gzip.open(packed, "wb", 1) as target:
            for block in iter(lambda: source.read(1 << 20), b""):
                target.write(block)
        plain.unlink()
        file.compressed = True

    def drop_oldest(self, stream):
        file = self.rotated[stream][-1]
        self.path(stream, len(self.rotated[stream]), file.compressed).unlink()
        self.rotated[stream].pop()

    def stop(self):
        """Ends the writing; sets and returns the last line of every stream."""
        self._tell("stop")
        answers = [line.split() for line in self.process.stdout]
        assert self.process.wait(10) == 0 and [a[0] for a in answers] == ["end"] * self.streams
        self.last = [int(a[2]) for a in answers]
        return self.last

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Arrivals:
    """Which lines have arrived, how often; fed with whatever order and damage there is."""

    def __init__(self, streams):
        self.times = [bytearray(1 << 16) for _ in range(streams)]
        self.upto = [0] * streams  # every line up to this one is here
        self.highest = [0] * streams
        self.total = 0
        self.damaged = []

    def feed(self, text):
        """Whole lines."""
        found = LINE.findall(text)
        self.total += len(found)
        if len(found) != text.count(b"\n"):
            self.damaged += [line for line in text.splitlines() if not LINE.match(line)]
        for stream, number in found:
            stream, number = int(stream), int(number)
            times = self.times[stream]
            while number >= len(times):
                times.extend(bytes(len(times)))
            if times[number] < 255:
                times[number] += 1
            if number > self.highest[stream]:
                self.highest[stream] = number

    def contiguous(self, stream, excused=frozenset()):
        """The last line before the first that is missing and not excused."""
        times, number = self.times[stream], self.upto[stream] + 1
        while number < len(times) and (times[number] or number in excused):
            number += 1
        self.upto[stream] = number - 1
        return number - 1

    def missing(self, stream, last, excused=frozenset()):
        times = self.times[stream]
        return [n for n in range(1, last + 1)
                if (n >= len(times) or not times[n]) and n not in excused]

    def repeats(self):
        return sum(t - 1 for times in self.times for t in times if t > 1)


class Follower:
    """Feeds Arrivals from a growing file of lines, and remembers how the total grew."""

    def __init__(self, path, arrivals):
        self.path, self.arrivals = pathlib.Path(path), arrivals
        self.offset = 0

    def poll(self):
        """Takes the whole lines that are new; returns how many bytes they had."""
        if not self.path.exists():
            return 0
        with open(self.path, "rb") as f:
            f.seek(self.offset)
            text = f.read()
        end = text.rfind(b"\n") + 1
        self.arrivals.feed(text[:end])
        self.offset += end
        return end

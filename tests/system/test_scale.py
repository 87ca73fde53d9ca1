# SPDX-License-Identifier: MIT
"""What a file costs: system calls when it is found, and memory while it rests. Counted, not timed: these
are the same on a quiet and on a busy machine.

Each figure is a difference between few and many files, so that what the process itself takes cancels
out. What is measured goes into the commit that changes a limit.
"""
import re
import shutil

import pytest

from harness import needs
from harness.process import wait_until
from harness.weir import BIN, SLOW

from follow import Follow

pytestmark = pytest.mark.skipif(SLOW > 1, reason="a sanitizer has calls and memory of its own")

FEW, MANY = 100, 500

# System calls for each file at the most, with those of the state database. Measured in a start: openat
# 1.0, statx 1.0, fstat 2.0 (3.0 with those of the file that is written), pread 3.2; in a restart pread 2.2, no
# getrandom. A second look at each file, or one read more, is beyond them.
START = {"openat": 1.5, "statx": 1.5, "newfstatat": 3.5, "pread64": 4.5, "getrandom": 1.5,
         "prlimit64": 0.5, "inotify_add_watch": 0.1}
RESTART = {**START, "pread64": 3.5, "getrandom": 0.5}

# The same in a restart that finds all files replaced, all of one stem and in one folder. Measured: openat 3.0
# (its inode was known, its text may be, then it is read), statx 3.0, pread 5.2, getdents 0.0.
REPLACED = {"openat": 4, "statx": 4, "pread64": 7, "getdents64": 0.1}

# Bytes of memory of its own that each file at rest takes at the most; measured: 950.
FILES = 4000
BYTES_PER_FILE = 1200


def traced(folder):
    """Weir under strace, which stays out of the way: the process that is started is Weir's."""
    needs.programs("strace")
    wrapper = folder / "weir-traced"
    counts = folder / "counts"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("strace")} -D -f -qq -c -S name -U name,calls '
                       f'-o "{counts}" {BIN} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper, counts


def calls(counts):
    """{system call: how many}, once the tracer has written them."""
    wait_until(lambda: counts.exists() and "total" in counts.read_text(), 20 * SLOW,
               "strace's summary")
    found = re.findall(r"^(\w+) +(\d+)$", counts.read_text(), re.M)
    counts.unlink()
    return {name: int(count) for name, count in found}


def count_runs(make_weir, folder, files):
    """The system calls of a start and of a restart over so many files."""
    folder.mkdir()
    wrapper, counts = traced(folder)
    # Those that stay open are looked at once more at the end.
    f = Follow(make_weir(f"weir-{folder.name}", binary=wrapper), folder, max_open_files=10)
    for number in range(files):
        f.write(f"{number}\n", f"{number}.log")
    f.start().wait(files, 60)
    f.weir.stop()
    first = calls(counts)
    f.weir.start()
    f.write("more\n", "new.log")  # arrives behind all the others
    f.wait(files + 1, 60)
    f.weir.stop()
    return first, calls(counts)


def each(few, many):
    return {name: (count - few.get(name, 0)) / (MANY - FEW) for name, count in many.items()}


def too_many(few, many, limits):
    found = each(few, many)
    return {name: round(found[name], 2) for name, limit in limits.items()
            if found.get(name, 0) > limit}


def test_a_file_costs_few_system_calls_when_it_is_found(make_weir, tmp_path):
    few = count_runs(make_weir, tmp_path / "files-few", FEW)
    many = count_runs(make_weir, tmp_path / "files-many", MANY)
    assert many[0]["openat"] > MANY  # what is counted is the agent
    assert too_many(few[0], many[0], START) == {}
    assert too_many(few[1], many[1], RESTART) == {}


def count_replaced(make_weir, folder, files):
    """The system calls of a restart that finds so many files replaced by others of their names and sizes."""
    folder.mkdir()
    wrapper, counts = traced(folder)
    f = Follow(make_weir(f"weir-{folder.name}", binary=wrapper), folder, max_open_files=10)
    for number in range(files):
        f.write(f"old {number:03}\n", f"app.{number}.log")
    f.start().wait(files, 60)
    f.weir.stop()
    counts.unlink()
    for number in range(files):
        f.write(f"new {number:03}\n", f"fresh.{number}")
        f.path(f"fresh.{number}").rename(f.path(f"app.{number}.log"))
    f.weir.start()
    f.wait(2 * files, 60)
    f.weir.stop()
    return calls(counts)


def test_files_that_were_replaced_are_not_compared_one_by_one(make_weir, tmp_path):
    few = count_replaced(make_weir, tmp_path / "files-few", FEW)
    many = count_replaced(make_weir, tmp_path / "files-many", MANY)
    assert many["openat"] > MANY
    assert too_many(few, many, REPLACED) == {}


def private_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return int(re.search(r"^Private_Dirty:\s+(\d+)", rollup.read(), re.M)[1]) * 1024


def test_a_file_at_rest_takes_little_memory(make_weir, tmp_path):
    taken = {}
    for files in (FILES // 4, FILES):
        folder = tmp_path / str(files)
        folder.mkdir()
        f = Follow(make_weir(f"weir{files}"), folder)
        for number in range(files):
            f.write(f"{number}\n", f"{number}.log")
        f.start().wait(files, 60)
        taken[files] = private_bytes(f.weir.process.pid)
        if files == FILES:
            most = taken[FILES // 4] + (FILES - FILES // 4) * BYTES_PER_FILE
            wait_until(lambda: private_bytes(f.weir.process.pid) <= most, 20 * SLOW,
                       lambda: f"rest at {most} bytes ({private_bytes(f.weir.process.pid)})")
        f.weir.stop()

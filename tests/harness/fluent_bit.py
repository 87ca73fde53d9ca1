# SPDX-License-Identifier: MIT
"""Fluent Bit's database of positions, by the schema of its plugins/in_tail/tail_sql.h; and the program
itself, where WEIR_FLUENT_BIT names one."""
import os
import sqlite3
import subprocess

import pytest

from .process import end, wait_until

COLUMNS = ("id INTEGER PRIMARY KEY, name TEXT NOT NULL, offset INTEGER, inode INTEGER, created INTEGER, "
           "rotated INTEGER DEFAULT 0")
# Of 5.x: XXH3 of the last 32 bytes before the offset, as a signed number.
MARKER = ", offset_marker INTEGER DEFAULT 0, offset_marker_size INTEGER DEFAULT 0"


def note(path, log, offset, inode=None, rotated=0, marker=None):
    """Notes that so much of the file `log` has been read; marker is (hash, size), None an older schema."""
    database = sqlite3.connect(path)
    database.execute(f"create table if not exists in_tail_files({COLUMNS}{MARKER if marker else ''})")
    values = {"name": str(log), "offset": offset, "inode": inode or os.stat(log).st_ino,
              "created": 1_790_000_000, "rotated": rotated}
    if marker:
        values["offset_marker"], values["offset_marker_size"] = marker
    database.execute(f"insert into in_tail_files({','.join(values)}) "
                     f"values({','.join('?' * len(values))})", list(values.values()))
    database.commit()
    database.close()


def rows(path):
    """{name: offset} of what it has noted; empty as long as there is no table."""
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return dict(database.execute("select name, offset from in_tail_files"))
        finally:
            database.close()
    except sqlite3.Error:
        return {}


def run_until(config, condition, log):
    """Runs the program until the condition holds, and ends it as a service would be."""
    program = os.environ.get("WEIR_FLUENT_BIT")
    if not program:
        pytest.skip("WEIR_FLUENT_BIT names no Fluent Bit")
    with open(log, "ab") as out:
        process = subprocess.Popen([program, "-q", "-c", config], cwd=config.parent, stdout=out,
                                   stderr=out)
    try:
        wait_until(condition, 30, "Fluent Bit")
    finally:
        end(process)

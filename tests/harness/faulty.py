# SPDX-License-Identifier: MIT
"""The stream of tests/servers/faulty.c, which makes faults and knows of each line whether it came."""
import json
import pathlib
import subprocess
import urllib.request

from .process import end, free_port, spawn, wait_until
from .weir import BIN

PROGRAM = BIN.parents[1] / "tests/faulty"


def write_lines(path, count):
    """The lines that the stream knows, for a source to read."""
    subprocess.run([PROGRAM, "--lines", str(count), "--write", path], check=True)
    return path


class Faulty:
    """A stream for that many lines, where that percentage of the requests has a fault."""

    def __init__(self, folder, lines, percent, seed=1):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        port_file = self.folder / "port"
        self.process = spawn([PROGRAM, "--lines", lines, "--percent", percent, "--seed", seed,
                              "--port", free_port(), "--port-file", port_file], self.folder / "log")
        port = wait_until(lambda: port_file.exists() and port_file.read_text().strip(), 10,
                          "the stream")
        self.url = f"http://127.0.0.1:{port}"

    def stats(self):
        """What happened, and what was stored; see tests/servers/tally.h."""
        with urllib.request.urlopen(self.url + "/stats", timeout=60) as answer:
            return json.load(answer)

    def close(self):
        end(self.process)

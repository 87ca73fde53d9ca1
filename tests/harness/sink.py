# SPDX-License-Identifier: MIT
"""The counting HTTP sink of tests/servers/sink.c; its comment says what a query makes it do."""
import json
import os
import pathlib
import urllib.request

from .process import end, free_port, spawn, wait_until
from .records import records
from .weir import BIN


class Sink:
    """One sink; with `out` it keeps the bodies it said yes to. Another can follow it on its port."""

    def __init__(self, folder, port=0, out=True):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.out = self.folder / "bodies"
        port_file = self.folder / "port"
        path = os.environ.get("WEIR_SINK") or BIN.parents[1] / "tests/sink"
        self.process = spawn([path, "--port", port or free_port(), "--port-file", port_file,
                              *(["--out", self.out] if out else [])], self.folder / "log")
        self.port = int(wait_until(lambda: port_file.exists() and port_file.read_text().strip(), 10,
                                   "the sink"))
        self.url = f"http://127.0.0.1:{self.port}"

    def _ask(self, method, path):
        request = urllib.request.Request(self.url + path, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def behave(self, query=""):
        self._ask("POST", f"/behave?{query}" if query else "/behave")

    def reset(self):
        """Zeroes the totals."""
        self._ask("POST", "/reset")

    def stats(self):
        return json.loads(self._ask("GET", "/stats"))

    def last(self):
        """The head of the last request, as it came."""
        return self._ask("GET", "/last")

    def records(self):
        """The JSON records of the NDJSON bodies it said yes to; of the one that it is writing, what is whole."""
        return records(self.out)

    def close(self):
        end(self.process)

# SPDX-License-Identifier: MIT
"""Readers of what an output has written."""
import gzip
import json
import pathlib


def lines(path):
    """The complete lines of a file as bytes; a last line without its newline is still being written."""
    path = pathlib.Path(path)
    if not path.exists():
        return []
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.split(b"\n")[:-1]


def records(*paths):
    """The JSON objects of JSON-lines files, in order."""
    return [json.loads(line) for path in paths for line in lines(path)]


def count(path):
    """How many complete lines a file has; cheap enough to poll."""
    try:
        with open(path, "rb") as f:
            return sum(block.count(b"\n") for block in iter(lambda: f.read(1 << 20), b""))
    except FileNotFoundError:
        return 0

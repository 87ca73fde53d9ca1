#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks each line of a file, "string HEX JSON" or "double HEX JSON", against Python's json."""
import json
import math
import struct
import sys

path, expected = sys.argv[1], int(sys.argv[2])
count = 0
# A line ends at \n only: the encoder escapes that, but not U+2028 and the like.
for line in open(path, "rb").read().decode("utf-8").split("\n")[:-1]:
    kind, given, text = line.split(" ", 2)
    got = json.loads(text)
    if kind == "string":
        want = bytes.fromhex(given).decode("utf-8", "replace")
        good = got == want
    else:
        want = struct.unpack(">d", bytes.fromhex(given))[0]
        good = got is None if not math.isfinite(want) else got == want and isinstance(got, float)
        if math.isfinite(want) and len(text) > len(repr(want)):
            good = False
    if not good:
        sys.exit(f"{kind} {given}: got {got!r}, want {want!r}")
    count += 1
if count != expected:
    sys.exit(f"{count} lines, expected {expected}")

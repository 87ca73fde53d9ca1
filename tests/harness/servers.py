# SPDX-License-Identifier: MIT
"""Servers from registries, put into build/servers by tests/servers/install."""
import functools
import subprocess

import pytest

from .weir import ROOT

FOLDER = ROOT / "build/servers"


@functools.cache
def _install(which):
    result = subprocess.run([ROOT / "tests/servers/install", which], capture_output=True, text=True,
                            timeout=700, check=False)
    return "" if result.returncode == 0 else result.stderr.strip() or "tests/servers/install failed"


def need(which):
    """The folder of the servers called `which`, or a skip that says why they are not there."""
    problem = _install(which)
    if problem:
        pytest.skip(problem)
    return FOLDER / which

# SPDX-License-Identifier: MIT
"""The guard on speed that any machine can keep: instructions, not seconds."""
import pathlib
import subprocess
import sys

import pytest

from harness import needs
from harness.weir import BIN

PROGRAM = pathlib.Path(__file__).with_name("instructions")
CANNOT = 3


def test_no_scenario_needs_more_instructions_a_line_than_recorded():
    needs.programs("valgrind")
    result = subprocess.run([sys.executable, PROGRAM, "--build", BIN.resolve().parents[1]],
                            capture_output=True, text=True, check=False)
    if result.returncode == CANNOT:
        pytest.skip(result.stdout.strip())
    assert result.returncode == 0, result.stdout + result.stderr

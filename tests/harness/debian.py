# SPDX-License-Identifier: MIT
"""Where a clean Debian 12 comes from."""
import re
import shutil
import subprocess

import pytest


def mirror():
    """Where this machine's apt gets bookworm from."""
    if not shutil.which("apt-get"):
        pytest.skip("apt-get is not installed")
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"],
        capture_output=True, text=True, check=True).stdout
    found = re.search(r"^(\S+) bookworm$", listed, re.M)
    if not found:
        pytest.skip("this machine's apt has no source of Debian 12")
    return found[1]

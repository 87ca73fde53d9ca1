# SPDX-License-Identifier: MIT
"""The quickstart on a Debian 12 that has nothing but its base system.

The root is made by debootstrap and entered in a mount namespace of its own, so nothing stays mounted.
"""
import os
import shutil
import subprocess

import pytest

from harness import needs
from harness.debian import mirror
from harness.weir import ROOT

LIMIT_S = 900
ENTER = """
mount -t proc proc {root}/proc && mount --bind /dev {root}/dev &&
exec chroot {root} /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin {command}
"""


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=False)


@pytest.fixture
def root(tmp_path):
    """The folder of a bare Debian 12."""
    if os.geteuid() != 0:
        pytest.skip("a clean root needs to be root")
    needs.programs("debootstrap")
    if run("unshare", "--mount", "true").returncode != 0:
        pytest.skip("no mount namespaces on this machine")
    folder = tmp_path / "root"
    source = mirror()
    made = run("debootstrap", "--variant=minbase", "bookworm", folder, source)
    if made.returncode != 0:
        pytest.skip(f"no clean root: {(made.stdout + made.stderr)[-300:]}")
    shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def copy_tree(target):
    """What is checked in, without what was built."""
    files = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], check=True, capture_output=True)
    for name in files.stdout.decode().split("\0"):
        if name and (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def test_the_quickstart_works_on_a_bare_debian_and_again_after_that(root):
    copy_tree(root / "src")
    for _ in range(2):
        done = run("unshare", "--mount", "sh", "-c",
                   ENTER.format(root=root, command="/src/packaging/quickstart"))
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        assert "2400 lines in, 2400 records out" in done.stdout

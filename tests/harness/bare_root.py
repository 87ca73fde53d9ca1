# SPDX-License-Identifier: MIT
"""A root with this machine's programs and libraries, an installed Weir, and nothing else: no settings but
those that came with it, no logs, no network but its own. A second's stand-in for a fresh Debian."""
import os
import pathlib
import shutil
import subprocess

import pytest

from .kit import CACHE, Kit, cached

SHARED = ["/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/share/terminfo", "/etc/alternatives",
          "/dev"]
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64",
         "etc/weir": "/usr/local/etc/weir", "usr/share/weir": "/usr/local/share/weir"}
COPIED = ["passwd", "group", "nsswitch.conf", "ld.so.cache"]
MADE = ["tmp", "proc", "root", "run", "etc", "usr/share", "var/log", "var/lib"]
NAMESPACES = ["--mount", "--net", "--pid", "--fork", "--kill-child"] + (
    [] if os.geteuid() == 0 else ["--user", "--map-root-user"])
ENTER = """
root=$1 script=$2 beside=$3
shift 3
for folder; do mkdir -p "$root$folder"; mount --rbind "$folder" "$root$folder"; done
mount -t proc proc "$root/proc"
ip link set lo up
[ -z "$beside" ] || sh -c "$beside" &
exec chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 TERM=xterm \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c "$script"
"""


class BareRoot:
    def __init__(self, folder):
        if not CACHE.exists() or cached("CMAKE_INSTALL_PREFIX") != "/usr/local":
            pytest.skip("no build for /usr/local")
        self.path = pathlib.Path(folder)
        for name in MADE:
            self.at(name).mkdir(parents=True)
        Kit(self.path)
        for name, target in LINKS.items():
            self.at(name).symlink_to(target)
        for name in COPIED:
            if pathlib.Path("/etc", name).exists():
                shutil.copy(f"/etc/{name}", self.at(f"etc/{name}"))

    def at(self, path):
        return self.path / str(path).lstrip("/")

    def run(self, script, timeout, beside=""):
        """Runs a shell script in there to its end, with `beside` as another in its network, outside of the
        root; what they left running ends with it."""
        return enter(self.path, SHARED, script, timeout, beside)


def enter(root, shared, script, timeout, beside=""):
    """The same for any root, with these folders of this machine in it."""
    tried = subprocess.run(["unshare", *NAMESPACES, "ip", "link"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("no namespaces on this machine")
    return subprocess.run(["unshare", *NAMESPACES, "sh", "-ec", ENTER, "sh", root, script, beside,
                           *(folder for folder in shared if pathlib.Path(folder).is_dir())],
                          capture_output=True, text=True, errors="replace", timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False)

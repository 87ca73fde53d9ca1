# SPDX-License-Identifier: MIT
"""A small filesystem, and how to fill it."""
import contextlib
import subprocess


class Unavailable(Exception):
    """It can't be mounted here."""


@contextlib.contextmanager
def small_disk(path, size="1m"):
    """A tmpfs of that size at the path."""
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", path],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        raise Unavailable(f"can't mount a small tmpfs: {mounted.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def fill(disk):
    """Takes all the room that is left; returns the file to remove."""
    path = disk / "ballast"
    with open(path, "wb", buffering=0) as ballast:
        try:
            while ballast.write(b"\0" * 4096):
                pass
        except OSError:
            pass
    return path

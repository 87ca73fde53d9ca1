# SPDX-License-Identifier: MIT
"""An installed Weir with its plugin kit, as a stranger has it, in a folder of the test's."""
import os
import pathlib
import re
import subprocess

import pytest

from .weir import BIN

BUILD = BIN.parent.parent
CACHE = BUILD / "CMakeCache.txt"


def cached(name):
    """A variable of the build tree's configuration."""
    return re.search(rf"^{name}:\w+=(.*)$", CACHE.read_text(), re.M)[1]


def command(*argv, env=None, check=True, cwd=None, timeout=300):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=timeout,
                          cwd=cwd, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})},
                          check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


class Kit:
    """What `cmake --install` puts under `root`, as if that were /."""

    def __init__(self, root):
        if not CACHE.exists():
            pytest.skip(f"{BUILD} is no build tree")
        self.root = pathlib.Path(root)
        command("cmake", "--install", BUILD, env={"DESTDIR": str(self.root)})
        self.prefix = self.root / cached("CMAKE_INSTALL_PREFIX").lstrip("/")
        self.weir = self.prefix / "bin/weir"
        self.examples = self.prefix / "share/doc/weir-dev/examples"
        self.plugins = self.one("plugins")
        # How pkg-config and the commands of the kit find it here.
        self.env = {"PKG_CONFIG_LIBDIR": str(self.one("weir.pc").parent),
                    "PKG_CONFIG_SYSROOT_DIR": str(self.root), "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1",
                    "WEIR": str(self.weir), "PATH": f"{self.weir.parent}:{os.environ['PATH']}"}

    @classmethod
    def whole(cls, root):
        """One with the pages and completions that are made by running the agent."""
        if CACHE.exists() and cached("WEIR_SANITIZE"):
            pytest.skip("a sanitized build has no pages of plugins and no completions")
        return cls(root)

    def one(self, name):
        found = list(self.prefix.rglob(name))
        assert len(found) == 1, (name, found)
        return found[0]

    def cmake(self, source, build, *options):
        """Configures and builds a project that says find_package(Weir)."""
        command("cmake", "-S", source, "-B", build, *options,
                f"-DWeir_DIR={self.one('WeirConfig.cmake').parent}")
        command("cmake", "--build", build)
        return pathlib.Path(build)

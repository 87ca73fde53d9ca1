# SPDX-License-Identifier: MIT
"""Programs and modules that a test takes beside the project. Where one is missing, a test that somebody
runs by hand is skipped; under tests/run, which says in WEIR_INSTALLED for which purposes of
packaging/dependencies it has installed everything, the test fails: the list is not whole."""
import importlib
import os
import shutil

import pytest

PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


def missing(what, purpose="test"):
    """Ends the test, or all of the module's, for want of what that purpose installs."""
    if purpose in os.environ.get("WEIR_INSTALLED", "").split():
        pytest.fail(f"{what}: not there after packaging/install-dependencies {purpose}")
    pytest.skip(f"{what}: not there (packaging/install-dependencies {purpose})",
                allow_module_level=True)


def programs(*names, purpose="test"):
    absent = [name for name in names if not shutil.which(name, path=PATH)]
    if absent:
        missing(", ".join(absent), purpose)


def module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return missing(f"Python's {name}")

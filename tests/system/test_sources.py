# SPDX-License-Identifier: MIT
"""Rules that every file of the tree keeps."""
import pathlib
import re
import subprocess

from harness import needs

ROOT = pathlib.Path(__file__).resolve().parents[2]
CODE = {".c", ".h", ".cpp", ".py", ".sh", ".cmake"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
LINES_MAX = 600


def tracked():
    """The files of the tree: git's list, or all but what was built where there is no git."""
    found = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=False)
    if found.returncode == 0:
        paths = [ROOT / name for name in found.stdout.decode().split("\0") if name]
    else:
        paths = [p for p in ROOT.rglob("*") if not {"build", ".git"} & set(p.relative_to(ROOT).parts)]
    return [p for p in paths if p.is_file()]


def code():
    return [p for p in tracked() if p.suffix in CODE or p.name == "CMakeLists.txt"]


def test_every_source_file_names_its_licence_first():
    wrong = []
    for path in code():
        if path.is_relative_to(ROOT / "packaging/template"):
            continue  # becomes the stranger's own
        first = path.read_text(errors="replace").splitlines()[:2]
        if not any("SPDX-License-Identifier: MIT" in line for line in first):
            wrong.append(str(path.relative_to(ROOT)))
    assert not wrong, "\n".join(wrong)


def test_nothing_is_marked_as_unfinished():
    wrong = [f"{path.relative_to(ROOT)}:{number}" for path in code() if path != pathlib.Path(__file__)
             for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
             if UNFINISHED.search(line)]
    assert not wrong, "\n".join(wrong)


def test_no_c_file_outgrows_its_noun():
    wrong = [f"{path.relative_to(ROOT)}: {size} lines" for path in code()
             if path.suffix in {".c", ".h", ".cpp"}
             and path.relative_to(ROOT).parts[0] in {"agent", "plugins", "include"}
             and (size := len(path.read_text(errors="replace").splitlines())) > LINES_MAX]
    assert not wrong, "\n".join(wrong)


def test_the_tree_is_formatted():
    needs.programs("clang-format")
    found = subprocess.run([ROOT / "tests/format"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr[-4000:] + "\ntests/format --fix puts it right"

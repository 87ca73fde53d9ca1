# SPDX-License-Identifier: MIT
"""include/weir/README.md does what it says: its code compiles, its commands run, its links lead."""
import os
import re
import subprocess

import pytest

from harness.weir import BIN, ROOT

README = ROOT / "include/weir/README.md"


def block(language):
    """The text of the page's only block in a language."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), re.M | re.S)
    assert len(found) == 1
    return found[0]


def test_a_stranger_who_follows_the_page_gets_what_it_promises(tmp_path):
    commands = block("sh")
    (tmp_path / "mask.c").write_text(block("c"))
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=tmp_path,
        env={**os.environ, "CPATH": str(ROOT / "include"), "PATH": f"{BIN.parent}:{os.environ['PATH']}"},
        capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stderr
    assert "Hides the digits of a field" in done.stdout
    assert done.stdout.splitlines()[-1] + "\n" == block("json")


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_its_code_is_standard_c_without_a_warning(tmp_path, compiler):
    (tmp_path / "mask.c").write_text(block("c"))
    subprocess.run([compiler, "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                    "-fsyntax-only", "-I", ROOT / "include", tmp_path / "mask.c"], check=True)


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
@pytest.mark.parametrize("standard", ["c++11", "c++17", "c++20"])
def test_the_headers_are_standard_cplusplus_without_a_warning(compiler, standard):
    subprocess.run([compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                    "-fsyntax-only", "-I", ROOT / "include", "-x", "c++", "-"], check=True, text=True,
                   input="#include <weir/plugin.h>\n"
                         "extern int newer(const weir_services *host);\n"
                         "int newer(const weir_services *host) { return WEIR_HAS(host, expr_value); }\n"
                         "extern const weir_option options[];\n"
                         "const weir_option options[] = {\n"
                         "    WEIR_OPTION(\"a\", WEIR_TYPE_INT, \"1\", \"doc\"), WEIR_OPTION_END};\n")


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target

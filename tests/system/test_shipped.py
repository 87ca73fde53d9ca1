# SPDX-License-Identifier: MIT
"""What is shipped to users runs as it is: the pipelines of conf.d, the sample, and the README."""
import json
import re
import shutil
import subprocess

import pytest

from harness import needs
from harness.records import records
from harness.weir import ROOT

GENERATOR = ROOT / "packaging/sample/generate.awk"
SHIPPED = sorted(path.stem for path in (ROOT / "conf.d").glob("*.yaml")
                 if not path.name.endswith(".test.yaml"))


def sample(awk="awk", lines=2400):
    return subprocess.run([*awk.split(), "-v", f"lines={lines}", "-f", GENERATOR], check=True,
                          stdin=subprocess.DEVNULL, capture_output=True).stdout


def test_every_shipped_pipeline_passes_the_check(make_weir):
    weir = make_weir(conf_dir=str(ROOT / "conf.d"))
    result = weir.check()
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(SHIPPED)} pipelines" in result.stdout


def test_the_sample_is_varied_and_ships_whole(make_weir, tmp_path):
    log, out = tmp_path / "access.log", tmp_path / "out"
    log.write_bytes(sample())
    lines = log.read_bytes().splitlines()
    assert len(lines) == 2400 and len(set(lines)) > 2300
    weir = make_weir()
    shutil.copy(ROOT / "conf.d/web.yaml", weir.conf_dir)
    weir.env = {"WEIR_WEB_LOGS": str(log), "WEIR_OUT": str(out)}
    weir.run_once()
    requests, unparsed = records(out / "requests.jsonl"), records(out / "unparsed.jsonl")
    assert len(requests) + len(unparsed) == 2400
    assert 0 < len(unparsed) < 20
    assert any(":" in r["clientip"] for r in requests)
    assert len(records(out / "failures.jsonl")) == sum(r["status"] >= 500 for r in requests
                                                       if r["status"])


@pytest.mark.parametrize("awk", ["mawk", "gawk", "original-awk", "busybox awk"])
def test_the_sample_is_the_same_with_every_awk(awk):
    needs.programs(awk.split()[0])
    assert sample(awk, 500) == sample(lines=500)


def test_the_readme_lists_the_plugins_that_there_are(make_weir):
    table = re.findall(r"^\| (input|filter|output) \| `(\w+)` \|",
                       (ROOT / "README.md").read_text(), re.M)
    listed = json.loads(make_weir().command("plugins", "--json", check=True).stdout)
    assert sorted(table) == sorted((p["kind"], p["name"]) for p in listed["plugins"])


def test_the_readmes_pipeline_is_correct(make_weir):
    text = (ROOT / "README.md").read_text()
    pipelines = re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    weir = make_weir()
    for number, pipeline in enumerate(pipelines):
        weir.pipeline(f"readme{number}", pipeline)
    result = weir.check()
    assert pipelines and result.returncode == 0, result.stdout + result.stderr

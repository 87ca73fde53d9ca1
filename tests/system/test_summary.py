# SPDX-License-Identifier: MIT
"""The line `started`: what is running, in one line of the log."""
import json
import re
import socket

import pytest

from harness.process import wait_until
from harness.weir import SLOW


def pipeline(tmp_path, **outputs):
    return {"inputs": [{"tail": {"paths": [str(tmp_path / "*.log")]}}],
            "filters": [{"parse": "json"}, {"where": "status > 1"}],
            "outputs": [{"null": {"name": "a"}}, {"stdout": {}}], **outputs}


def started(weir):
    wait_until(lambda: "[started]" in weir.log(), 20 * SLOW, "the start")
    (line,) = [line for line in weir.log().splitlines() if "[started]" in line]
    return line.split("[started] ")[1]


def test_it_says_what_runs_where(make_weir, tmp_path):
    weir = make_weir(admin=True, workers=2, memory_limit="64MiB")
    weir.pipeline("web", pipeline(tmp_path))
    line = started(weir.start())
    version = weir.command("version").stdout.split()[1]
    assert line.startswith(f"weir {version}: 1 of 1 pipelines run; ")
    assert f"configuration {weir.config} with {weir.conf_dir}, state {weir.state_dir}, " \
        f"admin http://127.0.0.1:{weir.port}/, sandbox on" in line
    assert line.endswith(", 2 workers, memory limit 64 MiB; pipelines: web: tail -> parse -> where -> a + stdout")
    weir.stop()


def test_what_the_sandbox_lacks_is_in_it_and_in_the_status(make_weir, tmp_path):
    weir = make_weir(admin=True)
    weir.pipeline("web", pipeline(tmp_path))
    line = started(weir.start())
    sandbox = weir.status()["sandbox"]
    lacks = re.search(r"sandbox on(.*?), \d+ workers", line)[1]
    assert lacks == "".join(f" without {name} ({why})" for name, why in sandbox.items()
                            if name != "denied" and why)
    weir.stop()


def test_what_is_off_is_said_to_be_off(make_weir, tmp_path):
    weir = make_weir(sandbox="off")
    weir.pipeline("web", pipeline(tmp_path))
    assert ", admin off, sandbox off, " in started(weir.start())
    weir.stop()


def test_an_admin_address_that_others_have_is_not_said_to_be_open(make_weir, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        weir = make_weir()
        weir.configure(admin=f"127.0.0.1:{other.getsockname()[1]}")
        weir.pipeline("web", pipeline(tmp_path))
        assert ", admin off, " in started(weir.start())
        assert "[admin_failed]" in weir.log()
        weir.stop()


def test_pipelines_that_do_not_run_come_first(make_weir, tmp_path):
    weir = make_weir()
    weir.pipeline("a", pipeline(tmp_path))
    weir.pipeline("b", pipeline(tmp_path, on_corrupt_state="nonsense"))
    line = started(weir.start())
    assert "1 of 2 pipelines run; " in line
    assert "; pipelines: b: DOES NOT RUN, " in line and "; a: tail -> " in line
    weir.stop()


def test_of_many_pipelines_some_are_named(make_weir, tmp_path):
    weir = make_weir()
    for i in range(30):
        weir.pipeline(f"p{i:02}", {"inputs": [{"tail": {"paths": [str(tmp_path / "no.log")]}}],
                                   "outputs": ["null"]})
    line = started(weir.start())
    assert line.count("tail -> null") == 20 and line.endswith("; and 10 more")
    weir.stop()


@pytest.mark.parametrize("once", [False, True])
def test_it_is_one_object_of_a_log_in_json(make_weir, tmp_path, once):
    weir = make_weir(log={"format": "json"})
    weir.pipeline("web", pipeline(tmp_path))
    if once:
        weir.run_once()
    else:
        weir.start()
        wait_until(lambda: '"started"' in weir.log(), 20 * SLOW, "the start")
        weir.stop()
    (line,) = [told for told in map(json.loads, weir.log().splitlines()) if told.get("code") == "started"]
    assert line["level"] == "info" and line["text"].startswith("weir ") and "web: tail" in line["text"]

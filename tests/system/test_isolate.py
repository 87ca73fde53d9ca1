# SPDX-License-Identifier: MIT
"""Plugins in processes of their own: what they do there is as in the agent, and their end costs no record."""
import collections
import os
import pathlib
import re
import signal
import shutil
import subprocess
import time

import pytest
import yaml

from harness.process import wait_until
from harness.records import count, lines, records
from harness.weir import BIN, ROOT, SLOW

SANITIZED = bool(re.search(r"asan|tsan", str(BIN)))


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    subprocess.run(["cc", "-O1", "-g", "-fno-omit-frame-pointer", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror",
                    "-I", ROOT / "include", pathlib.Path(__file__).parent / "isolated_plugins.c",
                    "-o", folder / "isolated.so"], check=True)
    return folder


@pytest.fixture
def agent(make_weir, plugins, tmp_path):
    (tmp_path / "marks").mkdir()
    weir = make_weir(admin=True, plugin_dirs=["default", str(plugins)], isolate_timeout="1s")
    # That a plugin aborts is no finding here.
    weir.env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":handle_abort=0"
    return weir


def culprit(tmp_path, how="abort", times=1, **more):
    return {"isolate": "process", "how": how, "marks": f"{tmp_path}/marks", "times": times, **more}


def pipeline(agent, tmp_path, filters, outputs=None):
    agent.pipeline("payments", {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/log"], "start": "beginning"}}],
        "filters": filters,
        "outputs": outputs or [{"file": {"path": f"{tmp_path}/out", "format": "line"}}],
        "dead_letter": [{"file": {"path": f"{tmp_path}/dead"}}]})


def process_of(agent, kind="filters", index=0):
    """What the status says of the process of a stage."""
    return agent.status()["pipelines"][0][kind][index]["process"]


def load(tmp_path, crashes, each=200):
    """Lines of which every so many-th is the end of a process."""
    text = [b"crash-%d" % (i // each) if i % each == each // 2 else b"line %d" % i for i in range(crashes * each)]
    (tmp_path / "log").write_bytes(b"".join(line + b"\n" for line in text))
    return text


# ---- filters ---------------------------------------------------------------------------------------


# A sanitizer makes a report of a fault, which fails the test.
FAULT = pytest.param("fault", marks=pytest.mark.skipif(SANITIZED, reason="a sanitizer reports signals itself"))


@pytest.mark.parametrize("how", [FAULT, "exit", "abort", "hang", "overrun"])
def test_a_filter_that_ends_its_process_costs_no_record_and_repeats_none(agent, tmp_path, how):
    pipeline(agent, tmp_path, [{"mark": culprit(tmp_path, how)}], [
        {"file": {"path": f"{tmp_path}/out", "format": "line"}}])
    text = load(tmp_path, 2)
    agent.run_once()
    assert sorted(lines(tmp_path / "out")) == sorted(text)
    assert count(tmp_path / "dead") == 0
    log = agent.log()
    assert ("plugin_nonsense" if how == "overrun" and "plugin_nonsense" in log else "plugin_crashed") in log
    if how in ("fault", "abort") and not SANITIZED:
        assert f"was ended by {'SIGSEGV' if how == 'fault' else 'SIGABRT'} in process()" in log
        report = next((agent.state_dir / "crashes").glob("*.txt")).read_text()
        assert "in the plugin mark (filter mark of the pipeline payments)" in report


def test_the_end_of_a_process_is_seen_though_a_program_that_it_started_goes_on(agent, tmp_path):
    pipeline(agent, tmp_path, [{"mark": culprit(tmp_path, "orphan")}])
    text = load(tmp_path, 1)
    agent.start()
    wait_until(lambda: count(tmp_path / "out") == len(text), 10 * SLOW, "the lines")
    os.kill(int((tmp_path / "marks/orphan").read_text()), signal.SIGKILL)
    assert lines(tmp_path / "out") == text
    assert "was ended by SIGABRT in process()" in agent.log()  # not: did not come back


@pytest.mark.parametrize("kind", ["filters", "outputs"])
def test_a_plugin_of_which_no_process_does_anything_stops_its_pipeline_and_loses_nothing(agent, tmp_path, kind, long):
    if not long:
        pytest.skip("half a minute; see --long")

    def stages(times):
        if kind == "filters":
            return [{"mark": culprit(tmp_path, times=times)}], None
        return [], [{"teller": culprit(tmp_path, times=times, path=f"{tmp_path}/out")}]
    pipeline(agent, tmp_path, *stages(times=1000000))
    text = [b"crash-%d" % i for i in range(200)]
    (tmp_path / "log").write_bytes(b"".join(line + b"\n" for line in text))
    agent.start()
    wait_until(lambda: "ended 150 times in a row without anything done between" in agent.log(), 90 * SLOW, "the end")
    assert process_of(agent, kind)["restarts"] == 150
    agent.stop(code=1)
    pipeline(agent, tmp_path, *stages(times=0))
    agent.start()
    # The batch is read again: so that some of its records are dead letters already takes nothing from it.
    wait_until(lambda: count(tmp_path / "out") >= len(text), 20 * SLOW, "the lines")
    assert lines(tmp_path / "out") == text


def test_crashes_under_load_lose_nothing_and_repeat_nothing_behind_a_filter(agent, tmp_path, long):
    crashes = 1000 if long else 20
    pipeline(agent, tmp_path, [{"mark": culprit(tmp_path)}])
    text = load(tmp_path, crashes)
    agent.start()
    wait_until(lambda: count(tmp_path / "out") >= len(text), (30 + crashes / 4) * SLOW, "the lines")
    wait_until(lambda: process_of(agent)["restarts"] == crashes, 10 * SLOW, "the crashes to be counted")
    assert agent.metric("weir_plugin_restarts_total", filter="mark") == crashes
    agent.stop()
    assert sorted(lines(tmp_path / "out")) == sorted(text)
    assert count(tmp_path / "dead") == 0


def test_a_record_that_no_process_survives_goes_to_the_dead_letter(agent, tmp_path):
    pipeline(agent, tmp_path, [{"mark": culprit(tmp_path, times=1000)}])
    text = load(tmp_path, 3)
    agent.run_once()
    assert sorted(lines(tmp_path / "out")) == sorted(line for line in text if not line.startswith(b"crash"))
    dead = records(tmp_path / "dead")
    assert sorted(letter["line"] for letter in dead) == ["crash-0", "crash-1", "crash-2"]
    assert {letter["reason"] for letter in dead} == {"plugin_crash"}


def test_what_a_lost_process_held_is_held_by_the_next(agent, tmp_path):
    """Pairs of lines, with an end of the process between the first and the second."""
    pipeline(agent, tmp_path, [{"pair": culprit(tmp_path)}])
    agent.start()
    for i in range(10):
        with open(tmp_path / "log", "ab") as log:
            log.write(b"%d a\n" % i)
        wait_until(lambda held=i: agent.metric("weir_filter_records_held_total") == held + 1, 10 * SLOW, "holding")
        with open(tmp_path / "log", "ab") as log:
            log.write(b"crash-%d\n" % i)
        wait_until(lambda done=i: count(tmp_path / "out") == done + 1, 10 * SLOW, "the pair")
    assert process_of(agent)["restarts"] == 10
    agent.stop()
    assert lines(tmp_path / "out") == [b"%d a+crash-%d" % (i, i) for i in range(10)]
    assert count(tmp_path / "dead") == 0


def test_held_records_outlive_a_kill_from_outside_and_their_timer_runs_again(agent, tmp_path):
    pipeline(agent, tmp_path, [{"pair": culprit(tmp_path, how="timer")}])
    agent.start()
    (tmp_path / "log").write_bytes(b"1 a\n")
    wait_until(lambda: count(tmp_path / "out") == 1, 10 * SLOW, "the timer")
    os.kill(process_of(agent)["pids"][0], signal.SIGSTOP)  # it does not come back from its timer
    with open(tmp_path / "log", "ab") as log:
        log.write(b"2 a\n")
    wait_until(lambda: count(tmp_path / "out") == 2, 20 * SLOW, "the next process's timer")
    assert lines(tmp_path / "out") == [b"1 a+timer", b"2 a+timer"]
    assert "did not come back from process()" in agent.log()


@pytest.mark.parametrize("kind", ["filters", "outputs"])
def test_a_plugin_that_leaks_is_replaced_before_it_takes_everything(agent, plugins, tmp_path, kind):
    agent.configure(plugin_dirs=["default", str(plugins)], isolate_timeout="30s")  # so much memory takes its time
    own = culprit(tmp_path, how="leak")
    if kind == "filters":
        pipeline(agent, tmp_path, [{"mark": own}])
    else:
        pipeline(agent, tmp_path, [], [{"teller": {**own, "path": f"{tmp_path}/out"}}])
    agent.start()
    (tmp_path / "log").write_bytes(b"crash-1\n")
    written = 1

    def replaced():
        nonlocal written
        written += 1
        with open(tmp_path / "log", "ab") as log:
            log.write(b"line %d\n" % written)
        return process_of(agent, kind)["restarts"] >= 1
    wait_until(replaced, 20 * SLOW, "the end of the large process")
    wait_until(lambda: len(set(lines(tmp_path / "out"))) == written, 20 * SLOW, "the lines")
    assert "its memory had grown past its bound" in agent.log()


@pytest.mark.parametrize("kind, how", [("outputs", "leak silently"), ("outputs", "leak in a call"),
                                       ("filters", "leak in a call")])
def test_a_plugin_that_leaks_while_it_says_nothing_is_replaced(agent, plugins, tmp_path, kind, how):
    agent.configure(plugin_dirs=["default", str(plugins)], isolate_timeout="10m")
    own = culprit(tmp_path, how=how)
    if kind == "filters":
        pipeline(agent, tmp_path, [{"mark": own}])
    else:
        pipeline(agent, tmp_path, [], [{"teller": {**own, "path": f"{tmp_path}/out"}}])
    agent.start()
    (tmp_path / "log").write_bytes(b"crash-1\n")
    wait_until(lambda: process_of(agent, kind)["restarts"] == 1, 60 * SLOW, "the end of the large process")
    wait_until(lambda: lines(tmp_path / "out") == [b"crash-1"], 10 * SLOW, "the line")
    assert "its memory had grown past its bound" in agent.log()


def test_an_output_at_rest_wakes_nobody(agent, tmp_path):
    pipeline(agent, tmp_path, [], [{"teller": {**culprit(tmp_path), "path": f"{tmp_path}/out"}}])
    agent.start()
    (tmp_path / "log").write_bytes(b"one\n")
    wait_until(lambda: count(tmp_path / "out") == 1, 10 * SLOW, "the line")
    threads = pathlib.Path(f"/proc/{agent.process.pid}/task")
    waiter, = (task for task in threads.iterdir() if (task / "comm").read_text() == "weir-isolated\n")
    seen = [None, 0]

    def rests():  # twice as long as it takes to look at a process again
        woken = re.search(r"^voluntary_ctxt_switches:.*", (waiter / "status").read_text(), re.M)[0]
        if woken != seen[0]:
            seen[:] = woken, time.monotonic()
        return time.monotonic() - seen[1] > 2.5
    wait_until(rests, 30 * SLOW, "rest")


@pytest.mark.parametrize("isolate", [{}, {"isolate": "process"}])
@pytest.mark.parametrize("kind", ["filters", "outputs"])
def test_values_of_the_state_are_as_large_as_the_abi_says(agent, plugins, tmp_path, kind, isolate):
    own = {**culprit(tmp_path, how="state"), "isolate": "no", **isolate}
    agent.configure(plugin_dirs=["default", str(plugins)], workers=1)  # and so one instance
    if kind == "filters":
        pipeline(agent, tmp_path, [{"mark": own}])
    else:
        pipeline(agent, tmp_path, [], [{"teller": {**own, "path": f"{tmp_path}/out"}}])
    for found in ("nothing", "all"):
        agent.run_once()
        said = re.findall(r"of (\d+) found (.*)", agent.log())[-3:]
        assert said == [("1048575", f"{found}, set"), ("1048576", f"{found}, set"), ("1048577", "nothing, refused")]


# ---- the same as in the agent ----------------------------------------------------------------------

# What a value in place of the options is.
SHORT = {"parse": "format", "where": "expr", "set": "fields", "rename": "fields", "keep": "fields", "remove": "fields"}
SHIPPED = sorted(path.stem for path in (ROOT / "conf.d").glob("*.yaml") if not path.name.endswith(".test.yaml"))


def isolated(stage):
    """A stage as it is written, with `isolate: process`."""
    (plugin, options), = (stage if isinstance(stage, dict) else {stage: {}}).items()
    short = SHORT.get(plugin)
    if short and not (isinstance(options, dict) and (plugin == "parse" or short in options)):
        options = {short: options}
    return {plugin: {**(options or {}), "isolate": "process"}}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_pipelines_pass_their_tests_with_all_filters_isolated(make_weir, name):
    weir = make_weir()
    pipeline = yaml.safe_load((ROOT / f"conf.d/{name}.yaml").read_text())
    pipeline["filters"] = [isolated(stage) for stage in pipeline.get("filters") or []]
    weir.pipeline(name, pipeline)
    shutil.copy(ROOT / f"conf.d/{name}.test.yaml", weir.conf_dir)
    result = weir.command("test", "-c", weir.config)
    assert result.returncode == 0 and " 0 failed" in result.stdout, result.stdout + result.stderr


def test_a_pipeline_writes_the_same_with_everything_isolated(make_weir, tmp_path):
    log = tmp_path / "access.log"
    log.write_bytes(subprocess.run(["awk", "-v", "lines=20000", "-f", ROOT / "packaging/sample/generate.awk"],
                                   check=True, stdin=subprocess.DEVNULL, capture_output=True).stdout)
    written = {}
    for way in ("within", "isolated"):
        weir = make_weir(way)
        pipeline = yaml.safe_load((ROOT / "conf.d/web.yaml").read_text())
        if way == "isolated":
            for kind in ("filters", "outputs"):
                pipeline[kind] = [isolated(stage) for stage in pipeline[kind]]
        weir.pipeline("web", pipeline)
        weir.env = {"WEIR_WEB_LOGS": str(log), "WEIR_OUT": str(tmp_path / f"{way}-out")}
        weir.run_once()
        # What could not be parsed has the time of reading.
        written[way] = {path.name: sorted(re.sub(rb'"@timestamp":"[^"]*"', b"", line) if "unparsed" in path.name else line
                                          for line in lines(path)) for path in (tmp_path / f"{way}-out").iterdir()}
    assert sum(map(len, written["within"].values())) > 20000
    assert written["isolated"] == written["within"]


# ---- outputs ---------------------------------------------------------------------------------------


# The batch of an output can't be written to: a fault.
OVERRUN = pytest.param("overrun", marks=FAULT.marks)


@pytest.mark.parametrize("how", [FAULT, "exit", "hang", OVERRUN])
def test_an_output_that_ends_its_process_loses_nothing_and_repeats_what_was_in_flight(agent, tmp_path, how):
    pipeline(agent, tmp_path, [], [{"teller": culprit(tmp_path, how, path=f"{tmp_path}/out")}])
    text = load(tmp_path, 2)
    agent.run_once()
    got = collections.Counter(lines(tmp_path / "out"))
    assert set(got) == set(text)
    assert max(got.values()) <= 3  # once more for each crash


def test_crashes_under_load_lose_nothing_at_an_output_and_repeats_are_counted(agent, tmp_path, long):
    crashes = 1000 if long else 20
    pipeline(agent, tmp_path, [], [{"teller": culprit(tmp_path, path=f"{tmp_path}/out")}])
    text = load(tmp_path, crashes)
    agent.start()
    wait_until(lambda: agent.metric("weir_output_records_total", outcome="delivered") == len(text),
               (30 + crashes / 2) * SLOW, "every outcome")
    got = collections.Counter(lines(tmp_path / "out"))
    assert set(got) == set(text)
    assert process_of(agent, "outputs")["restarts"] == crashes
    repeated = agent.metric("weir_output_repeated_total")
    assert sum(got.values()) - len(text) <= repeated
    agent.stop()


def test_a_record_that_no_process_of_an_output_survives_goes_to_the_dead_letter(agent, tmp_path):
    pipeline(agent, tmp_path, [], [{"teller": culprit(tmp_path, times=1000, path=f"{tmp_path}/out")}])
    text = load(tmp_path, 2)
    agent.run_once()
    assert set(lines(tmp_path / "out")) == {line for line in text if not line.startswith(b"crash")}
    assert sorted(letter["line"] for letter in records(tmp_path / "dead")) == ["crash-0", "crash-1"]


# ---- the process -----------------------------------------------------------------------------------


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_process_is_replaced_and_the_agent_takes_its_processes_with_it(agent, plugins, tmp_path):
    agent.configure(plugin_dirs=["default", str(plugins)], workers=1)
    pipeline(agent, tmp_path, [{"mark": culprit(tmp_path)}],
             [{"file": {"path": f"{tmp_path}/out", "format": "line", "isolate": "process"}}])
    (tmp_path / "log").write_bytes(b"1\n")
    agent.start()
    wait_until(lambda: count(tmp_path / "out") == 1, 10 * SLOW, "the line")
    for kind in ("filters", "outputs"):
        for pid in process_of(agent, kind)["pids"]:
            os.kill(pid, signal.SIGKILL)
    with open(tmp_path / "log", "ab") as log:
        log.write(b"2\n")
    wait_until(lambda: count(tmp_path / "out") == 2, 10 * SLOW, "the line after")
    assert lines(tmp_path / "out") == [b"1", b"2"]
    pids = process_of(agent)["pids"] + process_of(agent, "outputs")["pids"]
    assert pids and all(alive(pid) for pid in pids)
    agent.kill()
    wait_until(lambda: not any(alive(pid) for pid in pids), 10 * SLOW, "the end of the processes")


def test_a_process_inherits_the_sandbox_and_no_descriptor(agent, tmp_path):
    pipeline(agent, tmp_path, [{"mark": culprit(tmp_path)}])
    agent.start()
    pid = process_of(agent)["pids"][0]
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    assert re.search(r"^NoNewPrivs:\s1$", status, re.M)
    assert re.search(r"^Seccomp:\s2$", status, re.M) or "tsan" in str(BIN)
    files = [os.readlink(path) for path in pathlib.Path(f"/proc/{pid}/fd").iterdir()]
    assert not [name for name in files if "weir.db" in name or name.endswith("/log")], files
    assert pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1:4:2] == [b"isolated", b"payments/mark"]


def test_a_reload_replaces_the_processes(agent, tmp_path):
    pipeline(agent, tmp_path, [{"mark": culprit(tmp_path)}])
    (tmp_path / "log").write_bytes(b"1\n")
    agent.start()
    wait_until(lambda: count(tmp_path / "out") == 1, 10 * SLOW, "the line")
    old = process_of(agent)["pids"]
    pipeline(agent, tmp_path, [{"mark": culprit(tmp_path, times=2)}])
    agent.reload()
    wait_until(lambda: not any(alive(pid) for pid in old), 20 * SLOW, "the end of the old processes")
    with open(tmp_path / "log", "ab") as log:
        log.write(b"2\n")
    wait_until(lambda: count(tmp_path / "out") == 2, 10 * SLOW, "the line after")
    assert lines(tmp_path / "out") == [b"1", b"2"]
    pipeline(agent, tmp_path, [{"set": {"fields": {"a": 1}}}])
    new = process_of(agent)["pids"]
    agent.reload()
    wait_until(lambda: not any(alive(pid) for pid in new), 20 * SLOW, "the end of the processes")


def test_a_plugin_that_cannot_be_created_is_refused_with_its_own_words(agent, tmp_path):
    pipeline(agent, tmp_path, [{"mark": culprit(tmp_path, how="create")}])
    result = agent.check()
    assert result.returncode == 1 and "it does not want to be created" in result.stdout + result.stderr
    result = agent.run_once(check=False)
    assert result.returncode == 1 and "it does not want to be created" in result.stderr


def stages(tmp_path, kind, how):
    """A filter or an output that misbehaves."""
    if kind == "filters":
        return [{"mark": culprit(tmp_path, how=how)}], None
    return [], [{"teller": culprit(tmp_path, how=how, path=f"{tmp_path}/out")}]


@pytest.mark.parametrize("kind", ["filters", "outputs"])
@pytest.mark.parametrize("how, said", [
    ("exit in create()", "ends the process when it is created"),
    ("exit in start()", r"its process end(s|ed) in start\(\)"),
    ("hang in start()", r"did not come back from start\(\)|its process ended in start\(\)")])
def test_a_plugin_whose_processes_do_not_get_going_does_not_start_its_pipeline(agent, tmp_path, kind, how, said):
    pipeline(agent, tmp_path, *stages(tmp_path, kind, how))
    (tmp_path / "log").write_bytes(b"1\n")
    result = agent.run_once(check=False)
    assert result.returncode == 1 and re.search(said, result.stderr), result.stderr
    assert count(tmp_path / "out") == 0
    pipeline(agent, tmp_path, *stages(tmp_path, kind, "fault"))
    agent.run_once()
    assert lines(tmp_path / "out") == [b"1"]


@pytest.mark.parametrize("kind", ["filters", "outputs"])
@pytest.mark.parametrize("how", ["exit in stop()", "hang in stop()", "exit in destroy()", "hang in destroy()"])
def test_a_plugin_that_does_not_end_well_does_not_keep_the_agent(agent, tmp_path, kind, how):
    pipeline(agent, tmp_path, *stages(tmp_path, kind, how))
    (tmp_path / "log").write_bytes(b"1\n")
    agent.start()
    wait_until(lambda: count(tmp_path / "out") == 1, 10 * SLOW, "the line")
    pids = process_of(agent, kind)["pids"]
    agent.stop()
    assert pids and not any(alive(pid) for pid in pids)
    pipeline(agent, tmp_path, *stages(tmp_path, kind, "fault"))
    agent.run_once()
    assert lines(tmp_path / "out") == [b"1"]


def test_metrics_of_an_isolated_plugin_are_the_agents(agent, tmp_path):
    pipeline(agent, tmp_path, [{"mark": culprit(tmp_path)}],
             [{"teller": culprit(tmp_path, path=f"{tmp_path}/out")}])
    (tmp_path / "log").write_bytes(b"".join(b"%d\n" % i for i in range(1000)))
    agent.start()
    wait_until(lambda: agent.metric("weir_mark_lines_total", filter="mark") == 1000, 10 * SLOW, "the filter's")
    wait_until(lambda: agent.metric("weir_teller_lines_total", output="teller") == 1000, 10 * SLOW, "the output's")
    assert process_of(agent)["memory"] > 0


def test_only_filters_and_outputs_can_be_isolated(agent, tmp_path):
    path = agent.pipeline("web", """\
        inputs:
          - tail: { paths: [/tmp/none], isolate: process }
        outputs:
          - stdout: { isolate: thread }
        """)
    result = agent.check()
    assert result.returncode == 1
    said = result.stdout + result.stderr
    assert f"{path}:2:42: error: an input can't have a process of its own" in said
    assert re.search(rf"{path}:4:\d+: .*thread", said)

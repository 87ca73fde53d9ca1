# SPDX-License-Identifier: MIT
"""Plugins that end the process: a report names them, and the next run has every line."""
import re
import signal
import subprocess

import pytest

from harness.process import wait_until
from harness.records import lines
from harness.weir import BIN, ROOT, SLOW

SANITIZED = bool(re.search(r"asan|tsan", str(BIN)))

# A filter that does what its option says when it sees the line "now".
CULPRIT = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weir/plugin.h>
static int32_t create(const struct weir_services *host, struct weir_context *context,
                      const struct weir_node *options, void **ret, struct weir_error *error)
{ (void)host; (void)context; (void)error; *ret = (void *)(uintptr_t)weir_node_text(options, "how"); return 0; }
static void destroy(void *instance) { (void)instance; }
__attribute__((noinline)) static void fault(void) { *(volatile int *)64 = 1; }
__attribute__((noinline)) static int deeper(volatile int *of_caller)
{
    volatile int mine[256] = {*of_caller + 1};
    return mine[0] ? deeper(mine) + mine[0] : 0;
}
static void *in_a_thread(void *user) { (void)user; fault(); return NULL; }
static void act(const char *how)
{
    pthread_t thread;
    if (strcmp(how, "wait") == 0) for (dprintf(2, "waits\\n");;) pause();
    if (strcmp(how, "fault") == 0) fault();
    if (strcmp(how, "abort") == 0) abort();
    if (strcmp(how, "exit") == 0) exit(0);
    if (strcmp(how, "recursion") == 0) { int none = 0; (void)deeper(&none); }
    if (strcmp(how, "leak") == 0) { char *lost = malloc(200 << 20); if (lost) memset(lost, 1, 200 << 20); }
    if (strcmp(how, "thread") == 0 && pthread_create(&thread, NULL, in_a_thread, NULL) == 0) pthread_join(thread, NULL);
}
static int32_t process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
    (void)error;
    for (uint32_t i = 0; i < batch->record_count; i++) {
        struct weir_slice line = weir_record_line(batch, &batch->records[i]);
        if (line.size == 3 && memcmp(line.data, "now", 3) == 0) act(instance);
    }
    return 0;
}
static int32_t start(void *instance, struct weir_error *error)
{ (void)error; if (strcmp(instance, "wait") == 0) act(instance); return 0; }
static const struct weir_option options[] = {WEIR_OPTION("how", WEIR_TYPE_STRING, "not", "What to do"), WEIR_OPTION_END};
static const struct weir_filter_ops ops = {.struct_size = sizeof(ops), .create = create,
                                           .start = start, .destroy = destroy, .process = process};
static const struct weir_plugin plugin = {.struct_size = sizeof(plugin), .kind = WEIR_FILTER,
    .name = "culprit", .version = "1", .summary = "Ends the process", .options = options, .filter = &ops};
static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugins")
    subprocess.run(["cc", "-O1", "-g", "-fno-omit-frame-pointer", "-shared", "-fPIC", "-I", ROOT / "include",
                    "-x", "c", "-", "-o", folder / "filter-culprit.so", "-lpthread"], input=CULPRIT, text=True,
                   check=True)
    return folder


@pytest.fixture
def agent(make_weir, plugins):
    return make_weir(admin=True, plugin_dirs=["default", str(plugins)])


def pipeline(agent, tmp_path, how):
    agent.pipeline("payments", {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/log"], "start": "beginning"}}],
        "filters": [{"culprit": {"how": how, "name": "second"}}],
        "outputs": [{"file": {"path": f"{tmp_path}/out", "format": "line"}}]})


def ends(agent, tmp_path, how):
    """Runs it into the fault; its exit code, and the text of the only report."""
    (tmp_path / "log").write_text("".join(f"line {i}\n" for i in range(1000)))
    pipeline(agent, tmp_path, how)
    agent.start()
    wait_until(lambda: len(lines(tmp_path / "out")) == 1000, 20 * SLOW, "the lines before")
    with open(tmp_path / "log", "a") as log:
        log.write("now\nafter\n")
    code = agent.process.wait(20 * SLOW)
    agent.process = None
    reports = list((agent.state_dir / "crashes").glob("*.txt"))
    assert len(reports) == 1, agent.log()
    assert str(reports[0]) in agent.log()
    assert oct(reports[0].stat().st_mode & 0o777) == "0o600"
    return code, reports[0].read_text()


def nothing_is_lost(agent, tmp_path):
    pipeline(agent, tmp_path, "not")
    agent.run_once()
    assert set(lines(tmp_path / "out")) == {b"line %d" % i for i in range(1000)} | {b"now", b"after"}


NAMED = "in the plugin culprit (filter second of the pipeline payments)"


@pytest.mark.skipif(SANITIZED, reason="a sanitizer reports signals itself")
@pytest.mark.parametrize("how, number", [("fault", signal.SIGSEGV), ("recursion", signal.SIGSEGV),
                                         ("abort", signal.SIGABRT)])
def test_a_plugin_that_crashes_is_named_in_a_report_and_no_line_is_lost(agent, tmp_path, how, number):
    code, report = ends(agent, tmp_path, how)
    assert code == -number
    assert number.name in report and NAMED in report
    assert f"{number.name}" in agent.log() and NAMED in agent.log()
    if how == "fault":
        assert "at the address 0x40 " in report
        # Where it was, from the innermost on: the plugin, and then the agent.
        places = re.findall(r"^  (/\S+)\+0x[0-9a-f]+$", report, re.M)
        assert places[0].endswith("/filter-culprit.so") and any(p == str(BIN.resolve()) for p in places), report
    nothing_is_lost(agent, tmp_path)


@pytest.mark.skipif(SANITIZED, reason="a sanitizer reports signals itself")
def test_a_crash_in_a_thread_of_a_plugins_own_tells_the_file(agent, tmp_path):
    code, report = ends(agent, tmp_path, "thread")
    assert code == -signal.SIGSEGV and "outside of the calls of plugins" in report
    assert re.search(r"^  \S+/filter-culprit\.so\+0x", report, re.M)
    nothing_is_lost(agent, tmp_path)


@pytest.mark.skipif(SANITIZED, reason="a sanitizer reports signals itself")
def test_a_plugin_that_never_comes_back_from_its_start_is_named_when_patience_is_over(agent, tmp_path):
    """SIGABRT is what the unit has systemd send then (TimeoutStartFailureMode)."""
    unit = (ROOT / "packaging/systemd/weir.service.in").read_text()
    assert re.search(r"^Type=notify$.*^TimeoutStartFailureMode=abort$", unit, re.M | re.S)
    (tmp_path / "log").write_text("line\n")
    pipeline(agent, tmp_path, "wait")
    agent.start(ready=False)
    wait_until(lambda: "waits" in agent.log(), 20 * SLOW, "the plugin's wait")
    agent.process.send_signal(signal.SIGABRT)
    assert agent.process.wait(20 * SLOW) == -signal.SIGABRT
    agent.process = None
    (report,) = (agent.state_dir / "crashes").glob("*.txt")
    assert NAMED in report.read_text() and NAMED in agent.log()
    pipeline(agent, tmp_path, "not")
    agent.run_once()
    assert lines(tmp_path / "out") == [b"line"]


def test_a_plugin_that_calls_exit_is_named_and_no_line_is_lost(agent, tmp_path):
    code, report = ends(agent, tmp_path, "exit")
    assert code == 1 and "exit()" in report and NAMED in report
    nothing_is_lost(agent, tmp_path)


def test_an_orderly_end_leaves_no_report_and_old_ones_are_bounded(agent, tmp_path):
    folder = agent.state_dir / "crashes"
    folder.mkdir(parents=True)
    for i in range(15):
        (folder / f"{1700000000 + i}-1.txt").write_text("old\n")
    (tmp_path / "log").write_text("line\n")
    pipeline(agent, tmp_path, "not")
    agent.run_once()
    assert sorted(p.name for p in folder.iterdir()) == [f"{1700000000 + i}-1.txt" for i in range(5, 15)]


def test_the_metrics_tell_the_time_that_each_plugin_takes(agent, tmp_path):
    (tmp_path / "log").write_text("line\n" * 1000)
    pipeline(agent, tmp_path, "not")
    agent.start()
    wait_until(lambda: len(lines(tmp_path / "out")) == 1000, 20 * SLOW, "the lines")
    for kind, name in (("input", "tail"), ("filter", "second"), ("output", "file")):
        labels = {"pipeline": "payments", kind: name}
        assert agent.metric("weir_plugin_call_seconds_count", **labels) >= 1, kind
        assert 0 < agent.metric("weir_plugin_call_seconds_sum", **labels) < 60
        assert agent.metric("weir_plugin_memory_bytes", **labels) == 0
    agent.stop()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's own memory counts as well")
def test_a_plugin_that_leaks_is_suspected_and_the_agent_goes_on(make_weir, plugins, tmp_path):
    """200 MiB, where memory_limit and what an agent has beside it explain 161."""
    agent = make_weir(admin=True, plugin_dirs=["default", str(plugins)], memory_limit="16MiB")
    agent.env = {"WATCHDOG_USEC": "500000"}
    (tmp_path / "log").write_text("line\n")
    pipeline(agent, tmp_path, "leak")
    agent.start()
    wait_until(lambda: len(lines(tmp_path / "out")) == 1, 20 * SLOW, "the line before")
    assert agent.metric("weir_resident_memory_bytes") < 100 << 20
    with open(tmp_path / "log", "a") as log:
        log.write("now\nafter\n")
    wait_until(lambda: "memory_beyond_limit" in agent.log(), 20 * SLOW, "the suspicion")
    (told,) = [line for line in agent.log().splitlines() if "memory_beyond_limit" in line]
    assert "memory_limit (16 MiB), pipelines (1) and files (1) explain 160 at most" in told
    assert "a plugin may leak: culprit (filter second of the pipeline payments)" in told
    assert "file" not in told.split("may leak")[1]  # the agent's own are no suspects
    wait_until(lambda: len(lines(tmp_path / "out")) == 3, 20 * SLOW, "the lines after")
    assert agent.metric("weir_resident_memory_bytes") > 200 << 20
    agent.stop()

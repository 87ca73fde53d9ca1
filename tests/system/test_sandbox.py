# SPDX-License-Identifier: MIT
"""What the agent gives up when it starts, seen from outside by /proc, and felt by what runs in it."""
import ctypes
import json
import os
import re
import subprocess

import pytest

from harness.process import wait_until
from harness.records import lines
from harness.weir import BIN, ROOT, SLOW

PLUGINS = next((p for p in BIN.parent.parent.rglob("weir/plugins") if p.is_dir()), None)
SANITIZED = bool(re.search(r"asan|tsan", str(BIN)))
LANDLOCK_CREATE_RULESET, VERSION_FLAG = 444, 1
# CAP_CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, KILL, SETGID, SETUID, NET_BIND_SERVICE
KEPT = sum(1 << bit for bit in (0, 1, 2, 3, 5, 6, 7, 10))


def landlock_version():
    return ctypes.CDLL(None, use_errno=True).syscall(LANDLOCK_CREATE_RULESET, None, 0, VERSION_FLAG)


def threads(agent):
    """{name: value} of /proc/PID/task/*/status."""
    for task in os.listdir(f"/proc/{agent.process.pid}/task"):
        with open(f"/proc/{agent.process.pid}/task/{task}/status") as status:
            yield dict(re.findall(r"^(\w+):\t(.*)$", status.read(), re.M))


def status(agent):
    return json.loads(agent.get("/status")[1])["sandbox"]


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """The input exec and a filter that makes a call, as somebody builds them."""
    folder = tmp_path_factory.mktemp("plugins")
    source = ROOT / "packaging/examples/exec.c"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-I", ROOT / "include", "-o",
                    folder / "input-exec.so", source, "-lpthread"], check=True)
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-I", ROOT / "include", "-x", "c", "-", "-o",
                    folder / "filter-meddler.so"], input=MEDDLER, text=True, check=True)
    return folder


MEDDLER = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <weir/plugin.h>
static int32_t create(const struct weir_services *host, struct weir_context *context,
                      const struct weir_node *options, void **ret, struct weir_error *error)
{ (void)host; (void)context; (void)error; *ret = (void *)(uintptr_t)weir_node_int(options, "call", 0); return 0; }
static void destroy(void *instance) { (void)instance; }
static int32_t process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
    long result;
    (void)error;
    result = syscall((long)(intptr_t)instance, -1, 0, 0, 0);
    for (uint32_t i = 0; i < batch->record_count; i++)
        if (result != -1 || errno != EPERM) batch->records[i].flags |= WEIR_RECORD_DROPPED;
    return 0;
}
static const struct weir_option options[] = {WEIR_OPTION("call", WEIR_TYPE_INT, NULL, "Number"), WEIR_OPTION_END};
static const struct weir_filter_ops ops = {.struct_size = sizeof(ops), .create = create,
                                           .destroy = destroy, .process = process};
static const struct weir_plugin plugin = {.struct_size = sizeof(plugin), .kind = WEIR_FILTER,
    .name = "meddler", .version = "1", .summary = "Makes a system call", .options = options, .filter = &ops};
static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
"""


@pytest.fixture
def agent(make_weir, examples, tmp_path):
    made = make_weir(admin=True, plugin_dirs=["default", str(examples)])
    made.pipeline("main", {"inputs": [{"tail": f"{tmp_path}/*.log"}],
                           "outputs": [{"file": {"path": f"{tmp_path}/out", "format": "line"}}]})
    return made


def test_every_thread_is_without_what_the_status_says(agent):
    agent.start()
    said = status(agent)
    assert said["capabilities"] is None and said["no_new_privs"] is None and said["denied"] == 0
    for thread in threads(agent):
        assert thread["NoNewPrivs"] == "1"
        for kind in ("CapEff", "CapPrm", "CapInh"):
            assert int(thread[kind], 16) & ~KEPT == 0, (kind, thread["Name"])
        if said["seccomp"] is None:
            assert thread["Seccomp"] == "2"
    text = agent.command("status", "-c", agent.config).stdout
    assert "sandbox: few capabilities, no new privileges" in text
    assert ("read-only system folders (Landlock)" in text) == (landlock_version() >= 2)
    agent.stop()


def test_it_is_off_where_that_is_asked_for(agent):
    agent.configure(sandbox="off", plugin_dirs=["default"])
    agent.start()
    assert status(agent) is None
    assert all(thread["NoNewPrivs"] == "0" for thread in threads(agent)) or \
        "NoNewPrivs:\t1" in open("/proc/self/status").read()
    assert "sandbox" not in agent.command("status", "-c", agent.config).stdout
    agent.stop()


def call_number(name):
    """Of this machine."""
    done = subprocess.run(["cc", "-E", "-P", "-x", "c", "-"], input=f"#include <sys/syscall.h>\nSYS_{name}\n",
                          capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


@pytest.mark.parametrize("name", ["unshare", "mount", "bpf"])
def test_a_plugins_denied_call_fails_and_is_said(agent, tmp_path, name):
    (tmp_path / "a.log").write_text("line\n")
    agent.pipeline("main", {"inputs": [{"tail": {"paths": f"{tmp_path}/a.log", "start": "beginning"}}],
                            "filters": [{"meddler": {"call": call_number(name)}}],
                            "outputs": [{"file": {"path": f"{tmp_path}/out", "format": "line"}}]})
    agent.start()
    if status(agent)["seccomp"]:
        pytest.skip(status(agent)["seccomp"])
    wait_until(lambda: lines(tmp_path / "out") == [b"line"], 20 * SLOW, "EPERM for the plugin")
    if status(agent)["denied"] or not SANITIZED:
        wait_until(lambda: f"the system call {name} of weir" in agent.log(), 20 * SLOW, "the report")
        assert status(agent)["denied"] == 1
        assert "; 1 calls denied" in agent.command("status", "-c", agent.config).stdout
    agent.stop()


def exec_pipeline(agent, tmp_path, *command):
    agent.pipeline("main", {"inputs": [{"exec": {"command": list(command), "interval": "1h"}}],
                            "outputs": [{"file": {"path": f"{tmp_path}/out", "format": "line"}}]})
    agent.start()


def test_a_command_that_makes_a_denied_call_lives_to_say_so(agent, tmp_path):
    exec_pipeline(agent, tmp_path, "sh", "-c", "unshare --mount true 2>&1; echo status $?")
    if status(agent)["seccomp"]:
        pytest.skip(status(agent)["seccomp"])
    wait_until(lambda: b"status 1" in lines(tmp_path / "out"), 20 * SLOW, "the command's end")
    assert b"unshare: unshare failed: Operation not permitted" in lines(tmp_path / "out")
    if not SANITIZED:
        assert "the system call unshare of unshare" in agent.log()
    agent.stop()


CLONE = """
import ctypes, os
libc, NEWUSER, SIGCHLD = ctypes.CDLL(None, use_errno=True), 0x10000000, 17
def call(number, *arguments):
    pid = libc.syscall(number, *arguments)
    if pid == 0:
        os._exit(0)
    print(pid > 0, os.strerror(ctypes.get_errno()), flush=True)
call({clone}, NEWUSER | SIGCHLD, 0, 0, 0, 0)
call({clone3}, (ctypes.c_uint64 * 8)(NEWUSER, 0, 0, 0, SIGCHLD), 64)
print("forked", os.waitstatus_to_exitcode(os.system("exit 3")))
"""


@pytest.mark.skipif(os.uname().machine == "s390x", reason="its clone has the flags elsewhere")
def test_no_clone_makes_a_namespace(agent, tmp_path):
    script = CLONE.format(clone=call_number("clone"), clone3=call_number("clone3"))
    exec_pipeline(agent, tmp_path, "python3", "-c", script)
    if status(agent)["seccomp"]:
        pytest.skip(status(agent)["seccomp"])
    wait_until(lambda: b"forked 3" in lines(tmp_path / "out"), 20 * SLOW, "the command's end")
    assert lines(tmp_path / "out") == [b"False Operation not permitted", b"False Function not implemented",
                                       b"forked 3"]
    if not SANITIZED:
        wait_until(lambda: "the system call clone of python3" in agent.log(), 20 * SLOW, "the report")
    agent.stop()


def test_a_command_works_as_it_does_outside(agent, tmp_path):
    script = f"umask 022; mktemp -d {tmp_path}/made.XXXX >/dev/null && echo x >{tmp_path}/written && " \
             f"ln -s a {tmp_path}/link && mv {tmp_path}/written {tmp_path}/moved && cat /etc/hostname >/dev/null && " \
             "python3 -c 'import subprocess, threading, ssl; print(subprocess.check_output([\"id\", \"-u\"]).decode())'"
    exec_pipeline(agent, tmp_path, "sh", "-c", script)
    wait_until(lambda: lines(tmp_path / "out") == [str(os.geteuid()).encode()], 20 * SLOW, agent.log)
    assert (tmp_path / "moved").exists() and list(tmp_path.glob("made.*"))
    assert status(agent)["denied"] == 0
    agent.stop()


def test_the_systems_folders_cannot_be_written_and_others_can(agent, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("they can't be written anyway")
    target, local = (f"{folder}/weir-test-{os.getpid()}" for folder in ("/etc", "/usr/local"))
    exec_pipeline(agent, tmp_path, "sh", "-c", f"(echo x >{target}) 2>/dev/null || echo denied; "
                  f"echo x >{local} && rm {local} && echo allowed; echo done")
    if status(agent)["landlock"]:
        pytest.skip(status(agent)["landlock"])
    wait_until(lambda: b"done" in lines(tmp_path / "out"), 20 * SLOW, "the command's end")
    assert not os.path.exists(target)
    assert lines(tmp_path / "out") == [b"denied", b"allowed", b"done"]
    agent.stop()


@pytest.mark.parametrize("script", [
    "value=$(cat /proc/sys/vm/swappiness) && echo $value >/proc/sys/vm/swappiness",
    "echo 1000 >/proc/$PPID/oom_score_adj"])
def test_settings_of_the_kernel_and_of_other_processes_cannot_be_written(agent, tmp_path, script):
    if os.geteuid() != 0:
        pytest.skip("they can't be written anyway")
    exec_pipeline(agent, tmp_path, "sh", "-c", f"({script}) 2>/dev/null || echo denied; "
                  "echo said >/dev/stdout; echo nothing >/dev/null; echo done")
    if status(agent)["landlock"]:
        pytest.skip(status(agent)["landlock"])
    wait_until(lambda: b"done" in lines(tmp_path / "out"), 20 * SLOW, "the command's end")
    assert lines(tmp_path / "out") == [b"denied", b"said", b"done"]
    agent.stop()


def test_a_link_at_the_root_opens_no_system_folder(agent, tmp_path):
    link, target = f"/weir-test-link-{os.getpid()}", f"/etc/weir-test-{os.getpid()}"
    if not os.access("/", os.W_OK):
        pytest.skip("only root can make links there")
    os.symlink("etc", link)
    try:
        exec_pipeline(agent, tmp_path, "sh", "-c", f"(echo x >{target}) 2>/dev/null || echo denied; echo done")
    finally:
        os.unlink(link)
    if status(agent)["landlock"]:
        pytest.skip(status(agent)["landlock"])
    wait_until(lambda: b"done" in lines(tmp_path / "out"), 20 * SLOW, "the command's end")
    if os.path.exists(target):
        os.unlink(target)
        pytest.fail("it was written")
    assert lines(tmp_path / "out") == [b"denied", b"done"]
    agent.stop()


def test_a_reload_may_bring_other_folders(agent, tmp_path):
    agent.start()
    for name in ("logs", "elsewhere"):
        (tmp_path / name).mkdir()
    (tmp_path / "logs/new.log").write_text("line\n")
    agent.pipeline("second", {
        "inputs": [{"tail": {"paths": f"{tmp_path}/logs/*.log", "start": "beginning"}}],
        "outputs": [{"file": {"path": f"{tmp_path}/elsewhere/deep/out", "format": "line"}}]})
    agent.reload()
    wait_until(lambda: lines(tmp_path / "elsewhere/deep/out") == [b"line"], 20 * SLOW, "the new pipeline")
    agent.stop()

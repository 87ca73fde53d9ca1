# SPDX-License-Identifier: MIT
"""What the agent tells the manager that runs it, as systemd would hear it."""
import socket
import subprocess

import pytest

from harness.process import wait_until
from harness.records import records
from harness.weir import BIN, ROOT, SLOW

INTERVAL = 0.4
PLUGINS = next((p for p in BIN.parent.parent.rglob("weir/plugins") if p.is_dir()), None)

HANGS = """
#include <unistd.h>
#include <weir/plugin.h>
static int32_t create(const struct weir_services *host, struct weir_context *context,
                      const struct weir_node *options, void **ret, struct weir_error *error)
{ (void)host; (void)context; (void)options; (void)error; *ret = 0; return 0; }
static void destroy(void *instance) { (void)instance; }
static int32_t process(void *instance, struct weir_batch *batch, struct weir_error *error)
{ (void)instance; (void)batch; (void)error; for (;;) pause(); }
static const struct weir_option options[] = {WEIR_OPTION_END};
static const struct weir_filter_ops ops = {.struct_size = sizeof(ops), .create = create,
                                           .destroy = destroy, .process = process};
static const struct weir_plugin hang = {.struct_size = sizeof(hang), .kind = WEIR_FILTER,
    .name = "hang", .version = "1", .summary = "Never returns", .options = options, .filter = &ops};
static const struct weir_plugin *const all[] = {&hang};
WEIR_PLUGINS(all);
"""


class Manager:
    """systemd's end of the socket: what has been said, line by line."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)
        self.said = []

    def hear(self):
        while True:
            try:
                self.said += self.socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.said

    def await_line(self, line, times=1):
        wait_until(lambda: self.hear().count(line) >= times, 20 * SLOW, f"{line} x {times}")


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    address = str(tmp_path / "notify") if request.param == "path" else f"@weir-test-{tmp_path}"
    made = Manager(address.replace("@", "\0", 1) if address[0] == "@" else address)
    made.env = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": str(int(INTERVAL * 1e6 * SLOW))}
    yield made
    made.socket.close()


def follow(weir, tmp_path, **more):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    log.write_text("one\n")
    weir.pipeline("a", {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}], **more,
                        "outputs": [{"file": {"path": str(out)}}]})
    return out


def test_the_manager_hears_of_the_start_the_pulse_and_the_stop(weir, manager, tmp_path):
    out = follow(weir, tmp_path)
    weir.env = manager.env
    weir.start()
    manager.await_line("READY=1")
    assert "STATUS=1 of 1 pipelines run" in manager.said
    wait_until(lambda: records(out), 10 * SLOW, "the record")
    manager.await_line("WATCHDOG=1", 3)
    assert "STOPPING=1" not in manager.hear()
    weir.stop()
    manager.await_line("STOPPING=1")
    # shutdown_timeout and ten seconds to commit.
    assert "EXTEND_TIMEOUT_USEC=20000000" in manager.said


def test_the_manager_hears_of_a_reload(weir, manager, tmp_path):
    out = follow(weir, tmp_path)
    weir.env = manager.env
    weir.start()
    manager.await_line("READY=1")
    wait_until(lambda: records(out), 10 * SLOW, "the record")
    follow(weir, tmp_path, filters=[{"set": {"x": 1}}])
    weir.command("reload", "-c", weir.config, check=True)
    manager.await_line("READY=1", 2)
    said = manager.hear()
    reloading = said.index("RELOADING=1")
    assert said[reloading + 1].startswith("MONOTONIC_USEC=") and "READY=1" in said[reloading:]
    # The pulse goes on while a reload waits for a destination.
    weir.pipeline("a", {"inputs": [{"tail": {"paths": [str(tmp_path / "a.log")]}}],
                        "outputs": [{"http": {"url": "http://127.0.0.1:1/"}}]})
    weir.command("reload", "-c", weir.config, check=True)
    with open(tmp_path / "a.log", "a", encoding="utf-8") as log:
        log.write("two\n")
    wait_until(lambda: weir.metric("weir_output_in_flight_records", output="http") == 1,
               10 * SLOW, "the record on its way")
    weir.configure(drain_timeout="1h", shutdown_timeout="0s")
    follow(weir, tmp_path)
    weir.reload()
    wait_until(lambda: manager.hear().count("RELOADING=1") == 3, 10 * SLOW, "the reload")
    heard = manager.hear().count("WATCHDOG=1")
    manager.await_line("WATCHDOG=1", heard + 3)
    assert manager.said.count("READY=1") == 3
    weir.stop()


def test_a_destination_that_is_gone_does_not_starve_the_watchdog(weir, manager, tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one\n")
    weir.pipeline("a", {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                        "outputs": [{"http": {"url": "http://127.0.0.1:1/"}}]})
    weir.configure(shutdown_timeout="0s")
    weir.env = manager.env
    weir.start()
    wait_until(lambda: weir.metric("weir_input_records_total") >= 1, 10 * SLOW, "the record")
    heard = manager.hear().count("WATCHDOG=1")
    manager.await_line("WATCHDOG=1", heard + 5)
    weir.stop(code=4)


def test_a_plugin_that_hangs_starves_the_watchdog(weir, manager, tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir(mode=0o755)
    (tmp_path / "hang.c").write_text(HANGS)
    subprocess.run(["cc", "-I", ROOT / "include", "-shared", "-fPIC", "-o", folder / "hang.so",
                    tmp_path / "hang.c"], check=True)
    weir.configure(plugin_dirs=[str(PLUGINS), str(folder)])
    follow(weir, tmp_path, filters=[{"hang": {}}])
    weir.env = manager.env
    weir.start()
    wait_until(lambda: "[stuck]" in weir.log() or " stuck " in weir.log(), 20 * SLOW, "the complaint")
    assert "a worker has been at one task for" in weir.log()
    # Starved from here on: the agent goes on to take its own pulse, and finds none.
    heard = manager.hear().count("WATCHDOG=1")
    wait_until(lambda: weir.log().count("at one task") >= 4, 20 * SLOW, "further complaints")
    assert manager.hear().count("WATCHDOG=1") == heard
    weir.kill()


def test_without_a_manager_nothing_is_said_and_a_socket_that_is_gone_is_no_trouble(weir, tmp_path):
    out = follow(weir, tmp_path)
    weir.env = {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "100000",
                "WATCHDOG_PID": "1"}
    weir.start()
    wait_until(lambda: records(out), 10 * SLOW, "the record")
    weir.stop()

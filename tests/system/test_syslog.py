# SPDX-License-Identifier: MIT
"""The input syslog: what senders send, what becomes of it, and when they are told."""
import datetime
import os
import shutil
import socket
import struct
import subprocess
import threading

import pytest

from harness import needs, syslog
from harness.process import end, free_port, listening, spawn, wait_until
from harness.records import count, records
from harness.weir import SLOW

DEADLINE = 30 * SLOW

EXAMPLE = (b'<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 '
           b'[exampleSDID@32473 iut="3" eventSource="App\\"li\\]c\\\\ation" eventID="1011"]'
           b'[examplePriority@32473 class="high"] \xef\xbb\xbfAn application event log entry...')
PARSED = {"facility": "local4", "severity": "notice", "hostname": "mymachine.example.com",
          "app_name": "evntslog", "procid": None, "msgid": "ID47",
          "structured_data": {"exampleSDID@32473": {"iut": "3", "eventSource": 'App"li]c\\ation',
                                                    "eventID": "1011"},
                              "examplePriority@32473": {"class": "high"}},
          "message": "An application event log entry..."}
BSD = {"msgid": None, "structured_data": None}


@pytest.fixture
def listening_weir(weir, tmp_path):
    """listening_weir(options) -> port, with the records in tmp_path/out."""

    def start(outputs=None, **options):
        port = free_port()
        weir.pipeline("main", {
            "inputs": [{"syslog": {"listen": f"127.0.0.1:{port}", **options}}],
            "outputs": outputs or [{"file": {"path": str(tmp_path / "out")}}]})
        weir.start()
        wait_until(lambda: listening(port), DEADLINE, "the listener")
        return port

    return start


def got(tmp_path, number):
    wait_until(lambda: count(tmp_path / "out") >= number, DEADLINE, f"{number} records")
    found = records(tmp_path / "out")
    assert len(found) == number, found
    return found


@pytest.mark.parametrize("framing", [syslog.counted, syslog.lines])
def test_the_example_of_rfc_5424_in_both_framings(weir, tmp_path, listening_weir, framing):
    port = listening_weir(outputs=[{"file": {"path": str(tmp_path / "out"),
                                             "metadata": ["timestamp", "position"]}}])
    assert syslog.send(port, framing(EXAMPLE, EXAMPLE))
    first, second = got(tmp_path, 2)
    assert first == {"@timestamp": "2003-10-11T22:14:15.003Z", "@position": 0, **PARSED}
    assert second["@position"] == len(framing(EXAMPLE))
    weir.stop()


@pytest.mark.parametrize("message, fields, stamp", [
    (b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
     {"facility": "auth", "severity": "crit", "hostname": "mymachine", "app_name": "su",
      "procid": None, "message": "'su root' failed"}, "10-11T22:14:15Z"),
    (b"<13>Feb  5 17:32:18 10.0.0.99 app[123]: text: more",
     {"facility": "user", "severity": "notice", "hostname": "10.0.0.99", "app_name": "app",
      "procid": "123", "message": "text: more"}, "02-05T17:32:18Z"),
    (b"<13>Oct 11 22:14:15 root: no host",
     {"facility": "user", "severity": "notice", "hostname": None, "app_name": "root",
      "procid": None, "message": "no host"}, "10-11T22:14:15Z"),
    (b"<0>2023-10-11T22:14:15.5+02:00 host kernel: x",
     {"facility": "kern", "severity": "emerg", "hostname": "host", "app_name": "kernel",
      "procid": None, "message": "x"}, "2023-10-11T20:14:15.500Z"),
    (b"<191>Oct 11 22:14:15 host words without a tag",
     {"facility": "local7", "severity": "debug", "hostname": "host", "app_name": None,
      "procid": None, "message": "words without a tag"}, "10-11T22:14:15Z"),
    (b"<14>just text", {"facility": "user", "severity": "info", "hostname": None, "app_name": None,
                        "procid": None, "message": "just text"}, None),
])
def test_rfc_3164_as_it_is_seen(weir, tmp_path, listening_weir, message, fields, stamp):
    port = listening_weir(outputs=[{"file": {"path": str(tmp_path / "out"),
                                             "metadata": ["timestamp"]}}], zone="UTC")
    assert syslog.send(port, message + b"\r\n")
    record, = got(tmp_path, 1)
    when = record.pop("@timestamp")
    assert record == {**BSD, **fields}
    if stamp:
        assert when.endswith(stamp)
    else:
        assert when.startswith(str(datetime.datetime.now(datetime.timezone.utc).year))
    weir.stop()


@pytest.mark.parametrize("line", [
    b"no priority", b"<192>too high", b"<13 no end", b"<13>1 no-time host app - - - text",
    b"<13>1 - host app - - [broken text", b"<13>1 - host", "<\u00e4>".encode(), b"\xff\x00\xfe"])
def test_what_cannot_be_parsed_passes_as_it_came_with_a_flag(weir, tmp_path, listening_weir, line):
    port = listening_weir()
    assert syslog.send(port, line + b"\n" + b"<13>fine\n")
    bad, good = got(tmp_path, 2)
    assert bad["message"] == line.decode(errors="replace") and bad["parse_error"]
    assert good["message"] == "fine" and "parse_error" not in good
    assert weir.metric("weir_syslog_unparsed_messages_total") == 1
    weir.stop()


def test_bytes_that_arrive_one_by_one_make_the_same_messages(weir, tmp_path, listening_weir):
    port = listening_weir()
    with syslog.connect(port) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in syslog.counted(EXAMPLE) + b"<13>a line\n" + syslog.counted(b"<13>end"):
            sock.sendall(bytes([byte]))
        assert syslog.acknowledged(sock)
    assert [r["message"] for r in got(tmp_path, 3)] == [PARSED["message"], "a line", "end"]
    weir.stop()


def test_a_message_over_the_limit_comes_in_parts_and_the_next_is_whole(weir, tmp_path,
                                                                        listening_weir):
    port = listening_weir(max_message=480)
    long = b"<13>" + b"".join(b"%07d " % n for n in range(200))
    assert syslog.send(port, syslog.counted(long, b"<14>after") + syslog.lines(long, b"<14>last"))
    found = got(tmp_path, 10)
    assert [r["message"] for r in found if r.get("severity") == "info"] == ["after", "last"]
    parts = "".join(r["message"] for r in found if r.get("severity") != "info")
    assert parts == 2 * long[4:].decode()
    assert weir.metric("weir_syslog_cut_messages_total") == 2
    weir.stop()


def test_the_unfinished_message_of_a_sender_that_goes_is_kept(weir, tmp_path, listening_weir):
    port = listening_weir()
    assert syslog.send(port, b"<13>whole\n<13>no newline")
    assert syslog.send(port, b"50 <13>cut short")
    assert [r["message"] for r in got(tmp_path, 3)] == ["whole", "no newline", "cut short"]
    weir.stop()


def test_the_end_comes_when_every_message_is_dealt_with_and_not_before(weir, listening_weir,
                                                                       scripted):
    opened = threading.Event()
    server = scripted(lambda body, number: 200 if opened.is_set() else 503)
    port = listening_weir(outputs=[{"http": {
        "url": server.url, "linger": "0s",
        "retry": {"backoff_min": "10ms", "backoff_max": "50ms"}}}])
    sock = syslog.connect(port, timeout=0.3)
    sock.sendall(b"<13>wait for me\n")
    sock.shutdown(socket.SHUT_WR)
    with pytest.raises(TimeoutError):
        sock.recv(1)
    opened.set()
    sock.settimeout(DEADLINE)
    assert sock.recv(1) == b""
    assert len(server.lines()) == 1
    sock.close()
    wait_until(lambda: weir.metric("weir_syslog_connections") == 0, DEADLINE, "no connection")
    weir.stop()


def test_a_queue_on_disk_acknowledges_while_the_destination_is_gone(weir, tmp_path, listening_weir):
    port = listening_weir(outputs=[{"http": {
        "url": f"http://127.0.0.1:{free_port()}/", "buffer": "4MiB"}}])
    weir.configure(shutdown_timeout="200ms")
    assert syslog.send(port, syslog.lines(*(b"<13>%d" % n for n in range(1000))))
    weir.kill()
    listed = weir.command("spool", "list", "-c", weir.config, check=True).stdout
    assert "1000 records wait" in listed


def test_a_killed_agent_resets_its_senders(weir, listening_weir, scripted):
    server = scripted(lambda body, number: 503)
    port = listening_weir(outputs=[{"http": {"url": server.url}}])
    sock = syslog.connect(port)
    sock.sendall(b"<13>unsure\n")
    sock.shutdown(socket.SHUT_WR)
    wait_until(lambda: server.asked, DEADLINE, "the record on its way")
    weir.kill()
    with pytest.raises(ConnectionResetError):
        sock.recv(1)
    sock.close()


def test_a_sender_that_resets_costs_nothing_that_arrived(weir, tmp_path, listening_weir):
    port = listening_weir()
    sock = syslog.connect(port)
    sock.sendall(b"<13>before the reset\n")
    got(tmp_path, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    wait_until(lambda: weir.metric("weir_syslog_connections") == 0, DEADLINE, "no connection")
    weir.stop()


def test_senders_wait_while_the_destination_does(weir, tmp_path, listening_weir, scripted):
    opened = threading.Event()
    server = scripted(lambda body, number: 200 if opened.is_set() else 503)
    weir.configure(memory_limit="4MiB")
    port = listening_weir(outputs=[{"http": {
        "url": server.url, "retry": {"backoff_min": "10ms", "backoff_max": "50ms"}}}])
    messages = [b"<13>%06d %s" % (n, b"x" * 1000) for n in range(20000)]  # 20 MB
    sent, done = threading.Event(), []

    def sender():
        with syslog.connect(port, DEADLINE) as sock:
            sock.sendall(syslog.counted(*messages))
            sent.set()
            done.append(syslog.acknowledged(sock))

    thread = threading.Thread(target=sender)
    thread.start()
    wait_until(lambda: server.asked > 3, DEADLINE, "tries")
    assert not sent.wait(0.5)  # held back by TCP
    assert weir.status()["pipelines"][0]["memory"]["peak"] <= 4 << 20
    opened.set()
    thread.join(DEADLINE)
    assert done == [True] and len(server.lines()) == 20000
    weir.stop()


def test_connections_beyond_the_bound_wait_for_their_turn(weir, tmp_path, listening_weir):
    port = listening_weir(max_connections=3)
    first = [syslog.connect(port) for _ in range(3)]
    for number, sock in enumerate(first):
        sock.sendall(b"<13>first %d\n" % number)
    got(tmp_path, 3)
    late = syslog.connect(port)
    late.sendall(b"<13>late\n")
    wait_until(lambda: "syslog_full" in weir.log(), DEADLINE, "the word of it")
    assert weir.metric("weir_syslog_connections") == 3
    assert count(tmp_path / "out") == 3
    assert syslog.acknowledged(first.pop())
    got(tmp_path, 4)
    assert all(syslog.acknowledged(sock) for sock in [late, *first])
    weir.stop()


def test_many_senders_at_once_lose_nothing_and_keep_their_order(weir, tmp_path, listening_weir):
    port = listening_weir()
    results = []

    def sender(name):
        results.append(syslog.send(port, syslog.counted(
            *(b"<13>1 - host s%d - - - %d" % (name, n) for n in range(500))), DEADLINE))

    threads = [threading.Thread(target=sender, args=[name]) for name in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 40
    found = {}
    for record in records(tmp_path / "out"):
        found.setdefault(record["app_name"], []).append(record["message"])
    assert found == {f"s{name}": [str(n) for n in range(500)] for name in range(40)}
    weir.stop()


def test_an_address_in_use_is_named(weir, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        weir.pipeline("main", {"inputs": [{"syslog": address}], "outputs": [{"null": {}}]})
        weir.pipeline("other", {"inputs": [{"tail": {"paths": [f"{tmp_path}/x"]}}],
                                "outputs": [{"null": {}}]})
        weir.start()
        wait_until(lambda: f"can't listen on {address}: Address already in use" in weir.log(),
                   DEADLINE, "the reason")


def test_the_address_is_free_again_after_a_restart(weir, tmp_path, listening_weir):
    port = listening_weir()
    held = syslog.connect(port)
    held.sendall(b"<13>one\n")
    got(tmp_path, 1)
    weir.restart()
    wait_until(lambda: listening(port), DEADLINE, "the listener")
    assert syslog.send(port, b"<13>two\n")
    got(tmp_path, 2)
    held.close()
    weir.stop()


# ---- senders that others wrote ----


@pytest.mark.parametrize("options, wanted", [
    (["--rfc5424", "--octet-count"], {"app_name": "tag", "procid": "77", "msgid": "M"}),
    (["--rfc5424"], {"app_name": "tag", "procid": "77", "msgid": "M"}),
    (["--rfc3164"], {"app_name": "tag", "procid": "77"}),
])
def test_logger_is_understood(weir, tmp_path, listening_weir, options, wanted):
    needs.programs("logger")
    port = listening_weir()
    msgid = ["--msgid", "M"] if "msgid" in wanted else []
    subprocess.run(["logger", "-T", "-n", "127.0.0.1", "-P", str(port), "-p", "mail.warning", "-t",
                    "tag", "--id=77", *options, *msgid, "a message: with [marks]"], check=True)
    record, = got(tmp_path, 1)
    assert record["message"] == "a message: with [marks]"
    assert (record["facility"], record["severity"]) == ("mail", "warning")
    assert record["hostname"] == socket.gethostname().split(".")[0]
    assert {key: record[key] for key in wanted} == wanted
    weir.stop()


@pytest.mark.parametrize("template, framing", [
    ("RSYSLOG_SyslogProtocol23Format", "octet-counted"), ("RSYSLOG_ForwardFormat", "traditional")])
def test_rsyslog_is_understood(weir, tmp_path, listening_weir, template, framing):
    rsyslogd = shutil.which("rsyslogd") or shutil.which("/usr/sbin/rsyslogd")
    if not rsyslogd or not os.path.exists("/usr/lib/x86_64-linux-gnu/rsyslog/imtcp.so"):
        pytest.skip("no rsyslog, and a test brings no logging daemon to a machine")
    port, entry = listening_weir(), free_port()
    (tmp_path / "rsyslog.conf").write_text(f"""
        global(workDirectory="{tmp_path}")
        module(load="/usr/lib/x86_64-linux-gnu/rsyslog/imtcp.so")
        input(type="imtcp" port="{entry}" address="127.0.0.1")
        action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp"
               tcp_framing="{framing}" template="{template}")
        """)
    process = spawn([rsyslogd, "-n", "-f", tmp_path / "rsyslog.conf", "-i", tmp_path / "pid"],
                    tmp_path / "rsyslog.log")
    try:
        wait_until(lambda: listening(entry), DEADLINE, "rsyslog")
        with syslog.connect(entry) as sock:
            for n in range(300):
                sock.sendall(b"<38>1 2024-05-06T07:08:09.123456Z far app %d ID - number %d\n" % (n, n))
        found = got(tmp_path, 300)
    finally:
        end(process)
    assert [r["message"] for r in found] == [f"number {n}" for n in range(300)]
    assert {(r["facility"], r["severity"], r["hostname"], r["app_name"]) for r in found} == {
        ("auth", "info", "far", "app")}
    assert [r["procid"] for r in found] == [str(n) for n in range(300)]
    weir.stop()

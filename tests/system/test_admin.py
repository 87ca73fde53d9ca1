# SPDX-License-Identifier: MIT
"""The admin address and `weir status`."""
import http.client
import json
import socket
import threading

import pytest

from harness import needs
from harness.process import free_port, wait_until
from harness.records import count

STATUS_OUTPUT = {"name", "plugin", "delivered", "dead_lettered", "dropped", "not_routed",
                 "delivered_before",
                 "in_flight", "requests", "retries", "stalled"}


@pytest.fixture
def running(weir, tmp_path):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    log.write_text("one\ntwo\nthree\n")
    weir.pipeline("web", {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                          "outputs": [{"file": {"path": str(out)}}]})
    weir.start()
    wait_until(lambda: count(out) == 3, 10, "the records")
    return weir


def ask(weir, method, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", weir.port, timeout=10)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def test_health_is_200_and_ok(running):
    status, headers, body = ask(running, "GET", "/health")
    assert (status, body) == (200, "ok\n")
    assert headers["Content-Type"].startswith("text/plain")


def test_metrics_are_valid_openmetrics(running):
    parser = needs.module("prometheus_client.openmetrics.parser")
    status, headers, body = ask(running, "GET", "/metrics",
                                Accept="application/openmetrics-text;version=1.0.0")
    assert status == 200 and headers["Content-Type"].startswith("application/openmetrics-text")
    families = {f.name: f for f in parser.text_string_to_metric_families(body)}
    assert families["weir_input_records"].type == "counter"
    assert all(f.documentation for f in families.values())
    # The older format has the same lines under its own name.
    _, headers, older = ask(running, "GET", "/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    older_parser = needs.module("prometheus_client.parser")
    samples = [s for f in older_parser.text_string_to_metric_families(older) for s in f.samples]
    assert any(s.name == "weir_input_records_total" and s.value == 3 for s in samples)


def test_status_is_the_documented_json(running):
    status, headers, body = ask(running, "GET", "/status")
    assert status == 200 and headers["Content-Type"] == "application/json"
    document = json.loads(body)
    assert {"version", "host", "uptime_seconds", "state", "memory", "pipelines"} <= set(document)
    (pipeline,) = document["pipelines"]
    assert pipeline["name"] == "web" and pipeline["state"] == "running"
    assert pipeline["inputs"][0]["records"] == 3 and pipeline["inputs"][0]["lag_bytes"] == 0
    assert STATUS_OUTPUT <= set(pipeline["outputs"][0])
    wait_until(lambda: json.loads(ask(running, "GET", "/status")[2])["pipelines"][0]["outputs"][0]
               ["delivered"] == 3, 10, "the outcomes")


def test_other_pages_and_methods_are_turned_down(running):
    assert ask(running, "GET", "/")[0] == 200
    assert ask(running, "HEAD", "/status")[0] == 200
    assert ask(running, "GET", "/nothing")[0] == 404
    assert ask(running, "GET", "/../etc/passwd")[0] == 404
    status, headers, _ = ask(running, "POST", "/status")
    assert status == 405 and "GET" in headers["Allow"]


def test_a_page_of_another_site_cannot_ask(running):
    assert ask(running, "GET", "/status", Host="rebound.example:80")[0] == 421
    assert ask(running, "GET", "/status", Host="localhost:1")[0] == 200
    assert ask(running, "GET", "/status", Host="[::1]:1")[0] == 200


def test_one_address_cannot_take_every_connection(running):
    silent = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(64)]
    other = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10, source_address=("127.0.0.2", 0))
    other.request("GET", "/health")
    assert other.getresponse().status == 200
    other.close()
    for one in silent:
        one.close()


def test_it_listens_on_loopback_only(weir):
    weir.configure(admin="0.0.0.0:9712")
    result = weir.check()
    assert result.returncode == 1 and "loopback" in result.stdout + result.stderr


def test_a_taken_port_is_said_and_the_pipelines_run(make_weir, tmp_path):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    log.write_text("x\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        weir = make_weir(admin=False)
        weir.configure(admin=f"127.0.0.1:{taken.getsockname()[1]}")
        weir.pipeline("p", {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                            "outputs": [{"file": {"path": str(out)}}]})
        weir.start()
        wait_until(lambda: count(out) == 1, 10, "the record")
        wait_until(lambda: "admin_failed" in weir.log(), 10, "the complaint")
        assert "cannot listen" in weir.log()
        weir.stop()


def test_a_port_of_zero_is_any_and_is_logged(make_weir, tmp_path):
    weir = make_weir(admin=False)
    weir.configure(admin="127.0.0.1:0")
    weir.pipeline("p", {"inputs": [{"tail": {"paths": [str(tmp_path / "none.log")]}}],
                        "outputs": [{"null": {}}]})
    weir.start()
    wait_until(lambda: "admin_listening" in weir.log(), 10, "the address")
    weir.port = int(weir.log().split("http://127.0.0.1:")[1].split("/")[0])
    assert weir.get("/health") == (200, "ok\n")
    weir.stop()


def test_status_shows_what_runs(running):
    result = running.command("status", "-c", running.config)
    assert result.returncode == 0, result.stderr
    assert "web  running" in result.stdout
    assert "3 records, 14 B from 1 source" in result.stdout
    assert "3 delivered" in result.stdout
    as_json = running.command("status", "-c", running.config, "--json")
    assert json.loads(as_json.stdout)["pipelines"][0]["name"] == "web"


def test_status_says_what_is_stalled_and_fails(weir, make_sink, tmp_path):
    log, sink = tmp_path / "a.log", make_sink()
    log.write_text("x\n")
    sink.behave("status=403")
    weir.pipeline("p", {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                        "outputs": [{"http": {"url": sink.url + "/in", "linger": "10ms"}}]})
    weir.configure(shutdown_timeout="100ms", admin=f"127.0.0.1:{weir.port}")
    weir.start()
    wait_until(lambda: weir.get("/health")[0] == 503, 10, "bad health")
    result = weir.command("status", "-c", weir.config)
    assert result.returncode == 1 and "stalled" in result.stdout and "403" in result.stdout
    assert weir.command("status", "-c", weir.config, "--json").returncode == 1
    weir.stop(code=4)


def test_status_of_an_agent_that_does_not_run(make_weir):
    weir = make_weir(admin=False)
    weir.configure(admin=f"127.0.0.1:{free_port()}")
    result = weir.command("status", "-c", weir.config)
    assert result.returncode == 3 and "not running" in result.stderr and not result.stdout


def test_status_when_admin_is_off(make_weir):
    weir = make_weir(admin=False)
    result = weir.command("status", "-c", weir.config)
    assert result.returncode == 1 and "off" in result.stderr


def test_status_of_something_else_on_the_port(make_weir):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        weir = make_weir(admin=False)
        weir.configure(admin=f"127.0.0.1:{other.getsockname()[1]}")
        def answer():
            connection, _ = other.accept()
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        result = weir.command("status", "-c", weir.config)
    assert result.returncode == 1 and "not Weir" in result.stderr

# SPDX-License-Identifier: MIT
"""The http output of the real agent: bad servers, secrets, certificates, stopping."""
import json
import time

import pytest

from harness.nginx import certificate
from harness.process import free_port, wait_until

FAST = {"linger": "10ms", "retry": {"backoff_min": "10ms", "backoff_max": "100ms"}}


def pipeline(log, url, **options):
    return {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
            "outputs": [{"http": {"url": url, **FAST, **options}}]}


def write(log, count, first=0):
    with open(log, "a", encoding="utf-8") as f:
        f.writelines(f"line {n}\n" for n in range(first, first + count))


def messages(sink):
    return [record["message"] for record in sink.records()]


def expected(count):
    return [f"line {n}" for n in range(count)]


def test_records_arrive_with_their_metadata(weir, sink, tmp_path):
    log = tmp_path / "a.log"
    write(log, 3)
    weir.pipeline("p", pipeline(log, sink.url + "/in",
                                metadata=["timestamp", "source", "position", "host"]))
    weir.run_once()
    assert messages(sink) == expected(3)
    second = sink.records()[1]
    assert second["@source"] == str(log) and second["@position"] == 7
    assert second["@timestamp"].startswith("20") and second["@host"]
    assert "content-type: application/x-ndjson" in sink.last().lower()
    assert "user-agent: weir/" in sink.last().lower()


def test_a_line_arrives_within_milliseconds_without_linger(weir, sink, tmp_path):
    log = tmp_path / "a.log"
    log.touch()
    weir.pipeline("p", pipeline(log, sink.url, linger="0ms", format="lines"))
    weir.start()
    times = []
    for n in range(30):
        began = time.monotonic()
        write(log, 1, n)
        wait_until(lambda: sink.stats()["accepted"]["lines"] == n + 1, 5, "the line", interval=0.0005)
        times.append(time.monotonic() - began)
    weir.stop()
    assert sorted(times)[15] < 0.25, "the median, on a machine that may be busy"


def test_an_outage_loses_and_repeats_nothing(weir, make_sink, tmp_path):
    log, port = tmp_path / "a.log", free_port()
    write(log, 1000)
    weir.pipeline("p", pipeline(log, f"http://127.0.0.1:{port}/in", batch_records=100))
    weir.start()
    wait_until(lambda: weir.metric("weir_output_retries_total", output="http") >= 3, 10, "retries")
    sink = make_sink(port=port)
    wait_until(lambda: len(messages(sink)) >= 1000, 20, "the records")
    weir.stop()
    assert sorted(messages(sink), key=lambda m: int(m[5:])) == expected(1000)


def test_errors_of_every_kind_lose_nothing(weir, make_sink, tmp_path):
    log = tmp_path / "a.log"
    sink = make_sink()
    weir.pipeline("p", pipeline(log, sink.url + "/in", batch_records=50, timeout="300ms"))
    log.touch()
    weir.start()
    written = 0
    for trouble in ("status=500", "status=429&retry_after=1", "half=1", "reset=10", "delay=1000",
                    "status=503", "status=404", "status=401"):
        asked = sink.stats()["requests"]
        sink.behave(trouble)
        write(log, 100, written)
        written += 100
        wait_until(lambda: sink.stats()["requests"] >= asked + 2, 20, trouble)
        sink.behave()
        wait_until(lambda: len(set(messages(sink))) == written, 20, f"recovery from {trouble}")
    weir.stop()
    assert set(messages(sink)) == set(expected(written))


def test_only_the_bad_record_goes_to_the_dead_letter(weir, make_sink, tmp_path):
    log, sink = tmp_path / "a.log", make_sink()
    log.write_text("".join("poison\n" if n == 37 else f"line {n}\n" for n in range(100)))
    sink.behave("bad=poison")
    weir.pipeline("p", pipeline(log, sink.url + "/in"))
    weir.run_once()
    assert len(messages(sink)) == 99 and len(set(messages(sink))) == 99
    (dead,) = [json.loads(line) for line in
               (weir.state_dir / "dead" / "p.jsonl").read_text().splitlines()]
    assert dead["line"] == "poison" and dead["reason"] == "refused"
    assert "400" in json.dumps(dead)


def test_a_record_too_large_for_the_server_goes_to_the_dead_letter(weir, make_nginx, tmp_path):
    log, server = tmp_path / "a.log", make_nginx(max_body="20k")
    log.write_text("small\n" + "x" * 30000 + "\n" + "also small\n" * 3000)
    weir.pipeline("p", pipeline(log, server.url))
    weir.run_once()
    assert len(server.records()) == 3001
    dead = (weir.state_dir / "dead" / "p.jsonl").read_text()
    assert dead.count("\n") == 1 and json.loads(dead)["reason"] == "too_large"


def test_a_redirect_is_an_alarm_that_names_its_target(weir, make_sink, tmp_path):
    log, sink = tmp_path / "a.log", make_sink()
    write(log, 5)
    sink.behave("status=301&location=http%3A%2F%2Felsewhere.invalid%2Fnew")
    weir.pipeline("p", pipeline(log, sink.url + "/in"))
    weir.start()
    wait_until(lambda: "http://elsewhere.invalid/new" in weir.log(), 10, "the alarm")
    assert weir.get("/health")[0] == 503
    sink.behave()
    wait_until(lambda: len(messages(sink)) == 5, 10, "the records")
    wait_until(lambda: weir.get("/health")[0] == 200, 10, "health")
    weir.stop()


def test_secrets_are_never_logged(weir, make_sink, tmp_path):
    log, sink = tmp_path / "a.log", make_sink()
    write(log, 5)
    sink.behave("status=401")
    weir.configure(log={"level": "debug"})
    weir.pipeline("p", {"inputs": pipeline(log, "")["inputs"], "outputs": [
        {"http": {"name": "a", "url": sink.url + "/in?key=hush-hush-1", **FAST,
                  "bearer_token": "hush-hush-2", "headers": {"X-Key": "hush-hush-3"}}},
        {"http": {"name": "b", "url": sink.url + "/in", **FAST,
                  "basic_auth": {"user": "me", "password": "hush-hush-4"}}}]})
    weir.start()
    wait_until(lambda: weir.log().count("http_hold") >= 2, 10, "both alarms")
    pages = "".join(weir.get(page)[1] for page in ("/health", "/metrics", "/status"))
    sink.behave()
    wait_until(lambda: len(messages(sink)) == 10, 10, "the records")
    weir.stop()
    assert "hush-hush" not in weir.log() and "hush-hush" not in pages
    assert "hush-hush" not in weir.check().stdout


def test_a_certificate_that_does_not_verify_is_an_alarm_with_the_remedy(weir, make_nginx, tmp_path):
    log, server = tmp_path / "a.log", make_nginx(tls=True, http2=True)
    write(log, 50)
    weir.pipeline("p", pipeline(log, server.url))
    weir.configure(shutdown_timeout="200ms")
    weir.start()
    wait_until(lambda: "http_hold" in weir.log(), 10, "the alarm")
    assert "certificate" in weir.log() and not server.requests()
    weir.stop(code=4)
    weir.pipeline("p", pipeline(log, server.url, tls={"ca": str(server.cert)}))
    weir.run_once()
    assert [r["message"] for r in server.records()] == expected(50)
    assert {r["protocol"] for r in server.requests()} == {"HTTP/2.0"}


def test_a_certificate_for_another_name_is_refused(weir, make_nginx, tmp_path):
    log, server = tmp_path / "a.log", make_nginx(tls=True)
    write(log, 5)
    other, key = tmp_path / "other.pem", tmp_path / "other.key"
    certificate(other, key, name="elsewhere.invalid")
    conf = server.prefix / "nginx.conf"
    server.stop()
    conf.write_text(conf.read_text().replace(str(server.cert), str(other))
                    .replace(str(server.prefix / "key.pem"), str(key)))
    server.start()
    weir.configure(shutdown_timeout="200ms")
    weir.pipeline("p", pipeline(log, server.url, tls={"ca": str(other)}))
    weir.start()
    wait_until(lambda: "http_hold" in weir.log(), 10, "the alarm")
    weir.stop(code=4)
    assert not server.requests()


def test_order_is_kept_when_it_is_asked_for(weir, make_sink, tmp_path):
    log, sink = tmp_path / "a.log", make_sink()
    write(log, 2000)
    sink.behave("fail=20&status=503")
    weir.pipeline("p", pipeline(log, sink.url + "/in", batch_records=20, ordering="strict"))
    weir.run_once()
    assert messages(sink) == expected(2000)
    assert sink.stats()["in_flight_max"] == 1


def test_stopping_with_requests_in_flight_repeats_them_later(weir, make_sink, tmp_path):
    log, sink = tmp_path / "a.log", make_sink()
    write(log, 100)
    sink.behave("delay=5000")
    weir.configure(shutdown_timeout="300ms")
    weir.pipeline("p", pipeline(log, sink.url + "/in"))
    weir.start()
    wait_until(lambda: sink.stats()["in_flight"] >= 1, 10, "a request")
    began = time.monotonic()
    weir.stop(code=4)
    assert time.monotonic() - began < 5, "nobody waits for the slow server"
    sink.behave()
    weir.run_once()
    assert set(messages(sink)) == set(expected(100))


@pytest.mark.parametrize("options, coding", [({"gzip": True}, "gzip"),
                                             ({"compression": "gzip"}, "gzip"),
                                             ({"compression": "zstd"}, "zstd")])
def test_compressed_lines_arrive_byte_for_byte(weir, make_sink, tmp_path, options, coding):
    log, sink = tmp_path / "a.log", make_sink()
    content = b"".join(b"%d \xff\x00 \xc3\xa4\n" % n for n in range(20000))
    log.write_bytes(content)
    weir.pipeline("p", pipeline(log, sink.url + "/in", format="lines", ordering="strict",
                                **options))
    weir.run_once()
    assert f"Content-Encoding: {coding}" in sink.last()
    assert sink.out.read_bytes() == content
    assert sink.stats()["bytes"] < len(content) / 2

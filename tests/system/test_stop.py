# SPDX-License-Identifier: MIT
"""The end of a service: who is waited for, for how long, and what cuts the wait short."""
import json
import signal
import threading
import time

from harness.process import free_port, pace, wait_until
from harness.records import records
from harness.weir import SLOW

REFUSED = {"retry": {"backoff_min": "10ms", "backoff_max": "50ms"}}


def to_http(log, url, **options):
    return {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
            "outputs": [{"http": {"url": url, "linger": "10ms", **options}}]}


def read(weir, pipeline):
    return weir.metric("weir_input_records_total", pipeline=pipeline)


def position(weir, pipeline):
    listed = json.loads(weir.command("positions", "list", "-c", weir.config, "--json").stdout)
    return [source["positions"]["http"] for source in listed["sources"]
            if source["pipeline"] == pipeline]


def test_a_pipeline_without_destination_takes_no_time_from_the_others(weir, scripted, tmp_path):
    log = tmp_path / "log"
    log.write_text("one\ntwo\n")
    server = scripted()
    weir.configure(shutdown_timeout=f"{2 * SLOW}s")
    weir.pipeline("a", to_http(log, f"http://127.0.0.1:{free_port()}/", **REFUSED))
    weir.pipeline("b", to_http(log, server.url, linger="15m"))
    weir.start()
    wait_until(lambda: read(weir, "a") == read(weir, "b") == 2, 10 * SLOW, "the lines to be read")
    weir.stop(code=4, timeout=30)
    assert position(weir, "a") == [0]
    assert position(weir, "b") == [log.stat().st_size]
    assert len(server.lines()) == 2


def test_a_stop_waits_for_what_is_on_its_way(weir, scripted, tmp_path):
    log = tmp_path / "log"
    log.write_text("one\ntwo\n")
    stopping = threading.Event()

    def answer(body, number):
        stopping.wait(20 * SLOW)  # until after the signal
        return 503 if number == 1 else 200

    server = scripted(answer)
    weir.pipeline("a", to_http(log, server.url, **REFUSED))
    weir.start()
    wait_until(lambda: weir.metric("weir_output_in_flight_requests") == 1, 10 * SLOW, "a request")
    weir.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "[stopping]" in weir.log(), 10 * SLOW, "the signal to be noticed")
    stopping.set()
    assert weir.process.wait(20 * SLOW) == 0
    assert server.lines() and position(weir, "a") == [log.stat().st_size]


def test_once_waits_for_every_answer_and_every_dead_letter(make_weir, scripted, tmp_path):
    log = tmp_path / "log"
    log.write_text("".join(f"line {n}\n" for n in range(40)))

    def answer(body, number):
        if number < 4:
            return 503
        pace(time.monotonic() + 0.05)  # each batch's answer comes after all have been read
        return 400 if b"line 7\"" in body else 200

    server = scripted(answer)
    weir = make_weir()
    weir.pipeline("a", to_http(log, server.url, batch_records=4, format="ndjson", **REFUSED))
    result = weir.run_once()
    assert "0 dropped by rule" in result.stderr
    assert position(weir, "a") == [log.stat().st_size]
    letters = records(weir.state_dir / "dead" / "a.jsonl")
    assert len(server.lines()) + len(letters) == 40 and letters


def test_a_second_signal_ends_the_wait_for_outcomes(weir, tmp_path):
    log = tmp_path / "log"
    log.write_text("one\n")
    weir.configure(shutdown_timeout="10m")
    weir.pipeline("a", to_http(log, f"http://127.0.0.1:{free_port()}/", **REFUSED))
    weir.start()
    wait_until(lambda: read(weir, "a") == 1, 10 * SLOW, "the line to be read")
    weir.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "[stopping]" in weir.log(), 10 * SLOW, "the first signal to be noticed")
    weir.stop(code=4)
    assert "left_over" in weir.log()

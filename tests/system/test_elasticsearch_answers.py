# SPDX-License-Identifier: MIT
"""Answers to `_bulk` that a healthy server does not give: throttled, cut, garbled, too short. Given by
a small server of our own; what a real one does is in test_elasticsearch.py."""
import datetime
import json

import pytest

from harness.bulk import Bulk
from harness.closing import closing
from harness.process import wait_until
from harness.records import records
from harness.weir import SLOW
from test_aws_signing import CONTENT_SHA256, botocores

FAST = {"linger": "10ms", "retry": {"backoff_min": "5ms", "backoff_max": "50ms"}}
LINES = 300


@pytest.fixture
def make_bulk():
    yield from closing(Bulk)


def pipeline(log, server, **options):
    return {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
            "outputs": [{"elasticsearch": {"urls": [server.url], "index": "logs",
                                           "batch_records": 100, **FAST, **options}}]}


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.log"
    path.write_text("".join(f"line {n}\n" for n in range(LINES)))
    return path


EXPECTED = sorted(f"line {n}" for n in range(LINES))


def dead(weir):
    return records(weir.state_dir / "dead" / "p.jsonl")


def number_of(document):
    return int(document["message"].split()[1])


def ship(weir, log, server, **options):
    """Starts, waits until everything is stored and has its outcome, stops; returns the metrics."""
    weir.pipeline("p", pipeline(log, server, **options))
    weir.start()
    wait_until(lambda: weir.metric("weir_output_records_total", pipeline="p") >= LINES,
               30 * SLOW, "an outcome of each record")
    found = {name.removeprefix("weir_elasticsearch_"): weir.metric(name) for name, _ in
             weir.metrics() if name.startswith("weir_elasticsearch_")}
    weir.stop()
    return found


@pytest.mark.parametrize("gzip", [False, True])
def test_exactly_the_throttled_records_are_sent_again(weir, log, make_bulk, gzip):
    server = make_bulk(fate=lambda document, tries:
                       429 if number_of(document) % 3 == 0 and tries < 4 else 201)
    metrics = ship(weir, log, server, gzip=gzip)
    assert server.messages() == EXPECTED
    tries = {number_of(document): server.tries[key] for key, document in server.stored.items()}
    assert tries == {n: 4 if n % 3 == 0 else 1 for n in range(LINES)}
    assert metrics["retried_records_total"] == 3 * LINES / 3
    assert metrics["replays_total"] == 0 and dead(weir) == []


def test_each_item_of_an_answer_meets_its_own_fate(weir, log, make_bulk):
    def fate(document, tries):
        return {0: 400, 1: 503 if tries == 1 else 201, 2: 413}.get(number_of(document) % 10, 201)

    server = make_bulk(fate=fate)
    ship(weir, log, server)
    assert server.messages() == sorted(f"line {n}" for n in range(LINES) if n % 10 not in (0, 2))
    assert sorted(int(d["line"].split()[1]) for d in dead(weir)) == \
        [n for n in range(LINES) if n % 10 in (0, 2)]
    assert {d["error"] for d in dead(weir)} == {"made_up_400: as the test wants: 400",
                                                "made_up_413: as the test wants: 413"}


def test_errors_on_every_item_end_by_themselves(weir, log, make_bulk):
    server = make_bulk(fate=lambda document, tries: 500 if tries < 3 else 201)
    ship(weir, log, server)
    assert server.messages() == EXPECTED and set(server.tries.values()) == {3}


def shortened(text):
    answer = json.loads(text)
    answer["items"].pop()
    return json.dumps(answer)


def lengthened(text):
    answer = json.loads(text)
    answer["items"].append(answer["items"][0])
    return json.dumps(answer)


def turned_round(text):
    answer = json.loads(text)
    answer["items"].reverse()
    return json.dumps(answer)


UNUSABLE = {
    "cut": lambda text: text[:len(text) // 2],
    "empty": lambda text: "",
    "html": lambda text: "<html><body>It works!</body></html>",
    "of another request": lambda text: '{"took":1,"errors":false,"items":[]}',
    "without items": lambda text: '{"took":1,"errors":false}',
    "an item short": shortened,
    "an item long": lengthened,
    "out of step": turned_round,
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_an_unusable_answer_loses_and_repeats_nothing(weir, log, make_bulk, kind):
    """The server has stored everything, but says so in a way that cannot be understood."""
    server = make_bulk(whole=lambda body, number: UNUSABLE[kind] if number <= 3 else None)
    metrics = ship(weir, log, server)
    assert server.messages() == EXPECTED and dead(weir) == []
    assert metrics["unusable_answers_total"] == 3
    assert metrics["replays_total"] > 0, "what was sent again met itself"
    assert "unusable" in weir.log()


def test_without_ids_possible_duplicates_are_counted(weir, log, make_bulk):
    server = make_bulk(whole=lambda body, number: UNUSABLE["cut"] if number == 1 else None)
    metrics = ship(weir, log, server, id="none", concurrency=1)
    assert server.messages() == EXPECTED
    assert metrics["possible_duplicates_total"] == 100


def test_a_server_that_never_makes_sense_is_shown_by_health(weir, log, make_bulk):
    server = make_bulk(whole=lambda body, number: UNUSABLE["html"])
    weir.configure(shutdown_timeout="200ms")
    weir.pipeline("p", pipeline(log, server))
    weir.start()
    wait_until(lambda: "unusable: it is not JSON" in weir.get("/health")[1], 15 * SLOW, "the alarm")
    server.whole = lambda body, number: None
    wait_until(lambda: server.messages() == EXPECTED, 15 * SLOW, "all records")
    wait_until(lambda: weir.get("/health")[0] == 200, 10 * SLOW, "health")
    weir.stop()


@pytest.mark.parametrize("limit", [4000, 12001])
def test_a_request_that_is_too_large_is_split(weir, log, make_bulk, limit):
    server = make_bulk(whole=lambda body, number: 413 if len(body) > limit else None)
    with open(log, "a", encoding="utf-8") as f:
        f.write("large " + "x" * limit + "\n")
    ship(weir, log, server)
    wait_until(lambda: server.messages() == EXPECTED, 10, "all records")
    assert [(d["reason"], d["line"][:7]) for d in dead(weir)] == [("too_large", "large x")]


@pytest.mark.parametrize("status, body", [
    (429, b'{"error":{"type":"circuit_breaking_exception"},"status":429}'),
    (503, b'{"error":{"type":"cluster_block_exception","reason":"blocked by: '
          b'[SERVICE_UNAVAILABLE/1/state not recovered / initialized];"},"status":503}'),
    (503, b"<html>Service Unavailable</html>"), (500, b""), (502, b"<html>Bad Gateway</html>")])
def test_a_cluster_in_trouble_is_waited_for(weir, log, make_bulk, status, body):
    server = make_bulk(whole=lambda _, number: (status, {}, body) if number <= 4 else None)
    metrics = ship(weir, log, server)
    assert server.messages() == EXPECTED and dead(weir) == []
    assert metrics["retried_records_total"] >= 200 and metrics["unusable_answers_total"] == 0


def test_a_red_cluster_raises_the_alarm_at_once(weir, log, make_bulk):
    red = (503, {}, b'{"error":{"type":"cluster_block_exception","reason":"no master"}}')
    server = make_bulk(whole=lambda _, number: red)
    weir.configure(shutdown_timeout="200ms")
    weir.pipeline("p", pipeline(log, server))
    weir.start()
    wait_until(lambda: "cluster_block_exception" in weir.get("/health")[1], 5 * SLOW, "the alarm")
    server.whole = lambda body, number: None
    wait_until(lambda: server.messages() == EXPECTED, 10 * SLOW, "all records")
    wait_until(lambda: weir.get("/health")[0] == 200, 10 * SLOW, "health")
    weir.stop()


def test_one_record_that_spoils_its_request_is_found(weir, log, make_bulk):
    """A 400 of the whole request says of no record that it is bad: it is halved until one is."""
    server = make_bulk(whole=lambda body, number: (400, {}, b"malformed") if b'"line 137"' in body
                       else None)
    ship(weir, log, server)
    assert [d["line"] for d in dead(weir)] == ["line 137"]
    assert "malformed" in dead(weir)[0]["error"]
    assert server.messages() == sorted(f"line {n}" for n in range(LINES) if n != 137)


@pytest.mark.parametrize("service, gzip", [("es", True), ("aoss", False)])
def test_each_try_is_signed_as_botocore_would(weir, log, make_bulk, monkeypatch, service, gzip):
    server = make_bulk(
        whole=lambda body, number: 500 if number <= 2 else None,
        fate=lambda document, tries: 429 if number_of(document) == 7 and tries == 1 else 201)
    ship(weir, log, server, gzip=gzip, concurrency=1, headers={"X-Tenant": "blue"}, auth={"aws": {
        "region": "eu-west-1", "service": service, "access_key_id": "AKIAEXAMPLE",
        "secret_access_key": "very/secret+word"}})
    assert server.messages() == EXPECTED
    assert len(server.server.requests) == 3 + 2 + 1
    for path, headers, body in server.server.requests:
        when = datetime.datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%S%z")
        names = ["Content-Type", "X-Tenant"] + (["Content-Encoding"] if gzip else [])
        request = {"time": when.timestamp(), "service": service, "region": "eu-west-1",
                   "method": "POST", "url": server.url.rstrip("/") + path, "flags": CONTENT_SHA256,
                   "headers": [(name, headers[name]) for name in names], "body": body,
                   "access": "AKIAEXAMPLE", "secret": "very/secret+word", "token": ""}
        assert "Authorization: " + headers["Authorization"] == botocores(request, monkeypatch)
    assert "very/secret" not in weir.log()


@pytest.mark.parametrize("options, words", [
    ({"index": "Web"}, "capital"), ({"index": "a b"}, "no spaces"), ({"index": "web-%y"}, "%Y, %m"),
    ({"index": "web-{"}, "not closed"), ({"index": "-web"}, "begins with"),
    ({"index": "{status +}"}, "expected"),
    ({"index": "web-%Y", "data_stream": True}, "rolls over"),
    ({"metadata": [], "data_stream": True}, "needs timestamp"),
    ({"urls": []}, "at least one"), ({"urls": ["search:9200"]}, "http://"),
    ({"urls": ["http://a?pretty"]}, "without ?"), ({"urls": ["http://u:p@a"]}, "auth"),
    ({"id": "status +"}, "expected"), ({"routing": ")"}, ""),
    ({"auth": {"api_key": "x", "basic": {"user": "u", "password": "p"}}}, "exclude"),
    ({"auth": {"basic": {"user": "a:b", "password": "p"}}}, "colon"), ({"ndex": "x"}, "index"),
])
def test_a_wrong_option_is_refused_where_it_is_written(weir, log, make_bulk, options, words):
    weir.pipeline("p", pipeline(log, make_bulk(), **options))
    result = weir.check()
    text = result.stdout + result.stderr
    if result.returncode == 0:  # some are found only when the plugin itself looks
        result = weir.run_once(check=False)
        text = result.stdout + result.stderr
    assert result.returncode != 0 and words in text, text
    assert "p.yaml:" in text

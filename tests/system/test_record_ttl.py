# SPDX-License-Identifier: MIT
"""record_ttl holds whatever the reason that nothing gets through: no answer has to come for it. Each
record is then either delivered or in the dead letter, once."""
import collections
import json
import socket
import threading

import pytest

from harness import kpl
from harness.closing import closing
from harness.fake_aws import FakeAws
from harness.process import wait_until
from harness.records import records

KEYS = {"access_key_id": "AK", "secret_access_key": "SK"}
OF_AWS = {"region": "eu-west-1", "format": "line"}
AWS = {"kinesis": {"kinesis": {"stream": "s", **OF_AWS}},
       "aggregated": {"kinesis": {"stream": "s", "aggregate": {"max_records": 10}, "rate_limit": 0, **OF_AWS}},
       "firehose": {"firehose": {"delivery_stream": "d", **OF_AWS}}}
OUTPUTS = {**AWS, "http": {"http": {"format": "lines"}}, "elasticsearch": {"elasticsearch": {"index": "i"}}}
LINES = [f"line {n}" for n in range(200)]
# Nothing is tried twice while a test runs.
SELDOM = {"backoff_min": "5m", "backoff_max": "10m"}


def at(which, url):
    return {"http": {"url": url}, "elasticsearch": {"urls": [url]}}.get(which) or {"endpoint": url, **KEYS}


class Service:
    """Takes what comes while `works` is set; until then it answers nothing. fate(line) is the status of an item of
    `_bulk`, or of a POST with that line first."""

    def __init__(self):
        self.stream, self.works, self.arrived = kpl.Stream(), threading.Event(), []
        self.puts, self.fate = 0, lambda line: 201

    def bulk(self, lines):
        items = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            line = json.loads(document)["message"]
            items.append({"_id": json.loads(action)["create"]["_id"], "status": self.fate(line)})
            if items[-1]["status"] == 201:
                self.arrived.append(line)
        return 200, {"errors": any(i["status"] != 201 for i in items), "items": [{"create": i} for i in items]}

    def answer(self, request, number):
        if "x-amz-target" not in request.headers:
            self.puts += 1
            self.works.wait(60)
            lines = request.body.decode().splitlines()
            if "_bulk" in request.path:
                return self.bulk(lines)
            status = self.fate(lines[0])
            self.arrived.extend(lines if status < 300 else [])
            return status, {}
        operation = request.headers["x-amz-target"].partition(".")[2]
        if operation.startswith("Put"):
            self.puts += 1
            self.works.wait(60)
        if operation == "PutRecordBatch":
            self.arrived.extend(d.decode() for d in request.records())
            return 200, {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "x"}] * len(request.records())}
        return self.stream.answer(request, number)

    def lines(self):
        return [d.decode().strip() for _, _, _, d in self.stream.all()] + [d.strip() for d in self.arrived]


@pytest.fixture
def service():
    def create():
        found = Service()
        server = FakeAws(found.answer)
        found.url, found.close = server.url, lambda: (found.works.set(), server.close())
        return found

    yield from closing(create)


@pytest.fixture
def ship(weir, tmp_path):
    """ship(which, options): LINES are on their way; ship.dead() is what the dead letter has."""

    class Ship:
        log, dead_path = tmp_path / "in.log", tmp_path / "dead.jsonl"

        def __call__(self, which, **options):
            (plugin, own), = OUTPUTS[which].items()
            own = {"linger": "50ms", "record_ttl": "1s", "retry": SELDOM, **own, **options}
            self.log.write_text("".join(line + "\n" for line in LINES))
            weir.pipeline("p", {"inputs": [{"tail": {"paths": [str(self.log)], "start": "beginning"}}],
                                "outputs": [{plugin: own}],
                                "dead_letter": [{"file": {"path": str(self.dead_path)}}]})
            weir.start()

        def append(self, line):
            with self.log.open("a") as log:
                log.write(line + "\n")

        def dead(self):
            found = records(self.dead_path)
            assert {d["reason"] for d in found} <= {"expired"}
            return [d["line"] for d in found]

    yield Ship()


def closed_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{s.getsockname()[1]}"


@pytest.mark.parametrize("which", AWS)
def test_without_credentials(ship, weir, service, which):
    weir.env = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": closed_port(), "AWS_ACCESS_KEY_ID": "",
                "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_CONFIG_FILE": "/nonexistent"}
    ship(which, endpoint=service().url)
    wait_until(lambda: len(ship.dead()) == len(LINES), 20, "the dead letter")
    assert sorted(ship.dead()) == sorted(LINES)
    weir.stop()


@pytest.mark.parametrize("which", OUTPUTS)
def test_while_nobody_listens(ship, weir, which):
    ship(which, **at(which, closed_port()))
    wait_until(lambda: len(ship.dead()) == len(LINES), 20, "the dead letter")
    assert sorted(ship.dead()) == sorted(LINES)
    weir.stop()


# What is being sent may have landed, so it waits for its answer; all behind it does not.
@pytest.mark.parametrize("which", OUTPUTS)
def test_while_the_destination_hangs(ship, weir, service, which):
    there = service()
    size = {"batch_records": 1 if which == "aggregated" else 10}
    ship(which, concurrency=1, **size, **at(which, there.url))
    wait_until(lambda: len(ship.dead()) == len(LINES) - 10, 20, "the dead letter")
    assert there.puts == 1
    ship.append("late")
    there.works.set()
    wait_until(lambda: len(there.lines()) == 11, 20, "what was being sent, and what came later")
    assert sorted(ship.dead() + there.lines()) == sorted([*LINES, "late"])
    weir.stop()
    assert sorted(ship.dead() + there.lines()) == sorted([*LINES, "late"])


def test_while_a_rate_limit_holds_the_queue(ship, weir, service):
    there = service()
    there.works.set()
    ship("aggregated", endpoint=there.url, aggregate=False, rate_limit=1, **KEYS)  # 10 records a second
    wait_until(lambda: len(ship.dead()) + len(there.lines()) == len(LINES), 20, "all of it")
    assert ship.dead() and there.lines()
    assert max(collections.Counter(ship.dead() + there.lines()).values()) == 1
    weir.stop()


OFTEN = {"backoff_min": "5ms", "backoff_max": "50ms"}


def test_an_item_that_is_put_off_again_and_again_expires_by_itself(ship, weir, service):
    there = service()
    there.works.set()
    there.fate = lambda line: 429 if line.endswith("7") else 201
    ship("elasticsearch", retry=OFTEN, **at("elasticsearch", there.url))
    late = [line for line in LINES if line.endswith("7")]
    wait_until(lambda: len(ship.dead()) == len(late), 20, "the dead letter")
    assert sorted(ship.dead()) == sorted(late)
    assert sorted(there.lines()) == sorted(set(LINES) - set(late))
    weir.stop()


@pytest.mark.parametrize("retry", [OFTEN, SELDOM])
@pytest.mark.parametrize("which", ["http", "elasticsearch"])
def test_while_an_operator_is_waited_for(ship, weir, service, which, retry):
    there = service()
    there.works.set()
    there.fate = lambda line: 403
    ship(which, retry=retry, concurrency=2, batch_records=60, **at(which, there.url))
    wait_until(lambda: len(ship.dead()) == len(LINES), 20, "the dead letter")
    assert sorted(ship.dead()) == sorted(LINES)
    if which == "elasticsearch":  # its server works: none of the items that it held is left
        wait_until(lambda: not output_of(weir)["stalled"], 20, "the end of the alarm")
    there.fate = lambda line: 201
    if retry == OFTEN:
        ship.append("late")
        wait_until(lambda: there.lines() == ["late"], 20, "what came later")
        wait_until(lambda: not output_of(weir)["stalled"], 20, "the end of the alarm")
    weir.stop()


def output_of(weir):
    return weir.status()["pipelines"][0]["outputs"][0]

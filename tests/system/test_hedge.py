# SPDX-License-Identifier: MIT
"""A late request is sent once more if the user wants that: the first answer counts, and what may have
landed twice is counted. Unless asked for nothing is sent twice."""
import collections
import json
import re
import threading

import pytest

from harness.bulk import Bulk
from harness.closing import closing
from harness.fake_aws import FakeAws, error
from harness.process import wait_until
from harness.weir import SLOW

LINES = 1000
BATCH = 2
LATE = 400  # the number of the request that is late: enough is known by then
KEYS = {"region": "eu-west-1", "access_key_id": "AK", "secret_access_key": "SK"}
AWS = {"format": "line", **KEYS}
OUTPUTS = {"http": lambda url: {"http": {"url": url, "format": "lines"}},
           "elasticsearch": lambda url: {"elasticsearch": {"urls": [url], "index": "i", "id": "none"}},
           "kinesis": lambda url: {"kinesis": {"stream": "s", "endpoint": url, **AWS}},
           "aggregated": lambda url: {"kinesis": {"stream": "s", "endpoint": url, "rate_limit": 0,
                                                  "aggregate": {"max_records": 1}, **AWS}},
           "firehose": lambda url: {"firehose": {"delivery_stream": "d", "endpoint": url, **AWS}}}
REPEATED = {"elasticsearch": "weir_elasticsearch_possible_duplicates_total",
            "aggregated": "weir_kinesis_records_repeated_total"}


class Destination:
    """Answers at once, but for one request: that one gets its answer when it is let go."""

    def __init__(self):
        self.number, self.lock = 0, threading.Lock()
        self.bodies, self.held, self.go = collections.Counter(), None, threading.Event()
        self.server = FakeAws(self.answer)
        self.url = self.server.url

    def close(self):
        self.go.set()
        self.server.close()

    def answer(self, request, number):
        operation = request.headers.get("x-amz-target", "").partition(".")[2]
        if operation not in ("PutRecords", "PutRecordBatch", ""):
            return error("AccessDeniedException")  # no map of shards
        with self.lock:
            self.number += 1
            self.bodies[request.body] += 1
            is_late = self.number == LATE
            if is_late:
                self.held = request.body
        if is_late:
            self.go.wait(60)
        return self.taken(operation, request.body)

    @staticmethod
    def taken(operation, body):
        if not operation:
            items = body.count(b"\n") // BATCH * [{"create": {"status": 201}}]
            return 200, {"errors": False, "items": items}
        records = len(json.loads(body)["Records"])
        if operation == "PutRecords":
            return 200, {"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1", "ShardId": "x"}] * records}
        return 200, {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "x"}] * records}

    def twice(self):
        with self.lock:
            return [body for body, times in self.bodies.items() if times > 1]


@pytest.fixture
def destination():
    yield from closing(Destination)


@pytest.fixture
def ship(weir, tmp_path):
    """ship(which, url, options): LINES are on their way."""
    def ship(which, url, **more):
        log = tmp_path / "in.log"
        ((plugin, options),) = OUTPUTS[which](url).items()
        log.write_text("".join(f"line {n}\n" for n in range(LINES)))
        weir.pipeline("p", {
            "inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
            "outputs": [{plugin: {"concurrency": 4, "batch_records": BATCH, **options, **more}}]})
        weir.start()
        return REPEATED.get(which, f"weir_{plugin}_records_repeated_total")

    return ship


def delivered(weir):
    return weir.metric("weir_output_records_total", outcome="delivered")


@pytest.mark.parametrize("which", OUTPUTS)
def test_a_late_answer_is_overtaken_and_counted(weir, ship, destination, which):
    there = destination()
    repeated = ship(which, there.url, hedge=True)
    wait_until(lambda: delivered(weir) == LINES, 20 * SLOW, "all of it, while the late request is held")
    assert there.held in there.twice() and not there.go.is_set()
    # Others may have been late, too, and a copy that was broken off may not have come.
    assert BATCH * len(there.twice()) <= weir.metric(repeated) <= BATCH * (LINES / BATCH / 50 + 5)
    weir.stop()


@pytest.mark.parametrize("which", OUTPUTS)
def test_nothing_is_sent_twice_unless_it_is_asked_for(weir, ship, destination, which):
    there = destination()
    repeated = ship(which, there.url)
    wait_until(lambda: delivered(weir) == LINES - BATCH, 20 * SLOW, "all but what is held")
    there.go.set()
    wait_until(lambda: delivered(weir) == LINES, 20 * SLOW, "all of it")
    assert there.twice() == [] and weir.metric(repeated) == 0
    weir.stop()


def test_with_strict_order_nothing_is_sent_twice(weir, ship, destination):
    there = destination()
    ship("http", there.url, hedge=True, ordering="strict")
    wait_until(lambda: there.held, 20 * SLOW, "the late request")
    there.go.set()
    wait_until(lambda: delivered(weir) == LINES, 20 * SLOW, "all of it")
    assert there.twice() == []
    weir.stop()


def test_records_with_an_id_are_stored_once_though_they_are_sent_twice(weir, ship):
    """The first copy is stored, and its answer held: the second finds it there."""
    def answer(request, number):
        stored = bulk.take(request.body)
        if number == LATE:
            held.append(request.body)
            go.wait(60)
        return 200, stored

    held, go, bulk = [], threading.Event(), Bulk()
    server = FakeAws(answer)
    try:
        ship("elasticsearch", server.url, hedge=True, id="record")
        wait_until(lambda: delivered(weir) == LINES, 20 * SLOW, "all of it")
        assert len(held) == 1 and not go.is_set()
        assert bulk.messages() == sorted(f"line {n}" for n in range(LINES))
        ids = re.findall(r'"_id":"([^"]+)"', held[0].decode())
        assert len(ids) == BATCH and all(bulk.tries[i] == 2 for i in ids)
        assert weir.metric("weir_elasticsearch_replays_total") >= BATCH
        assert weir.metric("weir_elasticsearch_possible_duplicates_total") == 0
        weir.stop()
    finally:
        go.set()
        server.close()
        bulk.close()

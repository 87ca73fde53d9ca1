# SPDX-License-Identifier: MIT
"""How many requests are in flight follows what the destination takes, at every output that talks HTTP:
as many as are allowed while it answers quickly, few while it throttles, fails or is too slow."""
import json
import threading
import time

import pytest

from harness.closing import closing
from harness.fake_aws import FakeAws, error
from harness.process import wait_until
from harness.weir import SLOW

MOST = 8
LINES = 4000
KEYS = {"region": "eu-west-1", "access_key_id": "AK", "secret_access_key": "SK"}
OUTPUTS = {"http": lambda url: {"http": {"url": url, "format": "lines"}},
           "elasticsearch": lambda url: {"elasticsearch": {"urls": [url], "index": "i"}},
           "kinesis": lambda url: {"kinesis": {"stream": "s", "endpoint": url, "format": "line", **KEYS}},
           "aggregated": lambda url: {"kinesis": {"stream": "s", "endpoint": url, "format": "line",
                                                  "rate_limit": 0, "aggregate": {"max_records": 2}, **KEYS}},
           "firehose": lambda url: {"firehose": {"delivery_stream": "d", "endpoint": url, "format": "line",
                                                 **KEYS}}}
AWS_FAULTS = {"call throttled": lambda records: error("ThrottlingException", "slow down"),
              "503": lambda records: error("ServiceUnavailable", "", 503)}
# Some records of each request; with shards of their own these adapt instead.
PARTS = {"kinesis": {"Records": {"ErrorCode": "ProvisionedThroughputExceededException"}},
         "firehose": {"RequestResponses": {"ErrorCode": "ServiceUnavailableException"}}}
FAULTS = {"http": {"429": lambda _: (429, b""), "503": lambda _: (503, b"")},
          "elasticsearch": {"429": lambda _: (429, b""), "503": lambda _: (503, b""),
                            "records throttled": lambda records: items(records, 429)},
          "aggregated": AWS_FAULTS,
          **{name: {**AWS_FAULTS, "records throttled": lambda records, name=name: (
              200, {"FailedRecordCount": records, **{k: [v] * records for k, v in PARTS[name].items()}})}
             for name in PARTS}}
DELAY_S = 0.01


def items(records, status):
    return 200, {"errors": status > 299, "items": [
        {"create": {"status": status, **({"error": {"type": "t", "reason": "r"}} if status > 299 else {})}}
        for _ in range(records)]}


class Destination:
    """Takes everything in DELAY_S, unless there is a fault. `seen`: how many requests were there when each
    came, that one counted."""

    def __init__(self):
        self.fault, self.delay, self.seen, self.here, self.lock = None, DELAY_S, [], 0, threading.Lock()
        self.server = FakeAws(self.answer)
        self.url, self.close = self.server.url, self.server.close

    def answer(self, request, number):
        operation = request.headers.get("x-amz-target", "").partition(".")[2]
        if operation not in ("PutRecords", "PutRecordBatch", ""):
            return error("AccessDeniedException")  # no map of shards
        with self.lock:
            self.here += 1
            self.seen.append(self.here)
            fault, delay = self.fault, self.delay
        try:
            time.sleep(delay)
            return self.taken(operation, request, fault)
        finally:
            with self.lock:
                self.here -= 1

    def taken(self, operation, request, fault):
        if not operation:
            records = request.body.count(b"\n") // (2 if "_bulk" in request.path else 1)
        else:
            records = len(json.loads(request.body)["Records"])
        if fault:
            return fault(records)
        if operation == "PutRecords":
            return 200, {"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1", "ShardId": "x"}] * records}
        if operation:
            return 200, {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "x"}] * records}
        return items(records, 201)

    def behave(self, fault=None, delay=DELAY_S):
        """From now on; returns the most requests at once until now."""
        with self.lock:
            most, self.fault, self.delay = max(self.seen), fault, delay
            self.seen.clear()
            return most

    def are_all(self):
        with self.lock:
            return max(self.seen, default=0) >= MOST

    def are_few(self):
        """A request that the agent has given up may still be here when the next one comes."""
        with self.lock:
            return len(self.seen) >= 5 and max(self.seen[-5:]) <= 2


@pytest.fixture
def destination():
    yield from closing(Destination)


@pytest.fixture
def ship(weir, tmp_path):
    """ship(which, url, lines, options): a request for every two lines or so; ship.end() when all are there."""

    class Ship:
        def __call__(self, which, url, lines, **more):
            self.lines, log = lines, tmp_path / "in.log"
            ((plugin, options),) = OUTPUTS[which](url).items()
            log.write_text("".join(f"line {n}\n" for n in range(lines)))
            weir.pipeline("p", {
                "inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                "outputs": [{plugin: {"concurrency": MOST,
                                      "batch_records": 1 if which == "aggregated" else 2,
                                      "retry": {"backoff_min": "5ms", "backoff_max": "50ms"},
                                      **options, **more}}]})
            weir.start()

        def end(self):
            wait_until(lambda: weir.metric("weir_output_records_total", outcome="delivered") == self.lines,
                       60 * SLOW, "every line")
            weir.stop()

    return Ship()


@pytest.mark.parametrize("which", OUTPUTS)
def test_requests_in_flight_follow_what_the_destination_takes(ship, destination, which):
    there = destination()
    ship(which, there.url, 6000)
    for name, fault in FAULTS[which].items():
        wait_until(there.are_all, 20 * SLOW, f"as many as are allowed, before {name}")
        assert there.behave(fault) == MOST, "never more"
        wait_until(there.are_few, 20 * SLOW, f"few, with {name}")
        assert there.behave() <= MOST
    wait_until(there.are_all, 20 * SLOW, "as many as are allowed, again")
    assert there.behave(delay=0) == MOST
    ship.end()


@pytest.mark.parametrize("which", ["http", "elasticsearch", "kinesis", "firehose"])
def test_few_requests_are_in_flight_while_answers_are_too_late(ship, destination, which):
    there = destination()
    ship(which, there.url, 3000, timeout="200ms")
    wait_until(there.are_all, 20 * SLOW, "as many as are allowed")
    there.behave(delay=0.3)
    wait_until(there.are_few, 20 * SLOW, "few")
    there.behave(delay=0)
    ship.end()

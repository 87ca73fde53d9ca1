# SPDX-License-Identifier: MIT
"""Very many lines into a stream that makes the faults of test_proxy.py, and is fast enough for them.

The stream (tests/servers/faulty.c) is ours, so that the right protocol is shown elsewhere, against real
servers; here it is that nothing is lost or damaged, and nothing comes twice but what was stored without
an answer that said so. 200,000 lines each; with --long 10,000,000, or a fifth of them when sanitized.
"""
import base64
import json
import time
import urllib.request

import pytest

from harness import kpl
from harness.closing import closing
from harness.faulty import Faulty, write_lines
from harness.moto import REGION
from harness.process import wait_until
from harness.weir import SLOW

LINES, LINES_LONG = 200_000, 10_000_000
PERCENT = 50  # of the requests have a fault
LINES_A_SECOND = 2000  # at least
RETRY = {"backoff_min": "1ms", "backoff_max": "5ms"}
FAULTS = {"none", "partial", "throttle", "broken", "reset_before", "reset_after", "slow", "miscount",
          "expired", "skew"}


@pytest.fixture
def lines(long):
    return (LINES_LONG if long else LINES) // SLOW


@pytest.fixture
def faulty(tmp_path, lines):
    yield from closing(lambda lines=lines, percent=PERCENT: Faulty(tmp_path / "faulty", lines, percent))


@pytest.mark.parametrize("more", [{"batch_records": 250},
                                  {"aggregate": {"max_bytes": 4000}, "batch_records": 4}],
                         ids=["plain", "aggregated"])
def test_every_line_is_stored_and_only_those_without_an_answer_again(weir, faulty, lines, tmp_path,
                                                                     two_keys, more):
    stream = faulty()
    weir.env = two_keys.env
    weir.pipeline("p", {
        "inputs": [{"tail": {"paths": [str(write_lines(tmp_path / "in.log", lines))],
                             "start": "beginning"}}],
        "outputs": [{"kinesis": {"stream": "s", "format": "line", "endpoint": stream.url,
                                 "region": REGION, "linger": "10ms", "rate_limit": 0, "retry": RETRY,
                                 **more}}]})
    began = time.monotonic()
    weir.start()
    wait_until(lambda: weir.metric("weir_output_records_total", outcome="delivered") >= lines,
               (60 + lines / LINES_A_SECOND) * SLOW, "an outcome for every line", 0.2)
    took_s = time.monotonic() - began
    weir.stop()  # which checks the account
    found = stream.stats()
    print(f"\n{lines} lines in {took_s:.0f} s: {found}")
    assert found["missing"] == 0 and found["damaged"] == 0
    assert found["stored"] == lines + found["repeated"]
    assert found["needless"] == 0 and found["repeated"] <= found["untold"] > 0
    assert {name for name, times in found["happened"].items() if times} == FAULTS
    assert len(two_keys.seen()) >= 2
    assert "outcome_twice" not in weir.log()


def put(stream, *records):
    body = json.dumps({"StreamName": "s", "Records": [
        {"Data": base64.b64encode(data).decode(), "PartitionKey": "k"} for data in records]},
        separators=(",", ":")).encode()
    request = urllib.request.Request(stream.url, data=body, method="POST", headers={
        "X-Amz-Target": "Kinesis_20131202.PutRecords"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_the_stream_itself_knows_what_is_missing_damaged_or_there_twice(faulty, tmp_path):
    stream = faulty(lines=10, percent=0)
    lines = write_lines(tmp_path / "lines", 11).read_bytes().splitlines()
    answer = put(stream, *lines[:3], lines[0])
    assert answer["FailedRecordCount"] == 0 and len(answer["Records"]) == 4
    whole = kpl.packed([("k", line) for line in lines[3:6]])
    put(stream, whole)
    # No line of ours, one beyond the last, an aggregate whose sum is wrong.
    put(stream, lines[8][:-1], b"what?", lines[10], whole[:-1] + b"?")
    assert stream.stats() | {"happened": {}} == {
        "stored": 7, "missing": 4, "repeated": 1, "needless": 1, "untold": 0, "damaged": 4, "happened": {}}

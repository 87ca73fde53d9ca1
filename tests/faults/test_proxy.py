# SPDX-License-Identifier: MIT
"""A destination that throttles, breaks, resets, dawdles and miscounts, for as long as records come.

Between the agent and a real server is a proxy that makes the faults (harness/fault_proxy.py). Nothing
may be lost; Kinesis, which does not know records again, may have one twice only where the proxy kept an
answer back that said yes; a search index has none twice. The agent's own account must balance.
5,000 records each, 200,000 with --long. Many more go through tests/faults/test_faulty_stream.py.
"""
import collections
import json
import urllib.error
import urllib.request

import pytest

from harness import kpl
from harness.closing import closing
from harness.fault_proxy import Bulk, FaultProxy, Kinesis, random_plan
from harness.kinesalite import make_stream
from harness.moto import REGION, read_stream
from harness.process import wait_until
from harness.weir import SLOW

RECORDS, RECORDS_LONG = 5000, 200_000
# Records of a request: with 700 faults and more in --long there are enough of each.
TOGETHER, TOGETHER_LONG = 100, 500
# moto goes through all that a shard has for each record that comes: the time is quadratic.
SHARDS, SHARDS_LONG = 2, 50
RETRY = {"backoff_min": "5ms", "backoff_max": "30ms"}
ANYWHERE = ["partial", "throttle", "broken", "reset_before", "reset_after", "slow", "miscount"]
MOTO_VERIFIES = False  # the proxy answers for it too
SHARE = 0.5  # of the requests have a fault


@pytest.fixture
def proxy():
    yield from closing(FaultProxy)


@pytest.fixture
def records(tmp_path, long):
    """The records' lines, in a file to tail."""
    lines = [f"line {n}" for n in range(RECORDS_LONG if long else RECORDS)]
    path = tmp_path / "in.log"
    path.write_text("".join(line + "\n" for line in lines))
    return path, lines


@pytest.fixture
def together(long):
    return TOGETHER_LONG if long else TOGETHER


def ship(weir, path, output, total):
    weir.pipeline("p", {"inputs": [{"tail": {"paths": [str(path)], "start": "beginning"}}],
                        "outputs": [output]})
    weir.start()
    wait_until(lambda: weir.metric("weir_output_records_total", outcome="delivered") >= total,
               (120 + total / 100) * SLOW, "an outcome for every record", 0.2)
    counted = weir.metric("weir_kinesis_records_repeated_total")
    weir.stop()  # which checks the account
    assert weir.log().count("outcome_twice") == 0
    return counted


def tell(faults, lost, repeated):
    print(f"\n{dict(faults.happened)}: {lost} lost, {repeated} repeated, "
          f"{sum(faults.unsure.values())} times without an answer")


@pytest.mark.parametrize("aggregate", [False, {"max_bytes": 1000}], ids=["plain", "aggregated"])
def test_a_stream_gets_every_record_and_repeats_only_what_was_not_answered(
        weir, moto, proxy, records, two_keys, request, aggregate, together, long):
    path, lines = records
    stream = make_stream(moto.client("kinesis"), f"faults-{request.node.callspec.id}",
                         SHARDS_LONG if long else SHARDS)
    faults = proxy(moto.url, Kinesis(), random_plan(7, SHARE, ANYWHERE, {10: "expired", 30: "skew"}),
                   one_by_one=True)
    weir.env = two_keys.env
    counted = ship(weir, path, {"kinesis": {
        "stream": stream, "format": "line", "endpoint": faults.url, "region": REGION, "linger": "10ms",
        "retry": RETRY, "aggregate": aggregate,
        "batch_records": together // 50 if aggregate else together}}, len(lines))
    stored = [data for shard in read_stream(moto.client("kinesis"), stream).values()
              for _, data in shard]
    got = collections.Counter(text for data in stored for _, _, text in kpl.unpack(data))
    unsure = collections.Counter()
    for data, count in faults.unsure.items():
        unsure.update({text: count for _, _, text in kpl.unpack(data)})
    lost = {line.encode() for line in lines} - set(got)
    repeated = {data: count - 1 for data, count in got.items() if count > 1}
    tell(faults, len(lost), sum(repeated.values()))
    assert not lost and len(got) == len(lines)
    assert all(count <= unsure[text] for text, count in repeated.items())
    assert sum(repeated.values()) <= counted
    assert set(faults.happened) == {*ANYWHERE, "none", "expired", "skew"}
    assert len(two_keys.seen()) >= 2


def test_a_search_index_gets_every_record_once(weir, opensearch, proxy, records, together):
    path, lines = records
    index = f"faults-{weir.folder.parent.name.lower()}"
    faults = proxy(opensearch.url, Bulk(), random_plan(8, SHARE, ANYWHERE))
    ship(weir, path, {"elasticsearch": {"urls": [faults.url], "index": index, "batch_records": together,
                                        "linger": "10ms", "retry": RETRY}}, len(lines))
    got = collections.Counter(d["_source"]["message"] for d in opensearch.documents(index))
    lost = set(lines) - set(got)
    tell(faults, len(lost), sum(got.values()) - len(got))
    assert not lost and sum(got.values()) == len(lines)
    assert set(faults.happened) == {*ANYWHERE, "none"}
    assert sum(faults.unsure.values()) > 0


def put(url, count):
    body = json.dumps({"Records": [{"Data": "YQ==", "PartitionKey": "k"}] * count}).encode()
    request = urllib.request.Request(url, data=body, method="POST", headers={
        "X-Amz-Target": "Kinesis_20131202.PutRecords"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as answer:
        return answer.code, json.loads(answer.read())


def test_the_proxy_itself_neither_makes_up_nor_swallows_records(scripted, proxy):
    good = {"SequenceNumber": "1", "ShardId": "s"}
    server = scripted(lambda body, number: (200, {}, json.dumps(
        {"FailedRecordCount": 0, "Records": [good] * len(json.loads(body)["Records"])}).encode()))
    plan = {1: None, 2: "partial", 3: "throttle", 4: "miscount"}
    one = proxy(server.url, Kinesis(), plan.get)
    answers = [put(one.url, 100) for _ in plan]
    assert answers[0] == (200, {"FailedRecordCount": 0, "Records": [good] * 100})
    failed = answers[1][1]["FailedRecordCount"]
    assert 10 < failed < 60 and answers[1][1]["Records"].count(good) == 100 - failed
    assert answers[2][0] == 400 and "Throughput" in answers[2][1]["__type"]
    assert len(answers[3][1]["Records"]) == 99
    arrived = [len(json.loads(body)["Records"]) for body in server.taken]
    assert arrived == [100, 100 - failed, 100]
    assert one.unsure == {b"a": 100}

# SPDX-License-Identifier: MIT
"""Metrics of the AWS outputs in CloudWatch: against moto, which verifies signatures and gives back the
sums, and against a fake that fails on demand."""
import collections
import datetime
import json
import threading

import pytest

from harness import kpl
from harness.closing import closing
from harness.fake_aws import FakeAws, error, taken
from harness.kinesalite import make_stream
from harness.moto import read_stream
from harness.process import wait_until
from test_firehose import make_delivery_stream

KEYS = {"region": "eu-west-1", "access_key_id": "AK", "secret_access_key": "SK"}
LINES = [f"line {i} of many".encode() for i in range(1000)]
SHARDS = 3


@pytest.fixture
def fake():
    yield from closing(FakeAws)


class Log:
    """One file that an output reads, with CloudWatch every second."""

    def __init__(self, weir, path, output, cloudwatch, starts=True, **options):
        self.weir, self.path, self.output = weir, path, output
        self.options = {"format": "line", "linger": "10ms", "cloudwatch": {"interval": "1s", **cloudwatch},
                        **options}
        self.write(LINES)
        self.change()
        if starts:
            weir.start()

    def change(self, **options):
        self.weir.pipeline("p", {"inputs": [{"tail": {"paths": [str(self.path)], "start": "beginning"}}],
                                 "outputs": [{self.output: {**self.options, **options}}]})

    def write(self, lines):
        with self.path.open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    def delivered(self, count):
        def all_of_them():
            (pipeline,) = self.weir.status()["pipelines"]
            return [o["delivered"] for o in pipeline["outputs"]] == [count]
        wait_until(all_of_them, 20, f"{count} records")


def total(cloudwatch, namespace, name, statistic="Sum", **dimensions):
    """Over all time, of all metrics with these dimensions among theirs: so moto has it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    points = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName=name, StartTime=now - datetime.timedelta(days=1),
        EndTime=now + datetime.timedelta(days=1), Period=60, Statistics=[statistic],
        Dimensions=[{"Name": n, "Value": v} for n, v in dimensions.items()])["Datapoints"]
    return sum(point[statistic] for point in points)


def series(cloudwatch, namespace):
    """{name: the set of its dimensions}."""
    found = collections.defaultdict(set)
    for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace):
        for metric in page["Metrics"]:
            found[metric["MetricName"]].add(
                tuple(sorted((d["Name"], d["Value"]) for d in metric["Dimensions"])))
    return found


# ---- KPL's ----


def test_metrics_of_the_producer_library_sum_up_by_stream_and_shard(weir, moto, tmp_path):
    kinesis, cloudwatch = moto.client("kinesis"), moto.client("cloudwatch")
    stream = make_stream(kinesis, "measured", SHARDS)
    log = Log(weir, tmp_path / "in.log", "kinesis",
              {"endpoint": moto.url, "namespace": "ByShard", "dimensions": {"Host": 'a "b"'}},
              **moto.options(stream=stream, partition_key="hash", aggregate={"max_records": 7}))
    log.delivered(len(LINES))

    def per_shard(name):
        return {shard: total(cloudwatch, "ByShard", name, StreamName=stream, ShardId=shard)
                for shard in shards}

    shards = read_stream(kinesis, stream)
    wait_until(lambda: sum(per_shard("UserRecordsPut").values()) == len(LINES), 20, "all records")
    assert per_shard("KinesisRecordsPut") == {s: len(r) for s, r in shards.items()}
    assert sum(per_shard("UserRecordsDataPut").values()) == sum(map(len, LINES))
    # Every metric of a shard is one of its stream, and of all streams; moto adds them up.
    assert total(cloudwatch, "ByShard", "UserRecordsPut", StreamName=stream) == 2 * len(LINES)
    assert total(cloudwatch, "ByShard", "UserRecordsPut", Host='a "b"') == 3 * len(LINES)
    assert sum(total(cloudwatch, "ByShard", "UserRecordsPerKinesisRecord", "SampleCount", ShardId=s)
               for s in shards) == sum(map(len, shards.values()))
    assert total(cloudwatch, "ByShard", "UserRecordsPerKinesisRecord", "Maximum") == 7
    assert total(cloudwatch, "ByShard", "RetriesPerRecord", "SampleCount") == 3 * len(LINES)
    assert total(cloudwatch, "ByShard", "UserRecordsReceived") == 2 * len(LINES)
    host, of = ("Host", 'a "b"'), ("StreamName", stream)
    found = series(cloudwatch, "ByShard")
    assert found["UserRecordsPut"] == found["BufferingTime"] == {
        (host,), (host, of), *((host, ("ShardId", s), of) for s in shards)}
    assert found["RequestTime"] == {(host,), (host, of)}
    # More later goes with a later call, and nothing twice.
    log.write(LINES)
    log.delivered(2 * len(LINES))
    wait_until(lambda: sum(per_shard("UserRecordsPut").values()) == 2 * len(LINES), 20, "the rest")
    weir.stop()


def test_level_and_granularity_leave_out_what_is_finer(weir, moto, tmp_path):
    kinesis, cloudwatch = moto.client("kinesis"), moto.client("cloudwatch")
    stream = make_stream(kinesis, "coarse", SHARDS)
    Log(weir, tmp_path / "in.log", "kinesis",
        {"endpoint": moto.url, "level": "summary", "granularity": "stream"},
        **moto.options(stream=stream, aggregate=True)).delivered(len(LINES))
    wait_until(lambda: total(cloudwatch, "Weir", "UserRecordsPut", StreamName=stream) == len(LINES),
               20, "all records")
    of = ("StreamName", stream)
    assert series(cloudwatch, "Weir") == {name: {(), (of,)} for name in (
        "UserRecordsPut", "KinesisRecordsPut", "BufferingTime")}
    weir.stop()


def dimensions_of(datum):
    return tuple(sorted((d["Name"], d["Value"]) for d in datum["Dimensions"]))


def sums_of(bodies, name):
    """{dimensions: sum} of one metric."""
    found = collections.Counter()
    for body in bodies:
        for datum in body["MetricData"]:
            if datum["MetricName"] == name:
                found[dimensions_of(datum)] += datum["StatisticValues"]["Sum"]
    return found


def collector(bodies):
    def take(request, _):
        bodies.append(json.loads(request.body))
        return 200, {}
    return take


def test_errors_are_told_by_code_stream_and_shard_as_kpl_has_them(weir, fake, tmp_path):
    """One shard throttles its first five records; the third PutRecords fails as a whole."""
    def fails(shard, data):
        if shard is hot and throttled < 5:
            return throttle()

    def throttle():
        nonlocal throttled
        throttled += 1
        return "ProvisionedThroughputExceededException"

    stream, bodies, throttled = kpl.Stream(SHARDS), [], 0
    hot, stream.fails = stream.shards[1], fails
    stream.before = lambda s, o, n: error("InternalFailure", "", 500) if (o, n) == ("PutRecords", 3) else None
    log = Log(weir, tmp_path / "in.log", "kinesis", {"endpoint": fake(collector(bodies)).url}, stream="s",
              endpoint=fake(stream.answer).url, partition_key="hash", aggregate={"max_records": 7},
              batch_records=20, concurrency=1, retry={"backoff_max": "20ms"}, **KEYS)
    log.delivered(len(LINES))
    weir.stop()
    of, shard = ("StreamName", "s"), ("ShardId", hot.id)
    slow, broken = ("ErrorCode", "ProvisionedThroughputExceededException"), ("ErrorCode", "InternalFailure")
    assert sums_of(bodies, "ErrorsByCode") == {
        (): 6, (slow,): 5, (broken,): 1, (slow, of): 5, (broken, of): 1, (slow, shard, of): 5}
    assert sums_of(bodies, "AllErrors") == {(): 6, (of,): 6, (shard, of): 5}


# ---- the Kinesis Agent's ----


@pytest.mark.parametrize("output, kind", [("kinesis", "KinesisStream"), ("firehose", "DeliveryStream")])
def test_single_records_bring_the_metrics_of_the_kinesis_agent(weir, moto, tmp_path, output, kind):
    if output == "kinesis":
        options = {"stream": make_stream(moto.client("kinesis"), "agent")}
    else:
        options = {"delivery_stream": make_delivery_stream(moto, "agent")}
    cloudwatch, namespace = moto.client("cloudwatch"), f"Agent{output}"
    Log(weir, tmp_path / "in.log", output, {"endpoint": moto.url, "namespace": namespace},
        **moto.options(**options)).delivered(len(LINES))
    to = {"Destination": f"{kind}:agent"}
    wait_until(lambda: total(cloudwatch, namespace, "RecordsSent", **to) == len(LINES), 20, "all records")
    assert total(cloudwatch, namespace, "RecordSendAttempts", **to) == len(LINES)
    newlines = len(LINES) if output == "firehose" else 0
    assert total(cloudwatch, namespace, "BytesSent", **to) == sum(map(len, LINES)) + newlines
    assert total(cloudwatch, namespace, "RecordSendErrors", **to) == 0
    assert total(cloudwatch, namespace, "ServiceErrors", **to) == 0
    assert set(series(cloudwatch, namespace)) == {"RecordSendAttempts", "RecordSendErrors", "RecordsSent",
                                                  "BytesSent", "ServiceErrors"}
    weir.stop()


def test_calls_and_records_that_fail_are_errors(weir, fake, tmp_path):
    """The first call fails, of the second every other record."""
    calls, bodies = [], []

    def put(request, _):
        calls.append(len(request.records()))
        if len(calls) == 1:
            return 500, b""
        return taken(request, dict.fromkeys(range(0, calls[-1], 2), "InternalFailure")
                     if len(calls) == 2 else ())

    def take(request, _):
        bodies.append(json.loads(request.body))
        return 200, {}

    Log(weir, tmp_path / "in.log", "kinesis", {"endpoint": fake(take).url}, stream="s", concurrency=1,
        endpoint=fake(put).url, retry={"backoff_max": "20ms"}, **KEYS).delivered(len(LINES))
    wait_until(lambda: sums(bodies).get("RecordsSent") == len(LINES), 20, "the metrics")
    assert sums(bodies)["ServiceErrors"] == 1
    assert sums(bodies)["RecordSendErrors"] == (calls[1] + 1) // 2
    assert sums(bodies)["RecordSendAttempts"] == sum(calls)
    weir.stop()


def sums(bodies):
    found = collections.Counter()
    for body in bodies:
        for datum in body["MetricData"]:
            found[datum["MetricName"]] += datum["StatisticValues"]["Sum"]
    return found


# ---- CloudWatch itself fails ----


@pytest.mark.parametrize("failure", [(500, b""), error("AccessDenied"), error("ExpiredTokenException")])
def test_figures_of_a_call_that_fails_go_with_the_next(weir, fake, tmp_path, failure):
    bodies, gate = [], threading.Event()

    def take(request, _):
        if not gate.is_set():
            return failure
        bodies.append(json.loads(request.body))
        return 200, {}

    log = Log(weir, tmp_path / "in.log", "kinesis", {"endpoint": fake(take).url}, stream="s",
              endpoint=fake(lambda request, _: taken(request)).url, **KEYS)
    log.delivered(len(LINES))
    wait_until(lambda: weir.metric("weir_kinesis_cloudwatch_failures_total") >= 1, 20, "a failure")
    assert "cloudwatch_failed" in weir.log()
    log.write(LINES)
    log.delivered(2 * len(LINES))
    gate.set()
    wait_until(lambda: sums(bodies).get("RecordsSent") == 2 * len(LINES), 20, "the metrics")
    weir.stop()


def test_a_cloudwatch_that_never_answers_holds_back_neither_records_nor_the_end(weir, fake, tmp_path):
    gate, asked = threading.Event(), threading.Event()

    def put(request, _):
        is_put = request.headers["x-amz-target"].endswith(".PutRecords")
        return taken(request) if is_put else error("AccessDeniedException")

    def hang(_, number):
        assert number == 1, "a second call while the first is under way"
        asked.set()
        gate.wait(60)
        return 200, {}

    log = Log(weir, tmp_path / "in.log", "kinesis", {"endpoint": fake(hang).url}, stream="s",
              endpoint=fake(put).url, aggregate=True, **KEYS)
    assert asked.wait(20)
    log.write(LINES)
    log.delivered(2 * len(LINES))
    weir.stop()
    gate.set()


@pytest.mark.parametrize("end", ["stop", "run --once", "reload"])
@pytest.mark.parametrize("options", [{"aggregate": True}, {}, {"aggregate": True, "isolate": "process"}])
def test_figures_since_the_last_call_are_sent_at_the_end(weir, fake, tmp_path, options, end):
    stream, bodies = kpl.Stream(SHARDS), []
    log = Log(weir, tmp_path / "in.log", "kinesis",
              {"endpoint": fake(collector(bodies)).url, "interval": "1h", "granularity": "global"},
              starts=end != "run --once", stream="s", endpoint=fake(stream.answer).url, **options, **KEYS)
    if end == "run --once":
        weir.run_once()
    else:
        log.delivered(len(LINES))
        assert not bodies
    if end == "reload":
        log.change(linger="20ms")
        weir.reload()
    elif end == "stop":
        weir.stop()
    name = "UserRecordsPut" if options else "RecordsSent"
    wait_until(lambda: sums(bodies).get(name) == len(LINES), 20 if end == "reload" else 0, "the last figures")
    if end == "reload":
        weir.stop()
    assert sums(bodies)[name] == len(LINES)


@pytest.mark.parametrize("isolate", [{}, {"isolate": "process"}])
@pytest.mark.parametrize("patience, waited", [("20s", True), ("50ms", False)])
def test_the_end_waits_for_the_last_figures_shortly_and_not_beyond_its_time(weir, fake, tmp_path, patience,
                                                                            waited, isolate):
    stream, gate, asked = kpl.Stream(), threading.Event(), threading.Event()

    def hang(request, _):
        asked.set()
        gate.wait(60)
        return 200, {}

    weir.configure(shutdown_timeout=patience)
    Log(weir, tmp_path / "in.log", "kinesis", {"endpoint": fake(hang).url, "interval": "1h"}, stream="s",
        endpoint=fake(stream.answer).url, aggregate=True, **isolate, **KEYS).delivered(len(LINES))
    weir.stop()
    gate.set()
    assert asked.is_set() or not waited
    assert ("the last metrics are given up" in weir.log()) == waited


def test_nothing_is_sent_unless_it_is_asked_for(weir, fake, tmp_path):
    targets = []

    def answer(request, _):
        targets.append(request.headers["x-amz-target"])
        return taken(request)

    server = fake(answer)
    Log(weir, tmp_path / "in.log", "kinesis", {"enabled": False, "endpoint": server.url}, stream="s",
        endpoint=server.url, **KEYS).delivered(len(LINES))
    weir.stop()
    assert set(targets) == {"Kinesis_20131202.PutRecords"}


# ---- options ----


def dimensions(count):
    return {f"d{i}": "v" for i in range(count)}


@pytest.mark.parametrize("cloudwatch, words", [
    ({"namespace": "AWS/Kinesis"}, "those of AWS's services"),
    ({"namespace": ":x"}, "does not begin with a colon"),
    ({"namespace": "x" * 255}, None), ({"namespace": "x" * 256}, "1 to 255 characters"),
    ({"dimensions": dimensions(26)}, None), ({"dimensions": dimensions(27)}, None),
    ({"dimensions": dimensions(28)}, "30 dimensions at most"),
    ({"dimensions": {"n" * 255: "v" * 1024}}, None), ({"dimensions": {"n" * 256: "v"}}, "a name of 1 to 255"),
    ({"dimensions": {"n": "v" * 1025}}, "a value of 1 to 1024"), ({"dimensions": {"n": "ü"}}, "ASCII"),
    ({"dimensions": {":n": "v"}}, "begin with a colon"), ({"interval": "1s"}, None),
    ({"interval": "999ms"}, "interval"), ({"level": "none"}, "level"), ({"endpoint": "ftp://x"}, "endpoint"),
    (True, None), (False, None)])
def test_options_that_cloudwatch_would_refuse_are_refused(weir, tmp_path, cloudwatch, words):
    weir.pipeline("p", {"inputs": [{"tail": {"paths": [str(tmp_path / "in.log")]}}],
                        "outputs": [{"kinesis": {"stream": "s", "cloudwatch": cloudwatch, **KEYS}}]})
    result = weir.check()
    said = result.stdout + result.stderr
    assert (result.returncode != 0) == (words is not None), said
    assert words is None or words in said

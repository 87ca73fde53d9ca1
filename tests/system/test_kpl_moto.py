# SPDX-License-Identifier: MIT
"""Aggregation against kinesalite and moto, whose streams are split and merged while records are on
their way."""
import collections
import http.client
import json
import shutil

from harness import kpl
from harness.fake_aws import FakeAws
from harness.kinesalite import Kinesalite, make_stream
from harness.moto import REGION, read_stream
from harness.process import wait_until
from harness.weir import ROOT
from test_kpl import FIELDS, as_json, fits, keyed, random_records


class Recorder:
    """Hands each request on to a server, one at a time, and notes which shard took which record. before(n)
    is called with the number of each PutRecords before it is handed on."""

    def __init__(self, port, before):
        self.port, self.before = port, before
        self.taken = []  # (shard id, record)
        self.puts = 0
        self.server = FakeAws(self.answer)
        self.url = self.server.url

    def answer(self, request, number):
        with self.server.lock:
            put = request.headers["x-amz-target"].endswith(".PutRecords")
            if put:
                self.puts += 1
                self.before(self.puts)
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
            keep = ("host", "content-type", "x-amz-target", "x-amz-date", "authorization")
            connection.request("POST", "/", request.body, {k: request.headers[k] for k in keep})
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
            connection.close()
            if put and status == 200:
                for record, result in zip(json.loads(request.body)["Records"],
                                          json.loads(body)["Records"], strict=True):
                    assert "ErrorCode" not in result or not result["ErrorCode"], result
                    self.taken.append((result["ShardId"], record))
            return status, body


def ranges(kinesis, stream):
    shards = kinesis.list_shards(StreamName=stream)["Shards"]
    return {s["ShardId"]: (int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"]),
                           "EndingSequenceNumber" not in s["SequenceNumberRange"]) for s in shards}


def active(kinesis, stream):
    wait_until(lambda: kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamStatus"]
               == "ACTIVE", 20, f"stream {stream}")


def split(kinesis, stream, shard):
    (start, end, _), name = shard
    kinesis.split_shard(StreamName=stream, ShardToSplit=name,
                        NewStartingHashKey=str((start + end) // 2 + 1))
    active(kinesis, stream)


def reshape(kinesis, stream, number):
    """At first all shards are split, later some split or merged, now and then."""
    open_shards = sorted((r, id) for id, r in ranges(kinesis, stream).items() if r[2])
    if number == 1:
        for shard in open_shards:
            split(kinesis, stream, shard)
    elif number % 4 == 1 and number % 3 and len(open_shards) < 30:
        split(kinesis, stream, open_shards[number % len(open_shards)])
    elif number % 4 == 1:
        at = max(1, number % len(open_shards))
        kinesis.merge_shards(StreamName=stream, ShardToMerge=open_shards[at - 1][1],
                             AdjacentShardToMerge=open_shards[at][1])
        active(kinesis, stream)


def unpacked(records, holds):
    """{text: how often a consumer on KCL gets it}, and how many records it would drop."""
    import base64
    got, dropped = collections.Counter(), 0
    for shard, record in records:
        data = base64.b64decode(record["Data"])
        for key, explicit, text in kpl.unpack(data, record["PartitionKey"], record.get("ExplicitHashKey")):
            if not kpl.is_aggregate(data) or holds(shard, kpl.hash_key(key, explicit)):
                got[text.decode()] += 1
            else:
                dropped += 1
    return got, dropped


def reshaped(weir, server, count, tmp_path, **options):
    """Ships that many records through splits and merges; how many a consumer would have dropped."""
    kinesis = server.client() if isinstance(server, Kinesalite) else server.client("kinesis")
    stream = make_stream(kinesis, "reshaped", 3)
    recorder = Recorder(server.port, lambda n: reshape(kinesis, stream, n))
    lines, texts = keyed(count)
    (tmp_path / "in.log").write_text("".join(line + "\n" for line in lines))
    weir.pipeline("p", {
        "inputs": [{"tail": {"paths": [str(tmp_path / "in.log")], "start": "beginning"}}],
        "filters": [{"parse": "json"}],
        "outputs": [{"kinesis": {"format": "text", "fields": ["d"], "partition_key": "k", "linger": "10ms",
                                 "aggregate": {"max_bytes": "5KiB"}, "batch_bytes": "32KiB",
                                 "stream": stream, "endpoint": recorder.url, "region": REGION, **options}}]})
    weir.run_once(timeout=200)
    recorder.server.close()
    where = ranges(kinesis, stream)
    got, dropped = unpacked(recorder.taken, lambda shard, key: where[shard][0] <= key <= where[shard][1])
    assert got == collections.Counter(text for them in texts.values() for text in them)
    assert len(where) > 8
    print(f"{len(where)} shards in the end, {recorder.puts} requests, {len(recorder.taken)} Kinesis "
          f"records for {count}; {dropped} sent again")
    return dropped


def test_through_splits_and_merges_in_kinesalite_consumers_get_every_record_once(weir, kinesalite, tmp_path,
                                                                                 long):
    dropped = reshaped(weir, kinesalite, 50_000 if long else 4000, tmp_path, access_key_id="AK",
                       secret_access_key="SK")
    assert dropped > 0


# moto goes on to put records into shards that were split: their ranges hold all that was packed for them.
def test_through_splits_and_merges_in_moto_consumers_get_every_record_once(weir, moto, tmp_path, long):
    assert reshaped(weir, moto, 50_000 if long else 4000, tmp_path, access_key_id=moto.keys[0],
                    secret_access_key=moto.keys[1]) == 0


def test_records_of_all_sizes_and_keys_come_back_from_moto(weir, moto, tmp_path, long):
    """2,000 of them, 20,000 with --long."""
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, "random", 4)
    # moto answers 500 to the last hash key.
    found = [(key, None if explicit == str(kpl.HASH_KEYS - 1) else explicit, data)
             for key, explicit, data in random_records(99, 20_000 if long else 2000)]
    (tmp_path / "in.log").write_text("".join(line + "\n" for line in as_json(found)))
    weir.pipeline("p", {
        "inputs": [{"tail": {"paths": [str(tmp_path / "in.log")], "start": "beginning",
                             "max_line": "4MiB"}}],
        "filters": [{"parse": "json"}],
        "outputs": [{"kinesis": {**FIELDS, "explicit_hash_key": "h", "aggregate": True, "rate_limit": 0,
                                 **moto.options(stream=stream)}}],
        "dead_letter": [{"file": {"path": str(tmp_path / "dead")}}]})
    weir.run_once(timeout=200)
    where, got = ranges(kinesis, stream), collections.Counter()
    expected = collections.Counter((key, data) for key, _, data in fits(found))
    explicit_of = {data: explicit for _, explicit, data in found if data}
    for shard, records in read_stream(kinesis, stream).items():
        for outer, record in records:
            for key, explicit, data in kpl.unpack(record, outer):
                got[key, data.decode()] += 1
                if kpl.is_aggregate(record):
                    assert where[shard][0] <= kpl.hash_key(key, explicit) <= where[shard][1]
                    assert not data or explicit == explicit_of[data.decode()]
    assert got == expected


def test_a_real_file_lies_in_moto_with_verified_signatures(weir, moto, data):
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, "aggregated", 5)
    weir.pipeline("p", {
        "inputs": [{"tail": {"paths": [str(data / "auth.log")], "start": "beginning"}}],
        "outputs": [{"kinesis": {"format": "line", "aggregate": True, "concurrency": 1,
                                 **moto.options(stream=stream)}}]})
    weir.run_once()
    where = ranges(kinesis, stream)
    got = []
    for shard, records in read_stream(kinesis, stream).items():
        for key, record in records:
            for k, e, text in kpl.unpack(record, key):
                assert not kpl.is_aggregate(record) or \
                    where[shard][0] <= kpl.hash_key(k, e) <= where[shard][1]
                got.append(text)
    assert sorted(got) == sorted((data / "auth.log").read_bytes().split(b"\n")[:-1])


def test_the_shipped_pipeline_aggregates_access_logs_by_client(weir, moto, data, tmp_path):
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, "example-kpl", 2)
    lines = (data / "apache_combined.log").read_text().splitlines()[:2000]
    shutil.copy(ROOT / "conf.d/web-kpl.yaml", weir.conf_dir)
    weir.env = {"AWS_ACCESS_KEY_ID": moto.keys[0], "AWS_SECRET_ACCESS_KEY": moto.keys[1],
                "AWS_REGION": REGION, "WEIR_KINESIS_URL": moto.url, "WEIR_STREAM": stream,
                "WEIR_WEB_LOGS": str(tmp_path / "access.log")}
    weir.start()
    (tmp_path / "access.log").write_text("\n".join(lines) + "\n")

    def got():
        return [(key, json.loads(text)) for records in read_stream(kinesis, stream).values()
                for outer, record in records for key, _, text in kpl.unpack(record, outer)]

    wait_until(lambda: len(got()) == 2000, 30, "2,000 records", interval=0.2)
    assert all(record["clientip"] == key for key, record in got())
    assert sum(map(len, read_stream(kinesis, stream).values())) < 100
    weir.stop()

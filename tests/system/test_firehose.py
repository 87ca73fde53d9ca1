# SPDX-License-Identifier: MIT
"""The firehose output against moto, which verifies signatures and puts what it gets into S3, and
against a fake for what moto does not do on demand. The shipped pipelines of both AWS outputs, too."""
import json
import shutil
import threading
import time

import pytest

from harness import kpl
from harness.closing import closing
from harness.fake_aws import FakeAws, error
from harness.kinesalite import make_stream
from harness.latency import append_and_wait
from harness.moto import read_stream
from harness.process import wait_until
from harness.records import records
from harness.weir import ROOT

FILES = ["apache_combined.log", "auth.log", "nginx_plus.jsonl"]
KEYS = {"region": "eu-west-1", "access_key_id": "AK", "secret_access_key": "SK"}
FAST = {"backoff_min": "20ms", "backoff_max": "300ms"}


@pytest.fixture
def fake():
    yield from closing(FakeAws)


def make_delivery_stream(moto, name):
    """A stream into a bucket of the same name."""
    moto.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={
        "LocationConstraint": "eu-west-1"})
    moto.client("firehose").create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/x", "BucketARN": "arn:aws:s3:::" + name,
            "Prefix": "logs/"})
    return name


def objects(moto, bucket):
    """The text of all objects, in the order of writing."""
    s3 = moto.client("s3")
    listed = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        listed += page.get("Contents", [])
    listed.sort(key=lambda o: o["LastModified"])
    return [s3.get_object(Bucket=bucket, Key=o["Key"])["Body"].read() for o in listed]


def pipeline(path, filters=(), dead=None, **options):
    whole = {"inputs": [{"tail": {"paths": [str(path)], "start": "beginning"}}],
             "filters": list(filters), "outputs": [{"firehose": {"retry": FAST, **options}}]}
    if dead:
        whole["dead_letter"] = [{"file": {"path": str(dead)}}]
    return whole


@pytest.mark.parametrize("pack", [0, "64KiB"])
@pytest.mark.parametrize("name", FILES)
def test_every_line_of_a_real_file_lies_in_s3(weir, moto, data, name, pack):
    bucket = make_delivery_stream(moto, f"{name.split('.')[0].replace('_', '-')}-{str(pack).lower()}")
    weir.pipeline("p", pipeline(data / name, format="line", pack=pack, ordering="strict",
                                **moto.options(delivery_stream=bucket)))
    weir.run_once()
    got = b"".join(objects(moto, bucket))
    expected = (data / name).read_bytes()
    expected = expected[:expected.rindex(b"\n") + 1]
    assert sorted(got.splitlines()) == sorted(expected.splitlines()) and got[-1:] == b"\n"


def answer_of(failed, count):
    return 200, {"FailedPutCount": len(failed), "RequestResponses": [
        {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow down"} if i in failed
        else {"RecordId": str(i)} for i in range(count)]}


@pytest.mark.parametrize("pack", [0, "64KiB"])
def test_a_record_lingers_as_long_as_was_said(weir, fake, tmp_path, pack):
    linger, late, arrived = 0.15, 0.005, []

    def answer(request, number):
        arrived.append(time.monotonic())
        return answer_of((), len(request.records()))

    log = tmp_path / "in.log"
    log.touch()
    weir.pipeline("p", pipeline(log, format="line", delivery_stream="d", pack=pack, linger="150ms",
                                endpoint=fake(answer).url, **KEYS))
    weir.start()
    took = append_and_wait(log, arrived, linger + late)
    weir.stop()
    assert linger <= min(took) <= linger + late, took


def test_exactly_the_failed_records_are_put_again(weir, fake, tmp_path):
    lines = [b"line %d" % n for n in range(1100)]
    arrived = []

    def answer(request, number):
        data = request.records()
        failed = range(0, len(data), 3) if number < 6 else ()
        arrived.extend(d for i, d in enumerate(data) if i not in failed)
        return answer_of(failed, len(data))

    (tmp_path / "in.log").write_bytes(b"\n".join(lines) + b"\n")
    weir.pipeline("p", pipeline(tmp_path / "in.log", format="line", delivery_stream="d",
                                endpoint=fake(answer).url, **KEYS))
    weir.run_once()
    assert sorted(arrived) == sorted(line + b"\n" for line in lines)


def test_a_pack_that_failed_is_put_again_whole(weir, fake, tmp_path):
    lines = [b"%05d " % n + b"x" * 200 for n in range(3000)]
    arrived = []

    def answer(request, number):
        data = request.records()
        assert all(len(d) <= 32 << 10 and d.endswith(b"\n") for d in data)
        failed = {len(data) // 2} if number < 4 else ()
        arrived.extend(line for i, d in enumerate(data) if i not in failed for line in d.splitlines())
        return answer_of(failed, len(data))

    (tmp_path / "in.log").write_bytes(b"\n".join(lines) + b"\n")
    service = fake(answer)
    weir.pipeline("p", pipeline(tmp_path / "in.log", format="line", delivery_stream="d", pack="32KiB",
                                endpoint=service.url, **KEYS))
    weir.run_once()
    assert sorted(arrived) == lines
    assert sum(len(q.records()) for q in service.seen()) < 60


@pytest.mark.parametrize("pack", [0, "32KiB"])
def test_what_is_older_than_record_ttl_goes_to_the_dead_letter(weir, fake, tmp_path, pack):
    lines, arrived, works = [b"line %d" % n for n in range(600)], [], threading.Event()

    def answer(request, number):
        data = request.records()
        if works.is_set():
            arrived.extend(line for d in data for line in d.splitlines())
            return answer_of((), len(data))
        return answer_of(range(len(data)), len(data))

    dead, log = tmp_path / "dead.jsonl", tmp_path / "in.log"
    log.write_bytes(b"\n".join(lines) + b"\n")
    weir.pipeline("p", pipeline(log, format="line", delivery_stream="d", pack=pack, record_ttl="300ms",
                                endpoint=fake(answer).url, dead=dead, batch_records=500, **KEYS))
    weir.start()
    wait_until(lambda: len(records(dead)) == len(lines), 20, "the dead letter")
    assert {d["reason"] for d in records(dead)} == {"expired"} and not arrived
    works.set()
    with log.open("ab") as file:
        file.write(b"late\n")
    wait_until(lambda: b"late" in arrived, 20, "the record that came later")
    assert arrived == [b"late"]
    weir.stop()


def test_packs_in_the_format_of_kpl_are_unpacked_by_its_readers(weir, fake, tmp_path):
    lines = [(b"%05d " % n).ljust(20 + n * 7919 % 400, b"x") for n in range(5000)] + [b"y" * 40_000, b"z"]
    arrived, sizes = [], []

    def answer(request, number):
        data = request.records()
        sizes.extend(map(len, data))
        failed = {len(data) // 2} if number < 4 else ()
        arrived.extend(text for i, d in enumerate(data) if i not in failed for _, _, text in kpl.unpack(d))
        return answer_of(failed, len(data))

    (tmp_path / "in.log").write_bytes(b"\n".join(lines) + b"\n")
    weir.pipeline("p", pipeline(tmp_path / "in.log", format="line", delivery_stream="d", pack="32KiB",
                                pack_format="kpl", newline=False, endpoint=fake(answer).url, **KEYS))
    weir.run_once()
    assert sorted(arrived) == sorted(lines)
    assert sorted(sizes)[-1] == 40_000 and sorted(sizes)[-2] <= 32 << 10 and len(sizes) < 80


def test_the_one_record_that_is_refused_goes_to_the_dead_letter(weir, fake, tmp_path):
    arrived = []

    def answer(request, number):
        data = request.records()
        if b"poison\n" in data:
            return error("InvalidArgumentException", "no")
        arrived.extend(data)
        return answer_of((), len(data))

    (tmp_path / "in.log").write_bytes(b"a\nb\npoison\nc\n")
    weir.pipeline("p", pipeline(tmp_path / "in.log", format="line", delivery_stream="d",
                                dead=tmp_path / "dead", endpoint=fake(answer).url, **KEYS))
    weir.run_once()
    assert sorted(arrived) == [b"a\n", b"b\n", b"c\n"]
    assert [d["reason"] for d in records(tmp_path / "dead")] == ["refused"]


def test_too_large_a_record_is_dead_before_it_is_sent(weir, fake, tmp_path):
    service = fake(lambda q, n: answer_of((), len(q.records())))
    (tmp_path / "in.log").write_bytes(b"a\n" + b"x" * 1024000 + b"\nb\n")
    weir.pipeline("p", pipeline(tmp_path / "in.log", format="line", delivery_stream="d",
                                dead=tmp_path / "dead", endpoint=service.url, **KEYS))
    weir.run_once()
    assert sorted(d for q in service.seen() for d in q.records()) == [b"a\n", b"b\n"]
    assert [d["reason"] for d in records(tmp_path / "dead")] == ["too_large"]


@pytest.mark.parametrize("options, words", [
    ({"pack": "1KiB"}, "pack must be 32KiB or more"),
    ({"pack": "64KiB", "newline": False}, "need their newline"),
    ({"pack_format": "kpl"}, "set pack too"),
    ({"delivery_stream": "x" * 65}, "at most 64 characters")])
def test_options_that_cannot_work_are_refused(weir, tmp_path, options, words):
    weir.pipeline("p", pipeline(tmp_path / "in.log", **{"delivery_stream": "d", **KEYS, **options}))
    weir.start(ready=False)
    assert wait_until(lambda: weir.process.poll(), 10, "the end") != 0
    assert words in weir.log()
    weir.process = None


def test_a_delivery_stream_that_does_not_exist_holds_with_an_alarm(weir, moto, tmp_path):
    (tmp_path / "in.log").write_bytes(b"a\n")
    weir.pipeline("p", pipeline(tmp_path / "in.log", **moto.options(delivery_stream="nowhere")))
    weir.start()
    wait_until(lambda: "[http_hold]" in weir.log() and "ResourceNotFound" in weir.log(), 20, "it")
    weir.kill()


# ---- conf.d ----


def ship_example(weir, moto, name, log, text, **env):
    """Runs a shipped pipeline as it is on a file that appears while it runs."""
    shutil.copy(ROOT / f"conf.d/{name}.yaml", weir.conf_dir)
    weir.env = {"AWS_ACCESS_KEY_ID": moto.keys[0], "AWS_SECRET_ACCESS_KEY": moto.keys[1],
                "WEIR_KINESIS_URL": moto.url, "WEIR_FIREHOSE_URL": moto.url,
                "AWS_REGION": "eu-west-1", **env}
    weir.start()
    log.write_text(text)


def test_the_shipped_json_pipeline_keys_records_by_their_user(weir, moto, tmp_path):
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, "example-app", 2)
    text = "".join(json.dumps({"user": f"u{n % 5}", "n": n}) + "\n" for n in range(50))
    ship_example(weir, moto, "app-kinesis", tmp_path / "app.json", text,
                 WEIR_APP_LOGS=str(tmp_path / "*.json"), WEIR_STREAM=stream)
    wait_until(lambda: sum(map(len, read_stream(kinesis, stream).values())) == 50, 20, "50 records")
    for got in read_stream(kinesis, stream).values():
        assert all(json.loads(record)["user"] == key for key, record in got)
    weir.stop()


def test_the_shipped_syslog_pipeline_fills_s3(weir, moto, data, tmp_path):
    bucket = make_delivery_stream(moto, "example-syslog")
    lines = (data / "auth.log").read_text().splitlines()[:1000]
    ship_example(weir, moto, "syslog-firehose", tmp_path / "syslog", "\n".join(lines) + "\n",
                 WEIR_SYSLOG=str(tmp_path / "syslog"), WEIR_DELIVERY_STREAM=bucket)
    wait_until(lambda: sum(o.count(b"\n") for o in objects(moto, bucket)) == 1000, 20, "1,000 lines")
    got = [json.loads(line) for o in objects(moto, bucket) for line in o.splitlines()]
    assert all(record["@host"] and record["message"] for record in got)
    weir.stop()


def test_the_shipped_pipeline_of_two_destinations_splits_by_status(weir, moto, data, tmp_path):
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, "example-web")
    bucket = make_delivery_stream(moto, "example-failures")
    lines = (data / "apache_combined.log").read_text().splitlines()
    failures = [line for line in lines if '" 500 ' in line]
    # One request: moto loses records that are put at the same time.
    text = "\n".join(lines[:400] + failures) + "\n"
    ship_example(weir, moto, "web-streams", tmp_path / "access.log", text, WEIR_STREAM=stream,
                 WEIR_WEB_LOGS=str(tmp_path / "access.log"), WEIR_DELIVERY_STREAM=bucket)
    wait_until(lambda: sum(map(len, read_stream(kinesis, stream).values()))
               == 400 + len(failures), 20, "all")
    wait_until(lambda: sum(o.count(b"\n") for o in objects(moto, bucket)) >= len(failures), 20, "them")
    got = [json.loads(line) for o in objects(moto, bucket) for line in o.splitlines()]
    assert all(record["status"] >= 500 for record in got) and len(got) == len(failures) > 0
    weir.stop()

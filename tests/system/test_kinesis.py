# SPDX-License-Identifier: MIT
"""The kinesis output against moto (signatures verified), kinesalite and kinesis-local (TLS, HTTP/2)."""
import json

import pytest

from harness.kinesalite import make_stream
from harness.kinesis_local import KinesisLocal
from harness.moto import REGION, read_stream
from harness.records import records

FILES = ["apache_combined.log", "auth.log", "nginx_plus.jsonl"]


@pytest.fixture(scope="module")
def kinesis_local(tmp_path_factory):
    server = KinesisLocal(tmp_path_factory.mktemp("kinesis-local"), ",".join(f"{name.partition('.')[0]}:2:{REGION}" for name in FILES))
    yield server.start()
    server.stop()


KEYS = {"region": REGION, "access_key_id": "AKIDEXAMPLE", "secret_access_key": "SECRETEXAMPLE"}


def pipeline(path, filters=(), dead=None, **options):
    """One file into a stream; a dead letter in a file if asked for."""
    whole = {"inputs": [{"tail": {"paths": [str(path)], "start": "beginning"}}],
             "filters": list(filters), "outputs": [{"kinesis": options}]}
    if dead:
        whole["dead_letter"] = [{"file": {"path": str(dead)}}]
    return whole


def originals(path):
    return path.read_bytes().split(b"\n")[:-1]


def in_order(shards):
    """The data of a stream of one shard."""
    (got,) = shards.values()
    return [data for _, data in got]


# ---- real files, read back ----


@pytest.mark.parametrize("name", FILES)
def test_every_line_of_a_real_file_arrives_in_order_with_verified_signatures(weir, moto, data, name):
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, f"raw-{name}")
    weir.pipeline("p", pipeline(data / name, format="line", ordering="strict",
                                **moto.options(stream=stream)))
    weir.run_once()
    assert in_order(read_stream(kinesis, stream)) == originals(data / name)


@pytest.mark.parametrize("name", FILES)
def test_every_line_of_a_real_file_arrives_in_kinesalite_on_four_shards(weir, kinesalite, data, name):
    kinesis = kinesalite.client()
    stream = make_stream(kinesis, f"raw-{name}", 4)
    weir.pipeline("p", pipeline(data / name, format="line", stream=stream, endpoint=kinesalite.url,
                                **KEYS))
    weir.run_once()
    shards = read_stream(kinesis, stream)
    assert all(shards.values()), "some shard got nothing"
    got = sorted(data for shard in shards.values() for _, data in shard)
    assert got == sorted(originals(data / name))


# kinesis-local takes a second and more for a call: only the file of few lines unless it may take long.
# What comes faster over HTTP/2 it ends with an error of flow control, curl's own as well: small
# requests, one at a time.
@pytest.mark.parametrize("name", ["nginx_plus.jsonl", *(pytest.param(n, marks=pytest.mark.long)
                                                        for n in FILES[:2])])
def test_every_line_arrives_over_tls_and_http2(weir, kinesis_local, data, name):
    kinesis = kinesis_local.client()
    weir.pipeline("p", pipeline(data / name, format="line", stream=name.partition(".")[0],
                                endpoint=kinesis_local.url, tls={"ca": str(kinesis_local.ca)},
                                batch_bytes="256KiB", ordering="strict", **KEYS))
    weir.run_once(timeout=200)
    shards = read_stream(kinesis, name.partition(".")[0])
    got = sorted(data for shard in shards.values() for _, data in shard)
    assert got == sorted(originals(data / name))


# ---- what a record is ----


def test_a_partition_key_from_a_field_keeps_its_records_on_one_shard(weir, kinesalite, data):
    kinesis = kinesalite.client()
    stream = make_stream(kinesis, "keyed", 3)
    weir.pipeline("p", pipeline(data / "apache_combined.log", [{"parse": "combined"}],
                                stream=stream, endpoint=kinesalite.url, partition_key="clientip",
                                dead=weir.folder / "dead.jsonl", **KEYS))
    weir.run_once()
    seen, count = {}, 0
    for shard, got in read_stream(kinesis, stream).items():
        for key, text in got:
            record = json.loads(text)
            assert record["clientip"] == key and text[-1:] != b"\n"
            assert seen.setdefault(key, shard) == shard
            count += 1
    dead = records(weir.folder / "dead.jsonl")
    assert count == 9999 and len(seen) > 1000
    assert [d["reason"] for d in dead] == ["bad_key"]  # the one line that is cut short has no clientip


def test_chosen_fields_and_a_newline_when_asked(weir, moto, tmp_path):
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, "fields")
    log = tmp_path / "in.log"
    log.write_text('{"a": 1, "b": "x", "c": true}\n{"a": 2, "b": "y"}\n')
    weir.pipeline("p", pipeline(log, [{"parse": "json"}], format="text", fields=["b", "a"],
                                separator=" ", newline=True, **moto.options(stream=stream)))
    weir.run_once()
    assert sorted(in_order(read_stream(kinesis, stream))) == [b"x 1\n", b"y 2\n"]

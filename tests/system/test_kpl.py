# SPDX-License-Identifier: MIT
"""Aggregation in kinesis: what is packed is unpacked again by the libraries of its consumers, within
every limit, whatever the service turns down."""
import base64
import collections
import json
import random
import threading
import time

import pytest

from harness import kpl, needs
from harness.closing import closing
from harness.fake_aws import FakeAws, error
from harness.latency import append_and_wait
from harness.process import wait_until
from harness.records import records

KEYS = {"region": "eu-west-1", "access_key_id": "AK", "secret_access_key": "SK"}
FAST = {"backoff_min": "20ms", "backoff_max": "300ms"}
FIELDS = {"format": "text", "fields": ["d"], "partition_key": "k"}


@pytest.fixture
def serve():
    """serve(stream): a service that has the stream."""
    yield from closing(lambda stream: FakeAws(stream.answer))


@pytest.fixture
def ship(weir, tmp_path, serve):
    """ship(lines, stream, options): the lines into the stream, once; ship.dead() is the dead letter."""

    class Ship:
        dead_path = tmp_path / "dead.jsonl"
        log = tmp_path / "in.log"

        def configure(self, stream, filters=(), **options):
            output = {"stream": "s", "endpoint": serve(stream).url, "format": "line",
                      "aggregate": True, "retry": FAST, "rate_limit": 0, **KEYS, **options}
            weir.pipeline("p", {
                "inputs": [{"tail": {"paths": [str(self.log)], "start": "beginning",
                                     "max_line": "4MiB"}}],
                "filters": list(filters), "outputs": [{"kinesis": output}],
                "dead_letter": [{"file": {"path": str(self.dead_path)}}]})

        def __call__(self, lines, stream, **options):
            self.log.write_text("".join(line + "\n" for line in lines))
            self.configure(stream, **options)
            return weir.run_once(timeout=120)

        def dead(self):
            return records(self.dead_path)

    return Ship()


def lines_of(count, width=200):
    return [f"{n:08} ".ljust(width, "x") for n in range(count)]


def data_of(stream):
    return [data.decode() for _, _, _, data in stream.all()]


def random_size(r):
    """Log-uniform from 0 to 1 MiB, the large ones rare."""
    return int(2 ** r.uniform(0, 20 if r.random() < 0.02 else 12)) - 1


def random_records(seed, count):
    """[(partition key, explicit hash key or None, data)] of all sizes, with keys that repeat."""
    r = random.Random(seed)
    keys = ["".join(r.choice("aé€𝄞/\"\\ z") for _ in range(r.randint(1, 256 if n % 50 == 0 else 20)))
            for n in range(300)]
    hashes = [str(r.getrandbits(128)) for _ in range(50)] + ["0", str(kpl.HASH_KEYS - 1)]
    filler = "".join(r.choice("abcdefgh 0123456789é\"\\") for _ in range(4096)) * 300
    found = []
    for n in range(count):
        size, at = random_size(r), r.randrange(4096)
        found.append((r.choice(keys), r.choice(hashes) if r.random() < 0.1 else None,
                      f"{n} " + filler[at:at + size] if size else ""))
    return found


def as_json(found):
    return [json.dumps({"k": key, "d": data, **({"h": explicit} if explicit else {})},
                       ensure_ascii=False) for key, explicit, data in found]


def fits(found):
    """What Kinesis takes at most."""
    return [f for f in found if len(f[2].encode()) + len(f[0].encode()) <= 1 << 20]


# ---- the format ----


def test_every_line_of_a_real_file_comes_back_in_order(ship, data, tmp_path):
    lines = (data / "apache_combined.log").read_text().splitlines()
    stream = kpl.Stream()
    ship(lines, stream, ordering="strict")
    assert data_of(stream) == lines
    whole = [d for _, _, d in stream.kinesis_records()]
    assert all(kpl.is_aggregate(d) for d in whole) and len(whole) < 60
    for one, other in zip(whole[:3], kpl.node(whole[:3]), strict=True):
        ours = kpl.unpack(one)
        assert [(k, d) for k, _, d in ours] == other
        assert [(k, e) for k, e, _ in ours] == [(k, e) for k, e, _ in kpl.protoc(tmp_path, one)]


@pytest.mark.parametrize("wire", ["json", "cbor"])
def test_records_of_all_sizes_and_keys_come_back_each_once(ship, long, wire):
    for seed in range(20 if long else 1):
        found = random_records(seed, 50_000 if long else 10_000)
        stream = Wire(wire)
        ship(as_json(found), stream, filters=[{"parse": "json"}], explicit_hash_key="h", wire=wire,
             **FIELDS)
        got = [(key, explicit, data.decode()) for _, key, explicit, data in stream.all()]
        assert collections.Counter(got) == collections.Counter(fits(found))
        assert len(ship.dead()) == len(found) - len(fits(found))
        ship.dead_path.unlink(missing_ok=True)


class Wire(kpl.Stream):
    """A stream that may be spoken to in CBOR."""

    def __init__(self, wire):
        super().__init__()
        if wire == "cbor":
            self.cbor = needs.module("cbor2")

    def answer(self, request, number):
        if "cbor" not in request.headers["content-type"]:
            return super().answer(request, number)
        body = self.cbor.loads(request.body)
        for record in body["Records"]:
            record["Data"] = base64.b64encode(record["Data"]).decode()
        request.body = json.dumps(body)
        status, answer = super().answer(request, number)
        return status, self.cbor.dumps(answer)


def test_without_the_shards_only_records_of_one_hash_key_share_an_aggregate(ship, weir):
    stream = kpl.Stream(8)
    stream.before = lambda s, o, n: error("AccessDeniedException", "no") if o != "PutRecords" else None
    found = [(key, None, f"{key} {n}") for n in range(30) for key in ("a", "b", "b", "b")]
    ship(as_json(found), stream, filters=[{"parse": "json"}], ordering="strict", **FIELDS)
    assert collections.Counter(data_of(stream)) == collections.Counter(d for _, _, d in found)
    assert sorted(stream.kcl()) == sorted(d.encode() for _, _, d in found)
    singles = [d for _, _, d in stream.kinesis_records() if not kpl.is_aggregate(d)]
    assert all(d.startswith(b"a ") for d in singles)
    assert "[kinesis_shards]" in weir.log() and "kinesis:ListShards" in weir.log()


# ---- what it saves ----


class Weighing(kpl.Stream):
    """A stream that notes the sizes of heads and bodies of PutRecords."""

    def __init__(self):
        super().__init__()
        self.heads, self.bodies = [], []

    def answer(self, request, number):
        if request.headers["x-amz-target"].endswith(".PutRecords"):
            lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items()), ""]
            self.heads.append(len("".join(line + "\r\n" for line in lines)))
            self.bodies.append(len(request.body))
        return super().answer(request, number)

    def figures(self):
        return {"requests": len(self.puts), "Kinesis records": len(self.kinesis_records()),
                "bytes": sum(self.heads) + sum(self.bodies)}


def show(name, figures, count):
    print(f"{name}, for a million lines of 200 bytes: " + ", ".join(
        f"{value * (1_000_000 // count):,} {what}" for what, value in figures.items()))


@pytest.fixture
def weigh(ship, long):
    """weigh(aggregate, options): the stream that so many lines went into."""
    count = 1_000_000 if long else 100_000

    def weigh(aggregate, **options):
        stream, ship.log = Weighing(), ship.log.with_name(f"{aggregate}.log")
        ship(lines_of(count), stream, aggregate=aggregate, linger="60s", **options)
        assert len(stream.all()) == count
        show("aggregated" if aggregate else "plain", stream.figures(), count)
        return stream, count

    return weigh


def test_a_hundred_times_fewer_kinesis_records_than_lines(weigh):
    plain, aggregated = (weigh(aggregate)[0].figures() for aggregate in (False, True))
    assert plain["Kinesis records"] > 100 * aggregated["Kinesis records"]
    assert aggregated["requests"] < plain["requests"] / 10
    assert aggregated["bytes"] < 0.92 * plain["bytes"]


@pytest.mark.parametrize("keys", [{}, {"partition_key": '"a"'}], ids=["made up", "one"])
def test_no_more_request_bytes_than_kpl_would_send(weigh, keys):
    """KPL has its records' keys from its user: here those that ours have; and heads as small as ours."""
    stream, count = weigh(True, **keys)
    theirs = kpl.kpl_sends([(key, data) for _, key, _, data in stream.all()], max(stream.heads))
    show("by KPL", theirs, count)
    assert stream.figures()["bytes"] <= theirs["bytes"]
    assert stream.figures()["requests"] <= theirs["requests"]
    assert sum(stream.bodies) <= theirs["bytes"] - theirs["requests"] * max(stream.heads), "heads aside"


def test_what_kpl_would_send_is_reckoned_to_the_byte():
    """One aggregate, really packed by the messages of its format."""
    r = random.Random(5)
    found = [(f"key {r.randrange(200)}", r.randbytes(r.randrange(0, 400))) for _ in range(220)]
    data = kpl.packed(found)
    assert len(data) < kpl.AGGREGATE_MAX and [(k, d) for k, _, d in kpl.unpack(data)] == found
    body = json.dumps({"StreamName": "s", "Records": [
        {"Data": base64.b64encode(data).decode(), "PartitionKey": "a",
         "ExplicitHashKey": str(kpl.hash_key(found[0][0]))}]}, separators=(",", ":"))
    assert kpl.kpl_sends(found, 400) == {"requests": 1, "Kinesis records": 1, "bytes": 400 + len(body)}
    # 246 lines of 200 bytes fill an aggregate, and six of these are the first to be over 256 KiB.
    assert kpl.kpl_sends([("k", b"x" * 200)] * (246 * 6 + 1), 400) | {"bytes": 0} == {
        "requests": 2, "Kinesis records": 7, "bytes": 0}


# ---- shards ----


def check_shards(stream):
    """Every record of every aggregate belongs to the shard that it lies on."""
    for shard, key, explicit, _ in stream.all():
        assert shard.holds(kpl.hash_key(key, explicit))


def keyed(count, keys=1000, width=60):
    """JSON lines with keys; and their texts, in order, by key."""
    texts = collections.defaultdict(list)
    for n in range(count):
        texts[f"key{n * 7919 % keys}"].append(f"{n:07} ".ljust(width, "y"))
    order = sorted((text, key) for key, them in texts.items() for text in them)
    return [json.dumps({"k": key, "d": text}) for text, key in order], texts


def check_order(stream, texts, get=None):
    """Each key's records in order; the first time that each came, if some came twice."""
    got = collections.defaultdict(dict)
    for shard, key, _, data in get or stream.all():
        got[key].setdefault(data.decode())
    assert {key: list(them) for key, them in got.items()} == dict(texts)


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 50, 200])
def test_every_aggregate_holds_records_of_its_shard_only(ship, shards):
    lines, texts = keyed(10_000, keys=5000)
    stream = kpl.Stream(shards)
    stream.page = 64
    ship(lines, stream, filters=[{"parse": "json"}], ordering="strict", linger="60s", **FIELDS)
    check_shards(stream)
    check_order(stream, texts)
    assert all(s.records for s in stream.shards)
    assert len(stream.kinesis_records()) < 10_000 / 20
    assert stream.calls.count("ListShards") == (shards + 63) // 64


def test_made_up_keys_spread_over_the_shards_in_full_aggregates(ship):
    stream = kpl.Stream(4)
    ship(lines_of(50_000), stream, linger="60s")
    check_shards(stream)
    assert sorted(data_of(stream)) == lines_of(50_000)
    assert all(len(s.records) > 20 for s in stream.shards)
    sizes = sorted(len(d) for _, _, d in stream.kinesis_records())
    assert sizes[10] > 40_000 and len(sizes) < 50_000 * 220 / 51_200 * 1.1


def reshape(stream, operation, number):
    """At first all shards are split, right before a put is looked at; later some, now and then."""
    if (operation, number) == ("PutRecords", 1):
        for shard in stream.open_shards():
            stream.split(shard)
    elif operation == "PutRecords" and number % 3 == 2 and len(stream.shards) < 40:
        shards = sorted(stream.open_shards(), key=lambda s: s.start)
        at = number % len(shards)
        if number % 2 or at == 0:
            stream.split(shards[at])
        else:
            stream.merge(shards[at - 1], shards[at])


@pytest.mark.parametrize("ordering", ["strict", "relaxed"])
def test_after_splits_and_merges_in_mid_flight_consumers_miss_nothing(ship, weir, ordering):
    lines, texts = keyed(20_000)
    stream = kpl.Stream(3)
    stream.before = reshape
    options = {"ordering": "strict"} if ordering == "strict" else {}
    ship(lines, stream, filters=[{"parse": "json"}], linger="10ms", batch_bytes="64KiB",
         aggregate={"max_bytes": "5KiB"}, **FIELDS, **options)
    got = collections.Counter(stream.kcl())
    assert set(got) == {text.encode() for them in texts.values() for text in them}
    assert max(got.values()) == 1, "a consumer on KCL saw a record twice"
    dropped = len(stream.all()) - sum(got.values())
    assert len(stream.shards) > 9 and dropped > 0
    if ordering == "strict":
        seen = [(shard, key, explicit, data) for shard, key, explicit, data in stream.all()
                if shard.holds(kpl.hash_key(key, explicit))]
        by_shard = sorted(seen, key=lambda r: stream.shards.index(r[0]))  # parents come before children
        check_order(stream, texts, by_shard)
    print(f"{len(stream.shards)} shards in the end; {dropped} records out of {len(lines)} sent again")


def test_exactly_the_records_that_consumers_would_drop_are_sent_again_and_counted(ship, weir):
    found = [(f"k{n}", None, f"{n:05}") for n in range(500)]
    stream = kpl.Stream()
    stream.before = lambda s, o, n: s.split(s.shards[0]) if (o, n) == ("PutRecords", 1) else None
    ship.log.write_text("".join(line + "\n" for line in as_json(found)))
    ship.configure(stream, filters=[{"parse": "json"}], **FIELDS)
    weir.start()
    wait_until(lambda: weir.metric("weir_output_records_total", outcome="delivered") == 500, 20, "them")
    (first, *_), second = stream.puts[0], stream.shards[1:]
    lost = [d for s in second for r in s.records[:1] for k, e, d in kpl.unpack(r[2], r[0], r[1])
            if not s.holds(kpl.hash_key(k, e))]
    assert len(stream.all()) == 500 + len(lost) and 100 < len(lost) < 400
    assert sorted(stream.kcl()) == sorted(d.encode() for _, _, d in found)
    assert weir.metric("weir_kinesis_records_misplaced_total") == len(lost)
    assert weir.metric("weir_kinesis_aggregates_misplaced_total") == 1
    assert weir.metric("weir_kinesis_shard_maps_total") == 2
    weir.stop()


def test_a_map_that_lags_behind_is_asked_for_again(ship):
    lines, texts = keyed(2000)
    stream = kpl.Stream()
    old = [stream.shards[0].json()]

    def before(stream, operation, number):
        if (operation, number) == ("PutRecords", 1):
            stream.split(stream.shards[0])
        if operation == "ListShards" and number < 4:
            return 200, {"Shards": old}
        return None

    stream.before = before
    ship(lines, stream, filters=[{"parse": "json"}], **FIELDS)
    assert sorted(stream.kcl()) == sorted(t.encode() for them in texts.values() for t in them)
    assert stream.calls.count("ListShards") >= 4


def test_a_stream_that_spreads_records_by_itself_gets_single_ones(ship, weir):
    lines, texts = keyed(2000)
    stream = kpl.Stream(4)
    stream.strategy = "AUTO"
    ship(lines, stream, filters=[{"parse": "json"}], linger="60s", **FIELDS)
    assert not any(kpl.is_aggregate(d) for _, _, d in stream.kinesis_records())
    assert len(stream.kinesis_records()) == 2000 and len(stream.puts) == 4
    assert "each record goes by itself" in weir.log()


def test_a_stream_that_spreads_records_but_does_not_say_so_is_found_out(ship, weir):
    lines, texts = keyed(5000)
    stream = kpl.Stream(4)
    stream.strategy = "AUTO"
    stream.before = lambda s, o, n: error("AccessDeniedException") if o == "DescribeStreamSummary" else None
    ship(lines, stream, filters=[{"parse": "json"}], linger="10ms", batch_bytes="64KiB", **FIELDS)
    assert set(stream.kcl()) == {t.encode() for them in texts.values() for t in them}
    assert "each record goes by itself" in weir.log()
    assert "kinesis:DescribeStreamSummary" in weir.log()


def test_shards_that_cannot_be_listed_for_a_while_hold_nothing_up_and_lose_nothing(ship):
    lines, texts = keyed(3000)
    stream = kpl.Stream(4)
    stream.before = lambda s, o, n: error("InternalFailure", "", 500) if o == "ListShards" and n < 8 else None
    ship(lines, stream, filters=[{"parse": "json"}], **FIELDS)
    assert sorted(stream.kcl()) == sorted(t.encode() for them in texts.values() for t in them)


# ---- limits ----


def size_of(records_of_10, keys=1):
    """Of an aggregate of so many 10-byte records with a key of 16."""
    return 4 + 16 + keys * 18 + records_of_10 * 16


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_an_aggregate_keeps_to_its_size(ship, off):
    stream = kpl.Stream()
    ship(lines_of(20, 10), stream, aggregate={"max_bytes": size_of(20) + off}, partition_key='"' + "k" * 16 + '"')
    sizes = [len(d) for _, _, d in stream.kinesis_records()]
    if off < 0:
        assert sizes == [size_of(19), 10]
    else:
        assert sizes == [size_of(20)]


@pytest.mark.parametrize("count", [9, 10, 11])
def test_an_aggregate_keeps_to_its_number_of_records(ship, count):
    stream = kpl.Stream()
    ship(lines_of(count, 10), stream, aggregate={"max_records": 10}, partition_key='"k"')
    counts = [len(kpl.unpack(d)) for _, _, d in stream.kinesis_records()]
    assert counts == ([count] if count <= 10 else [10, 1])


@pytest.mark.parametrize("count", [499, 500, 501])
def test_a_request_has_500_kinesis_records_at_most(ship, count):
    stream = kpl.Stream()
    ship(lines_of(count, 10), stream, aggregate={"max_records": 1}, linger="60s")
    assert sorted((len(p) for p in stream.puts), reverse=True) == ([count] if count <= 500 else [500, 1])
    assert not any(kpl.is_aggregate(d) for _, _, d in stream.kinesis_records())


def test_a_request_has_5_mib_at_most_and_is_filled(ship):
    stream = kpl.Stream()
    ship(lines_of(60_000), stream, linger="60s")
    sizes = sorted((sum(len(r["Data"]) * 3 // 4 + 1 for r in put) for put in stream.puts), reverse=True)
    assert max(sizes) <= 5 << 20 and min(sizes[:2]) > (5 << 20) - 2 * 51200
    assert sorted(data_of(stream)) == lines_of(60_000)


@pytest.mark.parametrize("limit", [{"batch_bytes": "1MiB"}, {"batch_records": 20}])
def test_a_request_is_filled_to_its_limit_with_what_many_shards_have(ship, limit):
    lines, texts = keyed(20_000, width=200)
    stream = kpl.Stream(8)
    ship(lines, stream, filters=[{"parse": "json"}], linger="60s", **FIELDS, **limit)
    check_shards(stream)
    *full, _ = sorted(stream.puts, key=lambda put: sum(len(r["Data"]) for r in put), reverse=True)
    assert len(full) >= 3
    # The last round over the shards, when all has been read, has what is left of each.
    for put in full[:2]:
        size = sum(len(base64.b64decode(r["Data"])) + len(r["PartitionKey"]) for r in put)
        assert len(put) == 20 if "batch_records" in limit else (1 << 20) - 51_201 < size <= 1 << 20
        assert len({stream.shard_of(record).id for record in put}) == 8


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_record_of_the_limit_travels_alone_and_one_more_byte_is_dead(ship, off):
    stream = kpl.Stream()
    big = "x" * ((1 << 20) - 1 + off)
    ship(["small", big, "small"], stream, partition_key='"k"')
    assert [d for d in data_of(stream) if d != "small"] == ([big] if off < 1 else [])
    assert [d["reason"] for d in ship.dead()] == (["too_large"] if off == 1 else [])


# ---- what the service turns down ----


def test_exactly_what_was_throttled_is_sent_again(ship):
    r = random.Random(1)
    stream = kpl.Stream(4)
    stream.fails = lambda shard, data: (r.choice(["ProvisionedThroughputExceededException", "InternalFailure"])
                                        if r.random() < 0.3 and stream.calls.count("PutRecords") < 20 else None)
    ship(lines_of(20_000), stream, aggregate={"max_bytes": "5KiB"}, batch_records=50)
    assert sorted(data_of(stream)) == lines_of(20_000)
    assert len(stream.puts) > 10 and ship.dead() == []


def test_with_strict_order_retries_do_not_change_it(ship):
    r = random.Random(2)
    stream = kpl.Stream()
    stream.fails = lambda *_: "ProvisionedThroughputExceededException" if r.random() < 0.3 else None
    ship(lines_of(3000), stream, aggregate={"max_bytes": "20KiB"}, ordering="strict")
    assert data_of(stream) == lines_of(3000)


def in_order(got, ordering):
    return got if ordering == "strict" else sorted(got)


@pytest.mark.parametrize("ordering", ["strict", "any"])
def test_the_one_record_that_is_refused_goes_to_the_dead_letter(ship, ordering):
    poison = lines_of(5000)[777]

    def before(stream, operation, number):
        puts = [d for r in stream.incoming for d in (kpl.unpack(r))]
        if any(d.decode() == poison for _, _, d in puts):
            return error("com.amazonaws.kinesis#InvalidArgumentException", "there is poison in it")
        return None

    class Reading(kpl.Stream):
        def answer(self, request, number):
            self.incoming = request.records()
            return super().answer(request, number)

    stream = Reading()
    stream.before = before
    ship(lines_of(5000), stream, ordering=ordering)
    assert in_order(data_of(stream), ordering) == [line for line in lines_of(5000) if line != poison]
    (dead,) = ship.dead()
    assert dead["reason"] == "refused" and "there is poison in it" in str(dead)


@pytest.mark.parametrize("ordering", ["strict", "any"])
def test_an_aggregate_that_is_refused_by_itself_is_taken_apart(ship, ordering):
    poison = lines_of(300)[77].encode()
    stream = kpl.Stream()
    stream.fails = lambda shard, data: "InvalidArgumentException" if poison in data else None
    ship(lines_of(300), stream, ordering=ordering)
    assert in_order(data_of(stream), ordering) == [line for line in lines_of(300) if line.encode() != poison]
    assert [d["reason"] for d in ship.dead()] == ["refused"]


@pytest.mark.parametrize("fault", [error("InternalFailure", "", 500), error("ThrottlingException", "slow"),
                                   (200, {"Records": [{"ShardId": "x"}]}), (200, b'{"Reco')])
def test_a_call_that_fails_is_made_again(ship, fault):
    stream = kpl.Stream()
    stream.before = lambda s, o, n: fault if o == "PutRecords" and n < 3 else None
    ship(lines_of(500), stream)
    assert data_of(stream) == lines_of(500) and stream.calls.count("PutRecords") == 3


@pytest.mark.parametrize("aggregate", [True, False])
@pytest.mark.parametrize("kind", ["record", "call", "all calls"])
def test_what_is_older_than_record_ttl_goes_to_the_dead_letter(ship, weir, kind, aggregate):
    stream = kpl.Stream()
    if kind == "record":
        stream.fails = lambda *_: "ProvisionedThroughputExceededException"
    else:
        stream.before = lambda stream, operation, number: (
            error("InternalFailure", "", 500) if kind != "call" or operation == "PutRecords" else None)
    ship.log.write_text("".join(line + "\n" for line in lines_of(1000)))
    ship.configure(stream, record_ttl="500ms", aggregate=aggregate)
    weir.start()
    wait_until(lambda: len(ship.dead()) == 1000, 20, "the dead letter")
    assert {d["reason"] for d in ship.dead()} == {"expired"}
    stream.fails = stream.before = lambda *_: None
    with ship.log.open("a") as log:
        log.write("late\n")
    wait_until(lambda: data_of(stream) == ["late"], 20, "the record that came later")
    if aggregate:
        assert weir.metric("weir_kinesis_user_records_expired_total", stream="s") == 1000
    weir.stop()


# ---- rates ----


# By itself or with aggregates of one record: a rate limit is all that it takes.
@pytest.mark.parametrize("aggregate", [{"max_records": 1}, False])
def test_a_shard_gets_no_more_than_its_rate(ship, aggregate):
    stream = kpl.Stream()
    came, listed = [], []

    def before(stream, operation, number):
        (came if operation == "PutRecords" else listed).append(time.monotonic())

    stream.before = before
    ship(lines_of(2500, 20), stream, aggregate=aggregate, rate_limit=100)
    assert not any(map(kpl.is_aggregate, (data for _, _, _, data in stream.all())))
    assert sorted(data_of(stream)) == lines_of(2500, 20)
    total = 0
    for at, put in zip(came, stream.puts, strict=True):
        total += len(put)
        assert total <= 1000 + 1000 * (at - listed[-1]) + 1, f"{total} after {at - listed[-1]:.3f} s"
    assert came[-1] - listed[-1] > 1.4


@pytest.mark.parametrize("options", [{"aggregate": True}, {"aggregate": False, "rate_limit": 10_000}])
def test_a_shard_that_throttles_does_not_hold_up_the_others(ship, weir, options):
    lines, texts = keyed(20_000)
    stream = kpl.Stream(4)
    hot = stream.shards[0]
    others = [t for key, them in texts.items() for t in them if not hot.holds(kpl.hash_key(key))]
    stream.fails = lambda shard, data: "ProvisionedThroughputExceededException" if shard is hot else None
    ship.log.write_text("".join(line + "\n" for line in lines))
    ship.configure(stream, filters=[{"parse": "json"}], **FIELDS, **options)
    weir.start()
    wait_until(lambda: len(data_of(stream)) == len(others), 20, "the records of the other shards")
    assert hot.records == []
    stream.fails = lambda *_: None
    wait_until(lambda: len(data_of(stream)) == len(lines), 20, "those of the one")
    weir.stop()
    assert sorted(data_of(stream)) == sorted(t for them in texts.values() for t in them)


def test_the_rate_adapts_to_what_a_shard_takes(ship):
    stream = kpl.Stream(2)
    left, state = {}, {"throttled": 0}

    def fails(shard, data):
        """300 records a second and shard, no more than 60 at once."""
        now = time.monotonic()
        tokens, at = left.get(shard.id, (60, now))
        tokens = min(60, tokens + (now - at) * 300)
        left[shard.id] = (tokens - (tokens >= 1), now)
        state["throttled"] += tokens < 1
        return "ProvisionedThroughputExceededException" if tokens < 1 else None

    stream.fails = fails
    ship(lines_of(1500, 20), stream, aggregate={"max_records": 1}, rate_limit=1000, linger="10ms",
         retry={"backoff_min": "20ms", "backoff_max": "100ms"}, batch_records=50)
    assert sorted(data_of(stream)) == lines_of(1500, 20)
    print(f"{state['throttled']} records were throttled for 1,500 that were taken")
    assert state["throttled"] < 3000


def test_no_more_is_read_ahead_than_a_slow_stream_can_use(ship, weir):
    stream, taken = kpl.Stream(), threading.Event()

    def before(stream, operation, number):
        if operation == "PutRecords":
            taken.wait(25)

    stream.before = before
    lines = lines_of(100_000)
    ship.log.write_text("".join(line + "\n" for line in lines))
    ship.configure(stream, concurrency=1, batch_bytes="64KiB")
    weir.start()
    received = lambda: weir.metric("weir_kinesis_user_records_received_total", stream="s")
    seen = []

    def is_at_rest():
        seen.append(received())
        return len(seen) > 10 and seen[-1] == seen[-10] > 0

    wait_until(is_at_rest, 20, "reading to stop", interval=0.1)
    assert seen[-1] < len(lines) / 2, "all was read while nothing was taken"
    taken.set()
    wait_until(lambda: weir.metric("weir_output_records_total", outcome="delivered") == len(lines), 60, "all")
    weir.stop()
    assert sorted(data_of(stream)) == lines


# ---- metrics ----


def test_the_metrics_of_kpl_are_there_by_name_stream_and_shard(ship, weir):
    lines, texts = keyed(3000)
    stream = kpl.Stream(3)
    stream.fails = lambda shard, data: (
        "ProvisionedThroughputExceededException" if shard.id.endswith("2") and len(stream.puts) < 3 else None)
    ship.log.write_text("".join(line + "\n" for line in lines))
    ship.configure(stream, filters=[{"parse": "json"}], **FIELDS)
    weir.start()
    wait_until(lambda: weir.metric("weir_output_records_total", outcome="delivered") == 3000, 20, "them")
    metric = lambda name, **labels: weir.metric(f"weir_kinesis_{name}", stream="s", output="kinesis", **labels)
    for shard in stream.shards:
        got = [kpl.unpack(data, key, explicit) for key, explicit, data in shard.records]
        assert metric("user_records_put_total", shard=shard.id) == sum(map(len, got))
        assert metric("user_records_data_put_total", shard=shard.id) == sum(len(r[2]) for g in got for r in g)
        assert metric("kinesis_records_put_total", shard=shard.id) == len(shard.records)
        assert metric("kinesis_records_data_put_total", shard=shard.id) == sum(
            len(data) + len(key) for key, _, data in shard.records)
    errors = metric("all_errors_total", shard=stream.shards[2].id)
    assert errors > 0 and errors == metric("all_errors_total")
    assert errors == metric("errors_by_code_total", code="ProvisionedThroughputExceededException")
    assert metric("retries_per_record_total") >= len(kpl.unpack(stream.shards[2].records[0][2]))
    assert metric("user_records_received_total") == 3000 and metric("user_records_expired_total") == 0
    wait_until(lambda: metric("user_records_pending") == 0, 5, "nothing to be pending")
    assert metric("request_time_seconds_count") == len(stream.puts)
    assert metric("buffering_time_seconds_count") == len(stream.kinesis_records())
    assert metric("user_records_per_kinesis_record") >= 1
    assert 1 <= metric("kinesis_records_per_put_records_request") <= metric("user_records_per_put_records_request")
    weir.stop()


# ---- time ----


def arrivals(weir, ship, wanted, **options):
    """How long each of some single lines took to arrive."""
    arrived = []
    stream = kpl.Stream()
    stream.before = lambda s, o, n: arrived.append(time.monotonic()) if o == "PutRecords" else None
    ship.log.write_text("")
    ship.configure(stream, **options)
    weir.start()
    took = append_and_wait(ship.log, arrived, wanted)
    weir.stop()
    print(f"{options}, in ms: " + ", ".join(f"{t * 1000:.1f}" for t in took))
    return took


@pytest.mark.parametrize("aggregate", [True, False])
@pytest.mark.parametrize("linger, seconds", [({"linger": "150ms"}, 0.15), ({}, 0.1)])
def test_a_record_lingers_as_long_as_was_said(weir, ship, aggregate, linger, seconds):
    took = arrivals(weir, ship, seconds + 0.005, aggregate=aggregate, **linger)
    assert seconds <= min(took) <= seconds + 0.005


def test_without_linger_a_record_goes_at_once(weir, ship):
    assert min(arrivals(weir, ship, 0.02, linger="0s")) <= 0.02


@pytest.mark.parametrize("options, words", [
    ({"aggregate": {"max_bytes": "2MiB"}}, "max_bytes may not exceed max_record"),
    ({"aggregate": {"max_bytes": 63}}, "max_bytes")])
def test_options_that_cannot_work_are_refused(weir, ship, options, words):
    ship.log.write_text("")
    ship.configure(kpl.Stream(), **options)
    result = weir.check()
    assert result.returncode != 0 and words in result.stdout + result.stderr

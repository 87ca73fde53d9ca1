# SPDX-License-Identifier: MIT
"""Aggregation in kinesis: what is packed is unpacked again by the libraries of its consumers, within
every limit, whatever the service turns down."""
import collections
import json
import random
import time

import pytest

from harness import kpl
from harness.fake_aws import FakeAws, error
from harness.process import wait_until
from harness.records import records

KEYS = {"region": "eu-west-1", "access_key_id": "AK", "secret_access_key": "SK"}
FAST = {"backoff_min": "20ms", "backoff_max": "300ms"}
FIELDS = {"format": "text", "fields": ["d"], "partition_key": "k"}


@pytest.fixture
def serve():
    """serve(stream): a service that has the stream."""
    made = []

    def make(stream):
        made.append(FakeAws(stream.answer))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def ship(weir, tmp_path, serve):
    """ship(lines, stream, options): the lines into the stream, once; ship.dead() is the dead letter."""

    class Ship:
        dead_path = tmp_path / "dead.jsonl"
        log = tmp_path / "in.log"

        def configure(self, stream, filters=(), **options):
            output = {"stream": "s", "endpoint": serve(stream).url, "format": "line",
                      "aggregate": True, "retry": FAST, **KEYS, **options}
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
            self.cbor = pytest.importorskip("cbor2", reason="cbor2 is missing (python3-cbor2)")

    def answer(self, request, number):
        if "cbor" not in request.headers["content-type"]:
            return super().answer(request, number)
        import base64
        body = self.cbor.loads(request.body)
        for record in body["Records"]:
            record["Data"] = base64.b64encode(record["Data"]).decode()
        request.body = json.dumps(body)
        status, answer = super().answer(request, number)
        return status, self.cbor.dumps(answer)


def test_records_that_share_a_hash_key_share_an_aggregate_and_others_do_not(ship):
    stream = kpl.Stream(8)
    found = [(key, None, f"{key} {n}") for n in range(30) for key in ("a", "b", "b", "b")]
    ship(as_json(found), stream, filters=[{"parse": "json"}], ordering="strict", **FIELDS)
    assert collections.Counter(data_of(stream)) == collections.Counter(d for _, _, d in found)
    assert sorted(stream.kcl()) == sorted(d.encode() for _, _, d in found)
    singles = [d for _, _, d in stream.kinesis_records() if not kpl.is_aggregate(d)]
    assert all(d.startswith(b"a ") for d in singles)


# ---- limits ----


def size_of(records_of_10, keys=1):
    """Of an aggregate of so many 10-byte records with a key of 16."""
    return 4 + 16 + keys * 18 + records_of_10 * 16 + 1


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_an_aggregate_keeps_to_its_size(ship, off):
    stream = kpl.Stream()
    ship(lines_of(20, 10), stream, aggregate={"max_bytes": size_of(20) + off}, partition_key='"' + "k" * 16 + '"')
    sizes = [len(d) + 1 for _, _, d in stream.kinesis_records()]
    if off < 0:
        assert sizes == [size_of(19), 10 + 1]
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
    ship(lines_of(count, 10), stream, aggregate={"max_records": 1}, linger="5s")
    assert sorted((len(p) for p in stream.puts), reverse=True) == ([count] if count <= 500 else [500, 1])
    assert not any(kpl.is_aggregate(d) for _, _, d in stream.kinesis_records())


def test_a_request_has_5_mib_at_most_and_is_filled(ship):
    stream = kpl.Stream()
    ship(lines_of(60_000), stream, linger="5s")
    sizes = sorted((sum(len(r["Data"]) * 3 // 4 + 1 for r in put) for put in stream.puts), reverse=True)
    assert max(sizes) <= 5 << 20 and min(sizes[:2]) > (5 << 20) - 2 * 51200
    assert sorted(data_of(stream)) == lines_of(60_000)


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


def test_the_one_record_that_is_refused_goes_to_the_dead_letter(ship):
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
    ship(lines_of(5000), stream)
    assert sorted(data_of(stream)) == [line for line in lines_of(5000) if line != poison]
    (dead,) = ship.dead()
    assert dead["reason"] == "refused" and "there is poison in it" in str(dead)


def test_an_aggregate_that_is_refused_by_itself_is_taken_apart(ship):
    poison = lines_of(300)[77].encode()
    stream = kpl.Stream()
    stream.fails = lambda shard, data: "InvalidArgumentException" if poison in data else None
    ship(lines_of(300), stream)
    assert sorted(data_of(stream)) == [line for line in lines_of(300) if line.encode() != poison]
    assert [d["reason"] for d in ship.dead()] == ["refused"]


@pytest.mark.parametrize("fault", [error("InternalFailure", "", 500), error("ThrottlingException", "slow"),
                                   (200, {"Records": [{"ShardId": "x"}]}), (200, b'{"Reco')])
def test_a_call_that_fails_is_made_again(ship, fault):
    stream = kpl.Stream()
    stream.before = lambda s, o, n: fault if o == "PutRecords" and n < 3 else None
    ship(lines_of(500), stream)
    assert data_of(stream) == lines_of(500) and stream.calls.count("PutRecords") == 3


@pytest.mark.parametrize("kind", ["record", "call"])
def test_what_is_older_than_record_ttl_goes_to_the_dead_letter(ship, weir, kind):
    stream = kpl.Stream()
    if kind == "record":
        stream.fails = lambda *_: "ProvisionedThroughputExceededException"
    else:
        stream.before = lambda *_: error("InternalFailure", "", 500)
    ship.log.write_text("".join(line + "\n" for line in lines_of(1000)))
    ship.configure(stream, record_ttl="500ms")
    weir.start()
    wait_until(lambda: len(ship.dead()) == 1000, 20, "the dead letter")
    assert {d["reason"] for d in ship.dead()} == {"expired"}
    stream.fails = stream.before = lambda *_: None
    with ship.log.open("a") as log:
        log.write("late\n")
    wait_until(lambda: data_of(stream) == ["late"], 20, "the record that came later")
    assert weir.metric("weir_kinesis_records_expired_total") == 1000
    weir.stop()


# ---- time ----


def arrivals(weir, ship, linger, count=8):
    """How long each of some single lines took to arrive."""
    arrived = []
    stream = kpl.Stream()
    stream.before = lambda s, o, n: arrived.append(time.monotonic()) if o == "PutRecords" else None
    ship.log.write_text("")
    ship.configure(stream, linger=linger)
    weir.start()
    took = []
    for n in range(count):
        began = time.monotonic()
        with ship.log.open("a") as log:
            log.write(f"line {n}\n")
        wait_until(lambda: len(arrived) == n + 1, 20, "the line", interval=0.002)
        took.append(arrived[n] - began)
    weir.stop()
    return took


def test_a_record_lingers_as_long_as_was_said(weir, ship):
    took = arrivals(weir, ship, "150ms")
    print("linger 150 ms: " + ", ".join(f"{t * 1000:.1f}" for t in took))
    assert min(took) >= 0.15
    assert min(took) < 0.165  # within milliseconds, on a machine with other work once in eight times


def test_without_linger_a_record_goes_at_once(weir, ship):
    took = arrivals(weir, ship, "0s")
    print("linger 0: " + ", ".join(f"{t * 1000:.1f}" for t in took))
    assert min(took) < 0.05


@pytest.mark.parametrize("options, words", [
    ({"aggregate": {"max_bytes": "2MiB"}}, "max_bytes may not exceed max_record"),
    ({"aggregate": {"max_bytes": 63}}, "max_bytes"),
    ({"aggregate": False, "record_ttl": "5s"}, "record_ttl goes with aggregate")])
def test_options_that_cannot_work_are_refused(weir, ship, options, words):
    ship.log.write_text("")
    ship.configure(kpl.Stream(), **options)
    result = weir.check()
    assert result.returncode != 0 and words in result.stdout + result.stderr

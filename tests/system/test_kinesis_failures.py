# SPDX-License-Identifier: MIT
"""What kinesis does when the service throttles, refuses, babbles or is not there: nothing is lost,
nothing but the one bad record goes to the dead letter, and an operator is told."""
import collections
import random

import pytest

from harness import needs
from harness.closing import closing
from harness.fake_aws import FakeAws, error, taken
from harness.kinesalite import make_stream
from harness.moto import REGION, read_stream
from harness.process import wait_until
from harness.records import records

KEYS = {"region": REGION, "access_key_id": "AK", "secret_access_key": "SK"}
FAST = {"backoff_min": "20ms", "backoff_max": "300ms"}


@pytest.fixture
def fake():
    yield from closing(FakeAws)


@pytest.fixture
def ship(weir, tmp_path):
    """ship(lines, options): the lines into kinesis, once; ship.dead() is the dead letter."""

    class Ship:
        dead_path = tmp_path / "dead.jsonl"

        def configure(self, lines, **options):
            (tmp_path / "in.log").write_text("".join(line + "\n" for line in lines))
            weir.pipeline("p", {
                "inputs": [{"tail": {"paths": [str(tmp_path / "in.log")], "start": "beginning"}}],
                "outputs": [{"kinesis": {"stream": "s", "format": "line", "retry": FAST, **options}}],
                "dead_letter": [{"file": {"path": str(self.dead_path)}}]})

        def __call__(self, lines, **options):
            self.configure(lines, **options)
            return weir.run_once()

        def dead(self):
            return records(self.dead_path)

    return Ship()


LINES = [f"line {n}" for n in range(1200)]


def test_exactly_the_throttled_records_are_sent_again(ship, fake):
    r = random.Random(1)
    arrived = []

    def answer(request, number):
        data = request.records()
        failed = {i: r.choice(["ProvisionedThroughputExceededException", "InternalFailure"])
                  for i in range(len(data)) if r.random() < 0.3 and number < 30}
        arrived.extend(d for i, d in enumerate(data) if i not in failed)
        return taken(request, failed)

    service = fake(answer)
    ship(LINES, endpoint=service.url, **KEYS)
    assert sorted(arrived) == sorted(line.encode() for line in LINES)
    assert len(service.seen()) > 3 and ship.dead() == []


def test_with_strict_order_one_request_is_in_flight(ship, fake):
    arrived, inside, most = [], [0], [0]

    def answer(request, number):
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        arrived.extend(request.records())
        inside[0] -= 1
        return taken(request) if number != 2 else (503, b"")

    service = fake(answer)
    ship(LINES, endpoint=service.url, ordering="strict", **KEYS)
    assert most == [1]
    assert list(dict.fromkeys(arrived)) == [line.encode() for line in LINES]


@pytest.mark.parametrize("code, status", [
    ("ProvisionedThroughputExceededException", 400), ("LimitExceededException", 400),
    ("KMSThrottlingException", 400), ("ThrottlingException", 400), ("InternalFailure", 500),
    ("ServiceUnavailable", 503), ("ResourceInUseException", 400)])
def test_throttles_and_breakdowns_are_tried_again(ship, fake, code, status):
    service = fake(lambda q, n: error(code, "later", status) if n < 3 else taken(q))
    ship(["a", "b"], endpoint=service.url, **KEYS)
    assert service.seen()[-1].records() == [b"a", b"b"] and ship.dead() == []


@pytest.mark.parametrize("code", ["ValidationException", "InvalidArgumentException"])
def test_the_one_record_that_is_refused_goes_to_the_dead_letter(ship, fake, code):
    arrived = []

    def answer(request, number):
        if b"line 777" in request.records():
            return error("com.amazonaws.kinesis#" + code, "there is poison in it")
        arrived.extend(request.records())
        return taken(request)

    service = fake(answer)
    ship(LINES, endpoint=service.url, **KEYS)
    assert sorted(arrived) == sorted(line.encode() for line in LINES if line != "line 777")
    (dead,) = ship.dead()
    assert dead["reason"] == "refused" and "there is poison in it" in str(dead)


def test_a_request_that_is_too_large_is_split(ship, fake):
    def answer(request, number):
        return taken(request) if len(request.records()) < 100 else error("RequestEntityTooLarge", "", 413)

    service = fake(answer)
    ship(LINES, endpoint=service.url, **KEYS)
    arrived = [d for q in service.seen() for d in q.records() if len(q.records()) < 100]
    assert sorted(arrived) == sorted(line.encode() for line in LINES) and ship.dead() == []


@pytest.mark.parametrize("babble", [
    b"", b"OK", b'{"FailedRecordCount": 0, "Records": [{"ShardId": "s", "Sequen', b"[]",
    b'{"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1"}]}', b'{"FailedRecordCount": 0}'])
def test_an_answer_that_does_not_tell_of_each_record_counts_as_none(ship, fake, babble):
    service = fake(lambda q, n: (200, babble) if n == 1 else taken(q))
    ship(["a", "b"], endpoint=service.url, **KEYS)
    assert [q.records() for q in service.seen()] == [[b"a", b"b"]] * 2 and ship.dead() == []


def test_a_record_that_the_service_refuses_by_itself_is_dead(ship, fake):
    service = fake(lambda q, n: taken(q, {1: "InvalidArgumentException"}))
    ship(["a", "b", "c"], endpoint=service.url, **KEYS)
    assert [d["reason"] for d in ship.dead()] == ["refused"] and len(service.seen()) == 1


@pytest.mark.parametrize("code, status", [
    ("AccessDeniedException", 400), ("KMSAccessDeniedException", 400), ("KMSDisabledException", 400),
    ("UnknownOperationException", 404), ("NobodyKnowsThisException", 400)])
def test_what_an_operator_must_see_to_holds_with_one_alarm(ship, weir, fake, code, status):
    service = fake(lambda q, n: error(code, "no", status) if n < 4 else taken(q))
    ship.configure(["a", "b"], endpoint=service.url, **KEYS)
    weir.start()
    wait_until(lambda: len(service.seen()) == 4, 20, "four tries")
    wait_until(lambda: weir.metric("weir_output_records_total", outcome="delivered") == 2, 20, "them")
    assert weir.log().count("[http_hold]") == 1 and code in weir.log()
    assert ship.dead() == []


def test_a_stream_that_does_not_exist_holds_until_it_does(ship, weir, moto):
    ship.configure(["a", "b"], **moto.options(stream="later"))
    weir.start()
    wait_until(lambda: "[http_hold]" in weir.log(), 20, "the alarm")
    kinesis = moto.client("kinesis")
    make_stream(kinesis, "later")
    wait_until(lambda: sum(map(len, read_stream(kinesis, "later").values())) == 2, 20, "the records")
    assert "ResourceNotFound" in weir.log()
    weir.stop()


@pytest.mark.parametrize("wrong", [{"secret_access_key": "wrong"}, {"access_key_id": "AKNOBODY"}])
def test_wrong_keys_hold_with_an_alarm(ship, weir, moto, wrong):
    ship.configure(["a"], **moto.options(stream="any", **wrong))
    weir.start()
    wait_until(lambda: "[http_hold]" in weir.log(), 20, "the alarm")
    assert "SignatureDoesNotMatch" in weir.log() or "InvalidClientTokenId" in weir.log()
    assert moto.keys[1] not in weir.log()
    weir.kill()


@pytest.mark.parametrize("options, words", [
    ({"stream": "two words"}, "the name of a stream is of letters"),
    ({"stream": "x" * 129}, "at most 128 characters"),
    ({"region": "not a region"}, "is not the name of a region"),
    ({"endpoint": "ftp://x"}, "must begin with http"),
    ({"partition_key": "a +"}, "expression")])
def test_options_that_cannot_work_are_refused(weir, ship, options, words):
    ship.configure(["a"], **{"stream": "s", **KEYS, **options})
    weir.start(ready=False)
    assert wait_until(lambda: weir.process.poll(), 10, "the end") != 0
    assert words in weir.log()
    weir.process = None


# ---- the wire ----


def test_a_cbor_body_has_the_shape_of_the_model_and_a_quarter_less(ship, fake, data):
    cbor2 = needs.module("cbor2")
    import botocore.session

    bodies = []

    def answer(request, number):
        assert request.headers["content-type"] == "application/x-amz-cbor-1.1"
        body = cbor2.loads(request.body)
        bodies.append((body, len(request.body)))
        return 200, cbor2.dumps({"FailedRecordCount": 0, "Records": [
            {"SequenceNumber": "1", "ShardId": "s"}] * len(body["Records"])})

    lines = (data / "apache_combined.log").read_text().splitlines()[:3000]
    ship(lines, endpoint=fake(answer).url, wire="cbor", explicit_hash_key='"1"',
         **KEYS)
    model = botocore.session.get_session().get_service_model("kinesis")
    shape = model.operation_model("PutRecords").input_shape
    types = {"string": str, "blob": bytes, "list": list}
    for body, _ in bodies:
        assert all(isinstance(body[m], types[shape.members[m].type_name]) for m in body)
        entry = shape.members["Records"].member
        assert set(entry.required_members) <= set(body["Records"][0])
        for record in body["Records"]:
            assert all(isinstance(record[m], types[entry.members[m].type_name]) for m in record)
            assert record["ExplicitHashKey"] == "1"
    got = [r["Data"].decode() for body, _ in bodies for r in body["Records"]]
    assert collections.Counter(got) == collections.Counter(lines)
    size = sum(size for _, size in bodies)
    as_json = sum(len(line.encode()) + 2 for line in lines) * 4 / 3
    print(f"CBOR {size} bytes; base64 of the data alone {as_json:.0f}")
    assert size < as_json


def test_a_partial_failure_in_cbor_is_understood(ship, fake):
    cbor2 = needs.module("cbor2")
    arrived = []

    def answer(request, number):
        data = [r["Data"] for r in cbor2.loads(request.body)["Records"]]
        if number == 1:
            return 400, cbor2.dumps({"__type": "ProvisionedThroughputExceededException"})
        failed = number == 2
        arrived.extend(data[failed:])
        return 200, cbor2.dumps({"FailedRecordCount": int(failed), "Records": [
            {"ErrorCode": "InternalFailure", "ErrorMessage": "x"} if failed and i == 0 else
            {"SequenceNumber": "1", "ShardId": "s"} for i in range(len(data))]})

    service = fake(answer)
    ship(["a", "b", "c"], endpoint=service.url, wire="cbor", **KEYS)
    assert sorted(arrived) == [b"a", b"b", b"c"] and len(service.seen()) == 3

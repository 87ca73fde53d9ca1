# SPDX-License-Identifier: MIT
"""`weir check --online`: do destinations answer, do they take the credentials, is the stream there."""
import contextlib
import json
import os
import socket
import time

import pytest

from harness.closing import closing
from harness.fake_aws import FakeAws, error
from harness.moto import REGION
from harness.process import free_port
from harness.weir import SLOW

POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kinesis:Put*", "Resource": "*"}]}'


def ask(weir, output, options, *arguments, dead_letter=None):
    """What is found: [(severity, text)]."""
    path = weir.pipeline("web", {"inputs": [{"stdin": {}}], "outputs": [{output: options}],
                                 **({"dead_letter": dead_letter} if dead_letter else {})})
    result = weir.check("--online", "--json", *arguments, path)
    told = json.loads(result.stdout)
    assert result.returncode == (1 if told["errors"] else 0), result.stderr
    return [(p["severity"], p["text"]) for p in told["problems"]]


@pytest.fixture
def fake():
    yield from closing(lambda answer: FakeAws(answer))


@pytest.fixture
def aws(weir, tmp_path):
    """An agent that finds no credentials anywhere but in its options."""
    weir.env.update({"HOME": str(tmp_path), "AWS_CONFIG_FILE": str(tmp_path / "config"),
                     "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
                     "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{free_port()}"})
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        weir.env.setdefault(name, "")
    return weir


@pytest.fixture
def hanging():
    """The URL of one who takes a connection and says nothing."""
    with contextlib.closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen(8)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


# ---- AWS -------------------------------------------------------------------------------------------

KINESIS, FIREHOSE = ("kinesis", "stream"), ("firehose", "delivery_stream")


@pytest.fixture(scope="module")
def streams(moto):
    moto.client("kinesis").create_stream(StreamName="web", ShardCount=1)
    moto.client("s3").create_bucket(Bucket="weir-check", CreateBucketConfiguration={"LocationConstraint": REGION})
    moto.client("firehose").create_delivery_stream(
        DeliveryStreamName="web", S3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/x", "BucketARN": "arn:aws:s3:::weir-check"})
    return moto


@pytest.mark.parametrize("output, name", [KINESIS, FIREHOSE])
def test_credentials_that_sign_and_a_stream_that_is_there_are_fine(aws, streams, output, name):
    assert ask(aws, output, streams.options(**{name: "web"})) == []


def test_an_arn_names_the_stream_too(aws, streams):
    arn = streams.client("kinesis").describe_stream_summary(StreamName="web")[
        "StreamDescriptionSummary"]["StreamARN"]
    assert ask(aws, "kinesis", streams.options(stream=arn)) == []


@pytest.mark.parametrize("output, name", [KINESIS, FIREHOSE])
def test_a_stream_that_is_not_there_is_an_error(aws, streams, output, name):
    ((severity, text),) = ask(aws, output, streams.options(**{name: "wbe"}))
    assert severity == "error" and f"there is no stream wbe in {REGION}" in text


@pytest.mark.parametrize("output, name", [KINESIS, FIREHOSE])
def test_a_wrong_secret_is_an_error_with_the_remedy(aws, streams, output, name):
    ((severity, text),) = ask(aws, output, streams.options(**{name: "web", "secret_access_key": "wrong"}))
    assert severity == "error" and "refuses the signature; check secret_access_key" in text


@pytest.mark.parametrize("output, name", [KINESIS, FIREHOSE])
def test_an_unknown_key_is_an_error(aws, streams, output, name):
    ((severity, text),) = ask(aws, output, streams.options(**{name: "web", "access_key_id": "AKIANOBODY"}))
    assert severity == "error" and "does not know the access key" in text


def test_a_role_that_may_only_put_records_is_fine(aws, streams):
    iam = streams.client("iam")
    iam.create_user(UserName="puts")
    iam.put_user_policy(UserName="puts", PolicyName="puts", PolicyDocument=POLICY)
    key = iam.create_access_key(UserName="puts")["AccessKey"]
    options = streams.options(stream="web", access_key_id=key["AccessKeyId"],
                              secret_access_key=key["SecretAccessKey"])
    assert ask(aws, "kinesis", options) == []
    with pytest.raises(Exception, match="AccessDenied"):  # so that this is what was answered
        streams.client("kinesis", (key["AccessKeyId"], key["SecretAccessKey"])).describe_stream_summary(
            StreamName="web")


def fake_options(server, **more):
    return {"stream": "web", "endpoint": server.url, "region": REGION, "access_key_id": "a",
            "secret_access_key": "b", **more}


@pytest.mark.parametrize("code, words", [
    ("ExpiredTokenException", "kinesis says that the keys have expired; get new ones"),
    ("UnrecognizedClientException", "kinesis does not know the access key"),
    ("InvalidSignatureException", "kinesis refuses the signature"),
    ("IncompleteSignatureException", "as incomplete"),
])
def test_what_the_service_says_of_keys_is_told(aws, fake, code, words):
    server = fake(lambda request, number: error(code, "no"))
    ((severity, text),) = ask(aws, "kinesis", fake_options(server))
    assert severity == "error" and words in text and f"({code})" in text


@pytest.mark.parametrize("answer", [
    error("AccessDeniedException", "not authorized to perform: kinesis:DescribeStreamSummary"),
    error("ThrottlingException", "slow down"), error("UnknownOperationException"),
    (200, {"StreamDescriptionSummary": {}})])
def test_what_comes_after_the_signature_was_taken_is_fine(aws, fake, answer):
    server = fake(lambda request, number: answer)
    assert ask(aws, "kinesis", fake_options(server)) == []
    (request,) = server.seen()
    assert request.headers["x-amz-target"] == "Kinesis_20131202.DescribeStreamSummary"
    assert json.loads(request.body) == {"StreamName": "web"} and request.access_key() == "a"


def test_a_clock_that_is_off_is_set_and_asked_again(aws, fake):
    """As it is for records."""
    def answer(request, number):
        return error("InvalidSignatureException", "Signature expired: x is now earlier than y",
                     Date="Wed, 21 Oct 2037 07:28:00 GMT") if number == 1 else (200, {})
    server = fake(answer)
    assert ask(aws, "kinesis", fake_options(server)) == []
    assert "2037" in server.seen()[1].headers["x-amz-date"]


def test_a_service_that_is_broken_is_a_warning(aws, fake):
    server = fake(lambda request, number: error("InternalFailure", "oops", 500))
    ((severity, text),) = ask(aws, "kinesis", fake_options(server))
    assert severity == "warning" and "answers 500" in text


def test_without_credentials_it_says_why_there_are_none(aws, fake):
    server = fake(lambda request, number: (200, {}))
    ((severity, text),) = ask(aws, "kinesis", {"stream": "web", "endpoint": server.url, "region": REGION})
    assert severity == "error" and "there are no AWS credentials: " in text and "AWS_ACCESS_KEY_ID" in text
    assert server.seen() == []


@pytest.mark.parametrize("options", [{"aggregate": True}, {"rate_limit": 80}])
def test_a_producer_asks_once_and_lists_no_shards(aws, fake, options):
    server = fake(lambda request, number: (200, {}))
    assert ask(aws, "kinesis", fake_options(server, **options)) == []
    assert len(server.seen()) == 1


# ---- elasticsearch ---------------------------------------------------------------------------------

def test_a_search_index_that_lets_us_in_is_fine(weir, opensearch):
    options = {"urls": [opensearch.url], "index": "never"}
    assert ask(weir, "elasticsearch", options) == []


@pytest.mark.parametrize("status, severity, words", [
    (400, None, ""), (200, None, ""), (429, None, ""), (401, "error", "does not take the credentials"),
    (403, "error", "not allowed to write there"), (404, "error", "nothing at this URL takes records"),
    (301, "error", "put the final URL"), (503, "warning", "records wait until it takes them")])
def test_what_a_search_index_answers(weir, scripted, status, severity, words):
    server = scripted(lambda body, number: status)
    found = ask(weir, "elasticsearch", {"urls": [server.url], "index": "web",
                                        "auth": {"basic": {"user": "u", "password": "p"}}})
    assert found == [] if not severity else \
        [s for s, text in found if words in text] == [severity] and len(found) == 1
    (path, headers, body), *more = server.requests
    assert bool(more) == (severity is None)  # then the right to write is asked for
    assert path.startswith("/web/_bulk?") and body == b"\n" and headers["Authorization"].startswith("Basic ")


@pytest.mark.parametrize("answer, severity", [
    ((200, b'{"username":"u","has_all_requested":false,"index":{}}'), "error"),
    ((200, b'{"username":"u","has_all_requested":true,"index":{}}'), None),
    ((400, b'{"error":"no handler found for uri"}'), None), ((403, b"{}"), None), ((500, b"{}"), None)])
def test_the_right_to_create_documents_is_asked_for(weir, scripted, answer, severity):
    server = scripted(lambda body, number: 400 if number == 1 else (answer[0], {}, answer[1]))
    found = ask(weir, "elasticsearch", {"urls": [server.url], "index": "web", "auth": {"api_key": "k"}})
    assert [s for s, _ in found] == ([severity] if severity else [])
    assert not found or "may not create documents in web; give them the privilege create_doc" in found[0][1]
    path, headers, body = server.requests[1]
    assert path == "/_security/user/_has_privileges" and headers["Authorization"] == "ApiKey k"
    assert json.loads(body) == {"index": [{"names": ["web"], "privileges": ["create_doc"]}]}


@pytest.mark.parametrize("options", [{"index": "web-%Y", "auth": {"api_key": "k"}}, {"index": "web"}])
def test_a_right_that_is_not_that_of_one_index_or_of_nobody_is_not(weir, scripted, options):
    server = scripted(lambda body, number: 400)
    assert ask(weir, "elasticsearch", {"urls": [server.url], **options}) == []
    assert len(server.requests) == 1


def test_one_node_that_answers_is_enough_and_one_that_refuses_is_not(weir, scripted):
    good, bad = scripted(lambda body, number: 400), scripted(lambda body, number: 401)
    gone = f"http://127.0.0.1:{free_port()}"
    assert ask(weir, "elasticsearch", {"urls": [gone, good.url], "index": "web"}) == []
    ((severity, _),) = ask(weir, "elasticsearch", {"urls": [good.url, bad.url, gone], "index": "web"})
    assert severity == "error"
    ((severity, _),) = ask(weir, "elasticsearch", {"urls": [gone, gone], "index": "web"})
    assert severity == "warning"


def test_a_signed_search_index(aws, fake):
    server = fake(lambda request, number: (403, {"message": "The security token is invalid."}))
    options = {"urls": [server.url], "index": "web", "auth": {"aws": {
        "region": REGION, "access_key_id": "a", "secret_access_key": "b"}}}
    ((severity, _),) = ask(aws, "elasticsearch", options)
    assert severity == "error" and server.seen()[0].access_key() == "a"
    del options["auth"]["aws"]["access_key_id"], options["auth"]["aws"]["secret_access_key"]
    ((severity, text),) = ask(aws, "elasticsearch", options)
    assert severity == "error" and "there are no AWS credentials" in text


# ---- http ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("status, severity", [
    (200, None), (405, None), (501, None), (404, "warning"), (403, "warning"), (302, "warning"),
    (401, "error"), (500, "warning")])
def test_what_an_endpoint_answers(weir, make_nginx, status, severity):
    server = make_nginx(answer=f"return {status};" if status != 302 else "return 302 http://127.0.0.1/x;")
    found = ask(weir, "http", {"url": f"{server.url}/in", "bearer_token": "t"})
    assert [s for s, _ in found] == ([severity] if severity else [])


def test_a_certificate_that_does_not_verify_is_an_error_with_the_remedy(weir, make_nginx):
    server = make_nginx(tls=True)
    ((severity, text),) = ask(weir, "http", {"url": server.url})
    assert severity == "error" and "certificate" in text and "tls: {ca: ...}" in text
    assert ask(weir, "http", {"url": server.url, "tls": {"ca": str(server.cert)}}) == []


def test_nobody_there_is_a_warning_that_is_told_once(weir):
    ((severity, text),) = ask(weir, "http", {"url": f"http://127.0.0.1:{free_port()}/"})
    assert severity == "warning" and "does not answer" in text


def test_what_can_be_shown_of_a_url_is_shown(weir):
    ((_, text),) = ask(weir, "http", {"url": f"http://user:hunter2@127.0.0.1:{free_port()}/x?key=hunter3"})
    assert "hunter" not in text and "http://127.0.0.1:" in text


# ---- time, and the rest ------------------------------------------------------------------------------

@pytest.mark.parametrize("output", ["http", "elasticsearch", "kinesis"])
def test_one_that_says_nothing_is_a_warning_when_the_time_is_over(aws, hanging, output):
    options = {"http": {"url": hanging}, "elasticsearch": {"urls": [hanging], "index": "web"},
               "kinesis": {"stream": "web", "endpoint": hanging, "region": REGION, "access_key_id": "a",
                           "secret_access_key": "b"}}[output]
    began = time.monotonic()
    ((severity, text),) = ask(aws, output, options, "--timeout", "700ms")
    assert severity == "warning" and "has not answered within 0.7 s" in text
    assert time.monotonic() - began < 10 * SLOW


def test_all_of_a_pipeline_are_asked_at_the_same_time(weir, hanging):
    weir.pipeline("web", {"inputs": [{"stdin": {}}],
                          "outputs": [{"http": {"url": hanging, "name": f"h{i}"}} for i in range(20)]})
    began = time.monotonic()
    told = json.loads(weir.check("--online", "--json", "--timeout", "1s").stdout)
    assert told["warnings"] == 20 and time.monotonic() - began < 10 * SLOW


def test_the_outputs_of_the_dead_letter_are_asked_too(weir):
    ((severity, text),) = ask(weir, "stdout", {}, dead_letter=[
        {"http": {"url": f"http://127.0.0.1:{free_port()}/"}}])
    assert severity == "warning" and "does not answer" in text


def test_the_finding_is_at_its_line(weir, scripted):
    server = scripted(lambda body, number: 401)
    path = weir.pipeline("web", "inputs: [stdin]\noutputs:\n  - stdout\n  - elasticsearch: "
                                f"{{ urls: ['{server.url}'], index: x }}\n")
    result = weir.check("--online")
    assert result.returncode == 1
    assert f"{path}:4:5: error: http://127.0.0.1:" in result.stdout
    assert weir.check().returncode == 0  # it answers; what, is asked only online


@pytest.mark.parametrize("arguments, words", [
    (["--online", "--offline"], "exclude each other"), (["--timeout", "5s"], "goes with --online"),
    (["--online", "--timeout", "soon"], "is no duration"), (["--online", "--timeout", "0s"], "is no duration")])
def test_wrong_usage(weir, arguments, words):
    result = weir.check(*arguments)
    assert result.returncode == 2 and words in result.stderr and result.stderr.count("\n") <= 2

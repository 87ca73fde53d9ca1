# SPDX-License-Identifier: MIT
"""Where credentials come from, and that they are renewed. The service is a fake that notes who asks,
or moto, which verifies; no secret may show in the log."""
import datetime
import email.utils
import json
import stat
import sys
import threading
import time

import pytest

from harness.closing import closing
from harness.fake_aws import FakeAws, error, taken
from harness.kinesalite import make_stream
from harness.moto import REGION, read_stream
from harness.process import wait_until
from harness.weir import SLOW

SECRET = "SECRETthatNobodyMaySee"
# Nothing of the machine's own may be found.
EMPTY = {name: "" for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION",
                               "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                               "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_ENDPOINT_URL")}


@pytest.fixture
def fake():
    yield from closing(lambda answer=lambda request, number: taken(request): FakeAws(answer))


@pytest.fixture
def agent(make_weir, tmp_path):
    """An agent whose one pipeline ships three lines to kinesis; agent(options, env) runs it once."""
    weir = make_weir()
    log = tmp_path / "in.log"
    log.write_text("one\ntwo\nthree\n")

    def run(options, wait=True, **env):
        weir.env = {**EMPTY, "AWS_CONFIG_FILE": str(tmp_path / "config"), "HOME": str(tmp_path),
                    "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), **env}
        weir.pipeline("p", {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                            "outputs": [{"kinesis": {"stream": "s", "format": "line", "retry": {
                                "backoff_min": "50ms", "backoff_max": "500ms"}, **options}}]})
        return weir.run_once() if wait else weir.start()

    yield run
    assert SECRET not in weir.log()


def keys(access, expires=None, token="TOKEN", **more):
    answer = {"AccessKeyId": access, "SecretAccessKey": SECRET, "Token": token, **more}
    if expires is not None:
        when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=expires)
        answer["Expiration"] = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return answer


def imds(request, number):
    if request.method == "PUT" and request.path == "/latest/api/token":
        assert request.headers["x-aws-ec2-metadata-token-ttl-seconds"]
        return 200, b"IMDSTOKEN"
    if request.headers.get("x-aws-ec2-metadata-token") != "IMDSTOKEN":
        return 401, b""
    return 200, {"/latest/meta-data/iam/security-credentials/": b"the-role",
                 "/latest/meta-data/iam/security-credentials/the-role":
                     json.dumps(keys("AKIMDS", 3600, Code="Success")).encode(),
                 "/latest/meta-data/placement/region": b"eu-central-1"}[request.path]


def test_an_instance_gives_keys_and_region_over_imdsv2(agent, fake):
    service, metadata = fake(), fake(imds)
    agent({}, AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata.url, AWS_ENDPOINT_URL_KINESIS=service.url)
    (request,) = service.seen()
    assert request.access_key() == "AKIMDS"
    assert request.headers["x-amz-security-token"] == "TOKEN"


def test_the_region_of_the_instance_is_asked_for_when_nothing_names_one(agent, fake):
    metadata = fake(imds)
    weir = agent({"access_key_id": "AK", "secret_access_key": SECRET,
                  "proxy": "http://127.0.0.1:1"}, wait=False,
                 AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata.url)
    # it then talks to AWS itself, which the proxy that is none prevents
    wait_until(lambda: "https://kinesis.eu-central-1.amazonaws.com/" in weir.log(), 20, "the region")
    weir.process.kill()


def test_metadata_that_hangs_is_named_and_asked_again(agent, fake):
    mended = threading.Event()

    def answer(request, number):
        if number == 1:
            mended.wait(60 * SLOW)
        return imds(request, number)

    service, metadata = fake(), fake(answer)
    weir = agent({}, wait=False, AWS_EC2_METADATA_SERVICE_ENDPOINT=metadata.url,
                 AWS_ENDPOINT_URL_KINESIS=service.url)
    wait_until(lambda: "does not answer" in weir.log() and "hop limit" in weir.log(), 20, "a warning")
    mended.set()
    wait_until(service.seen, 20, "a request")
    weir.stop()


def test_a_container_gives_keys_for_the_token_in_a_file(agent, fake, tmp_path):
    (tmp_path / "token").write_text("POD-TOKEN\n")
    service = fake()
    container = fake(lambda r, n: (200, keys("AKPOD", 3600))
                     if r.headers.get("authorization") == "POD-TOKEN" else (403, b"no"))
    agent({"endpoint": service.url}, AWS_CONTAINER_CREDENTIALS_FULL_URI=container.url + "/v1",
          AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(tmp_path / "token"))
    assert service.seen()[0].access_key() == "AKPOD"


def test_keys_that_end_soon_are_renewed_before_they_do(agent, fake, tmp_path):
    container = fake(lambda r, n: (200, keys(f"AK{n}", 4)))
    service = fake()
    weir = agent({"endpoint": service.url}, wait=False,
                 AWS_CONTAINER_CREDENTIALS_FULL_URI=container.url + "/v1")
    wait_until(lambda: len(container.seen()) >= 3, 20, "three renewals")
    with open(tmp_path / "in.log", "a") as log:
        log.write("four\n")
    wait_until(lambda: len(service.seen()) == 2, 20, "another request")
    first, second = service.seen()
    assert first.access_key() == "AK1" and int(second.access_key()[2:]) >= 3
    weir.stop()


def test_a_token_that_the_service_says_is_expired_is_renewed(agent, fake):
    started = time.time()

    def answer(request, number):
        if request.access_key() == "AK1" and time.time() - started < 30:
            return error("ExpiredTokenException", "The security token included is expired")
        return taken(request)

    container = fake(lambda r, n: (200, keys(f"AK{n}", 3600)))
    service = fake(answer)
    agent({"endpoint": service.url}, AWS_CONTAINER_CREDENTIALS_FULL_URI=container.url + "/v1")
    assert [r.access_key() for r in service.seen()][-1] == "AK2"


def sts(access):
    def answer(request, number):
        return 200, (f"<R><Credentials><AccessKeyId>{access}</AccessKeyId><SecretAccessKey>{SECRET}"
                     "</SecretAccessKey><SessionToken>S</SessionToken><Expiration>"
                     "2099-01-01T00:00:00Z</Expiration></Credentials></R>").encode()
    return answer


def test_a_web_identity_is_exchanged_for_keys(agent, fake, tmp_path):
    (tmp_path / "jwt").write_text("JWT+/=\n")
    service, exchange = fake(), fake(sts("AKWEB"))
    agent({"endpoint": service.url}, AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "jwt"),
          AWS_ROLE_ARN="arn:aws:iam::123456789012:role/web", AWS_ENDPOINT_URL_STS=exchange.url)
    assert service.seen()[0].access_key() == "AKWEB"
    (asked,) = exchange.seen()
    assert b"Action=AssumeRoleWithWebIdentity" in asked.body and "authorization" not in asked.headers
    assert b"WebIdentityToken=JWT%2B%2F%3D" in asked.body


def test_a_command_of_a_profile_prints_keys(agent, fake, tmp_path):
    script = tmp_path / "give keys"
    script.write_text(f"#!{sys.executable}\nimport json, sys\nassert sys.argv[1:] == ['a b', 'c']\n"
                      f"print(json.dumps({{'Version': 1, 'AccessKeyId': 'AKCMD', "
                      f"'SecretAccessKey': '{SECRET}', 'SessionToken': 'S'}}))\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "config").write_text(
        f"[profile cmd]\nregion = {REGION}\ncredential_process = \"{script}\" 'a b' c\n")
    service = fake()
    agent({"endpoint": service.url, "profile": "cmd"})
    assert service.seen()[0].access_key() == "AKCMD"


def test_a_command_that_fails_is_named(agent, fake, tmp_path):
    (tmp_path / "config").write_text("[default]\ncredential_process = /bin/false\n")
    weir = agent({"endpoint": fake().url}, wait=False)
    wait_until(lambda: "credential_process /bin/false failed with exit code 1" in weir.log(), 20, "it")
    weir.process.kill()


def test_the_environment_comes_before_the_files(agent, fake, tmp_path):
    (tmp_path / "credentials").write_text(
        f"[default]\naws_access_key_id = AKFILE\naws_secret_access_key = {SECRET}\n")
    service = fake()
    agent({"endpoint": service.url}, AWS_ACCESS_KEY_ID="AKENV", AWS_SECRET_ACCESS_KEY=SECRET)
    assert service.seen()[0].access_key() == "AKENV"


def test_a_clock_that_is_off_is_corrected_by_the_services(agent, fake):
    ahead = datetime.timedelta(hours=2)

    def answer(request, number):
        now = datetime.datetime.now(datetime.timezone.utc) + ahead
        signed = datetime.datetime.strptime(request.headers["x-amz-date"] + "+0000", "%Y%m%dT%H%M%SZ%z")
        if abs(now - signed) < datetime.timedelta(minutes=5):
            return taken(request)
        return error("InvalidSignatureException", "Signature expired: it is now earlier than it was",
                     Date=email.utils.format_datetime(now, usegmt=True))

    service = fake(answer)
    agent({"endpoint": service.url, "access_key_id": "AK", "secret_access_key": SECRET})
    assert len(service.seen()) == 2


def test_malformed_keys_are_refused_with_their_place(agent, tmp_path):
    weir = agent({"access_key_id": "AK with blanks", "secret_access_key": SECRET,
                  "endpoint": "http://127.0.0.1:1"}, wait=False)
    assert wait_until(lambda: weir.process.poll(), 10, "the end") != 0
    assert "the access key has blanks" in weir.log()
    weir.process = None


# ---- moto verifies what roles give ----


def make_role(moto, name):
    iam = moto.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                    "Principal": {"AWS": "*"}}]}
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*",
                                                         "Resource": "*"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(everything))
    return arn


def test_a_role_with_an_external_id_is_taken_on(agent, moto):
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, "role")
    agent(moto.options(stream=stream, sts_endpoint=moto.url, assume_role={
        "arn": make_role(moto, "one"), "external_id": "x/1", "session_name": "tests"}))
    (got,) = read_stream(kinesis, stream).values()
    assert [data for _, data in got] == [b"one", b"two", b"three"]


def test_profiles_that_lead_to_each_other_are_followed(agent, moto, tmp_path):
    first, second = make_role(moto, "first"), make_role(moto, "second")
    (tmp_path / "credentials").write_text(
        f"[base]\naws_access_key_id = {moto.keys[0]}\naws_secret_access_key = {moto.keys[1]}\n")
    (tmp_path / "config").write_text(
        f"[profile top]\nregion = {REGION}\nrole_arn = {second}\nsource_profile = middle\n\n"
        f"[profile middle]\nrole_arn = {first}\nsource_profile = base\nexternal_id = 7\n")
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, "chained")
    agent({"stream": stream, "endpoint": moto.url, "sts_endpoint": moto.url, "profile": "top"})
    (got,) = read_stream(kinesis, stream).values()
    assert [data for _, data in got] == [b"one", b"two", b"three"]


def test_a_circle_of_profiles_is_an_error(agent, tmp_path):
    (tmp_path / "config").write_text("[profile a]\nrole_arn = r\nsource_profile = b\n"
                                     "[profile b]\nrole_arn = r\nsource_profile = a\n")
    weir = agent({"profile": "a", "region": REGION}, wait=False)
    assert wait_until(lambda: weir.process.poll(), 10, "the end") != 0
    assert "circle" in weir.log()
    weir.process = None

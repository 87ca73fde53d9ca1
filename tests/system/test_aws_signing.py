# SPDX-License-Identifier: MIT
"""Signatures compared with botocore's, 1,000 random requests of each kind that Weir sends."""
import datetime
import random
import string
import subprocess
from urllib.parse import quote

import pytest

from harness import needs
from harness.weir import BIN

auth = needs.module("botocore.auth")
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

PROGRAM = BIN.parent.parent / "tests/aws-sign"
COUNT = 1000
PLAIN_PATH, CONTENT_SHA256 = 1, 2
NAMES = string.ascii_letters + string.digits


def word(r, low=1, high=20, letters=NAMES):
    return "".join(r.choices(letters, k=r.randint(low, high)))


def anything(r, low=1, high=20):
    return word(r, low, high, NAMES + " -_.~/:@!$&'()*,;=+%[]{}|\"<>\\^`#?éü漢😀")


def json_post(service, target, type):
    def make(r):
        return {"service": service, "method": "POST", "url": f"https://{service}.{r.choice(REGIONS)}"
                                                            ".amazonaws.com/",
                "headers": [("Content-Type", type), ("X-Amz-Target", target)],
                "body": r.randbytes(r.randint(0, 5000))}
    return make


def sts_get(r):
    query = "&".join(f"{quote(anything(r), safe='-_.~')}={quote(anything(r, 0), safe='-_.~')}"
                     for _ in range(r.randint(1, 8)))
    return {"service": "sts", "method": "GET", "url": f"https://sts.{r.choice(REGIONS)}.amazonaws.com/"
                                                     f"?{query}", "headers": [], "body": b""}


def sts_post(r):
    form = "&".join(f"{word(r)}={quote(anything(r), safe='-_.~')}" for _ in range(r.randint(1, 8)))
    return {"service": "sts", "method": "POST", "url": "https://sts.amazonaws.com/", "headers": [
        ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], "body": form.encode()}


def bulk(r):
    index = quote(word(r, letters=string.ascii_lowercase + "-"), safe="")
    query = "&".join(r.sample(["pipeline=" + word(r), "routing=" + word(r), "refresh=false",
                               "filter_path=items.%2A.error", "timeout=30s"], r.randint(0, 5)))
    port = r.choice(["", ":9200", ":443"])
    return {"service": r.choice(["es", "aoss"]), "method": "POST", "flags": CONTENT_SHA256,
            "url": f"https://search-{word(r, letters=string.ascii_lowercase)}.eu-west-1.es"
                   f".amazonaws.com{port}/{index}/_bulk" + ("?" + query if query else ""),
            "headers": [("Content-Type", "application/x-ndjson"), ("X-Opaque-Id", "  a  b " + word(r))],
            "body": r.randbytes(r.randint(0, 3000))}


def s3_put(r):
    key = "/".join(quote(anything(r), safe="-_.~") for _ in range(r.randint(1, 5)))
    return {"service": "s3", "method": "PUT", "flags": PLAIN_PATH | CONTENT_SHA256,
            "url": f"https://bucket-{word(r, letters=string.ascii_lowercase)}.s3.{r.choice(REGIONS)}"
                   f".amazonaws.com/{key}",
            "headers": [("Content-Type", "application/gzip"), ("Content-Encoding", "gzip")],
            "body": r.randbytes(r.randint(0, 3000))}


REGIONS = ["eu-west-1", "us-east-1", "cn-north-1", "ap-southeast-2"]
KINDS = {"kinesis_json": json_post("kinesis", "Kinesis_20131202.PutRecords",
                                   "application/x-amz-json-1.1"),
         "kinesis_cbor": json_post("kinesis", "Kinesis_20131202.PutRecords",
                                   "application/x-amz-cbor-1.1"),
         "firehose": json_post("firehose", "Firehose_20150804.PutRecordBatch",
                               "application/x-amz-json-1.1"),
         "sts_get": sts_get, "sts_post": sts_post, "bulk": bulk, "s3_put": s3_put}


def random_request(r, kind):
    request = {"flags": 0, **KINDS[kind](r), "region": r.choice(REGIONS),
               "access": "AKIA" + word(r, 16, 16), "secret": word(r, 40, 40, NAMES + "/+"),
               "token": r.choice(["", word(r, 100, 400, NAMES + "/+=")]),
               "time": r.randint(1_000_000_000, 2_000_000_000)}
    r.shuffle(request["headers"])
    return request


def pieces(r, body):
    """The body in up to four slices, in hex."""
    cuts = sorted(r.randint(0, len(body)) for _ in range(r.randint(0, 3)))
    return [body[a:b].hex() for a, b in zip([0, *cuts], [*cuts, len(body)])]


def as_case(r, request):
    words = [(name, request[name]) for name in
             ("method", "url", "service", "region", "access", "secret", "token", "time", "flags")]
    words += [("header", f"{name}: {value}") for name, value in request["headers"]]
    words += [("body", piece) for piece in pieces(r, request["body"])]
    return "".join(f"{name} {value}\n" for name, value in words) + "sign\n"


def botocores(request, monkeypatch):
    """The Authorization header as botocore makes it."""
    now = datetime.datetime.fromtimestamp(request["time"], datetime.timezone.utc)

    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return now.replace(tzinfo=None)

        @classmethod
        def now(cls, tz=None):
            return now.astimezone(tz) if tz else now.replace(tzinfo=None)

    if hasattr(auth, "get_current_datetime"):
        monkeypatch.setattr(auth, "get_current_datetime", lambda *_, **__: now.replace(tzinfo=None))
    else:
        monkeypatch.setattr(auth.datetime, "datetime", Clock)
    signer = auth.S3SigV4Auth if request["service"] == "s3" else auth.SigV4Auth
    made = AWSRequest(request["method"], request["url"], dict(request["headers"]), request["body"])
    if request["flags"] & CONTENT_SHA256 and request["service"] != "s3":
        made.headers["X-Amz-Content-SHA256"] = signer(None, "", "").payload(made)
    credentials = Credentials(request["access"], request["secret"], request["token"] or None)
    signer(credentials, request["service"], request["region"]).add_auth(made)
    return "Authorization: " + made.headers["Authorization"]


@pytest.mark.parametrize("kind", KINDS)
def test_signatures_equal_botocores(kind, monkeypatch):
    r = random.Random(kind)
    requests = [random_request(r, kind) for _ in range(COUNT)]
    result = subprocess.run([PROGRAM], input="".join(as_case(r, q) for q in requests),
                            capture_output=True, text=True, timeout=60, check=True)
    ours = result.stdout.splitlines()
    theirs = [botocores(q, monkeypatch) for q in requests]
    wrong = [(q, a, b) for q, a, b in zip(requests, ours, theirs) if a != b]
    assert len(ours) == COUNT and not wrong, wrong[0]

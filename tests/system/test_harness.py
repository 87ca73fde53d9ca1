# SPDX-License-Identifier: MIT
"""The harness checked on its own: a test that rests on it can fail for its own reasons only."""
import json
import ssl
import urllib.error
import urllib.request

import pytest

from harness.process import wait_until
from harness.records import count, lines
from harness.weir import parse_metrics
from harness.writer import Arrivals, Writer

BODY = "".join(json.dumps({"n": n, "text": 'quote " back \\ tab \t é'}, ensure_ascii=False) + "\n"
               for n in range(3))


def requests(nginx):
    """nginx notes a request when it has answered it."""
    return wait_until(nginx.requests, 10, "a noted request")


def post(url, body, context=None):
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "application/x-ndjson"})
    return urllib.request.urlopen(request, timeout=10, context=context)


def test_nginx_notes_bodies_byte_for_byte(nginx):
    assert post(nginx.url, BODY).status == 200
    assert [r["body"] for r in requests(nginx)] == [BODY]
    assert [r["n"] for r in nginx.records()] == [0, 1, 2]


def test_nginx_notes_large_bodies_whole(nginx):
    body = json.dumps({"text": "x" * (5 << 20)}) + "\n"
    post(nginx.url, body)
    assert requests(nginx)[0]["body"] == body


def test_nginx_speaks_tls(make_nginx):
    nginx = make_nginx(tls=True)
    context = ssl.create_default_context(cafile=nginx.cert)
    assert post(nginx.url, BODY, context).status == 200
    assert len(nginx.records(requests(nginx))) == 3


def test_nginx_refuses_when_told_to(make_nginx):
    nginx = make_nginx(answer="return 503;")
    with pytest.raises(urllib.error.HTTPError):
        post(nginx.url, BODY)
    assert [r["status"] for r in requests(nginx)] == [503]
    assert nginx.records() == []


def test_a_partial_last_line_is_not_read(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"one\ntwo\nthr")
    assert lines(path) == [b"one", b"two"] and count(path) == 2


def test_metrics_are_read_with_their_labels():
    text = '# TYPE a counter\na{x="1",y="q\\"\\\\"} 2\nb 3.5\n'
    assert parse_metrics(text) == {("a", (("x", "1"), ("y", 'q"\\'))): 2.0, ("b", ()): 3.5}


@pytest.fixture
def writer(tmp_path):
    made = Writer(tmp_path / "logs", streams=2, rate=20000)
    yield made
    made.close()


def read_all(writer):
    arrivals = Arrivals(writer.streams)
    for path in writer.folder.iterdir():
        text = b"".join(line + b"\n" for line in lines(path))
        arrivals.feed(text)
    return arrivals


def test_the_writers_files_hold_every_line_but_what_copytruncate_loses(writer):
    for word in ("rename", "copy", "race", "rename"):
        for stream in range(2):
            writer.rotate(stream, word)
        writer.compress(0, 1)
    last = writer.stop()
    arrivals = read_all(writer)
    assert arrivals.damaged == [] and arrivals.repeats() == 0
    for stream in range(2):
        assert writer.lost[stream]
        assert arrivals.missing(stream, last[stream]) == sorted(writer.lost[stream])
    assert writer.path(0, 1, True).exists() and writer.path(1, 4).exists()


def test_a_lost_a_repeated_and_a_damaged_line_are_found():
    arrivals = Arrivals(1)
    arrivals.feed(b"0 0000000001 the quick brown.\n0 0000000003 the quick brown.\n"
                  b"0 0000000003 the quick brown.\n0 00000000040 0000000005 the quick brown.\n")
    assert arrivals.missing(0, 4) == [2, 4]
    assert arrivals.contiguous(0) == 1 and arrivals.contiguous(0, {2}) == 3
    assert arrivals.repeats() == 1 and len(arrivals.damaged) == 1

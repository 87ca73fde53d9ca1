# SPDX-License-Identifier: MIT
"""The main job on real input: 10,000 combined lines, 7,121 lines of auth.log and 500 large JSON
lines are tailed, parsed, and delivered to a file and to nginx, and compared field by field with an
independent reading of the same lines.
"""
import json

import pytest

from harness import reference
from harness.process import wait_until
from harness.records import records
from harness.weir import SLOW

COMBINED, AUTH, JSON = "apache_combined.log", "auth.log", "nginx_plus.jsonl"
LINES = {COMBINED: 10000, AUTH: 7121, JSON: 500}
FORMATS = {COMBINED: "combined", AUTH: "syslog", JSON: "json"}


def originals(path):
    return path.read_bytes().split(b"\n")[:-1]


def compare_combined(line, got):
    expected = reference.combined(line)
    if expected is None:  # one line of the 10,000 is cut short in the middle of its agent
        assert got.pop("@timestamp")
        assert got["message"] == reference.text(line)
        return "unparsed"
    when = expected.pop("@timestamp")
    assert reference.timestamp(got.pop("@timestamp")) == when
    assert got == expected
    return "parsed"


def compare_syslog(line, got):
    expected = reference.syslog(line)
    when = reference.timestamp(got.pop("@timestamp"))
    assert (when.month, when.day, when.hour, when.minute, when.second) == expected.pop("time")
    pid = got.pop("pid", None)
    assert (pid if pid is None else str(pid)) == expected.pop("pid")
    assert {name: got.get(name) for name in expected} == expected
    return "parsed"


def compare_json(line, got):
    expected = json.loads(line)
    got.pop("@timestamp")
    assert got == expected
    return "parsed"


COMPARE = {COMBINED: compare_combined, AUTH: compare_syslog, JSON: compare_json}
UNPARSED = {COMBINED: 1, AUTH: 0, JSON: 0}


def compare(data, name, got):
    """Every line of the file `name` against the record that was made of it, in order."""
    unparsed = 0
    lines = originals(data / name)
    assert len(lines) == LINES[name] and len(got) == len(lines)
    for number, (line, record) in enumerate(zip(lines, got), 1):
        try:
            unparsed += COMPARE[name](line, dict(record)) == "unparsed"
        except AssertionError as error:
            raise AssertionError(f"{name}:{number}: {line!r}\n{record}\n{error}") from None
    assert unparsed == UNPARSED[name]


@pytest.fixture(params=LINES)
def name(request):
    return request.param


def pipeline(path, output):
    return {"inputs": [{"tail": {"paths": [str(path)], "start": "beginning"}}],
            "filters": [{"parse": {"format": FORMATS[path.name]}}],
            "outputs": [output]}


def test_real_lines_reach_a_file(make_weir, data, tmp_path, name):
    out = tmp_path / "out.jsonl"
    weir = make_weir()
    weir.pipeline("job", pipeline(data / name, {"file": {"path": str(out)}}))
    weir.run_once()
    compare(data, name, records(out))


def test_real_lines_reach_an_http_server(make_weir, make_nginx, data, name):
    nginx = make_nginx()
    weir = make_weir()
    weir.pipeline("job", pipeline(data / name, {"http": {"url": nginx.url + "/in",
                                                         "ordering": "strict"}}))
    weir.run_once()
    wait_until(lambda: len(nginx.records()) >= LINES[name], 10 * SLOW, "all records at nginx")
    compare(data, name, nginx.records())
    assert {r["uri"] for r in nginx.requests()} == {"/in"}


def test_a_second_run_ships_only_what_is_new(make_weir, data, tmp_path):
    log, out = tmp_path / COMBINED, tmp_path / "out.jsonl"
    lines = originals(data / COMBINED)
    log.write_bytes(b"".join(line + b"\n" for line in lines[:6000]))
    weir = make_weir()
    weir.pipeline("job", pipeline(log, {"file": {"path": str(out)}}))
    weir.run_once()
    assert len(records(out)) == 6000
    with open(log, "ab") as f:
        f.write(b"".join(line + b"\n" for line in lines[6000:]))
    weir.run_once()
    compare(data, COMBINED, records(out))


def test_a_growing_file_is_followed_to_its_end(make_weir, data, tmp_path):
    weir = make_weir()
    log, out = tmp_path / COMBINED, tmp_path / "out.jsonl"
    lines = originals(data / COMBINED)
    log.touch()
    weir.pipeline("job", pipeline(log, {"file": {"path": str(out)}}))
    weir.start()
    for start in range(0, len(lines), 2500):
        with open(log, "ab") as f:
            f.write(b"".join(line + b"\n" for line in lines[start:start + 2500]))
        wait_until(lambda: len(records(out)) >= min(start + 2500, len(lines)), 20 * SLOW,
                   "arrival of what was appended")
    weir.stop()
    compare(data, COMBINED, records(out))

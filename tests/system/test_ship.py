# SPDX-License-Identifier: MIT
"""`weir ship`: files to every kind of destination from a command line, and an exit code to rely on."""
import base64
import json
import os
import pty
import re
import signal
import subprocess
import threading

import pytest

from harness.bulk import Bulk
from harness.fake_aws import FakeAws
from harness.process import wait_until
from harness.weir import REPORT, SLOW

LINES = [f'{{"n":{i},"ok":{"true" if i % 2 else "false"}}}' for i in range(1000)]
KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture
def log(tmp_path):
    """A file whose name is a pattern that fits another file, too."""
    (tmp_path / "apple.log").write_text("not this one\n")
    path = tmp_path / "a*[b]{c}.log"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.fixture
def ship(weir, tmp_path):
    """ship(ARGUMENTS): the CompletedProcess; nothing may be left behind but a dead letter."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    weir.env["TMPDIR"] = str(scratch)

    def run(*arguments, code=0, **options):
        result = weir.command("ship", *arguments, **options)
        assert result.returncode == code, result.stdout + result.stderr
        assert all(name.endswith(".dead.jsonl") for name in os.listdir(scratch))
        if code == 0:
            assert not os.listdir(scratch)
        return result

    run.scratch = scratch
    return run


def put(aws):
    return sorted(r.decode() for request in aws.seen() for r in request.records())


def test_lines_go_to_standard_output_as_they_are(ship, log):
    result = ship(log, "--to", "-")
    assert result.stdout.splitlines() == LINES
    assert result.stderr == "1000 records delivered\n"


def test_several_files_without_a_last_line_end(ship, log, tmp_path):
    (tmp_path / "b.log").write_text("one\ntwo")
    result = ship(tmp_path / "b.log", tmp_path / "apple.log", "--to", "-", "--quiet")
    assert sorted(result.stdout.splitlines()) == ["not this one", "one", "two"]
    assert result.stderr == ""


def test_standard_input_is_shipped(ship):
    assert ship("-", "--to", "-", stdin="x\ny\n").stdout == "x\ny\n"


def test_parsed_records_go_to_a_file(ship, log, tmp_path):
    out = tmp_path / "out.jsonl"
    ship(log, "--to", f"file:{out}", "--parse", "json", "--where", "ok == true and n < 5",
         "-o", "metadata=[]")
    assert [json.loads(line) for line in out.read_text().splitlines()] == \
        [{"n": 1, "ok": True}, {"n": 3, "ok": True}]


def test_a_pattern_takes_lines_apart(ship, tmp_path):
    (tmp_path / "x.log").write_text("WARN disk full\n")
    result = ship(tmp_path / "x.log", "--to", "-", "--parse", "regex",
                  "--pattern", r"^(?<level>\w+) (?<text>.*)")
    assert {"level": "WARN", "text": "disk full"}.items() <= json.loads(result.stdout).items()


@pytest.mark.parametrize("service, answer", [
    ("kinesis", lambda n: {"FailedRecordCount": 0, "Records": [
        {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}] * n}),
    ("firehose", lambda n: {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "1"}] * n})])
def test_streams_get_every_line(ship, weir, log, service, answer):
    aws = FakeAws(lambda request, number: (200, answer(len(request.records()))))
    weir.env.update(KEYS)
    ship(log, "--to", f"{service}://eu-west-1/events", "-o", f"endpoint={aws.url}")
    end = "\n" if service == "firehose" else ""
    assert put(aws) == sorted(line + end for line in LINES)
    assert "eu-west-1" in aws.seen()[0].headers["authorization"]
    assert b'"events"' in aws.seen()[0].body
    aws.close()


def test_an_http_server_gets_lines_and_the_user(ship, scripted, log, weir):
    server = scripted()
    weir.env["SECRET"] = "s3cr:t"
    host = server.url.removeprefix("http://")
    ship(log, "--to", f"http://ann:${{SECRET}}@{host}in?x=1", "-o", "gzip=false")
    assert sorted(server.lines()) == sorted(line.encode() for line in LINES)
    path, headers, _ = server.requests[0]
    assert path == "/in?x=1"
    assert base64.b64decode(headers["Authorization"].split()[1]) == b"ann:s3cr:t"


def test_a_search_index_gets_documents(ship, log):
    server = Bulk()
    ship(log, "--to", f"es+{server.url}logs")
    assert len(server.stored) == 1000
    assert server.server.requests[0][0].startswith("/logs/")
    server.server.close()


def test_what_is_refused_is_kept_and_the_exit_code_says_so(ship, scripted, log):
    server = scripted(lambda body, number: 400)
    result = ship(log, "--to", server.url, code=1)
    (kept,) = ship.scratch.iterdir()
    assert len(kept.read_text().splitlines()) == 1000
    assert str(kept) in result.stderr and "1000 records could not be delivered" in result.stderr


def test_a_destination_that_is_away_is_given_up(ship, log):
    result = ship(log, "--to", "http://127.0.0.1:1/", "--give-up", "300ms", "--json", code=1)
    told = json.loads(next(line for line in result.stderr.splitlines() if line.startswith("{")))
    assert (told["records"], told["delivered"], told["left"]) == (1000, 0, 1000)
    assert "nothing was delivered any more" in result.stderr


def test_a_signal_ends_it_with_what_was_not_delivered(weir, log, scripted):
    server = scripted(lambda body, number: 503)
    process = subprocess.Popen([weir.binary, "ship", log, "--to", server.url], text=True,
                               stderr=subprocess.PIPE, env={**os.environ, **weir.env})
    wait_until(lambda: server.asked, 20 * SLOW, "the first request")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30 * SLOW)
    assert process.returncode == 1 and "stopped" in told and not REPORT.findall(told)


def test_on_a_terminal_there_is_a_progress_bar(weir, tmp_path, scripted):
    big = tmp_path / "big.log"
    big.write_text("x" * 99 + "\n")
    with open(big, "a", encoding="ascii") as file:
        file.write(("y" * 99 + "\n") * 200_000)
    bar = threading.Event()  # the destination waits until it has been seen
    slow = scripted(lambda body, number: bar.wait(60) and 200)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(weir.binary, [weir.binary, "ship", big, "--to", slow.url, "-o", "concurrency=1"],
                  {**os.environ, **weir.env, "TERM": "xterm"})
    shown = b""
    try:
        while chunk := os.read(terminal, 65536):
            shown += chunk
            if b"left" in shown:
                bar.set()
    except OSError:
        pass  # the terminal closed
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)
    text = shown.decode()
    assert re.search(r"\[=*>? *\] +\d+ %  [\d.]+ \wi?B? of 19\.1 MiB  \d+ records/s", text), text[-500:]
    assert text.rstrip().endswith("200001 records delivered")


def test_the_pipeline_can_be_seen_before(ship, log):
    result = ship(log, "--to", "kinesis://eu-west-1/s", "--parse", "json", "-n")
    assert "  - kinesis:\n      region: eu-west-1\n      stream: s\n" in result.stdout
    assert r"a\*\[b]\{c}.log'" in result.stdout


@pytest.mark.parametrize("arguments, words", [
    ([], "say which file"), (["FILE"], "say where to"), (["FILE", "--to", "ftp://x/y"], "no destination"),
    (["FILE", "--to", "kinesis://stream"], "expected kinesis://REGION/STREAM"),
    (["FILE", "--to", "es+http://h:1"], "expected es+https://HOST:PORT/INDEX"),
    (["FILE", "--to", "file:"], "expected file:PATH"),
    (["/no/such", "--to", "-"], "No such file"), (["/tmp", "--to", "-"], "is no file"),
    (["x.gz", "--to", "-"], "is compressed"), (["-", "FILE", "--to", "-"], "standard input"),
    (["FILE", "--to", "-", "-o", "x"], "expected NAME=VALUE"),
    (["FILE", "--to", "-", "-o", "formt=json"], 'did you mean "format"?'),
    (["FILE", "--to", "-", "--parse", "jsn"], '"jsn"'),
    (["FILE", "--to", "-", "--where", "n =="], "--where, column 5: expected a value"),
    (["FILE", "--to", "-", "--give-up", "soon"], "is no duration"),
    (["FILE", "--to", "-", "--were", "x"], 'did you mean "--where"?')])
def test_wrong_usage_is_said_in_words(ship, log, arguments, words):
    result = ship(*(log if a == "FILE" else a for a in arguments), code=2)
    assert words in result.stderr, result.stderr

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the filter parse, field by field, with parsers that this project did not write.

    parse_oracle.py RUNNER PLUGIN.so CASE

A case is the name of a function below. Lines come from Python's own writers, or, for the cases
named real_*, from WEIR_DATA_DIR (default: shared/data beside the repository); without them the case
is skipped (exit code 77).
"""
import csv
import datetime
import io
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile

UTC = datetime.timezone.utc
READ_AT = datetime.datetime.fromtimestamp(1_700_000_000, UTC)  # of the runner's batches
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def skip(reason):
    print("skipped:", reason)
    sys.exit(77)


def data_file(name):
    folder = os.environ.get("WEIR_DATA_DIR", os.path.join(ROOT, "..", "shared", "data"))
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        skip(f"{path} is not there; set WEIR_DATA_DIR")
    with open(path, "rb") as file:
        return file.read().splitlines()


def run(options, lines):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(options, file)
        file.flush()
        done = subprocess.run([sys.argv[1], "run", sys.argv[2], file.name], check=True,
                              input=b"\n".join(lines) + b"\n", stdout=subprocess.PIPE)
    records = [json.loads(line) for line in done.stdout.split(b"\n")[:-1]]
    assert len(records) == len(lines), (len(records), len(lines))
    return records


def compare(lines, expected, found):
    """expected: a dict per line, with `@timestamp` as a datetime when it is to be compared."""
    for line, want, have in zip(lines, expected, found):
        have = dict(have)
        when = datetime.datetime.fromisoformat(
            re.sub(r"(\.\d{6})\d+", r"\1", have.pop("@timestamp")).replace("Z", "+00:00"))
        want = dict(want)
        if "@timestamp" in want:
            assert want.pop("@timestamp") == when, (line, when)
        assert list(want) == list(have) or set(want) == {"message", "parse_error"}, (line, want, have)
        for key, value in want.items():
            same = have[key] == value and type(have[key]) is type(value)
            assert same or (isinstance(value, float) and math.isclose(value, have[key])), (
                line, key, value, have[key])
    print(len(lines), "lines agree")


# ---- combined ------------------------------------------------------------------------------------

COMBINED = re.compile(
    r'(?P<clientip>\S+) (?P<ident>\S+) (?P<user>.*?) \[(?P<time>[^\]]{26})\] '
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d+|-) (?P<bytes>\d+|-) '
    r'"(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"')


def combined_fields(line):
    match = COMBINED.fullmatch(line)
    if not match:
        return None
    text = match.groupdict()
    day, month, rest = text["time"].split("/")
    when = datetime.datetime.strptime(f"{day} {MONTHS.index(month) + 1} {rest}", "%d %m %Y:%H:%M:%S %z")
    request = re.fullmatch(r"([A-Za-z_-]+) ([^ ]+) (HTTP/[^ ]+)", text["request"])
    fields = {"@timestamp": when}
    for key in ("clientip", "ident", "user"):
        fields[key] = text[key]
    if request:
        fields.update(zip(("method", "path", "protocol"), request.groups()))
    else:
        fields["request"] = text["request"]
    fields.update((key, text[key]) for key in ("status", "bytes", "referer", "agent"))
    for key in fields.keys() & {"ident", "user", "request", "status", "bytes", "referer", "agent"}:
        if fields[key] == "-":
            fields[key] = None
    for key in ("status", "bytes"):
        fields[key] = None if fields[key] is None else int(fields[key])
    return fields


def real_combined():
    lines = data_file("apache_combined.log")
    found = run({"format": "combined"}, lines)
    expected = [combined_fields(line.decode()) for line in lines]
    refused = [i for i, want in enumerate(expected) if want is None]
    assert all("parse_error" in found[i] for i in refused)
    assert len(refused) <= 1, "only lines that are cut off may not parse"
    kept = [i for i in range(len(lines)) if i not in set(refused)]
    compare([lines[i] for i in kept], [expected[i] for i in kept], [found[i] for i in kept])


def made_combined():
    """Every combination of odd parts, many in random order; the regex is the judge."""
    rng = random.Random(1)
    users = ["-", "alice", "Jane Doe", "[x]", "", "ü"]
    requests = ["GET / HTTP/1.1", "POST /a?b=c&d HTTP/2.0", "-", "", r"\x16\x03", r'GET /\"q\" HTTP/1.1',
                "GET /two words HTTP/1.1", "get /x HTTP/1.0", "GET /", "G?T / HTTP/1.1", "GET  / HTTP/1.1",
                "GET / HTTP/1.1 ", "GET /" + "long/" * 300 + " HTTP/1.1", "GET /é HTTP/1.1"]
    quoted = ["-", "", "http://example.com/", r'say \"hi\"', "\\\\", "tab\there", "ünï", "a" * 700]
    lines = []
    for _ in range(20000):
        when = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(
            minutes=rng.choice([0, 0, 0, 60, -420, 345])))) + datetime.timedelta(
                seconds=rng.randrange(10**9) if rng.random() < .3 else 5)
        lines.append('{} {} {} [{:02}/{}/{}] "{}" {} {} "{}" "{}"'.format(
            rng.choice(["203.0.113.7", "2001:db8::1", "host"]), rng.choice(["-", "id"]),
            rng.choice(users), when.day, MONTHS[when.month - 1], when.strftime("%Y:%H:%M:%S %z"),
            rng.choice(requests), rng.choice(["200", "404", "-"]),
            rng.choice(["-", "0", "1", "4294967296"]), rng.choice(quoted), rng.choice(quoted)))
    expected = [combined_fields(line) for line in lines]
    lines = [line.encode() for line in lines]
    compare(lines, expected, run({"format": "combined"}, lines))


# ---- json ----------------------------------------------------------------------------------------

def real_json():
    lines = data_file("nginx_plus.jsonl")
    compare(lines, [json.loads(line) for line in lines], run({"format": "json"}, lines))


def random_value(rng, depth=0):
    kind = rng.randrange(9 if depth < 4 else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([0, -1, rng.randrange(-2**63, 2**63), 2**64, -0.5, 1e-300, 1.7e308, rng.random()])
    if kind in (2, 3, 4, 5):
        alphabet = rng.choice(["abc ", "\"\\/\b\f\n\r\t\0\x1f", "äß€😀\u2028", "x"])
        return "".join(rng.choice(alphabet) for _ in range(rng.randrange(40)))
    if kind == 6:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {random_value_key(rng): random_value(rng, depth + 1) for _ in range(rng.randrange(5))}


def random_value_key(rng):
    return "".join(rng.choice('abc"\\\nä') for _ in range(rng.randrange(6)))


def made_json():
    rng = random.Random(2)
    expected, lines = [], []
    for i in range(5000):
        want = {rng.choice(["a", "b", "ä", "f" * 7, "f" * 8, "g" * 14, "g" * 15, "g" * 16, "h" * 40,
                            "back\\slash", 'quo"te']): random_value(rng)
                for _ in range(rng.randrange(12))}
        if i % 5 and expected:  # often the same keys as the line before, or nearly
            want = {key[:-1] + "x" if rng.random() < .02 else key: random_value(rng)
                    for key in expected[-1]}
        expected.append(want)
        lines.append(json.dumps(want, ensure_ascii=rng.random() < .5,
                                separators=rng.choice([(",", ":"), (" , ", " : ")])).encode())
    compare(lines, expected, run({"format": "json"}, lines))


def damaged_json():
    """What Python's json refuses must be refused, and what it takes must be the same."""
    rng = random.Random(3)
    lines = []
    for _ in range(20000):
        text = bytearray(json.dumps({"a": random_value(rng), "b": random_value(rng)}).encode())
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(text))
            text[at:at + rng.randrange(2)] = rng.choice([b"", b'"', b"\\", b"{", b"}", b"[", b"]",
                                                         b",", b":", b"0", b".", b"e", b"-", b"n"])
        lines.append(bytes(text))
    agreed, taken = 0, []
    for line, have in zip(lines, run({"format": "json"}, lines)):
        try:
            want = json.loads(line, parse_constant=lambda _: 1 / 0)
            valid = isinstance(want, dict)
        except (ValueError, ZeroDivisionError, RecursionError):
            valid = False
        assert valid == ("parse_error" not in have), (line, have)
        agreed += 1
        if valid:
            taken.append((line, want, have))
    print(agreed, "lines judged alike;", len(taken), "valid")
    # Half of a surrogate pair is the one thing that Python keeps and a record can't.
    taken = [t for t in taken if not re.search(rb"\\u[dD][89a-fA-F]", t[0])]
    compare(*([t[i] for t in taken] for i in range(3)))


# ---- csv -----------------------------------------------------------------------------------------

def made_csv():
    rng = random.Random(4)
    for options, dialect in (({"format": "csv"}, {}), ({"format": "tsv"}, {"delimiter": "\t"}),
                             ({"format": "csv", "delimiter": ";"}, {"delimiter": ";"})):
        columns = ["a", "b", "c", "d"]
        rows = [["".join(rng.choice('ab",;\t ä\'') for _ in range(rng.randrange(8))) for _ in columns]
                for _ in range(5000)]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n", **dialect).writerows(rows)
        lines = text.getvalue().encode().splitlines()
        compare(lines, [dict(zip(columns, row)) for row in rows],
                run({**options, "columns": columns}, lines))


# ---- syslog --------------------------------------------------------------------------------------

SYSLOG = re.compile(r"(\w{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\S+) ([^\s:\[]+)(?:\[(\d+)\])?: ?(.*)", re.S)


def real_syslog():
    lines = data_file("auth.log")
    expected = []
    for line in lines:
        month, day, hour, minute, second, host, program, pid, message = SYSLOG.fullmatch(line.decode()).groups()
        when = datetime.datetime(READ_AT.year, MONTHS.index(month) + 1, int(day), int(hour),
                                 int(minute), int(second), tzinfo=UTC)
        if when > READ_AT + datetime.timedelta(days=1):
            when = when.replace(year=when.year - 1)
        want = {"@timestamp": when, "host": host, "program": program}
        if pid:
            want["pid"] = int(pid)
        expected.append({**want, "message": message})
    compare(lines, expected, run({"format": "syslog"}, lines))


# ---- the names of Kinesis Agent --------------------------------------------------------------------

def real_agent_combined():
    """Every field is the text between its separators, a dash is null."""
    lines = data_file("apache_combined.log")
    matches = [COMBINED.fullmatch(line.decode()) for line in lines]
    lines = [line for line, match in zip(lines, matches) if match]
    expected = [{key: None if value == "-" else value for key, value in
                 zip(("host", "ident", "authuser", "datetime", "request", "response", "bytes", "referer",
                      "agent"), match.groups())} for match in matches if match]
    compare(lines, expected, run({"format": "combined", "names": "kinesis_agent"}, lines))


def real_agent_syslog():
    lines = data_file("auth.log")
    expected = []
    for line in lines:
        _, _, _, _, _, host, program, pid, message = SYSLOG.fullmatch(line.decode()).groups()
        expected.append({"timestamp": line[:15].decode(), "hostname": host, "program": program,
                         "processid": pid, "message": message})
    compare(lines, expected, run({"format": "syslog", "names": "kinesis_agent"}, lines))


# ---- pairs ---------------------------------------------------------------------------------------

def random_pairs(rng, keys, values):
    """A dict in the order of its first keys; many lines have the keys of the line before."""
    names = ["a", "b", "level", "msg"] if rng.random() < .5 else [
        "".join(rng.choice(keys) for _ in range(rng.randrange(1, 9))) for _ in range(rng.randrange(1, 9))]
    return {name: "".join(rng.choice(values) for _ in range(rng.randrange(9))) for name in names}


def made_logfmt():
    """Written as the format's usual writers do: quotes and JSON's escapes where they are needed."""
    rng = random.Random(6)
    expected = [random_pairs(rng, "abz_.-/9ä", 'ab"\\\t\n\x01 =äß€😀') for _ in range(10000)]

    def quoted(text):
        if text and rng.random() < .8 and not re.search(r'[\s"\\\x00-\x20]', text):
            return text
        return json.dumps(text, ensure_ascii=rng.random() < .5)

    lines = [" ".join(f"{key}={quoted(value)}" for key, value in want.items()).encode()
             for want in expected]
    compare(lines, expected, run({"format": "logfmt"}, lines))


def made_ltsv():
    rng = random.Random(7)
    expected = [random_pairs(rng, "abz_.-9", 'ab":=\\ ä') for _ in range(10000)]
    lines = ["\t".join(f"{key}:{value}" for key, value in want.items()).encode() for want in expected]
    compare(lines, expected, run({"format": "ltsv"}, lines))


def made_key_value():
    rng = random.Random(8)
    for options in ({}, {"pair_separator": ", "}, {"pair_separator": "&", "value_separator": "=>"},
                    {"pair_separator": "|", "value_separator": ":", "quotes": "'"}):
        pair, value_mark = options.get("pair_separator", " "), options.get("value_separator", "=")
        quote = options.get("quotes", '"')
        expected = [random_pairs(rng, "abz_.-9ä", "ab,&|=>: \\'\"ä") for _ in range(3000)]

        def quoted(text):
            plain = text == text.strip() and pair not in text and text[:1] not in ("'", '"')
            if plain and not text.endswith(pair[0]) and rng.random() < .8:
                return text
            return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote

        lines = [pair.join(f"{key}{value_mark}{quoted(value)}" for key, value in want.items()).encode()
                 for want in expected]
        compare(lines, expected, run({"format": "key_value", **options}, lines))


# ---- grok ----------------------------------------------------------------------------------------

def real_grok():
    """The names of whole lines against regular expressions of our own."""
    lines = data_file("auth.log")
    expected = []
    for line in lines:
        _, _, _, _, _, host, program, pid, message = SYSLOG.fullmatch(line.decode()).groups()
        expected.append({"timestamp": line[:15].decode(), "logsource": host, "program": program,
                         **({"pid": int(pid)} if pid else {}), "message": message})
    pattern = (r"^%{SYSLOGTIMESTAMP:timestamp} %{SYSLOGHOST:logsource} %{PROGRAM:program}"
               r"(?:\[%{POSINT:pid:int}\])?: ?%{GREEDYDATA:message}$")
    compare(lines, expected, run({"format": "grok", "pattern": pattern,
                                  "patterns": {"PROGRAM": r"[^\s:\[]+"}}, lines))

    judge = re.compile(r'^(?P<clientip>\S+) (?P<ident>\S+) (?P<auth>\S+) \[(?P<timestamp>[^\]]+)\] '
                       r'"(?P<verb>\w+) (?P<request>\S+) HTTP/(?P<httpversion>[\d.]+)" '
                       r'(?P<response>\d+) (?:(?P<bytes>\d+)|-) (?P<referrer>"[^"]*") (?P<agent>"[^"]*")')
    lines = [line for line in data_file("apache_combined.log") if judge.match(line.decode())]
    expected = [{key: value for key, value in judge.match(line.decode()).groupdict().items()
                 if value is not None} for line in lines]
    assert len(lines) > 1000
    compare(lines, expected, run({"format": "grok", "pattern": "^%{COMBINEDAPACHELOG}"}, lines))


# ---- regex ---------------------------------------------------------------------------------------

def real_regex():
    pattern = (r'^(?<clientip>\S+) \S+ \S+ \[(?<time>[^\]]+)\] "(?<request>[^"]*)" (?<status>\d+) '
               r'(?<bytes>\S+)(?: "(?<referer>[^"]*)")?')
    judge = re.compile(pattern.replace("(?<", "(?P<").encode())
    lines = data_file("apache_combined.log")
    expected = [{key: value.decode() for key, value in judge.search(line).groupdict().items()
                 if value is not None} for line in lines]
    compare(lines, expected, run({"format": "regex", "pattern": pattern}, lines))


if __name__ == "__main__":
    globals()[sys.argv[3]]()

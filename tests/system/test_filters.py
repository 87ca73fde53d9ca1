# SPDX-License-Identifier: MIT
"""Filters, `when` and routing on real lines, against the same rules written in Python."""
import json
import socket

import pytest

from harness import reference
from harness.records import records

# A filter's options, and what they do to a record: None when it is left out.
KIB = 1024


def with_kib(r):
    return r if r["bytes"] is None else {**r, "kib": int(r["bytes"] / KIB + 0.5)}


CASES = {
    "where": ({"where": "status >= 400 and method == 'GET'"},
              lambda r: r if r["status"] >= 400 and r["method"] == "GET" else None),
    "where_pattern": ({"where": r"agent =~ 'bot\b' or path =~ '\.(png|gif)$'"},
                      lambda r: r if reference.re.search(r"bot\b", r["agent"] or "")
                      or reference.re.search(r"\.(png|gif)$", r["path"]) else None),
    "where_in": ({"where": "status not in [200, 304] and not starts_with(path, '/blog')"},
                 lambda r: r if r["status"] not in (200, 304)
                 and not r["path"].startswith("/blog") else None),
    "set_constants": ({"set": {"env": "prod", "n": 5, "ok": True, "tags": ["a", {"b": None}]}},
                      lambda r: {**r, "env": "prod", "n": 5, "ok": True,
                                 "tags": ["a", {"b": None}]}),
    "set_computed": ({"set": {"kib": {"expr": "round(number(bytes) / 1024)"},
                              "where": {"expr": "lower(method) + '@' + @host"}}},
                     lambda r: {**r, "where": r["method"].lower() + "@" + socket.gethostname(),
                                "kib": None if r["bytes"] is None
                                else int(r["bytes"] / KIB + 0.5)}),
    "set_when": ({"set": {"fields": {"kib": {"expr": "round(bytes / 1024)"}},
                          "when": "bytes != null"}}, with_kib),
    "rename": ({"rename": {"clientip": "client_ip", "bytes": "size", "user": "ident"}},
               lambda r: {{"clientip": "client_ip", "bytes": "size", "user": "ident"}.get(k, k): v
                          for k, v in r.items() if k != "ident"}),
    "remove_when": ({"remove": {"fields": ["agent", "referer"], "when": "status < 300"}},
                    lambda r: {k: v for k, v in r.items()
                               if r["status"] >= 300 or k not in ("agent", "referer")}),
    "keep": ({"keep": ["path", "status"]},
             lambda r: {k: v for k, v in r.items() if k in ("path", "status")}),
}


def expected(data, rule):
    for line in (data / "apache_combined.log").read_bytes().split(b"\n")[:-1]:
        record = reference.combined(line)
        if record is None:
            continue
        record.pop("@timestamp")
        record = rule(record)
        if record is not None:
            yield record


@pytest.mark.parametrize("case", CASES)
def test_a_filter_does_to_real_lines_what_python_does(make_weir, data, tmp_path, case):
    options, rule = CASES[case]
    out = tmp_path / "out.jsonl"
    weir = make_weir()
    weir.pipeline("job", {
        "inputs": [{"tail": {"paths": [str(data / "apache_combined.log")], "start": "beginning"}}],
        "filters": [{"parse": {"format": "combined", "on_error": "drop"}}, options],
        "outputs": [{"file": {"path": str(out)}}]})
    weir.run_once()
    got = records(out)
    for record in got:
        record.pop("@timestamp")
    assert got == list(expected(data, rule))


def test_each_output_gets_what_its_when_is_true_for(make_weir, data, tmp_path):
    weir = make_weir()
    whens = {"bad": "status >= 400", "good": "not (status >= 400)", "none": "false",
             "big": "bytes > 1000000"}
    weir.pipeline("job", {
        "inputs": [{"tail": {"paths": [str(data / "apache_combined.log")], "start": "beginning"}}],
        "filters": [{"parse": {"format": "combined", "on_error": "drop"}}],
        "outputs": [{"file": {"path": str(tmp_path / name), "name": name, "when": when}}
                    for name, when in whens.items()]})
    weir.run_once()
    whole = list(expected(data, lambda r: r))
    counts = {name: len(records(tmp_path / name)) for name in whens}
    assert counts == {"bad": sum(r["status"] >= 400 for r in whole),
                      "good": sum(r["status"] < 400 for r in whole), "none": 0,
                      "big": sum((r["bytes"] or 0) > 1000000 for r in whole)}


def test_nested_json_is_read_by_path(make_weir, tmp_path):
    rows = [{"user": {"id": i, "roles": ["admin"] if i % 3 == 0 else [], "n\u00e9e": "\u20ac\"\n"}}
            for i in range(50)]
    log, out = tmp_path / "in.log", tmp_path / "out.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    weir = make_weir()
    weir.pipeline("job", {
        "inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
        "filters": [{"parse": "json"}, {"where": "'admin' in user.roles and user.id >= 10"},
                    {"set": {"id": {"expr": "user.id"}, "text": {"expr": "user.n\u00e9e"}}},
                    {"remove": "user"}],
        "outputs": [{"file": {"path": str(out)}}]})
    weir.run_once()
    got = [{k: v for k, v in r.items() if k != "@timestamp"} for r in records(out)]
    assert got == [{"id": i, "text": "\u20ac\"\n"} for i in range(12, 50, 3)]


def test_a_wrong_expression_is_shown_where_it_is_written(make_weir):
    weir = make_weir()
    weir.pipeline("job", """\
        inputs:
          - stdin
        filters:
          - where: "lenght(a) > 3"
          - set: {a: {expr: "b = 1"}}
        outputs:
          - stdout: {when: "a =~ '('"}
        """)
    result = weir.check()
    assert result.returncode == 1
    text = result.stdout + result.stderr
    assert "job.yaml:4:13: " in text and "did you mean 'length'?" in text
    assert "job.yaml:5:24: " in text and "write ==" in text
    assert "job.yaml:7:2" in text and "missing closing parenthesis" in text

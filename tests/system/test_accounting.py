# SPDX-License-Identifier: MIT
"""The account: every record that was read is in one counter of each step, merged and split ones too.

Every test with an admin address checks it when its agent stops; here are the numbers themselves.
"""
import json

import pytest

from harness import accounting
from harness.process import free_port, wait_until
from harness.records import count, records
from harness.weir import BIN


def log_of(path, values):
    path.write_text("".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in values))
    return {"tail": {"paths": [str(path)], "start": "beginning"}}


def settled(weir):
    """The only pipeline of the status document, once nothing is on its way."""
    def ask():
        pipeline = weir.status()["pipelines"][0]
        stages = pipeline["outputs"] + pipeline["dead_letter"]
        return pipeline if pipeline["routed"] and not any(s["in_flight"] for s in stages) else None
    return wait_until(ask, 10, "the outcomes")


def outcomes(stage):
    return {name: stage[name] for name in accounting.OUTCOMES if stage[name]}


def test_every_way_a_record_can_go_is_counted_once(weir, scripted, tmp_path):
    refuse = scripted(lambda body, number: 400 if b'"n":3' in body else 200)
    values = [{"n": n, "kind": ("a", "b", "c", "none")[n % 4]} for n in range(100)]
    log = log_of(tmp_path / "a.log", [*values, "no JSON\n", "nor this\n", {"n": 0, "kind": "drop"}])
    weir.pipeline("p", {
        "inputs": [log],
        "filters": [{"parse": {"format": "json", "on_error": "dead_letter"}},
                    {"where": 'kind != "drop"'}],
        "outputs": [
            {"file": {"when": 'kind == "a" or kind == "b"', "path": str(tmp_path / "ab")}},
            {"http": {"when": 'kind == "b" or kind == "c"', "url": refuse.url, "linger": "10ms",
                      "format": "ndjson", "batch_records": 1}}]})
    weir.start()
    wait_until(lambda: weir.metric("weir_input_records_total") == 103, 10, "the reading")
    pipeline = settled(weir)
    parse, where = pipeline["filters"]
    file, http = pipeline["outputs"]
    assert (parse["dead_lettered"], where["dropped"], pipeline["routed"]) == (2, 1, 100)
    assert pipeline["unrouted"] == 25
    assert outcomes(file) == {"delivered": 50, "not_routed": 50}
    refused = len([r for r in values if str(r["n"])[0] == "3" and r["kind"] in "bc"])
    assert outcomes(http) == {"delivered": 50 - refused, "dead_lettered": refused, "not_routed": 50}
    assert outcomes(pipeline["dead_letter"][0]) == {"delivered": refused + 2}
    assert accounting.imbalances(pipeline) == []
    weir.stop()


def test_what_an_output_had_before_a_restart_is_counted_apart(weir, tmp_path):
    out = tmp_path / "out"
    port = free_port()
    lines = [f"line {n}\n" for n in range(300)]

    def run(when):
        weir.pipeline("p", {
            "inputs": [log_of(tmp_path / "a.log", lines)],
            "outputs": [{"file": {"path": str(out)}},
                        {"http": {"url": f"http://127.0.0.1:{port}/", "when": when,
                                  "retry": {"backoff_min": "10ms", "backoff_max": "50ms"}}}]})
        weir.start()

    weir.configure(shutdown_timeout="100ms")
    run("true")
    wait_until(lambda: count(out) == 300, 10, "the file")
    wait_until(lambda: not weir.status()["pipelines"][0]["outputs"][0]["in_flight"], 5, "outcomes")
    weir.stop(code=4)
    run("false")
    pipeline = settled(weir)
    assert outcomes(pipeline["outputs"][0]) == {"delivered_before": 300}
    assert outcomes(pipeline["outputs"][1]) == {"not_routed": 300}
    weir.stop()


def test_records_that_a_filter_holds_and_makes_balance(weir, tmp_path):
    good = BIN.parent.parent / "tests/abi/good"
    builtin = next(p for p in BIN.parent.parent.rglob("weir/plugins") if p.is_dir())
    weir.configure(plugin_dirs=[str(builtin), str(good)])
    weir.pipeline("p", {
        "inputs": [log_of(tmp_path / "a.log", ["same\n"] * 100)],
        "filters": [{"window": {"key": "none", "period": "50ms"}}],
        "outputs": [{"file": {"path": str(tmp_path / "out")}}]})
    weir.start()
    wait_until(lambda: sum(r["count"] for r in records(tmp_path / "out")) == 100, 10, "the windows")
    pipeline = settled(weir)
    window = pipeline["filters"][0]
    assert window["held"] == 100
    assert window["made"] == pipeline["routed"] == pipeline["outputs"][0]["delivered"]
    weir.stop()


def stage(name, **numbers):
    return {"name": name, "records": 0, "dropped": 0, "dead_lettered": 0, "held": 0, "made": 0,
            "queued_before": 0, **dict.fromkeys(accounting.OUTCOMES, 0), **numbers}


def document(**output):
    return {"pipelines": [{
        "name": "p", "state": "running", "routed": 10, "filters": [], "dead_letter": [stage("d")],
        "inputs": [stage("in", records=10)], "outputs": [stage("out", **output)]}]}


def test_the_check_of_every_test_finds_a_record_that_vanished():
    accounting.check(lambda: document(delivered=7, not_routed=2, in_flight=1))
    with pytest.raises(AssertionError, match="p/out: records routed, and their outcomes: 10"):
        accounting.check(lambda: document(delivered=9))
    with pytest.raises(AssertionError, match="p/d: dead letters"):
        accounting.check(lambda: document(dead_lettered=10))

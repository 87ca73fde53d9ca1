# SPDX-License-Identifier: MIT
"""What a pipeline guarantees: outcomes per output, dead letters, bounds, and no harm to its neighbours."""
import base64
import json
import pathlib
import resource

import pytest

from harness.process import free_port, wait_until
from harness.records import count, records

COMBINED = ('{ip} - - [10/Oct/2000:13:55:36 +0000] "GET /{n} HTTP/1.1" {status} 7 "-" "test"')


def write_combined(path, statuses):
    path.write_text("".join(COMBINED.format(ip="10.0.0.1", n=n, status=status) + "\n"
                            for n, status in enumerate(statuses)))


def tail(path, **options):
    return {"tail": {"paths": [str(path)], "start": "beginning", **options}}


def file(path, **options):
    return {"file": {"path": str(path), **options}}


def test_a_record_goes_to_the_outputs_whose_when_is_true(weir, tmp_path):
    log, good, bad = tmp_path / "a.log", tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    write_combined(log, [200, 404, 500, 200, 301])
    weir.pipeline("web", {
        "inputs": [tail(log)], "filters": [{"parse": "combined"}],
        "outputs": [file(good, when="status < 400"), file(bad, when="status >= 500")]})
    weir.start()
    wait_until(lambda: count(good) == 3 and count(bad) == 1, 10, "the records")
    assert [r["path"] for r in records(good)] == ["/0", "/3", "/4"]
    assert [r["status"] for r in records(bad)] == [500]
    assert weir.metric("weir_unrouted_records_total") == 1
    # in = delivered + not routed, per output
    for output in ("file", "file_2"):
        wait_until(lambda: weir.metric("weir_output_records_total", output=output) == 5, 5,
                   "the outcomes")
    weir.stop()


def test_after_a_restart_a_record_goes_only_to_the_outputs_that_lack_it(weir, tmp_path, make_nginx):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    log.write_text("".join(f"line {n}\n" for n in range(500)))
    port = free_port()
    weir.configure(shutdown_timeout="200ms")
    weir.pipeline("two", {"inputs": [tail(log)], "outputs": [
        file(out), {"http": {"url": f"http://127.0.0.1:{port}/", "linger": "10ms",
                             "retry": {"backoff_min": "10ms", "backoff_max": "50ms"}}}]})
    weir.start()
    wait_until(lambda: count(out) == 500, 10, "the file")
    weir.stop(code=4)
    server = make_nginx("late")
    weir.pipeline("two", {"inputs": [tail(log)], "outputs": [
        file(out), {"http": {"url": server.url, "linger": "10ms"}}]})
    weir.start()
    wait_until(lambda: len(server.records()) >= 500, 15, "the HTTP output")
    weir.stop()
    assert [r["message"] for r in server.records()] == [f"line {n}" for n in range(500)]
    assert count(out) == 500, "the file had its records before the restart"


def test_an_output_new_to_a_pipeline_starts_at_its_present_position(weir, tmp_path):
    log, old, new = tmp_path / "a.log", tmp_path / "old.jsonl", tmp_path / "new.jsonl"
    log.write_text("before\n")
    weir.pipeline("p", {"inputs": [tail(log)], "outputs": [file(old)]})
    weir.run_once()
    weir.pipeline("p", {"inputs": [tail(log)], "outputs": [file(old), file(new)]})
    with log.open("a") as f:
        f.write("after\n")
    weir.run_once()
    assert [r["message"] for r in records(old)] == ["before", "after"]
    assert [r["message"] for r in records(new)] == ["after"]


def test_what_does_not_parse_goes_to_the_default_dead_letter_with_its_bytes(weir, tmp_path):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    good = COMBINED.format(ip="10.0.0.1", n=1, status=200).encode()
    log.write_bytes(good + b"\nnot a combined line\n\xff\xfe broken \x00 bytes\n" + good + b"\n")
    weir.pipeline("web", {
        "inputs": [tail(log)],
        "filters": [{"parse": {"format": "combined", "on_error": "dead_letter"}}],
        "outputs": [file(out)]})
    weir.run_once()
    assert count(out) == 2
    text, raw = records(weir.state_dir / "dead" / "web.jsonl")
    assert text["line"] == "not a combined line"
    assert base64.b64decode(raw["line_base64"]) == b"\xff\xfe broken \x00 bytes"
    for letter in (text, raw):
        assert letter["pipeline"] == "web" and letter["stage"] == "parse"
        assert letter["source"] == str(log) and letter["reason"]
    assert text["position"] == len(good) + 1
    # A second run finds nothing left to do: dead-lettered counts as dealt with.
    weir.run_once()
    assert count(out) == 2 and count(weir.state_dir / "dead" / "web.jsonl") == 2


def test_a_full_dead_letter_stops_its_pipeline_and_says_so(weir, tmp_path):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    line = "nonsense " * 100 + "\n"
    log.write_text(line * 2000)
    weir.configure(dead_letter_max="1MiB", memory_limit="8MiB")
    weir.pipeline("web", {
        "inputs": [tail(log)],
        "filters": [{"parse": {"format": "combined", "on_error": "dead_letter"}}],
        "outputs": [file(out)]})
    weir.start()
    wait_until(lambda: weir.get("/health")[0] != 200, 10, "an unhealthy answer")
    assert "web" in weir.get("/health")[1]
    dead = weir.state_dir / "dead" / "web.jsonl"
    assert (dead.stat().st_size if dead.exists() else 0) <= 1 << 20
    # More room: everything arrives by itself after a restart, nothing was committed past it.
    weir.configure(dead_letter_max="16MiB", memory_limit="8MiB", shutdown_timeout="200ms")
    weir.kill()
    weir.start()
    # Those that were written when the agent was killed may come twice.
    expected = {len(line) * n for n in range(2000)}
    wait_until(lambda: {r["position"] for r in records(dead)} == expected, 20, "all dead letters")
    weir.stop()


def test_a_broken_pipeline_does_not_stop_the_others(weir, tmp_path):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    log.write_text("hello\n")
    weir.pipeline("good", {"inputs": [tail(log)], "outputs": [file(out)]})
    weir.pipeline("bad", {"inputs": [{"tail": {"pathz": ["/x"]}}], "outputs": [{"null": {}}]})
    weir.pipeline("worse", "inputs: [\n")
    weir.pipeline("nowhere", {"inputs": [tail(log)],
                              "outputs": [file("/proc/no/such/folder/out.jsonl")]})
    weir.start()
    wait_until(lambda: count(out) == 1, 10, "the good pipeline's record")
    health = weir.get("/health")
    assert health[0] == 503
    for name in ("bad", "worse", "nowhere"):
        assert name in health[1]
    assert "bad.yaml" in weir.log() and '"paths"' in weir.log()
    status = json.loads(weir.get("/status")[1])
    assert {p["name"]: p["state"] for p in status["pipelines"]}["good"] == "running"
    weir.stop()


def rss_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0


def test_memory_is_bounded_while_a_destination_is_down_and_neighbours_go_on(
        weir, tmp_path, make_nginx):
    big, small, out = tmp_path / "big.log", tmp_path / "small.log", tmp_path / "out.jsonl"
    big.write_text("".join(f"{n:07d} {'x' * 200}\n" for n in range(200000)))  # 42 MB
    small.write_text("first\n")
    port = free_port()
    weir.configure(memory_limit="16MiB", shutdown_timeout="1s")
    http = {"http": {"url": f"http://127.0.0.1:{port}/", "format": "lines",
                     "retry": {"backoff_min": "20ms", "backoff_max": "100ms"}}}
    weir.pipeline("stuck", {"inputs": [tail(big)], "outputs": [http]})
    weir.pipeline("free", {"inputs": [tail(small)], "outputs": [file(out)]})
    weir.start()
    used = "weir_memory_used_bytes"
    wait_until(lambda: weir.metric(used, pipeline="stuck") > 4 << 20, 10, "back-pressure")
    read = wait_until(lambda: weir.metric("weir_input_bytes_total", pipeline="stuck"), 5)
    with small.open("a") as f:
        f.write("second\n")
    wait_until(lambda: count(out) == 2, 10, "the neighbour")
    assert weir.metric(used, pipeline="stuck") <= 8 << 20
    assert read < big.stat().st_size, "reading stopped at the bound"
    if "asan" not in str(weir.binary) and "tsan" not in str(weir.binary):
        assert rss_mib(weir.process.pid) < 40
    server = make_nginx("late")
    weir.stop(code=4)
    http["http"]["url"] = server.url
    weir.pipeline("stuck", {"inputs": [tail(big)], "outputs": [http]})
    weir.start()
    wait_until(lambda: weir.metric("weir_output_records_total", pipeline="stuck",
                                   outcome="delivered") >= 200000, 60, "all records")
    weir.stop()
    got = [line[:7] for r in server.requests() if r["status"] == 200
           for line in r["body"].splitlines()]
    assert sorted(set(got)) == [f"{n:07d}" for n in range(200000)]


def test_all_descriptors_that_may_be_had_are_used(weir, tmp_path):
    weir.pipeline("p", {"inputs": [tail(tmp_path / "log")], "outputs": [file(tmp_path / "out")]})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        weir.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(weir.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    weir.stop()


def test_a_second_agent_on_the_same_state_is_refused(weir, make_weir, tmp_path):
    log = tmp_path / "a.log"
    log.write_text("x\n")
    weir.pipeline("p", {"inputs": [tail(log)], "outputs": [{"null": {}}]})
    weir.start()
    other = make_weir("other", state_dir=str(weir.state_dir))
    other.pipeline("p", {"inputs": [tail(log)], "outputs": [{"null": {}}]})
    result = other.run_once(check=False)
    assert result.returncode == 1
    assert str(weir.process.pid) in result.stderr
    weir.stop()


@pytest.mark.parametrize("policy, expected", [
    (None, []), ("beginning", ["old", "new"]), ("end", ["newest"])])
def test_a_corrupt_state_database_is_set_aside_and_the_policy_decides(
        weir, tmp_path, policy, expected):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    log.write_text("old\n")
    pipeline = {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                "outputs": [file(out)]}
    weir.pipeline("p", pipeline)
    weir.run_once()
    out.unlink()
    with log.open("a") as f:
        f.write("new\n")
    for suffix in ("-wal", "-shm"):
        (weir.state_dir / f"state.db{suffix}").unlink(missing_ok=True)
    (weir.state_dir / "state.db").write_bytes(b"this is no database" * 100)
    weir.pipeline("p", {**pipeline, **({"on_corrupt_state": policy} if policy else {})})
    result = weir.run_once(check=False)
    assert list(weir.state_dir.glob("state.db.corrupt-*")), result.stderr
    if policy is None:
        assert result.returncode == 1
        assert "on_corrupt_state" in result.stderr
        assert weir.run_once(check=False).returncode == 1, "the next start does not forget it"
    else:
        assert result.returncode == 0, result.stderr
        with log.open("a") as f:
            f.write("newest\n")
        weir.pipeline("p", pipeline)
        weir.run_once()
    if policy == "beginning":
        expected = expected + ["newest"]
    assert [r["message"] for r in records(out)] == expected


def test_an_output_that_refuses_one_record_dead_letters_only_that(weir, tmp_path, scripted):
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {n}{' poison' if n == 37 else ''}\n" for n in range(100)))
    server = scripted(lambda body, number: 400 if b"poison" in body else 200)
    weir.pipeline("p", {"inputs": [tail(log)],
                        "outputs": [{"http": {"url": server.url, "linger": "10ms"}}]})
    weir.run_once()
    dead = records(weir.state_dir / "dead" / "p.jsonl")
    assert [d["line"] for d in dead] == ["line 37 poison"]
    assert "400" in dead[0]["error"] + dead[0]["reason"]
    delivered = [json.loads(line)["message"] for line in server.lines()]
    assert sorted(delivered) == sorted(f"line {n}" for n in range(100) if n != 37)

# SPDX-License-Identifier: MIT
"""An output with a queue on disk: nothing waits for it, and nothing in it is lost."""
import json
import re
import threading

import pytest

from harness.bulk import Bulk
from harness.process import free_port, wait_until
from harness.records import count, records
from harness.weir import SLOW

DEADLINE = 30 * SLOW


def write(path, first, number, size=0):
    with open(path, "a", encoding="ascii") as log:
        log.writelines(f"line {n} {'x' * size}\n" for n in range(first, first + number))


def tail(path):
    return {"tail": {"paths": [str(path)], "start": "beginning"}}


def http(url, **options):
    return {"http": {"url": url, "linger": "10ms",
                     "retry": {"backoff_min": "10ms", "backoff_max": "100ms"}, **options}}


def numbers(lines):
    """The numbers in lines or records, in order."""
    return [int(re.search(rb"line (\d+)", line)[1]) for line in lines]


def queue(agent, output="http"):
    """What /status says of the queue."""
    return next(o for o in agent.status()["pipelines"][0]["outputs"] if o["name"] == output)


def spool(agent, *arguments):
    """The queues, as the command lists them."""
    done = agent.command("spool", *arguments, "-c", agent.config, "--json")
    return done.returncode, json.loads(done.stdout)["queues"]


def positions(agent):
    """{output: position} of the one source; nothing while there is none."""
    listed = agent.command("positions", "list", "-c", agent.config, "--json")
    sources = json.loads(listed.stdout)["sources"] if listed.returncode == 0 else []
    return sources[0]["positions"] if sources else {}


def segments(agent):
    return sorted((agent.state_dir / "spool/main").glob("*/*.seg"))


def test_records_are_the_same_with_a_queue_as_without(weir, tmp_path, scripted):
    log = tmp_path / "log"
    log.write_text("".join(
        f'10.0.0.{n % 250} - - [10/Oct/2000:13:55:36 +0000] "GET /{n} HTTP/1.1" 200 {n} "-" "é\\""\n'
        for n in range(3000)) + "no such line\n")
    with_queue, without = scripted(), scripted()
    meta = {"metadata": ["timestamp", "source", "position"]}
    weir.pipeline("main", {
        "inputs": [tail(log)],
        "filters": [{"parse": "combined"}, {"set": {"n": 1.5, "deep": {"expr": "bytes * 2"}}}],
        "outputs": [http(with_queue.url, buffer="16MiB", **meta), http(without.url, **meta)]})
    weir.start()
    wait_until(lambda: len(with_queue.lines()) >= 3001 and len(without.lines()) >= 3001, DEADLINE,
               "all records twice")
    assert sorted(with_queue.lines()) == sorted(without.lines())
    weir.stop()


def test_an_index_knows_the_records_of_a_queue_again(weir, tmp_path):
    """The same ids with a queue as without, and no document twice though the agent is killed."""
    log, with_queue, without = tmp_path / "log", Bulk(), Bulk()
    try:
        weir.pipeline("main", {"inputs": [tail(log)], "outputs": [
            {"elasticsearch": {"urls": [server.url], "index": "i", "linger": "1ms", **buffer}}
            for server, buffer in ((with_queue, {"buffer": "16MiB"}), (without, {}))]})
        for start in range(0, 3000, 500):
            write(log, start, 500)
            weir.start()
            wait_until(lambda first=start: len(with_queue.stored) > first + 100, DEADLINE, "a part")
            weir.kill()
        weir.start()
        for server in (with_queue, without):
            wait_until(lambda which=server: len(which.stored) >= 3000, DEADLINE, "all documents")
        assert with_queue.stored.keys() == without.stored.keys()
        assert sorted(numbers(m.encode() for m in with_queue.messages())) == list(range(3000))
        weir.stop()
    finally:
        with_queue.close()
        without.close()


def test_a_dead_destination_holds_back_neither_source_nor_neighbour(weir, tmp_path, gate):
    log, out = tmp_path / "log", tmp_path / "out"
    weir.configure(memory_limit="8MiB")
    weir.pipeline("main", {"inputs": [tail(log)], "outputs": [
        {"file": {"path": str(out), "format": "line"}}, http(gate.url, buffer="64MiB")]})
    weir.start()
    write(log, 0, 40000, 300)  # 12 MB: more than the memory
    wait_until(lambda: count(out) == 40000, DEADLINE, "the neighbour's lines")
    wait_until(lambda: set(positions(weir).values()) == {log.stat().st_size}, DEADLINE,
               "both positions at the end")
    assert not gate.taken
    assert queue(weir)["buffer"]["bytes"] > 10 << 20
    gate.open.set()
    wait_until(lambda: len(gate.lines()) >= 40000, DEADLINE, "the lines of the queue")
    assert sorted(numbers(gate.lines())) == list(range(40000))
    wait_until(lambda: queue(weir)["in_flight"] == 0, DEADLINE, "the last outcome")
    assert weir.status()["pipelines"][0]["memory"]["peak"] <= 8 << 20
    weir.stop()


def test_what_is_queued_survives_restarts_and_a_kill(weir, tmp_path, gate):
    log = tmp_path / "log"
    weir.configure(shutdown_timeout="200ms")
    weir.pipeline("main", {"inputs": [tail(log)], "outputs": [http(gate.url, buffer="16MiB")]})
    for start in range(0, 3000, 1000):
        write(log, start, 1000)
        weir.start()
        wait_until(lambda: positions(weir) == {"http": log.stat().st_size}, DEADLINE, "the position")
        weir.kill() if start else weir.stop(code=4)
    assert spool(weir, "list")[1][0]["waiting"] == 3000
    log.unlink()  # nobody can read it again
    gate.open.set()
    weir.start()
    wait_until(lambda: len(gate.lines()) >= 3000, DEADLINE, "the lines of the queue")
    assert sorted(numbers(gate.lines())) == list(range(3000))
    weir.stop()
    assert spool(weir, "list")[1][0]["waiting"] == 0
    assert not segments(weir)


def test_once_waits_until_the_queue_is_empty(weir, tmp_path):
    log, out = tmp_path / "log", tmp_path / "out"
    write(log, 0, 5000)
    weir.pipeline("main", {"inputs": [tail(log)], "outputs": [
        {"file": {"path": str(out), "format": "line", "buffer": {"disk": "4MiB"}}}]})
    weir.run_once()
    assert count(out) == 5000
    assert not segments(weir)


def test_only_what_the_output_wants_is_queued(weir, tmp_path, gate):
    log = tmp_path / "log"
    write(log, 0, 100)
    weir.pipeline("main", {"inputs": [tail(log)], "outputs": [
        http(gate.url, buffer="4MiB", when='message =~ "7 $"')]})
    weir.start()
    wait_until(lambda: spool(weir, "list")[1] and spool(weir, "list")[1][0]["waiting"] == 10,
               DEADLINE, "the records in the queue")
    gate.open.set()
    wait_until(lambda: len(gate.lines()) >= 10, DEADLINE, "the records")
    assert sorted(numbers(gate.lines())) == list(range(7, 100, 10))
    weir.stop()


def test_what_is_refused_after_the_queue_is_a_dead_letter_with_its_origin(weir, tmp_path, scripted):
    log, dead = tmp_path / "log", tmp_path / "dead"
    server = scripted(lambda body, number: 400 if b"line 13 " in body else 200)
    write(log, 0, 50)
    weir.pipeline("main", {
        "inputs": [tail(log)], "outputs": [http(server.url, buffer="4MiB", batch_records=1)],
        "dead_letter": [{"file": {"path": str(dead)}}]})
    weir.start()
    wait_until(lambda: len(server.lines()) == 49 and count(dead) == 1, DEADLINE, "all outcomes")
    letter, = records(dead)
    assert letter["line"] == "line 13 " and letter["source"] == str(log)
    assert letter["position"] == log.read_text().index("line 13 ")
    assert letter["stage"] == "http"
    weir.stop()
    assert not segments(weir)


def test_a_replayed_letter_does_not_wait_in_the_queue(weir, tmp_path, scripted):
    log, mended = tmp_path / "log", threading.Event()
    server = scripted(lambda body, number: 200 if mended.is_set() else 400)
    write(log, 0, 50)
    weir.pipeline("main", {"inputs": [tail(log)], "outputs": [http(server.url, buffer="4MiB")]})
    weir.run_once()
    mended.set()
    weir.command("dead", "replay", "-c", weir.config, check=True)
    assert sorted(numbers(server.lines())) == list(range(50))
    assert not segments(weir)


def test_a_record_that_no_queue_can_hold_is_a_dead_letter(weir, tmp_path, scripted):
    log, dead, server = tmp_path / "log", tmp_path / "dead", scripted()
    write(log, 0, 1)
    write(log, 1, 1, 400000)
    write(log, 2, 1)
    weir.pipeline("main", {
        "inputs": [tail(log)], "outputs": [http(server.url, buffer="1MiB")],
        "dead_letter": [{"file": {"path": str(dead)}}]})
    weir.start()
    wait_until(lambda: len(server.lines()) == 2 and count(dead) == 1, DEADLINE, "all outcomes")
    assert records(dead)[0]["reason"] == "too_large_for_buffer"
    assert numbers(server.lines()) == [0, 2]
    weir.stop()


def test_a_full_queue_holds_the_pipeline_back_and_goes_on(weir, tmp_path, gate):
    log = tmp_path / "log"
    weir.configure(memory_limit="8MiB")
    weir.pipeline("main", {"inputs": [tail(log)], "outputs": [http(gate.url, buffer="2MiB")]})
    write(log, 0, 60000, 300)  # 18 MB
    weir.start()
    wait_until(lambda: queue(weir)["buffer"]["bytes"] > 1.8 * (1 << 20), DEADLINE, "a full queue")
    assert sum(path.stat().st_size for path in segments(weir)) <= 2 << 20
    gate.open.set()
    wait_until(lambda: len(gate.lines()) >= 60000, DEADLINE, "all lines")
    assert sorted(numbers(gate.lines())) == list(range(60000))
    assert queue(weir)["lost"] == 0
    weir.stop()


def test_a_queue_may_drop_its_oldest_and_counts_them(weir, tmp_path, gate):
    log = tmp_path / "log"
    weir.pipeline("main", {"inputs": [tail(log)], "outputs": [
        http(gate.url, buffer={"disk": "1MiB", "full": "drop_oldest"})]})
    write(log, 0, 20000, 300)  # 6 MB
    weir.start()
    wait_until(lambda: positions(weir) == {"http": log.stat().st_size}, DEADLINE, "the position")
    assert "spool_lost" in weir.log()
    shown = weir.command("status", "-c", weir.config, check=True).stdout
    assert "lost by its queue" in shown and "KiB of 1.0 MiB" in shown
    gate.open.set()
    wait_until(lambda: queue(weir)["in_flight"] == 0, DEADLINE, "the outcome of the rest")
    got = sorted(set(numbers(gate.lines())))
    assert len(got) + queue(weir)["lost"] == 20000
    assert got[-1] == 19999 and len(got) > 1000
    weir.stop()


def fill_queue(weir, log, gate):
    """An agent at work with 2,000 lines in its queue, on which it does not wait when it stops."""
    weir.configure(shutdown_timeout="200ms")
    weir.pipeline("main", {"inputs": [tail(log)], "outputs": [http(gate.url, buffer="16MiB")]})
    write(log, 0, 2000, 100)
    weir.start()
    wait_until(lambda: positions(weir) == {"http": log.stat().st_size}, DEADLINE, "the position")


def damage(weir, size):
    segment, = segments(weir)
    with open(segment, "r+b") as file:
        file.seek(100_000)
        file.write(b"\xa5" * size)


def test_damage_costs_the_damaged_records_and_is_reported(weir, tmp_path, gate):
    log = tmp_path / "log"
    fill_queue(weir, log, gate)
    weir.stop(code=4)
    damage(weir, 4096)
    code, (found,) = spool(weir, "check")
    assert code == 1 and found["damaged_segments"] == 1 and 15 < found["missing"] < 60
    gate.open.set()
    write(log, 2000, 10)
    weir.start()
    wait_until(lambda: len(gate.lines()) >= 2010 - found["missing"], DEADLINE, "the rest")
    got = sorted(numbers(gate.lines()))
    missing = sorted(set(range(2010)) - set(got))
    assert len(got) == len(set(got)) and len(missing) == found["missing"]
    assert missing == list(range(missing[0], missing[-1] + 1))
    assert "spool_damaged" in weir.log()
    assert queue(weir)["lost"] == found["missing"]
    assert weir.metric("weir_spool_damaged_bytes_total") >= 4096
    weir.stop()


def test_repair_writes_anew_what_is_whole(weir, tmp_path, gate):
    fill_queue(weir, tmp_path / "log", gate)
    assert "an agent uses it" in weir.command("spool", "repair", "-c", weir.config).stderr
    weir.stop(code=4)
    damage(weir, 100)
    assert weir.command("spool", "check", "-c", weir.config).returncode == 1
    code, (found,) = spool(weir, "repair")
    assert code == 0 and found["missing"] > 0
    code, (after,) = spool(weir, "check", "main/http")
    assert code == 0 and after["waiting"] == 2000 - found["missing"]
    gate.open.set()
    weir.start()
    wait_until(lambda: len(gate.lines()) >= after["waiting"], DEADLINE, "the rest")
    assert "spool_damaged" not in weir.log()
    weir.stop()


def test_a_queue_that_lost_its_output_is_named(weir, tmp_path):
    log = tmp_path / "log"
    write(log, 0, 10)
    weir.configure(shutdown_timeout="200ms")
    dead = f"http://127.0.0.1:{free_port()}/"
    weir.pipeline("main", {"inputs": [tail(log)], "outputs": [http(dead, buffer="1MiB")]})
    weir.start()
    wait_until(lambda: segments(weir) and positions(weir) == {"http": log.stat().st_size}, DEADLINE,
               "the queue")
    weir.stop(code=4)
    weir.pipeline("main", {"inputs": [tail(log)], "outputs": [{"null": {}}]})
    weir.start()
    assert "spool_orphan" in weir.log() and "main/http" in weir.log()
    weir.stop()


@pytest.mark.parametrize("section, buffer, words", [
    ("outputs", "1KiB", "buffer"),
    ("outputs", {"disk": "1MiB", "full": "drop_newest"}, "drop_oldest"),
    ("outputs", {"full": "block"}, "disk"),
    ("dead_letter", "1MiB", "has no \"buffer\""),
])
def test_a_wrong_buffer_is_refused_with_its_place(weir, tmp_path, section, buffer, words):
    pipeline = {"inputs": [tail(tmp_path / "log")], "outputs": [{"null": {}}]}
    pipeline[section] = [{"file": {"path": str(tmp_path / "out"), "buffer": buffer}}]
    weir.pipeline("main", pipeline)
    checked = weir.check()
    assert checked.returncode == 1 and words in checked.stdout, checked.stdout

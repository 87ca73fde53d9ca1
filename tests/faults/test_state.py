# SPDX-License-Identifier: MIT
"""The state database damaged, locked, from the future, or on a full disk: nothing is lost."""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile

import pytest

from harness.disk import fill
from harness.process import wait_until
from harness.records import lines
from harness.weir import SLOW

DEADLINE = 30 * SLOW


def pipeline(agent, tmp_path, **more):
    """tail of one log to one file, raw lines."""
    agent.pipeline("main", {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/log"], "start": "beginning"}}],
        "outputs": [{"file": {"path": f"{tmp_path}/out", "format": "line"}}], **more})


def write(path, first, count):
    with open(path, "a", encoding="ascii") as log:
        log.writelines(f"line {number}\n" for number in range(first, first + count))


def expected(first, count):
    return [f"line {number}".encode() for number in range(first, first + count)]


def await_lines(path, count):
    wait_until(lambda: len(lines(path)) >= count, DEADLINE, f"{count} lines in {path}")


def damage(agent):
    """Overwrites the database's first pages; what is still in the WAL goes with it."""
    database = agent.state_dir / "state.db"
    size = database.stat().st_size
    with open(database, "r+b") as file:
        file.write(b"\xa5" * min(size, 8192))
    (agent.state_dir / "state.db-wal").unlink(missing_ok=True)


def set_aside(agent):
    return list(agent.state_dir.glob("state.db.corrupt-*"))


def positions(agent):
    """{source: {output: position}}; nothing when the agent has not made its database yet."""
    listed = agent.command("positions", "list", "-c", agent.config, "--json")
    if "there is no" in listed.stderr:
        return {}
    assert listed.returncode == 0, listed.stderr
    return {found["source"]: found["positions"] for found in json.loads(listed.stdout)["sources"]}


@pytest.fixture
def agent(make_weir):
    return make_weir("weir")


# ---- damaged ----


def run_then_damage(agent, tmp_path):
    write(tmp_path / "log", 0, 100)
    agent.run_once()
    assert lines(tmp_path / "out") == expected(0, 100)
    damage(agent)
    write(tmp_path / "log", 100, 50)


def test_a_corrupt_database_stops_its_pipelines_until_the_user_decides(agent, tmp_path):
    pipeline(agent, tmp_path)
    run_then_damage(agent, tmp_path)
    for _ in range(2):  # the next start must not take the new database for a first run
        failed = agent.run_once(check=False)
        assert failed.returncode != 0
        assert "on_corrupt_state" in failed.stderr
        assert lines(tmp_path / "out") == expected(0, 100)
    assert len(set_aside(agent)) == 1
    pipeline(agent, tmp_path, on_corrupt_state="beginning")
    agent.run_once()
    assert lines(tmp_path / "out") == expected(0, 100) + expected(0, 150)


def test_beginning_reads_again_once_and_not_at_every_start(agent, tmp_path):
    pipeline(agent, tmp_path, on_corrupt_state="beginning")
    run_then_damage(agent, tmp_path)
    assert "state_reset" in agent.run_once().stderr
    assert lines(tmp_path / "out") == expected(0, 100) + expected(0, 150)
    assert "state_reset" not in agent.run_once().stderr
    assert len(lines(tmp_path / "out")) == 250


def test_end_skips_what_is_there_and_takes_what_comes(agent, tmp_path):
    pipeline(agent, tmp_path, on_corrupt_state="end")
    run_then_damage(agent, tmp_path)
    agent.start()
    wait_until(lambda: set_aside(agent) and positions(agent), DEADLINE, "a new position")
    write(tmp_path / "log", 150, 10)
    await_lines(tmp_path / "out", 110)
    agent.stop()
    assert lines(tmp_path / "out") == expected(0, 100) + expected(150, 10)


# ---- refused ----


def test_a_newer_schema_is_refused_and_left_alone(agent, tmp_path):
    pipeline(agent, tmp_path)
    write(tmp_path / "log", 0, 10)
    agent.run_once()
    with sqlite3.connect(agent.state_dir / "state.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    failed = agent.run_once(check=False)
    assert failed.returncode == 1
    assert "newer weir" in failed.stderr
    with sqlite3.connect(agent.state_dir / "state.db") as database:
        assert database.execute("PRAGMA user_version").fetchone() == (99,)
        assert database.execute("SELECT count(*) FROM positions").fetchone() == (1,)
    database.close()


def test_a_second_agent_on_the_folder_is_refused_and_told_who_has_it(agent, tmp_path):
    pipeline(agent, tmp_path)
    write(tmp_path / "log", 0, 10)
    agent.start()
    await_lines(tmp_path / "out", 10)
    failed = agent.run_once(check=False)
    assert failed.returncode == 1
    assert f"process {agent.process.pid}" in failed.stderr
    agent.stop()


@pytest.mark.parametrize("make, words", [
    (lambda path: None, "the folder above it doesn't exist"),
    (lambda path: (path.parent.mkdir(), path.write_text("")), "Not a directory"),
])
def test_a_state_folder_that_can_not_be_is_named(agent, tmp_path, make, words):
    folder = pathlib.Path(tmp_path / "above/state")
    make(folder)
    agent.configure(state_dir=str(folder))
    pipeline(agent, tmp_path)
    failed = agent.run_once(check=False)
    assert failed.returncode == 1
    assert words in failed.stderr and str(folder) in failed.stderr


# ---- locked and full ----


def test_a_locked_database_holds_no_line_back_and_is_made_up_for(agent, tmp_path):
    pipeline(agent, tmp_path)
    write(tmp_path / "log", 0, 10)
    agent.start()
    wait_until(lambda: positions(agent).get(f"{tmp_path}/log") == {"file": 70}, DEADLINE,
               "the position")
    other = sqlite3.connect(agent.state_dir / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write(tmp_path / "log", 10, 90)
    await_lines(tmp_path / "out", 100)
    wait_until(lambda: "state_stalled" in agent.log(), DEADLINE, "the stall in the log")
    assert "locked by another program" in agent.log()
    other.execute("ROLLBACK")
    other.close()
    wait_until(lambda: positions(agent)[f"{tmp_path}/log"] == {"file": 790}, DEADLINE,
               "the position")
    assert agent.log().count("state_stalled") == 1
    agent.kill()
    agent.run_once()
    assert lines(tmp_path / "out") == expected(0, 100)


def stall(agent, log, written, arrived):
    """Writes on a full disk until a commit fails, each time until arrived(lines written)."""
    while "state_stalled" not in agent.log():  # each commit takes a little of the WAL's own room
        write(log, written, 10)
        written += 10
        arrived(written)
        assert written < 20000
    return written


def test_positions_on_a_full_disk_are_made_up_for(agent, tmp_path, small_disk):
    agent.state_dir = small_disk / "state"
    agent.configure(state_dir=str(agent.state_dir))
    pipeline(agent, tmp_path)
    write(tmp_path / "log", 0, 10)
    agent.start()
    wait_until(lambda: positions(agent).get(f"{tmp_path}/log") == {"file": 70}, DEADLINE,
               "the position")
    ballast = fill(small_disk)
    written = stall(agent, tmp_path / "log", 10, lambda written: await_lines(tmp_path / "out", written))
    assert "free some space" in agent.log()
    ballast.unlink()
    size = (tmp_path / "log").stat().st_size
    wait_until(lambda: positions(agent)[f"{tmp_path}/log"] == {"file": size}, DEADLINE,
               "the position")
    agent.kill()
    agent.run_once()
    assert lines(tmp_path / "out") == expected(0, written)


def append_mebibytes(path, mebibytes):
    """Returns how many lines that makes."""
    block = b"".join(b"%063d\n" % number for number in range(1 << 14))
    with open(path, "ab") as log:
        for _ in range(mebibytes):
            log.write(block)
    return mebibytes << 14


def test_reading_stops_while_what_is_delivered_can_not_be_noted(make_weir, tmp_path, small_disk):
    """Without it a crash after hours of a full disk would send all of them again."""
    agent = make_weir(admin=True, state_dir=str(small_disk / "state"), memory_limit="32MiB")
    agent.state_dir = small_disk / "state"
    pipeline(agent, tmp_path, outputs=["null"])
    write(tmp_path / "log", 0, 10)
    agent.start()
    wait_until(lambda: positions(agent).get(f"{tmp_path}/log") == {"null": 70}, DEADLINE,
               "the position")
    ballast = fill(small_disk)
    written = stall(agent, tmp_path / "log", 10, lambda written: wait_until(
        lambda: agent.metric("weir_input_records_total") >= written, DEADLINE, "the lines"))
    before = (tmp_path / "log").stat().st_size
    count = append_mebibytes(tmp_path / "log", 256)
    wait_until(lambda: "reading_paused" in agent.log(), DEADLINE, "the pause in the log")
    # One commit's worth, and what memory_limit let in before that was delivered.
    wait_until(lambda: not agent.metric("weir_output_in_flight_records"), DEADLINE, "the outcomes")
    assert agent.metric("weir_input_bytes_total") < before + ((64 + 32 + 8) << 20)
    assert agent.get("/health")[0] == 503
    ballast.unlink()
    size = (tmp_path / "log").stat().st_size
    wait_until(lambda: positions(agent)[f"{tmp_path}/log"] == {"null": size}, DEADLINE,
               "the position")
    assert agent.metric("weir_input_records_total") == written + count
    assert agent.get("/health")[0] == 200
    agent.stop()


def test_a_dead_letter_on_a_full_disk_stops_the_reading_until_there_is_room(make_weir, tmp_path,
                                                                            make_disk):
    agent, disk = make_weir(admin=True, memory_limit="4MiB"), make_disk("24m")
    log, letters, total = tmp_path / "log", disk / "dead.jsonl", 50000
    agent.pipeline("main", {
        "inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
        "filters": [{"parse": {"format": "combined", "on_error": "dead_letter"}}],
        "outputs": ["null"], "dead_letter": [{"file": {"path": str(letters)}}]})
    ballast = fill(disk)
    write(log, 0, total)
    agent.start()
    wait_until(lambda: "no room for" in agent.log(), DEADLINE, "the stall in the log")
    wait_until(lambda: agent.get("/health")[0] == 503, DEADLINE, "a bad health")
    # What memory_limit lets in is read; then nothing more.
    wait_until(lambda: agent.metric("weir_memory_used_bytes") > 3 << 20, DEADLINE, "full memory")
    assert agent.metric("weir_input_records_total") < total
    ballast.unlink()
    wait_until(lambda: agent.metric("weir_output_records_total", dead_letter="file") == total,
               DEADLINE, "all letters")
    agent.stop()
    assert sorted(json.loads(letter)["line"].encode() for letter in lines(letters)) == sorted(
        expected(0, total))


def test_an_output_on_a_full_disk_waits_and_leaves_no_half_line(agent, tmp_path, small_disk):
    agent.pipeline("main", {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/log"], "start": "beginning"}}],
        "outputs": [{"file": {"path": f"{small_disk}/out", "format": "line"}}]})
    ballast = fill(small_disk)
    write(tmp_path / "log", 0, 20000)
    agent.start()
    wait_until(lambda: "no room for" in agent.log(), DEADLINE, "the stall in the log")
    assert (small_disk / "out").read_bytes()[-1:] in (b"", b"\n")
    os.truncate(ballast, 100 * 1024)
    await_lines(small_disk / "out", 20000)
    agent.stop()
    assert lines(small_disk / "out") == expected(0, 20000)


def test_a_state_folder_that_is_moved_away_is_said_and_made_up_for(agent, tmp_path):
    pipeline(agent, tmp_path)
    write(tmp_path / "log", 0, 10)
    agent.start()
    wait_until(lambda: positions(agent).get(f"{tmp_path}/log") == {"file": 70}, DEADLINE,
               "the position")
    agent.state_dir.rename(tmp_path / "away")
    write(tmp_path / "log", 10, 10)
    await_lines(tmp_path / "out", 20)
    wait_until(lambda: "state.db was removed or replaced" in agent.log(), DEADLINE, "the alarm")
    (tmp_path / "away").rename(agent.state_dir)
    wait_until(lambda: "positions are saved again" in agent.log(), DEADLINE, "the end of the alarm")
    agent.kill()
    agent.run_once()
    assert lines(tmp_path / "out") == expected(0, 20)


# ---- seen by the user ----


def test_positions_are_listed_for_a_user_who_may_only_read(agent, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    pipeline(agent, tmp_path)
    write(tmp_path / "log", 0, 10)
    agent.run_once()
    agent.state_dir.chmod(0o755)
    copy = pathlib.Path(tempfile.mkdtemp(prefix="weir-"))  # pytest's own folders are closed to others
    try:
        copy.chmod(0o755)
        shutil.copytree(agent.state_dir, copy / "state")
        (copy / "weir.yaml").write_text(f"state_dir: {copy}/state\n")
        listed = subprocess.run([agent.binary, "positions", "list", "-c", copy / "weir.yaml"],
                                user=65534, group=65534, extra_groups=[], capture_output=True,
                                text=True, check=False)
        assert listed.returncode == 0 and " 70\n" in listed.stdout, listed.stderr
    except PermissionError:
        pytest.skip(f"another user can't reach {agent.binary}")
    finally:
        shutil.rmtree(copy)


def test_a_file_name_cannot_act_on_the_terminal(agent, tmp_path):
    (tmp_path / "logs").mkdir()
    name = "a\nb\x1b[2J\u009b2J\u202ex\u00e4"
    write(tmp_path / "logs" / name, 0, 10)
    agent.pipeline("main", {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/logs/*"], "start": "beginning"}}],
        "outputs": [{"file": {"path": f"{tmp_path}/out", "format": "line"}}]})
    agent.run_once()
    shown = agent.command("positions", "list", "-c", agent.config, check=True).stdout
    assert f"{tmp_path}/logs/a?b?[2J??2J???x\u00e4\n" in shown
    listed = json.loads(agent.command("positions", "list", "-c", agent.config, "--json").stdout)
    assert [source["source"] for source in listed["sources"]] == [f"{tmp_path}/logs/{name}"]


def test_positions_are_listed_while_the_agent_runs(agent, tmp_path):
    pipeline(agent, tmp_path)
    write(tmp_path / "log", 0, 10)
    agent.start()
    wait_until(lambda: positions(agent).get(f"{tmp_path}/log") == {"file": 70}, DEADLINE,
               "the position")
    shown = agent.command("positions", "list", "-c", agent.config, check=True).stdout
    assert "main/tail" in shown and f"{tmp_path}/log" in shown and " 70\n" in shown
    agent.stop()

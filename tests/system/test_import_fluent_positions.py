# SPDX-License-Identifier: MIT
"""`weir import fluent-bit` goes on where the `DB` of a tail input says that Fluent Bit stopped."""
import json
import os
import sqlite3

import pytest

from harness import fluent_bit
from harness.fake_aws import FakeAws
from harness.process import wait_until

# 32 bytes, and their XXH3_64bits as a row of Fluent Bit 5.1.1 has it.
BLOCK = "0123456789abcdef0123456789abcde\n"
MARKER = (5634350211249106412, 32)


class Move:
    """A Fluent Bit that follows logs/ into out.jsonl, and its positions."""

    def __init__(self, weir, folder):
        self.weir, self.folder = weir, folder
        self.logs, self.database, self.config = folder / "logs", folder / "tail.db", folder / "fb.conf"
        self.logs.mkdir()
        self.configure()

    def configure(self, path="app.log*", **more):
        keys = {"path": self.logs / path, "db": self.database, "tag": "app", **more}
        self.config.write_text("[INPUT]\n name tail\n" + "".join(
            f" {key} {value}\n" for key, value in keys.items()) +
            f"[OUTPUT]\n name file\n match *\n path {self.folder}\n file out.jsonl\n")

    def log(self, name, text):
        (self.logs / name).write_text(text)
        return self.logs / name

    def append(self, name, text):
        with open(self.logs / name, "a", encoding="ascii") as log:
            log.write(text)

    def note(self, name, offset, **other):
        fluent_bit.note(self.database, self.logs / name, offset, **other)
        self.last_written(0)

    def last_written(self, at):
        """Whatever was made after that, it has not seen."""
        os.utime(self.database, (at, at))

    def run(self, *arguments, code=0):
        """Imports; the notes, and {name: position} of what was placed."""
        result = self.weir.command("import", "fluent-bit", "-c", self.weir.config, self.config, "--json",
                                   *arguments)
        assert result.returncode == code, result.stdout + result.stderr
        (pipeline,) = json.loads(result.stdout)["pipelines"]
        return ([note["text"] for note in pipeline["notes"] if "without the tag" not in note["text"]],
                {os.path.relpath(p["path"], self.logs): p["position"] for p in pipeline["positions"]})

    def sent(self):
        out = self.folder / "out.jsonl"
        return sorted(json.loads(line)["log"] for line in out.read_text().splitlines()) \
            if out.exists() else []

    def ship(self):
        self.weir.run_once()
        return self.sent()


@pytest.fixture
def move(weir, tmp_path):
    return Move(weir, tmp_path)


FAR_FUTURE = 4_000_000_000


def test_every_file_is_continued_and_a_new_one_read_whole(move):
    move.log("app.log", "sent\nnot yet\n")
    move.log("app.log.1", "all sent\n")
    move.log("app.log.2", "nothing sent\n")
    move.log("app.log.3", "new\n")
    move.note("app.log", 5)
    move.note("app.log.1", 9, rotated=1)
    move.note("app.log.2", 0)
    move.last_written(FAR_FUTURE)
    notes, positions = move.run()
    assert positions == {"app.log": 5, "app.log.1": 9, "app.log.2": 0} and notes == []
    assert move.ship() == ["new", "not yet", "nothing sent"]
    move.append("app.log", "more\n")
    assert move.ship() == ["more", "new", "not yet", "nothing sent"]


def test_what_was_rotated_while_neither_ran_is_read_to_its_end(move):
    move.configure(path="app.log")
    move.log("app.log.2", "before its time\n")
    move.log("app.log", "sent\nnot yet\n")
    move.note("app.log", 5)
    os.rename(move.logs / "app.log", move.logs / "app.log.1")
    move.log("app.log", "new\n")
    move.last_written(FAR_FUTURE)
    assert move.run()[1] == {"app.log.1": 5}
    assert move.ship() == ["new", "not yet"]


def test_what_was_made_and_rotated_while_neither_ran_is_read_whole(move):
    move.configure(path="app.log")
    move.log("app.log", "sent\nnot yet\n")
    move.note("app.log", 5)
    os.rename(move.logs / "app.log", move.logs / "app.log-20261124")
    move.log("app.log-20261125", "made and rotated\n")
    move.log("app.log", "new\n")
    assert move.run()[1] == {"app.log": 0, "app.log-20261124": 5, "app.log-20261125": 0}
    assert move.ship() == ["made and rotated", "new", "not yet"]


def test_a_file_that_is_shorter_is_read_whole(move):
    move.log("app.log", "short\n")
    move.note("app.log", 100)
    notes, positions = move.run()
    assert positions == {"app.log": 0} and "truncated" in notes[0]
    assert move.ship() == ["short"]


@pytest.mark.parametrize("text, sent", [(BLOCK + "rest\n", ["rest"]),
                                        (BLOCK.upper() + "rest\n", [BLOCK.upper().strip(), "rest"])])
def test_a_file_that_grew_again_is_told_by_its_text(move, text, sent):
    move.log("app.log", text)
    move.note("app.log", len(BLOCK), marker=MARKER)
    notes, _ = move.run()
    assert len(notes) == len(sent) - 1
    assert move.ship() == sorted(sent)


def test_files_that_are_gone_are_told_and_the_others_continued(move):
    move.log("app.log", "sent\nnot yet\n")
    move.note("app.log", 5)
    move.note("app.log.8", 77, inode=1)
    move.note("app.log.9", 77, inode=2)
    notes, positions = move.run()
    assert positions == {"app.log": 5}
    assert len(notes) == 1 and "2 of its files are gone" in notes[0] and "app.log.8" in notes[0]


def test_the_newest_row_of_a_file_counts(move):
    move.log("app.log", "sent\nnot yet\n")
    move.note("app.log.old", 0, inode=os.stat(move.logs / "app.log").st_ino)
    move.note("app.log", 5)
    assert move.run()[1] == {"app.log": 5}


def test_another_link_to_a_file_is_no_other_file(move):
    move.log("app.log", "sent\nnot yet\n")
    os.link(move.logs / "app.log", move.logs / "app.log.link")
    move.note("app.log", 5)
    move.run()
    assert move.ship() == ["not yet"]


def test_a_name_that_nothing_follows_is_listed_when_it_has_more(move):
    move.configure(path="app.log")
    move.log("elsewhere", "sent\nnot yet\n")
    fluent_bit.note(move.database, move.logs / "app.log", 5,
                    inode=os.stat(move.logs / "elsewhere").st_ino)
    (note,), positions = move.run(code=3)
    assert positions == {} and "read to 5 of its 13 bytes" in note
    fluent_bit.note(move.database, move.logs / "app.log", 13,
                    inode=os.stat(move.logs / "elsewhere").st_ino)
    assert move.run("--force")[0] == []


def test_with_an_empty_database_all_is_new(move):
    move.log("app.log", "new\n")
    move.note("app.log", 0, inode=1)
    with sqlite3.connect(move.database) as database:
        database.execute("delete from in_tail_files")
    database.close()
    assert move.run() == ([], {})
    assert move.ship() == ["new"]


def test_without_one_it_begins_as_a_new_pipeline(move):
    (note,), positions = move.run()
    assert positions == {} and "there are no positions" in note and "--positions" in note


def test_the_database_may_be_elsewhere(move):
    move.log("app.log", "sent\nnot yet\n")
    move.note("app.log", 5)
    move.configure(db="/nowhere/tail.db")
    assert move.run("--positions", move.database)[1] == {"app.log": 5}


@pytest.mark.parametrize("text", ["no database\n" * 100, ""])
def test_a_file_of_no_positions_is_an_error(move, text):
    move.database.write_text(text)
    result = move.weir.command("import", "fluent-bit", "-c", move.weir.config, move.config)
    assert result.returncode == 1 and f"positions in {move.database} can't be read" in result.stderr


def test_what_a_killed_one_left_in_its_write_ahead_log_counts(move):
    move.log("app.log", "sent\nnot yet\n")
    move.note("app.log", 0)
    database = sqlite3.connect(move.database)
    database.execute("pragma journal_mode=wal")
    database.execute("update in_tail_files set offset = 5")
    database.commit()
    assert move.run()[1] == {"app.log": 5}
    database.close()


def test_the_service_goes_on_from_there(move):
    move.log("app.log", "sent\n")
    move.note("app.log", 5)
    move.run()
    move.weir.start()
    move.append("app.log", "after\n")
    wait_until(lambda: move.sent() == ["after"], what="the line after the move")
    move.weir.stop()


def test_a_real_one_is_continued_without_loss_or_repeat(move):
    sink = FakeAws(lambda request, number: (200, {}))
    move.configure(read_from_head="on", refresh_interval=1)
    (move.folder / "beside.conf").write_text(f"""[SERVICE]
 flush 0.2
{move.config.read_text().partition("[OUTPUT]")[0]}[OUTPUT]
 name http
 match *
 host 127.0.0.1
 port {sink.server.server_port}
 format json_lines
""")
    move.log("app.log", BLOCK * 2 + "begun")
    move.log("app.log.1", "old\n")
    there = {str(move.logs / "app.log"): len(BLOCK) * 2, str(move.logs / "app.log.1"): 4}

    def all_sent():
        return (fluent_bit.rows(move.database) == there and
                b"".join(request.body for request in sink.seen()).count(b'"log"') == 3)

    fluent_bit.run_until(move.folder / "beside.conf", all_sent, move.folder / "fluent-bit.log")
    sink.close()
    move.append("app.log", " and done\n")
    os.rename(move.logs / "app.log.1", move.logs / "app.log.2")
    os.rename(move.logs / "app.log", move.logs / "app.log.1")
    move.log("app.log", "new\n")
    notes, positions = move.run()
    assert positions == {"app.log": 0, "app.log.1": len(BLOCK) * 2, "app.log.2": 4} and notes == []
    assert move.ship() == ["begun and done", "new"]

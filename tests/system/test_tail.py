# SPDX-License-Identifier: MIT
"""What tail makes of the text of files, and of files that are none."""
import json
import os
import pathlib
import re
import time

import pytest

from harness.process import pace, wait_until, watch_for
from harness.records import records
from harness.weir import SLOW
from follow import Follow, numbered, numbers

MIB = 1 << 20


@pytest.fixture
def follow(make_weir, tmp_path):
    def make(*args, **options):
        return Follow(make_weir(), tmp_path, *args, **options)
    return make


@pytest.fixture
def once(follow):
    """once(bytes, **options): the messages that one run makes of a file."""
    def make(text, **options):
        f = follow(**options)
        f.write(text)
        f.weir.run_once()
        return f.messages()
    return make


def reads(weir):
    """Calls of read() and its kin by the workers so far."""
    total = 0
    for task in pathlib.Path(f"/proc/{weir.process.pid}/task").iterdir():
        if (task / "comm").read_text().startswith("weir-work"):
            total += int(re.search(r"syscr: (\d+)", (task / "io").read_text())[1])
    return total


# ---- pace ----

def patient(follow):
    """A running agent, whose output lingers long enough for files to be read at a pace."""
    f = follow()
    f.configure("1s")
    f.write(numbered(1, 1))
    f.start()
    f.wait(1)
    return f


def test_a_file_that_grows_all_the_time_is_read_a_few_milliseconds_apart(follow):
    f = patient(follow)
    before, began = reads(f.weir), time.monotonic()
    for line in range(2, 1002):
        f.write(numbered(line, line))
        pace(began + line / 1000)
    paced = reads(f.weir) - before
    turns = (time.monotonic() - began) / 0.005
    assert len(f.wait(1001)) == 1001
    assert 0 < paced < 2 * turns + 60, f"{paced} reads in {turns:.0f} times 5 ms"


def test_nothing_waits_when_a_file_beside_it_may_be_its_copy(follow):
    f = patient(follow)
    f.write("copy", "app.log.1")

    def most_lines_are_read_before_a_rest_would_end():
        swift = 0
        for _ in range(50):
            before, written = reads(f.weir), time.monotonic()
            f.write("line\n")
            wait_until(lambda: reads(f.weir) > before, 10 * SLOW, "reading", 0.0005)
            swift += time.monotonic() - written < 0.004
        return swift > 40

    wait_until(most_lines_are_read_before_a_rest_would_end, 20, "reading at once")


# ---- where reading begins ----

def test_start_end_passes_over_what_was_there_at_the_very_first_run_only(follow):
    f = follow(start="end")
    f.write(numbered(1, 10))
    f.start()
    f.write(numbered(11, 20))
    f.write(numbered(21, 30), "later.log")
    f.wait(20)
    f.weir.stop()
    f.write(numbered(31, 40), "away.log")
    f.start()
    assert sorted(numbers(f.wait(30))) == list(range(11, 41))


def test_start_end_reads_a_line_that_is_being_written_whole(follow):
    f = follow(start="end")
    f.write("before\nunfini")
    f.start()
    f.write("shed\n")
    assert f.wait(1) == ["unfinished"]


def test_once_ships_what_is_there_and_the_next_run_what_came_after(make_weir, tmp_path):
    f = Follow(make_weir(), tmp_path)
    f.weir.pipeline("follow", {
        "inputs": [{"tail": {"paths": [str(f.logs / "*.log")]}}],
        "outputs": [{"file": {"path": str(f.out)}}]})
    f.write("one\ntwo\nthree")
    f.weir.run_once()
    assert f.messages() == ["one", "two", "three"]
    f.write("\nfour\n")
    f.weir.run_once()
    f.weir.run_once()
    assert f.messages() == ["one", "two", "three", "four"]


# ---- which files ----

def test_patterns_and_excludes_choose_the_files(follow):
    f = follow(("{a,b}/[0-9]?.log", "**/deep.log"), exclude=["b/12.log", "*13.log", str("/nowhere/*")])
    for name in ("a/11.log", "a/1.log", "a/x1.log", "b/13.log", "b/14.log", "c/11.log",
                 "deep.log", "c/d/deep.log", "c/.hidden/deep.log", "a/11.log.gz"):
        f.path(name).parent.mkdir(parents=True, exist_ok=True)
        f.write(name + "\n", name)
    f.weir.run_once()
    assert sorted(f.messages()) == ["a/11.log", "b/14.log", "c/d/deep.log", "deep.log"]


def test_ignore_older_leaves_out_old_files_until_they_are_written_to(follow):
    f = follow(ignore_older="1h")
    f.write("old\n")
    os.utime(f.path(), (time.time() - 7200,) * 2)
    f.write("new\n", "new.log")
    f.start()
    assert f.wait(1) == ["new"]
    f.write("touched\n")
    assert f.wait(3) == ["new", "old", "touched"]


def test_a_missing_file_is_followed_when_it_comes(follow):
    f = follow(("there.log", "missing/not.log")).start()
    assert f"no file matches {f.path('there.log')} (or the other patterns) yet" in f.weir.log()
    f.write("a\n", "there.log")
    f.wait(1)
    f.path("missing").mkdir()
    f.write("b\n", "missing/not.log")
    assert f.wait(2) == ["a", "b"]


def test_a_folder_in_place_of_a_file_is_told_of_and_the_others_are_read(follow):
    f = follow()
    f.path("dir.log").mkdir()
    f.write("a\n")
    f.start()
    f.wait(1)
    assert f"{f.path('dir.log')} is a folder; to read the files in it write" in f.weir.log()


def test_a_pipe_in_place_of_a_file_is_left_alone(follow):
    f = follow()
    os.mkfifo(f.path("pipe.log"))
    f.write("a\n")
    f.start()
    f.wait(1)
    assert "is no regular file" in f.weir.log()


def test_an_unreadable_file_is_told_of_with_the_remedy_and_read_once_it_can_be(make_weir, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to run the agent as somebody else")
    agent = make_weir("agent")
    wrapper = tmp_path / "as-nobody"
    wrapper.write_text("#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 --clear-groups "
                       f'{agent.binary} "$@"\n')
    wrapper.chmod(0o755)
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o001 and str(folder).startswith("/tmp/"):
            folder.chmod(0o711)
    agent.binary = wrapper
    f = Follow(agent, tmp_path)
    f.write("secret\n")
    f.path().chmod(0o600)
    f.write("open\n", "open.log")
    for path in (tmp_path, agent.folder):
        os.chown(path, 65534, 65534)
    f.start()
    f.wait(1)
    assert f"can't read {f.path()}: Permission denied; let the agent's user read it" in f.weir.log()
    f.path().chmod(0o644)
    assert sorted(f.wait(2)) == ["open", "secret"]


def test_a_binary_file_is_told_of_and_passed_on(follow):
    f = follow()
    f.write(b"\x7fELF\0\1\2\nmore\n")
    f.weir.run_once()
    assert "looks like a binary file" in f.weir.log()
    assert f.messages()[1] == "more"


# ---- lines ----

def test_empty_lines_and_carriage_returns(once):
    assert once("a\r\n\r\n\nb\n\r\n c \n") == ["a", "b", " c "]


def test_empty_lines_are_kept_if_wanted(once):
    assert once("a\r\n\r\n\nb\n", empty_lines="keep") == ["a", "", "", "b"]


def test_a_mark_at_the_beginning_is_no_text(once):
    assert once(b"\xef\xbb\xbfa\nb\n") == ["a", "b"]


@pytest.mark.parametrize("encoding,mark,option", [
    ("utf-16-le", b"\xff\xfe", "auto"), ("utf-16-be", b"\xfe\xff", "auto"),
    ("utf-16-le", b"", "utf-16le"), ("utf-16-be", b"", "utf-16be")])
def test_utf_16_is_converted(follow, encoding, mark, option):
    f = follow(encoding=option)
    text = "eins\r\nzw\u00f6\u010a\u0d0a\U0001f600\n"  # with bytes 0x0a that are no newlines
    f.write(mark + (text + "half").encode(encoding))
    f.start()
    assert f.wait(2) == ["eins", "zw\u00f6\u010a\u0d0a\U0001f600"]
    f.weir.stop()
    f.write(" line\nlast\n".encode(encoding))
    f.start()
    assert f.wait(4)[2:] == ["half line", "last"]


def test_invalid_utf_8_is_passed_on(once):
    got = once(b"a\xff\xfeb\nc\n")
    assert len(got) == 2 and got[0][0] == "a" and got[0][-1] == "b" and got[1] == "c"


def test_nul_bytes_in_a_line_are_data(once):
    assert once(b"a\0b\n\0c\n") == ["a\0b", "\0c"]


def test_a_hole_that_copytruncate_leaves_is_skipped(follow):
    f = follow().start()
    with open(f.path(), "wb") as writer:  # without O_APPEND: it goes on where it was
        writer.write(numbered(1, 3000).encode())
        writer.flush()
        f.wait(3000)
        os.truncate(f.path(), 0)
        writer.write(numbered(3001, 3010).encode())
        writer.flush()
        assert numbers(f.wait(3010)) == list(range(1, 3011))


def test_a_huge_hole_is_passed_over(follow):
    f = follow()
    f.write("a\n")
    os.truncate(f.path(), 2 + (8 << 30))
    f.write("b\n")
    f.weir.run_once(timeout=20)
    assert f.messages() == ["a", "b"]


def test_a_last_line_without_newline_waits(follow):
    f = follow().start()
    f.write("one\ntwo")
    f.wait(1)
    f.write(" and more\n")
    assert f.wait(2) == ["one", "two and more"]


def test_a_last_line_is_taken_after_its_timeout(follow):
    f = follow(last_line_timeout="300ms").start()
    f.write("one\ntwo")
    assert f.wait(2) == ["one", "two"]
    f.write("\nthree\n")
    assert f.wait(3) == ["one", "two", "three"]


def test_header_lines_are_skipped_in_every_file(follow):
    f = follow(skip_header_lines=2).start()
    f.write("h1\nh2\na\n")
    f.wait(1)
    f.write("h1\n", "b.log")
    f.weir.restart()
    f.write("h2\nb\n", "b.log")
    f.write("a2\n")
    assert sorted(f.wait(3)) == ["a", "a2", "b"]


def test_a_line_of_100_mb_is_cut_and_does_not_stop_the_file(follow):
    f = follow()
    size = 100 * 1000 * 1000
    f.write("before\n" + "x" * size + "\nafter\n")
    f.start()
    wait_until(lambda: f.out.exists() and f.out.read_bytes()[-20:].endswith(b'"after"}\n'), 60 * SLOW,
               "the line after it", 0.2)
    got = f.messages()
    assert got[0] == "before" and got[-1] == "after"
    assert all(set(part) == {"x"} and len(part) <= MIB for part in got[1:-1])
    assert sum(map(len, got[1:-1])) == size


def test_a_long_line_that_grows_slowly_is_cut_too(follow):
    f = follow(max_line="64KiB").start()
    for _ in range(40):
        f.write("y" * 5000)
        pace(time.monotonic() + 0.01)
    f.write("\nafter\n")
    got = f.wait_for("after")
    assert [len(part) for part in got[:-1]] == [65536, 65536, 65536, 200000 - 3 * 65536]


def test_a_line_is_not_cut_within_a_character(once):
    got = once("a" + "\u00e4" * 100 + "\nb\n", max_line=64)
    assert "".join(got[:-1]) == "a" + "\u00e4" * 100


def test_long_lines_go_to_the_dead_letter_if_wanted(make_weir, tmp_path):
    f = Follow(make_weir(), tmp_path)
    dead = tmp_path / "dead.jsonl"
    f.weir.pipeline("follow", {
        "inputs": [{"tail": {"paths": [str(f.logs / "*.log")], "start": "beginning",
                             "max_line": "1KiB", "long_lines": "dead_letter"}}],
        "outputs": [{"file": {"path": str(f.out)}}],
        "dead_letter": [{"file": {"path": str(dead)}}]})
    f.write("before\n" + "x" * 5000 + "\nafter\n")
    f.weir.run_once()
    assert f.messages() == ["before", "after"]
    assert "long_line" in dead.read_text()
    text = "".join(json.dumps(r) for r in records(dead))
    assert text.count("x" * 1024) == 4


# ---- lines that belong together ----

JAVA = """\
2026-11-24 INFO ok
2026-11-24 ERROR failed
java.lang.IllegalStateException: no
\tat a.B.c(B.java:1)
\tat a.B.d(B.java:2)
Caused by: java.io.IOException: disk
\t... 2 more
2026-11-24 INFO again
"""


def test_a_java_trace_is_one_record(once):
    got = once(JAVA, multiline="java")
    assert [m.split("\n")[0] for m in got] == ["2026-11-24 INFO ok", "2026-11-24 ERROR failed",
                                               "2026-11-24 INFO again"]
    assert got[1] == "\n".join(JAVA.split("\n")[1:7])


def test_a_trace_caught_in_the_middle_of_its_writing_is_not_split(follow):
    f = follow(multiline={"preset": "java", "timeout": "1s"}).start()
    lines = JAVA.splitlines(keepends=True)
    for line in lines:
        f.write(line[:5])
        pace(time.monotonic() + 0.05)
        f.write(line[5:])
    got = f.wait(3)
    assert got[1] == "".join(lines[1:7]).rstrip("\n") and len(got) == 3


def test_a_trace_survives_a_kill_in_the_middle_of_its_writing(follow):
    f = follow(multiline={"preset": "java", "timeout": "1s"}).start()
    lines = JAVA.splitlines(keepends=True)
    f.write("".join(lines[:4]))
    f.wait(1)
    f.weir.kill()
    f.start()
    f.write("".join(lines[4:]))
    got = f.wait_for(lines[-1].strip())
    assert "".join(lines[1:7]).rstrip("\n") in got


def test_own_patterns_join_lines(follow, once):
    assert once("a 1\n b\n c\na 2\na 3\n d\n", multiline={"start": "^a"}) == \
        ["a 1\n b\n c", "a 2", "a 3\n d"]


def test_a_group_beyond_its_bound_is_cut_and_nothing_is_lost(once):
    text = "start\n" + "".join(f" {n:09d}\n" for n in range(50000))
    got = once(text, multiline={"start": "^start", "max_bytes": "64KiB"})
    assert "\n".join(got) + "\n" == text
    assert max(map(len, got)) <= 65536


# ---- cost ----

def test_many_idle_files_cost_next_to_nothing(follow):
    f = follow(("**/*.log",), rescan_interval="60s")
    for folder in range(10):
        f.path(str(folder)).mkdir()
        for number in range(300):
            f.write("x\n", f"{folder}/{number}.log")
    f.start()
    f.wait(3000, 30)
    wait_until(lambda: sorted(f.positions()) == [2] * 3000, 10 * SLOW, "the last commits")
    pid = f.weir.process.pid

    def ticks():
        fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before = ticks()
    watch_for(2)
    assert ticks() - before <= 2
    assert len(os.listdir(f"/proc/{pid}/fd")) < 600
    f.write("one more\n", "7/77.log")
    f.wait_for("one more", 2)

# SPDX-License-Identifier: MIT
"""Rotation, in every way that it is done, seen by a running agent and by one that was away."""
import gzip
import os
import resource
import shutil
import subprocess

import pytest

from harness import needs
from harness.process import free_port, wait_until, watch_for
from harness.records import count
from harness.weir import BIN, SLOW
from follow import HOW, Follow, needs_metrics, numbered, numbers


@pytest.fixture
def follow(make_weir, tmp_path):
    def make(*args, **options):
        return Follow(make_weir(), tmp_path, *args, **options)
    return make


@pytest.fixture
def metered(weir, tmp_path):
    """The same with the admin address on, for metrics."""
    needs_metrics()

    def make(*args, **options):
        return Follow(weir, tmp_path, *args, **options)
    return make


# ---- while the agent runs ----

def test_a_renamed_file_is_read_to_its_end_and_its_successor_from_the_beginning(follow):
    f = follow().start()
    f.write(numbered(1, 100))
    f.wait(100)
    with open(f.path(), "a", encoding="utf-8") as old:
        f.path().rename(f.path("app.log.1"))
        old.write(numbered(101, 150))
        old.flush()
        f.write(numbered(201, 250))
        f.wait(200)
        old.write(numbered(151, 200))
        old.flush()
        assert sorted(numbers(f.wait(250))) == list(range(1, 251))


def test_a_file_that_is_renamed_within_the_patterns_is_not_read_again(follow):
    f = follow(("*.log*",)).start()
    f.write(numbered(1, 100))
    f.wait(100)
    f.path().rename(f.path("app.log.1"))
    f.write(numbered(101, 110))
    f.path("app.log.1").rename(f.path("app.log.2"))
    f.write(numbered(111, 120), "app.log.2")
    f.wait(120)
    f.weir.restart()
    f.write(numbered(121, 130))
    assert sorted(numbers(f.wait(130))) == list(range(1, 131))


@pytest.mark.parametrize("paths", [("*.log",), ("*.log*",)], ids=["beside", "within"])
def test_copytruncate_keeps_every_line_once(follow, paths):
    f = follow(paths).start()
    f.write(numbered(1, 500))
    f.wait(500)
    f.pause()  # the agent sees all of it at once
    f.write(numbered(501, 600))
    shutil.copyfile(f.path(), f.path("app.log.1"))
    os.truncate(f.path(), 0)
    f.write(numbered(601, 650))
    f.resume()
    assert sorted(numbers(f.wait(650))) == list(range(1, 651))
    f.write(numbered(651, 660))
    f.wait_for("000660 line")
    assert sorted(numbers(f.messages())) == list(range(1, 661))


def test_a_slow_copy_before_truncation_is_not_read_as_a_new_file(follow):
    f = follow(("*.log*",)).start()
    f.write(numbered(1, 5000))
    f.wait(5000)
    data = f.path().read_bytes()
    with open(f.path("app.log.1"), "wb") as copy:
        for at in range(0, len(data), 10000):
            copy.write(data[at:at + 10000])
            copy.flush()
            f.write(numbered(90000 + at // 10000, 90000 + at // 10000))
    f.wait(5000 + (len(data) + 9999) // 10000)
    os.truncate(f.path(), 0)
    f.write(numbered(99999, 99999))
    f.wait_for("099999 line")
    assert len(f.messages()) == 5000 + (len(data) + 9999) // 10000 + 1


def test_what_copytruncate_loses_is_counted(metered):
    f = metered().start()
    f.write(numbered(1, 10))
    f.wait(10)
    f.write("a line without its end")
    wait_until(lambda: f.weir.metric("weir_input_lag_bytes") > 0, what="lag")
    os.truncate(f.path(), 0)
    f.write(numbered(11, 20))
    assert numbers(f.wait(20)) == list(range(1, 21))
    assert f.weir.metric("weir_tail_lost_bytes_total") == len("a line without its end")


def test_truncation_is_found_although_the_file_has_grown_past_its_old_size(follow):
    f = follow().start()
    f.write(numbered(1, 10))
    f.wait(10)
    f.pause()
    os.truncate(f.path(), 0)
    f.write(numbered(101, 200, "other"))
    f.resume()
    assert numbers(f.wait(110)) == [*range(1, 11), *range(101, 201)]


def test_a_deleted_file_is_read_as_long_as_somebody_writes_to_it(metered):
    f = metered().start()
    with open(f.path(), "a", encoding="utf-8") as writer:
        writer.write(numbered(1, 10))
        writer.flush()
        f.wait(10)
        f.path().unlink()
        for number in range(11, 15):
            writer.write(numbered(number, number))
            writer.flush()
            f.wait(number)
        writer.write("the end")
    assert f.wait(15)[-1] == "the end"
    wait_until(lambda: f.weir.metric("weir_tail_files") == 0, what="end of the source")


def test_a_file_deleted_and_made_again_is_read_whole(follow):
    f = follow().start()
    f.write(numbered(1, 10))
    f.wait(10)
    for round in range(1, 6):
        f.path().unlink()
        f.write(numbered(round * 100 + 1, round * 100 + 10))
        f.wait(10 + round * 10)
    assert len(f.messages()) == 60


def test_a_switched_link_is_followed_to_its_new_target(follow, tmp_path):
    f = follow().start()
    (tmp_path / "elsewhere").mkdir()
    one, two = tmp_path / "elsewhere/one", tmp_path / "elsewhere/two"
    one.write_text(numbered(1, 10))
    f.path().symlink_to(one)
    f.wait(10)
    with open(one, "a", encoding="utf-8") as old:
        old.write(numbered(11, 20))
    f.wait(20)
    two.write_text(numbered(21, 30))
    f.path("new").symlink_to(two)
    f.path("new").rename(f.path())
    f.wait(30)
    with open(two, "a", encoding="utf-8") as new:
        new.write(numbered(31, 40))
    assert numbers(f.wait(40)) == list(range(1, 41))


def test_a_file_with_two_names_is_read_once(follow, tmp_path):
    f = follow()
    f.write(numbered(1, 10))
    os.link(f.path(), f.path("hard.log"))
    f.path("soft.log").symlink_to(f.path())
    f.start()
    f.wait(10)
    os.link(f.path(), f.path("later.log"))
    f.write(numbered(11, 20), "later.log")
    f.wait_for("000020 line")
    assert numbers(f.messages()) == list(range(1, 21))


def test_a_copy_that_stays_is_a_file_of_its_own(follow):
    f = follow(("*.log*",)).start()
    f.write(numbered(1, 100))
    f.wait(100)
    shutil.copyfile(f.path(), f.path("app.log.copy"))
    f.write(numbered(101, 101))
    assert len(f.wait(201, 15)) == 201


def test_files_with_the_same_long_head_are_all_read_whole(follow):
    head = "#" * 3000 + "\n"
    f = follow().start()
    for number in range(1, 6):
        f.write(head + numbered(number * 100, number * 100), f"{number}.log")
        f.wait(2 * number, 15)
    assert [m[:6] for m in f.messages() if m[0] != "#"] == [f"{n * 100:06d}" for n in range(1, 6)]


def test_folders_that_appear_later_are_followed(follow, tmp_path):
    f = follow(("late/deep/*.log", "any/**/x.log")).start()
    (f.logs / "late/deep").mkdir(parents=True)
    f.write(numbered(1, 10), "late/deep/a.log")
    f.wait(10)
    (f.logs / "any/a/b/c").mkdir(parents=True)
    f.write(numbered(11, 20), "any/a/b/c/x.log")
    f.wait(20)
    f.write(numbered(21, 30), "any/x.log")
    assert numbers(f.wait(30)) == list(range(1, 31))


def test_a_folder_that_is_removed_and_made_again_is_followed(follow):
    f = follow(("d/*.log",))
    (f.logs / "d").mkdir()
    f.start()
    f.write(numbered(1, 10), "d/a.log")
    f.wait(10)
    for round in range(1, 4):
        shutil.rmtree(f.logs / "d")
        (f.logs / "d").mkdir()
        f.write(numbered(round * 10 + 1, round * 10 + 10), "d/a.log")
        f.wait(round * 10 + 10)
    assert numbers(f.messages()) == list(range(1, 41))


def test_a_renamed_folder_is_followed_under_its_new_name(follow):
    f = follow(("*/a.log",))
    (f.logs / "one").mkdir()
    f.start()
    f.write(numbered(1, 10), "one/a.log")
    f.wait(10)
    (f.logs / "one").rename(f.logs / "two")
    f.write(numbered(11, 20), "two/a.log")
    assert numbers(f.wait(20)) == list(range(1, 21))


def test_an_overflow_of_the_event_queue_loses_nothing(follow):
    limit = int(open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii").read())
    if limit > 50000:
        pytest.skip(f"the queue holds {limit} events")
    f = follow().start()
    f.write(numbered(1, 10))
    f.wait(10)
    f.pause()
    for number in range(limit // 2 + 100):
        path = f.path(f"{number}.tmp")
        path.touch()
        path.unlink()
    f.write(numbered(11, 20))
    f.write(numbered(21, 30), "new.log")
    f.resume()
    f.wait_log("overflow")
    assert sorted(numbers(f.wait(30))) == list(range(1, 31))


def test_few_descriptors_are_enough_for_many_files(follow):
    f = follow(max_open_files=4).start()
    for round in range(3):
        for number in range(30):
            f.write(f"{round} {number}\n", f"{number}.log")
        f.wait((round + 1) * 30)
    fds = f"/proc/{f.weir.process.pid}/fd"

    def open_logs():
        return sum(os.path.exists(p) and os.readlink(p).startswith(str(f.logs))
                   for p in (f"{fds}/{fd}" for fd in os.listdir(fds)))
    wait_until(lambda: open_logs() <= 6, what="closing of idle files")
    for number in range(30):  # closed files, moved and written to
        f.path(f"{number}.log").rename(f.path(f"{number}.log.1"))
        f.write(f"old {number}\n", f"{number}.log.1")
        f.write(f"new {number}\n", f"{number}.log")
    f.wait(150)
    assert len(set(f.messages())) == len(f.messages()) == 150


def test_idle_files_make_room_when_descriptors_run_out(follow):
    f = follow(rescan_interval="100ms").start()
    f.write("first\n")
    f.wait(1)
    pid = f.weir.process.pid
    limit = len(os.listdir(f"/proc/{pid}/fd")) + 8
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
    for number in range(60):
        f.write(f"{number}\n", f"{number}.log")
    assert sorted(f.wait(61, 30)) == sorted(["first", *map(str, range(60))])
    assert "Too many open files" not in f.weir.log()


def test_all_files_are_there_from_the_start_though_descriptors_are_few(make_weir, tmp_path):
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -n 64\nexec {BIN} "$@"\n')
    limited.chmod(0o755)
    f = Follow(make_weir(binary=limited), tmp_path, start="end")
    names = [f"{number}.log" for number in range(1000)]
    for name in names:
        f.write("old\n", name)
    f.start()
    for name in names:
        f.write(f"new {name}\n", name)
    assert sorted(f.wait(1000, 30)) == sorted(f"new {name}" for name in names)
    for name in names[:100]:
        f.path(name).rename(f.path(name + ".1"))
        f.write(f"late {name}\n", name + ".1")
    f.weir.restart()
    assert sorted(f.wait(1100, 30)[1000:]) == sorted(f"late {name}" for name in names[:100])
    assert "Too many open files" not in f.weir.log()


def test_a_killed_agent_leaves_nothing_among_the_temporary_files(follow, tmp_path):
    f = follow()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    f.weir.env["TMPDIR"] = str(temporary)
    f.start()
    f.write("one\n")
    f.wait(1)
    f.weir.kill()
    assert not list(temporary.iterdir())


def rotate(f, depth=3):
    """As logrotate does it, by renaming."""
    for number in range(depth, 0, -1):
        source = f.path(f"app.log.{number - 1}" if number > 1 else "app.log")
        if source.exists():
            source.rename(f.path(f"app.log.{number}"))


def test_files_that_come_and_go_faster_than_the_agent_looks_are_read(follow):
    f = follow().start()
    f.write(numbered(1, 10))
    f.wait(10)
    f.pause()
    for round in range(1, 4):
        rotate(f, 5)
        f.write(numbered(round * 10 + 1, round * 10 + 10))
    f.resume()
    assert sorted(numbers(f.wait(40))) == list(range(1, 41))


def test_rotated_files_from_before_the_first_run_are_left_alone(follow):
    f = follow()
    f.write("old\n", "app.log.1")
    f.path("app.log.2.gz").write_bytes(gzip.compress(b"older\n"))
    f.write(numbered(1, 10))
    f.start()
    f.wait(10)
    rotate(f)
    f.write(numbered(11, 20))
    f.wait(20)
    f.weir.restart()
    f.write(numbered(21, 30))
    assert sorted(numbers(f.wait(30))) == list(range(1, 31))


def test_a_backup_beside_a_file_is_not_read(follow):
    f = follow().start()
    f.write(numbered(1, 10))
    f.wait(10)
    shutil.copyfile(f.path(), f.path("app.log.20261124"))
    for number in range(11, 14):
        watch_for(0.7)
        f.write(numbered(number, number))
    f.weir.restart()
    f.write(numbered(14, 14))
    assert numbers(f.wait_for("000014 line")) == list(range(1, 15))


def test_a_file_moved_out_of_sight_is_read_to_its_end_and_not_again_when_it_returns(metered,
                                                                                    tmp_path):
    f = metered(rescan_interval="300ms").start()
    with open(f.path(), "a", encoding="utf-8") as writer:
        writer.write(numbered(1, 10))
        writer.flush()
        f.wait(10)
        f.path().rename(tmp_path / "archived")
        for number in range(11, 13):
            watch_for(0.5)  # a rescan does not find it
            writer.write(numbered(number, number))
            writer.flush()
            f.wait(number)
    wait_until(lambda: f.weir.metric("weir_tail_files") == 0, what="end of the source")
    (tmp_path / "archived").rename(f.path("back.log"))
    f.write(numbered(13, 14), "back.log")
    f.wait_for("000014 line")
    assert numbers(f.messages()) == list(range(1, 15))


def blocked(f):
    """Nothing can be delivered, so that reading stops at the memory bound."""
    f.weir.configure(memory_limit="4MiB")
    f.weir.pipeline("follow", {
        "inputs": [{"tail": {"paths": [str(f.logs / "*.log")], "start": "beginning",
                             "rescan_interval": "200ms", **f.more}}],
        "outputs": [{"http": {"url": f"http://127.0.0.1:{free_port()}/"}}]})
    f.start()
    f.write(("x" * 1000 + "\n") * 20000)
    wait_until(lambda: f.weir.metric("weir_input_bytes_total") > 0, what="a part of the file")
    f.path().unlink()
    return f


def descriptors(f):
    folder = f"/proc/{f.weir.process.pid}/fd"
    links = (os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)
             if os.path.lexists(f"{folder}/{fd}"))
    return [link for link in links if link.startswith(str(f.logs))]


def test_an_unlinked_file_that_is_not_read_yet_stays_open_and_is_measured(metered):
    f = metered()
    f.more = {}
    blocked(f)
    wait_until(lambda: f.weir.metric("weir_tail_unlinked_unread_bytes") > 10000000,
               what="the measure")
    assert descriptors(f)
    f.weir.kill()  # a stop would wait for the destination


def test_unlinked_files_are_given_up_only_at_the_limit_that_the_user_sets(metered):
    f = metered()
    f.more = {"unlinked_limit": "5MiB"}
    blocked(f)
    wait_until(lambda: not descriptors(f), what="closing")
    assert f.weir.metric("weir_tail_unlinked_unread_bytes") == 0
    f.weir.kill()


def test_a_file_that_was_at_rest_is_opened_though_nothing_can_be_read_now(metered, sink):
    f = metered()
    f.weir.configure(memory_limit="4MiB")
    f.weir.pipeline("follow", {
        "inputs": [{"tail": {"paths": [str(f.logs / "*.log")], "start": "beginning",
                             "max_open_files": 1}}],
        "outputs": [{"http": {"url": sink.url, "linger": "20ms"}}]})
    f.write("one\n", "one.log")
    f.write("two\n", "two.log")
    f.start()

    def messages():
        return [r["message"] for r in sink.records()]
    wait_until(lambda: sorted(messages()) == ["one", "two"], 10 * SLOW, "both lines")
    wait_until(lambda: len(descriptors(f)) == 1, 10 * SLOW, "one of them to be closed")
    closed = "two.log" if "one.log" in descriptors(f)[0] else "one.log"
    sink.behave("status=503")
    f.write(("x" * 1000 + "\n") * 20000, "much.log")
    wait_until(lambda: f.weir.metric("weir_memory_used_bytes") > 3 << 20, 10 * SLOW, "the bound")
    f.write("precious\n", closed)
    wait_until(lambda: any(closed in link for link in descriptors(f)), 10 * SLOW,
               "the closed file to be opened")
    f.path(closed).unlink()
    sink.behave()
    wait_until(lambda: "precious" in messages(), 30 * SLOW, "the line of the deleted file")
    f.weir.kill()  # a stop would wait for all the others


def limited(weir, tmp_path, limit):
    """An agent with a bound on its inotify watches or instances."""
    if subprocess.run(["unshare", "-Ur", "true"], check=False).returncode:
        pytest.skip("no user namespaces here")
    wrapper = tmp_path / "limited"
    wrapper.write_text(f"#!/bin/sh\nexec unshare -Ur sh -c 'echo {limit.replace('=', ' > /proc/sys/user/')}"
                       f" && exec {weir.binary} \"$@\"' - \"$@\"\n")
    wrapper.chmod(0o755)
    weir.binary = wrapper
    return Follow(weir, tmp_path, ("*/*.log",), rescan_interval="500ms")


@pytest.mark.parametrize("limit,remedy", [("4=max_inotify_watches", "max_user_watches"),
                                          ("0=max_inotify_instances", "max_user_instances")])
def test_at_the_limit_of_inotify_files_are_still_followed(make_weir, tmp_path, limit, remedy):
    f = limited(make_weir(), tmp_path, limit)
    for number in range(10):
        f.path(str(number)).mkdir()
    f.start()
    for number in range(10):
        f.write(numbered(number, number), f"{number}/a.log")
    f.wait(10)
    f.write(numbered(10, 10), "7/a.log")
    f.write(numbered(11, 11), "8/new.log")
    assert sorted(numbers(f.wait(12))) == list(range(12))
    assert f"fs.inotify.{remedy}" in f.weir.log()


# ---- while the agent is away ----

@HOW
def test_a_file_renamed_meanwhile_is_continued(follow, how):
    f = follow().start()
    f.write(numbered(1, 100))
    f.wait(100)
    f.end(how)
    f.write(numbered(101, 110))
    f.path().rename(f.path("app.log.1"))
    f.write(numbered(111, 120))
    f.start()
    assert sorted(numbers(f.wait(120))) == list(range(1, 121))


@HOW
def test_a_file_copied_and_truncated_meanwhile_is_continued_in_the_copy(follow, how):
    f = follow().start()
    f.write(numbered(1, 100))
    f.wait(100)
    f.end(how)
    f.write(numbered(101, 110))
    shutil.copyfile(f.path(), f.path("app.log.1"))
    os.truncate(f.path(), 0)
    f.write(numbered(111, 320))
    f.start()
    assert sorted(numbers(f.wait(320))) == list(range(1, 321))


@HOW
@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_file_compressed_meanwhile_is_continued_where_it_was(follow, how, suffix):
    needs.programs("gzip", "zstd")
    f = follow(("*.log*",)).start()
    f.write(numbered(1, 20000))
    f.wait(20000)
    f.end(how)
    f.write(numbered(20001, 20010))
    f.path().rename(f.path("app.log.1"))
    tool = ["gzip"] if suffix == ".gz" else ["zstd", "-q", "--rm"]
    subprocess.run([*tool, f.path("app.log.1")], check=True)
    f.write(numbered(20011, 20020))
    f.start()
    f.wait(20020)
    f.weir.restart()
    f.write(numbered(20021, 20021))
    assert sorted(numbers(f.wait(20021))) == list(range(1, 20022))


@HOW
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_files_that_come_and_go_meanwhile_are_read(follow, how, compress):
    f = follow().start()
    f.write(numbered(1, 10))
    f.wait(10)
    f.end(how)
    for round in range(1, 4):
        rotate(f, 5)
        f.write(numbered(round * 10 + 1, round * 10 + 10))
    if compress:
        for number in range(1, 4):
            subprocess.run(["gzip", f.path(f"app.log.{number}")], check=True)
    f.start()
    f.wait(40)
    f.weir.restart()
    f.write(numbered(41, 41))
    assert sorted(numbers(f.wait_for("000041 line"))) == list(range(1, 42))


@HOW
def test_an_inode_used_again_meanwhile_is_a_new_file(follow, how):
    f = follow().start()
    f.write(numbered(1, 100))
    f.wait(100)
    f.end(how)
    inode = f.path().stat().st_ino
    f.path().unlink()
    for attempt in range(500):  # the filesystem gives the inode to one of the next files
        f.write(numbered(101, 400), f"{attempt}.tmp")
        if f.path(f"{attempt}.tmp").stat().st_ino == inode:
            break
    else:
        pytest.skip("the filesystem does not use inodes again")
    f.path(f"{attempt}.tmp").rename(f.path())
    f.start()
    assert numbers(f.wait(400)) == list(range(1, 401))


@HOW
@pytest.mark.parametrize("name", ["app.log", "other/app.log"])
def test_a_new_file_with_the_same_short_text_as_one_that_is_gone_is_read(follow, how, name):
    f = follow(("*.log", "*/app.log"))
    f.write("the service starts\n")
    f.start().wait(1)
    f.end(how)
    f.path().rename(f.logs.parent / "away")  # so that its inode is not used again
    f.path(name).parent.mkdir(exist_ok=True)
    f.write("the service starts\n", name)
    f.start().wait(2)


def tick(f, name):
    """A moment later, so that what is made now is younger than this file."""
    mark = f.path("mark")
    while mark.write_text("") or mark.stat().st_mtime_ns == f.path(name).stat().st_mtime_ns:
        mark.unlink()
    mark.unlink()


@HOW
def test_rotated_files_that_begin_as_the_new_one_does_are_no_copies_of_it(follow, how):
    f = follow()
    f.write("line\n")
    f.start().wait(1)
    f.end(how)
    f.path().unlink()
    for name in ("app.log.3", "app.log.2", "app.log.1"):
        f.write("the service starts\n")
        f.path().rename(f.path(name))
        tick(f, name)
    f.write("the service starts\n")
    f.start().wait(5, 20)


@HOW
def test_a_file_shorter_than_its_fingerprint_is_continued(follow, how):
    f = follow().start()
    f.write("1\n")
    f.wait(1)
    f.end(how)
    f.write("2\n")
    f.start()
    f.wait(2)
    f.write("3\n")
    assert f.wait(3) == ["1", "2", "3"]


def test_a_truncated_gzip_gives_what_decodes_and_a_message(follow):
    f = follow().start()
    f.write(numbered(1, 20000))
    f.wait(20000)
    f.weir.stop()
    f.write(numbered(20001, 40000))
    packed = gzip.compress(f.path().read_bytes())
    f.path("app.log.1.gz").write_bytes(packed[:len(packed) * 3 // 4])
    f.path().unlink()
    f.start()
    log = f.wait_log("ends in the middle")
    assert "app.log.1.gz" in log
    f.wait(25000)
    whole = f.messages()[:-1]  # the last line may be a piece
    assert numbers(whole) == list(range(1, len(whole) + 1))


def test_a_kill_in_the_middle_of_a_compressed_file_loses_nothing(follow):
    f = follow().start()
    f.write(numbered(1, 1000))
    f.wait(1000)
    f.weir.stop()
    f.write(numbered(1001, 600000))
    subprocess.run(["gzip", "-1", f.path()], check=True)
    f.path("app.log.gz").rename(f.path("app.log.1.gz"))
    kills = 0
    while count(f.out) < 599000 and kills < 4:
        f.start()
        before = count(f.out)
        wait_until(lambda: count(f.out) > min(before + 50000, 599000), 20 * SLOW, "progress", 0.01)
        f.weir.kill()
        kills += 1
    f.start()
    wait_until(lambda: count(f.out) >= 600000, 30 * SLOW, "the rest", 0.1)
    f.wait_for("600000 line")
    assert set(numbers(f.messages())) == set(range(1, 600001))


def test_utf_16_is_known_again_in_a_copy(follow):
    f = follow(encoding="utf-16le").start()
    f.write(numbered(1, 100).encode("utf-16-le"))
    f.wait(100)
    f.pause()
    os.truncate(f.path(), 0)
    f.write(numbered(101, 400).encode("utf-16-le"))
    f.resume()
    f.wait(400)
    f.weir.stop()
    f.write(numbered(401, 410).encode("utf-16-le"))
    shutil.copyfile(f.path(), f.path("app.log.1"))
    os.truncate(f.path(), 0)
    f.write(numbered(411, 420).encode("utf-16-le"))
    f.start()
    assert sorted(numbers(f.wait(420))) == list(range(1, 421))


def test_an_unfinished_line_survives_a_kill(follow):
    f = follow().start()
    f.write("one\ntw")
    f.wait(1)
    f.weir.kill()
    f.write("o\n")
    f.start()
    assert f.wait_for("two")[-1] == "two"
    assert "o" not in f.messages()

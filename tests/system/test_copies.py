# SPDX-License-Identifier: MIT
"""Copies (copytruncate, compression) that a restart, or a kill, comes in between: read once."""
import gzip
import os
import shutil

import pytest

from follow import HOW, Follow, numbered, numbers
from harness.process import wait_until
from harness.weir import SLOW


@pytest.fixture
def follow(make_weir, tmp_path):
    def make(*args, **options):
        return Follow(make_weir(), tmp_path, *args, **options)
    return make


def race(f):
    """copytruncate, as it loses lines: all are read, but the copy was made before the last."""
    f.write(numbered(1, 400))
    f.wait(400)
    first, last = f.path().stat().st_size, 400

    def noted_again():
        """A line at a time, until one of them has the bytes before it noted again."""
        nonlocal last
        last += 1
        f.write(numbered(last, last))
        f.wait(last)
        return any(known > first for _, _, known in f.sources())

    wait_until(noted_again, 20 * SLOW, "a further note", 0.1)
    text = f.path().read_bytes()
    f.write(numbered(last + 1, 500))
    f.wait(500)
    return text


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
@HOW
def test_a_copy_that_ends_before_what_was_read_is_not_read_after_a_restart(follow, how, compress):
    f = follow(("*.log*",)).start()
    text = race(f)
    f.path("app.log.1").write_bytes(text)
    os.truncate(f.path(), 0)
    f.write(numbered(501, 550))
    f.wait(550)
    f.end(how)
    f.path("app.log.1").rename(f.path("app.log.2"))
    if compress:
        with gzip.open(f.path("app.log.2.gz"), "wb") as packed:
            packed.write(text)
        f.path("app.log.2").unlink()
    f.start()
    f.write(numbered(551, 560))
    assert sorted(numbers(f.wait_for("000560 line"))) == list(range(1, 561))
    f.weir.restart()
    f.write(numbered(561, 570))
    assert sorted(numbers(f.wait_for("000570 line"))) == list(range(1, 571))


@HOW
def test_a_copy_that_ends_before_what_was_read_is_known_when_the_agent_was_away(follow, how):
    f = follow(("*.log*",)).start()
    text = race(f)
    f.end(how)
    f.path("app.log.1").write_bytes(text)
    os.truncate(f.path(), 0)
    f.start()
    f.write(numbered(501, 550))
    assert sorted(numbers(f.wait_for("000550 line"))) == list(range(1, 551))


def test_a_copy_is_known_though_the_run_before_had_read_nothing_of_the_file(follow):
    f = follow(("*.log*",))
    f.write(numbered(1, 400))
    f.configure(linger="15m")  # nothing is acknowledged
    f.start()
    wait_until(lambda: f.positions() == [0], 10 * SLOW, "the source to be noted")
    f.weir.kill()
    f.out.unlink(missing_ok=True)  # what is there will be sent again
    f.configure(linger="20ms")
    f.start()
    f.wait(400)
    wait_until(lambda: f.positions() == [f.path().stat().st_size], 10 * SLOW, "the commit")
    f.weir.kill()
    shutil.copyfile(f.path(), f.path("app.log.1"))
    os.truncate(f.path(), 0)
    f.write(numbered(401, 410))
    f.start()
    assert sorted(numbers(f.wait_for("000410 line"))) == list(range(1, 411))


@HOW
def test_a_copy_that_is_truncated_after_a_restart_is_not_read_again(follow, how):
    f = follow(("*.log*",)).start()
    f.write(numbered(1, 400))
    f.wait(400)
    f.end(how)
    shutil.copyfile(f.path(), f.path("app.log.1"))
    f.start()
    f.write(numbered(401, 410))
    f.wait_for("000410 line")
    os.truncate(f.path(), 0)
    f.write(numbered(411, 420))
    assert sorted(numbers(f.wait_for("000420 line"))) == list(range(1, 421))


@HOW
def test_a_file_that_is_being_compressed_at_the_start_is_read_once(follow, how):
    f = follow(("*.log*",)).start()
    f.write(numbered(1, 400))
    f.wait(400)
    f.end(how)
    f.path().rename(f.path("app.log.1"))
    with gzip.open(f.path("app.log.1.gz"), "wb") as packed:
        packed.write(f.path("app.log.1").read_bytes())
    f.write(numbered(401, 410))
    f.start()
    f.wait_for("000410 line")
    f.path("app.log.1").unlink()
    f.write(numbered(411, 420))
    assert sorted(numbers(f.wait_for("000420 line"))) == list(range(1, 421))

# SPDX-License-Identifier: MIT
"""Files that are made, written and renamed to names that do not match before the agent looks at them: it is
stopped meanwhile, and finds all that happened in its queue of events."""
import gzip

import pytest

from harness.process import wait_until
from harness.weir import SLOW

from follow import Follow, needs_metrics, numbered, numbers


@pytest.fixture
def follow(weir, tmp_path):
    needs_metrics()

    def make(*args, **options):
        return Follow(weir, tmp_path, *args, **options)
    return make


def compress(f, name):
    path = f.path(name)
    path.with_name(name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()


def missed(f):
    return f.weir.metric("weir_tail_missed_files_total")


def has_all(f, last):
    """Each line up to this one has come once, and so it is after a restart."""
    assert sorted(numbers(f.wait(last))) == list(range(1, last + 1))
    assert missed(f) == 0
    f.weir.restart()
    f.write(numbered(last + 1, last + 1))
    assert sorted(numbers(f.wait(last + 1))) == list(range(1, last + 2))


def test_a_file_renamed_before_it_is_looked_at_is_read(follow):
    f = follow().start()
    f.pause()
    f.write(numbered(1, 10))
    f.path().rename(f.path("app.old"))
    f.write(numbered(11, 20))
    f.resume()
    f.wait(20)
    f.write(numbered(21, 30), "app.old")  # by whoever has it open
    f.wait(30)
    has_all(f, 30)


def test_two_rotations_before_the_agent_looks_lose_nothing(follow):
    f = follow().start()
    f.pause()
    f.write(numbered(1, 10))
    f.path().rename(f.path("app.old"))
    f.write(numbered(11, 20))
    f.path("app.old").rename(f.path("app.older"))
    f.path().rename(f.path("app.old"))
    f.write(numbered(21, 30))
    f.resume()
    has_all(f, 30)


def test_files_compressed_before_the_agent_looks_are_read(follow):
    f = follow().start()
    f.pause()
    f.write(numbered(1, 10))
    f.path().rename(f.path("app.1"))
    compress(f, "app.1")
    f.path("app.1.gz").rename(f.path("app.2.gz"))
    f.write(numbered(11, 20))
    f.path().rename(f.path("app.1"))
    compress(f, "app.1")
    f.write(numbered(21, 30))
    f.resume()
    has_all(f, 30)


def test_a_file_moved_to_another_watched_folder_is_read(follow):
    f = follow(("*.log", "archive/*/*.txt"))
    (f.logs / "archive" / "app").mkdir(parents=True)
    f.start()
    f.pause()
    f.write(numbered(1, 5))
    with open(f.path(), "a", encoding="ascii") as writer:
        f.path().rename(f.path("archive/one"))
        f.write(numbered(11, 20))
        f.path().rename(f.path("archive/app/two"))
        f.write(numbered(21, 30))
        f.resume()
        f.wait(25)
        writer.write(numbered(6, 10))  # only folders are looked for there: nothing tells of it
        writer.flush()
        f.wait(30)
    has_all(f, 30)


def test_what_can_not_be_saved_is_counted(follow, tmp_path):
    f = follow().start()
    f.pause()
    f.write(numbered(1, 10))
    f.path().rename(f.path("app.old"))
    f.path("app.old").unlink()
    f.write(numbered(11, 20))
    f.path().rename(tmp_path / "elsewhere")
    f.write(numbered(21, 30))
    f.resume()
    assert numbers(f.wait(10)) == list(range(21, 31))
    wait_until(lambda: missed(f) == 2, 20 * SLOW, "both to be missed")
    log = f.weir.log()
    assert f"deleted at {f.path('app.old')}" in log and "moved out of all watched folders" in log

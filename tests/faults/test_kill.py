# SPDX-License-Identifier: MIT
"""SIGKILL at random instants, again and again, while a file grows: no line may be lost, a search index
has none twice, and what comes twice elsewhere was in flight or was delivered just before the kill.

The instants are drawn over what a process does in its life: loading, the first read, the steady
state, the first commits; one in a while comes late, when much has been delivered and committed.
15 kills for each destination, 350 with --long (70 when sanitized): more than 1,000 for tail to a stream,
tail to a search index, and syslog over a queue on disk to a stream.
"""
import bisect
import collections
import itertools
import json
import random
import threading
import time

import pytest

from harness import syslog
from harness.closing import closing
from harness.fault_proxy import FaultProxy, Kinesis
from harness.kinesalite import make_stream
from harness.moto import REGION, read_stream
from harness.process import free_port, wait_until, watch_for
from harness.weir import SLOW
from harness.writer import Arrivals, Follower, Writer

RATE = 4000
RATE_EMULATED = 400  # what moto and OpenSearch take beside the agent and the tests, on two cores
LATEST_S = 0.7  # a kill comes at most so long after the start
LATE_EVERY, LATE_S = 12, 4
COMMIT_S = 0.2  # state/state.h
# Beside the commit interval: the commit itself, and the way of an answer, on a busy machine.
SLACK_S = 2
GROWTH_S = 0.01  # between two looks at a file
CATCH_UP_S = 60  # without another line
# moto goes through all that a shard has for each record that comes: the time is quadratic.
SHARDS = 20
TOGETHER = 50  # records that moto takes in much less than a life
KILLS, KILLS_LONG = 15, 350
MOTO_VERIFIES = False


def kill_again_and_again(weir, writer, kills, seed, look):
    """Returns when each kill came, on the monotonic clock."""
    instants = random.Random(seed)
    at = []
    for number in range(kills):
        weir.start(ready=False)
        after = instants.uniform(0, LATEST_S) * (SLOW if instants.random() < 0.5 else 1)
        if number % LATE_EVERY == LATE_EVERY // 2:
            after = LATE_S * SLOW
        watch_for(after)
        at.append(time.monotonic())
        weir.kill()
        look()
    weir.start(ready=False)
    writer.stop()
    return at


def verdict(arrivals, writer, kills):
    last = writer.last[0]
    missing = arrivals.missing(0, last)
    print(f"\n{last} lines, {kills} kills, {len(missing)} missing, {arrivals.repeats()} repeats, "
          f"{len(arrivals.damaged)} damaged")
    return missing


def catch_up(weir, caught_up, arrivals, writer, kills):
    """Waits for every line and stops the agent; returns what is missing, and has said so either way."""
    try:
        wait_until(caught_up, CATCH_UP_S * SLOW, "arrival of every line", 0.1,
                   moving=lambda: arrivals.contiguous(0))
        weir.stop()
    finally:
        missing = verdict(arrivals, writer, kills)
    return missing


def repeated_late(arrivals, kills, sent=None):
    """What came again though it had arrived long before the kill in between. arrivals: (time, keys).

    What is read together is done with together: with sent(key), when it came from its source, what had
    arrived is not late while anything that was there by then had not."""
    lives = collections.defaultdict(dict)  # number -> {key: when it arrived last}
    for when, keys in arrivals:
        lives[bisect.bisect(kills, when)].update(dict.fromkeys(keys, when))
    again, late = set(), []
    for number in sorted(lives, reverse=True):
        life = lives[number]
        if number < len(kills):
            due = kills[number] - COMMIT_S - SLACK_S * SLOW
            found = [key for key, when in life.items() if key in again and when < due]
            if found and sent:
                undone = again.difference(life).union(key for key, when in life.items() if when > due)
                due = min([due, *map(sent, undone)])
            late += [(key, kills[number] - life[key]) for key in found if life[key] < due]
        again.update(life)
    return late


class Growth:
    """Watches a file of a writer's grow: when(line) tells a time at which it was not there yet, but was
    about to."""

    def __init__(self, path):
        self.path, self.ended = path, threading.Event()
        self.times, self.sizes = [time.monotonic()], [0]
        self.ends = []  # of its lines
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self.ended.wait(GROWTH_S):
            now = time.monotonic()
            self.sizes.append(self.path.stat().st_size if self.path.exists() else 0)
            self.times.append(now)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *failure):
        self.ended.set()
        self.thread.join()
        self.ends = [*itertools.accumulate(map(len, self.path.read_bytes().splitlines(True)))]

    def when(self, line):
        end = self.ends[int(line.split()[1]) - 1]
        return self.times[bisect.bisect_left(self.sizes, end) - 1]


@pytest.fixture
def make_writer(tmp_path):
    yield from closing(lambda rate=RATE: Writer(tmp_path / "logs", streams=1, rate=rate // SLOW))


@pytest.fixture
def writer(make_writer):
    return make_writer()


@pytest.fixture
def kills(long):
    return max(KILLS, KILLS_LONG // SLOW) if long else KILLS


@pytest.mark.parametrize("seed", [1])
def test_a_file_output_gets_every_line_through_kills(tmp_path, make_weir, writer, kills, seed):
    out = tmp_path / "out.log"
    weir = make_weir()
    weir.pipeline("kill", f"""
        inputs:
          - tail: {{ paths: ["{writer.folder}/*.log"], start: beginning }}
        outputs:
          - file: {{ path: {out}, format: line }}
        """)
    arrivals = Arrivals(1)
    follower = Follower(out, arrivals)
    kill_again_and_again(weir, writer, kills, seed, follower.poll)

    def caught_up():
        follower.poll()
        return arrivals.contiguous(0) >= writer.last[0]

    missing = catch_up(weir, caught_up, arrivals, writer, kills)
    assert not missing
    assert len(arrivals.damaged) <= kills, arrivals.damaged[:5]


@pytest.mark.parametrize("seed", [2])
def test_an_http_server_gets_every_line_through_kills(make_weir, make_nginx, writer, kills, seed):
    nginx = make_nginx()
    weir = make_weir()
    weir.pipeline("kill", f"""
        inputs:
          - tail: {{ paths: ["{writer.folder}/*.log"], start: beginning }}
        outputs:
          - http: {{ url: "{nginx.url}/", format: ndjson }}
        """)
    kill_again_and_again(weir, writer, kills, seed, lambda: None)
    seen = 0
    arrivals = Arrivals(1)

    def caught_up():
        nonlocal seen
        requests = nginx.requests(seen)
        seen += len(requests)
        for record in nginx.records(requests):
            arrivals.feed(record["message"].encode() + b"\n")
        return arrivals.contiguous(0) >= writer.last[0]

    missing = catch_up(weir, caught_up, arrivals, writer, kills)
    assert not missing
    assert not arrivals.damaged, arrivals.damaged[:5]


@pytest.fixture
def arriving(moto):
    """A proxy before moto that notes what arrives, and when."""
    one = FaultProxy(moto.url, Kinesis(), one_by_one=True)
    yield one
    one.close()


def to_stream(arriving, stream, **options):
    return {"kinesis": {"stream": stream, "region": REGION, "endpoint": arriving.url,
                        "access_key_id": "AK", "secret_access_key": "SK", "linger": "10ms",
                        "batch_records": TOGETHER, **options}}


@pytest.mark.parametrize("seed", [3])
def test_a_stream_gets_every_line_through_kills(make_weir, make_writer, moto, arriving, kills, seed):
    weir, writer = make_weir(), make_writer(RATE_EMULATED)
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, f"kill-{seed}", SHARDS)
    weir.pipeline("kill", {"inputs": [{"tail": {"paths": [f"{writer.folder}/*.log"],
                                                "start": "beginning"}}],
                           "outputs": [to_stream(arriving, stream, format="line")]})
    with Growth(writer.path(0)) as growth:
        killed = kill_again_and_again(weir, writer, kills, seed, lambda: None)
    arrivals = Arrivals(1)
    seen = 0

    def caught_up():
        nonlocal seen
        new = arriving.arrivals[seen:]
        seen += len(new)
        arrivals.feed(b"".join(key + b"\n" for _, keys in new for key in keys))
        return arrivals.contiguous(0) >= writer.last[0]

    missing = catch_up(weir, caught_up, arrivals, writer, kills)
    assert not missing and not arrivals.damaged
    stored = [data for shard in read_stream(kinesis, stream).values() for _, data in shard]
    assert sorted(stored) == sorted(key for _, keys in arriving.arrivals for key in keys)
    late = repeated_late(arriving.arrivals, killed, growth.when)
    assert not late, late[:5]


@pytest.mark.parametrize("seed", [4])
def test_a_search_index_gets_every_line_once_through_kills(make_weir, make_writer, opensearch, kills,
                                                           seed):
    weir, writer = make_weir(), make_writer(RATE_EMULATED)
    index = f"kill-{seed}"
    weir.pipeline("kill", f"""
        inputs:
          - tail: {{ paths: ["{writer.folder}/*.log"], start: beginning }}
        outputs:
          - elasticsearch: {{ urls: ["{opensearch.url}"], index: {index}, linger: 10ms }}
        """)
    kill_again_and_again(weir, writer, kills, seed, lambda: None)
    wait_until(lambda: opensearch.count(index) >= writer.last[0], CATCH_UP_S * SLOW,
               "every line in the index", 0.3, moving=lambda: opensearch.count(index))
    weir.stop()
    arrivals = Arrivals(1)
    for document in opensearch.documents(index):
        arrivals.feed(document["_source"]["message"].encode() + b"\n")
    assert not verdict(arrivals, writer, kills)
    assert arrivals.repeats() == 0 and not arrivals.damaged


@pytest.mark.parametrize("seed", [5])
def test_a_stream_gets_what_syslog_left_on_disk_through_kills(make_weir, moto, arriving, kills, seed):
    """syslog -> queue on disk -> kinesis, which is away during every other life of the agent."""
    weir, port, away = make_weir(), free_port(), threading.Event()
    kinesis = moto.client("kinesis")
    stream = make_stream(kinesis, f"kill-{seed}", SHARDS)
    arriving.plan = lambda number: "broken" if away.is_set() else None
    weir.pipeline("kill", {"inputs": [{"syslog": f"127.0.0.1:{port}"}], "outputs": [
        to_stream(arriving, stream, retry={"backoff_min": "10ms", "backoff_max": "50ms"},
                  buffer="16MiB")]})
    senders = syslog.Senders(port, batch=10, rate=RATE_EMULATED // SLOW)
    try:
        killed = kill_again_and_again(weir, senders, kills, seed,
                                      lambda: away.clear() if away.is_set() else away.set())
    finally:
        senders.stop()
    away.clear()
    taken, times, seen = senders.acknowledged(), collections.Counter(), 0

    def caught_up():
        nonlocal seen
        new = arriving.arrivals[seen:]
        seen += len(new)
        times.update(name_of(data) for _, them in new for data in them)
        return taken <= set(times)

    try:
        wait_until(caught_up, CATCH_UP_S * SLOW, "all that was acknowledged", 0.1,
                   moving=lambda: len(times))
        weir.stop()
    finally:
        again = senders.sent_again()
        late = [found for found in repeated_late(
            [(when, [*map(name_of, them)]) for when, them in arriving.arrivals], killed, senders.when)
            if found[0] not in again]
        print(f"\n{kills} kills, {len(taken)} acknowledged, {len(taken - set(times))} missing, "
              f"{len(again)} sent again, {times.total() - len(times)} repeats, {len(late)} of them late")
    stored = [data for shard in read_stream(kinesis, stream).values() for _, data in shard]
    assert sorted(stored) == sorted(data for _, them in arriving.arrivals for data in them)
    assert taken and not late, late[:5]
    # A kill breaks off a batch of each sender at most.
    assert len(again) <= kills * senders.batch * len(senders.taken)
    assert "spool_damaged" not in weir.log()


def name_of(data):
    """(sender, number) of a message."""
    record = json.loads(data)
    return int(record["app_name"][1:]), int(record["message"])


def test_the_account_of_late_repeats_finds_one():
    kill = 10 * SLOW
    again = kill + 2
    assert not repeated_late([(1, "ab"), (kill - 1, "b"), (again, "b")], [kill])
    assert repeated_late([(1, "ab"), (kill - 1, "b"), (again, "a")], [kill]) == [("a", kill - 1)]
    # b was there before a arrived, and had not when the agent was killed, or not long before.
    was_there = {"a": 0, "b": 0}.get
    assert not repeated_late([(1, "a"), (again, "ab")], [kill], was_there)
    assert not repeated_late([(1, "a"), (kill - 0.5, "b"), (again, "ab")], [kill], was_there)
    assert repeated_late([(1, "a"), (2, "b"), (again, "ab")], [kill], was_there)
    assert repeated_late([(1, "a"), (again, "ab")], [kill], {"a": 0, "b": 3}.get) == [("a", kill - 1)]

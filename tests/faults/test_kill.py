# SPDX-License-Identifier: MIT
"""SIGKILL at random instants, again and again, while a file grows: no line may be lost.

The instants are drawn over what a process does in its life: loading, the first read, the steady
state, the first commits. Between the two destinations the kills are halved: 60 in all, 1,000 with
--long.
"""
import random
import time

import pytest

from harness.process import wait_until
from harness.weir import SLOW
from harness.writer import Arrivals, Follower, Writer

RATE = 4000
LATEST_S = 0.7  # a kill comes at most so long after the start
CATCH_UP_S = 60
KILLS, KILLS_LONG = 30, 500


def kill_again_and_again(weir, writer, kills, seed, look):
    """Returns when each kill came, in seconds after its start."""
    instants = random.Random(seed)
    after = []
    for _ in range(kills):
        weir.start(ready=False)
        after.append(instants.uniform(0, LATEST_S) * (SLOW if instants.random() < 0.5 else 1))
        time.sleep(after[-1])  # the instant is the subject of the test, not a wait for something
        weir.kill()
        look()
    weir.start(ready=False)
    writer.stop()
    return after


def verdict(arrivals, writer, kills):
    last = writer.last[0]
    missing = arrivals.missing(0, last)
    print(f"\n{last} lines, {kills} kills, {len(missing)} missing, {arrivals.repeats()} repeats, "
          f"{len(arrivals.damaged)} damaged")
    return missing


@pytest.fixture
def writer(tmp_path):
    made = Writer(tmp_path / "logs", streams=1, rate=RATE // SLOW)
    yield made
    made.close()


@pytest.mark.parametrize("seed", [1])
def test_a_file_output_gets_every_line_through_kills(tmp_path, make_weir, writer, long, seed):
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
    kills = KILLS_LONG if long else KILLS
    kill_again_and_again(weir, writer, kills, seed, follower.poll)

    def caught_up():
        follower.poll()
        return arrivals.contiguous(0) >= writer.last[0]

    try:
        wait_until(caught_up, CATCH_UP_S * SLOW, "arrival of every line", 0.1)
        weir.stop()
    finally:
        missing = verdict(arrivals, writer, kills)
    assert not missing
    assert len(arrivals.damaged) <= kills, arrivals.damaged[:5]


@pytest.mark.parametrize("seed", [2])
def test_an_http_server_gets_every_line_through_kills(make_weir, make_nginx, writer, long, seed):
    nginx = make_nginx()
    weir = make_weir()
    weir.pipeline("kill", f"""
        inputs:
          - tail: {{ paths: ["{writer.folder}/*.log"], start: beginning }}
        outputs:
          - http: {{ url: "{nginx.url}/", format: ndjson }}
        """)
    kills = KILLS_LONG if long else KILLS
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

    try:
        wait_until(caught_up, CATCH_UP_S * SLOW, "arrival of every line", 0.3)
        weir.stop()
    finally:
        missing = verdict(arrivals, writer, kills)
    assert not missing
    assert not arrivals.damaged, arrivals.damaged[:5]

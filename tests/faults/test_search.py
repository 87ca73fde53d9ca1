# SPDX-License-Identifier: MIT
"""The rotation torture of test_torture.py, into a real OpenSearch: no line missing, and none twice.

Each line's number stands for a second since 1970, so the index that a line goes to is named by a date
of its own. A kill makes the agent send again what the index has already; by its id it is stored once.
A file that isn't known again under its new name, as a copy or compressed, is read as one of its own,
whose lines have other ids: here this is found.
"""
import collections
import time

import pytest

from harness.process import wait_until
from harness.weir import SLOW
from harness.writer import Arrivals, Writer
from test_torture import CATCH_UP_S, KILLS, STREAMS, Torture

RATE = 2500  # what OpenSearch takes beside the agent and the tests, on two cores
POLL_S = 0.3
PAGE, OVERLAP = 5000, 1000  # documents become visible a little out of order

PIPELINE = """
inputs:
  - tail: {{ paths: ["{logs}/app-*.log*"], start: beginning }}
filters:
  - parse:
      format: regex
      pattern: '^(?<stream>\\d) (?<number>\\d{{10}}) (?<text>.*)$'
      time: {{ field: number, format: epoch }}
outputs:
  - elasticsearch:
      urls: ["{url}"]
      index: "torture-%Y.%m.%d-%H"
      linger: 50ms
      retry: {{ backoff_min: 10ms, backoff_max: 500ms }}
"""


def line_of(document):
    source = document["_source"]
    return f"{source['stream']} {source['number']} {source['text']}\n".encode()


def told_apart(documents):
    """Which sources the lines that are there more than once came from, for a failure's message."""
    sources = collections.defaultdict(set)
    for document in documents:
        source = document["_source"]
        sources[source["stream"], source["number"]].add(document["_id"].split("-")[0][:16])
    groups = collections.defaultdict(list)
    for (stream, number), ids in sources.items():
        if len(ids) > 1:
            groups[stream, tuple(sorted(ids))].append(int(number))
    return [f"stream {stream}: {len(numbers)} lines of {min(numbers)}..{max(numbers)} from {ids}"
            for (stream, ids), numbers in groups.items()]


class SearchFollower:
    """Feeds Arrivals from an index that fills up; each document once."""

    def __init__(self, server, pattern, arrivals):
        self.server, self.pattern, self.arrivals = server, pattern, arrivals
        self.last, self.seen, self.next = {}, set(), 0

    def poll(self):
        if time.monotonic() < self.next:
            return
        self.server.ask("POST", f"/{self.pattern}/_refresh")
        for index in self.server.indices(self.pattern):
            self.follow(index)
        self.next = time.monotonic() + POLL_S

    def follow(self, index):
        page, after = PAGE, self.last.get(index, -1) - OVERLAP
        while page == PAGE:
            found = self.server.ask("POST", f"/{index}/_search", {
                "size": PAGE, "query": {"range": {"_seq_no": {"gt": after}}},
                "sort": [{"_seq_no": {"order": "asc", "unmapped_type": "long"}}]}, expect=503)
            hits = found["hits"]["hits"] if "hits" in found else []  # 503: it is being created
            new = [hit for hit in hits if (index, hit["_id"]) not in self.seen]
            self.seen.update((index, hit["_id"]) for hit in new)
            self.arrivals.feed(b"".join(map(line_of, new)))
            page = len(hits)
            if hits:
                after = hits[-1]["sort"][0]
                self.last[index] = max(after, self.last.get(index, -1))


class SearchTorture(Torture):
    def __init__(self, weir, writer, server, seed):
        super().__init__(weir, writer, "/nonexistent", seed)
        self.follower = SearchFollower(server, "torture-*", self.arrivals)


@pytest.mark.parametrize("seed", [3])
def test_every_line_is_in_the_index_once(opensearch, tmp_path, make_weir, long, seed):
    logs = tmp_path / "logs"
    weir = make_weir(admin=False)
    weir.pipeline("torture", PIPELINE.format(logs=logs, url=opensearch.url))
    writer = Writer(logs, STREAMS, RATE // SLOW, seed)
    try:
        torture = SearchTorture(weir, writer, opensearch, seed)
        torture.run(60 if long else 15, KILLS)
        writer.stop()
        wait_until(torture.caught_up, CATCH_UP_S * SLOW, "arrival of every line", 0.1)
        weir.stop()
    finally:
        writer.close()
    torture.arrivals = Arrivals(STREAMS)  # what counts is the index itself, read from end to end
    found = opensearch.documents("torture-*")
    torture.arrivals.feed(b"".join(map(line_of, found)))
    missing, repeats = torture.account()
    print(f"{len(found)} documents in {len({d['_index'] for d in found})} indices")
    if missing or repeats:
        print(*told_apart(found), *torture.events, weir.log(), sep="\n")
    assert not missing and repeats == 0
    assert not torture.arrivals.damaged
    assert torture.kills >= KILLS
    for document in found:
        number = int(document["_source"]["number"])
        assert document["_index"] == time.strftime("torture-%Y.%m.%d-%H", time.gmtime(number))

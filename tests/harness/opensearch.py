# SPDX-License-Identifier: MIT
"""A real OpenSearch: one node of the server that Maven Central has, on a free loopback port.

Prepared once under build/servers/opensearch (tests/servers/opensearch/prepare), started for each
test session in a folder of its own, ready in a few seconds, and stopped by its process id.
"""
import fcntl
import json
import pathlib
import subprocess
import urllib.error
import urllib.request

from . import needs
from .process import end, free_port, spawn, wait_until
from .weir import ROOT

SOURCE = ROOT / "tests/servers/opensearch"
FOLDER = ROOT / "build/servers/opensearch"
READY_S = 90
PREPARE_S = 600
PAGE = 5000


class Unavailable(Exception):
    """Why there is no OpenSearch here."""


def prepare():
    """The folder with the server; two test runs at a time don't disturb each other."""
    needs.programs("java", "javac", "mvn")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run([SOURCE / "prepare", FOLDER], capture_output=True, text=True,
                              timeout=PREPARE_S, check=False)
    if done.returncode:
        output = (done.stdout + done.stderr).strip().splitlines()
        raise Unavailable("OpenSearch cannot be had from Maven: " + (output or ["no output"])[0])
    return FOLDER


class OpenSearch:
    """One node. Security is left out: put nginx before it for TLS and passwords."""

    def __init__(self, folder, **settings):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.folder / "opensearch.log"
        self.process = None
        self.settings = {
            "path.home": self.folder, "cluster.name": "weir-tests", "node.name": "only",
            "discovery.type": "single-node", "network.host": "127.0.0.1",
            "http.type": "netty4", "transport.type": "netty4",
            "cluster.routing.allocation.disk.threshold_enabled": "false", **settings}

    def start(self):
        home = prepare()
        self.process = spawn(
            ["java", "-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
             "-cp", f"{home}/classes:{home}/lib/*", "OpenSearchNode",
             f"http.port={self.port}", f"transport.port={free_port()}",
             *(f"{name}={value}" for name, value in self.settings.items())], self.log)
        wait_until(self.ready, READY_S, "OpenSearch")
        return self

    def ready(self):
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-4000:]
        try:
            return self.ask("GET", "/_cluster/health")["status"] in ("green", "yellow")
        except OSError:
            return False

    def stop(self):
        end(self.process)
        self.process = None

    # ---- asking ----

    def ask(self, method, path, body=None, expect=None):
        """The answer as JSON. An error status raises, unless it is `expect`."""
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != expect:
                raise AssertionError(f"{method} {path}: {error.code} {error.read()[:500]}") from None
            return json.loads(error.read())

    def count(self, index):
        """Documents in an index, those that came just now included; 0 where there is none, or one is
        being created."""
        path = f"/{index}/_count?ignore_unavailable=true&allow_no_indices=true"
        self.ask("POST", f"/{index}/_refresh?ignore_unavailable=true&allow_no_indices=true")
        return self.ask("GET", path, expect=503).get("count", 0)

    def documents(self, index):
        """Every document of an index (or pattern) as the server gives it back: _index, _id, _source."""
        self.ask("POST", f"/{index}/_refresh")
        found = self.ask("POST", f"/{index}/_search?scroll=1m",
                         {"size": PAGE, "sort": ["_doc"], "track_total_hits": True})
        hits = []
        while found["hits"]["hits"]:
            hits += found["hits"]["hits"]
            found = self.ask("POST", "/_search/scroll",
                             {"scroll": "1m", "scroll_id": found["_scroll_id"]})
        self.ask("DELETE", "/_search/scroll", {"scroll_id": found["_scroll_id"]})
        assert len(hits) == found["hits"]["total"]["value"]
        return hits

    def indices(self, pattern):
        found = self.ask("GET", f"/_cat/indices/{pattern}?format=json")
        return sorted(index["index"] for index in found)

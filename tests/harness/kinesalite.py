# SPDX-License-Identifier: MIT
"""kinesalite: strict about the limits and the shape of requests; signatures are not looked at."""
from .moto import client
from .process import end, free_port, listening, spawn, wait_until
from .servers import need


class Kinesalite:
    def __init__(self, folder):
        self.program = need("npm") / "node_modules/kinesalite/cli.js"
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        self.process = spawn(["node", self.program, "--port", str(self.port), "--createStreamMs",
                              "20", "--updateStreamMs", "20", "--shardLimit", "100"], self.folder / "kinesalite.log")
        wait_until(lambda: self.process.poll() is not None or listening(self.port), 30, "kinesalite")
        assert self.process.poll() is None, (self.folder / "kinesalite.log").read_text()
        return self

    def client(self):
        return client("kinesis", self.url)

    def stop(self):
        end(self.process)
        self.process = None


def make_stream(kinesis, name, shards=1):
    """A stream that is ready."""
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    wait_until(lambda: kinesis.describe_stream(StreamName=name)["StreamDescription"]["StreamStatus"]
               == "ACTIVE", 20, f"stream {name}")
    return name

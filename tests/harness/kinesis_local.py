# SPDX-License-Identifier: MIT
"""kinesis-local: Kinesis over TLS, with HTTP/2."""
import json
import ssl
import urllib.request

from .moto import REGION, client
from .nginx import certificate
from .process import end, free_port, spawn, wait_until
from .servers import need


class KinesisLocal:
    def __init__(self, folder, streams="weir:2:" + REGION):
        self.package = need("npm") / "node_modules/kinesis-local"
        self.folder, self.streams = folder, streams
        self.port, self.plain = free_port(), free_port()
        self.url = f"https://localhost:{self.port}"
        self.ca = folder / "kinesis-local.pem"
        self.process = None

    def start(self):
        key, pair = self.folder / "kinesis-local.key", self.folder / "kinesis-local.json"
        certificate(self.ca, key, "localhost")
        pair.write_text(json.dumps({"server": {"key": key.read_text(), "cert": self.ca.read_text()}}))
        self.process = spawn(["node", self.package / "main.js"], self.folder / "kinesis-local.log", {
            "KINESIS_MOCK_TLS_PORT": str(self.port), "KINESIS_MOCK_PLAIN_PORT": str(self.plain),
            "KINESIS_MOCK_CERT_PATH": str(pair),
            "INITIALIZE_STREAMS": self.streams, "LOG_LEVEL": "ERROR"})
        wait_until(self.is_ready, 60, "kinesis-local", 0.1)
        return self

    def is_ready(self):
        assert self.process.poll() is None, (self.folder / "kinesis-local.log").read_text()
        context = ssl.create_default_context(cafile=self.ca)
        try:
            with urllib.request.urlopen(f"{self.url}/healthcheck", timeout=2, context=context):
                return True
        except OSError:
            return False

    def client(self):
        return client("kinesis", f"http://127.0.0.1:{self.plain}")

    def stop(self):
        end(self.process)
        self.process = None

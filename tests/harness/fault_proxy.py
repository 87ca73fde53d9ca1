# SPDX-License-Identifier: MIT
"""A proxy before a real server that does to requests and answers what no server does on demand.

plan(number) names the fault of the request that comes as the number-th, or None; only requests that
put records are counted, all others pass:

    partial       some records don't reach the server, and the answer says of each that it was throttled
    throttle      the request does not reach it; the answer throttles it as a whole
    broken        the request does not reach it; the answer is a 500 or 503
    reset_before  the connection is reset before the request is read
    reset_after   the request reaches the server; the connection is reset in place of the answer
    slow          the answer comes in drops
    miscount      the answer tells of one record too few
    expired       the token has expired: so it says from then on to whoever has the key of this request
    skew          from then on the server's clock is an hour ahead, and it refuses what is older

`unsure` counts, by record, in how many requests it reached the server without an answer that says so:
a destination that does not know records again may have it that many times more.
"""
import base64
import collections
import contextlib
import datetime
import email.utils
import http.client
import http.server
import json
import random
import re
import socket
import struct
import threading
import time
import urllib.parse

from .process import pace

SKEW_S = 3600
SKEW_ALLOWED_S = 300
DROPS, DROP_S = 20, 0.01
LINGER_0 = struct.pack("ii", 1, 0)  # close() resets


class Kinesis:
    """PutRecords in JSON."""
    partial_share = 0.3

    def concerns(self, handler):
        return handler.headers.get("X-Amz-Target", "").endswith(".PutRecords")

    def keys(self, body):
        return [base64.b64decode(record["Data"]) for record in json.loads(body)["Records"]]

    def without(self, body, left_out):
        request = json.loads(body)
        request["Records"] = [r for i, r in enumerate(request["Records"]) if i not in left_out]
        return json.dumps(request).encode() if request["Records"] else None

    def merged(self, answer, count, left_out):
        entries = iter(json.loads(answer)["Records"] if answer else [])
        throttled = {"ErrorCode": "ProvisionedThroughputExceededException",
                     "ErrorMessage": "Rate exceeded for shard shardId-000000000000"}
        records = [throttled if i in left_out else next(entries) for i in range(count)]
        return json.dumps({"FailedRecordCount": len(left_out), "Records": records}).encode()

    def shortened(self, answer):
        whole = json.loads(answer)
        whole["Records"].pop()
        return json.dumps(whole).encode()

    def error(self, fault):
        code, status = {"throttle": ("ProvisionedThroughputExceededException", 400),
                        "broken": ("InternalFailure", 500),
                        "expired": ("ExpiredTokenException", 400),
                        "skew": ("InvalidSignatureException", 400)}[fault]
        return status, json.dumps({"__type": code, "message": f"made up: {fault}"}).encode()


class Bulk:
    """_bulk with actions that have a document each."""
    partial_share = 0.3

    def concerns(self, handler):
        return handler.path.split("?")[0].endswith("/_bulk")

    def lines(self, body):
        lines = body.split(b"\n")[:-1]
        return list(zip(lines[::2], lines[1::2], strict=True))

    def keys(self, body):
        return [document for _, document in self.lines(body)]

    def without(self, body, left_out):
        pairs = [pair for i, pair in enumerate(self.lines(body)) if i not in left_out]
        return b"".join(a + b"\n" + d + b"\n" for a, d in pairs) or None

    def merged(self, answer, count, left_out):
        items = iter(json.loads(answer)["items"] if answer else [])
        throttled = {"create": {"_index": "i", "_id": "x", "status": 429, "error": {
            "type": "es_rejected_execution_exception", "reason": "rejected execution"}}}
        merged = [throttled if i in left_out else next(items) for i in range(count)]
        return json.dumps({"took": 1, "errors": True, "items": merged}).encode()

    def shortened(self, answer):
        whole = json.loads(answer)
        whole["items"].pop()
        return json.dumps(whole).encode()

    def error(self, fault):
        return {"throttle": 429, "broken": 503}[fault], b'{"error": "made up"}'


class FaultProxy:
    """one_by_one: the server gets one request at a time, as moto needs it: its put_record says "not safe
    for concurrency", and loses some of those that come together."""

    def __init__(self, target, speech, plan=lambda number: None, seed=1, one_by_one=False):
        self.target = urllib.parse.urlsplit(target)
        self.speech, self.plan = speech, plan
        self.random, self.lock = random.Random(seed), threading.Lock()
        self.number = 0
        self.turn = threading.Lock() if one_by_one else contextlib.nullcontext()
        self.unsure = collections.Counter()
        self.arrivals = []  # (when, on the monotonic clock; records) of each request that was taken
        self.happened = collections.Counter()
        self.expired, self.skew_s = set(), 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # a head and its body don't wait for an acknowledgement

            def do_POST(self):
                outer.serve(self)

            do_GET = do_HEAD = do_PUT = do_POST

            def date_time_string(self, timestamp=None):
                return email.utils.formatdate(time.time() + outer.skew_s, usegmt=True)

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments):
                pass  # a client that went away, or that was reset

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- one request ----

    def serve(self, handler):
        if not self.speech.concerns(handler):
            body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
            self.answer(handler, *self.ask(handler, body))
            return
        with self.lock:
            self.number += 1
            fault = self.plan(self.number)
            seed = self.random.random()
        if fault == "reset_before":
            self.happened[fault] += 1
            self.reset(handler)
            return
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        refused = self.refused(handler.headers, fault)
        if refused:
            with self.lock:
                self.happened[refused] += 1
            self.answer(handler, *self.speech.error(refused))
        else:
            self.pass_on(handler, body, fault, random.Random(seed))

    def refused(self, headers, fault):
        """The fault by which this request does not reach the server at all."""
        key = re.search(r"Credential=([^/]+)/", headers.get("Authorization", ""))
        with self.lock:
            if fault == "expired":
                self.expired.add(key[1])
            if fault == "skew":
                self.skew_s = SKEW_S
            if key and key[1] in self.expired:
                return "expired"
        if self.skew_s and abs(self.signed_at(headers) - time.time() - SKEW_S) > SKEW_ALLOWED_S:
            return "skew"
        return fault if fault in ("throttle", "broken") else None

    @staticmethod
    def signed_at(headers):
        stamp = datetime.datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        return stamp.replace(tzinfo=datetime.timezone.utc).timestamp()

    def pass_on(self, handler, body, fault, chance):
        keys = self.speech.keys(body)
        left_out = set()
        if fault == "partial":
            left_out = {i for i in range(len(keys)) if chance.random() < self.speech.partial_share}
        reached = [key for i, key in enumerate(keys) if i not in left_out]
        sent = self.speech.without(body, left_out) if left_out else body
        with self.turn:
            if self.gone(handler):
                return  # killed while it waited: its request is not taken any more
            status, answer = self.ask(handler, sent) if sent else (200, b"")
        if left_out and status == 200:
            answer = self.speech.merged(answer, len(keys), left_out)
        with self.lock:
            self.happened[fault or "none"] += 1
            if status == 200:
                self.arrivals.append((time.monotonic(), reached))
            if fault in ("reset_after", "miscount"):
                self.unsure.update(reached)
        if fault == "reset_after":
            self.reset(handler)
            return
        if fault == "miscount" and status == 200:
            answer = self.speech.shortened(answer)
        self.answer(handler, status, answer, slow=fault == "slow")

    def ask(self, handler, body):
        server = http.client.HTTPConnection(self.target.hostname, self.target.port, timeout=60)
        headers = {name: value for name, value in handler.headers.items()
                   if name.lower() not in ("content-length", "host", "connection")}
        server.request(handler.command, handler.path, body, headers)
        answer = server.getresponse()
        whole = answer.status, answer.read()
        server.close()
        return whole

    def answer(self, handler, status, body, slow=False):
        handler.send_response_only(status)
        handler.send_header("Date", handler.date_time_string())
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        step = len(body) // DROPS + 1 if slow else len(body) or 1
        for at in range(0, len(body), step):
            handler.wfile.write(body[at:at + step])
            if slow:
                handler.wfile.flush()
                pace(time.monotonic() + DROP_S)

    @staticmethod
    def gone(handler):
        """Whether the client has closed the connection, or been reset."""
        try:
            return handler.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    @staticmethod
    def reset(handler):
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        handler.connection.close()


def random_plan(seed, share, faults, at=None):
    """A fault for that share of the requests, `broken` in bursts; `at` {number: fault} comes first, once
    a request with that number or a higher one has come."""
    chance, burst, pending = random.Random(seed), 0, dict(at or {})

    def plan(number):
        nonlocal burst
        due = [when for when in pending if when <= number]
        if due:
            return pending.pop(min(due))
        if burst:
            burst -= 1
            return "broken"
        fault = chance.choice(faults) if chance.random() < share else None
        if fault == "broken":
            burst = chance.randrange(2, 6)
        return fault

    return plan

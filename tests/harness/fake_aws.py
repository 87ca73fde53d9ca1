# SPDX-License-Identifier: MIT
"""An HTTP server that stands in for one AWS service by a function of the test's:
answer(Request, number) -> (status, body) or (status, body, headers). For what no real server does on
demand: throttle some records, expire a token, have another time, hang."""
import base64
import http.server
import json
import threading
import time


class Request:
    def __init__(self, handler, body):
        self.method, self.path, self.body = handler.command, handler.path, body
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.at = time.time()

    def access_key(self):
        return self.headers.get("authorization", "").partition("Credential=")[2].split("/")[0]

    def records(self):
        """The data of the records of a PutRecords or PutRecordBatch in JSON."""
        return [base64.b64decode(r["Data"]) for r in json.loads(self.body)["Records"]]


class FakeAws:
    """`requests`: all that came, in order."""

    def __init__(self, answer):
        self.requests, self.lock = [], threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # an answer in one piece: no waiting for a delayed acknowledgement

            def do_POST(self):
                request = Request(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))
                with outer.lock:
                    outer.requests.append(request)
                    number = len(outer.requests)
                status, body, *more = answer(request, number)
                headers = more[0] if more else {}
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response_only(status)
                for name, value in {"Date": self.date_time_string(), **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments):
                pass  # a client that went away

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def seen(self):
        with self.lock:
            return list(self.requests)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def error(code, message="", status=400, **headers):
    return status, {"__type": code, "message": message}, headers


def taken(request, codes=()):
    """PutRecords' answer: the records whose index is in `codes` failed with that code."""
    codes = dict(codes)
    records = [{"ErrorCode": codes[i], "ErrorMessage": "no"} if i in codes else
               {"SequenceNumber": str(i), "ShardId": "shardId-000000000000"}
               for i in range(len(request.records()))]
    return 200, {"FailedRecordCount": len(codes), "Records": records}

# SPDX-License-Identifier: MIT
"""An HTTP server that answers by a function of the test's: answer(body, number) -> status or
(status, headers, body). It notes the bodies that it said yes to."""
import http.server
import threading


class Scripted:
    def __init__(self, answer=lambda body, number: 200):
        self.taken, self.asked, self.lock = [], 0, threading.Lock()
        self.requests = []  # (path, headers, body) of all
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                size = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(size)
                if len(body) < size:
                    self.close_connection = True
                    return  # the client was killed in the middle of it
                with outer.lock:
                    outer.asked += 1
                    outer.requests.append((self.path, self.headers, body))
                    got = answer(body, outer.asked)
                status, headers, text = got if isinstance(got, tuple) else (got, {}, b"")
                if 200 <= status < 300:
                    with outer.lock:
                        outer.taken.append(body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_PUT = do_POST

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def lines(self):
        with self.lock:
            return [line for body in self.taken for line in body.splitlines()]

    def close(self):
        self.server.shutdown()
        self.server.server_close()

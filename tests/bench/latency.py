# SPDX-License-Identifier: MIT
"""How long a line takes from the file to the destination, at one line every 50 ms.

Weir sends HTTP with a linger of 0, rsyslog plain TCP, to the same receiver. The time runs from just
before the write to the file until the receiver has the bytes. Weir once more with a busy pipeline
beside it: another file that grows by 10 MB/s, parsed, and sent as JSON to another place.
"""
import re
import socket
import sys
import threading
import time

import agents
import measure
import steady
from harness.process import end, free_port, pace

PAUSE_S = 0.05  # long enough that no line waits for another
START_S = 15
SWITCH_S = 1e-4  # a thread of this program waits at most so long for its turn of the interpreter
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
NUMBER = re.compile(rb"line-(\d+)-")


class Receiver:
    """Notes when each numbered line has come; answers what looks like a request."""

    def __init__(self):
        self.arrived = {}
        self.is_http = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.receive, args=(connection,), daemon=True).start()

    def receive(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            while data := connection.recv(65536):
                now = time.monotonic()
                self.is_http |= data.startswith(b"POST ")
                found = NUMBER.findall(data)
                for number in found:
                    self.arrived.setdefault(int(number), now)
                # A request holds one line here; its body may come apart from its head.
                if found and self.is_http:
                    connection.sendall(ANSWER)

    def wait_for(self, number, seconds):
        measure.wait_until(lambda: number in self.arrived, seconds, f"line {number}", 0.001)


class Load:
    """The busy pipeline of an agent, and what its file grows by."""

    def __init__(self, agent, tests, source, seconds):
        port, self.path = free_port(), agent.folder / "load" / "load.log"
        self.path.parent.mkdir()
        self.path.touch()
        agent.beside = {"inputs": [{"tail": {"paths": [str(self.path)], "start": "beginning"}}],
                        "filters": [{"parse": {"format": "combined"}}],
                        "outputs": [{"http": {"url": f"http://127.0.0.1:{port}/"}}]}
        self.sink = agents.Sink(tests, agent.folder, "http", port)
        self.source, self.seconds, self.lines = source, seconds, 0
        self.writer = threading.Thread(target=self.write)

    def write(self):
        with open(self.path, "ab", buffering=0) as log:
            self.lines = steady.write(log, self.source, self.seconds)

    def end(self):
        """All of it must have arrived."""
        self.writer.join()
        steady.await_lines(self.sink, self.lines, steady.SLACK_S)
        self.sink.close()


def run(make, folder, name, lines, loaded=None):
    """(p50, p99) in ms, of so many lines; `loaded`: the folder of test programs and the file whose lines the
    busy pipeline gets."""
    folder.mkdir()
    receiver, path = Receiver(), folder / "in.log"
    agent = make(folder, path, 0, "latency" if name == "weir" else "http", receiver.port)
    load = loaded and Load(agent, *loaded, (lines + 1) * PAUSE_S)
    path.write_bytes(b"line-0-\n")
    process = measure.spawn(agent.command(), agent.log, agent.env)
    sent = {}
    try:
        receiver.wait_for(0, START_S)
        measure.until_quiet(process)
        if load:
            sys.setswitchinterval(SWITCH_S)
            load.writer.start()
        with open(path, "ab", buffering=0) as log:
            for number in range(1, lines + 1):
                line = b"line-%d-%s\n" % (number, b"x" * 200)
                sent[number] = time.monotonic()
                log.write(line)
                pace(sent[number] + PAUSE_S)
        receiver.wait_for(lines, START_S)
        if load:
            load.end()
    finally:
        end(process)
        receiver.listener.close()
    took = sorted((receiver.arrived[number] - sent[number]) * 1e3 for number in sent)
    return took[lines // 2], took[lines * 99 // 100]


def table(figures):
    print("| Latency of a line | p50, ms | p99, ms |")
    print("|---|---:|---:|")
    for name, (p50, p99) in figures.items():
        print(f"| {name} | {p50:.2f} | {p99:.2f} |")

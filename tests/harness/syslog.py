# SPDX-License-Identifier: MIT
"""A syslog sender that knows what has been taken: it ends its side of the connection and reads the other
end, which comes when every message is dealt with, and as a reset when that is not certain."""
import collections
import socket
import threading
import time

from .process import pace


def counted(*messages):
    """Messages framed by octet counting."""
    return b"".join(b"%d %s" % (len(message), message) for message in messages)


def lines(*messages):
    return b"".join(message + b"\n" for message in messages)


def connect(port, timeout=30):
    return socket.create_connection(("127.0.0.1", port), timeout)


def acknowledged(sock):
    """True when the other side has closed in order after all that was sent."""
    try:
        sock.shutdown(socket.SHUT_WR)
        return sock.recv(1) == b""
    except OSError:
        return False
    finally:
        sock.close()


def send(port, data, timeout=30):
    """Sends it all on a connection of its own; True when it was acknowledged, None when there was no
    connection and nothing was sent."""
    try:
        sock = connect(port, timeout)
    except OSError:
        return None
    try:
        sock.sendall(data)
    except OSError:
        sock.close()
        return False
    return acknowledged(sock)


class Senders:
    """Each sends batches of its own numbers, again until they are acknowledged. rate: messages a second
    of them all, or as fast as they are taken."""

    def __init__(self, port, count=4, batch=50, rate=None):
        self.port, self.batch, self.stopped = port, batch, threading.Event()
        self.interval_s = count * batch / rate if rate else 0
        self.taken = [0] * count  # of each sender: how many, from 0 on
        self.sent = [collections.Counter() for _ in range(count)]  # how often, by their first number
        self.began = [{} for _ in range(count)]  # when they were first sent, on the monotonic clock
        self.threads = [threading.Thread(target=self._run, args=[name], daemon=True)
                        for name in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, name):
        due = time.monotonic()
        while not self.stopped.is_set():
            first = self.taken[name]
            self.began[name].setdefault(first, time.monotonic())
            done = send(self.port, counted(*(b"<13>1 - h s%d - - - %d" % (name, n)
                                             for n in range(first, first + self.batch))))
            self.sent[name][first] += done is not None
            if done:
                self.taken[name] = first + self.batch
                due = max(due, time.monotonic() - self.interval_s) + self.interval_s
                pace(due)
            else:
                self.stopped.wait(0.01)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def acknowledged(self):
        """(sender, number) of every message that was."""
        return {(name, n) for name, count in enumerate(self.taken) for n in range(count)}

    def when(self, message):
        """When a (sender, number) was first sent."""
        name, number = message
        return self.began[name][number - number % self.batch]

    def sent_again(self):
        """(sender, number) of every message that a sender had to send more than once."""
        return {(name, n) for name, sent in enumerate(self.sent)
                for first, times in sent.items() if times > 1
                for n in range(first, first + self.batch)}

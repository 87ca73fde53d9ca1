# SPDX-License-Identifier: MIT
"""A syslog sender that knows what has been taken: it ends its side of the connection and reads the other
end, which comes when every message is dealt with, and as a reset when that is not certain."""
import socket


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
    """Sends it all on a connection of its own; True when it was acknowledged."""
    try:
        sock = connect(port, timeout)
    except OSError:
        return False
    try:
        sock.sendall(data)
    except OSError:
        sock.close()
        return False
    return acknowledged(sock)

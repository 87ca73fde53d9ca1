# SPDX-License-Identifier: MIT
"""Queues on disk, on a full disk, and over reloads: nothing that was taken is lost. Under kills: see
test_kill.py."""
import threading

from harness import syslog
from harness.disk import fill
from harness.process import free_port, listening, wait_until
from harness.weir import SLOW

DEADLINE = 60 * SLOW


def http(gate, **options):
    return {"http": {"url": gate.url, "linger": "1ms",
                     "retry": {"backoff_min": "10ms", "backoff_max": "50ms"}, **options}}


def arrived(gate):
    """(sender, number) of every message that the server said yes to."""
    found = set()
    for line in gate.lines():
        if b'"app_name":"s' not in line:
            continue  # of another test's that took our port for its own
        app = line.split(b'"app_name":"s', 1)[1].split(b'"', 1)[0]
        number = line.split(b'"message":"', 1)[1].split(b'"', 1)[0].rsplit(b" ", 1)[-1]
        found.add((int(app), int(number)))
    return found


def queue_on(small_disk, weir):
    """Has the queues of the agent on the small disk, and its state elsewhere."""
    weir.state_dir.mkdir()
    (small_disk / "spool").mkdir()
    (weir.state_dir / "spool").symlink_to(small_disk / "spool")


def test_a_full_disk_is_waited_for(weir, gate, small_disk):
    port = free_port()
    queue_on(small_disk, weir)
    weir.pipeline("main", {"inputs": [{"syslog": f"127.0.0.1:{port}"}],
                           "outputs": [http(gate, buffer="64MiB")]})
    weir.start()
    wait_until(lambda: listening(port), DEADLINE, "the listener")
    assert syslog.send(port, b"<13>1 - h s0 - - - 0\n")
    ballast = fill(small_disk)
    sock = syslog.connect(port)
    sock.sendall(b"".join(b"<13>1 - h s0 - - - %d\n" % n for n in range(1, 2000)))
    wait_until(lambda: "output_stalled" in weir.log(), DEADLINE, "the word of it")
    assert "No space left on device" in weir.log()
    assert "free some space" in weir.get("/health")[1]
    assert not gate.taken
    ballast.unlink()
    assert syslog.acknowledged(sock)
    wait_until(lambda: "output_resumed" in weir.log(), DEADLINE, "the end of it")
    gate.open.set()
    wait_until(lambda: len(arrived(gate)) == 2000, DEADLINE, "every message")
    assert len(gate.lines()) == 2000
    weir.stop()


def test_more_than_the_disk_holds_gets_through_bit_by_bit(weir, gate, small_disk):
    port = free_port()
    queue_on(small_disk, weir)
    weir.configure(memory_limit="4MiB")
    weir.pipeline("main", {"inputs": [{"syslog": f"127.0.0.1:{port}"}],
                           "outputs": [http(gate, buffer="8MiB")]})
    weir.start()
    wait_until(lambda: listening(port), DEADLINE, "the listener")
    done = []
    thread = threading.Thread(target=lambda: done.append(syslog.send(port, b"".join(
        b"<13>1 - h s0 - - - %s %d\n" % (b"x" * 900, n) for n in range(8000)), DEADLINE)))
    thread.start()
    wait_until(lambda: "output_stalled" in weir.log(), DEADLINE, "a full disk")
    gate.open.set()
    thread.join(DEADLINE)
    assert done == [True]
    wait_until(lambda: len(gate.lines()) >= 8000, DEADLINE, "every message")
    weir.stop()


def test_reloads_keep_the_queue_and_lose_nothing(weir, gate):
    port = free_port()
    options = {"inputs": [{"syslog": f"127.0.0.1:{port}"}]}
    weir.configure(drain_timeout="300ms")
    weir.pipeline("main", {**options, "outputs": [http(gate, buffer="16MiB")]})
    weir.start()
    senders = syslog.Senders(port)
    try:
        for number in range(6):
            (gate.open.set if number % 2 else gate.open.clear)()
            before = sum(senders.taken)
            wait_until(lambda: sum(senders.taken) > before, DEADLINE, "another batch")
            weir.pipeline("main", {**options, "filters": [{"set": {"reload": str(number)}}],
                                   "outputs": [http(gate, buffer=f"{16 + number}MiB")]})
            weir.command("reload", "-c", weir.config, check=True)
        gate.open.set()
    finally:
        senders.stop()
    taken = senders.acknowledged()
    wait_until(lambda: taken <= arrived(gate), DEADLINE, "all that was acknowledged", 0.2)
    weir.stop()

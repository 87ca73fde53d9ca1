# SPDX-License-Identifier: MIT
"""How Weir's throughput and memory change with the number of files, of pipelines, and of workers, and
with the length of lines. A cliff would show as a row far below its neighbours.
"""
import shutil

import agents

COUNTS = (1, 4, 16, 64)
WORKERS = (1, 2)
LENGTHS = (20, 240, 4096, 65536, (1 << 20) - 1)  # of lines, newline included; to max_line's default


def split(source, folder, count):
    """The input as `count` files of whole lines; returns how many lines there are."""
    folder.mkdir()
    size, lines = source.stat().st_size, 0
    with open(source, "rb") as f:
        for number in range(count):
            part = f.read(size // count) if number < count - 1 else f.read()
            part += f.readline()
            lines += part.count(b"\n")
            (folder / f"{number}.log").write_bytes(part)
    return lines


def make_lines(folder, length, size):
    """One file of equal lines; returns how many."""
    folder.mkdir()
    count = size // length
    line = b"x" * (length - 1) + b"\n"
    with open(folder / "0.log", "wb") as f:
        for done in range(0, count, 1000):
            f.write(line * min(1000, count - done))
    return count


def once(binary, folder, logs, lines, scenario, workers, each):
    """MB/s, CPU s/GiB, MiB; `each`: a pipeline for each file."""
    run = folder / "run"
    run.mkdir()
    agent = agents.Weir(run, logs / "*.log", lines, scenario, 0, binary=binary)
    agent.settings = {"workers": workers}
    if each:
        agent.paths = sorted(logs.iterdir())
    result = agent.run(None)
    shutil.rmtree(run)
    size = sum(path.stat().st_size for path in logs.iterdir())
    return size / 1e6 / result.wall_s, result.cpu_s / (size / 2 ** 30), result.rss_mib


def run(binary, folder, source):
    """{(what, workers): figures}"""
    figures, logs = {}, folder / "logs"
    for count in COUNTS:
        lines = split(source, logs, count)
        for what, each in (("file", False), ("pipeline", True)):
            for workers in WORKERS:
                figures[f"{count} {what}{'s' * (count > 1)}", workers] = once(binary, folder, logs, lines, "combined",
                                                           workers, each)
        shutil.rmtree(logs)
    for length in LENGTHS:
        lines = make_lines(logs, length, source.stat().st_size)
        for workers in WORKERS:
            figures[f"lines of {length:,} B", workers] = once(binary, folder, logs, lines, "null",
                                                              workers, False)
        shutil.rmtree(logs)
    return figures


def table(figures):
    print("| tail → parse combined → null; lines of one length: tail → null | "
          + " | ".join(f"MB/s, {n} worker{'s' * (n > 1)} | CPU s/GiB | MiB" for n in WORKERS)
          + " |")
    print("|---|" + "---:|---:|---:|" * len(WORKERS))
    for what in dict.fromkeys(what for what, _ in figures):
        cells = (figures[what, workers] for workers in WORKERS)
        print(f"| {what} | " + " | ".join(f"{speed:,.0f} | {cpu:.2f} | {rss:.0f}"
                                           for speed, cpu, rss in cells) + " |")

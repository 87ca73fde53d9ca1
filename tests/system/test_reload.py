# SPDX-License-Identifier: MIT
"""A configuration that changes while the agent runs: what switches, what stays, and that no record is
lost or repeated by it."""
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time

import pytest

from harness import syslog
from harness.process import free_port, listening, wait_until, watch_for
from harness.records import count, records
from harness.weir import BIN, ROOT, SLOW
from harness.writer import Arrivals, Follower, Writer

NOT_RUNNING = 3
STREAMS, RATE = 3, 30000
RETRY = {"backoff_min": "10ms", "backoff_max": "50ms"}
PLUGINS = next((p for p in BIN.parent.parent.rglob("weir/plugins") if p.is_dir()), None)

# A filter that notes each of its creations in a file, and then does as its word says.
NOTING = """
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/plugin.h>
static int32_t create(const struct weir_services *host, struct weir_context *context,
                      const struct weir_node *options, void **ret, struct weir_error *error)
{
    const char *word = weir_node_text(options, "word");
    int fd = open(weir_node_text(options, "file"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    (void)host; (void)context;
    if (write(fd, "x", 1) < 0) {}
    close(fd);
    if (strcmp(word, "crash") == 0) raise(SIGSEGV);
    if (strcmp(word, "once") == 0 && access(weir_node_text(options, "over"), F_OK) == 0)
        return weir_fail(error, WEIR_ERR_STATE, "it was there once");
    *ret = strdup(word);
    return 0;
}
static int32_t start(void *instance, struct weir_error *error)
{
    return strcmp(instance, "wont_start") == 0
        ? weir_fail(error, WEIR_ERR_STATE, "it won't start today") : 0;
}
static void destroy(void *instance) { free(instance); }
static int32_t process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
    (void)batch;
    return strcmp(instance, "fail") == 0 ? weir_fail(error, WEIR_ERR_STATE, "it failed") : 0;
}
static const struct weir_option options[] = {
    WEIR_OPTION("file", WEIR_TYPE_STRING, NULL, "Where creations are noted"),
    WEIR_OPTION("over", WEIR_TYPE_STRING, NULL, "A file with which `once` is over"),
    WEIR_OPTION("word", WEIR_TYPE_STRING, "go", "What to do"), WEIR_OPTION_END};
static const struct weir_filter_ops ops = {.struct_size = sizeof(ops), .create = create,
    .start = start, .destroy = destroy, .process = process};
static const struct weir_plugin noting = {.struct_size = sizeof(noting), .kind = WEIR_FILTER,
    .name = "noting", .version = "1", .summary = "Notes its creations", .options = options,
    .filter = &ops};
static const struct weir_plugin *const all[] = {&noting};
WEIR_PLUGINS(all);
"""


def tail(path, **options):
    return {"tail": {"paths": [str(path)], "start": "beginning", **options}}


def to_file(path, **options):
    return {"file": {"path": str(path), **options}}


def to_http(url, **options):
    return {"http": {"url": url, "linger": "10ms", "retry": RETRY, **options}}


def append(path, first, last):
    with open(path, "a", encoding="utf-8") as f:
        f.write("".join(f"{n}\n" for n in range(first, last + 1)))


def numbers(path):
    return [int(r["message"]) for r in records(path)]


def reload(weir, code=0, *arguments):
    """`weir reload`; returns its result as a dict."""
    result = weir.command("reload", "-c", weir.config, "--json", *arguments)
    assert result.returncode == code, result.stdout + result.stderr + weir.log()
    return json.loads(result.stdout)


def outcomes(result):
    return {p["name"]: p["outcome"] for p in result["pipelines"]}


@pytest.fixture
def noting(weir, tmp_path):
    """noting(word, file): a stage with the plugin above; its .so lies in a folder of its own."""
    folder = tmp_path / "plugins"
    folder.mkdir(mode=0o755)
    (tmp_path / "noting.c").write_text(NOTING)
    weir.configure(plugin_dirs=[str(PLUGINS), str(folder)])

    def build():
        subprocess.run(["cc", "-I", ROOT / "include", "-shared", "-fPIC", "-o",
                        tmp_path / "noting.so", tmp_path / "noting.c"], check=True)
        os.rename(tmp_path / "noting.so", folder / "noting.so")

    def stage(word="go", file="noted"):
        return {"noting": {"word": word, "file": str(tmp_path / file),
                           "over": str(tmp_path / "over")}}

    stage.build = build
    return stage


def running(weir, tmp_path, lines):
    """A pipeline "a" of one file that has shipped so many lines; the file, and the file that it went to."""
    log, out = tmp_path / "a.log", tmp_path / "a.jsonl"
    append(log, 1, lines)
    weir.pipeline("a", {"inputs": [tail(log)], "outputs": [to_file(out)]})
    weir.start()
    wait_until(lambda: count(out) == lines, 10 * SLOW, "the lines")
    return log, out


# ---- what switches ----

def test_a_changed_pipeline_goes_on_where_it_was(weir, tmp_path):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    append(log, 1, 1000)
    weir.pipeline("a", {"inputs": [tail(log)], "outputs": [to_file(out)]})
    weir.start()
    wait_until(lambda: count(out) == 1000, 10 * SLOW, "the first lines")
    weir.pipeline("a", {"inputs": [tail(log)], "filters": [{"set": {"now": 2}}],
                        "outputs": [to_file(out)]})
    assert outcomes(reload(weir)) == {"a": "changed"}
    append(log, 1001, 1500)
    wait_until(lambda: count(out) == 1500, 10 * SLOW, "the other lines")
    assert numbers(out) == list(range(1, 1501))
    assert {r.get("now") for r in records(out)[:1000]} == {None}
    assert {r.get("now") for r in records(out)[1000:]} == {2}
    weir.stop()


def test_only_what_says_something_else_switches(weir, noting, tmp_path):
    noting.build()
    log, outs = tmp_path / "a.log", [tmp_path / f"{n}.jsonl" for n in range(4)]
    append(log, 1, 10)

    def write(number, **more):
        weir.pipeline(f"p{number}", {
            "inputs": [tail(log)], "filters": [noting(file=f"noted{number}")],
            "outputs": [to_file(outs[number], **more)]})

    for number in range(3):
        write(number)
    weir.start()
    wait_until(lambda: all(count(outs[n]) == 10 for n in range(3)), 10 * SLOW, "the lines")
    before = (tmp_path / "noted0").stat().st_size
    assert outcomes(reload(weir)) == dict.fromkeys(["p0", "p1", "p2"], "unchanged")
    # Comments and blanks are no change.
    path = weir.conf_dir / "p0.yaml"
    path.write_text("# a word\n\n" + path.read_text())
    write(1, format="line")
    (weir.conf_dir / "p2.yaml").unlink()
    write(3)
    assert outcomes(reload(weir)) == {"p0": "unchanged", "p1": "changed", "p2": "removed",
                                      "p3": "added"}
    wait_until(lambda: count(outs[3]) == 10, 10 * SLOW, "the new pipeline")
    append(log, 11, 20)
    wait_until(lambda: [count(out) for out in outs] == [20, 20, 10, 20], 10 * SLOW, "all lines")
    assert (tmp_path / "noted0").stat().st_size == before, "it was created again"
    assert [p["name"] for p in weir.status()["pipelines"]] == ["p0", "p1", "p3"]
    # What was taken away goes on where it was, when it comes back.
    write(2)
    assert outcomes(reload(weir))["p2"] == "added"
    wait_until(lambda: count(outs[2]) == 20, 10 * SLOW, "the pipeline that came back")
    assert numbers(outs[2]) == list(range(1, 21))
    weir.stop()


def test_outputs_come_and_go(weir, tmp_path):
    log, outs = tmp_path / "a.log", [tmp_path / f"{n}.jsonl" for n in range(3)]

    def write(*which):
        weir.pipeline("a", {"inputs": [tail(log)], "outputs": [
            to_file(outs[n], name=f"out{n}") for n in which]})

    append(log, 1, 10)
    write(0, 1)
    weir.start()
    wait_until(lambda: count(outs[0]) == count(outs[1]) == 10, 10 * SLOW, "the first lines")
    write(2, 0)
    reload(weir)
    append(log, 11, 20)
    wait_until(lambda: count(outs[0]) == 20 and count(outs[2]) == 10, 10 * SLOW, "the next")
    assert numbers(outs[2]) == list(range(11, 21)), "a new output begins at the present position"
    assert numbers(outs[0]) == list(range(1, 21)) and count(outs[1]) == 10
    weir.kill()
    weir.start()
    append(log, 21, 21)
    wait_until(lambda: 21 in numbers(outs[0]) and 21 in numbers(outs[2]), 10 * SLOW, "the last")
    assert set(numbers(outs[2])) == set(range(11, 22))
    weir.stop()


def test_a_plugin_that_was_dropped_into_the_folder_is_taken_up(weir, noting, tmp_path):
    log, out = running(weir, tmp_path, 3)
    weir.pipeline("a", {"inputs": [tail(log)], "filters": [noting()], "outputs": [to_file(out)]})
    result = reload(weir, 1)
    assert outcomes(result) == {"a": "kept"} and "noting" in result["problems"][0]["text"]
    noting.build()
    assert outcomes(reload(weir)) == {"a": "changed"}
    # Another file in its place is not taken up, and that is said.
    noting.build()
    result = reload(weir)
    assert outcomes(result) == {"a": "unchanged"}
    assert "has changed since it was loaded" in weir.log()
    weir.stop()


# ---- what is refused ----

def test_a_broken_pipeline_keeps_the_old_one_and_says_where(weir, tmp_path):
    log, outs = tmp_path / "a.log", [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    append(log, 1, 10)
    for name, out in zip("ab", outs):
        weir.pipeline(name, {"inputs": [tail(log)], "outputs": [to_file(out)]})
    weir.start()
    wait_until(lambda: [count(out) for out in outs] == [10, 10], 10 * SLOW, "the lines")
    broken = weir.pipeline("a", f"""
        inputs:
          - tail: {{ paths: ["{log}"], pathz: 3 }}
        outputs:
          - file: {{ path: "{outs[0]}" }}
        """)
    weir.pipeline("b", {"inputs": [tail(log)], "filters": [{"set": {"x": 1}}],
                        "outputs": [to_file(outs[1])]})
    result = reload(weir, 1)
    assert outcomes(result) == {"a": "kept", "b": "changed"} and not result["ok"]
    problem = result["problems"][0]
    assert (problem["path"], problem["line"], problem["severity"]) == (str(broken), 3, "error")
    assert problem["column"] == broken.read_text().splitlines()[2].index("pathz") + 1
    shown = weir.command("reload", "-c", weir.config)
    assert f"{broken}:3:{problem['column']}: error: " in shown.stdout and shown.returncode == 1
    assert "a: kept as it was" in shown.stdout
    assert weir.get("/health")[0] == 200
    refused = {p["name"]: p["refused"] for p in weir.status()["pipelines"]}
    assert refused["a"] and refused["b"] is None
    append(log, 11, 20)
    wait_until(lambda: [count(out) for out in outs] == [20, 20], 10 * SLOW, "all lines")
    weir.stop()


@pytest.mark.parametrize("mistake", ["weir.yaml", "conf_dir"])
def test_what_concerns_all_changes_nothing(weir, tmp_path, mistake):
    log, out = running(weir, tmp_path, 10)
    if mistake == "weir.yaml":
        weir.configure(drain_timeout="soon")
    else:
        weir.conf_dir.rename(weir.folder / "away")
    result = reload(weir, 1)
    assert result["problems"] and result["pipelines"] == []
    append(log, 11, 20)
    wait_until(lambda: count(out) == 20, 10 * SLOW, "all lines")
    weir.stop()


@pytest.mark.parametrize("word", ["crash", "wont_start"])
def test_a_plugin_that_does_not_come_up_keeps_the_old_one(weir, noting, tmp_path, word):
    noting.build()
    log, out = running(weir, tmp_path, 10)
    weir.pipeline("a", {"inputs": [tail(log)], "filters": [noting(word)],
                        "outputs": [to_file(out)]})
    result = reload(weir, 1)
    assert outcomes(result) == {"a": "kept"}
    why = result["problems"][0]["text"]
    # Sanitizers end a process that crashes by themselves.
    assert any(part in why for part in ({"crash": ["crashes", "ends the process"],
                                         "wont_start": ["won't start today"]}[word]))
    append(log, 11, 20)
    wait_until(lambda: count(out) == 20, 10 * SLOW, "all lines")
    assert numbers(out) == list(range(1, 21))
    weir.stop()


def test_when_the_old_one_does_not_come_up_again_either_the_next_reload_mends_it(weir, noting,
                                                                                 tmp_path):
    noting.build()
    log, out = tmp_path / "a.log", tmp_path / "a.jsonl"

    def write(word):
        weir.pipeline("a", {"inputs": [tail(log)], "filters": [noting(word)],
                            "outputs": [to_file(out)]})

    append(log, 1, 10)
    write("once")
    weir.start()
    wait_until(lambda: count(out) == 10, 10 * SLOW, "the lines")
    (tmp_path / "over").touch()
    for turn in range(2):
        write("wont_start")
        assert outcomes(reload(weir, 1)) == {"a": "kept"}
        assert weir.get("/health")[0] != 200 and "did not start again either" in weir.log()
        append(log, 10 * turn + 11, 10 * turn + 20)
        write("go")
        assert outcomes(reload(weir)) == {"a": "changed"}
        wait_until(lambda: count(out) == 10 * turn + 20, 10 * SLOW, "all lines")
        write("once")
        (tmp_path / "over").unlink()
        reload(weir)
        (tmp_path / "over").touch()
    assert numbers(out) == list(range(1, 31))
    weir.stop()


def test_a_pipeline_that_failed_is_started_again(weir, noting, tmp_path):
    noting.build()
    log, out = tmp_path / "a.log", tmp_path / "a.jsonl"
    weir.pipeline("a", {"inputs": [tail(log)], "filters": [noting("fail")],
                        "outputs": [to_file(out)]})
    weir.start()
    append(log, 1, 10)
    wait_until(lambda: weir.get("/health")[0] != 200, 10 * SLOW, "the failure")
    weir.pipeline("a", {"inputs": [tail(log)], "filters": [noting("go")],
                        "outputs": [to_file(out)]})
    assert outcomes(reload(weir)) == {"a": "changed"}
    wait_until(lambda: count(out) == 10, 10 * SLOW, "the lines that it failed on")
    assert numbers(out) == list(range(1, 11))
    assert weir.get("/health")[0] == 200
    weir.stop()


def test_settings_that_stand_until_a_restart_are_named(weir, tmp_path):
    log, out = tmp_path / "a.log", tmp_path / "a.jsonl"
    append(log, 1, 10)
    weir.pipeline("a", {"inputs": [tail(log)], "outputs": [to_file(out)]})
    weir.configure(workers=2, log={"level": "info"})
    weir.start()
    wait_until(lambda: count(out) == 10, 10 * SLOW, "the lines")
    weir.configure(workers=1, memory_limit="16MiB", admin="off", log={"level": "debug"})
    result = reload(weir)
    warned = [p["text"] for p in result["problems"] if p["severity"] == "warning"]
    assert [t.split('"')[1] for t in warned] == ["memory_limit", "workers", "admin"]
    assert all("restart" in text for text in warned)
    assert outcomes(result) == {"a": "unchanged"}
    # The agent goes on where it is, and says so when it is asked there.
    weir.configure(state_dir=str(tmp_path / "elsewhere"), workers=2, log={"level": "info"})
    weir.reload()
    wait_until(lambda: '"state_dir" cannot change' in weir.log(), 10 * SLOW, "the warning")
    assert weir.status()["state"]["dir"] == str(weir.state_dir)
    weir.stop()


def test_without_an_agent_there_is_an_exit_code_of_its_own(make_weir, tmp_path):
    weir = make_weir()
    result = weir.command("reload", "-c", weir.config)
    assert result.returncode == NOT_RUNNING and "no agent runs" in result.stderr
    weir.pipeline("a", {"inputs": [tail(tmp_path / "a.log")], "outputs": ["null"]})
    weir.start()
    wait_until(lambda: "[started]" in weir.log(), 20 * SLOW, "the start")
    assert outcomes(reload(weir)) == {"a": "unchanged"}, "with `admin: off`, too"
    weir.stop()
    assert weir.command("reload", "-c", weir.config).returncode == NOT_RUNNING
    assert weir.command("reload", "-c", weir.config, "now").returncode == 2


# ---- under load ----

class Load:
    """A pipeline from a writer at full speed into a file and an HTTP sink."""

    def __init__(self, weir, folder, sink):
        self.weir, self.sink, self.out, self.generation = weir, sink, folder / "out", 0
        self.writer = Writer(folder / "logs", STREAMS, RATE // SLOW)
        self.arrived, self.sunk = Arrivals(STREAMS), Arrivals(STREAMS)
        self.followers = [Follower(self.out, self.arrived), Follower(sink.out, self.sunk)]

    def configure(self):
        self.generation += 1
        self.weir.pipeline("load", {
            "inputs": [tail(self.writer.folder / "*.log", rescan_interval="1s")],
            "filters": [{"set": {"generation": self.generation}}],
            "outputs": [to_file(self.out, format="line"),
                        to_http(self.sink.url, format="lines")]})

    def finish(self):
        """Everything has arrived, once."""
        last = self.writer.stop()

        def all_here():
            for follower in self.followers:
                follower.poll()
            return all(a.contiguous(s) >= last[s] for a in (self.arrived, self.sunk)
                       for s in range(STREAMS))

        wait_until(all_here, 60 * SLOW, "all lines")
        for arrivals in (self.arrived, self.sunk):
            assert not arrivals.damaged and arrivals.repeats() == 0
        return sum(last)


@pytest.fixture
def load(weir, tmp_path, sink):
    made = Load(weir, tmp_path, sink)
    made.configure()
    weir.start()
    yield made
    made.writer.close()


def test_reloads_at_full_speed_lose_and_repeat_nothing(weir, load, long):
    until = time.monotonic() + 15
    for turn in range(1000 if long else 100):
        if not long and turn >= 20 and time.monotonic() > until:
            break  # a slow machine
        load.configure()
        result = reload(weir)
        assert outcomes(result) == {"load": "changed"} and result["repeated"] == 0
    assert load.finish() > 0
    assert weir.metric("weir_output_repeated_total") == 0
    weir.stop()


def test_a_storm_of_signals_ends_with_the_last_configuration(weir, load):
    for _ in range(100):
        load.configure()
        for _ in range(5):
            weir.reload()
        watch_for(random.random() / 100)
    assert outcomes(reload(weir))["load"] in ("changed", "unchanged")
    assert outcomes(reload(weir)) == {"load": "unchanged"}
    load.finish()
    weir.stop()


def test_a_kill_between_reloads_loses_nothing(weir, load):
    for _ in range(5):
        for _ in range(3):
            load.configure()
            weir.reload()
            watch_for(random.random() / 5)
        weir.kill()
        weir.start()
    last = load.writer.stop()
    wait_until(lambda: [f.poll() for f in load.followers] and all(
        a.contiguous(s) >= last[s] for a in (load.arrived, load.sunk) for s in range(STREAMS)),
        60 * SLOW, "all lines")
    weir.stop()


def test_rotation_between_reloads_loses_and_repeats_nothing(weir, load):
    for turn in range(12):
        load.writer.rotate(turn % STREAMS, "rename")
        load.configure()
        reload(weir)
    load.finish()
    weir.stop()


def test_what_is_unread_of_a_deleted_file_is_read(weir, scripted, tmp_path):
    gate = Gate()
    server = scripted(gate)
    logs = tmp_path / "logs"
    logs.mkdir()
    first = logs / "a.log"
    line = "x" * 2000
    weir.configure(memory_limit="4MiB", drain_timeout="200ms")

    def write(turn):
        weir.pipeline("a", {"inputs": [tail(logs / "*.log")], "filters": [{"set": {"x": turn}}],
                            "outputs": [to_http(server.url, format="lines")]})

    with open(first, "w", encoding="utf-8") as f:
        f.writelines(f"{n} {line}\n" for n in range(4000))
    write(0)
    weir.start()
    wait_until(lambda: server.asked, 10 * SLOW, "a request")
    first.unlink()
    first.write_text("a new one of its name\n")
    for turn in range(1, 4):
        write(turn)
        reload(weir)
    gate.open.set()
    wait_until(lambda: len(server.lines()) >= 4001, 30 * SLOW, "all lines")
    arrived = [text.split()[0] for text in server.lines()]
    assert sorted(arrived) == sorted([b"a", *(str(n).encode() for n in range(4000))])
    weir.stop()


def deleted(log):
    log.unlink()
    log.write_text("new\n")


def renamed(log):
    log.rename(f"{log}.1")
    log.write_text("new\n")


def compressed(log):
    renamed(log)
    subprocess.run(["gzip", f"{log}.1"], check=True)


def copied(log):
    shutil.copy(log, f"{log}.1")
    log.write_text("new\n")


def copied_and_compressed(log):
    copied(log)
    subprocess.run(["gzip", f"{log}.1"], check=True)


def twice(rotation):
    def rotate(log):
        rotation(log)
        log.write_text("between\n")
        for name in (f"{log}.1", f"{log}.1.gz"):
            if os.path.exists(name):
                os.rename(name, name.replace(".1", ".2"))
        rotation(log)
    return rotate


ROTATIONS = {"deleted": deleted, "renamed": renamed, "compressed": compressed, "copied": copied,
             "copied and compressed": copied_and_compressed, "renamed twice": twice(renamed),
             "compressed twice": twice(compressed), "copied twice": twice(copied),
             "copied and compressed twice": twice(copied_and_compressed)}


@pytest.mark.parametrize("how", ROTATIONS)
@pytest.mark.parametrize("read", [True, False], ids=["read", "unread"])
def test_what_happens_to_a_file_while_a_reload_waits_is_seen(weir, scripted, tmp_path, how, read):
    """Between a generation that has handed over and the one after it nobody reads."""
    gate = Gate()
    server = scripted(gate)
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    weir.configure(memory_limit="4MiB", drain_timeout="1s")

    def write(turn):
        weir.pipeline("a", {"inputs": [tail(tmp_path / "*.log")], "filters": [{"set": {"x": turn}}],
                            "outputs": [to_file(out), to_http(server.url, format="lines")]})

    lines = 100 if read else 4000
    with open(log, "w", encoding="ascii") as f:
        f.writelines(f"{n} {'x' * 2000}\n" for n in range(lines))
    write(0)
    weir.start()
    wait_until(lambda: server.asked and count(out) >= min(lines, 100), 10 * SLOW, "the first lines")
    write(1)
    assert reload(weir)["repeated"] > 0
    weir.configure(memory_limit="4MiB", drain_timeout="60s")
    write(2)
    waits = threading.Thread(target=reload, args=(weir,))
    waits.start()
    wait_until(lambda: weir.status()["pipelines"][0]["state"] != "running", 10 * SLOW, "the end of reading")
    ROTATIONS[how](log)
    gate.open.set()
    waits.join()
    wanted = sorted([b"new", *(b"%d" % n for n in range(lines)), *([b"between"] if "twice" in how else [])])

    def arrived():
        return sorted(text.split()[0] for text in server.lines())

    wait_until(lambda: len(arrived()) >= len(wanted), 20 * SLOW,
               lambda: f"all lines; {len(arrived())} came, not {sorted(set(wanted) - set(arrived()))[:5]}")
    assert arrived() == wanted
    assert count(out) == len(wanted)
    weir.stop()


def test_the_half_of_a_line_of_standard_input_is_kept(weir, tmp_path):
    out, reader_writer = tmp_path / "out.jsonl", os.pipe()

    def write(turn):
        weir.pipeline("a", {"inputs": [{"stdin": {}}], "filters": [{"set": {"x": turn}}],
                            "outputs": [to_file(out)]})

    write(0)
    with open(weir.log_path, "ab") as log:
        weir.process = subprocess.Popen([weir.binary, "run", "-c", weir.config],
                                        stdin=reader_writer[0], stdout=log, stderr=log)
    os.close(reader_writer[0])
    wait_until(weir.answers, 20 * SLOW, "the start")
    for turn in range(1, 4):
        os.write(reader_writer[1], f"whole {turn}\nhalf ".encode())
        wait_until(lambda: count(out) == 2 * turn - 1, 10 * SLOW, "the whole line")
        write(turn)
        reload(weir)
        os.write(reader_writer[1], f"and half {turn}\n".encode())
        wait_until(lambda: count(out) == 2 * turn, 10 * SLOW, "the halves")
    assert [r["message"] for r in records(out)] == [
        text for turn in range(1, 4) for text in (f"whole {turn}", f"half and half {turn}")]
    os.close(reader_writer[1])
    weir.stop()


# ---- destinations that do not answer ----

class Gate:
    """answer() of a scripted server that keeps its clients waiting until it is opened."""

    def __init__(self, then=200):
        self.open, self.then = threading.Event(), then

    def __call__(self, body, number):
        return self.then if self.open.is_set() else 503


def test_a_hanging_destination_is_waited_for_and_then_sent_to_again(weir, scripted, tmp_path):
    gate = Gate()
    server = scripted(gate)
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    append(log, 1, 100)

    def write(**more):
        weir.pipeline("a", {"inputs": [tail(log)], **more, "outputs": [
            to_file(out), to_http(server.url, format="lines")]})

    weir.configure(drain_timeout="1s")
    write()
    weir.start()
    wait_until(lambda: count(out) == 100 and server.asked, 10 * SLOW, "the first lines")
    append(log, 101, 110)
    wait_until(lambda: count(out) == 110, 10 * SLOW, "more lines")
    write(filters=[{"set": {"x": 1}}])
    began = time.monotonic()
    result = reload(weir)
    # drain_timeout, and what a busy machine takes for the rest.
    assert 1 <= time.monotonic() - began < 6 * SLOW
    assert outcomes(result) == {"a": "changed"} and result["repeated"] == 110
    # The other output goes on meanwhile.
    append(log, 111, 120)
    wait_until(lambda: count(out) == 120, 10 * SLOW, "the lines after the reload")
    assert weir.metric("weir_output_repeated_total", output="http") == 110
    gate.open.set()
    wait_until(lambda: len(server.lines()) >= 120, 20 * SLOW, "all lines")
    assert sorted(map(int, server.lines())) == list(range(1, 121)), "refused ones came once"
    assert numbers(out) == list(range(1, 121))
    # Positions go on past what was handed over.
    wait_until(lambda: position(weir, "http") == log.stat().st_size, 10 * SLOW, "the position")
    weir.stop()


def test_what_was_handed_over_of_a_source_that_has_ended_closes_it_once(weir, scripted, tmp_path):
    gate, port = Gate(), free_port()
    server = scripted(gate)
    weir.configure(drain_timeout="100ms")
    # What is freed is overwritten, so that whoever still uses it is found out.
    weir.env["MALLOC_PERTURB_"] = "165"

    def write(turn):
        weir.pipeline("a", {"inputs": [{"syslog": {"listen": f"127.0.0.1:{port}"}}],
                            "filters": [{"set": {"x": turn}}],
                            "outputs": [to_http(server.url, format="lines")]})

    write(0)
    weir.start()
    wait_until(lambda: listening(port), 10 * SLOW, "the listener")
    for n in range(20):
        with syslog.connect(port) as sender:
            sender.sendall(b"<13>%d\n" % n)
    wait_until(lambda: weir.metric("weir_output_in_flight_records") == 20, 10 * SLOW, "the records")
    for turn in range(1, 3):
        write(turn)
        assert reload(weir)["repeated"] == 20
    gate.open.set()
    wait_until(lambda: len(server.lines()) >= 20, 10 * SLOW, "all lines")
    assert sorted(server.lines()) == sorted(b"<13>%d" % n for n in range(20))
    write(3)
    assert outcomes(reload(weir)) == {"a": "changed"}
    weir.stop()


def test_what_an_old_generation_can_not_deal_with_fails_the_new_one(weir, scripted, tmp_path):
    """Else its positions would stand still and nobody would know why."""
    gate, letters = Gate(then=400), tmp_path / "letters.jsonl"
    server, refusing = scripted(gate), scripted(lambda body, number: 400)
    log = tmp_path / "a.log"
    append(log, 1, 10)
    weir.configure(drain_timeout="30s")

    def write(turn, dead_letter):
        weir.pipeline("a", {"inputs": [tail(log)],
                            "filters": [{"set": {"name": f"set{turn}", "fields": {"x": 1}}}],
                            "outputs": [to_http(server.url, format="lines")],
                            "dead_letter": [dead_letter]})

    write(0, to_http(refusing.url))
    weir.start()
    wait_until(lambda: server.asked, 10 * SLOW, "a request")
    write(1, to_http(refusing.url))
    weir.reload()
    wait_until(lambda: weir.status()["pipelines"][0]["filters"][0]["name"] == "set1", 10 * SLOW,
               "the new one beside the old one")
    gate.open.set()
    wait_until(lambda: weir.status()["pipelines"][0]["failure"], 10 * SLOW, "its failure")
    write(2, to_file(letters))
    assert outcomes(reload(weir)) == {"a": "changed"}
    wait_until(lambda: count(letters) >= 10, 10 * SLOW, "the dead letters")
    assert sorted(int(r["line"]) for r in records(letters)) == list(range(1, 11))
    weir.stop()


def position(weir, output):
    listed = json.loads(weir.command("positions", "list", "-c", weir.config, "--json").stdout)
    return listed["sources"][0]["positions"][output]


def test_positions_wait_for_what_was_handed_over(weir, scripted, tmp_path):
    gate = Gate()
    server = scripted(gate)
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    append(log, 1, 100)
    weir.configure(drain_timeout="0s", shutdown_timeout="0s")
    for turn in range(3):
        weir.pipeline("a", {"inputs": [tail(log)], "filters": [{"set": {"x": turn}}], "outputs": [
            to_file(out), to_http(server.url, format="lines")]})
        if turn == 0:
            weir.start()
            wait_until(lambda: count(out) == 100, 10 * SLOW, "the first lines")
        else:
            reload(weir)
        append(log, 1000 * turn + 101, 1000 * turn + 110)
        wait_until(lambda: count(out) == 110 + 10 * turn, 10 * SLOW, "more lines")
    wait_until(lambda: position(weir, "file") == log.stat().st_size, 10 * SLOW, "a position")
    assert position(weir, "http") == 0
    weir.stop(code=4)
    gate.open.set()
    weir.start()
    wait_until(lambda: len(server.lines()) >= 130, 20 * SLOW, "all lines")
    assert sorted(map(int, server.lines())) == sorted(numbers(out))
    assert len(set(numbers(out))) == count(out) == 130
    weir.stop()


def test_a_stop_waits_for_what_was_handed_over(weir, scripted, tmp_path):
    gate = Gate()
    server = scripted(gate)
    log = tmp_path / "a.log"
    append(log, 1, 10)
    weir.configure(drain_timeout="0s", shutdown_timeout=f"{10 * SLOW}s")

    def write(turn):
        weir.pipeline("a", {"inputs": [tail(log)], "filters": [{"set": {"x": turn}}],
                            "outputs": [to_http(server.url, format="lines")]})

    write(0)
    weir.start()
    wait_until(lambda: server.asked, 10 * SLOW, "a request")
    write(1)
    assert reload(weir)["repeated"] == 10
    answers = threading.Timer(0.5, gate.open.set)
    answers.start()
    weir.stop()
    answers.join()
    append(log, 11, 20)
    weir.start()
    wait_until(lambda: len(server.lines()) >= 20, 10 * SLOW, "all lines")
    assert sorted(map(int, server.lines())) == list(range(1, 21)), "none came twice"
    weir.stop()


def test_a_pipeline_that_is_added_gets_what_memory_the_others_leave(weir, scripted, tmp_path):
    gate = Gate()
    server = scripted(gate)
    log = tmp_path / "a.log"
    log.write_text("".join(f"{n} {'x' * 2000}\n" for n in range(10000)))
    weir.configure(memory_limit="8MiB")

    def used():
        memory = weir.status()["memory"]
        assert memory["used"] <= memory["limit"], weir.status()
        return memory["used"] / memory["limit"]

    weir.pipeline("a", {"inputs": [tail(log)], "outputs": [to_http(server.url)]})
    weir.start()
    wait_until(lambda: used() > 0.7, 10 * SLOW, "a full pipeline")
    weir.pipeline("b", {"inputs": [tail(log)], "outputs": [to_http(server.url)]})
    assert outcomes(reload(weir)) == {"a": "unchanged", "b": "added"}
    wait_until(lambda: weir.metric("weir_output_in_flight_records", pipeline="b"), 10 * SLOW,
               "records of the new one")
    until = time.monotonic() + 1
    while time.monotonic() < until:
        used()
    gate.open.set()
    wait_until(lambda: used() <= 1 and weir.metric("weir_output_records_total",
                                                   outcome="delivered") == 20000,
               60 * SLOW, "all lines")
    # What "a" gave back is shared out again at the next look.
    wait_until(lambda: weir.metric("weir_memory_limit_bytes", pipeline="b") == 4 << 20, 10 * SLOW,
               "half of the memory")
    weir.stop()


def test_a_strict_output_waits_for_its_order(weir, scripted, tmp_path):
    gate = Gate()
    server = scripted(gate)
    log = tmp_path / "a.log"
    append(log, 1, 50)
    weir.configure(drain_timeout="300ms")

    def write(number):
        weir.pipeline("a", {"inputs": [tail(log)], "filters": [{"set": {"x": number}}], "outputs": [
            to_http(server.url, format="lines", ordering="strict")]})

    write(1)
    weir.start()
    wait_until(lambda: server.asked, 10 * SLOW, "a request")
    for turn in range(2, 5):
        write(turn)
        append(log, turn * 100, turn * 100 + 10)
        reload(weir)
    gate.open.set()
    wait_until(lambda: len(server.lines()) >= 83, 20 * SLOW, "all lines")
    arrived = list(map(int, server.lines()))
    assert arrived == sorted(arrived) and len(set(arrived)) == 83
    weir.stop()


def test_a_folder_that_another_pipeline_begins_to_read_is_still_watched_for_the_first(weir, tmp_path):
    """The first wants only the folders in it, so its watch is replaced by one for files, too, while
    folders come and go: none is missed, though nobody looks again within the hour."""
    logs, outs = tmp_path / "logs", [tmp_path / "first.jsonl", tmp_path / "second.jsonl"]
    logs.mkdir()
    for name, pattern, out in (("first", "*/a.log", outs[0]), ("second", "*.log", outs[1])):
        weir.pipeline(name, {
            "inputs": [{"tail": {"paths": [str(logs / pattern)], "start": "beginning",
                                 "rescan_interval": "1h"}}],
            "outputs": [{"file": {"path": str(out), "linger": "0s"}}]})
    second = weir.conf_dir / "second.yaml"
    kept = second.read_text()
    second.unlink()
    weir.start()
    made = 0

    def write_more(how_many):
        nonlocal made
        for made in range(made + 1, made + how_many + 1):
            (logs / str(made)).mkdir()
            (logs / str(made) / "a.log").write_text(f"{made}\n")

    for _ in range(5):
        second.write_text(kept)
        writer = threading.Thread(target=write_more, args=(20,))
        writer.start()
        weir.reload()
        writer.join()
        second.unlink()
        weir.reload()
        write_more(1)
    if "tail_no_inotify" in weir.log():
        pytest.skip("no inotify instance is left on this machine: nothing tells of changes")
    wait_until(lambda: count(outs[0]) >= made, 20 * SLOW,
               lambda: f"{made} records ({count(outs[0])})")
    assert sorted(int(r["message"]) for r in records(outs[0])) == list(range(1, made + 1))



def test_a_removed_output_or_pipeline_ends_within_the_limit(weir, scripted, tmp_path):
    server = scripted(Gate())
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    append(log, 1, 100)
    weir.configure(drain_timeout="300ms", shutdown_timeout="2s")
    weir.pipeline("a", {"inputs": [tail(log)], "outputs": [to_file(out), to_http(server.url)]})
    weir.pipeline("b", {"inputs": [tail(log)], "outputs": [to_http(server.url)]})
    weir.start()
    wait_until(lambda: count(out) == 100 and weir.metric("weir_input_records_total") == 200,
               10 * SLOW, "the lines")
    weir.pipeline("a", {"inputs": [tail(log)], "outputs": [to_file(out)]})
    (weir.conf_dir / "b.yaml").unlink()
    assert outcomes(reload(weir)) == {"a": "changed", "b": "removed"}
    append(log, 101, 110)
    wait_until(lambda: count(out) == 110, 10 * SLOW, "the lines after it")
    wait_until(lambda: 'pipeline="b"' not in weir.get("/metrics")[1], 10 * SLOW, "no series of b's")
    weir.stop()  # nothing is owed to anyone any more
    assert position(weir, "file") == log.stat().st_size


def test_a_stop_cuts_the_wait_of_a_reload_short(weir, scripted, tmp_path):
    server = scripted(Gate())
    log = tmp_path / "a.log"
    append(log, 1, 10)
    weir.configure(drain_timeout="10m", shutdown_timeout="100ms")
    weir.pipeline("a", {"inputs": [tail(log)], "outputs": [to_http(server.url)]})
    weir.start()
    wait_until(lambda: server.asked, 10 * SLOW, "a request")
    weir.pipeline("a", {"inputs": [tail(log)], "filters": [{"set": {"x": 1}}],
                        "outputs": [to_http(server.url)]})
    weir.reload()
    wait_until(lambda: weir.status()["pipelines"][0]["filters"], 10 * SLOW, "the new generation")
    weir.stop(code=4)
    assert position(weir, "http") == 0


def test_a_queue_on_disk_goes_from_one_generation_to_the_next(weir, scripted, tmp_path):
    gate = Gate()
    server = scripted(gate)
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    weir.configure(drain_timeout="300ms")
    sent = 0
    # Without one at first, so that what is owed goes into it; and without one in the end.
    for turn, buffer in enumerate([None, "8MiB", "8MiB", "16MiB", "16MiB"]):
        more = {"buffer": {"disk": buffer}} if buffer else {}
        weir.pipeline("a", {"inputs": [tail(log)], "filters": [{"set": {"x": turn}}], "outputs": [
            to_file(out), to_http(server.url, format="lines", **more)]})
        if turn == 0:
            weir.start()
        else:
            reload(weir)
        append(log, sent + 1, sent + 500)
        sent += 500
        wait_until(lambda: count(out) == sent, 10 * SLOW, "more lines in the file")
    wait_until(lambda: position(weir, "http") == log.stat().st_size, 10 * SLOW, "the queue")
    gate.open.set()
    wait_until(lambda: len(server.lines()) >= sent, 20 * SLOW, "all lines")
    assert sorted(map(int, server.lines())) == list(range(1, sent + 1))
    assert numbers(out) == list(range(1, sent + 1))
    weir.stop()


# ---- records that filters hold ----

def cri(text, tag="F", stream="stdout"):
    return f"2016-10-06T00:17:09Z {stream} {tag} {text}\n"


def held(weir):
    return weir.metric("weir_filter_records_held_total")


@pytest.mark.parametrize("answers", [True, False])
def test_parts_that_a_filter_holds_arrive_joined_and_nothing_twice(weir, scripted, tmp_path,
                                                                   answers):
    gate = Gate()
    server = scripted(gate)
    log = tmp_path / "a.log"
    log.write_text(cri("whole"))
    weir.configure(drain_timeout="300ms")

    def write(number):
        weir.pipeline("pod", {
            "inputs": [tail(log)],
            "filters": [{"parse": {"format": "cri", "partial_timeout": "1h"}},
                        {"set": {"generation": number}}],
            "outputs": [to_http(server.url)]})

    def arrived():
        return [json.loads(line)["message"] for line in server.lines()]

    write(0)
    weir.start()
    expected = ["whole"]
    for turn in range(1, 4):
        before = held(weir)
        with open(log, "a", encoding="utf-8") as f:
            f.write(cri(f"one {turn} ", "P") + cri(f"aside {turn}", stream="stderr")
                    + cri("two ", "P"))
        if answers or turn == 1:
            wait_until(lambda: held(weir) >= before + 2, 10 * SLOW, "the parts")
        if answers:
            gate.open.set()
            # A retry may let it overtake what came before.
            wait_until(lambda: f"aside {turn}" in arrived(), 10 * SLOW, "what is whole")
        # Without an answer the inputs of the new generations wait; these take each other's place.
        write(turn)
        reload(weir)
        with open(log, "a", encoding="utf-8") as f:
            f.write(cri("three"))
        expected += [f"aside {turn}", f"one {turn} two three"]
        if answers:
            wait_until(lambda: len(server.lines()) == len(expected), 10 * SLOW, f"turn {turn}")
    gate.open.set()
    wait_until(lambda: len(server.lines()) >= len(expected), 20 * SLOW, "all records")
    assert sorted(arrived()) == sorted(expected)
    wait_until(lambda: position(weir, "http") == log.stat().st_size, 10 * SLOW, "the position")
    weir.stop()

# SPDX-License-Identifier: MIT
"""A stranger's plugins in the real agent: the hard cases work, the bad ones are refused in words."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from harness.process import wait_until
from harness.records import lines, records
from harness.weir import BIN, ROOT, SLOW

BUILD = BIN.parent.parent
GOOD = BUILD / "tests/abi/good"
BAD = BUILD / "tests/abi/bad"
# The header sets that this agent has promised to go on with; plugins are built from each.
FROZEN = sorted(pathlib.Path(__file__).parent.glob("frozen/1.*"))


def builtin():
    return next(p for p in BUILD.rglob("weir/plugins") if p.is_dir())


@pytest.fixture
def agent(make_weir):
    """An agent that has the stranger's good plugins beside its own."""
    return make_weir(plugin_dirs=[str(builtin()), str(GOOD)])


@pytest.fixture
def folder(tmp_path):
    """A plugin folder for bad ones."""
    path = tmp_path / "plugins"
    path.mkdir(mode=0o755)
    return path


@pytest.fixture
def with_folder(make_weir, folder):
    """An agent that looks into that folder as well."""
    return make_weir(plugin_dirs=[str(builtin()), str(GOOD), str(folder)])


class Sender:
    """A client of the acker input."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20 * SLOW)
        wait_until(lambda: self.connects(path), 20 * SLOW, "the acker's socket")
        self.answer = b""

    def connects(self, path):
        try:
            self.socket.connect(str(path))
            return True
        except (FileNotFoundError, ConnectionRefusedError):
            return False

    def send(self, *texts):
        self.socket.sendall("".join(f"{text}\n" for text in texts).encode())

    def await_ack(self, count):
        """Reads answers until `count` lines are acknowledged, never more."""
        while self.acked() < count:
            more = self.socket.recv(4096)
            assert more, "the input closed the connection"
            self.answer += more
        assert self.acked() == count, self.answer

    def acked(self):
        found = re.findall(rb"ack (\d+)\n", self.answer)
        assert found == sorted(found, key=int), self.answer
        return int(found[-1]) if found else 0

    def nothing_yet(self):
        self.socket.setblocking(False)
        try:
            self.answer += self.socket.recv(4096)
        except BlockingIOError:
            pass
        self.socket.settimeout(20 * SLOW)
        return not self.answer

    def close(self):
        self.socket.close()


# ---- the hard cases ----


def test_the_strangers_plugins_are_listed(agent):
    listed = agent.command("plugins", "-c", agent.config, check=True).stdout
    for name in ("acker", "window", "shout", "looper", "old_minor"):
        assert re.search(rf"^ *(input|filter|output) +{name} ", listed, re.M), listed
    assert "Refused" not in listed


def test_a_plugin_needs_no_symbol_of_the_agent():
    for plugin in GOOD.glob("*.so"):
        wanted = subprocess.run(["nm", "-D", "--undefined-only", plugin], capture_output=True,
                                text=True, check=True).stdout
        assert "weir" not in wanted, plugin


def test_a_sender_is_answered_when_its_lines_are_delivered(agent, tmp_path):
    agent.pipeline("main", {"inputs": [{"acker": f"{tmp_path}/in"}],
                            "outputs": [{"file": {"path": f"{tmp_path}/out", "format": "line"}}]})
    agent.start()
    sender = Sender(tmp_path / "in")
    sender.send("one", "two")
    sender.await_ack(2)
    assert lines(tmp_path / "out") == [b"one", b"two"]
    sender.send("three")
    sender.await_ack(3)
    assert lines(tmp_path / "out") == [b"one", b"two", b"three"]
    sender.close()
    agent.stop()


def test_a_sender_is_not_answered_before_the_last_output_has_its_lines(agent, tmp_path):
    full = {"path": f"{tmp_path}/full", "format": "line", "max_bytes": 4}
    agent.pipeline("main", {"inputs": [{"acker": f"{tmp_path}/in"}],
                            "outputs": [{"looper": f"{tmp_path}/out"}, {"file": full}]})
    agent.start()
    sender = Sender(tmp_path / "in")
    sender.send("abc")
    sender.await_ack(1)
    sender.send("def")
    wait_until(lambda: b"def" in lines(tmp_path / "out"), 20 * SLOW, "the line at the first output")
    wait_until(lambda: "max_bytes" in agent.log(), 20 * SLOW, "the stall in the log")
    sender.answer = b""
    assert sender.nothing_yet()
    os.unlink(tmp_path / "full")
    sender.await_ack(2)
    agent.stop()


def test_several_senders_are_answered_each_for_its_own_lines(agent, tmp_path):
    agent.pipeline("main", {"inputs": [{"acker": f"{tmp_path}/in"}],
                            "outputs": [{"looper": f"{tmp_path}/out"}]})
    agent.start()
    senders = [Sender(tmp_path / "in") for _ in range(4)]
    for number, sender in enumerate(senders):
        sender.send(*(f"{number} {line}" for line in range(100 * (number + 1))))
    for number, sender in enumerate(senders):
        sender.await_ack(100 * (number + 1))
        sender.close()
    assert len(lines(tmp_path / "out")) == 1000
    agent.stop()


def test_an_output_with_its_own_loop_reports_record_by_record(agent, tmp_path):
    agent.pipeline("main", {
        "inputs": [{"acker": f"{tmp_path}/in"}],
        "outputs": [{"looper": {"path": f"{tmp_path}/out", "refuse": "bad"}}],
        "dead_letter": [{"file": f"{tmp_path}/dead"}]})
    agent.start()
    sender = Sender(tmp_path / "in")
    sender.send("good 1", "bad 2", "good 3")
    sender.await_ack(3)
    agent.stop()
    assert sorted(lines(tmp_path / "out")) == [b"good 1", b"good 3"]
    dead = records(tmp_path / "dead")
    assert len(dead) == 1
    assert "refused" in dead[0].values()
    assert "the looper does not like it" in dead[0].values()
    assert "bad 2" in dead[0].values()


def test_an_output_has_metrics_with_labels_and_histograms(make_weir, tmp_path):
    agent = make_weir(admin=True, plugin_dirs=[str(builtin()), str(GOOD)])
    agent.pipeline("main", {"inputs": [{"acker": f"{tmp_path}/in"}],
                            "outputs": [{"looper": {"path": f'{tmp_path}/an "out"'}}]})
    agent.start()
    sender = Sender(tmp_path / "in")
    sender.send("one", "two")
    sender.await_ack(2)
    assert agent.metric("weir_looper_lines_total", output="looper", file=f'{tmp_path}/an "out"') == 2
    assert agent.metric("weir_looper_seconds_count", output="looper") > 0
    assert agent.metric("weir_looper_seconds_bucket", le="+Inf") > 0
    agent.stop()


def test_a_window_emits_on_its_timer_and_holds_its_records_until_then(agent, tmp_path):
    agent.pipeline("main", {
        "inputs": [{"acker": f"{tmp_path}/in"}],
        "filters": [{"window": {"key": "none", "period": "300ms"}}],
        "outputs": [{"looper": f"{tmp_path}/out"}]})
    agent.start()
    sender = Sender(tmp_path / "in")
    sender.send("a", "b", "a")
    sender.await_ack(3)
    assert sorted(lines(tmp_path / "out")) == [b"a 2", b"b 1"]
    sender.send("a")
    sender.await_ack(4)
    assert lines(tmp_path / "out")[2:] == [b"a 1"]
    agent.stop()


def counted(path):
    """Sums the counts of "VALUE COUNT" lines."""
    sums = {}
    for line in lines(path):
        value, count = line.rsplit(b" ", 1)
        sums[value] = sums.get(value, 0) + int(count)
    return sums


def window_over_a_file(agent, tmp_path):
    (tmp_path / "log").write_text("a\nb\na\n" * 1000)
    agent.pipeline("main", {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/log"], "start": "beginning"}}],
        "filters": [{"window": {"key": "none", "period": "1h"}}],
        "outputs": [{"looper": f"{tmp_path}/out"}]})


def test_a_window_emits_when_all_inputs_have_ended(agent, tmp_path):
    window_over_a_file(agent, tmp_path)
    agent.run_once()
    assert counted(tmp_path / "out") == {b"a": 2000, b"b": 1000}


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_an_unfinished_window_is_counted_again_by_the_next_run(agent, tmp_path, end):
    window_over_a_file(agent, tmp_path)
    agent.start()
    wait_until(lambda: "holding 3000 more records" in agent.log(), 20 * SLOW,
               "all lines in the window")
    if end == "kill":
        agent.kill()
    else:
        agent.stop()
    assert not lines(tmp_path / "out")
    agent.run_once()
    assert counted(tmp_path / "out") == {b"a": 2000, b"b": 1000}


def test_a_filter_in_cplusplus_adds_a_field(agent, tmp_path):
    agent.pipeline("main", {
        "inputs": [{"acker": f"{tmp_path}/in"}],
        "filters": [{"shout": {}}, {"shout": {"field": "again"}}],
        "outputs": [{"file": {"path": f"{tmp_path}/out", "metadata": []}}]})
    agent.start()
    sender = Sender(tmp_path / "in")
    sender.send("hello", "", "w\u00f6rld")
    sender.await_ack(3)
    agent.stop()
    assert [record["shouted"] for record in records(tmp_path / "out")] == ["HELLO", "", "W\u00f6RLD"]
    assert [record["again"] for record in records(tmp_path / "out")] == ["HELLO", "", "W\u00f6RLD"]


def test_a_plugin_of_an_older_minor_works_and_its_missing_members_are_not_called(agent, tmp_path):
    agent.pipeline("main", {"inputs": [{"acker": f"{tmp_path}/in"}],
                            "outputs": [{"old_minor": {"path": f"{tmp_path}/out"}}]})
    shown = agent.command("plugins", "-c", agent.config, "old_minor", check=True).stdout
    assert "plugin ABI 1.0" in shown
    agent.start()
    sender = Sender(tmp_path / "in")
    sender.send("one")
    sender.await_ack(1)
    agent.stop()
    assert lines(tmp_path / "out") == [b"one"]


# ---- the frozen headers ----


def has_1_2(frozen):
    return int(frozen.name.split(".")[1]) >= 2


def agent_of(make_weir, frozen):
    """An agent that has the plugins built from that set of headers beside its own."""
    plugins = BUILD / "tests/abi/frozen" / frozen.name
    agent = make_weir(plugin_dirs=[str(builtin()), str(plugins)])
    for kind, name in (("input", "acker"), ("filter", "shout"), ("filter", "window"), ("output", "looper")):
        (found,) = inspected(agent, plugins / f"{name}.so")["plugins"]
        assert (found["kind"], found["name"], found["abi"]) == (kind, name, frozen.name)
    return agent


@pytest.mark.parametrize("isolated", [{}, {"isolate": "process"}], ids=["in the agent", "isolated"])
@pytest.mark.parametrize("frozen", FROZEN, ids=lambda p: p.name)
def test_plugins_built_from_frozen_headers_take_records_through(make_weir, tmp_path, frozen, isolated):
    agent = agent_of(make_weir, frozen)
    agent.pipeline("main", {
        "inputs": [{"acker": f"{tmp_path}/in"}],
        "filters": [{"shout": isolated}],
        "outputs": [{"looper": {"path": f"{tmp_path}/out", "refuse": "bad", **isolated}},
                    {"file": {"path": f"{tmp_path}/fields", "metadata": []}}],
        "dead_letter": [{"file": f"{tmp_path}/dead"}]})
    agent.start()
    sender = Sender(tmp_path / "in")
    sender.send(*(f"line {i}" for i in range(1000)), "bad")
    sender.await_ack(1001)
    agent.stop()
    assert sorted(lines(tmp_path / "out")) == sorted(b"line %d" % i for i in range(1000))
    assert [r["shouted"] for r in records(tmp_path / "fields")] == \
        [f"LINE {i}" for i in range(1000)] + ["BAD"]
    assert "the looper does not like it" in records(tmp_path / "dead")[0].values()
    assert (tmp_path / "out.end").exists() == has_1_2(frozen), "its last words"


def warned_behind_shout(agent):
    path = agent.pipeline("fields", {"inputs": [{"stdin": {}}],
                                     "filters": [{"shout": {}}, {"where": "shouted == 'X' or whispered == 'x'"}],
                                     "outputs": [{"stdout": {}}]})
    return [p["text"] for p in json.loads(agent.check("--json", path).stdout)["problems"]]


def test_a_filter_that_says_which_fields_it_makes_is_believed(agent):
    assert warned_behind_shout(agent) == \
        ['no record has a field "whispered" here; there is "message", "shouted"']


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda p: p.name)
def test_before_1_2_a_filter_may_make_any_field(make_weir, frozen):
    assert bool(warned_behind_shout(agent_of(make_weir, frozen))) == has_1_2(frozen)


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda p: p.name)
def test_from_1_2_on_an_output_is_asked_online(make_weir, tmp_path, frozen):
    agent = agent_of(make_weir, frozen)
    path = agent.pipeline("asked", {"inputs": [{"stdin": {}}],
                                    "outputs": [{"looper": f"{tmp_path}/nowhere/out"}]})
    told = json.loads(agent.check("--online", "--json", path).stdout)["problems"]
    assert [p["text"] for p in told] == \
        [f"{tmp_path}/nowhere/out can't be opened; make its folder"] * has_1_2(frozen)


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda p: p.name)
def test_a_window_built_from_frozen_headers_holds_and_emits(make_weir, tmp_path, frozen):
    agent = agent_of(make_weir, frozen)
    window_over_a_file(agent, tmp_path)
    agent.run_once()
    assert counted(tmp_path / "out") == {b"a": 2000, b"b": 1000}


# ---- the bad ones ----


def refusal(agent, path):
    """What `weir plugins` says about a file, on one line."""
    listed = agent.command("plugins", "-c", agent.config, check=True).stdout
    assert str(path) in listed, listed
    return " ".join(listed[listed.index(str(path)):].split("\n  /")[0].split())


FAULTY_PLUGINS = [
    ("bad_major", "it is built for plugin ABI 2."),
    ("bad_old", "it is built for plugin ABI 0.1, this agent has 1."),
    ("bad_minor", "upgrade the agent"),
    ("bad_magic", "WEIR_PLUGINS()"),
    ("bad_symbol", "no symbol weir_plugins"),
    ("bad_missing", "write"),
    ("bad_option", "belongs to the host"),
    ("bad_name", "Bad Name"),
    ("bad_flags", "sets flags that this agent does not know"),
    ("bad_reserved", "reserved members"),
    ("bad_bit", 'flags of the option "a"'),
]


@pytest.mark.parametrize("name, words", FAULTY_PLUGINS)
def test_a_bad_plugin_is_refused_with_the_reason(with_folder, folder, name, words):
    shutil.copy(BAD / f"{name}.so", folder)
    assert words in refusal(with_folder, folder / f"{name}.so")


def make_text(path):
    path.write_text("not a plugin, but a note\n")


def make_empty(path):
    path.write_bytes(b"")


def make_truncated(path):
    whole = (GOOD / "looper.so").read_bytes()
    path.write_bytes(whole[:len(whole) // 2])


def make_header_only(path):
    path.write_bytes((GOOD / "looper.so").read_bytes()[:64])


def make_other_machine(path):
    whole = bytearray((GOOD / "looper.so").read_bytes())
    whole[18:20] = (0xf3).to_bytes(2, "little")  # EM_RISCV
    path.write_bytes(whole)


def make_folder(path):
    path.mkdir()


def make_pipe(path):
    os.mkfifo(path)


def make_dangling_link(path):
    path.symlink_to(path.parent / "gone.so")


def make_link_loop(path):
    other = path.with_name("y.so")
    path.symlink_to(other)
    other.symlink_to(path)


def make_writable(path):
    shutil.copy(GOOD / "looper.so", path)
    path.chmod(0o777)


def make_foreign(path):
    if os.geteuid() != 0:
        pytest.skip("giving a file away needs root")
    shutil.copy(GOOD / "looper.so", path)
    os.chown(path, 12345, 12345)


FAULTY_FILES = [
    (make_text, "not an ELF"),
    (make_empty, "not an ELF"),
    (make_truncated, "cut short"),
    (make_header_only, "cut short"),
    (make_other_machine, "another machine"),
    (make_folder, "not a regular file"),
    (make_pipe, "not a regular file"),
    (make_dangling_link, "leads nowhere"),
    (make_link_loop, "leads nowhere"),
    (make_writable, "chmod go-w"),
    (make_foreign, "chown root"),
]


@pytest.mark.parametrize("make, words", FAULTY_FILES)
def test_what_is_no_plugin_is_refused_with_the_reason(with_folder, folder, make, words):
    make(folder / "x.so")
    assert words in refusal(with_folder, folder / "x.so")


def test_of_two_plugins_with_one_name_the_second_is_refused(with_folder, folder):
    for number in (1, 2):
        shutil.copy(BAD / f"duplicate_{number}.so", folder)
    said = refusal(with_folder, folder / "duplicate_2.so")
    assert "duplicate_1.so" in said and "keep one" in said


def test_a_folder_that_others_can_write_is_refused(with_folder, folder):
    shutil.copy(BAD / "duplicate_1.so", folder)
    folder.chmod(0o777)
    listed = with_folder.command("plugins", "-c", with_folder.config).stdout
    assert "chmod go-w" in " ".join(listed.split())
    assert "duplicate" not in re.sub(r"/\S*", "", listed)


def test_a_plugin_folder_that_is_a_loop_of_links_is_refused(make_weir, tmp_path):
    for name, other in (("here", "there"), ("there", "here")):
        (tmp_path / name).symlink_to(tmp_path / other)
    agent = make_weir(plugin_dirs=[str(builtin()), str(tmp_path / "here")])
    said = refusal(agent, tmp_path / "here")
    assert "cannot be read: Too many levels of symbolic links" in said
    assert " tail " in agent.command("plugins", "-c", agent.config).stdout


def test_a_pipeline_that_asks_for_a_refused_plugin_is_told_why(with_folder, folder):
    shutil.copy(BAD / "bad_minor.so", folder / "bad_minor.so")
    with_folder.pipeline("main", {"inputs": [{"acker": "/tmp/unused"}],
                                  "outputs": [{"bad_minor": {}}]})
    checked = with_folder.check()
    assert checked.returncode == 1
    assert "bad_minor" in checked.stdout


def unharmed(agent, tmp_path):
    """A second pipeline, and a proof that it works."""
    agent.pipeline("good", {"inputs": [{"acker": f"{tmp_path}/in"}],
                            "outputs": [{"looper": f"{tmp_path}/out"}]})
    agent.start()
    sender = Sender(tmp_path / "in")
    sender.send("one")
    sender.await_ack(1)
    agent.stop()
    assert lines(tmp_path / "out") == [b"one"]


def test_a_plugin_that_fails_in_create_says_why_and_harms_no_other_pipeline(with_folder, folder,
                                                                           tmp_path):
    shutil.copy(BAD / "bad_create.so", folder)
    with_folder.pipeline("bad", {"inputs": [{"acker": f"{tmp_path}/other"}],
                                 "outputs": [{"bad_create": {}}]})
    unharmed(with_folder, tmp_path)
    assert "wait for the conjunction" in with_folder.log()
    assert "bad" in with_folder.log()


@pytest.mark.parametrize("name, words", [
    # A sanitizer turns the abort into an exit.
    ("bad_abort", r'plugin "bad_abort" (crashes when it is created \(Aborted\)|ends the process)'),
    ("bad_exit", r'plugin "bad_exit" ends the process when it is created \(exit status 7\)'),
])
def test_a_plugin_that_crashes_in_create_is_named_and_harms_no_other_pipeline(with_folder, folder,
                                                                             tmp_path, name, words):
    shutil.copy(BAD / f"{name}.so", folder)
    with_folder.pipeline("bad", {"inputs": [{"acker": f"{tmp_path}/other"}],
                                 "outputs": [{name: {}}]})
    with_folder.pipeline("worse", {"inputs": [{"acker": f"{tmp_path}/another"}],
                                   "outputs": [{name: {}}]})
    unharmed(with_folder, tmp_path)
    assert len(re.findall(words, with_folder.log())) == 2
    assert "bad.yaml" in with_folder.log() and "worse.yaml" in with_folder.log()


def compiled(folder, name, text, *flags, language="c"):
    path = folder / f"{name}.so"
    subprocess.run(["cc" if language == "c" else "c++", "-x", language, "-", "-shared", "-fPIC",
                    "-I", ROOT / "include", *flags, "-o", path], input=text, text=True, check=True)
    return path


# A filter that does something when its file is loaded, or when an instance of it is made.
STUBBORN = """
#include <stdlib.h>
#include <unistd.h>
#include <weir/plugin.h>
static void act(void) { %(act)s; }
#ifdef AT_LOAD
__attribute__((constructor)) static void constructor(void) { act(); }
#endif
static int32_t create(const struct weir_services *host, struct weir_context *context,
                      const struct weir_node *options, void **ret, struct weir_error *error)
{ (void)host; (void)context; (void)options; (void)ret; (void)error; act(); return WEIR_OK; }
static void destroy(void *instance) { (void)instance; }
static int32_t process(void *instance, struct weir_batch *batch, struct weir_error *error)
{ (void)instance; (void)batch; (void)error; return WEIR_OK; }
static const struct weir_filter_ops ops = {.struct_size = sizeof(ops), .create = create,
                                           .destroy = destroy, .process = process};
static const struct weir_plugin plugin = {.struct_size = sizeof(plugin), .kind = WEIR_FILTER,
    .name = "%(name)s", .version = "1", .summary = "Is stubborn", .filter = &ops};
static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
"""
REMEDY = r"; remove it(?: from this pipeline)?, or install a version of it that works"


def stubborn(folder, name, act, *flags):
    return compiled(folder, name, STUBBORN % {"name": name, "act": act}, *flags)


@pytest.fixture
def impatient(make_weir, folder):
    return make_weir(plugin_dirs=[str(builtin()), str(GOOD), str(folder)], load_timeout="1s")


AT_LOAD = [
    ("exit(7)", r"it ends the process when it is loaded \(exit status \d+\)"),
    # A sanitizer turns the abort into an exit.
    ("abort()", r"it (crashes when it is loaded \(Aborted\)|ends the process when it is loaded \(exit)"),
    ("for (;;) pause()", "its code does not come back within 1 s when it is loaded"),
]


@pytest.mark.parametrize("act, words", AT_LOAD)
def test_a_file_whose_code_is_stubborn_when_it_is_loaded_is_refused_and_harms_nothing(
        impatient, folder, tmp_path, act, words):
    path = stubborn(folder, "early", act, "-DAT_LOAD")
    assert re.search(words + REMEDY, refusal(impatient, path))
    impatient.pipeline("bad", {"inputs": [{"acker": f"{tmp_path}/other"}], "filters": [{"early": {}}],
                                 "outputs": [{"looper": f"{tmp_path}/none"}]})
    unharmed(impatient, tmp_path)
    assert re.search(words, impatient.log()) and "bad.yaml:" in impatient.log()
    assert inspected(impatient, path)["plugins"][0]["name"] == "early"  # it can only be known by running it


@pytest.mark.parametrize("act, words", AT_LOAD)
def test_such_a_file_that_comes_with_a_reload_is_refused_as_well(impatient, folder, tmp_path, act, words):
    impatient.pipeline("good", {"inputs": [{"acker": f"{tmp_path}/in"}], "outputs": [{"looper": f"{tmp_path}/out"}]})
    impatient.start()
    sender = Sender(tmp_path / "in")
    stubborn(folder, "early", act, "-DAT_LOAD")
    impatient.pipeline("bad", {"inputs": [{"acker": f"{tmp_path}/other"}], "filters": [{"early": {}}],
                               "outputs": [{"looper": f"{tmp_path}/none"}]})
    impatient.reload()
    wait_until(lambda: re.search(words + REMEDY, impatient.log()), 20 * SLOW, "the refusal")
    sender.send("one")
    sender.await_ack(1)
    impatient.stop()
    assert lines(tmp_path / "out") == [b"one"]


def test_a_plugin_that_never_comes_back_from_create_is_named_and_harms_no_other_pipeline(
        impatient, folder, tmp_path):
    stubborn(folder, "late", "for (;;) pause()")
    impatient.pipeline("bad", {"inputs": [{"acker": f"{tmp_path}/other"}], "filters": [{"late": {}}],
                                 "outputs": [{"looper": f"{tmp_path}/none"}]})
    words = 'plugin "late" does not come back within 1 s when it is created' + REMEDY
    checked = impatient.check()
    assert checked.returncode == 1 and re.search(words, checked.stdout)
    unharmed(impatient, tmp_path)
    assert re.search(words, impatient.log()) and "bad.yaml" in impatient.log()


LIES = ["shape", "slots", "row", "line_block", "line", "source", "tag", "value_block", "value", "overflow",
        "records", "used"]


@pytest.mark.parametrize("lie", LIES)
def test_an_input_that_fills_a_batch_wrongly_is_named_and_harms_no_other_pipeline(with_folder, folder,
                                                                                 tmp_path, lie):
    shutil.copy(BAD / "liar.so", folder)
    with_folder.pipeline("bad", {"inputs": [{"liar": lie}], "outputs": [{"looper": f"{tmp_path}/bad"}]})
    unharmed(with_folder, tmp_path)
    said = [line for line in with_folder.log().splitlines() if "cannot be read" in line]
    assert len(said) == 1 and "the plugin liar" in said[0] and "bad" in said[0], with_folder.log()
    assert not lines(tmp_path / "bad")


def test_the_same_input_without_a_lie_works(with_folder, folder, tmp_path):
    shutil.copy(BAD / "liar.so", folder)
    with_folder.pipeline("good", {"inputs": [{"liar": "none"}], "outputs": [{"looper": f"{tmp_path}/out"}]})
    with_folder.run_once()
    assert lines(tmp_path / "out") == [b"text"] * 3


# ---- inspect ----


def inspected(agent, path, code=0):
    """What `weir plugins inspect --json` says of a file."""
    done = agent.command("plugins", "inspect", "--json", path)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_inspect_reads_from_the_file_what_loading_it_shows(agent):
    files = {*builtin().glob("*.so"), *GOOD.glob("*.so")} - {GOOD / "old_minor.so"}
    assert len(files) > 10
    for file in files:
        found = inspected(agent, file)
        # A sanitizer may have taken the place of the C library.
        assert found["refused"] is None and re.search(r"lib(c|asan|tsan)\.so", str(found["needs"]))
        assert found["plugins"]
        for plugin in found["plugins"]:
            listed = json.loads(agent.command("plugins", "-c", agent.config, plugin["name"], "--json",
                                              check=True).stdout)["plugins"]
            assert plugin in listed, file


def test_inspect_describes_a_plugin_for_people(agent):
    said = agent.command("plugins", "inspect", GOOD / "window.so", check=True).stdout
    assert "The agent would load it." in said
    assert re.search(r"mode 0\d+, owner \w+; needs .*libc\.so\.6", said)
    assert "window: filter" in said and "period  (duration" in said


@pytest.mark.parametrize("name, words", FAULTY_PLUGINS)
def test_inspect_gives_the_reason_that_loading_a_bad_plugin_gives(with_folder, folder, name, words):
    shutil.copy(BAD / f"{name}.so", folder)
    why = inspected(with_folder, folder / f"{name}.so", code=1)["refused"]
    assert words in why and " ".join(why.split()) in refusal(with_folder, folder / f"{name}.so")


@pytest.mark.parametrize("make, words", FAULTY_FILES)
def test_inspect_gives_the_reason_that_loading_no_plugin_gives(with_folder, folder, make, words):
    make(folder / "x.so")
    why = inspected(with_folder, folder / "x.so", code=1)["refused"]
    assert words in why and " ".join(why.split()) in refusal(with_folder, folder / "x.so")


def test_inspect_describes_a_plugin_that_others_can_write_all_the_same(agent, folder):
    make_writable(folder / "x.so")
    found = inspected(agent, folder / "x.so", code=1)
    assert "chmod go-w" in found["refused"]
    assert [plugin["name"] for plugin in found["plugins"]] == ["looper"]


CONSTRUCTOR = """
#include <fcntl.h>
#include <weir/plugin.h>
__attribute__((constructor)) static void run(void) { open("%s", O_CREAT | O_WRONLY, 0600); }
static const struct weir_plugin plugin = {sizeof(plugin), WEIR_FILTER, 0, 0, "hasty", "1", "Runs early"};
static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
"""


def test_inspect_runs_nothing_of_the_file(with_folder, folder, tmp_path):
    path = compiled(folder, "hasty", CONSTRUCTOR % (tmp_path / "ran"))
    assert "lacks the table of filter functions" in inspected(with_folder, path, code=1)["refused"]
    assert not (tmp_path / "ran").exists()
    refusal(with_folder, path)  # loading does
    assert (tmp_path / "ran").exists()


MADE_BY_CODE = """
#include <weir/plugin.h>
static weir_plugin describe() { weir_plugin plugin = {}; plugin.name = "late"; return plugin; }
static const weir_plugin plugin = describe();
static const weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
"""


def test_inspect_says_when_descriptors_are_made_by_code(agent, folder):
    for path in (compiled(folder, "late", MADE_BY_CODE, language="c++"), GOOD / "old_minor.so"):
        said = agent.command("plugins", "inspect", path)
        assert said.returncode == 1 and "Not known: its descriptors are not in the file" in said.stdout


@pytest.mark.parametrize("arguments, words", [
    ((), "it takes one FILE.so"),
    (("a.so", "b.so"), "it takes one FILE.so"),
    (("--jsn", "a.so"), "did you mean"),
])
def test_inspect_says_how_it_is_used(agent, arguments, words):
    done = agent.command("plugins", "inspect", *arguments)
    assert done.returncode == 2 and words in done.stderr

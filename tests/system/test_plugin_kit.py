# SPDX-License-Identifier: MIT
"""The plugin kit as a stranger has it, from an installed weir-dev: the template of `weir plugins new`
builds and passes its own test, and the examples do what they promise."""
import hashlib
import hmac
import json
import os
import re

import pytest

from harness import needs
from harness.kit import Kit, command
from harness.process import wait_until
from harness.records import count, lines, records
from harness.weir import SLOW

KINDS = ("input", "filter", "output")
STRICT = "-Wall -Wextra -Wshadow -Wstrict-prototypes -Wwrite-strings -Werror"
STRICT_CXX = "-Wall -Wextra -Wshadow -Werror"


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    return Kit(tmp_path_factory.mktemp("kit"))


def new(kit, folder, name, kind, check=True):
    return command(kit.weir, "plugins", "new", name, "--kind", kind, "--into", folder, check=check)


# ---- the template ----

@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_builds_with_make_passes_its_test_and_is_installed(kit, tmp_path, kind):
    needs.programs("make", "pkg-config")
    said = new(kit, tmp_path, "mine", kind).stdout
    assert f"make -C {tmp_path}/mine" in said
    command("make", "-C", tmp_path / "mine", f"CFLAGS={STRICT}", env=kit.env)
    assert "mine: passed" in command("make", "-C", tmp_path / "mine", "check", env=kit.env).stdout
    # pkg-config puts the root before the folder already.
    command("make", "-C", tmp_path / "mine", "install", env=kit.env)
    installed = kit.plugins / f"{kind}-mine.so"
    try:
        assert oct(installed.stat().st_mode & 0o777) == "0o644"
        listed = command(kit.weir, "plugins", "-c", "/dev/null").stdout
        assert re.search(rf"^ *{kind} +mine +0\.1\.0 ", listed, re.M), listed
    finally:
        installed.unlink()


def test_new_plugins_build_with_cmake_and_pass_their_tests(kit, tmp_path):
    for kind in KINDS:
        name = f"a_{kind}"
        new(kit, tmp_path, name, kind)
        built = kit.cmake(tmp_path / name, tmp_path / name / "build", f"-DCMAKE_C_FLAGS={STRICT}")
        assert "100% tests passed" in command("ctest", "--test-dir", built, env=kit.env).stdout
        exported = command("nm", "-D", "--defined-only", built / f"{kind}-{name}.so").stdout
        assert exported.split()[2::3] == ["weir_plugins"]


def test_the_test_of_a_new_plugin_can_fail(kit, tmp_path):
    needs.programs("make", "pkg-config")
    new(kit, tmp_path, "mine", "filter")
    with open(tmp_path / "mine/test/expected", "a") as expected:
        expected.write("one line more\n")
    failed = command("make", "-C", tmp_path / "mine", "check", env=kit.env, check=False)
    assert failed.returncode != 0 and "-one line more" in failed.stdout


def test_nothing_of_the_template_is_left_in_a_new_plugin(kit, tmp_path):
    new(kit, tmp_path, "mine", "output")
    made = sorted(str(p.relative_to(tmp_path / "mine")) for p in (tmp_path / "mine").rglob("*.*"))
    assert "mine.c" in made
    for path in (tmp_path / "mine").rglob("*"):
        assert path.is_dir() or not re.search(r"sample|@KIND@", path.read_text()), path
    assert os.access(tmp_path / "mine/test/run", os.X_OK)


@pytest.mark.parametrize("name, options, words, code", [
    ("Mine", ("--kind", "input"), "no name for a plugin", 2),
    ("../mine", ("--kind", "input"), "no name for a plugin", 2),
    ("a" * 33, ("--kind", "input"), "no name for a plugin", 2),
    ("mine", (), "--kind input, filter or output is missing", 2),
    ("mine", ("--kind", "sink"), 'there is no kind "sink"', 2),
    ("mine", ("--knd", "input"), "did you mean", 2),
    ("there", ("--kind", "input"), "File exists", 1),
    ("mine", ("--kind", "input", "--into", "/nowhere"), "No such file", 1),
])
def test_what_cannot_be_made_is_refused_in_words(kit, tmp_path, name, options, words, code):
    (tmp_path / "there").mkdir()
    done = command(kit.weir, "plugins", "new", name, *options, cwd=tmp_path, check=False)
    assert done.returncode == code and words in done.stderr, done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["there"]


def test_without_weir_dev_the_command_says_what_to_install(kit, tmp_path):
    template = kit.prefix / "share/weir/template"
    template.rename(template.with_name("away"))
    try:
        done = new(kit, tmp_path, "mine", "input", check=False)
    finally:
        template.with_name("away").rename(template)
    assert done.returncode == 1 and "weir-dev" in done.stderr


# ---- the examples ----

@pytest.fixture(scope="module")
def examples(kit, tmp_path_factory):
    """The folder of the examples, built as their README says."""
    build = tmp_path_factory.mktemp("examples")
    kit.cmake(kit.examples, build, f"-DCMAKE_C_FLAGS={STRICT} -O2", f"-DCMAKE_CXX_FLAGS={STRICT_CXX}")
    return build


@pytest.fixture
def agent(make_weir, examples):
    return make_weir(plugin_dirs=["default", str(examples)])


def needs_plugin(examples, name):
    if not (examples / name).exists():
        needs.missing(f"a compiler or library for {name}")


def ship(agent, tmp_path, text, *filters, output=None):
    """Sends a file through filters; the records that come out."""
    (tmp_path / "log").write_bytes(text.encode() if isinstance(text, str) else text)
    agent.pipeline("main", {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/log"], "start": "beginning"}}],
        "filters": list(filters),
        "outputs": [output or {"file": {"path": f"{tmp_path}/out", "metadata": []}}]})
    agent.run_once()
    return records(tmp_path / "out") if not output else None


def test_the_examples_are_listed_with_what_the_readme_says(agent, examples, kit):
    listed = agent.command("plugins", "-c", agent.config, check=True).stdout
    page = (kit.examples / "README.md").read_text()
    rows = dict(re.findall(r"^\| \[(\w+)\.\w+\]\(\S+\) \| (\w+):", page, re.M))
    assert rows.keys() == {"exec", "mask", "webhook", "classify", "uniq"}
    for name, kind in rows.items():
        if (examples / f"{kind}-{name}.so").exists():
            assert re.search(rf"^ *{kind} +{name} +1\.0 ", listed, re.M), listed
    assert "Refused" not in listed


@pytest.mark.parametrize("name", ["exec", "mask", "webhook", "classify", "uniq"])
def test_an_example_builds_by_the_command_in_its_head(kit, tmp_path, name):
    source = next(kit.examples.glob(f"{name}.*"))
    line = re.search(r"^.*?((?:cc|c\+\+|rustc) .* -o (\S+\.so) .*)$", source.read_text(), re.M)
    needs.programs(line[1].split()[0], "pkg-config")
    if name == "mask" and command("pkg-config", "--exists", "libcrypto", check=False).returncode:
        needs.missing("libssl-dev", "build")
    # This pkg-config knows the kit alone: libcrypto is in the compiler's own folders.
    text = line[1].replace("weir libcrypto", "weir")
    command("sh", "-ec", text, cwd=source.parent, env={**kit.env, "TMPDIR": str(tmp_path)})
    made = source.parent / line[2]
    exported = command("nm", "-D", "--defined-only", made).stdout
    made.unlink()
    assert " weir_plugins\n" in exported


def exec_pipeline(agent, tmp_path, **options):
    agent.pipeline("main", {"inputs": [{"exec": options}],
                            "outputs": [{"file": {"path": f"{tmp_path}/out", "format": "line"}}]})


def test_exec_makes_a_record_of_each_line_that_a_command_prints(agent, tmp_path):
    exec_pipeline(agent, tmp_path, command=["sh", "-c", "echo one; echo; echo two; printf three"])
    agent.run_once()
    assert lines(tmp_path / "out") == [b"one", b"two", b"three"]


def test_exec_runs_its_command_again_and_again(agent, tmp_path):
    exec_pipeline(agent, tmp_path, command=["sh", "-c", f"echo x >>{tmp_path}/runs; echo ran"],
                  interval="30ms")
    agent.start()
    wait_until(lambda: count(tmp_path / "out") >= 3, 20 * SLOW, "three runs")
    agent.stop()
    assert count(tmp_path / "out") <= count(tmp_path / "runs")
    assert set(lines(tmp_path / "out")) == {b"ran"}


def test_exec_takes_more_than_its_buffer_holds_and_lines_longer_than_it(agent, tmp_path):
    script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; " \
             "head -c 200000 /dev/zero | tr '\\0' x; echo"
    exec_pipeline(agent, tmp_path, command=["sh", "-c", script])
    agent.run_once()
    got = lines(tmp_path / "out")
    assert got[:20000] == [b"line %d" % i for i in range(20000)]
    assert b"".join(got[20000:]) == b"x" * 200000


def test_exec_kills_a_run_that_takes_too_long_with_all_it_started(agent, tmp_path):
    exec_pipeline(agent, tmp_path, timeout="300ms",
                  command=["sh", "-c", f"tail -f /dev/null & echo $! >{tmp_path}/pid; echo begun; wait"])
    done = agent.run_once()
    assert "sh was killed" in done.stderr and "raise timeout" in done.stderr
    assert lines(tmp_path / "out") == [b"begun"]
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: gone(pid), 10 * SLOW, "the end of the command's child")


def gone(pid):
    """True when the process has ended, reaped or not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(") ", 1)[1][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_exec_does_not_wait_for_what_a_command_leaves_behind(agent, tmp_path):
    exec_pipeline(agent, tmp_path, timeout="1h",
                  command=["sh", "-c", f"tail -f /dev/null 2>/dev/null & echo $! >{tmp_path}/pid; echo done"])
    agent.run_once()
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert lines(tmp_path / "out") == [b"done"]


@pytest.mark.parametrize("argv, words", [
    (["sh", "-c", "exit 7"], "sh ended with exit status 7"),
    (["sh", "-c", "kill -9 $$$$"], "sh was ended by signal 9"),
    (["/no/such/program"], "cannot run /no/such/program: No such file"),
])
def test_exec_says_how_a_command_failed(agent, tmp_path, argv, words):
    exec_pipeline(agent, tmp_path, command=argv)
    assert words in agent.run_once().stderr


def test_a_stop_ends_the_command_that_runs(agent, tmp_path):
    exec_pipeline(agent, tmp_path, timeout="1h",
                  command=["sh", "-c", f"echo $$$$ >{tmp_path}/pid; echo begun; tail -f /dev/null"])
    agent.start()
    wait_until(lambda: lines(tmp_path / "out") == [b"begun"], 20 * SLOW, "the first line")
    agent.stop()
    pid = int((tmp_path / "pid").read_text())
    wait_until(lambda: gone(pid), 10 * SLOW, "the end of the command")


def test_mask_puts_a_keyed_hash_in_place_of_text_and_numbers(agent, examples, tmp_path):
    needs_plugin(examples, "filter-mask.so")
    out = ship(agent, tmp_path, '{"ip":"192.0.2.7","n":42,"f":1.5,"b":true,"z":null,"m":"stays"}\n' * 2,
               {"parse": "json"}, {"mask": {"fields": ["ip", "n", "f", "b", "z", "none"], "key": "k"}})

    def hashed(text):
        return hmac.new(b"k", text.encode(), hashlib.sha256).hexdigest()[:32]

    assert out == 2 * [{"ip": hashed("192.0.2.7"), "n": hashed("42"), "f": hashed("1.5"), "b": True,
                        "z": None, "m": "stays"}]


def test_mask_hides_letters_and_digits_but_the_last(agent, examples, tmp_path):
    needs_plugin(examples, "filter-mask.so")
    text = "4111-1111-1111-1234\nJürgen Ömer\nab\n--\nx\xff\xfey\n"
    out = ship(agent, tmp_path, text.encode("utf-8"),
               {"mask": {"fields": "message", "method": "hide", "keep": 4}})
    assert [r["message"] for r in out] == ["****-****-****-1234", "****** Ömer", "ab", "--",
                                           "xÿþy"]


def test_mask_forgets_the_line_unless_it_is_told_to_keep_it(agent, examples, tmp_path):
    needs_plugin(examples, "filter-mask.so")
    lines_out = {"file": {"path": f"{tmp_path}/out", "format": "line"}}
    mask = {"fields": "message", "method": "hide"}
    ship(agent, tmp_path, "secret\n", {"mask": mask}, output=lines_out)
    assert lines(tmp_path / "out") == [b""]
    (tmp_path / "other").mkdir()
    lines_out["file"]["path"] = f"{tmp_path}/other/out"
    ship(agent, tmp_path / "other", "secret\n", {"mask": {**mask, "line": "keep"}}, output=lines_out)
    assert lines(tmp_path / "other/out") == [b"secret"]


def test_mask_hashes_nothing_without_a_key(agent, examples, tmp_path):
    needs_plugin(examples, "filter-mask.so")
    agent.pipeline("main", {"inputs": [{"stdin": {}}], "filters": [{"mask": "ip"}],
                            "outputs": [{"null": {}}]})
    checked = agent.check()
    assert checked.returncode == 1 and "needs a key" in checked.stdout


def posted(server, member="text"):
    """The texts of the messages that a chat has taken."""
    return [json.loads(body)[member] for body in server.taken]


def webhook(server, **options):
    return {"webhook": {"url": server.url + "secret", **options}}


def test_webhook_posts_records_together_in_order(agent, scripted, tmp_path):
    chat = scripted()
    ship(agent, tmp_path, '{"m":"a \\"quoted\\"\\ttext"}\n{"m":"two"}\n{"other":1}\n',
         {"parse": "json"}, output=webhook(chat, text="m"))
    assert posted(chat) == ['a "quoted"\ttext\ntwo\n{"other":1}']
    path, headers, _ = chat.requests[0]
    assert path == "/secret" and headers["Content-Type"] == "application/json"


def test_webhook_keeps_messages_below_their_bound_and_cuts_whole_letters(agent, scripted, tmp_path):
    chat = scripted()
    text = "".join(f"line {i}\n" for i in range(100)) + "ä" * 40 + "\n"
    ship(agent, tmp_path, text, output=webhook(chat, style="discord", max_bytes=33))
    got = posted(chat, "content")
    assert all(len(message.encode()) <= 33 for message in got)
    assert "\n".join(got).split("\n") == [f"line {i}" for i in range(100)] + ["ä" * 16]


def test_webhook_makes_valid_json_of_any_bytes(agent, scripted, tmp_path):
    chat = scripted()
    ship(agent, tmp_path, b"a\xffb\xc3(\xe2\x82\x01\xf0\x9f\x8d\xba\n", output=webhook(chat))
    assert posted(chat) == ["a\ufffdb\ufffd(\ufffd\ufffd\x01\U0001f37a"]


def test_webhook_waits_where_the_chat_throttles_and_loses_nothing(agent, scripted, tmp_path):
    chat = scripted(lambda body, number: 429 if number <= 2 else 200)
    ship(agent, tmp_path, "one\ntwo\n", output=webhook(chat))
    assert posted(chat) == ["one\ntwo"] and chat.asked == 3


def test_webhook_sends_what_is_refused_to_the_dead_letter(agent, scripted, tmp_path):
    chat = scripted(lambda body, number: (400, {}, b"no_text") if b"bad" in body else 200)
    (tmp_path / "log").write_text("bad 1\ngood 22222222\n")
    agent.pipeline("main", {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/log"], "start": "beginning"}}],
        "outputs": [webhook(chat, max_bytes=16)],
        "dead_letter": [{"file": f"{tmp_path}/dead"}]})
    agent.run_once()
    assert posted(chat) == ["good 22222222"]
    dead = (tmp_path / "dead").read_text()
    assert "bad 1" in dead and "the chat answered 400: no_text" in dead and "good" not in dead


def test_a_filter_in_cplusplus_adds_what_kind_of_line_it_is(agent, tmp_path):
    rules = {"login": "Accepted publickey", "failure": "Failed password"}
    out = ship(agent, tmp_path, "sshd: Accepted publickey for root\nsshd: Failed password\nelse\n",
               {"classify": rules}, {"classify": {"rules": {"again": "sshd"}}})
    assert [r.get("class") for r in out] == ["again", "again", None]
    assert [r["message"][:6] for r in out] == ["sshd: ", "sshd: ", "else"]


def test_a_filter_in_rust_drops_repeated_lines_of_each_file(agent, examples, tmp_path):
    needs_plugin(examples, "filter-uniq.so")
    for name in "ab":
        (tmp_path / f"{name}.log").write_text("x\n" * 5000 + f"{name}\n{name}\nx\n")
    agent.pipeline("main", {
        "inputs": [{"tail": {"paths": [f"{tmp_path}/*.log"], "start": "beginning"}}],
        "filters": [{"uniq": {}}],
        "outputs": [{"file": {"path": f"{tmp_path}/out", "metadata": ["source"]}}]})
    agent.run_once()
    out = records(tmp_path / "out")
    for name in "ab":
        assert [r["message"] for r in out if r["@source"].endswith(f"{name}.log")] == ["x", name, "x"]

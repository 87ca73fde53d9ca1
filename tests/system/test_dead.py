# SPDX-License-Identifier: MIT
"""`weir dead list|show|replay|drop`: no letter is lost or doubled, whatever the agent does meanwhile."""
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import time

import pytest

from harness.bulk import Bulk
from harness.process import pace, wait_until, watch_for
from harness.records import count, records
from harness.weir import BIN, SLOW


def tail(path):
    return {"tail": {"paths": [str(path)], "start": "beginning"}}


def http(url, **options):
    return {"http": {"url": url, "format": "ndjson", "linger": "1ms", "batch_records": 1,
                     "retry": {"backoff_min": "5ms", "backoff_max": "50ms"}, **options}}


def numbers(bodies):
    return collections.Counter(json.loads(line)["n"] for body in bodies
                               for line in body.splitlines())


def write_numbers(path, first, last, **more):
    with path.open("a") as f:
        f.writelines(json.dumps({"n": n, **more}) + "\n" for n in range(first, last))


def dead(weir, action, *arguments, code=0, **options):
    result = weir.command("dead", action, "-c", weir.config, *arguments, **options)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout


def listed(weir, *arguments):
    """{(pipeline, stage, reason): count}"""
    found = json.loads(dead(weir, "list", "--json", *arguments))
    return {(pile["pipeline"], pile["stage"], pile["reason"]): pile["count"]
            for pile in found["letters"]}


def replay(weir, *arguments, code=0):
    return json.loads(dead(weir, "replay", "--json", *arguments, code=code))


def letters_of(weir, name):
    return weir.state_dir / "dead" / f"{name}.jsonl"


@pytest.fixture
def two_pipelines(make_weir, tmp_path):
    """Dead letters of two pipelines: two that did not parse, and three that an output refused."""
    weir = make_weir()
    (tmp_path / "web.log").write_text("no\nneither\n")
    write_numbers(tmp_path / "app.log", 0, 3)
    weir.pipeline("web", {"inputs": [tail(tmp_path / "web.log")],
                          "filters": [{"parse": {"format": "combined", "on_error": "dead_letter"}}],
                          "outputs": [{"file": {"path": str(tmp_path / "web.out")}}]})
    weir.pipeline("app", {"inputs": [tail(tmp_path / "app.log")],
                          "filters": [{"parse": "json"}],
                          "outputs": [http("http://127.0.0.1:1/", name="sink")]})
    return weir


def refuse_all(weir, scripted, tmp_path):
    server = scripted(lambda body, number: 400)
    weir.pipeline("app", {"inputs": [tail(tmp_path / "app.log")],
                          "filters": [{"parse": "json"}],
                          "outputs": [http(server.url, name="sink")]})
    weir.run_once()
    return server


def test_list_counts_by_pipeline_stage_and_reason_and_the_filters_choose(two_pipelines, scripted,
                                                                         tmp_path):
    weir = two_pipelines
    assert dead(weir, "list") == "No dead letters.\n"
    assert dead(weir, "show", "-p", "web") == "No dead letters like that.\n"
    refuse_all(weir, scripted, tmp_path)
    whole = listed(weir)
    (refused, ) = [key for key in whole if key[0] == "app"]
    unparsed = ("web", "parse", "unparsed")
    assert whole == {refused: 3, unparsed: 2} and refused[1] == "sink"
    assert listed(weir, "--pipeline", "web") == {unparsed: 2}
    assert listed(weir, "--stage", "sink") == listed(weir, "--reason", refused[2]) == {refused: 3}
    assert listed(weir, "--since", "1h") == whole and not listed(weir, "--until", "1h")
    assert not listed(weir, "--since", "2200-01-01") and listed(weir, "--until", "2200-01-01") == whole
    text = dead(weir, "list")
    assert all(word in text for word in ("web", "parse", "unparsed", "app", "sink", refused[2]))


def test_show_prints_the_letters_and_json_as_they_are(two_pipelines, scripted, tmp_path):
    weir = two_pipelines
    refuse_all(weir, scripted, tmp_path)
    shown = [json.loads(line) for line in dead(weir, "show", "--json").splitlines()]
    assert sorted(shown, key=str) == sorted(
        records(letters_of(weir, "web"), letters_of(weir, "app")), key=str)
    assert all(letter["time"] and letter["source_id"] for letter in shown)
    assert {letter["kind"] for letter in shown} == {"filter", "output"}
    text = dead(weir, "show", "-p", "web", "-n", "1")
    assert "web/parse" in text and f"{tmp_path}/web.log:0" in text and "\n  no\n" in text
    assert "neither" not in text


def test_a_state_folder_may_be_called_like_the_files_in_it(two_pipelines, scripted, tmp_path):
    weir = two_pipelines
    refuse_all(weir, scripted, tmp_path)
    whole = listed(weir)
    shutil.copytree(weir.state_dir / "dead", tmp_path / "a.jsonl.d" / "dead")
    for name in ("app", "web"):
        (weir.conf_dir / f"{name}.yaml").unlink()
    weir.configure(state_dir=str(tmp_path / "a.jsonl.d"))
    assert len(whole) == 2 and listed(weir) == whole


@pytest.mark.parametrize("arguments", [
    ["mend"], [], ["list", "more"], ["drop"], ["list", "--since", "soon"], ["show", "-n", "x"],
    ["drop", "--all", "-p", "web"]])
def test_what_makes_no_sense_is_a_wrong_usage(two_pipelines, arguments):
    result = two_pipelines.command("dead", *arguments, "-c", two_pipelines.config)
    assert result.returncode == 2 and "weir dead --help" in result.stderr


@pytest.mark.parametrize("more", [{}, {"buffer": {"disk": "16MiB"}}], ids=["plain", "buffered"])
def test_replay_sends_what_an_output_refused_to_that_output_alone(make_weir, scripted, tmp_path, more):
    weir = make_weir()
    mended = []
    picky = scripted(lambda body, number: 200 if mended or b'"n":1' not in body else 400)
    write_numbers(tmp_path / "a.log", 0, 20, kind="a")
    weir.pipeline("p", {
        "inputs": [tail(tmp_path / "a.log")], "filters": [{"parse": "json"}],
        "outputs": [{"file": {"path": str(tmp_path / "out")}},
                    http(picky.url, when='kind == "a"', **more)]})
    weir.run_once()
    assert (count(tmp_path / "out"), count(letters_of(weir, "p"))) == (20, 11)
    again = replay(weir)
    assert again == {"replayed": 11, "delivered": 0, "dead_lettered": 11, "dropped": 0,
                     "unrouted": 0, "left": 0, "homeless": 0}
    assert sum(listed(weir).values()) == 11, "refused again, and there once"
    mended.append(True)
    assert replay(weir)["delivered"] == 11
    assert numbers(picky.taken) == collections.Counter(range(20))
    assert count(tmp_path / "out") == 20 and listed(weir) == {}
    assert os.listdir(weir.state_dir / "dead") == []


def test_replay_takes_what_died_in_a_filter_through_the_whole_pipeline(make_weir, tmp_path):
    weir = make_weir()
    (tmp_path / "a.log").write_bytes(b'{"n": 1}\n{"n": 2}\n\xff raw \x00\nplain\n')

    def pipeline(filters):
        weir.pipeline("p", {"inputs": [tail(tmp_path / "a.log")], "filters": filters,
                            "outputs": [{"file": {"path": str(tmp_path / "out")}},
                                        {"file": {"path": str(tmp_path / "raw"), "format": "line"}}]})

    pipeline([{"parse": {"format": "logfmt", "on_error": "dead_letter"}},
              {"where": "false"}])
    weir.run_once()
    died = sum(listed(weir).values())
    assert died >= 2
    pipeline([{"parse": {"format": "json", "on_error": "dead_letter"}}])
    result = replay(weir)
    assert result["replayed"] == died and result["dead_lettered"] + result["delivered"] / 2 == died
    assert [r["n"] for r in records(tmp_path / "out")] == [1, 2]
    pipeline([])
    replay(weir)
    assert (tmp_path / "raw").read_bytes().startswith(b'{"n": 1}\n{"n": 2}\n')
    assert b"\xff raw \x00\n" in (tmp_path / "raw").read_bytes()
    assert listed(weir) == {}


def test_letters_without_a_line_or_of_older_versions_are_replayed_as_far_as_they_tell(
        make_weir, scripted, tmp_path):
    weir = make_weir()
    server = scripted()
    fields = {"n": 1, "text": 'quoted "text"\n', "deep": {"a": [1, None, True]}, "f": 1.5e300}
    letters = [
        {"time": "2026-01-02T03:04:05Z", "pipeline": "p", "stage": "http", "kind": "output",
         "reason": "refused", "error": "", "source": "/a", "source_id": "0123456789abcdef" * 2,
         "position": 7, "ordinal": 2, "record": fields},
        {"pipeline": "p", "stage": "http", "reason": "refused", "error": "", "source": "/a",
         "position": 0, "line": '{"n": 2}'},
        {"pipeline": "p", "stage": "parse", "reason": "unparsed", "error": "", "source": "/a",
         "position": 9, "line": '{"n": 3}'}]
    weir.pipeline("p", {"inputs": [tail(tmp_path / "none.log")], "filters": [{"parse": "json"}],
                        "outputs": [http(server.url, metadata=[])]})
    letters_of(weir, "p").parent.mkdir(parents=True)
    letters_of(weir, "p").write_text("".join(json.dumps(letter) + "\n" for letter in letters))
    assert listed(weir, "--since", "2026-01-01") == {("p", "http", "refused"): 1}
    assert replay(weir)["delivered"] == 3
    sent = sorted((json.loads(body) for body in server.taken), key=lambda record: record["n"])
    assert sent == [fields, {"n": 2}, {"n": 3}]
    assert listed(weir) == {}


def test_a_replayed_record_has_the_id_that_it_would_have_had(make_weir, tmp_path):
    server = Bulk()
    weir = make_weir()
    weir.pipeline("p", {"inputs": [tail(tmp_path / "none.log")],
                        "outputs": [{"elasticsearch": {"urls": [server.url], "index": "i"}}]})
    letters_of(weir, "p").parent.mkdir(parents=True)
    letters_of(weir, "p").write_text("".join(json.dumps({
        "pipeline": "p", "stage": "elasticsearch", "kind": "output", "reason": "refused", "error": "",
        "source": "/a", "source_id": "0123456789abcdef" * 2, "position": 7, "ordinal": ordinal,
        "record": {"message": str(ordinal)}}) + "\n" for ordinal in (0, 2, 300)))
    try:
        assert replay(weir)["delivered"] == 3
        source = "0123456789abcdef" * 2
        assert {key: document["message"] for key, document in server.stored.items()} == {
            f"{source}-7": "0", f"{source}-7-2": "2", f"{source}-7-300": "300"}
    finally:
        server.close()


def test_drop_deletes_what_it_is_told_and_nothing_else(two_pipelines, scripted, tmp_path):
    weir = two_pipelines
    refuse_all(weir, scripted, tmp_path)
    (app, ) = [key for key in listed(weir) if key[0] == "app"]
    assert json.loads(dead(weir, "drop", "--json", "-p", "web"))["dropped"] == 2
    assert listed(weir) == {app: 3}
    dead(weir, "drop", "--stage", "none")
    dead(weir, "drop", "--until", "1h")
    assert listed(weir) == {app: 3}
    dead(weir, "drop", "--all")
    assert listed(weir) == {} and os.listdir(weir.state_dir / "dead") == []


def test_damaged_lines_survive_all_but_drop_all(make_weir, scripted, tmp_path):
    weir = make_weir()
    server = scripted()
    write_numbers(tmp_path / "a.log", 0, 3)
    weir.pipeline("p", {"inputs": [tail(tmp_path / "a.log")],
                        "filters": [{"parse": {"format": "logfmt", "on_error": "dead_letter"}}],
                        "outputs": [http(server.url)]})
    weir.run_once()
    first, *rest = letters_of(weir, "p").read_bytes().splitlines(keepends=True)
    half = first[:len(first) // 2]
    letters_of(weir, "p").write_bytes(first + b"junk\n" + b"".join(rest) + half)
    assert json.loads(dead(weir, "list", "--json"))["damaged"] == 1  # the half may yet be written
    weir.pipeline("p", {"inputs": [tail(tmp_path / "a.log")], "filters": [{"parse": "json"}],
                        "outputs": [http(server.url)]})
    assert replay(weir)["delivered"] == 3
    (kept, ) = (weir.state_dir / "dead").iterdir()
    assert kept.read_bytes() == b"junk\n" + half
    dead(weir, "drop", "-p", "p")
    assert kept.read_bytes() == b"junk\n" + half
    kept.write_bytes(first + b"junk\n" + half)
    assert json.loads(dead(weir, "drop", "-p", "p", "--json")) == {"dropped": 1, "damaged": 0}
    assert kept.read_bytes() == b"junk\n" + half
    assert json.loads(dead(weir, "drop", "--all", "--json"))["damaged"] == 2
    assert not kept.exists()


def test_letters_whose_pipeline_is_gone_stay(two_pipelines, scripted, tmp_path):
    weir = two_pipelines
    refuse_all(weir, scripted, tmp_path)
    (weir.conf_dir / "app.yaml").unlink()
    before = letters_of(weir, "app").read_bytes()
    result = replay(weir, "-p", "app", code=4)
    assert (result["replayed"], result["homeless"], result["left"]) == (0, 3, 3)
    assert letters_of(weir, "app").read_bytes() == before


def test_finished_files_of_a_rotation_are_replayed_too(make_weir, scripted, tmp_path):
    weir = make_weir()
    answers = [400]
    server = scripted(lambda body, number: answers[-1])
    write_numbers(tmp_path / "a.log", 0, 50)
    letters = tmp_path / "dead" / "letters-%Y.jsonl"
    weir.pipeline("p", {"inputs": [tail(tmp_path / "a.log")], "filters": [{"parse": "json"}],
                        "outputs": [http(server.url)],
                        "dead_letter": [{"file": {"path": str(letters),
                                                  "rotate": {"size": "4KiB", "keep": 100}}}]})
    weir.run_once()
    assert len(list(letters.parent.iterdir())) > 2
    assert sum(listed(weir).values()) == 50
    answers.append(200)
    assert replay(weir)["delivered"] == 50
    assert numbers(server.taken) == collections.Counter(range(50))
    assert list(letters.parent.iterdir()) == []


def test_replay_beside_an_agent_that_writes_letters_doubles_and_loses_none(weir, scripted, tmp_path):
    """The server refuses each record when it comes first, and takes it when it comes again."""
    seen = set()

    def answer(body, number):
        known = body in seen
        seen.add(body)
        return 200 if known else 400

    server = scripted(answer)
    log = tmp_path / "a.log"
    log.touch()
    weir.pipeline("p", {"inputs": [tail(log)], "filters": [{"parse": "json"}],
                        "outputs": [http(server.url)]})
    weir.start()
    written = replayed = 0
    for _ in range(8):
        write_numbers(log, written, written + 60)
        written += 60
        wait_until(lambda: replayed < weir.metric("weir_output_records_total",
                                                  outcome="dead_lettered"), 10, "a dead letter")
        replayed += replay(weir)["replayed"]
    wait_until(lambda: weir.metric("weir_output_records_total", outcome="dead_lettered") == written,
               20 * SLOW, "all dead letters")
    weir.stop()
    replayed += replay(weir)["replayed"]
    assert replayed == written and listed(weir) == {}
    assert numbers(server.taken) == collections.Counter(range(written))


def start_replay(weir):
    return subprocess.Popen([BIN, "dead", "replay", "--json", "-c", weir.config],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_a_killed_replay_loses_nothing_and_an_index_knows_its_records_again(make_weir, tmp_path):
    mended = []
    server = Bulk(fate=lambda document, tries: 201 if mended else 400)
    weir = make_weir()
    total = 3000
    write_numbers(tmp_path / "a.log", 0, total)
    weir.pipeline("p", {"inputs": [tail(tmp_path / "a.log")],
                        "outputs": [{"elasticsearch": {"urls": [server.url], "index": "i",
                                                       "batch_records": 20, "linger": "1ms"}}]})
    try:
        weir.run_once()
        assert sum(listed(weir).values()) == total
        mended.append(True)
        instants = random.Random(1)
        killed = 0
        for _ in range(20):
            process = start_replay(weir)
            wait_until(lambda: process.poll() is not None or server.stored, 20 * SLOW, "a document")
            watch_for(instants.uniform(0, 0.05))
            process.kill()
            killed += process.wait() == -signal.SIGKILL
            process.stdout.close()
            if len(server.stored) >= total:
                break
            letters = sum(listed(weir).values())
            assert letters + len(server.stored) >= total
        assert killed
        replay(weir)
        assert listed(weir) == {}
        assert sorted(int(json.loads(m)["n"]) for m in server.messages()) == list(range(total))
        ids = {key.rsplit("-", 2)[0] for key in server.stored}
        assert len(ids) == 1, "all have the id of the one source that they were read from"
    finally:
        server.close()


def test_a_stopped_replay_takes_out_exactly_what_was_delivered(make_weir, scripted, tmp_path):
    answers = [400]

    def answer(body, number):
        if answers[-1] == 200:
            pace(time.monotonic() + 0.002)  # slow enough to be stopped on the way
        return answers[-1]

    server = scripted(answer)
    weir = make_weir(memory_limit="4MiB")
    total = 8000
    write_numbers(tmp_path / "a.log", 0, total)
    weir.pipeline("p", {"inputs": [tail(tmp_path / "a.log")], "filters": [{"parse": "json"}],
                        "outputs": [http(server.url, batch_records=20)]})
    weir.run_once()
    answers.append(200)
    process = start_replay(weir)
    wait_until(lambda: len(server.taken) >= 20, 10 * SLOW, "some deliveries")
    process.terminate()
    result = json.loads(process.communicate(timeout=60 * SLOW)[0])
    assert process.returncode == 4
    assert 20 <= result["replayed"] == result["delivered"] < total
    assert sum(numbers(server.taken).values()) == result["delivered"]
    assert sum(listed(weir).values()) == result["left"] == total - result["delivered"]
    replay(weir)
    assert numbers(server.taken) == collections.Counter(range(total))


def test_a_full_dead_letter_goes_on_once_letters_are_dropped(weir, tmp_path):
    (tmp_path / "a.log").write_text(("nonsense " * 100 + "\n") * 3000)
    weir.configure(dead_letter_max="1MiB", memory_limit="16MiB")
    weir.pipeline("p", {"inputs": [tail(tmp_path / "a.log")],
                        "filters": [{"parse": {"format": "combined", "on_error": "dead_letter"}}],
                        "outputs": [{"file": {"path": str(tmp_path / "out")}}]})
    weir.start()
    wait_until(lambda: weir.get("/health")[0] == 503, 10 * SLOW, "a full dead letter")
    dropped = 0

    def drop():
        nonlocal dropped
        dropped += json.loads(dead(weir, "drop", "--all", "--json"))["dropped"]
        return dropped == 3000

    wait_until(drop, 30 * SLOW, "all letters, a mebibyte at a time", 0.3)
    assert weir.get("/health")[0] == 200
    weir.stop()


def test_a_second_command_at_the_same_time_is_refused(make_weir, scripted, tmp_path):
    answers = [400]

    def answer(body, number):
        return answers[-1]

    server = scripted(answer)
    weir = make_weir()
    write_numbers(tmp_path / "a.log", 0, 5)
    weir.pipeline("p", {"inputs": [tail(tmp_path / "a.log")], "filters": [{"parse": "json"}],
                        "outputs": [http(server.url)]})
    weir.run_once()
    answers.append(503)
    asked = server.asked
    process = start_replay(weir)
    wait_until(lambda: server.asked > asked, 10 * SLOW, "the first command at work")
    result = weir.command("dead", "drop", "--all", "-c", weir.config)
    assert result.returncode == 1 and "another `weir dead` is at work" in result.stderr
    answers.append(200)
    assert json.loads(process.communicate(timeout=30 * SLOW)[0])["delivered"] == 5

# SPDX-License-Identifier: MIT
"""`weir positions set|reset`: moves where an output stands in a source, while no agent runs."""
import json

import pytest

from harness.process import wait_until
from harness.records import count, records


def messages(path):
    return [record["message"] for record in records(path)]


@pytest.fixture
def two(make_weir, tmp_path):
    """A pipeline with two outputs that has read three lines of two files."""
    weir = make_weir()
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_text(f"{name}1\n{name}2\n{name}3\n")
    weir.pipeline("p", {
        "inputs": [{"tail": {"paths": [str(tmp_path / "*.log")], "start": "beginning"}}],
        "outputs": [{"file": {"name": "one", "path": str(tmp_path / "one")}},
                    {"file": {"name": "two", "path": str(tmp_path / "two")}}]})
    weir.run_once()
    for name in ("one", "two"):
        (tmp_path / name).unlink()
    return weir


def positions(weir, action, *arguments, code=0):
    result = weir.command("positions", action, "-c", weir.config, *arguments)
    assert result.returncode == code, result.stdout + result.stderr
    return result


def listed(weir):
    """{path: (id, {output: position})}"""
    sources = json.loads(positions(weir, "list", "--json").stdout)["sources"]
    return {s["source"]: (s["id"], s["positions"]) for s in sources}


def test_set_makes_one_output_read_again_from_there(two, tmp_path):
    a, b = str(tmp_path / "a.log"), str(tmp_path / "b.log")
    positions(two, "set", a, "--to", "3", "-o", "one")
    assert listed(two)[a][1] == {"one": 3, "two": 9}
    two.run_once()
    assert messages(tmp_path / "one") == ["a2", "a3"] and count(tmp_path / "two") == 0
    assert listed(two)[a][1] == {"one": 9, "two": 9} == listed(two)[b][1]


def test_set_beginning_for_all_sends_everything_again_under_the_same_ids(two, tmp_path):
    before = listed(two)
    assert "2 sources moved" in positions(two, "set", "--all", "--to", "beginning").stdout
    two.run_once()
    assert sorted(messages(tmp_path / "one")) == ["a1", "a2", "a3", "b1", "b2", "b3"]
    assert sorted(messages(tmp_path / "two")) == sorted(messages(tmp_path / "one"))
    assert listed(two) == before


def test_set_end_skips_what_is_there(two, tmp_path):
    a = tmp_path / "a.log"
    with a.open("a") as f:
        f.write("a4\na5\n")
    positions(two, "set", listed(two)[str(a)][0], "--to", "end")
    with a.open("a") as f:
        f.write("a6\n")
    two.run_once()
    assert messages(tmp_path / "one") == messages(tmp_path / "two") == ["a6"]


def test_an_output_new_to_the_pipeline_can_be_given_everything(two, tmp_path):
    outputs = [{"file": {"name": name, "path": str(tmp_path / name)}} for name in ("one", "new")]
    two.pipeline("p", {
        "inputs": [{"tail": {"paths": [str(tmp_path / "*.log")], "start": "beginning"}}],
        "outputs": outputs})
    positions(two, "set", "--all", "-p", "p", "-o", "new", "--to", "beginning")
    two.run_once()
    assert count(tmp_path / "one") == 0 and count(tmp_path / "new") == 6


def test_reset_makes_a_file_a_new_source(two, tmp_path):
    a, b = str(tmp_path / "a.log"), str(tmp_path / "b.log")
    before = listed(two)
    positions(two, "reset", a)
    assert list(listed(two)) == [b]
    two.run_once()
    assert messages(tmp_path / "one") == ["a1", "a2", "a3"] == messages(tmp_path / "two")
    after = listed(two)
    assert after[b] == before[b] and after[a][0] != before[a][0]


def test_what_would_do_harm_is_refused_and_changes_nothing(two, tmp_path):
    a = str(tmp_path / "a.log")
    before = listed(two)
    for arguments, why in (
            (["set", a, "--to", "10"], "has 9 bytes"),
            (["set", a, "/no/such.log", "--to", "0"], 'no source "/no/such.log"'),
            (["set", a, "--to", "0", "-o", "ones"], 'did you mean "one"?'),
            (["reset", "-p", "other", a], "there is no source")):
        assert why in positions(two, *arguments, code=1).stderr
    assert listed(two) == before
    assert positions(two, "list", "-p", "other").stdout.startswith('No source of a pipeline "other"')
    assert "within a line" in positions(two, "set", a, "--to", "4").stderr


@pytest.mark.parametrize("arguments", [
    ["set"], ["set", "/a"], ["set", "--to", "3"], ["set", "/a", "--to", "x"], ["reset"],
    ["reset", "/a", "--to", "3"], ["set", "/a", "--all", "--to", "3"], ["move"], ["list", "/a"]])
def test_what_makes_no_sense_is_a_wrong_usage(two, arguments):
    assert "weir positions --help" in positions(two, *arguments, code=2).stderr


def test_a_running_agent_keeps_its_positions(weir, tmp_path):
    (tmp_path / "a.log").write_text("one\n")
    weir.pipeline("p", {
        "inputs": [{"tail": {"paths": [str(tmp_path / "a.log")], "start": "beginning"}}],
        "outputs": [{"file": {"path": str(tmp_path / "out")}}]})
    weir.start()
    wait_until(lambda: count(tmp_path / "out") == 1, 10, "the line")
    result = positions(weir, "set", "--all", "--to", "0", code=1)
    assert str(weir.process.pid) in result.stderr, "it says who holds the state folder"
    weir.stop()


def test_without_a_state_nothing_is_made(make_weir):
    weir = make_weir()
    positions(weir, "reset", "--all", code=1)
    assert not weir.state_dir.exists()

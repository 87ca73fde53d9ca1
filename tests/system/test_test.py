# SPDX-License-Identifier: MIT
"""`weir test`: the tests that lie beside pipelines, those that are shipped among them."""
import json
import os
import textwrap

import pytest

from harness.weir import ROOT

PIPELINE = """
    inputs:
      - tail: { paths: [/var/log/app/*.log], exclude: ["*.log"], multiline: { start: '^\\S' } }
    filters:
      - parse: { format: json, on_error: dead_letter }
      - set: { seen: "${SEEN:-no}" }
    outputs:
      - file: { name: all, path: /nowhere/out.jsonl, metadata: [source] }
      - http: { name: bad, when: status >= 500, url: "http://192.0.2.1/" }
"""


@pytest.fixture
def tested(weir):
    """tested(tests, pipeline): runs `weir test` on one pipeline; (exit code, result as JSON)."""

    def run(tests, pipeline=PIPELINE, name="app"):
        weir.pipeline(name, pipeline)
        weir.pipeline(f"{name}.test", tests)
        result = weir.command("test", "-c", weir.config, "--json")
        return result.returncode, json.loads(result.stdout)

    return run


def one(**test):
    return {"tests": [{"name": "one", **test}]}


def differences(result):
    assert len(result["results"]) == 1 and result["failed"] == 1, result
    return [(d["output"], d["record"], d["field"], d["expected"], d["found"])
            for d in result["results"][0]["differences"]]


def test_every_shipped_pipeline_has_tests_and_they_pass(make_weir):
    weir = make_weir(conf_dir=str(ROOT / "conf.d"))
    result = weir.command("test", "-c", weir.config, "--json", check=True)
    told = json.loads(result.stdout)
    assert (told["untested"], told["failed"]) == (0, 0)
    assert told["tests"] >= told["pipelines"] >= 9


def test_a_passing_test_passes(tested):
    code, told = tested(one(
        input='{"status":200,"user":{"name":"ann","tags":["a","b"]},"ms":1.50}\n',
        outputs={"all": [{"status": 200, "user": {"tags": ["a", "b"], "name": "ann"}, "ms": 1.5,
                          "seen": "no"}], "bad": []}))
    assert (code, told["tests"], told["failed"]) == (0, 1, 0), told


def test_the_difference_is_field_by_field(tested):
    code, told = tested(one(input='{"status":"500","a":[1,2],"n":{"x":true}}\n',
                            outputs={"all": [{"status": 500, "a": [1, 3], "seen": "no", "z": None}]}))
    assert code == 1
    assert differences(told) == [("all", 1, "a[1]", "3", "2"), ("all", 1, "n.x", None, "true"),
                                 ("all", 1, "status", "500", '"500"'),
                                 ("all", 1, "z", "null", None)]


def test_named_fields_alone_may_be_compared(tested):
    test = one(fields="named", input='{"status":500,"a":1,"gone":null}\n',
               outputs={"all": [{"a": 1, "nothing": None, "gone": None}], "bad": 1})
    assert tested(test)[0] == 0
    test["tests"][0]["outputs"]["all"][0]["a"] = 2
    assert differences(tested(test)[1]) == [("all", 1, "a", "2", "1")]


def test_records_too_many_and_too_few_are_shown(tested):
    _, told = tested(one(input=['{"a":1}', '{"a":2}'], fields="named",
                         outputs={"all": [{"a": 1}], "bad": [{"a": 9}]}))
    found = differences(told)
    assert found[0] == ("all", 0, "", "1", "2")
    assert found[1][:4] == ("all", 2, "", None) and json.loads(found[1][4])["a"] == 2
    assert found[2:] == [("bad", 0, "", "1", "0"), ("bad", 1, "", '{"a":9}', None)]


def test_a_dead_letter_that_was_not_expected_fails(tested):
    code, told = tested(one(input="no json\n", outputs={"all": []}))
    assert code == 1 and differences(told)[0] == ("dead_letter", 0, "", "0", "1")
    assert tested(one(input="no json\n", dead_letter=[{"line": "no json", "stage": "parse",
                                                       "pipeline": "app"}]))[0] == 0


def test_the_clock_and_the_source_are_the_tests(tested):
    _, told = tested(one(input='{"a":1}\n', at="2031-02-03T04:05:06.5Z", source="/var/log/app/x.log",
                         outputs={"all": [{"@timestamp": "2031-02-03T04:05:06.500Z", "a": 1,
                                           "@source": "/var/log/app/x.log", "seen": "no"}]}))
    assert told["failed"] == 0, told


def test_variables_are_the_tests_and_only_its(tested, weir):
    weir.env["SEEN"] = "outside"
    test = {"environment": {"SEEN": "inside"},
            **one(input='{"a":1}\n', outputs={"all": [{"a": 1, "seen": "inside"}]})}
    weir.pipeline("zoo", PIPELINE)
    weir.pipeline("zoo.test", one(input='{"a":1}\n', outputs={"all": [{"a": 1, "seen": "outside"}]}))
    code, told = tested(test)
    assert (code, told["tests"]) == (0, 2), told


def test_the_inputs_own_way_of_making_records_is_tested(tested):
    code, told = tested(one(input='{"a":\n 1}\n', fields="named", outputs={"all": [{"a": 1}]}))
    assert code == 0, told


def test_an_input_that_reads_no_files_is_fed(tested):
    pipeline = {"inputs": [{"stdin": {"name": "here"}}], "filters": [],
                "outputs": [{"stdout": {"name": "there"}}]}
    test = one(input="a\nb\n", to="here", outputs={"there": [{"message": "a"}, {"message": "b"}]})
    assert tested(test, pipeline)[0] == 0
    big = one(input=[f"line {i} " + "x" * 300 for i in range(2000)], outputs={"there": 2000})
    assert tested(big, pipeline)[0] == 0


def test_records_may_be_given_as_an_input_makes_them(tested):
    pipeline = {"inputs": [{"stdin": {}}], "filters": [{"where": "n > 1"}],
                "outputs": [{"stdout": {"when": "user.name == 'ann'"}}, {"null": {}}]}
    whole = {"n": 2, "user": {"name": "ann", "tags": ["a", None, True, 1.5]}, "ok": False, "no": None}
    test = one(input={"records": [{"@timestamp": "2026-11-24T12:00:00Z", **whole}, {"n": 1}, {"n": 3}]},
               outputs={"stdout": [{"@timestamp": "2026-11-24T12:00:00Z", **whole}],
                        "null": [whole, {"n": 3}]})
    code, told = tested(test, pipeline)
    assert code == 0, told


def test_a_sample_file_lies_beside_the_test(tested, weir):
    (weir.conf_dir / "sample.log").write_text('{"a":1}\n{"a":2}')
    code, told = tested(one(input={"file": "sample.log"}, outputs={"all": 2}))
    assert code == 0, told


@pytest.mark.parametrize("test, words", [
    ({"tests": 1}, 'expected "tests" to be a list'),
    (one(outputs={}), '"input"'),
    (one(input={"file": "nosuch.log"}), '"nosuch.log" can\'t be read'),
    (one(input="x", at="noon"), '"noon" is no time'),
    (one(input="x", outputs={"all": "x"}), 'expected the records of "all" as a list'),
    (one(input="x", outputs={"all": ["x"]}), "a record is a map"),
    (one(input="x", fieldz="named"), 'did you mean "fields"?'),
    (one(input={"records": ["x"]}), "a record is a map"),
])
def test_a_mistake_in_the_tests_is_shown_with_its_place(weir, test, words):
    weir.pipeline("app", PIPELINE)
    path = weir.pipeline("app.test", test)
    result = weir.command("test", "-c", weir.config)
    assert result.returncode == 1
    assert words in result.stderr and f"{path}:" in result.stderr, result.stderr


@pytest.mark.parametrize("change, words", [
    ({"outputs": {"nosuch": []}}, 'the pipeline has no output "nosuch"'),
    ({"to": "nosuch"}, 'the pipeline has no input "nosuch"'),
])
def test_a_stage_that_is_not_there_fails_the_test(tested, change, words):
    code, told = tested(one(input="x", **change))
    assert (code, told["results"][0]["error"]) == (1, words)


def test_a_pipeline_with_errors_fails(weir):
    weir.pipeline("app", PIPELINE.replace("parse", "prase"))
    weir.pipeline("app.test", one(input="x"))
    result = weir.command("test", "-c", weir.config)
    assert result.returncode == 1 and 'did you mean "parse"?' in result.stderr


def test_for_people_there_is_a_diff(weir):
    path = weir.pipeline("app", PIPELINE)
    weir.pipeline("app.test", textwrap.dedent("""
        tests:
          - name: fine
            input: '{"a":1}'
            outputs: { all: 1 }
          - name: "wrong \\e[31m"
            input: '{"a":"\\u001b[2J"}'
            outputs: { all: [{ a: x, seen: "no" }] }
        """))
    weir.pipeline("untested", PIPELINE)
    result = weir.command("test", "-c", weir.config)
    assert result.returncode == 1
    assert result.stdout == textwrap.dedent(f"""\
        {path}
          ok    fine
          FAIL  wrong ?[31m  ({path.with_suffix("")}.test.yaml:6:5)
                all, record 1: a
                  - "x"
                  + "\\u001b[2J"
        {weir.conf_dir}/untested.yaml
          has no tests

        2 pipelines, 2 tests, 1 failed
        """)


def test_nothing_is_left_behind_or_sent(tested, weir, tmp_path):
    weir.env["TMPDIR"] = str(tmp_path / "scratch")
    os.mkdir(weir.env["TMPDIR"])
    assert tested(one(input='{"status":500}\n', outputs={"bad": 1}))[0] == 0
    assert os.listdir(weir.env["TMPDIR"]) == [] and not weir.state_dir.exists()


def test_files_may_be_named_by_either_name(weir):
    path = weir.pipeline("app", PIPELINE)
    weir.pipeline("app.test", one(input='{"a":1}', outputs={"all": 1}))
    for given in (path, f"{path.with_suffix('')}.test.yaml"):
        result = weir.command("test", "-c", weir.config, given)
        assert (result.returncode, result.stdout.splitlines()[-1]) == \
            (0, "1 pipeline, 1 test, 0 failed")
    assert weir.command("test", "-c", weir.config, "app.json").returncode == 2

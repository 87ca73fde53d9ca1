# SPDX-License-Identifier: MIT
"""`weir check` warns of fields that no record can have, where they are asked for, and of no others.

In the pipelines below «name» is where a warning is expected, with its line and column."""
import json
import re
import shutil
import subprocess

import pytest

from harness.weir import ROOT

STDIN = "inputs: [stdin]\n"
TAIL = "inputs:\n  - tail: { paths: [/etc/hostname] }\n"
SYSLOG = "inputs:\n  - syslog: { listen: 127.0.0.1:0 }\n"
OUT = "outputs: [stdout]\n"
# Behind it a record has these three and no message.
CSV = "  - parse: { format: csv, columns: [user, status, bytes], on_error: drop }\n"


def filters(*lines, inputs=STDIN, outputs=OUT):
    return inputs + ("filters:\n" + "".join(lines) if lines else "") + outputs


def asks(*expressions):
    """A filter that is nothing but questions."""
    return "".join(f"  - where: {e}\n" for e in expressions)


def parse(options, *lines):
    return filters(f"  - parse: {{ {options} }}\n", *lines)


COMBINED = ("clientip", "ident", "auth", "verb", "request", "path", "httpversion", "response", "bytes")
CASES = {
    # ---- inputs ----
    "tail": filters(asks("message != ''", "«massage» != ''"), inputs=TAIL),
    "stdin": filters(asks("message != '' and «lines» > 0")),
    "syslog": filters(asks("hostname == app_name or facility == severity or msgid == procid",
                           "structured_data.origin == 'x'", "exists(parse_error) or message != ''",
                           "«host» == 'a'"), inputs=SYSLOG),
    "inputs_together": filters(asks("exists(hostname)", "exists(«nothing»)"),
                               inputs=SYSLOG + "  - tail: { paths: [/etc/hostname] }\n"),
    # ---- parse ----
    "csv": parse("format: csv, columns: [user, status]", asks("user == 'x' and «stauts» > 1")),
    "tsv": parse("format: tsv, columns: [user, status]", asks("status > 1 and «usr» == ''")),
    "regex": parse(r"format: regex, pattern: '(?<level>\w+) (?<code>\d+)'",
                   asks("level == 'E' and code > 1 and «severity» > 2")),
    "grok": parse("format: grok, pattern: '%{WORD:level} %{INT:code:int}'",
                  asks("level == 'E' and code > 1 and «severity» > 2")),
    "grok_of_patterns_of_the_users": parse(
        r"format: grok, patterns: {ERR: 'E(?<number>\d+)'}, pattern: '%{ERR} %{WORD:word}'",
        asks("number > 1 and word != ''", "«words» == 1")),
    "cri": parse("format: cri", asks("stream == 'stderr' and logtag == 'F' and time != message",
                                     "«streams» == ''")),
    "nginx_error": parse("format: nginx_error", asks("«nginx» == 1")),
    "apache_error": parse("format: apache_error", asks("«apache» == 1")),
    "syslog_lines": parse("format: syslog", asks("program == 'cron' or host == '' or «hostname» == ''")),
    "combined": parse("format: combined", asks("status >= 500", "«stat» == 1")),
    "common": parse("format: common", asks("status >= 500 and «agent» == ''")),
    "combined_as_the_kinesis_agent_names_it": parse(
        "format: combined, names: kinesis_agent", asks("response >= 500 and «status» == 1")),
    "where_a_line_does_not_parse_its_text_stays": parse(
        "format: csv, columns: [a]", asks("exists(message) and exists(parse_error)")),
    "where_it_is_dropped_nothing_stays": parse(
        "format: csv, columns: [a], on_error: drop",
        asks("exists(«message»)", "exists(«parse_error»)")),
    "where_it_goes_to_the_dead_letter_neither": parse(
        "format: csv, columns: [a], on_error: dead_letter", asks("exists(«message»)")),
    "the_text_may_be_kept": parse(
        "format: csv, columns: [a], on_error: drop, keep: true", asks("exists(message)")),
    "the_field_to_parse": parse("format: csv, columns: [a], field: «line»"),
    "types_and_time": parse(
        "format: csv, columns: [at, n], types: { «m»: int, n: int }, "
        "time: { field: «when», format: epoch }"),
    **{f"{format}_may_have_any": parse(f"format: {format}", asks("whatever == 1"))
       for format in ("json", "logfmt", "ltsv", "key_value", "docker")},
    "parsing_twice": filters(CSV, "  - parse: { format: json, field: user }\n", asks("whatever == 1")),
    # ---- the other filters ----
    "set_adds": filters("  - set: { site: x, a: { expr: site + message }, b: { expr: a + «c» }, c: 1 }\n",
                        asks("site == a and b == c and «d» == 1")),
    "set_of_a_map": filters("  - set: { geo: { city: x } }\n", asks("geo.city == 'x'", "«geos.city» == 1")),
    "rename_moves": filters(CSV, "  - rename: { user: who, «usr»: whom }\n",
                            asks("who == 'x' and whom == 'y'", "«user» == ''")),
    "rename_swaps": filters(CSV, "  - rename: { user: status, status: user }\n",
                            asks("user == 1 and status == 1")),
    "remove_takes_away": filters(CSV, "  - remove: [user, «users»]\n", asks("status == 1 and «user» == 1")),
    "keep_takes_the_others_away": filters(CSV, "  - keep: [user, «usr»]\n",
                                          asks("user == 1", "«status» == 1", "usr == 1")),
    "keep_closes_what_was_open": parse("format: json", "  - keep: [a, b.c]\n",
                                       asks("a.x == 1 or b.c == 1 or b.c.d == 1", "«b.d» == 1",
                                            "«c» == 1")),
    "a_filter_for_some_leaves_the_others_as_they_are": filters(
        CSV, "  - remove: { fields: [user], when: status > 1 }\n",
        "  - keep: { fields: [status], when: \"«code» > 1\" }\n",
        asks("user == 1 and bytes == 1")),
    "where_sees_what_comes": filters(asks("«later» == 1"), "  - set: { later: 1 }\n", asks("later == 1")),
    "metadata_are_no_fields": filters(asks("message != @host and @source != '' and @timestamp > 1")),
    "quoted_names": filters(CSV, asks("1 == `user` and `status`.x == 1 and «`no such`» == 1")),
    "texts_are_no_names": filters(asks("message == 'status' and message =~ 'user'")),
    # ---- outputs ----
    "when": filters(outputs="outputs:\n  - stdout: { when: 'message == \"x\" or «status» > 1' }\n"
                            "  - null: { when: «x» }\n"),
    "an_expression_over_lines_is_marked_where_it_begins": filters(
        outputs="outputs:\n  - stdout:\n      when: «>-»\n        message == 'x' or\n        status > 1\n"),
    "fields_of_an_encoding": filters(
        CSV, outputs="outputs:\n  - stdout: { fields: [user, «users», '@timestamp'] }\n"
                     "  - file: { path: /dev/null, format: text, fields: [status, «stat», '«@host»'] }\n"
                     "  - http: { url: 'http://127.0.0.1:1/', fields: [«usr»] }\n"
                     "  - firehose: { delivery_stream: x, region: r, fields: [«usr»] }\n"),
    "kinesis": filters(CSV, outputs="outputs:\n"
                       "  - kinesis: { stream: a, region: r, partition_key: «clientip» }\n"
                       "  - kinesis: { stream: b, region: r, partition_key: random }\n"
                       "  - kinesis: { stream: c, region: r, partition_key: hash }\n"
                       "  - kinesis: { stream: d, region: r }\n"
                       "  - kinesis: { stream: e, region: r, partition_key: user + '-' + «usr»,\n"
                       "               explicit_hash_key: «key», fields: [«bites»] }\n"),
    "elasticsearch": filters(CSV, outputs="outputs:\n"
                             "  - elasticsearch: { urls: ['http://127.0.0.1:1'], index: "
                             "'logs-{coalesce(user, «team»)}-%Y-{status}-{«stat»}' }\n"
                             "  - elasticsearch: { urls: ['http://127.0.0.1:1'], index: x, id: record }\n"
                             "  - elasticsearch: { urls: ['http://127.0.0.1:1'], index: x, id: none }\n"
                             "  - elasticsearch: { urls: ['http://127.0.0.1:1'], index: x, id: «uuid»,\n"
                             "                     routing: «tenant», fields: [«usr»] }\n"),
    "what_one_output_asks_for_is_its_own": filters(outputs="outputs: [stdout, 'null']\n"),
}


def expected(marked):
    """(text without marks, [(line, column, name)])."""
    places = [(number, line[:match.start()].count("") - line[:match.start()].count("«") -
               line[:match.start()].count("»"), match[1].strip("'`"))
              for number, line in enumerate(marked.splitlines(), 1)
              for match in re.finditer("«(.*?)»", line)]
    return marked.replace("«", "").replace("»", ""), places


def warned(weir, text):
    path = weir.pipeline("web", text)
    told = json.loads(weir.check("--json", "--offline", path).stdout)
    assert told["errors"] == 0, told
    return told["problems"]


@pytest.mark.parametrize("name", CASES)
def test_fields_that_cannot_be(weir, name):
    text, places = expected(CASES[name])
    problems = warned(weir, text)
    for problem in problems:
        problem["name"] = re.search(r'^no record has a field "(.*?)" here', problem["text"])[1]
    assert sorted((p["line"], p["column"]) for p in problems) == sorted(place[:2] for place in places)
    assert {p["name"] for p in problems} == {name.replace(">-", "status") for _, _, name in places}


def test_every_built_in_plugin_says_which_fields_it_has(weir):
    """One that says nothing would hide all warnings behind it."""
    listed = {(p["kind"], p["name"])
              for p in json.loads(weir.command("plugins", "--json", check=True).stdout)["plugins"]}
    inputs = {"tail": TAIL, "stdin": STDIN, "syslog": SYSLOG}
    options = {"parse": "{ format: csv, columns: [a] }", "set": "{ a: 1 }", "rename": "{ message: a }",
               "remove": "[message]", "keep": "[message]", "where": "true"}
    assert {name for kind, name in listed if kind == "input"} == set(inputs)
    assert {name for kind, name in listed if kind == "filter"} == set(options)
    for name, text in inputs.items():
        assert len(warned(weir, filters(asks("nobody == 1"), inputs=text))) == 1, name
    for name, text in options.items():
        assert len(warned(weir, filters(f"  - {name}: {text}\n", asks("nobody == 1")))) == 1, name


def test_the_warning_shows_the_line_and_the_nearest_name(weir):
    path = weir.pipeline("web", filters(CSV, asks("length(user) > 1 and stauts >= 500")))
    result = weir.check("--offline")
    assert result.returncode == 0
    assert f'{path}:4:33: warning: no record has a field "stauts" here; did you mean "status"?\n' \
        "    4 |   - where: length(user) > 1 and stauts >= 500\n" \
        "      |                                 ^\n" in result.stdout
    assert weir.check("--offline", "--strict").returncode == 1


def test_without_a_near_name_it_lists_what_there_is(weir):
    (problem,) = warned(weir, filters(CSV, asks("elephant == 1")))
    assert problem["text"] == \
        'no record has a field "elephant" here; there is "user", "status", "bytes"'
    columns = ", ".join(f"c{i}" for i in range(10))
    (problem,) = warned(weir, parse(f"format: csv, columns: [{columns}], on_error: drop",
                                    asks("elephant == 1")))
    assert problem["text"].endswith('"c7" and 2 more')
    (problem,) = warned(weir, filters("  - keep: []\n", asks("elephant == 1")))
    assert problem["text"].endswith("; there are none")


def test_a_long_name_is_cut_between_characters(weir):
    (problem,) = warned(weir, filters(asks("1 == `" + "ä" * 200 + "`")))
    assert f'"{"ä" * 32}"' in problem["text"]


SILENT = """
#include <weir/plugin.h>
static int32_t create(const struct weir_services *host, struct weir_context *context,
                      const struct weir_node *options, void **ret_instance, struct weir_error *error)
{
    (void)host; (void)context; (void)options; (void)ret_instance; (void)error;
    return 0;
}
static void destroy(void *instance) { (void)instance; }
static int32_t process(void *instance, struct weir_batch *batch, struct weir_error *error)
{
    (void)instance; (void)batch; (void)error;
    return 0;
}
static const struct weir_filter_ops ops = {.struct_size = sizeof(ops), .create = create,
                                           .destroy = destroy, .process = process};
static const struct weir_plugin plugin = {.struct_size = sizeof(plugin), .kind = WEIR_FILTER,
    .name = "silent", .version = "1", .summary = "Says nothing of its fields", .filter = &ops};
static const struct weir_plugin *const all[] = {&plugin};
WEIR_PLUGINS(all);
"""


@pytest.mark.parametrize("headers", ["tests/abi/frozen/1.1", "include"])
def test_a_plugin_that_says_nothing_may_make_any_field(make_weir, tmp_path, headers):
    """As those do that are built for ABI 1.1, which had no word for it."""
    folder = tmp_path / "plugins"
    folder.mkdir(mode=0o755)
    subprocess.run(["cc", "-shared", "-fPIC", "-I", ROOT / headers, "-x", "c", "-",
                    "-o", folder / "filter-silent.so"], input=SILENT, text=True, check=True)
    weir = make_weir(plugin_dirs=["default", str(folder)])
    assert warned(weir, filters(CSV, "  - silent\n", asks("whatever == 1"))) == []
    assert len(warned(weir, filters(CSV, asks("whatever == 1"), "  - silent\n"))) == 1


def test_outputs_of_the_dead_letter_take_records_of_every_kind(weir, tmp_path):
    assert warned(weir, filters(CSV) + "dead_letter:\n  - file: { path: " + str(tmp_path / "x") +
                  ", fields: [message, whatever] }\n") == []


def test_the_shipped_pipelines_raise_no_such_warning(make_weir):
    weir = make_weir()
    shutil.copytree(ROOT / "conf.d", weir.conf_dir, dirs_exist_ok=True)
    assert "no record has a field" not in weir.check("--offline").stdout


CORPUS = sorted(path.parent for path in (ROOT / "tests/plugins/parse").glob("*/options.json"))


def test_every_field_that_parse_has_made_can_be(weir):
    """By what its own tests expect: a warning of any of them would be wrong."""
    for case in CORPUS:
        options = json.loads((case / "options.json").read_text())
        made = [json.loads(line) for line in (case / "expected.jsonl").read_text().splitlines()
                if line.startswith("{")]
        names = sorted({name for record in made for name in record if not name.startswith("@")})
        weir.pipeline(case.name, {"inputs": [{"stdin": {}}],
                                  "filters": [{"parse": options}, {"remove": {"fields": names}}],
                                  "outputs": [{"stdout": {}}]})
        assert names
    told = json.loads(weir.check("--json", "--offline").stdout)
    assert told["pipelines"] == len(CORPUS) >= 20
    assert told["problems"] == []

# SPDX-License-Identifier: MIT
"""The metrics of an agent with every kind of stage, under load: to promtool, and to a real Prometheus, which
also answers every question of the shipped alerts and of the dashboard. And its JSON documents."""
import contextlib
import json
import re
import subprocess
import urllib.parse
import urllib.request

import pytest

from harness import needs
from harness.bulk import Bulk
from harness.fake_aws import FakeAws
from harness.process import end, free_port, spawn, wait_until
from harness.weir import ROOT, SLOW, yaml

DOCS = ROOT / "packaging/docs"
LINES = 2000


def promtool(*arguments, stdin=None):
    needs.programs("promtool")
    return subprocess.run(["promtool", *arguments], cwd=DOCS, input=stdin, capture_output=True, text=True,
                          timeout=120, check=False)


def put(request, _number):
    count = len(request.records())
    if "Firehose" in request.headers["x-amz-target"]:
        return 200, {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "1"}] * count}
    return 200, {"FailedRecordCount": 0, "Records": [
        {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}] * count}


@pytest.fixture
def busy(weir, tmp_path, scripted):
    """An agent with a stage of each kind, and lines in every one."""
    aws, search = FakeAws(put), Bulk()
    log = tmp_path / "a.log"
    log.write_text('{"n":1,"message":"m"}\nno JSON\n' * (LINES // 2))
    weir.env.update(AWS_ACCESS_KEY_ID="AK", AWS_SECRET_ACCESS_KEY="SK", AWS_REGION="eu-west-1",
                    AWS_EC2_METADATA_DISABLED="true")
    weir.pipeline("all", {
        "inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}},
                   {"syslog": {"listen": f"127.0.0.1:{free_port()}"}}],
        "filters": [{"parse": {"format": "json", "on_error": "dead_letter"}},
                    {"set": {"fields": {"site": "west"}, "isolate": "process"}}, {"where": "true"}],
        "outputs": [{"http": {"url": scripted().url}},
                    {"file": {"path": str(tmp_path / "out"), "buffer": {"disk": "16MiB"}}},
                    {"kinesis": {"stream": "k", "endpoint": aws.url, "linger": "50ms"}},
                    {"firehose": {"delivery_stream": "f", "endpoint": aws.url, "linger": "50ms"}},
                    {"elasticsearch": {"urls": [search.url], "index": "i", "linger": "50ms"}},
                    {"null": {"isolate": "process"}}]})
    weir.pipeline("broken", "inputs: [x\n")  # which the log says
    weir.start()
    wait_until(lambda: all(weir.metric("weir_output_records_total", output=output, outcome="delivered") == LINES / 2
                           for output in ("http", "file", "kinesis", "firehose", "elasticsearch", "null")),
               30 * SLOW, "the records at every output")
    yield weir
    weir.stop()
    aws.close()
    search.server.close()


def test_the_metrics_pass_promtool(busy):
    result = promtool("check", "metrics", stdin=busy.get("/metrics")[1])
    assert result.returncode == 0, result.stdout + result.stderr
    assert not result.stdout + result.stderr


def test_the_alerts_are_rules_and_fire_for_what_they_are_about():
    assert promtool("check", "rules", "alerts.yml").returncode == 0
    result = promtool("test", "rules", "alerts_test.yml")
    assert result.returncode == 0, result.stdout + result.stderr


def dashboard_queries():
    """Each with the dashboard's variables filled in, as Grafana does."""
    document = json.loads((DOCS / "dashboard.json").read_text())
    queries = [t["expr"] for panel in document["panels"] for t in panel["targets"]]
    return [re.sub(r"\$__rate_interval|\$__interval|\$__range", "1m", query).replace("$instance", ".*")
            .replace("$pipeline", ".*") for query in queries]


def test_alerts_and_dashboard_ask_for_metrics_that_there_are(busy):
    there = set(re.findall(r"^(weir_\w+)", busy.get("/metrics")[1], re.M))
    asked = {name for text in [(DOCS / "alerts.yml").read_text(), *dashboard_queries()]
             for name in re.findall(r"\b(weir_\w+)", text)}
    assert len(asked) > 15 and sorted(asked - there) == []


class Prometheus:
    """One that scrapes an agent, with the shipped alerts."""

    def __init__(self, folder, target):
        needs.programs("prometheus")
        (folder / "prometheus.yml").write_text(yaml({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(DOCS / "alerts.yml")],
            "scrape_configs": [{"job_name": "weir", "static_configs": [{"targets": [target]}]}]}))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = spawn(["prometheus", f"--config.file={folder}/prometheus.yml",
                              f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"],
                             folder / "prometheus.log")

    def ask(self, path, **query):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]

    def value(self, query):
        """Of the only series; None before there is one."""
        with contextlib.suppress(OSError):
            result = self.ask("query", query=query)["result"]
            return float(result[0]["value"][1]) if result else None
        return None

    def rules(self):
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def close(self):
        end(self.process)


@pytest.fixture
def prometheus(busy, tmp_path):
    made = Prometheus(tmp_path, f"127.0.0.1:{busy.port}")
    yield made
    made.close()


def test_a_prometheus_takes_them_and_answers_alerts_and_dashboard(busy, prometheus):
    wait_until(lambda: prometheus.value("up") is not None, 30 * SLOW, "the first scrape")
    (target,) = prometheus.ask("targets")["activeTargets"]
    assert target["health"] == "up" and not target["lastError"]
    # In the form that it asks for first, OpenMetrics, each line is a sample.
    request = urllib.request.Request(busy.url("/metrics"),
                                     headers={"Accept": "application/openmetrics-text;version=1.0.0"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    assert text.endswith("# EOF\n")
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert prometheus.value("scrape_samples_scraped") == len(samples)
    assert prometheus.value('sum(weir_output_records_total{outcome="delivered",output="file"})') == LINES / 2
    assert prometheus.value('weir_input_records_total{input="tail"}') == LINES
    wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()), 30 * SLOW,
               lambda: f"an evaluation of {prometheus.rules()}")
    assert len(prometheus.rules()) > 5
    for query in dashboard_queries():
        assert prometheus.ask("query", query=query)["resultType"] == "vector", query


def test_the_dashboard_is_what_its_generator_makes():
    made = subprocess.run([DOCS / "generate-dashboard"], capture_output=True, text=True, check=True).stdout
    assert made == (DOCS / "dashboard.json").read_text()


# ---- the documents -------------------------------------------------------------------------------------

def paths(value, at=""):
    """{"pipelines[].name", ...}: every member of a document, of lists those of all their items."""
    if isinstance(value, dict):
        inner = {f"{at}.{key}".lstrip("."): member for key, member in value.items()}
        return set(inner) | {path for key, member in inner.items() for path in paths(member, key)}
    if isinstance(value, list):
        return {path for item in value for path in paths(item, at + "[]")}
    return set()


def explained(heading):
    """The members that a table of the documentation names; `a`, `b` in one row are both of the last path."""
    text = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", (DOCS / "api.md").read_text(), re.M | re.S)[1]
    return {path for row in re.findall(r"^\| (`.*?`) \|", text, re.M) for path in re.findall(r"`([^`]+)`", row)}


def event(agent):
    """The first event of the stream of the status page."""
    with urllib.request.urlopen(agent.url("/api/events"), timeout=20) as answer:
        for line in answer:
            if line.startswith(b"data: "):
                return json.loads(line[6:])
    raise AssertionError("no event")


def test_every_member_of_the_documents_is_explained_and_no_other(busy):
    there = {path.replace(".dead_letter[]", ".outputs[]")  # which have the same
             for path in paths(json.loads(busy.get("/status")[1]))}
    assert sorted(there ^ explained("GET /status")) == []
    told = event(busy)
    assert told["log"]
    del told["status"]
    assert sorted((paths(told) | {"status"}) ^ explained("GET /api/events")) == []

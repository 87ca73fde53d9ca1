# SPDX-License-Identifier: MIT
"""`weir import`: what another agent sent, the imported pipeline sends, from where that one stopped."""
import fnmatch
import json
import os
import re
import subprocess

import pytest

from harness import kinesis_agent
from harness.fake_aws import FakeAws
from harness.process import end, wait_until
from harness.weir import yaml


@pytest.fixture
def aws():
    """Takes whatever is put, of both services."""

    def answer(request, _number):
        count = len(request.records())
        if "Firehose" in request.headers["x-amz-target"]:
            return 200, {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "1"}] * count}
        return 200, {"FailedRecordCount": 0, "Records": [
            {"SequenceNumber": "1", "ShardId": "shardId-000000000000"}] * count}

    server = FakeAws(answer)
    yield server
    server.close()


def received(aws):
    return [record.decode() for request in aws.seen() for record in request.records()]


@pytest.fixture
def agent(weir, aws, tmp_path):
    """agent(flows, **settings): a Kinesis Agent's configuration; the path of agent.json."""
    weir.env.update(AWS_ACCESS_KEY_ID="AK", AWS_SECRET_ACCESS_KEY="SK", AWS_REGION="eu-west-1",
                    AWS_EC2_METADATA_DISABLED="true")
    (tmp_path / "logs").mkdir(exist_ok=True)

    def make(*flows, **settings):
        whole = {"cloudwatch.emitMetrics": False, "kinesis.endpoint": aws.url,
                 "firehose.endpoint": aws.url, "kinesis.region": "eu-west-1",
                 "checkpointFile": str(tmp_path / "checkpoints"), **settings, "flows": [
                     {"filePattern": str(tmp_path / "logs/app.log*"), **flow} for flow in flows]}
        path = tmp_path / "agent.json"
        path.write_text(json.dumps(whole, indent=1))
        return path

    return make


def run_import(weir, path, *arguments, code=0):
    result = weir.command("import", "kinesis-agent", "-c", weir.config, path, "--json", *arguments)
    assert result.returncode == code, result.stdout + result.stderr
    return json.loads(result.stdout)


def comparable(sent):
    """JSON as what it says, anything else as it is; requests may arrive in any order."""
    whole = []
    for record in sent:
        try:
            whole.append(json.dumps(json.loads(record), sort_keys=True))
        except ValueError:
            whole.append(record)
    return sorted(whole)


WEB = ('203.0.113.9 - alice [24/Nov/2026:11:59:58 +0000] "GET /a?b HTTP/1.1" 200 512 "-" "curl/8"\n'
       'www.example.com - - [24/Nov/2026:11:59:59 +0000] "POST / HTTP/1.0" 304 - '
       '"http://example.com/\u00e4" "Mozilla (\U0001f642)"\n'
       'no access log\n\n')
SYSLOG = ("Nov 24 11:59:58 web1 sshd[812]: Failed password for root\n"
          "Nov  4 01:02:03 web-2 kernel: [ 1.2] up\nsomething else\n")
ERRORS = ("[Tue Nov 24 10:42:29.902022 2026] [core:error] [pid 35708:tid 4328636416] "
          "[client 198.51.100.7] File does not exist: /srv/www/favicon.ico\n"
          "[Tue Nov 24 10:42:29 2026] [core:error] [pid 35708] [client 198.51.100.7] No such file\n"
          "[Tue Nov 24 10:42:29.9 2026] [error] [pid 35708:tid 43] [client 198.51.100.7:12345] Gone\n"
          "no error log\n")
ISO = ("2026-11-24T12:00:08Z server2 rcd[308]: Loaded 12 packages in 'red|351' (0.01878 seconds) \n"
       "2026-11-24T12:00:08.123456+01:00 server4 snort: Ports to decode telnet on: 21 23 25 119\n"
       "of no format\n")
CSV = "a,b,c\n1,,3,4\n\"x,y\",z\n,,\n\nlast,,\n"
TRACE = "2026-11-24 boom\n\tat x  \n\n  at y\n2026-11-24 fine\n2026-11-24 end\n"

FLOWS = {
    "raw lines": ({"kinesisStream": "s"}, WEB),
    "to Firehose": ({"deliveryStream": "s"}, WEB),
    "packed": ({"deliveryStream": "s", "aggregatedRecordSizeBytes": 100000}, WEB),
    "with headers": ({"kinesisStream": "s", "skipHeaderLines": 2}, CSV),
    "several lines": ({"kinesisStream": "s", "multiLineStartPattern": r"\d{4}-"}, TRACE),
    "common": ([{"optionName": "LOGTOJSON", "logFormat": "COMMONAPACHELOG"}], WEB),
    "combined": ([{"optionName": "LOGTOJSON", "logFormat": "COMBINEDAPACHELOG"}], WEB),
    "names of one's own": ([{"optionName": "LOGTOJSON", "logFormat": "COMMONAPACHELOG",
                             "customFieldNames": ["ip", "ident", "user", "at", "what is", "code",
                                                  "size"]}], WEB),
    "syslog": ([{"optionName": "LOGTOJSON", "logFormat": "SYSLOG"}], SYSLOG),
    "errors of Apache": ([{"optionName": "LOGTOJSON", "logFormat": "APACHEERRORLOG"}], ERRORS),
    "syslog with a date": ([{"optionName": "LOGTOJSON", "logFormat": "RFC3339SYSLOG"}], ISO),
    "spaces and too few": ([{"optionName": "CSVTOJSON", "jsonFormat": "PRETTYPRINT",
                             "customFieldNames": ["x", "y", "z", "last"]}],
                           "one, two,three,    four\none, two,three\none,two,three,four,five\n"),
    "behind the pattern": ([{"optionName": "LOGTOJSON", "logFormat": "COMBINEDAPACHELOG"}],
                           '203.0.113.9 - - [27/Oct/2026:09:27:09 -0400] "GET /a.html HTTP/1.0" 200 10450 '
                           '"-" "Mozilla/4.6 [en] (X11; U)" "anything"\n'),
    "a partition key of the record": ({"kinesisStream": "s", "partitionKeyOption": "DETERMINISTIC"}, WEB),
    "keys in quotes, as in its tests": ({"deliveryStream": "s", "maxBufferAgeMillis": "10000",
                                         "retryInitialBackoffMillis": 10, "retryMaxBackoffMillis": 100},
                                        WEB),
    "a pattern": ([{"optionName": "LOGTOJSON", "logFormat": "COMMONAPACHELOG",
                    "matchPattern": r"^([\d.]+) (?:- )?(-|\w+) [\[(](.*?)\] \"(GET)?.*$",
                    "customFieldNames": ["ip", "who-ever", "at", "method"]}], WEB),
    "csv": ([{"optionName": "CSVTOJSON", "customFieldNames": ["x", "y y", "z"]}], CSV),
    "tsv": ([{"optionName": "CSVTOJSON", "customFieldNames": ["x", "y"], "delimiter": "\\t"}],
            "1\t2\t3\n\t2\n1\t\n\\t,\n"),
    "bars": ([{"optionName": "CSVTOJSON", "customFieldNames": ["x", "y"], "delimiter": "\\|"}],
             "1|2\n|\n|2\n"),
    "one line": ({"kinesisStream": "s", "multiLineStartPattern": r"\d{4}-", "dataProcessingOptions": [
        {"optionName": "SINGLELINE"}]}, TRACE),
    "one line, escaped": ({"kinesisStream": "s", "multiLineStartPattern": r"\d{4}-",
                           "dataProcessingOptions": [
                               {"optionName": "SINGLELINE", "parseOptions": ["ESCAPE_NEW_LINE"]}]},
                          TRACE),
    "one line, untrimmed": ({"kinesisStream": "s", "multiLineStartPattern": r"\d{4}-",
                             "dataProcessingOptions": [
                                 {"optionName": "SINGLELINE",
                                  "parseOptions": ["NO_TRIM", "ESCAPE_NEW_LINE"]}]}, TRACE),
    "one line, then fields": ({"kinesisStream": "s", "multiLineStartPattern": "ip=",
                               "dataProcessingOptions": [
                                   {"optionName": "SINGLELINE"},
                                   {"optionName": "CSVTOJSON", "customFieldNames": ["x", "y"]}]},
                              "ip=1,\n  2\nip=3,4\n"),
    "metadata": ([{"optionName": "ADDMETADATA", "metadata": {
        "env": "a ${HOME} $$ \u00fc", "yes": {"list": [1, "2", None, True, 1.5]}, "quote": "'\"\n"}}],
                 WEB),
    "brackets": ([{"optionName": "ADDBRACKETS"}], '"a":1\n\n'),
}


# Whole files in the manner of those that the agent comes with and is tested with: its example, its default
# settings, and those of its tests, with their comments, empty endpoints, and booleans and numbers in quotes.
SAMPLES = {
    "its example": ("""{
  "checkpointFile": "@LOGS@/none", "cloudwatch.emitMetrics": true,
  "cloudwatch.endpoint": "https://monitoring.us-west-2.amazonaws.com",
  "kinesis.endpoint": "https://kinesis.us-west-2.amazonaws.com",
  "awsAccessKeyId": "AK", "awsSecretAccessKey": "SK",
  "flows": [
    {"filePattern": "@LOGS@/one.log*", "initialPosition": "START_OF_FILE", "kinesisStream": "one",
     "dataProcessingOptions": [{"optionName": "CSVTOJSON", "customFieldNames": ["f1", "f2", "f3"],
                                "delimiter": "\\\\t"}]},
    {"filePattern": "@LOGS@/two.log*", "initialPosition": "START_OF_FILE", "kinesisStream": "two",
     "dataProcessingOptions": [{"optionName": "LOGTOJSON", "logFormat": "COMMONAPACHELOG"}]}]
}""", {"one.log": "1\t2\t3\n\t\t\na b\t\u00e9\n", "two.log": WEB}),
    "its default settings": ("""{
  "cloudwatch.emitMetrics": true, "kinesis.endpoint": "", "firehose.endpoint": "",

  "flows": [
    {"filePattern": "@LOGS@/app.log*", "kinesisStream": "yours", "partitionKeyOption": "RANDOM",
     "initialPosition": "START_OF_FILE"},
    {"filePattern": "@LOGS@/app.log*", "deliveryStream": "yours-too", "initialPosition": "START_OF_FILE"}
  ]
}""", {"app.log": WEB, "app.log.1": SYSLOG}),
    "of its tests": ("""{
  /* a comment */
  "log.level": "ERROR", "log.file": "/tmp/test.log", "maxConnections": "1", "connectionTimeoutMillis": 1200,
  "useHttpGzip": "T", "useTcpKeepAlive": "yes", "maxSendingThreads": 8,
  /*
   * Off,
   * as it costs.
   */
  "cloudwatch.emitMetrics": "no", "log.emitInternalMetrics": "1",
  "firehose.endpoint": "https://firehose.us-east-1.amazonaws.com", "kinesis.endpoint": "",
  "sendingThreadsMaxQueueSize": "21", "checkpointFile": "@LOGS@/none",
  "flows": [
    {"maxBufferAgeMillis": "10000", /* a glob */ "filePattern": "@LOGS@/prefix1*", "deliveryStream": "fh1",
     "initialPosition": "START_OF_FILE", "retryInitialBackoffMillis": "10", "retryMaxBackoffMillis": 100},
    {"filePattern": "@LOGS@/prefix2,20,100*", "deliveryStream": "fh2", "initialPosition": "START_OF_FILE"}
  ]
}""", {"prefix1.log": SYSLOG, "prefix2,20,100.log": WEB}),
}


def stream_of(request):
    body = json.loads(request.body)
    return body.get("StreamName") or body.get("DeliveryStreamName")


@pytest.mark.parametrize("sample, files", SAMPLES.values(), ids=SAMPLES)
def test_a_sample_of_the_agent_sends_what_it_sends_there(weir, agent, aws, tmp_path, sample, files):
    agent()  # the environment
    path, logs = tmp_path / "agent.json", tmp_path / "logs"
    path.write_text(sample.replace("@LOGS@", str(logs)))
    told = run_import(weir, path)
    weir.env["WEIR_SECRET_ACCESS_KEY"] = "SK"
    assert weir.check("--offline").returncode == 0
    assert not [n for p in [told, *told["pipelines"]] for n in p["notes"] if n["kind"] == "lost"]
    # Once more, to a server that is there.
    whole = json.loads(re.sub(r"/\*.*?\*/", "", path.read_text().replace("log*", "log@"), flags=re.S)
                       .replace("log@", "log*"))
    whole.update({"kinesis.endpoint": aws.url, "firehose.endpoint": aws.url, "kinesis.region": "eu-west-1",
                  "cloudwatch.emitMetrics": "F"})
    path.write_text(json.dumps(whole))
    run_import(weir, path, "--force")
    for name, text in files.items():
        (logs / name).write_text(text)
    weir.run_once()
    for flow in whole["flows"]:
        stream = flow.get("kinesisStream") or flow["deliveryStream"]
        sent = [r.decode() for request in aws.seen() if stream_of(request) == stream for r in request.records()]
        expected = [r for name, text in files.items() if fnmatch.fnmatch(str(logs / name), flow["filePattern"])
                    for r in kinesis_agent.records(flow, text)]
        assert expected and comparable(sent) == comparable(expected)


@pytest.mark.parametrize("flow, text", FLOWS.values(), ids=FLOWS)
def test_the_records_are_those_that_the_agent_sends(weir, agent, aws, tmp_path, flow, text):
    if isinstance(flow, list):
        flow = {"kinesisStream": "s", "dataProcessingOptions": flow}
    run_import(weir, agent({"initialPosition": "START_OF_FILE", **flow}))
    (tmp_path / "logs/app.log").write_text(text)
    weir.run_once()
    sent = received(aws)
    if "aggregatedRecordSizeBytes" in flow:
        sent = "".join(sent).splitlines(keepends=True)
    assert comparable(sent) == comparable(kinesis_agent.records(flow, text))


def test_syslog_lines_with_the_other_form_of_time_are_taken_and_it_is_said(weir, agent, aws, tmp_path):
    told = run_import(weir, agent({"kinesisStream": "s", "initialPosition": "START_OF_FILE",
                                   "dataProcessingOptions": [{"optionName": "LOGTOJSON",
                                                              "logFormat": "RFC3339SYSLOG"}]}))
    assert any("other form of time" in note["text"] for note in told["pipelines"][0]["notes"])
    (tmp_path / "logs/app.log").write_text(SYSLOG)
    weir.run_once()
    assert len(received(aws)) == 2


def test_a_time_in_the_metadata_is_that_of_reading(weir, agent, aws, tmp_path):
    run_import(weir, agent({"kinesisStream": "s", "initialPosition": "START_OF_FILE",
                            "dataProcessingOptions": [{"optionName": "ADDMETADATA", "timestamp": "true",
                                                       "metadata": {}}]}))
    (tmp_path / "logs/app.log").write_text("x\n")
    weir.run_once()
    (record,) = received(aws)
    assert record.startswith('{"ts":"20') and record.endswith('Z","metadata":{},"data":"x"}\n')


def test_comments_tabs_and_other_characters_are_understood(weir, agent, tmp_path):
    path = agent({"kinesisStream": "events"})
    text = path.read_text().replace("app.log", "\\ud83d\\ude42 /*not*/ //not \\u00e9")
    path.write_text("// first\n" + text.replace(" ", "\t", 9).replace("{", "{ /* a\n comment */", 1))
    told = run_import(weir, path)
    assert f"{tmp_path}/logs/\U0001f642 /*not*/ //not \u00e9*".rpartition("/")[2] in \
        json.loads(weir.command("check", "-c", weir.config, "--json").stdout)["problems"][0]["text"]
    assert told["pipelines"][0]["name"] == "events"


def test_settings_of_the_agent_become_those_of_outputs(weir, agent, tmp_path):
    path = agent({"kinesisStream": "k", "partitionKeyOption": "DETERMINISTIC",
                  "maxBufferAgeMillis": 5000, "maxBufferSizeRecords": 100, "maxBufferSizeBytes": 99999,
                  "retryInitialBackoffMillis": 50, "retryMaxBackoffMillis": "2000"},
                 {"deliveryStream": "f"},
                 **{"kinesis.endpoint": "https://kinesis.us-west-2.amazonaws.com",
                    "kinesis.region": None, "firehose.endpoint": "firehose.internal:8443",
                    "sts.endpoint": "sts.us-west-2.amazonaws.com", "awsAccessKeyId": "AKIA",
                    "awsSecretAccessKey": "very secret", "assumeRoleARN": "arn:aws:iam::1:role/r",
                    "assumeRoleExternalId": "x y", "maxSendingThreads": "8",
                    "connectionTimeoutMillis": 1500, "socketTimeoutMillis": 30000})
    told = run_import(weir, path)
    weir.env["WEIR_SECRET_ACCESS_KEY"] = "x"
    assert weir.check().returncode == 0
    one, two = (p["yaml"] for p in told["pipelines"])
    for text in ("region: us-west-2", "partition_key: hash", "linger: 5000ms", "batch_records: 100",
                 "batch_bytes: 99999", "backoff_min: 50ms, backoff_max: 2000ms", "concurrency: 8",
                 "connect_timeout: 1500ms", "timeout: 30000ms", "external_id: 'x y'",
                 "sts_endpoint: 'https://sts.us-west-2.amazonaws.com'"):
        assert text in one, text
    assert "endpoint: 'https://firehose.internal:8443'" in two and "region: us-east-1" in two
    assert "endpoint: 'https://kinesis" not in one
    assert "very secret" not in json.dumps(told)


@pytest.mark.parametrize("stream", ["kinesisStream", "deliveryStream"])
def test_metrics_go_to_the_same_place_in_cloudwatch(weir, agent, aws, tmp_path, stream):
    """By default, and sums that the agent itself would have sent."""
    bodies = []

    def take(request, _number):
        bodies.append(json.loads(request.body))
        return 200, {}

    server = FakeAws(take)
    (tmp_path / "logs/app.log").write_text("one\ntwo\n")
    told = run_import(weir, agent({stream: "s", "initialPosition": "START_OF_FILE"},
                                  **{"cloudwatch.emitMetrics": None, "cloudwatch.endpoint": server.url,
                                     "cloudwatch.metricsBufferTimeMillis": 1000}))
    assert "interval: 1000ms" in told["pipelines"][0]["yaml"]
    weir.start()
    wait_until(lambda: bodies, 20, "the metrics")
    weir.stop()
    server.close()
    found = {d["MetricName"]: (d["StatisticValues"]["Sum"], d["Dimensions"]) for d in bodies[0]["MetricData"]}
    kind = stream.replace("kinesis", "Kinesis").replace("delivery", "Delivery")
    to = [{"Name": "Destination", "Value": f"{kind}:s"}]
    assert bodies[0]["Namespace"] == "AWSKinesisAgent"
    assert found == {"RecordSendAttempts": (2, to), "RecordSendErrors": (0, to), "RecordsSent": (2, to),
                     "BytesSent": (8, to), "ServiceErrors": (0, to)}


def test_what_cannot_be_carried_over_is_listed(weir, agent):
    path = agent({"kinesisStream": "a", "fileFooterPattern": "x", "dataProcessingOptions": [
        {"optionName": "CSVTOJSON", "customFieldNames": ["a"], "delimiter": "[,;]"}]},
                 {"kinesisStream": "b", "dataProcessingOptions": [
                     {"optionName": "USINGPLUGGIN", "classname": "X"}, {"optionName": "ADDEC2METADATA"}]},
                 {"kinesisStream": "c", "dataProcessingOptions": [
                     {"optionName": "LOGTOJSON", "logFormat": "SYSLOG"},
                     {"optionName": "ADDMETADATA", "metadata": {}}]},
                 {"neither": 1}, **{"cloudwatch.emitMetrics": True, "cloudwatch.tagInstance": True, "userAgent": "x", "speling": 1})
    told = run_import(weir, path, code=3)

    def lost(notes):
        return [note["text"] for note in notes if note["kind"] == "lost"]

    assert [len(lost(p["notes"])) for p in told["pipelines"]] == [2, 2, 1]
    general = lost(told["notes"])
    assert len(general) == 3 and "speling: the key is not known" in general
    assert any("InstanceId" in text for text in general)
    assert "Not carried over:" in told["pipelines"][0]["yaml"]
    text = weir.command("import", "kinesis-agent", "-c", weir.config, path, "--force").stdout
    assert f"    LOST     {path}:" in text


def test_flows_of_the_folder_beside_are_taken_too(weir, agent, tmp_path):
    path = agent({"kinesisStream": "one"})
    (tmp_path / "agent.d").mkdir()
    (tmp_path / "agent.d/more.json").write_text(json.dumps({"flows": [
        {"filePattern": "/tmp/x*", "kinesisStream": "one"}, {"filePattern": "/y", "deliveryStream": "t.w"}]}))
    told = run_import(weir, path)
    assert [p["name"] for p in told["pipelines"]] == ["one", "one-2", "t-w"]


def test_nothing_that_is_there_is_replaced(weir, agent):
    path = agent({"kinesisStream": "b"}, {"kinesisStream": "a"})
    weir.pipeline("a", "mine\n")
    result = weir.command("import", "kinesis-agent", "-c", weir.config, path)
    assert result.returncode == 1 and "a.yaml is there already" in result.stderr
    assert os.listdir(weir.conf_dir) == ["a.yaml"]
    assert weir.command("import", "kinesis-agent", "-c", weir.config, "-n", path).returncode == 0
    assert os.listdir(weir.conf_dir) == ["a.yaml"]
    run_import(weir, path, "--force")
    assert (weir.conf_dir / "a.yaml").read_text() != "mine\n"


def test_a_broken_file_is_shown_with_its_place(weir, tmp_path):
    path = tmp_path / "agent.json"
    for text, words in (("{\n \"flows\": [\n", ":3:"), ("[]", "expected an object"), ("", "expected")):
        path.write_text(text)
        result = weir.command("import", "kinesis-agent", "-c", weir.config, path)
        assert result.returncode == 1 and words in result.stderr, result.stderr


@pytest.mark.parametrize("arguments", [[], ["kinesis-agent"], ["logstash", "x"],
                                       ["kinesis-agent", "x", "y"], ["kinesis-agent", "x", "--nope"]])
def test_a_wrong_command_line_is_wrong_usage(weir, arguments):
    assert weir.command("import", *arguments).returncode == 2


# ---- positions -------------------------------------------------------------------------------------

FLOW = {"kinesisStream": "s"}


KEYS = {  # of FACTS' agent table, beside those that other tests give
    "checkpointTimeToLiveDays": 7, "cloudwatch.namespace": "x", "cloudwatch.tagInstance": True,
    "cloudwatch.endpoint": "https://monitoring.us-west-2.amazonaws.com",
    "log.statusReportingPeriodSeconds": 30, "maxSendingThreadsPerCore": 12, "maxSendingThreads": 24,
    "sendingThreadsMaxQueueSize": "100", "connectionTimeoutMillis": 10000, "socketTimeoutMillis": 50000,
    "useTcpKeepAlive": True, "useHttpGzip": True, "shutdownTimeoutMillis": 10000, "userAgent": "x",
    "userAgentOverride": "y", "log.level": "ERROR", "log.file": "/tmp/x", "log.maxBackupIndex": 12,
    "log.maxFileSize": 1234, "maxConnections": 1, "connectionTTLMillis": 123,
    "log.emitInternalMetrics": True, "cloudwatch.metricsBufferTimeMillis": 25,
    "cloudwatch.metricsQueueSize": 100, "sendingThreadsKeepAliveMillis": 123000}
FLOW_KEYS = {"kinesisStream": "s", "initialPosition": "START_OF_FILE", "partitionKeyOption": "RANDOM",
             "maxBufferAgeMillis": 60000, "maxBufferSizeRecords": 500, "maxBufferSizeBytes": 4194304,
             "retryInitialBackoffMillis": 100, "retryMaxBackoffMillis": 10000,
             "minTimeBetweenFilePollsMillis": 100, "maxTimeBetweenFileTrackerRefreshMillis": 10000,
             "skipHeaderLines": 0, "truncatedRecordTerminator": "\n", "log.emitInternalMetrics": True}


def test_every_key_is_known_and_a_java_class_is_what_cannot_be_carried_over(weir, agent):
    told = run_import(weir, agent(FLOW_KEYS, **KEYS))
    notes = told["notes"] + told["pipelines"][0]["notes"]
    assert not [note["text"] for note in notes if note["kind"] == "lost"]
    assert weir.check().returncode == 0
    path = agent(FLOW_KEYS, **{"userDefinedCredentialsProvider.classname": "com.example.Provider",
                               "userDefinedCredentialsProvider.location": "/home/x/provider.jar"})
    notes = run_import(weir, path, "--force", code=3)["notes"]
    assert sum("credential_process" in note["text"] for note in notes) == 2


@pytest.fixture
def moved(weir, agent, tmp_path):
    """moved(): imports a flow; what its first run sends is then what the agent had not sent."""
    path = agent(FLOW)

    class Move:
        logs = tmp_path / "logs"
        flow = f"kinesis:s:{tmp_path}/logs/app.log*"
        database = tmp_path / "checkpoints"

        def log(self, name, text, age):
            (self.logs / name).write_text(text)
            os.utime(self.logs / name, (1_800_000_000 - age,) * 2)
            return self.logs / name

        def run(self, code=0):
            told = run_import(weir, path, code=code)
            return told, {os.path.basename(p["path"]): p["position"]
                          for p in told["pipelines"][0]["positions"]}

    return Move()


def test_a_move_loses_and_repeats_nothing(weir, aws, moved):
    moved.log("app.log.2", "old one\n", 300)
    moved.log("app.log.gz", "compressed\n", 100)
    log = moved.log("app.log", "sent\nsent\nnot yet\n", 200)
    kinesis_agent.checkpoint(moved.database, moved.flow, log, 10, modified=log.stat().st_mtime)
    # Then it was rotated and goes on in a new file, while neither agent runs.
    log.rename(moved.logs / "app.log.1")
    moved.log("app.log", "new\n", 100)
    _, positions = moved.run()
    assert positions == {"app.log.1": 10, "app.log.2": 8}
    weir.run_once()
    assert sorted(received(aws)) == ["new\n", "not yet\n"]
    with open(moved.logs / "app.log", "a", encoding="ascii") as more:
        more.write("newer\n")
    weir.run_once()
    assert sorted(received(aws)) == ["new\n", "newer\n", "not yet\n"]


def test_the_service_goes_on_from_there(weir, aws, moved):
    log = moved.log("app.log", "sent\n", 10)
    kinesis_agent.checkpoint(moved.database, moved.flow, log, 5)
    moved.run()
    weir.start()
    with open(log, "a", encoding="ascii") as more:
        more.write("after\n")
    wait_until(lambda: received(aws) == ["after\n"], what="the line after the move")
    weir.stop()


def test_a_truncated_file_is_read_whole(weir, aws, moved):
    log = moved.log("app.log", "short\n", 10)
    kinesis_agent.checkpoint(moved.database, moved.flow, log, 100)
    told, positions = moved.run()
    assert positions == {"app.log": 0}
    assert any("truncated" in n["text"] for n in told["pipelines"][0]["notes"])
    weir.run_once()
    assert received(aws) == ["short\n"]


def test_when_its_file_is_gone_what_is_newer_is_read(weir, aws, moved):
    moved.log("app.log.1", "older\n", 300)
    log = moved.log("app.log", "newer\n", 100)
    kinesis_agent.checkpoint(moved.database, moved.flow, log, 3, inode=1,
                             modified=1_800_000_000 - 200)
    told, positions = moved.run()
    assert positions == {"app.log.1": 6}
    assert any("is gone" in n["text"] for n in told["pipelines"][0]["notes"])
    weir.run_once()
    assert received(aws) == ["newer\n"]


def test_when_all_files_are_new_all_are_read(weir, aws, moved):
    log = moved.log("app.log", "new\n", 100)
    kinesis_agent.checkpoint(moved.database, moved.flow, log, 3, inode=1,
                             modified=1_800_000_000 - 200)
    assert moved.run()[1] == {}
    weir.run_once()
    assert received(aws) == ["new\n"]


def test_the_newest_position_of_a_flow_counts(moved):
    old, log = moved.log("app.log.1", "x\n" * 9, 300), moved.log("app.log", "y\n" * 9, 100)
    kinesis_agent.checkpoint(moved.database, moved.flow, log, 4, updated="2026-11-24 12:00:01.000")
    kinesis_agent.checkpoint(moved.database, moved.flow, old, 6, updated="2026-11-24 11:00:00.000")
    kinesis_agent.checkpoint(moved.database, "fh:s:/elsewhere", old, 1)
    assert moved.run()[1] == {"app.log": 4, "app.log.1": 18}


def test_without_a_position_it_begins_as_a_new_pipeline(moved):
    log = moved.log("app.log", "x\n", 10)
    kinesis_agent.checkpoint(moved.database, "kinesis:other:/x/y", log, 1)
    told, positions = moved.run()
    assert positions == {}
    assert any("no position" in n["text"] for n in told["pipelines"][0]["notes"])


def test_a_file_of_no_positions_is_an_error(weir, agent, moved):
    moved.database.write_text("no database\n" * 100)
    result = weir.command("import", "kinesis-agent", "-c", weir.config, agent(FLOW))
    assert result.returncode == 1 and "can't be read" in result.stderr


def test_a_running_agent_keeps_its_positions_to_itself(weir, agent, moved):
    log = moved.log("app.log", "x\n", 10)
    kinesis_agent.checkpoint(moved.database, moved.flow, log, 1)
    weir.pipeline("mine", yaml({"inputs": [{"tail": "/etc/hostname"}], "outputs": ["null"]}))
    weir.start()
    result = weir.command("import", "kinesis-agent", "-c", weir.config, agent(FLOW))
    assert result.returncode == 1 and "process" in result.stderr, result.stderr
    weir.stop()


# ---- Fluent Bit ------------------------------------------------------------------------------------

PARSERS = r"""
[PARSER]
    Name        web
    Format      regex
    Regex       ^(?<host>[^ ]*) (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<path>[^"]*)" (?<code>[^ ]*)$
    Time_Key    time
    Time_Format %d/%b/%Y:%H:%M:%S %z
    Types       code:integer
[PARSER]
    Name        first
    Format      regex
    Regex       /^(?<level>[A-Z]+) (?<text>(?m:.*))/
[PARSER]
    Name        app
    Format      json
    Time_Key    at
    Time_Format %Y-%m-%dT%H:%M:%S.%L
    Time_Offset +0200
    Time_Keep   On
[MULTILINE_PARSER]
    Name          trace
    Type          regex
    Flush_Timeout 1000
    Rule "start_state" "/^\d{4}-/" "cont"
    Rule "cont"        "/^\s+at/"  "cont"
"""


@pytest.fixture
def fluent(weir, tmp_path):
    """fluent(text, lines): imports a configuration and runs it over a log; what its file output got."""
    (tmp_path / "parsers.conf").write_text(PARSERS)

    def run(text, log, code=0, name="fluent-bit.conf", compare=True):
        path = tmp_path / name
        path.write_text(text.replace("@LOG@", str(tmp_path / "app.log")).replace("@OUT@", str(tmp_path)))
        (tmp_path / "app.log").write_text(log)
        result = weir.command("import", "fluent-bit", "-c", weir.config, path, "--json")
        assert result.returncode == code, result.stdout + result.stderr
        weir.run_once()
        out = tmp_path / "out.jsonl"
        got = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
        if compare:
            beside_fluent_bit(path, got, weir.env)
        return got, json.loads(result.stdout)

    return run


CLASSIC = """
[SERVICE]
    Flush 1
    Parsers_File parsers.conf
[INPUT]
    Name tail
    Tag  app.log
    Path @LOG@
    Read_from_Head On
    %s
%s
[OUTPUT]
    Name  file
    Match app.*
    Path  @OUT@
    File  out.jsonl
"""


def beside_fluent_bit(path, expected, env):
    """What the program itself makes of the same files, where WEIR_FLUENT_BIT names one."""
    program = os.environ.get("WEIR_FLUENT_BIT")
    if not program:
        return
    folder, sink = path.parent, FakeAws(lambda request, number: (200, {}))
    beside = folder / f"beside{path.suffix}"
    if path.suffix == ".yaml":
        before = path.read_text().partition("  outputs:\n")[0]
        begin, after, between = "  outputs:\n    - ", "\n      ", ": "
    else:
        before = path.read_text().partition("[OUTPUT]")[0].replace("    Name  lua", "    Name  nest")
        begin, after, between = "\n[OUTPUT]\n    ", "\n    ", " "
    output = {"name": "http", "match": "'app.*'" if path.suffix == ".yaml" else "app.*", "host": "127.0.0.1",
              "port": sink.server.server_port, "format": "json_lines", "json_date_key": "false"}
    beside.write_text(before + begin + after.join(f"{key}{between}{value}" for key, value in output.items()) +
                      "\n")
    process = subprocess.Popen([program, "-q", "-c", beside], cwd=folder, env={**os.environ, **env})

    def got():
        return [json.loads(line) for request in sink.seen() for line in request.body.splitlines()]

    try:
        wait_until(lambda: len(got()) >= len(expected), 20, "Fluent Bit's output")
        assert [{key: value.removesuffix("\n") if key == "log" else value
                 for key, value in record.items()} for record in got()] == without_time(expected)
    finally:
        end(process)
        sink.close()


def without_time(records):
    return [{k: v for k, v in r.items() if k != "@timestamp"} for r in records]


def test_a_line_is_in_the_field_that_it_is_in_there(fluent):
    got, told = fluent(CLASSIC % ("", ""), "one\n\ntwo\n")
    assert without_time(got) == [{"log": "one"}, {"log": ""}, {"log": "two"}]
    assert told["pipelines"][0]["name"] == "app-log"


def test_parsers_give_fields_types_and_the_time(fluent):
    got, _ = fluent(CLASSIC % ("Parser web", ""),
                    '1.2.3.4 ann [24/Nov/2026:12:00:00 +0100] "/x" 200\nsomething else\n')
    assert got[0] == {"@timestamp": "2026-11-24T11:00:00Z", "host": "1.2.3.4", "user": "ann",
                      "path": "/x", "code": 200}
    assert without_time(got)[1:] == [{"log": "something else"}]


def test_a_zone_is_that_of_the_parser(fluent):
    got, _ = fluent(CLASSIC % ("Parser app", ""), '{"at":"2026-11-24T12:00:00.250","a":{"b":1}}\n')
    assert got == [{"@timestamp": "2026-11-24T10:00:00.250Z", "at": "2026-11-24T12:00:00.250",
                    "a": {"b": 1}}]


@pytest.mark.parametrize("lines", ["multiline.parser trace", "multiline.parser java",
                                   "Multiline On\n    Parser_Firstline first"])
def test_lines_that_belong_together_are_joined(fluent, lines):
    log = "2026-11-24 boom\n    at a\n    at b\n2026-11-25 fine\n"
    if "java" in lines:
        log = "java.lang.Exception: boom\n    at a.B.c(B.java:1)\nfine\n"
    if "First" in lines:
        log = "ERROR boom\n    at a\nINFO fine\n"
    got, _ = fluent(CLASSIC % (lines, ""), log)
    whole = [r.get("log") or f"{r['level']} {r['text']}" for r in got]
    assert whole == [log.rpartition("\n")[0].rpartition("\n")[0], log.splitlines()[-1]]


def test_grep_and_modify_do_what_they_do_there(fluent):
    filters = r"""
[FILTER]
    Name    grep
    Match   app.*
    Exclude $user['name'] root|adm\w+
    Regex   code ^[45]
[FILTER]
    Name      modify
    Match     *
    Condition Key_value_equals code 500
    Rename    code status
    Set       level "very bad"
    Copy      status was
    Add       level ignored
    Remove    at
[FILTER]
    Name          record_modifier
    Match         *
    Record        site west
    Remove_key    c
[FILTER]
    Name  lua
    Match other
"""
    log = "".join(json.dumps(r) + "\n" for r in (
        {"code": "500", "user": {"name": "ann"}, "c": 1, "at": "x"}, {"code": "404", "c": 1},
        {"code": "500", "user": {"name": "admin"}}, {"code": "200"}))
    got, told = fluent(CLASSIC % ("Parser app", filters), log, code=3)
    assert without_time(got) == [
        {"user": {"name": "ann"}, "status": "500", "level": "very bad", "was": "500", "site": "west"},
        {"code": "404", "site": "west"}]
    assert [n["text"] for n in told["notes"] if n["kind"] == "lost"] == ["[FILTER]: no input fits its Match"]


FILTER_GREP = "[FILTER]\n    Name grep\n    Match *\n    "


@pytest.mark.parametrize("rules, stays", [
    ("Regex a ^x", {"x", "xy"}),
    ('Regex a "^x"', set()),  # the quotes are a part of it
    ("Exclude a ^x", {"y", "none"}),
    ("Regex a ^x\n Regex b ^y", {"x", "xy"}),  # the first decides
    ("Regex a ^x\n Exclude b ^y", {"x", "xy"}),
    ("Exclude b ^y\n Regex a ^x", {"x"}),
    ("Exclude a ^x\n Exclude b ^y", {"none"}),
    ("Logical_Op AND\n Regex a ^x\n Regex b ^y", {"xy"}),
    ("Logical_Op or\n Regex a ^x\n Regex b ^y", {"x", "y", "xy"}),
    ("Logical_Op and\n Exclude a ^x\n Exclude b ^y", {"x", "y", "none"}),
    ("Logical_Op OR\n Exclude a ^x\n Exclude b ^y", {"none"}),
])
def test_the_rules_of_grep_are_asked_as_they_are_there(fluent, rules, stays):
    log = "".join(json.dumps({"is": name, **({"a": "x"} if "x" in name else {}),
                              **({"b": "y"} if "y" in name else {})}) + "\n"
                  for name in ("x", "y", "xy", "none"))
    got, told = fluent(CLASSIC % ("Parser app", FILTER_GREP + rules.replace("\n", "\n   ") + "\n"), log)
    assert {record["is"] for record in got} == stays
    left_out = [n["text"] for n in told["pipelines"][0]["notes"] if "is left out" in n["text"]]
    assert len(left_out) == (rules.startswith("Regex") and rules.count("\n"))


def test_a_number_fits_a_pattern_and_it_is_said(fluent):
    """There it never does, so that such a filter drops everything, or nothing."""
    filters = """
[FILTER]
    Name  grep
    Match *
    Regex code ^[45]
[FILTER]
    Name    grep
    Match   *
    Exclude code ^50
"""
    got, told = fluent(CLASSIC % ("Parser app", filters), '{"code":404}\n{"code":500}\n{"code":200}\n',
                       compare=False)
    assert without_time(got) == [{"code": 404}]
    said = [n["text"] for n in told["pipelines"][0]["notes"] if "a number" in n["text"]]
    assert len(said) == 1
    assert said[0] in told["pipelines"][0]["yaml"]


def test_the_yaml_form_says_the_same(fluent):
    text = r"""
env: { where: west }
service: { flush: 1, parsers_file: parsers.conf }
parsers:
  - { name: kv, format: logfmt, types: "n:integer" }
pipeline:
  inputs:
    - name: tail
      path: "@LOG@"
      tag: app.log
      read_from_head: true
      parser: kv
      processors: { logs: [ { name: sql } ] }
  filters:
    - { name: modify, match: '*', add: [ "site ${where}", "b c" ] }
  outputs:
    - { name: file, match: 'app*', path: "@OUT@", file: out.jsonl }
"""
    got, told = fluent(text, "n=5 t=x\n", code=3, name="fluent-bit.yaml", compare=False)
    assert without_time(got) == [{"n": 5, "t": "x", "site": "west", "b": "c"}]
    assert [n["text"] for n in told["notes"] if n["kind"] == "lost"] == ["tail processors: {...}"]


YAML = r"""
env:
  where: west
service:
  flush: 1
includes:
  - more.yaml
%s
pipeline:
  inputs:
    - name: tail
      path: "@LOG@"
      tag: app.log
      read_from_head: true
      %s
  filters:
    - name: modify
      match: '*'
      add:
        - site ${where}
        - host ${NODE}
    - name: grep
      match: 'app.*'
      exclude: log ^skip
  outputs:
    - name: file
      match: 'app*'
      path: "@OUT@"
      file: out.jsonl
"""
YAML_FORMS = {
    "a parser of its own": ("""
parsers:
  - name: level
    format: regex
    regex: '^(?<level>[A-Z]+) (?<text>.*)$'
""", "parser: level", "INFO all well\nno level\n",
                            [{"level": "INFO", "text": "all well"}, {"log": "no level"}]),
    "a multiline parser of its own": (r"""
multiline_parsers:
  - name: trace
    type: regex
    flush_timeout: 1000
    rules:
      - state: start_state
        regex: '/^\d{4}-/'
        next_state: cont
      - state: cont
        regex: '/^\s+at/'
        next_state: cont
""", "multiline.parser: trace", "2026-11-24 boom\n  at a\n  at b\n2026-11-25 fine\n",
                                       [{"log": "2026-11-24 boom\n  at a\n  at b"}, {"log": "2026-11-25 fine"}]),
    "parsers of an included file": ("", "parser: pairs", 'a=1 b="x y"\n', [{"a": "1", "b": "x y"}]),
    "no parser": ("", "buffer_max_size: 1M", "one\nskip this\n\n", [{"log": "one"}, {"log": ""}]),
}


@pytest.mark.parametrize("sections, option, log, records", YAML_FORMS.values(), ids=YAML_FORMS)
def test_the_sections_of_the_yaml_form(fluent, weir, tmp_path, sections, option, log, records):
    (tmp_path / "more.yaml").write_text("parsers:\n  - name: pairs\n    format: logfmt\n")
    weir.env["NODE"] = "n1"
    got, told = fluent(YAML % (sections, option), log, name="fluent-bit.yaml")
    assert without_time(got) == [{**record, "site": "west", "host": "n1"} for record in records]
    assert not [n for p in (told, *told["pipelines"]) for n in p["notes"] if n["kind"] == "lost"]


def test_variables_and_includes(fluent, weir, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more/one.conf").write_text("[FILTER]\n name modify\n match *\n add site ${SITE}\n"
                                            " add zone ${zone}\n")
    weir.env["SITE"] = "west"
    got, _ = fluent("@SET zone=b\n@INCLUDE more/*.conf\n" + CLASSIC % ("", ""), "x\n")
    assert without_time(got) == [{"log": "x", "site": "west", "zone": "b"}]


def test_the_outputs_for_aws_search_and_http_pass_the_check(weir, tmp_path):
    path = tmp_path / "fluent-bit.conf"
    path.write_text("""
[INPUT]
    name tail
    tag  kube.*
    path /etc/hostname,/etc/hosts
    multiline.parser docker, cri
[OUTPUT]
    name kinesis_streams
    match kube.*
    region eu-west-1
    stream s
    role_arn arn:aws:iam::1:role/r
    log_key log
    retry_limit 3
[OUTPUT]
    name kinesis_firehose
    match *
    region eu-west-1
    delivery_stream d
    time_key @timestamp
    simple_aggregation On
[OUTPUT]
    name es
    match *
    host search
    logstash_format On
    logstash_prefix web
    http_user u
    http_passwd p
    tls On
    tls.verify Off
    compress gzip
[OUTPUT]
    name opensearch
    match *
    host search
    port 443
    index logs
    aws_auth On
    aws_region eu-west-1
[OUTPUT]
    name http
    match *
    host h
    uri /in
    format json
    header X-Key a b
    json_date_key false
    compress zstd
    tls On
[OUTPUT]
    name s3
    match *
[INPUT]
    name systemd
""")
    result = weir.command("import", "fluent-bit", "-c", weir.config, path, "--json")
    assert result.returncode == 3
    told = json.loads(result.stdout)
    weir.env["WEIR_PASSWORD"] = "x"
    assert weir.check().returncode == 0, weir.check().stdout
    text = told["pipelines"][0]["yaml"]
    for part in ("format: cri", "fields: [log]", "pack: 1000KiB", "index: 'web-%Y.%m.%d'",
                 "urls: ['https://search:9200']", "aws: { region: eu-west-1 }", "gzip: true",
                 "url: 'https://h:80/in'", "compression: zstd", "headers: { X-Key: 'a b' }",
                 "format: json_array"):
        assert part in text, part
    lost = [n["text"] for n in told["notes"] + told["pipelines"][0]["notes"] if n["kind"] == "lost"]
    assert lost == ["the input systemd", "the output s3"]


@pytest.mark.parametrize("text, words", [
    ("name tail\n", "expected a section"), ("[INPUT\n", "expected a section as [NAME]"),
    ("@FOO x\n", "is no command"), ("# nothing\n", "there is no input in it"),
    ("[SERVICE]\n flush 1\n", "there is no input in it")])
def test_a_broken_classic_file_is_shown_with_its_place(weir, tmp_path, text, words):
    path = tmp_path / "fb.conf"
    path.write_text(text)
    result = weir.command("import", "fluent-bit", "-c", weir.config, path)
    assert result.returncode == 1 and words in result.stderr and str(path) in result.stderr

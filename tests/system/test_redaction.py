# SPDX-License-Identifier: MIT
"""No secret shows: one is put wherever one may stand, the agent is led through success and every kind of
failure at its highest log level, and all that it says is searched for them."""
import base64
import json
import os
import pathlib
import re
import signal
import urllib.parse

import pytest

from harness.closing import closing
from harness.fake_aws import FakeAws, error
from harness.process import free_port, wait_until
from harness.weir import BIN, SLOW

API = ("/", "/health", "/metrics", "/status", "/api/status", "/api/pipelines", "/api/errors", "/api/dead")


class Secrets:
    """secrets("name") is a text that occurs nowhere else; forms() are all in which it must not show."""

    def __init__(self):
        self.made = {}

    def __call__(self, name):
        return self.made.setdefault(name, f"S3CR3T/{name}+{base64.b16encode(os.urandom(8)).decode()}=")

    def token(self, name):
        """Of letters, digits and '-' only."""
        return self.made.setdefault(name, f"S3CR3T-{name}-{base64.b16encode(os.urandom(8)).decode()}")

    def forms(self, name):
        text = self.made[name]
        yield text
        yield urllib.parse.quote(text, safe="")
        yield base64.b64encode(text.encode()).decode().rstrip("=")
        yield base64.b64encode(f"user:{text}".encode()).decode()
        yield text.replace("/", "\\/")

    def found_in(self, text):
        return sorted({name for name in self.made for form in self.forms(name) if form in text})


@pytest.fixture
def secrets():
    return Secrets()


@pytest.fixture
def fake():
    yield from closing(lambda answer: FakeAws(answer))


def echo(headers, path=""):
    """What a careless server says of a request: all of it, the worst first, and what it has made of it."""
    bad = ("authorization", "x-amz-security-token", "x-api-key", "cookie")
    scheme, _, value = headers.get("authorization", "").partition(" ")
    meant = base64.b64decode(value).decode() if scheme == "Basic" else value
    return path + " ".join(f"{name}: {headers[name]}" for name in bad if headers.get(name)) + f" {meant}"


@pytest.fixture
def echoing(scripted):
    """echoing(status): refuses everything and repeats the headers."""
    def make(*statuses):
        def answer(body, number):
            headers = server.requests[-1][1]
            status = statuses[min(number, len(statuses)) - 1]
            return status, {"Location": "/elsewhere"} if status == 302 else {}, echo(headers, server.requests[-1][0]).encode()
        server = scripted(answer)
        return server
    return make


def outputs(s, servers, aws):
    """{pipeline: output}, with a secret in every place that an output has for one."""
    port = urllib.parse.urlparse(servers["url"].url).port
    key = {"region": "eu-west-1", "endpoint": aws.url, "access_key_id": "AKIAIDENTITY"}
    return {
        "url": {"http": {"url": f"http://user:{urllib.parse.quote(s('userinfo'), safe='')}@127.0.0.1:{port}"
                                f"/in?api_key={urllib.parse.quote(s('query'), safe='')}",
                         "headers": {"X-Api-Key": s("header"), "Cookie": f"a={s('cookie')}"}}},
        "bearer": {"http": {"url": servers["bearer"].url, "bearer_token": "${WEIR_TEST_BEARER_TOKEN}"}},
        "basic": {"http": {"url": servers["basic"].url,
                           "basic_auth": {"user": "user", "password": "${file:" + str(servers["file"]) + "}"}}},
        "proxied": {"http": {"url": "http://127.0.0.1:1/", "proxy":
                             f"http://user:{urllib.parse.quote(s('proxy'), safe='')}@127.0.0.1:{free_port()}"}},
        "search": {"elasticsearch": {"urls": [servers["search"].url], "index": "x",
                                     "auth": {"basic": {"user": "user", "password": s("search")}}}},
        "search_key": {"elasticsearch": {"urls": [servers["search_key"].url], "index": "x",
                                         "auth": {"api_key": s("api_key")}}},
        "kinesis": {"kinesis": {"stream": "web", **key, "secret_access_key": s("aws_secret"),
                                "session_token": s("aws_token")}},
        "firehose": {"firehose": {"delivery_stream": "web", "region": "eu-west-1", "endpoint": aws.url}},
    }


@pytest.fixture
def planted(make_weir, tmp_path, secrets, echoing, fake, request):
    """An agent with them all, and a line to ship in each pipeline; an AWS that echoes."""
    def answer(request, number):
        return error(["AccessDeniedException", "ExpiredTokenException", "InvalidSignatureException",
                      "InternalFailure", "InvalidArgumentException"][number % 5], echo(request.headers), 400)
    secret_file = tmp_path / "password"
    secret_file.write_text(secrets("file") + "\n")
    isolate = getattr(request, "param", {})
    servers = {"url": echoing(401, 302, 500), "bearer": echoing(400), "basic": echoing(403, 422),
               "search": echoing(401), "search_key": echoing(400, 503), "file": secret_file}
    weir = make_weir(admin=True, admin_token=secrets.token("admin"), log={"level": "debug"},
                     shutdown_timeout="1s")
    weir.env.update({"WEIR_TEST_BEARER_TOKEN": secrets("bearer"), "AWS_ACCESS_KEY_ID": "AKIAENV",
                     "AWS_SECRET_ACCESS_KEY": secrets("env_secret"), "AWS_SESSION_TOKEN": secrets("env_token"),
                     "HOME": str(tmp_path)})
    for name, output in outputs(secrets, servers, fake(answer)).items():
        log = tmp_path / f"{name}.log"
        log.write_text("".join(f"line {n}\n" for n in range(20)))
        ((kind, options),) = output.items()
        retry = {"retry": {"backoff_min": "10ms", "backoff_max": "100ms"}}
        weir.pipeline(name, {"inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
                             "outputs": [{kind: {**options, **retry, **isolate}}]})
    return weir


def read_all(folder):
    return "".join(p.read_bytes().decode("utf-8", "replace") for p in sorted(pathlib.Path(folder).rglob("*"))
                   if p.is_file())


def said_by(weir):
    """All that can be had of a running agent."""
    said = {f"GET {path}": weir.get(path)[1] for path in API}
    for arguments in (["status"], ["status", "--json"], ["dead", "list"], ["dead", "show", "bearer"],
                      ["positions", "list"], ["spool", "list"], ["check"], ["check", "--json"],
                      ["check", "--online", "--timeout", "3s"], ["reload"]):
        result = weir.command(*arguments, "-c", weir.config)
        said[" ".join(arguments)] = result.stdout + result.stderr
    for task in pathlib.Path(f"/proc/{weir.process.pid}/task").iterdir():
        said[f"title of {task.name}"] = (task / "comm").read_text() + (task / "cmdline").read_text()
    return said


@pytest.mark.parametrize("planted", [{}, {"isolate": "process"}], indirect=True)
def test_nothing_that_a_running_agent_says_has_a_secret(planted, secrets):
    planted.start()
    for code in ("http_retry", "aws_", "answered 401", "answered 302", "answered 500", "/in: "):
        wait_until(lambda code=code: code in planted.log(), 30 * SLOW, code)
    wait_until(lambda: "bearer" in planted.command("dead", "list", "-c", planted.config).stdout, 30 * SLOW,
               "a dead letter")
    said = said_by(planted)
    planted.reload()
    wait_until(lambda: planted.log().count("[reload") >= 2, 20 * SLOW, "the reload")
    planted.stop(code=4)
    said["log"] = planted.log()
    said["state"] = read_all(planted.state_dir)
    assert {name: secrets.found_in(text) for name, text in said.items() if secrets.found_in(text)} == {}
    assert "answered 401" in said["log"] and "/in" in said["log"]  # and yet it says what is wrong
    assert "S3CR3T" not in "".join(said.values())


@pytest.mark.skipif(bool(re.search(r"asan|tsan", str(BIN))), reason="a sanitizer reports signals itself")
def test_a_crash_report_has_none(planted, secrets):
    planted.start()
    wait_until(lambda: "http_hold" in planted.log(), 30 * SLOW, "a failure")
    planted.process.send_signal(signal.SIGSEGV)
    assert planted.process.wait(20 * SLOW) != 0
    planted.process = None
    assert "SIGSEGV" in planted.log() or "Segmentation" in planted.log()
    assert secrets.found_in(planted.log() + read_all(planted.state_dir)) == []


BROKEN = [
    'http: {{ url: "http://127.0.0.1:1/", bearer_token: "{s}", nope: 1 }}',
    'http: {{ url: "http://127.0.0.1:1/", barer_token: "{s}" }}',
    'http: {{ url: "http://127.0.0.1:1/", bearertoken: {s} }}',
    'http: {{ url: "http://127.0.0.1:1/", basic_auth: {{ user: a, pasword: "{s}" }} }}',
    'http: {{ url: "http://127.0.0.1:1/", basic_auth: {{ user: a, password: "{s}" }}, timeout: soon }}',
    'http: {{ url: "http://user:{q}@127.0.0.1:1/", timeout: soon }}',
    'http: {{ url: "ftp://user:{q}@127.0.0.1:1/" }}',
    'http: {{ url: "http://127.0.0.1:1/?token={q}", nope: 1 }}',
    'http: {{ url: "http://127.0.0.1:1/", headers: {{ Authorization: "Bearer {s}" }}, nope: 1 }}',
    'http: {{ url: "http://127.0.0.1:1/", headers: {{ "Bad Name": "{s}" }} }}',
    'http: {{ url: "http://127.0.0.1:1/", bearer_token: "{s}", basic_auth: {{ user: a, password: "{s}" }} }}',
    'http: {{ url: "http://127.0.0.1:1/", bearer_token: [ "{s}", b ] }}',
    'http: {{ url: "http://127.0.0.1:1/", bearer_token: "{s}" ',
    'http: {{ url: "http://127.0.0.1:1/", bearer_token: "{s}, }}',
    "elasticsearch: {{ urls: ['http://user:{q}@127.0.0.1:1'], index: x }}",
    "elasticsearch: {{ urls: ['http://127.0.0.1:1'], index: x, auth: {{ api_key: '{s}', basic: {{}} }} }}",
    "elasticsearch: {{ urls: ['http://127.0.0.1:1'], index: x, auth: {{ apikey: '{s}' }} }}",
    'kinesis: {{ stream: "a b", region: r, secret_access_key: "{s}" }}',
    'kinesis: {{ stream: a, region: "no region", secret_access_key: "{s}", session_token: "{s}" }}',
    'kinesis: {{ stream: a, secret_acces_key: "{s}" }}',
    'kinesis: {{ stream: a, region: eu-west-1, proxy: "http://user:{q}@127.0.0.1:1", nope: 1 }}',
    'nosuch: {{ password: "{s}" }}',
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_shown_of_a_broken_pipeline_has_none(weir, secrets, text):
    secret = secrets("text")
    weir.pipeline("web", "inputs: [stdin]\noutputs:\n  - " + text.format(
        s=secret, q=urllib.parse.quote(secret, safe="")) + "\n")
    for arguments in (["check"], ["check", "--json"], ["run", "--once"], ["test"]):
        result = weir.command(*arguments, "-c", weir.config, stdin="")
        said = result.stdout + result.stderr
        assert secrets.found_in(said) == [], said
        assert "S3CR3T" not in said, said
    assert re.search(r"web.yaml:[34]:\d+: error: .", weir.check().stdout)  # and yet it says what is wrong


def test_what_is_shown_of_broken_settings_has_none(make_weir, secrets):
    weir = make_weir(admin_token=secrets.token("token"), nonsense=1)
    text = weir.config.read_text()
    for broken in (text, text.replace("admin_token", "admin_tokn"), text.replace("admin_token:", "admin_token"),
                   "{" + ", ".join(text.splitlines()) + "}"):
        weir.config.write_text(broken)
        for arguments in (["check"], ["check", "--json"], ["run", "--once"], ["status"], ["reload"]):
            result = weir.command(*arguments, "-c", weir.config, stdin="")
            assert secrets.found_in(result.stdout + result.stderr) == [], result.stdout + result.stderr


def test_the_caret_stays_under_its_word(weir, secrets):
    weir.pipeline("web", "inputs: [stdin]\noutputs:\n"
                         f"  - http: {{ bearer_token: '{secrets('x')}', nope: 1, url: 'http://127.0.0.1:1/' }}\n")
    source, caret = [line for line in weir.check("--offline").stdout.splitlines() if " |" in line][:2]
    assert source[caret.index("^"):].startswith("nope")
    assert re.search(r"bearer_token: '\*+'", source)


def test_what_ship_was_told_is_not_in_its_title(weir, secrets, scripted, tmp_path):
    """ps shows arguments to everybody on the host."""
    server = scripted(lambda body, number: 503)
    log = tmp_path / "a.log"
    log.write_text("line\n")
    from harness.process import end, spawn
    port = urllib.parse.urlparse(server.url).port
    url = f"http://user:{urllib.parse.quote(secrets('url'), safe='')}@127.0.0.1:{port}/"
    process = spawn([weir.binary, "ship", log, "--to", url, "-o", f"headers={{X-Api-Key: '{secrets('option')}'}}"],
                    tmp_path / "ship.log", weir.env)
    try:
        wait_until(lambda: server.asked, 20 * SLOW, "a request")
        title = pathlib.Path(f"/proc/{process.pid}/cmdline").read_text()
        assert "ship" in title and secrets.found_in(title) == []
        assert "X-Api-Key" in str(server.requests[0][1]) and secrets("option") in server.requests[0][1]["X-Api-Key"]
    finally:
        end(process)
    assert secrets.found_in((tmp_path / "ship.log").read_text()) == []

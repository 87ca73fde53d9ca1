# SPDX-License-Identifier: MIT
"""The agent as a process of its own, with its configuration and state in a folder of the test's."""
import json
import os
import pathlib
import re
import signal
import subprocess
import textwrap
import urllib.error
import urllib.request

from . import accounting
from .process import end, free_port, spawn, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("WEIR_BIN") or ROOT / "build/release/bin/weir")

# A sanitizer's report fails the test, wherever the process went afterwards.
REPORT = re.compile(r"^.*(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:).*$", re.M)
# Sanitized binaries are several times slower: so are all deadlines.
SLOW = 5 if re.search(r"asan|tsan", str(BIN)) else 1


def yaml(value):
    """A configuration as text: YAML is left as it is, dicts are written as JSON, which is YAML."""
    return textwrap.dedent(value) if isinstance(value, str) else json.dumps(value, indent=1) + "\n"


class Weir:
    """weir.yaml, conf.d and the state folder under `folder`; at most one process at a time."""

    def __init__(self, folder, admin=False, binary=BIN, **settings):
        self.folder = pathlib.Path(folder)
        self.binary = pathlib.Path(binary)
        self.config = self.folder / "weir.yaml"
        self.conf_dir = self.folder / "conf.d"
        self.state_dir = self.folder / "state"
        self.log_path = self.folder / "weir.log"
        self.port = free_port() if admin else None
        self.process = None
        self.env = {}
        self.conf_dir.mkdir(parents=True)
        self.configure(**settings)

    def configure(self, **settings):
        """Writes weir.yaml; settings replace or add to those that every test needs."""
        whole = {"state_dir": str(self.state_dir), "conf_dir": str(self.conf_dir),
                 "admin": f"127.0.0.1:{self.port}" if self.port else "off"}
        if os.environ.get("WEIR_PLUGIN_DIR"):
            whole["plugin_dirs"] = [os.environ["WEIR_PLUGIN_DIR"]]
        whole.update(settings)
        self.token = whole.get("admin_token")
        self.config.write_text(yaml(whole))

    def pipeline(self, name, content):
        """Writes one pipeline, given as YAML text or as a dict."""
        path = self.conf_dir / f"{name}.yaml"
        path.write_text(yaml(content))
        return path

    # ---- commands ----

    def command(self, *arguments, timeout=60, check=False, stdin=None):
        """Runs `weir ARGUMENTS` to its end; returns the CompletedProcess, output as text."""
        result = subprocess.run([self.binary, *map(str, arguments)], capture_output=True, text=True,
                                timeout=timeout * SLOW, input=stdin, env={**os.environ, **self.env},
                                errors="surrogateescape", check=False)
        reports = REPORT.findall(result.stderr)
        assert not reports, result.stderr
        if check:
            assert result.returncode == 0, result.stdout + result.stderr
        return result

    def check(self, *arguments):
        return self.command("check", "-c", self.config, *arguments)

    def run_once(self, timeout=60, check=True, stdin=None):
        """`weir run --once`: ships what is there; returns the CompletedProcess."""
        result = self.command("run", "-c", self.config, "--once", timeout=timeout, stdin=stdin)
        with open(self.log_path, "a", encoding="utf-8", errors="surrogateescape") as log:
            log.write(result.stderr)
        if check:
            assert result.returncode == 0, f"exit code {result.returncode}\n{result.stderr}"
        return result

    # ---- the service ----

    def start(self, *arguments, ready=True, timeout=20):
        assert self.process is None, "the agent runs already"
        self.process = spawn([self.binary, "run", "-c", self.config, *arguments], self.log_path,
                             self.env)
        if ready and self.port:
            wait_until(self.answers, timeout * SLOW, "the admin address")
        return self

    def answers(self):
        assert self.running(), f"the agent ended: {self.log()}"
        try:
            with urllib.request.urlopen(self.url("/health"), timeout=5):
                return True
        except urllib.error.HTTPError:
            return True  # it answers; how it feels is another question
        except OSError:
            return False

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout=20, code=0):
        """SIGTERM; the agent must flush, commit and exit with `code`."""
        assert self.running(), f"the agent ended by itself: {self.log()}"
        self.account()
        self.process.send_signal(signal.SIGTERM)
        try:
            got = self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end within {timeout * SLOW} s of SIGTERM: {self.log()}")
        finally:
            if self.process.poll() is not None:
                self.process = None
        assert got == code, f"exit code {got} instead of {code}: {self.log()}"

    def kill(self):
        """SIGKILL. An agent that ended by itself before is a failure."""
        code = self.process.poll()
        assert code is None, f"the agent ended by itself with {code}: {self.log()}"
        self.process.kill()
        self.process.wait()
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def close(self):
        """The end of the test: whatever still runs goes; a sanitizer's report fails the test."""
        try:
            self.account()
        finally:
            end(self.process, 10 * SLOW)
            self.process = None
        reports = REPORT.findall(self.log())
        assert not reports, self.log()

    # ---- what it says ----

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path, timeout=10):
        """(status, text) of a page of the admin address."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(self.url(path), headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout * SLOW) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    def status(self):
        """The document of /status."""
        status, text = self.get("/status")
        assert status == 200, text
        return json.loads(text)

    def account(self):
        """Every record must be accounted for, where the running agent can be asked."""
        if not self.port or not self.running():
            return
        try:
            self.get("/health")
        except OSError:
            return  # not that far yet
        accounting.check(self.status)

    def metrics(self):
        """{(name, ((label, value), ...)): number} of /metrics."""
        status, text = self.get("/metrics")
        assert status == 200, text
        return parse_metrics(text)

    def metric(self, name, **labels):
        """The sum of a metric over the series that have these labels."""
        return sum(value for (n, series), value in self.metrics().items()
                   if n == name and labels.items() <= dict(series).items())


SERIES = re.compile(r'^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \S+)?$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def parse_metrics(text):
    """Prometheus text as a dict; a line that is neither comment nor series is an error."""
    found = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        series = SERIES.match(line)
        assert series, f"not a metric: {line!r}"
        labels = tuple((key, re.sub(r'\\[\\"n]', lambda m: ESCAPES[m.group()], value))
                       for key, value in LABEL.findall(series[2] or ""))
        assert (series[1], labels) not in found, f"twice: {line!r}"
        found[series[1], labels] = float(series[3])
    return found

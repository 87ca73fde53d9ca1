# SPDX-License-Identifier: MIT
"""The agents that are compared: how each is configured, run, and checked to have done the work.

Peers are tuned as their own documentation advises for throughput: large batches, large windows, as
many workers as help on two cores. Debian's rsyslog has no HTTP output, so it sends over plain TCP,
which is less work; Fluent Bit wraps raw lines in JSON, which is more.
"""
import json
import pathlib
import re
import ssl
import struct
import subprocess
import urllib.request

import measure
from harness.process import end, free_port, listening

COMBINED_RULE = r'''version=2
rule=:%clientip:word% %ident:word% %user:word% [%time:char-to:]%] "%method:word% %path:word% %protocol:char-to:"%" %status:number% %bytes:number% "%referer:char-to:"%" "%agent:char-to:"%"
'''
COMBINED_REGEX = (r'^(?<clientip>[^ ]+) (?<ident>[^ ]+) (?<user>[^ ]+) \[(?<time>[^\]]+)\] '
                  r'"(?<method>[^ ]+) (?<path>[^ ]+) (?<protocol>[^"]+)" (?<status>[0-9]+) '
                  r'(?<bytes>[0-9-]+) "(?<referer>[^"]*)" "(?<agent>[^"]*)"$')

# What the sink speaks in a scenario, and where it speaks it within TLS.
SPEECHES = {"kinesis": "kinesis", "kinesis-cbor": "kinesis", "kinesis-kpl": "kinesis",
            "firehose": "firehose", "bulk": "bulk"}
TLS = {"kinesis", "kinesis-cbor", "kinesis-kpl", "firehose", "http-tls"}
# What an option of the http output costs: scenario -> (its title, the options).
OPTIONS = {"http-tls": ("TLS", {}), "http-gzip": ("gzip", {"gzip": True}),
           "http-zstd": ("zstd", {"compression": "zstd"}),
           "http-disk": ("buffer: a queue on disk", {"buffer": {"disk": "4GiB"}}),
           "http-isolated": ("isolate: process", {"isolate": "process"}),
           "http-strict": ("ordering: strict", {"ordering": "strict"}),
           "http-linger": ("linger: 0s", {"linger": "0s"})}
# What is isolated: scenario -> (its title, filters, output); each runs within the agent, too.
ISOLATED = {"isolated-where": ("where, the output null", [{"where": {"expr": "true"}}], {"null": {}}),
            "isolated-parse": ("parse combined, the output null", [{"parse": {"format": "combined"}}], {"null": {}}),
            "isolated-file": ("the output file, raw lines", [], {"file": {"format": "line"}})}
WITHIN = "-within"  # behind the name of a scenario: not isolated
CERTIFICATE = "sink.pem"  # in the folder of the run


class Sink:
    """A destination that counts lines: tests/servers/sink for HTTP, bench-drain for plain TCP."""

    def __init__(self, tests, folder, protocol, port, scenario=None):
        self.counts = folder / "sink.counts"
        certificate = folder / CERTIFICATE if scenario in TLS else None
        self.url = f"http{'s' if certificate else ''}://localhost:{port}/stats" \
            if protocol == "http" else None
        argv = [tests / "sink", "--port", port] if self.url else \
            [tests / "bench-drain", port, self.counts]
        argv += ["--speak", SPEECHES[scenario]] if scenario in SPEECHES else []
        argv += ["--tls", certificate] if certificate else []
        self.process = measure.spawn(argv, folder / "sink.log")
        measure.wait_until(lambda: listening(port), 10,
                           lambda: f"a sink: {(folder / 'sink.log').read_text()}")
        self.context = ssl.create_default_context(cafile=certificate) if certificate else None

    def lines(self):
        if self.url:
            with urllib.request.urlopen(self.url, timeout=10, context=self.context) as answer:
                return json.load(answer)["accepted"]["lines"]
        return struct.unpack("=QQ", self.counts.read_bytes())[1]

    def close(self):
        end(self.process)


class Agent:
    """One run of a scenario of tests/bench/run; for Weir also plain-file (a file, without parse),
    latency (http, at once) and those of OPTIONS. In steady, and for Weir in latency, command() is run
    as a daemon. `path` may be a glob."""

    name = ""
    protocol = "http"
    env = None
    scenarios = {"null", "combined", "json", "http"}

    def __init__(self, folder, path, lines, scenario, port):
        self.folder, self.path, self.lines = folder, path, lines
        self.scenario, self.port = scenario, port
        self.log = folder / f"{self.name}.log"
        self.sink = None

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def command(self):
        """Writes the configuration; returns what starts the agent."""
        raise NotImplementedError

    def run(self, sink):
        """Returns a Measure, or raises measure.Failed."""
        raise NotImplementedError

    def expect(self, what, got):
        if got != self.lines:
            raise measure.Failed(f"{what}: {got} of {self.lines} lines")


class Weir(Agent):
    name = "weir"
    scenarios = Agent.scenarios | {"file", "regex"} | set(SPEECHES) | set(OPTIONS) | set(ISOLATED) | \
        {name + WITHIN for name in ISOLATED}

    def __init__(self, *arguments, binary):
        super().__init__(*arguments)
        self.binary = binary
        self.settings = {}          # of weir.yaml
        self.paths = [self.path]    # a pipeline for each
        self.beside = None          # one more

    def configure(self, **settings):
        """Writes the configuration; returns weir.yaml's path."""
        settings = {**self.settings, **settings}
        (self.folder / "conf.d").mkdir()
        config = self.write("weir.yaml", json.dumps({
            "state_dir": str(self.folder / "state"), "conf_dir": str(self.folder / "conf.d"),
            "admin": "off", **settings}))
        combined = [{"parse": {"format": "combined"}}]
        parse = {"combined": combined, "file": combined, "bulk": combined, "steady": combined,
                 "json": [{"parse": {"format": "json"}}],
                 "regex": [{"parse": {"format": "regex", "pattern": COMBINED_REGEX}}],
                 }.get(self.scenario, [])
        aws = {"region": "eu-west-1", "endpoint": f"https://localhost:{self.port}/",
               "tls": {"ca": str(self.folder / CERTIFICATE)},
               "access_key_id": "bench", "secret_access_key": "bench"}
        output = {
            "file": {"file": {"path": str(self.folder / "out.jsonl")}},
            "plain-file": {"file": {"path": str(self.folder / "out.jsonl")}},
            "kinesis": {"kinesis": {"stream": "bench", "format": "line", "wire": "json", **aws}},
            "kinesis-cbor": {"kinesis": {"stream": "bench", "format": "line", "wire": "cbor",
                                         **aws}},
            "kinesis-kpl": {"kinesis": {"stream": "bench", "format": "line", "wire": "cbor",
                                        "aggregate": True, "rate_limit": 0, **aws}},
            "firehose": {"firehose": {"delivery_stream": "bench", "format": "line", **aws}},
            "bulk": {"elasticsearch": {"urls": [f"http://127.0.0.1:{self.port}"],
                                       "index": "bench-%Y.%m.%d"}},
            "steady": {"http": {"url": f"http://127.0.0.1:{self.port}/"}},
            "http": self.http_output({}), "latency": self.http_output({"linger": "0s"}),
        }.get(self.scenario, {"null": {}})
        if self.scenario in OPTIONS:
            output = self.http_output(OPTIONS[self.scenario][1])
        if self.scenario.removesuffix(WITHIN) in ISOLATED:
            parse, output = self.isolated()
        for number, path in enumerate(self.paths):
            self.write(f"conf.d/bench{number}.yaml", json.dumps({
                "inputs": [{"tail": {"paths": [str(path)], "start": "beginning"}}],
                "filters": parse, "outputs": [output]}))
        if self.beside:
            self.write("conf.d/beside.yaml", json.dumps(self.beside))
        return config

    def isolated(self):
        """The filters and the output of a scenario of ISOLATED, in processes of their own or not."""
        _, filters, output = ISOLATED[self.scenario.removesuffix(WITHIN)]
        more = {} if self.scenario.endswith(WITHIN) else {"isolate": "process"}
        filters = [{name: {**options, **more}} for stage in filters for name, options in stage.items()]
        (name, options), = output.items()
        path = {"path": str(self.folder / "out")} if name == "file" else {}
        return filters, {name: {**options, **path, **({} if filters else more)}}

    def http_output(self, options):
        if self.scenario not in TLS:
            return {"http": {"url": f"http://127.0.0.1:{self.port}/", "format": "lines", **options}}
        return {"http": {"url": f"https://localhost:{self.port}/", "format": "lines",
                         "tls": {"ca": str(self.folder / CERTIFICATE)}, **options}}

    def command(self):
        return [self.binary, "run", "-c", self.configure()]

    def run(self, sink):
        result = measure.run_to_end([*self.command(), "--once"], self.log)
        self.check()
        return result

    def check(self):
        """Its last line says how many records were read and how many were delivered."""
        counts = re.search(r"(\d+) records read .*: (\d+) delivered", self.log.read_text())
        if not counts:
            raise measure.Failed("no account of what was delivered")
        self.expect("read", int(counts[1]))
        self.expect("delivered", int(counts[2]))


class Rsyslog(Agent):
    name = "rsyslog"
    protocol = "tcp"

    def __init__(self, *arguments, peers):
        super().__init__(*arguments)
        self.peers, self.env = peers, peers.env

    def config(self):
        workers = 1 if self.scenario in ("null", "http") else 2
        rules = {
            # rsyslog does not start without an action; this one gets nothing.
            "null": 'ruleset(name="never") { action(type="omfile" file="/dev/null") }\nstop',
            "combined": f'action(type="mmnormalize" rulebase="{self.folder}/combined.rule" '
                        'useRawMsg="on")\nif $parsesuccess != "OK" then '
                        f'action(type="omfile" file="{self.folder}/unparsed")\nstop',
            "json": 'action(type="mmjsonparse" cookie="" useRawMsg="on")\n'
                    'if $parsesuccess != "OK" then '
                    f'action(type="omfile" file="{self.folder}/unparsed")\nstop',
            "http": f'action(type="omfwd" target="127.0.0.1" port="{self.port}" protocol="tcp" '
                    'template="line" queue.type="Direct")\nstop',
        }[self.scenario]
        modules = {"combined": 'module(load="mmnormalize")', "json": 'module(load="mmjsonparse")'}
        return f'''global(workDirectory="{self.folder}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="impstats" interval="1" log.file="{self.folder}/stats" log.syslog="off" format="json")
{modules.get(self.scenario, "")}
main_queue(queue.type="FixedArray" queue.size="200000" queue.dequeueBatchSize="2048"
           queue.workerThreads="{workers}" queue.workerThreadMinimumMessages="10000")
template(name="line" type="string" string="%rawmsg%\\n")
input(type="imfile" file="{self.path}" tag="bench:" addMetadata="off" maxSubmitAtOnce="2048"
      persistStateInterval="0")
{rules}
'''

    def queued(self):
        """How many messages the main queue has seen, from its own statistics."""
        stats = self.folder / "stats"
        found = re.findall(r'"name": "main Q".*?"enqueued": (\d+)',
                           stats.read_text() if stats.exists() else "")
        return int(found[-1]) if found else 0

    def command(self):
        self.write("combined.rule", COMBINED_RULE)
        config = self.write("rsyslog.conf", self.config())
        return [self.peers.program("rsyslogd"), "-n", "-f", config, "-i", self.folder / "pid",
                "-M", self.peers.root / "usr/lib/x86_64-linux-gnu/rsyslog"]

    def run(self, sink):
        result = measure.run_daemon(
            self.command(),
            self.log, lambda: self.queued() >= self.lines and (
                not sink or sink.lines() >= self.lines), self.env)
        self.expect("enqueued", self.queued())
        unparsed = self.folder / "unparsed"
        if unparsed.exists():
            raise measure.Failed(f"unparsed lines: {unparsed.read_text()[:200]}")
        return result


class SyslogNg(Agent):
    name = "syslog-ng"

    def __init__(self, *arguments, peers):
        super().__init__(*arguments)
        self.peers, self.env = peers, peers.env

    def config(self):
        parser = {"combined": f"parser {{ regexp-parser(patterns('{COMBINED_REGEX}')); }};",
                  "json": 'parser { json-parser(prefix(".j.")); };'}
        parser = parser.get("combined" if self.scenario == "steady" else self.scenario, "")
        body = "${MESSAGE}" if self.scenario == "http" else \
            "$(format-json --scope nv-pairs --exclude MESSAGE)"
        destination = "destination { };" if self.scenario not in ("http", "steady") else \
            f'''destination {{
    http(url("http://127.0.0.1:{self.port}/") method("POST") body("{body}") delimiter("\\n")
         batch-lines(5000) batch-bytes(900kB) batch-timeout(100) workers(2) body-suffix("\\n"));
  }};'''
        return f'''@version: 3.38
options {{ threaded(yes); stats-level(1); stats-freq(0); log-fifo-size(200000); use-dns(no);
          keep-hostname(yes); time-reap(3600); }};
source s {{ file("{self.path}" flags(no-parse) log-iw-size(20000) log-fetch-limit(2000)
                log-msg-size(65536) follow-freq(1)); }};
log {{ source(s); {parser} {destination} flags(flow-control); }};
'''

    def control(self):
        return self.folder / "ctl"

    def counted(self, name, kind):
        """A counter of syslog-ng's own, by source name and type."""
        answer = subprocess.run([self.peers.program("syslog-ng-ctl"), "stats", "-c", self.control()],
                                env=self.peers.env, capture_output=True, text=True, check=False)
        found = re.findall(rf"^{name};[^\n]*;{kind};(\d+)$", answer.stdout, re.M)
        return max(map(int, found), default=0)

    def command(self):
        config = self.write("syslog-ng.conf", self.config())
        return [self.peers.program("syslog-ng"), "-F", "-f", config, "-R", self.folder / "persist",
                "-c", self.control(), "-p", self.folder / "pid", "--no-caps"]

    def run(self, sink):
        read = discarded = 0

        def done():
            nonlocal read, discarded
            read = self.counted("source", "processed")
            discarded = self.counted("parser", "discarded")
            return read >= self.lines and (not sink or sink.lines() >= self.lines)

        result = measure.run_daemon(self.command(), self.log, done, self.env)
        self.expect("parsed", read - discarded)
        return result


class Peers:
    """Debian's rsyslog and syslog-ng, unpacked side by side; apt can't install them together."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder) / "root"
        library = "usr/lib/x86_64-linux-gnu"
        self.env = {
            "LD_LIBRARY_PATH": ":".join(str(self.root / part) for part in (
                library, "lib/x86_64-linux-gnu", "usr/lib/syslog-ng", "usr/lib/syslog-ng/3.38")),
            "SYSLOGNG_PREFIX": str(self.root / "usr")}
        if not (self.root / "usr/sbin/syslog-ng").exists():
            self.unpack(pathlib.Path(folder) / "debs")

    def unpack(self, debs):
        """The packages, and those of their libraries that this machine doesn't have."""
        debs.mkdir(parents=True, exist_ok=True)
        wanted = {"rsyslog", "syslog-ng-core", "syslog-ng-mod-http"}
        for packages in (["rsyslog"], ["syslog-ng-core", "syslog-ng-mod-http"]):
            plan = subprocess.run(["apt-get", "install", "-s", "--no-install-recommends", *packages],
                                  capture_output=True, text=True, check=True).stdout
            wanted.update(re.findall(r"^Inst (\S+)", plan, re.M))
        subprocess.run(["apt-get", "download", "-qq", *sorted(wanted)], cwd=debs, check=True,
                       stderr=subprocess.DEVNULL)
        for deb in sorted(debs.glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", deb, self.root], check=True)

    def program(self, name):
        return self.root / "usr/sbin" / name


class FluentBit(Agent):
    """Tuned: large chunks and batches, a bound on memory, the page cache left alone. Its Kinesis
    output sends JSON, whether Weir sends JSON or CBOR."""

    name = "fluent-bit"
    scenarios = Agent.scenarios | (set(SPEECHES) - {"kinesis-kpl"})
    env = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}

    def __init__(self, *arguments, binary):
        super().__init__(*arguments)
        self.binary = binary
        self.metrics_port = free_port()

    def config(self):
        parser = {"combined": "Parser combined", "bulk": "Parser combined",
                  "steady": "Parser combined", "json": "Parser json"}.get(self.scenario, "")
        aws = (f"region eu-west-1\n  endpoint localhost\n  Port {self.port}\n  log_key log\n"
               f"  tls.ca_file {self.folder / CERTIFICATE}\n  Workers 2")
        http = (f"Name http\n  Host 127.0.0.1\n  Port {self.port}\n  Format json_lines\n"
                "  Workers 2")
        output = {
            "http": http, "steady": http,
            "bulk": f"Name es\n  Host 127.0.0.1\n  Port {self.port}\n  Index bench\n"
                    "  Suppress_Type_Name On\n  Generate_ID Off\n  Workers 2",
            "kinesis": f"Name kinesis_streams\n  stream bench\n  {aws}",
            "kinesis-cbor": f"Name kinesis_streams\n  stream bench\n  {aws}",
            "firehose": f"Name kinesis_firehose\n  delivery_stream bench\n  {aws}",
        }.get(self.scenario, "Name null")
        limit = "512M" if self.scenario == "null" else "64M"  # more helps only where nothing waits
        return f"""[SERVICE]
  Flush 0.1
  Grace 1
  Log_Level error
  Parsers_File {self.folder}/parsers.conf
  HTTP_Server On
  HTTP_Listen 127.0.0.1
  HTTP_Port {self.metrics_port}
[INPUT]
  Name tail
  Path {self.path}
  Read_from_Head true
  Buffer_Chunk_Size 1M
  Buffer_Max_Size 4M
  Static_Batch_Size 256M
  Event_Batch_Size 256M
  Mem_Buf_Limit {limit}
  Skip_Long_Lines On
  File_Cache_Advise Off
  {parser}
[OUTPUT]
  {output}
  Match *
  Retry_Limit False
"""

    def delivered(self):
        """Records that its output has dealt with, from its own metrics."""
        try:
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{self.metrics_port}/api/v1/metrics", timeout=2) as answer:
                outputs = json.load(answer)["output"].values()
        except OSError:
            return 0
        return sum(output["proc_records"] for output in outputs)

    def command(self):
        self.write("parsers.conf", f"""[PARSER]
  Name combined
  Format regex
  Regex {COMBINED_REGEX}
  Time_Key time
  Time_Format %d/%b/%Y:%H:%M:%S %z
[PARSER]
  Name json
  Format json
""")
        return [self.binary, "-c", self.write("fluent-bit.conf", self.config())]

    def run(self, sink):
        delivered = 0  # as it was last asked: a process that has ended answers no more

        def done():
            nonlocal delivered
            delivered = self.delivered()
            return delivered >= self.lines

        result = measure.run_daemon(self.command(), self.log, done, self.env)
        self.expect("delivered", delivered)
        return result


CLASSES = {kind.name: kind for kind in (Weir, Rsyslog, SyslogNg, FluentBit)}

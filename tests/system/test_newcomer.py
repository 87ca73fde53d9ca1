# SPDX-License-Identifier: MIT
"""A newcomer's walk: every command of README's installation and pipeline, as it stands there and in its
order, then the first recipes of the guide. On a root with nothing but an installed Weir; with --long on a
bare Debian, beginning with the packages."""
import re
import shlex
import shutil
import sys

import pytest

from harness.bare_root import BareRoot, enter
from harness.nginx import certificate
from harness.weir import ROOT, SLOW
from test_clean_root import ENTER, copy_tree, root, run  # pylint: disable=unused-import
from test_docs import COMMANDS, GUIDE, PIPELINES

README = (ROOT / "README.md").read_text()
LIMIT_S = 120
TRIED = list(PIPELINES)[:5]
# A log line that the pipeline keeps, and one that it drops.
LINES = "".join(f'203.0.113.9 - - [24/Nov/2026:12:00:00 +0000] "GET {path} HTTP/1.1" 500 5 "-" "curl/8"\n'
                for path in ("/cart", "/health"))

# The endpoint of README's pipeline: takes everything over TLS, and writes down what came.
ENDPOINT = """
import gzip, http.server, ssl, sys
class Take(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[2], "ab") as out:
            out.write(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Take)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1] + ".crt", sys.argv[1] + ".key")
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""

# What systemd does for the unit; and the steps, each with its output and exit code in /walk.
TOOLS = r"""
mkdir -p /usr/local/lib /usr/local/sbin
cat > /usr/local/lib/until_true <<'END'
until_true() {
    tries=600
    until eval "$1"; do
        [ $((tries -= 1)) -gt 0 ] || { echo "never came true: $1" >&2; return 1; }
        sleep 0.1
    done
}
END
. /usr/local/lib/until_true
cat > /usr/local/sbin/systemctl <<'END'
#!/bin/sh
. /usr/local/lib/until_true
if [ -e /run/walk.pid ]; then
    kill "$(cat /run/walk.pid)"
    timeout 60 tail -s 0.05 --pid="$(cat /run/walk.pid)" -f /dev/null
    rm /run/walk.pid
fi
[ "$1" != stop ] || exit 0
weir run 2>>/var/log/weir.log &
echo $! >/run/walk.pid
until_true '[ ! -e /proc/$!/exe ] || { weir status >/dev/null; [ $? -ne 3 ]; }'
[ -e "/proc/$!/exe" ]
END
chmod 755 /usr/local/sbin/systemctl
mkdir /walk
tap_is_open() {
    bash -c 'exec 3<>/dev/tcp/127.0.0.1/9712; printf "GET /metrics HTTP/1.0\r\n\r\n" >&3; cat <&3' |
        grep -qx "weir_taps 1"
}
step() { number=$1; shift; code=0; ( eval "$1" ) >/walk/$number.out 2>&1 </dev/null || code=$?
         echo $code >/walk/$number.code; }
cd /root
"""
STOPPED = ("weir run", "weir import")  # what README says takes a service that is stopped


def blocks(heading):
    """The commands of a section, without their comments."""
    section = re.search(rf"^## {heading}\n(.*?)^## ", README, re.M | re.S)[1]
    found = [re.sub(r"\s+#.*", "", line) for line in re.findall(r"^    (\S.*)$", re.sub(
        r"^```.*?^```$", "", section, flags=re.M | re.S), re.M)]
    assert found, heading
    return found


def web():
    """README's own pipeline."""
    return re.search(r"^```yaml\n(.*?)^```$", README, re.M | re.S)[1]


def as_tried(line):
    """What a person adds: a file for FILE.so, a terminal, a Ctrl-C once there is something to see."""
    if line.startswith("weir top"):
        return (f"(until_true 'grep -q web /walk/screen'; printf q) | "
                f"script -qfec {shlex.quote(line)} /walk/screen")
    if line.startswith("weir tap"):
        return ("(until_true tap_is_open; cat /root/access.log >>/var/log/nginx/access.log;"
                " until_true 'grep -q /cart /walk/$number.out'; kill -INT $(cat /walk/tap.pid)) & "
                f"sh -c {shlex.quote(f'echo $$ >/walk/tap.pid; exec {line}')}")
    if line.startswith("weir ship"):
        return f"timeout -s INT 3 {line}"  # there are no credentials: it says so, and goes on trying
    return line.replace("FILE.so", "$(find /usr/local/lib /usr/lib/*/weir -name input-tail.so | head -n 1)")


class Walk:
    """The steps in their order, and what each said."""

    def __init__(self, folder):
        self.folder, self.lines, self.script = folder, [], [TOOLS]

    def add(self, line):
        self.script.append(f"step {len(self.lines)} {shlex.quote(as_tried(line))}")
        self.lines.append(line)

    def prepare(self, path, text):
        self.script.append(f"mkdir -p {path.rpartition('/')[0]}; cat > {path} <<'END'\n{text}END")

    def results(self, place):
        told = {}
        for number, line in enumerate(self.lines):
            code = place / f"walk/{number}.code"
            assert code.exists(), f"{line} did not end"
            told[line] = int(code.read_text()), (place / f"walk/{number}.out").read_text(errors="replace")
        return told


def walk_of_readme(folder):
    walk = Walk(folder)
    walk.add(blocks("Install")[-1])
    walk.prepare("/etc/weir/conf.d/web.yaml", web())
    walk.prepare("/var/log/nginx/access.log", LINES)
    walk.prepare("/root/access.log", LINES)
    for title, path in (("Move from the Kinesis Agent", "/etc/aws-kinesis/agent.json"),
                        ("Move from Fluent Bit", "/etc/fluent-bit/fluent-bit.conf")):
        walk.prepare(path, next(text for _, kind, text in COMMANDS[title] if kind != "run"))
    for line in blocks("A pipeline"):
        walk.script.append("systemctl stop" if line.startswith(STOPPED) else
                           "[ -e /run/walk.pid ] || systemctl restart")
        walk.add(line)
        if line == "weir reload":
            walk.script.append('until_true "[ -s /var/log/weir/failures-*.jsonl ]"')
    return walk


def add_recipes(walk):
    """As the guide says: the pipeline, its test beside it, and after that what follows a change."""
    commands = re.search(r"^After a change: (.*)\.$", GUIDE, re.M)[1]
    for number, title in enumerate(TRIED):
        walk.prepare(f"/etc/weir/conf.d/recipe-{number}.yaml", PIPELINES[title]["pipeline"])
        walk.prepare(f"/etc/weir/conf.d/recipe-{number}.test.yaml", PIPELINES[title]["test"])
        walk.script.append("[ -e /run/walk.pid ] || systemctl restart")
        for command in re.findall(r"`(.*?)`", commands):
            walk.add(f"{command} # {title}")


def judge(walk, place, arrived):
    told = walk.results(place)
    others = {"weir ship": 124, "weir import": 3}
    for line, (code, text) in told.items():
        other = next((value for start, value in others.items() if line.startswith(start)), 0)
        assert code in (0, other), f"$ {line}\n{text}\nexit code {code}"
    for start, words in {"weir check": "0 errors", "weir test": " 0 failed", "weir tap": "/cart",
                         "weir top": "web", "weir status": "web", "weir positions": "access.log",
                         "weir dead list": "No dead letters", "weir run": "delivered",
                         "weir plugins parse": "combined", "weir plugins inspect": "tail",
                         "weir import": ".yaml", "weir ship": "AWS_ACCESS_KEY_ID"}.items():
        found = [(line, text) for line, (_, text) in told.items() if line.startswith(start)]
        assert found and all(words in text for _, text in found), (words, found)
    sent = arrived.read_text()
    assert sent.count('"/cart"') == 2 and "/health" not in sent, sent
    log = (place / "var/log/weir.log").read_text(errors="replace")
    assert "plugin_crash" not in log and "/etc/weir/conf.d/recipe" not in log, log


def endpoint(place, folder):
    """What to run beside the walk."""
    (folder / "endpoint.py").write_text(ENDPOINT)
    certificate(folder / "tls.crt", folder / "tls.key", "logs.example.com")
    (place / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    shutil.copy(folder / "tls.crt", place / "etc/ssl/certs/ca-certificates.crt")
    (place / "etc/hosts").write_text("127.0.0.1 localhost logs.example.com\n")
    return f"exec {sys.executable} {folder}/endpoint.py {folder}/tls {folder}/arrived"


def test_every_command_of_readme_and_the_first_recipes_do_what_they_say(tmp_path):
    bare = BareRoot(tmp_path / "root")
    walk = walk_of_readme(tmp_path)
    add_recipes(walk)
    done = bare.run("\n".join(walk.script), LIMIT_S * SLOW, endpoint(bare.path, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    judge(walk, bare.path, tmp_path / "arrived")


def test_the_walk_on_a_bare_debian_begins_with_the_packages(long, request, tmp_path):
    if not long:
        pytest.skip("builds packages on a bare Debian: --long")
    root = request.getfixturevalue("root")
    copy_tree(root / "src")
    # README says so of the output that the first recipe needs.
    more = "apt install ./build/packages/weir-plugin-elasticsearch_*.deb"
    for line in [*blocks("Install")[:-1], more]:
        line = line.replace("apt install", "apt-get install -qqy")  # and says yes
        done = run("unshare", "--mount", "sh", "-c", ENTER.format(
            root=root, command=f"DEBIAN_FRONTEND=noninteractive sh -c {shlex.quote(f'cd /src && {line}')}"))
        assert done.returncode == 0, f"$ {line}\n" + (done.stdout + done.stderr)[-4000:]
    walk = walk_of_readme(tmp_path)
    add_recipes(walk)
    done = enter(root, ["/dev"], "\n".join(walk.script), LIMIT_S * SLOW, endpoint(root, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    judge(walk, root, tmp_path / "arrived")

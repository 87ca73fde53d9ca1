# SPDX-License-Identifier: MIT
"""The packages: made twice, read by their distributions' own critics, and lived with on a clean
Debian 12 from the installation to the purge."""
import configparser
import grp
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess

import pytest

from harness import needs
from harness.debian import mirror
from harness.process import end, spawn, wait_until
from harness.records import records
from harness.weir import BIN, ROOT

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(re.search(r"asan|tsan", str(BIN))), reason="packages are not sanitized"),
]

LINES = 1000
NEXT = "99.0.0"
# What apt, dpkg and ldconfig keep of their own work, whatever is installed.
OWN_WORK = re.compile(
    r"^/(var/(lib|cache)/(apt|dpkg|debconf|ldconfig)\b|var/log/(apt|dpkg\.log|alternatives\.log)"
    r"|etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|etc/(ld\.so\.cache|\.pwd\.lock)$"
    r"|run/adduser|proc/|tmp/)")


def command(*argv, timeout=600, check=True, **options):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False, **options)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def build(kind, output, where=ROOT, **env):
    command(where / "packaging/build", "--output", output, kind, timeout=1800,
            env={**os.environ, **env})
    return sorted(p for p in output.iterdir() if p.suffix == f".{kind}")


def unpacked(folder):
    """The sources, as somebody has them who unpacked an archive in another place and at another time."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = command("git", "-C", ROOT, "ls-files").stdout.splitlines()
    for name in listed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
        (folder / name).chmod(0o777 if os.access(ROOT / name, os.X_OK) else 0o600)
    return folder


@pytest.fixture(scope="module")
def debs(tmp_path_factory):
    needs.programs("dpkg-buildpackage", "dh", purpose="package")
    return build("deb", tmp_path_factory.mktemp("deb"))


@pytest.fixture(scope="module")
def rpms(tmp_path_factory):
    needs.programs("rpmbuild", purpose="package")
    return build("rpm", tmp_path_factory.mktemp("rpm"))


def test_packages_have_the_version_of_the_sources():
    version = re.search(r"^project\(weir VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(),
                        re.M)[1]
    changelog = (ROOT / "packaging/debian/changelog").read_text()
    spec = (ROOT / "packaging/rpm/weir.spec").read_text().split("%changelog")[1]
    assert changelog.startswith(f"weir ({version}) ")
    assert re.search(r"> - ([\d.]+)-\d+$", spec, re.M)[1] == version


def test_lintian_finds_nothing(debs):
    needs.programs("lintian", purpose="package")
    done = command("lintian", "--allow-root", "--display-info", "--fail-on",
                   "error,warning,info", *debs)
    assert not done.stdout.strip(), done.stdout


def test_rpmlint_finds_nothing(rpms):
    needs.programs("rpmlint", purpose="package")
    done = command("rpmlint", "--config", ROOT / "packaging/rpm/rpmlint.toml", *rpms, check=False)
    assert done.returncode == 0 and "; 0 errors, 0 warnings" in done.stdout.replace(":", ";"), \
        done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_the_same_sources_give_the_same_bytes(kind, request, tmp_path):
    first = request.getfixturevalue(f"{kind}s")
    (tmp_path / "src").mkdir()
    second = build(kind, tmp_path / "out", unpacked(tmp_path / "src"), WEIR_JOBS="1", TZ="Asia/Tokyo",
                   LANG="C", HOME=str(tmp_path))
    assert [p.name for p in first] == [p.name for p in second] and len(first) == 3
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_rpm_and_deb_hold_the_same_files(debs, rpms):
    def plain(path):
        """Without what each distribution has in a place of its own."""
        path = re.sub(r"^/usr(/lib/systemd)", r"\1", path)
        path = re.sub(r"^/usr/(lib64|lib/[^/]*-linux-gnu)/", "/usr/LIB/", path)
        path = path.replace("/zsh/vendor-completions/", "/zsh/site-functions/")
        return re.sub(r"(/doc/.*)\.gz$", r"\1", path)

    def ours(paths):
        return {plain(p) for p in paths
                if not re.search(r"build-id|/changelog|/copyright|/LICENSE|lintian", p)}

    in_debs = {line.split()[5].lstrip(".") for deb in debs
               for line in command("dpkg-deb", "-c", deb).stdout.splitlines() if line[0] == "-"}
    in_rpms = {line.split()[-1] for rpm in rpms
               for line in command("rpm", "-qplv", rpm).stdout.splitlines() if line[0] == "-"}
    assert ours(in_debs) == ours(in_rpms)


# ---- a clean root ----

class Root:
    """A Debian 12 in a folder. What runs in it sees /proc, and dies with the test."""

    def __init__(self, folder):
        self.path = folder
        self.process = None

    def inside(self, *argv, user=None):
        """The command line that runs argv in there; the process is argv's own, so signals reach it."""
        enter = ["unshare", "--mount", "sh", "-ec",
                 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"', str(self.path)]
        return [*enter, *(user or []), *map(str, argv)]

    def run(self, *argv, check=True):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive",
               "LC_ALL": "C.UTF-8"}
        return command(*self.inside(*argv), check=check, env=env)

    def apt(self, *argv):
        return self.run("apt-get", "-qqy", "-o", "Dpkg::Use-Pty=0", "-o",
                        "Dpkg::Options::=--force-confold", "--no-install-recommends", *argv)

    def at(self, path):
        return self.path / str(path).lstrip("/")

    def files(self):
        found = self.run("find", "/", "-xdev").stdout.splitlines()
        return {p for p in found if not OWN_WORK.match(p)}

    def id_of(self, table, name):
        found = re.search(rf"^{name}:[^:]*:(\d+):", self.at(f"/etc/{table}").read_text(), re.M)
        return found and found[1]

    def unit(self):
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str
        parser.read(self.at("/lib/systemd/system/weir.service"))
        return parser["Service"]

    def start(self, log):
        """What systemd does to start the unit: its folders, its user, its command line."""
        unit = self.unit()
        uid, gid = self.id_of("passwd", unit["User"]), self.id_of("group", unit["Group"])
        groups = [self.id_of("group", name) for name in unit["SupplementaryGroups"].split()]
        for kind, parent in (("State", "/var/lib"), ("Logs", "/var/log"), ("Runtime", "/run")):
            folder = self.at(f"{parent}/{unit[f'{kind}Directory']}")
            folder.mkdir(exist_ok=True)
            folder.chmod(int(unit[f"{kind}DirectoryMode"], 8))
            os.chown(folder, int(uid), int(gid))
        as_user = ["setpriv", f"--reuid={uid}", f"--regid={gid}", f"--groups={','.join(groups)}",
                   "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        self.process = spawn(self.inside(*shlex.split(unit["ExecStart"]), user=as_user), log,
                             umask=int(unit["UMask"], 8))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        self.process = None

    def close(self):
        end(self.process)


@pytest.fixture(scope="module")
def debian(tmp_path_factory):
    """A root that nothing is done in; tests take copies."""
    needs.programs("debootstrap", "unshare", "setpriv")
    if os.geteuid() != 0:
        pytest.skip("a clean root takes root")
    made = Root(tmp_path_factory.mktemp("debian") / "root")
    command("debootstrap", "--variant=minbase", "bookworm", made.path, mirror(), timeout=1200)
    made.run("apt-get", "update", "-qq")
    yield made
    shutil.rmtree(made.path)


@pytest.fixture
def root(debian, tmp_path):
    made = Root(tmp_path / "root")
    command("cp", "-a", debian.path, made.path)
    yield made
    made.close()
    shutil.rmtree(made.path)


def newer(deb, folder):
    """The same package as its next version, with another weir.yaml in it."""
    command("dpkg-deb", "-R", deb, folder / "next")
    control = folder / "next/DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", f"Version: {NEXT}", control.read_text(), flags=re.M))
    with open(folder / "next/etc/weir/weir.yaml", "a") as settings:
        settings.write("# Of the next version.\n")
    command("dpkg-deb", "--root-owner-group", "-b", folder / "next", folder / "next.deb")
    return folder / "next.deb"


def append(log, first):
    with open(log, "a") as out:
        for i in range(first, first + LINES):
            out.write(f'192.0.2.1 - - [24/Nov/2026:12:00:00 +0000] "GET /{i} HTTP/1.1" 200 5 "-" "-"\n')


def test_a_life_on_a_clean_debian(root, debs, tmp_path):
    before = root.files()
    weir = next(d for d in debs if d.name.startswith("weir_"))
    shutil.copy(weir, root.at("/tmp/weir.deb"))
    root.apt("install", "/tmp/weir.deb")
    assert "weir:x:" in root.at("/etc/passwd").read_text()
    assert root.run("getent", "passwd", "weir").stdout.strip().endswith(":/usr/sbin/nologin")
    listed = root.run("weir", "plugins").stdout
    assert "input   tail" in listed and "output  http" in listed and "refused" not in listed
    # Nothing that is installed belongs to the service's user or can be written by it.
    assert not root.run("find", "/usr", "/etc/weir", "/lib/systemd/system/weir.service", "-xdev",
                        "(", "-user", "weir", "-o", "-perm", "-o+w", ")", "!", "-type", "l").stdout

    # A shipped pipeline on a log that only root and adm can read.
    log, out = root.at("/var/log/nginx/access.log"), root.at("/var/lib/weir/out/requests.jsonl")
    log.parent.mkdir()
    append(log, 0)
    os.chown(log, 0, grp.getgrnam("adm").gr_gid)
    log.chmod(0o640)
    shutil.copy(root.at("/usr/share/weir/conf.d/web.yaml"), root.at("/etc/weir/conf.d/web.yaml"))
    root.at("/etc/weir/weir.yaml").write_text("workers: 1\nadmin: off\n")
    root.run("weir", "check")
    root.start(tmp_path / "weir.log")
    wait_until(lambda: out.exists() and len(records(out)) == LINES, 30, "the first lines")
    assert root.run("stat", "-c", "%U %a", "/var/lib/weir/out/requests.jsonl").stdout == "weir 640\n"
    root.stop()

    # The next version keeps what was edited, and goes on where this one was.
    shutil.copy(newer(weir, tmp_path), root.at("/tmp/next.deb"))
    root.apt("install", "/tmp/next.deb")
    assert NEXT in root.run("dpkg-query", "-W", "weir").stdout
    assert root.at("/etc/weir/weir.yaml").read_text() == "workers: 1\nadmin: off\n"
    append(log, LINES)
    root.start(tmp_path / "weir.log")
    wait_until(lambda: len(records(out)) >= 2 * LINES, 30, "the lines after the upgrade")
    root.stop()
    assert [r["path"] for r in records(out)] == [f"/{i}" for i in range(2 * LINES)]

    root.apt("remove", "weir")
    assert not root.at("/usr/bin/weir").exists() and not root.at("/lib/systemd/system/weir.service").exists()
    assert root.at("/etc/weir/conf.d/web.yaml").exists() and root.at("/var/lib/weir").exists()

    root.apt("purge", "weir")
    root.apt("autoremove", "--purge")
    shutil.rmtree(log.parent)
    shutil.rmtree(root.at("/run/weir"))  # systemd takes it away when the service stops
    left = root.files() - before
    assert not left, sorted(left)
    assert "weir" not in root.at("/etc/passwd").read_text() + root.at("/etc/group").read_text()


def test_a_plugin_built_on_a_clean_debian_against_the_package_loads_there(root, debs):
    for deb in debs:
        shutil.copy(deb, root.at("/tmp/"))
    root.apt("install", "gcc", "libc6-dev", "make", "pkgconf", *(f"/tmp/{d.name}" for d in debs))
    guide = pathlib.Path(ROOT / "include/weir/README.md").read_text()
    root.at("/tmp/mask.c").write_text(re.search(r"^```c\n(.*?)^```$", guide, re.M | re.S)[1])
    root.run("sh", "-ec", "cc $(pkg-config --cflags weir) -Wall -Werror -shared -fPIC "
             "-o $(pkg-config --variable=plugindir weir)/mask.so /tmp/mask.c")
    assert "Hides the digits of a field" in root.run("weir", "plugins", "mask").stdout
    root.run("weir", "plugins", "new", "mine", "--kind", "output", "--into", "/tmp")
    assert "mine: passed" in root.run("make", "-C", "/tmp/mine", "check", "install").stdout
    assert "output  mine" in root.run("weir", "plugins").stdout


def recipe():
    """The steps of the Containerfile: [(instruction, text)], continued lines joined."""
    text = (ROOT / "packaging/container/Containerfile").read_text().replace("\\\n", "")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line and line[0] != "#"]


def test_the_container_recipe_makes_an_agent_that_needs_no_root_and_drains(root, debs, tmp_path):
    """No container engine: the steps are followed in a root of their own, with the user's rights."""
    entry = []
    for instruction, text in recipe():
        if instruction == "FROM":
            assert text == "debian:bookworm-slim"
        elif instruction == "COPY":
            *patterns, target = text.split()
            for deb in debs:
                if any(pathlib.Path(deb.name).match(pattern) for pattern in patterns):
                    shutil.copy(deb, root.at(target))
        elif instruction == "RUN":
            root.run("sh", "-ec", text)
        elif instruction == "USER":
            user = text.split(":")
        elif instruction in ("ENTRYPOINT", "CMD"):
            entry += json.loads(text)
    assert entry == ["weir", "run"] and not list(root.at("/tmp").glob("*.deb"))
    assert root.id_of("passwd", "weir") == user[0] == "712"
    log, out = root.at("/var/log/nginx/access.log"), root.at("/var/lib/weir/out/requests.jsonl")
    log.parent.mkdir()
    append(log, 0)
    shutil.copy(root.at("/usr/share/weir/conf.d/web.yaml"), root.at("/etc/weir/conf.d/web.yaml"))
    as_user = ["setpriv", f"--reuid={user[0]}", f"--regid={user[1]}", "--clear-groups",
               "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
    root.process = spawn(root.inside(*entry, user=as_user), tmp_path / "weir.log")
    wait_until(lambda: out.exists() and len(records(out)) == LINES, 30, "the lines")
    health = next(text for name, text in recipe() if name == "HEALTHCHECK").split("CMD ", 1)[1]
    assert "web" in root.run(*json.loads(health)).stdout
    append(log, LINES)
    wait_until(lambda: len(records(out)) > LINES, 30, "more lines")
    root.stop()
    assert [r["path"] for r in records(out)] == [f"/{i}" for i in range(2 * LINES)]


def test_the_rpm_makes_its_user_works_and_goes(root, debs, rpms):
    """On the only root that can be had here; the libraries come with the .deb, which goes first."""
    shutil.copy(next(d for d in debs if d.name.startswith("weir_")), root.at("/tmp/weir.deb"))
    rpm = next(r for r in rpms if r.name.startswith("weir-0"))
    shutil.copy(rpm, root.at("/tmp/weir.rpm"))
    root.apt("install", "rpm", "/tmp/weir.deb")
    root.apt("purge", "weir")
    before = root.files()
    root.run("rpm", "--install", "--nodeps", "/tmp/weir.rpm")
    assert root.run("getent", "passwd", "weir").stdout.strip().endswith(":/sbin/nologin")
    listed = root.run("weir", "plugins").stdout
    assert listed.startswith("/usr/lib64/weir/plugins\n") and "input   tail" in listed
    shutil.copy(root.at("/usr/share/weir/conf.d/web.yaml"), root.at("/etc/weir/conf.d/web.yaml"))
    root.run("weir", "check")
    assert not root.run("rpm", "--verify", "--nodeps", "weir").stdout
    # A second installation over this one, with an edited weir.yaml, then the end.
    root.at("/etc/weir/weir.yaml").write_text("workers: 1\n")
    root.run("rpm", "--install", "--force", "--nodeps", "/tmp/weir.rpm")
    assert root.at("/etc/weir/weir.yaml").read_text() == "workers: 1\n"
    root.run("rpm", "--erase", "weir")
    # Debian's rpm keeps its database there; elsewhere the folders of licences and of completions
    # belong to the system.
    own_work = re.compile(r"/root/\.rpmdb|/var/lib/rpm|/usr/lib/\.build-id$|/usr/share/licenses$"
                          r"|/usr/share/(zsh|fish)(/|$)")
    left = {p for p in root.files() - before if not own_work.match(p)}
    assert left == {"/etc/weir", "/etc/weir/conf.d", "/etc/weir/conf.d/web.yaml",
                    "/etc/weir/weir.yaml.rpmsave"}

# SPDX-License-Identifier: MIT
"""The packages: made twice, read by their distributions' own critics, and lived with on a clean
Debian 12 from the installation to the purge."""
import grp
import json
import os
import pathlib
import re
import shlex
import shutil

import pytest

from harness import needs
from harness.debian import mirror
from harness.packages import NEXT, Debs, Root, Rpms, command, named
from harness.process import spawn, wait_until
from harness.records import records
from harness.weir import BIN, ROOT

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(re.search(r"asan|tsan", str(BIN))), reason="packages are not sanitized"),
]

LINES = 1000


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

    def ours(rows):
        """{path: (mode, owner, package)}, a difference of which would be one of the packages."""
        return {plain(path): (mode, owner, package) for path, mode, owner, package in rows
                if not re.search(r"build-id|/changelog|/copyright|/LICENSE|lintian", path)}

    in_debs, in_rpms = [], []
    for deb in debs:
        for line in command("dpkg-deb", "-c", deb).stdout.splitlines():
            mode, owner, _, _, _, path = line.split()
            if mode[0] == "-":
                in_debs.append((path.lstrip("."), mode, owner, deb.name.split("_")[0]))
    for rpm in rpms:
        for line in command("rpm", "-qplv", rpm).stdout.splitlines():
            mode, _, owner, group, *_, path = line.split()
            if mode[0] == "-":
                package = re.match(r"(.*?)(-devel)?-\d", rpm.name)
                in_rpms.append((path, mode, f"{owner}/{group}",
                                package[1] + ("-dev" if package[2] else "")))
    assert ours(in_debs) == ours(in_rpms)
    assert {(mode, owner) for mode, owner, _ in ours(in_debs).values()} == \
        {("-rw-r--r--", "root/root"), ("-rwxr-xr-x", "root/root")}


def test_libraries_are_where_other_architectures_have_theirs(debs):
    """Nothing of one architecture lies where the package of another would put its own."""
    triplet = command("dpkg-architecture", "-qDEB_HOST_MULTIARCH").stdout.strip()
    for deb in debs:
        paths = [line.split()[5].lstrip(".") for line in
                 command("dpkg-deb", "-c", deb).stdout.splitlines() if line[0] == "-"]
        libraries = [p for p in paths if p.startswith("/usr/lib/") and "/systemd/" not in p]
        assert libraries and all(p.startswith(f"/usr/lib/{triplet}/") for p in libraries)
        # weir-dev can be installed for several at once: what is elsewhere is text, the same for all.
        same = command("dpkg-deb", "-f", deb, "Multi-Arch").stdout.strip()
        assert (same == "same") == deb.name.startswith("weir-dev_")
        if same == "same":
            command("dpkg-deb", "-x", deb, deb.parent / "dev")
            for path in set(paths) - set(libraries):
                content = (deb.parent / f"dev{path}").read_bytes()
                assert content[:2] == b"\x1f\x8b" or triplet.encode() not in content, path


# ---- a clean root ----

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


def append(log, first):
    with open(log, "a") as out:
        for i in range(first, first + LINES):
            out.write(f'192.0.2.1 - - [24/Nov/2026:12:00:00 +0000] "GET /{i} HTTP/1.1" 200 5 "-" "agent-007"\n')


# What the maintainer scripts ask of systemd, in a root that has none: it is written down, and a service
# that is to stop or to be restarted is told to end. The test is what starts it again.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/tmp/systemctl.log
link=/etc/systemd/system/multi-user.target.wants/weir.service
case "$*" in
*"preset weir.service"*) ln -s /lib/systemd/system/weir.service $link ;;
*is-enabled*) [ ! -L $link ] || echo enabled ;;
*"stop weir.service"* | *"restart weir.service"* | *"disable --now weir.service"*) kill -TERM "$(cat /tmp/weir.pid)" ;;
esac
"""


class Life:
    """A service on a clean Debian, from the installation to the end."""

    def __init__(self, packages, sink, tmp_path):
        self.root, self.packages, self.sink, self.tmp_path = packages.root, packages, sink, tmp_path
        root = self.root
        self.log = root.at("/var/log/nginx/access.log")
        self.out = root.at("/var/lib/weir/out/requests.jsonl")
        self.written = 0
        root.apt("install", "gcc", "libc6-dev", "pkgconf")
        root.at("/run/systemd/system").mkdir(parents=True)
        root.at("/usr/bin/systemctl").write_text(SYSTEMCTL)
        root.at("/usr/bin/systemctl").chmod(0o755)
        self.before = self.owners()

    def owners(self):
        return {path: row for path, row in self.root.owners().items()
                if not self.packages.OWN_WORK.match(path)}

    def ship(self, *filters):
        """The pipeline to the endpoint."""
        self.root.at("/etc/weir/conf.d/ship.yaml").write_text(f"""
inputs: [{{tail: {{paths: [/var/log/nginx/access.log], start: beginning}}}}]
filters: [{{parse: combined}}, {", ".join(f"{{{stage}}}" for stage in filters)}]
outputs: [{{http: {{url: "{self.sink.url}/"}}}}]
""")

    def asked(self, words):
        """True when the packages asked systemd for that since the last time."""
        told = self.root.at("/tmp/systemctl.log")
        found = told.exists() and any(line.endswith(words) for line in told.read_text().splitlines())
        told.unlink(missing_ok=True)
        return found

    def start(self):
        self.root.start(self.tmp_path / "weir.log")
        self.root.at("/tmp/weir.pid").write_text(str(self.root.process.pid))

    def ended(self):
        """It did as it was told, and left nothing undone."""
        assert self.root.process.wait(30) == 0
        self.root.process = None

    def more_lines_arrive(self):
        append(self.log, self.written)
        self.written += LINES
        paths = [f"/{i}" for i in range(self.written)]
        wait_until(lambda: self.out.exists() and len(records(self.out)) >= self.written, 60,
                   "the lines in the file")
        assert [r["path"] for r in records(self.out)] == paths
        wait_until(lambda: len(self.sink.records()) >= self.written, 60, "the lines at the endpoint")
        assert sorted(int(r["path"][1:]) for r in self.sink.records()) == list(range(self.written))


    def agents(self, first, end):
        """The values of a field in that range of lines, at the endpoint."""
        return {r["agent"] for r in self.sink.records() if first <= int(r["path"][1:]) < end}


def life_begins(life):
    """Installed and idle; then a shipped pipeline, and one to an endpoint, for a log that only root and
    adm can read."""
    root = life.root
    life.packages.install("weir")
    assert life.asked(life.packages.ASKED_FIRST)
    assert root.run("getent", "passwd", "weir").stdout.strip().endswith(f":{life.packages.NOLOGIN}")
    listed = root.run("weir", "plugins").stdout
    assert "input   tail" in listed and "output  http" in listed and "refused" not in listed
    # Nothing that is installed belongs to the service's user or can be written by it.
    assert not root.run("find", "/usr", "/etc/weir", "/lib/systemd/system/weir.service", "-xdev",
                        "(", "-user", "weir", "-o", "-perm", "-o+w", ")", "!", "-type", "l").stdout
    life.log.parent.mkdir()
    life.log.touch()
    os.chown(life.log, 0, grp.getgrnam("adm").gr_gid)
    life.log.chmod(0o640)
    shutil.copy(root.at("/usr/share/weir/conf.d/web.yaml"), root.at("/etc/weir/conf.d/web.yaml"))
    life.ship()
    root.at("/etc/weir/weir.yaml").write_text("workers: 1\nadmin: off\n")
    root.run("weir", "check")
    life.start()
    life.more_lines_arrive()
    assert root.run("stat", "-c", "%U %a", "/var/lib/weir/out/requests.jsonl").stdout == "weir 640\n"


def a_split_plugin_is_asked_for_and_installed(life):
    root = life.root
    search = root.at("/etc/weir/conf.d/search.yaml")
    shutil.copy(root.at("/usr/share/weir/conf.d/nginx-to-opensearch.yaml"), search)
    checked = root.run("weir", "check", "--offline", check=False)
    assert checked.returncode == 1 and "install the package weir-plugin-elasticsearch" in checked.stdout
    life.packages.install("weir-plugin-elasticsearch")
    root.run("weir", "check", "--offline")
    search.unlink()


def a_strangers_plugin_is_built_there_and_used_after_a_reload(life):
    root = life.root
    life.packages.install(life.packages.DEV)
    guide = pathlib.Path(ROOT / "include/weir/README.md").read_text()
    root.at("/tmp/mask.c").write_text(re.search(r"^```c\n(.*?)^```$", guide, re.M | re.S)[1])
    root.run("env", *life.packages.PKG_CONFIG, "sh", "-ec",
             "cc $(pkg-config --cflags weir) -Wall -Werror -shared -fPIC "
             "-o $(pkg-config --variable=plugindir weir)/mask.so /tmp/mask.c")
    life.ship("mask: {field: agent, keep: 1}")
    root.run(*shlex.split(root.unit()["ExecReload"]))
    first = life.written
    life.more_lines_arrive()
    assert life.agents(0, first) == {"agent-007"}
    assert life.agents(first, life.written) == {"agent-**7"}


def a_log_of_root_only_takes_the_drop_in(life):
    """The service reads what adm may read, and everything once it is told so; it writes none of it."""
    root = life.root
    secret = root.at("/var/log/secret.log")
    secret.write_text("nobody else's\n")
    secret.chmod(0o600)
    root.at("/etc/weir/conf.d/secret.yaml").write_text(f"""
inputs: [{{tail: {{paths: [/var/log/secret.log], start: beginning}}}}]
outputs: [{{file: {{path: /var/lib/weir/out/secret.jsonl}}}}]
""")
    root.run(*shlex.split(root.unit()["ExecReload"]))
    told = life.tmp_path / "weir.log"
    wait_until(lambda: "tail_unreadable" in told.read_text(), 30, "the complaint")
    out = root.at("/var/lib/weir/out/secret.jsonl")
    assert not out.exists() or not records(out)

    root.stop()
    folder = root.at("/etc/systemd/system/weir.service.d")
    folder.mkdir()
    shutil.copy(root.at("/usr/share/doc/weir/examples/read-every-log.conf"), folder)
    life.start()
    wait_until(lambda: out.exists() and records(out), 30, "the line")
    assert records(out)[0]["message"] == "nobody else's"
    assert root.run("stat", "-c", "%U %a", "/var/log/secret.log").stdout == "root 600\n"
    root.stop()
    shutil.rmtree(folder)
    root.at("/etc/weir/conf.d/secret.yaml").unlink()
    secret.unlink()
    life.start()


def the_next_version_goes_on_where_this_one_was(life):
    """Installed over the running one, which goes on until its restart; what was edited stays, and the
    new defaults lie beside it."""
    root = life.root
    assert not life.asked(life.packages.ASKED_LAST)
    life.packages.upgrade(life.tmp_path)
    assert life.packages.version() == NEXT
    assert root.at("/etc/weir/weir.yaml").read_text() == "workers: 1\nadmin: off\n"
    beside = root.at(f"/etc/weir/weir.yaml.{life.packages.NEW_DEFAULTS}")
    assert beside.read_text().endswith("# Of the next version.\n")
    assert life.asked("restart weir.service")
    life.ended()
    life.start()
    life.more_lines_arrive()
    assert life.agents(life.written - LINES, life.written) == {"agent-**7"}


def it_is_removed(life):
    """No process and no program is left; pipelines and state are."""
    root = life.root
    life.packages.remove("weir-plugin-elasticsearch", life.packages.DEV)
    life.packages.remove("weir")
    assert life.asked(life.packages.ASKED_LAST)
    life.ended()
    assert not root.at("/usr/bin/weir").exists() and not root.at("/lib/systemd/system/weir.service").exists()
    assert root.at("/etc/weir/conf.d/web.yaml").exists() and root.at("/var/lib/weir").exists()
    # The stranger's plugin is no package's: it stays until its owner takes it away.
    stranger = next(root.path.rglob("weir/plugins/mask.so"))
    stranger.unlink()
    for folder in (stranger.parent, stranger.parent.parent):
        folder.rmdir()
    shutil.rmtree(life.log.parent)
    shutil.rmtree(root.at("/run/weir"))  # systemd takes it away when the service stops


def nothing_stays_after_the_purge(life):
    life.root.apt("purge", "weir")
    life.root.apt("autoremove", "--purge")
    assert life.owners() == life.before
    assert "weir" not in life.root.at("/etc/passwd").read_text() + life.root.at("/etc/group").read_text()


def only_what_is_the_users_stays(life):
    """rpm knows no purge: pipelines, the edited settings, state and logs stay, and the user who owns them."""
    left = life.owners()
    assert {path: left.get(path) for path in life.before} == life.before
    theirs = [path for path in left if path not in life.before and
              not re.match(r"/etc/weir/(conf\.d(/|$)|weir\.yaml\.rpm(save|new)$)|/var/(lib|log)/weir(/|$)|/etc/weir$",
                           path)]
    assert theirs == []
    assert life.root.at("/etc/weir/weir.yaml.rpmsave").read_text() == "workers: 1\nadmin: off\n"
    assert life.root.id_of("passwd", "weir")


def test_a_life_on_a_clean_debian(root, debs, sink, tmp_path):
    life = Life(Debs(root, debs), sink, tmp_path)
    life_begins(life)
    a_split_plugin_is_asked_for_and_installed(life)
    a_strangers_plugin_is_built_there_and_used_after_a_reload(life)
    a_log_of_root_only_takes_the_drop_in(life)
    the_next_version_goes_on_where_this_one_was(life)
    it_is_removed(life)
    nothing_stays_after_the_purge(life)


def test_a_life_with_rpm(root, debs, rpms, sink, tmp_path):
    """On the only root that can be had here; the libraries come with the .deb, which goes first."""
    needs.programs("rpmbuild", "rpm2cpio", "cpio", purpose="package")
    shutil.copy(named(debs, "weir"), root.at("/tmp/weir.deb"))
    shutil.copy(named(debs, "weir-plugin-elasticsearch"), root.at("/tmp/split.deb"))
    root.apt("install", "rpm", "/tmp/weir.deb", "/tmp/split.deb")
    root.apt("purge", "weir", "weir-plugin-elasticsearch")
    packages = Rpms(root, rpms)
    life = Life(packages, sink, tmp_path)
    refused = packages.install("weir", check=False)
    assert refused.returncode and "libsqlite3.so.0()(64bit) is needed by weir" in refused.stderr
    packages.take_in_the_system(tmp_path)
    life_begins(life)
    a_split_plugin_is_asked_for_and_installed(life)
    assert root.run("weir", "plugins").stdout.startswith("/usr/lib64/weir/plugins\n")
    a_strangers_plugin_is_built_there_and_used_after_a_reload(life)
    assert not changed_files(root, "weir-plugin-elasticsearch", "weir-devel")
    assert changed_files(root, "weir") == ["/etc/weir/weir.yaml"]
    a_log_of_root_only_takes_the_drop_in(life)
    the_next_version_goes_on_where_this_one_was(life)
    assert changed_files(root, "weir") == ["/etc/weir/weir.yaml"]
    it_is_removed(life)
    only_what_is_the_users_stays(life)


def changed_files(root, *packages):
    """The files of the packages that are not as they were installed, in bytes, mode or owner."""
    done = root.run("rpm", "--verify", *packages, check=False)
    return [line.split()[-1] for line in done.stdout.splitlines()]


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

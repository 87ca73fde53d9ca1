# SPDX-License-Identifier: MIT
"""Packages on a clean root: the root, and what a person does with a .deb or a .rpm there."""
import configparser
import os
import re
import shlex
import shutil
import signal
import subprocess

from .process import end, spawn
from .weir import ROOT

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

    def take(self, files):
        """Copies of files; what they are called in there."""
        return [shutil.copy(file, self.at("/tmp/")).removeprefix(str(self.path)) for file in files]

    def owners(self):
        """{path: its kind, mode, owner and group}."""
        found = self.run("find", "/", "-xdev", "-printf", "%p\\t%y %m %U %G\\n").stdout.splitlines()
        rows = dict(line.split("\t") for line in found)
        return {path: row for path, row in rows.items() if not OWN_WORK.match(path)}

    def id_of(self, table, name):
        found = re.search(rf"^{name}:[^:]*:(\d+):", self.at(f"/etc/{table}").read_text(), re.M)
        return found and found[1]

    def unit(self):
        parser = configparser.RawConfigParser(strict=False)
        parser.optionxform = str
        parser.read([self.at("/lib/systemd/system/weir.service"),
                     *sorted(self.at("/etc/systemd/system/weir.service.d").glob("*.conf"))])
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
                   "--no-new-privs"]
        for option, setting in (("bounding-set", "CapabilityBoundingSet"),
                                ("inh-caps", "AmbientCapabilities"),
                                ("ambient-caps", "AmbientCapabilities")):
            kept = [f"+{name.removeprefix('CAP_').lower()}" for name in unit[setting].split()]
            as_user.append(f"--{option}={','.join(['-all', *kept])}")
        self.process = spawn(self.inside(*shlex.split(unit["ExecStart"]), user=as_user), log,
                             umask=int(unit["UMask"], 8))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0
        self.process = None

    def close(self):
        end(self.process)


class Debs:
    """The three packages on a Debian."""

    OWN_WORK = OWN_WORK
    NOLOGIN = "/usr/sbin/nologin"
    DEV = "weir-dev"
    PKG_CONFIG = []
    # What the installation and the removal of the service ask of systemd.
    NEW_DEFAULTS = "dpkg-dist"
    ASKED_FIRST, ASKED_LAST = "start weir.service", "stop weir.service"

    def __init__(self, root, files):
        self.root, self.files = root, files

    def install(self, *names):
        self._put(named(self.files, name) for name in names)

    def upgrade(self, folder):
        self._put(newer_deb(deb, folder) for deb in self.files)

    def _put(self, debs):
        self.root.apt("install", *self.root.take(debs))

    def remove(self, *names):
        self.root.apt("remove", *names)

    def version(self):
        return self.root.run("dpkg-query", "-W", "-f", "${Version}", "weir").stdout


class Rpms:
    """The same with rpm. On a Debian its database knows no package: one that offers what the root has is
    installed first, so that what ours require is looked at like anywhere else."""

    # Debian's rpm keeps its database there; elsewhere the folders that it leaves belong to the system.
    OWN_WORK = re.compile(OWN_WORK.pattern + r"|^/root/\.rpmdb|^/var/lib/rpm|^/usr/lib/\.build-id$"
                          r"|^/usr/lib64/(cmake|pkgconfig)$|^/usr/share/licenses$|^/usr/share/(zsh|fish)(/vendor|/site|$)")
    NOLOGIN = "/sbin/nologin"
    DEV = "weir-devel"
    PKG_CONFIG = ["PKG_CONFIG_PATH=/usr/lib64/pkgconfig"]  # where a 64-bit system of rpm's looks by itself
    NEW_DEFAULTS = "rpmnew"
    ASKED_FIRST, ASKED_LAST = "daemon-reload", "disable --now weir.service"

    def __init__(self, root, files):
        self.root, self.files = root, files

    def take_in_the_system(self, folder):
        self._rpm("--install", system_rpm(self.root, folder))

    def _rpm(self, verb, *rpms, check=True):
        return self.root.run("rpm", verb, *self.root.take(rpms), check=check)

    def install(self, *names, check=True):
        return self._rpm("--install", *(named(self.files, name) for name in names), check=check)

    def upgrade(self, folder):
        self._rpm("--upgrade", *(newer_rpm(rpm, folder) for rpm in self.files))

    def remove(self, *names):
        self.root.run("rpm", "--erase", *names)

    def version(self):
        return self.root.run("rpm", "--query", "--queryformat", "%{VERSION}", "weir").stdout


def named(files, name):
    return next(f for f in files if re.match(rf"{name}[_-]\d", f.name))


def newer_deb(deb, folder):
    """The same package as its next version, with another weir.yaml in it."""
    tree, made = folder / f"{deb.stem}-next", folder / f"{deb.stem}-next.deb"
    command("dpkg-deb", "-R", deb, tree)
    control = (tree / "DEBIAN/control").read_text()
    old = re.search(r"^Version: (.*)$", control, re.M)[1]
    control = control.replace(f"Version: {old}\n", f"Version: {NEXT}\n").replace(f"(= {old})", f"(= {NEXT})")
    (tree / "DEBIAN/control").write_text(control)
    if (tree / "etc/weir/weir.yaml").exists():
        with open(tree / "etc/weir/weir.yaml", "a") as settings:
            settings.write("# Of the next version.\n")
    command("dpkg-deb", "--root-owner-group", "-b", tree, made)
    return made




def rpmbuild(folder, name, spec):
    """The package of a spec that needs no sources."""
    (folder / f"{name}.spec").write_text(spec)
    command("rpmbuild", "-bb", "--nodeps", "--define", f"_topdir {folder}/rpm-{name}",
            "--define", "debug_package %{nil}", "--define", "__os_install_post %{nil}",
            "--define", "_build_id_links none", folder / f"{name}.spec")
    return next((folder / f"rpm-{name}").glob("RPMS/*/*.rpm"))


def system_rpm(root, folder):
    """An empty package that provides the libraries and programs of the root, by rpm's own reading of them."""
    # Some files that are called like libraries are scripts for the linker, which it complains of.
    offered = command("sh", "-c", "find \"$0/usr/lib\" -xdev -type f -name '*.so*' |"
                      "/usr/lib/rpm/elfdeps --provides", root.path, check=False).stdout.splitlines()
    offered += [path for path in ("/bin/sh", "/usr/bin/pkg-config") if root.at(path).exists()]
    if root.at("/usr/sbin/useradd").exists():
        offered.append("shadow-utils")
    provides = "".join(f"Provides: {what}\n" for what in sorted({*offered, "rtld(GNU_HASH)"}))
    return rpmbuild(folder, "system", f"""
Name: system
Version: 12
Release: 1
Summary: What this system has
License: none
BuildArch: noarch
{provides}
%description
What this system has.
%files
""")


def newer_rpm(rpm, folder):
    """The same package as its next version, with another weir.yaml in it."""
    def asked(what):
        return command("rpm", "-qp", "--queryformat", what, rpm).stdout

    name, old = asked("%{NAME}"), asked("%{VERSION}")
    kinds = {"c": "%config ", "cn": "%config(noreplace) ", "d": "%doc ", "l": "%license "}
    files = ""
    for row in asked("[%{FILEMODES:perms}\t%{FILEMODES:octal}\t%{FILEFLAGS:fflags}\t%{FILENAMES}\n]").splitlines():
        kind, mode, flags, path = row.split("\t")
        what = "%dir " if kind[0] == "d" else kinds.get(flags, "")
        # A symbolic link has no mode of its own.
        files += f"{what}{path}\n" if kind[0] == "l" else f"{what}%attr({mode[-4:]}, root, root) {path}\n"
    requires = "".join(f"Requires: {line.replace(f'= {old}', f'= {NEXT}')}\n"
                       for line in asked("[%{REQUIRENEVRS}\n]").splitlines() if line.startswith("weir("))
    spec = (ROOT / "packaging/rpm/weir.spec").read_text()
    scripts = re.search(r"^%pre\n.*?(?=^%files)", spec, re.M | re.S)[0] if name == "weir" else ""
    return rpmbuild(folder, name, f"""
Name: {name}
Version: {NEXT}
Release: 1
Summary: The next version
License: MIT
{requires}
%description
The next version.
%install
mkdir -p %{{buildroot}}
cd %{{buildroot}}
rpm2cpio {rpm} | cpio --quiet -idm
[ ! -e etc/weir/weir.yaml ] || echo "# Of the next version." >>etc/weir/weir.yaml
{scripts}
%files
{files}
""")

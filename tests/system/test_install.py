# SPDX-License-Identifier: MIT
"""`cmake --install` into an empty root: the agent finds its parts, a stranger finds the plugin kit,
and the unit, the settings and the manual pages say what is true."""
import re
import shutil

import pytest

from harness import needs
from harness.kit import BUILD, CACHE, cached, command
from harness.weir import BIN, ROOT

SERVICE = ROOT / "agent/config/service.c"
MAX_EXPOSURE = 2.0
# SQLite gives its files to their folder's owner when it runs as root, as this test may, and the sandbox
# drops capabilities that only root has; the unit never does.
AS_ROOT_ONLY = {"fchown", "capset"}


@pytest.fixture(scope="module")
def staged(tmp_path_factory):
    """The folder that the files went to as if it were /."""
    if not CACHE.exists():
        pytest.skip(f"{BUILD} is no build tree")
    root = tmp_path_factory.mktemp("root")
    command("cmake", "--install", BUILD, env={"DESTDIR": str(root)})
    return root


@pytest.fixture(scope="module")
def prefix(staged):
    return staged / cached("CMAKE_INSTALL_PREFIX").lstrip("/")


def one(root, name):
    found = list(root.rglob(name))
    assert len(found) == 1, (name, found)
    return found[0]


def test_the_installed_agent_finds_its_plugins_and_modules(prefix, tmp_path):
    weir = prefix / "bin/weir"
    libraries = prefix / cached("CMAKE_INSTALL_LIBDIR") if "CMAKE_INSTALL_LIBDIR:" in CACHE.read_text() \
        else one(prefix, "modules").parent.parent
    listed = command(weir, "plugins", "-c", "/dev/null").stdout
    assert listed.splitlines()[0] == str(libraries / "weir/plugins")
    plugins = {p.name for p in (libraries / "weir/plugins").glob("*.so")}
    assert plugins and plugins == set(re.findall(r"\S+\.so", listed))
    # The http output needs the http module: created, as `run` does it, and with nothing to read.
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/web.yaml").write_text(
        'inputs: [{stdin: {}}]\noutputs: [{http: "http://127.0.0.1:9/"}]\n')
    (tmp_path / "weir.yaml").write_text(f"state_dir: {tmp_path}/state\nadmin: off\n")
    command(weir, "run", "--once", "-c", tmp_path / "weir.yaml")


def files_of(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir()}


def test_each_file_is_in_one_component_and_each_component_is_a_package(staged, tmp_path):
    spec = (ROOT / "packaging/rpm/weir.spec").read_text()
    control = (ROOT / "packaging/debian/control").read_text()
    packages = re.findall(r"^Package: (\S+)$", control, re.M)
    assert packages and set(packages) == set(re.search(r"for package in (.*);", spec)[1].split())
    split = []
    for package in packages:
        command("cmake", "--install", BUILD, "--component", package,
                env={"DESTDIR": str(tmp_path / package)})
        split += files_of(tmp_path / package)
    assert len(split) == len(set(split)) and set(split) == files_of(staged)


def test_a_plugin_whose_package_is_missing_is_named_with_the_package(tmp_path):
    root = tmp_path / "root"
    settings, pipeline = tmp_path / "weir.yaml", tmp_path / "conf.d/search.yaml"
    settings.write_text(f"state_dir: {tmp_path}/state\nadmin: off\n")
    pipeline.parent.mkdir()
    pipeline.write_text("inputs: [{stdin: {}}]\noutputs:\n"
                        '  - elasticsearch: {urls: ["http://127.0.0.1:9"], index: logs}\n')
    remedy = 'the output "elasticsearch" is not installed; install the package weir-plugin-elasticsearch'

    command("cmake", "--install", BUILD, "--component", "weir", env={"DESTDIR": str(root)})
    weir = root / cached("CMAKE_INSTALL_PREFIX").lstrip("/") / "bin/weir"
    checked = command(weir, "check", "-c", settings, check=False)
    assert checked.returncode == 1 and f"search.yaml:3:5: error: {remedy}" in checked.stdout, checked.stdout
    asked = command(weir, "plugins", "-c", settings, "elasticsearch", check=False)
    assert asked.returncode == 1 and remedy in asked.stderr
    listed = command(weir, "plugins", "-c", settings).stdout
    assert "elasticsearch: install the package weir-plugin-elasticsearch" in listed

    command("cmake", "--install", BUILD, "--component", "weir-plugin-elasticsearch",
            env={"DESTDIR": str(root)})
    command(weir, "check", "-c", settings)
    assert "Not installed" not in command(weir, "plugins", "-c", settings).stdout


def test_an_edited_weir_yaml_survives_a_second_installation(tmp_path):
    settings = f"{cached('CMAKE_INSTALL_PREFIX')}/etc/weir/weir.yaml".replace("/usr/etc", "/etc")
    edited = tmp_path / settings.lstrip("/")
    edited.parent.mkdir(parents=True)
    edited.write_text("workers: 1\n")
    command("cmake", "--install", BUILD, env={"DESTDIR": str(tmp_path)})
    assert edited.read_text() == "workers: 1\n"
    assert (edited.parent / "conf.d").is_dir() and not list((edited.parent / "conf.d").iterdir())


def test_a_stranger_builds_a_plugin_with_pkg_config(staged, prefix, tmp_path):
    needs.programs("pkg-config")
    env = {"PKG_CONFIG_LIBDIR": str(one(staged, "weir.pc").parent),
           "PKG_CONFIG_SYSROOT_DIR": str(staged), "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS": "1"}
    flags = command("pkg-config", "--cflags", "weir", env=env).stdout.split()
    folder = command("pkg-config", "--variable=plugindir", "weir", env=env).stdout.strip()
    source = tmp_path / "mask.c"
    source.write_text(guide())
    target = one(prefix, "plugins")
    assert folder.endswith(str(target.relative_to(staged)))
    command("cc", *flags, "-Wall", "-Werror", "-shared", "-fPIC", "-o", target / "mask.so", source)
    try:
        assert "Hides the digits" in command(prefix / "bin/weir", "plugins", "-c", "/dev/null",
                                             "mask").stdout
    finally:
        (target / "mask.so").unlink()


def test_a_stranger_builds_and_installs_a_plugin_with_cmake(prefix, tmp_path):
    (tmp_path / "mask.c").write_text(guide())
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\nproject(mask C)\n"
        "find_package(Weir 0.1 REQUIRED)\nweir_add_plugin(mask mask.c)\n")
    command("cmake", "-S", tmp_path, "-B", tmp_path / "build",
            f"-DWeir_DIR={one(prefix, 'WeirConfig.cmake').parent}")
    command("cmake", "--build", tmp_path / "build")
    command("cmake", "--install", tmp_path / "build")
    installed = one(prefix, "mask.so")
    try:
        weir = prefix / "bin/weir"
        assert "Hides the digits" in command(weir, "plugins", "-c", "/dev/null", "mask").stdout
        exported = command("nm", "-D", "--defined-only", installed).stdout.split()[2::3]
        assert exported == ["weir_plugins"]
    finally:
        installed.unlink()


def guide():
    """The plugin of include/weir/README.md."""
    return re.search(r"^```c\n(.*?)^```$", (ROOT / "include/weir/README.md").read_text(),
                     re.M | re.S)[1]


def declared_settings():
    """The members of service_options, as the agent declares them: {name: default or None}."""
    body = SERVICE.read_text().split("service_options[] = {")[1].split("WEIR_OPTION_END")[0]
    found = re.findall(r'WEIR_OPTION\("(\w+)", \w+, (?:"([^"]*)"|NULL)', body)
    for entry in re.findall(r"\{\.struct_size.*?\}", body, re.S):
        default = re.search(r'\.default_text = "([^"]*)', entry)
        found.append((re.search(r'\.name = "(\w+)"', entry)[1], default and default[1]))
    return {name: default or None for name, default in found}


def test_the_installed_settings_show_the_defaults_and_are_correct(staged, prefix, tmp_path):
    text = one(staged, "weir.yaml").read_text()
    shown = dict(re.findall(r"^#(\w+): (.*)$", text, re.M))
    declared = declared_settings()
    assert shown and shown.keys() <= declared.keys()
    for name, value in shown.items():
        # Two have no default that a text could give: the number of cores, and the members of log.
        assert value == declared[name] or name in ("workers", "log"), name
    assert not [line for line in text.splitlines() if line and not line.startswith("#")]
    (tmp_path / "conf.d").mkdir()
    shutil.copy(one(prefix / "share", "web.yaml"), tmp_path / "conf.d")
    for settings in (text, re.sub(r"^#(\w+:)", r"\1", text, flags=re.M)):
        (tmp_path / "weir.yaml").write_text(settings)
        command(prefix / "bin/weir", "check", "-c", tmp_path / "weir.yaml")


def test_the_manual_page_describes_every_setting_and_command(prefix):
    page = one(prefix, "weir.yaml.5").read_text()
    described = re.findall(r"^\.It Cm (\w+)$", page.split(".Sh SETTINGS")[1].split(".Sh ")[0], re.M)
    assert set(described) == declared_settings().keys()
    for name, default in declared_settings().items():
        if default and default != "{}":
            entry = page.split(f".It Cm {name}\n")[1].split("\n.It")[0]
            assert default in entry, name
    commands = re.findall(r"^  (\w+)  ", command(prefix / "bin/weir", "help").stdout, re.M)
    listed = one(prefix, "weir.1").read_text().split(".Sh COMMANDS")[1].split(".Sh ENV")[0]
    assert commands and set(commands) == set(re.findall(r"^\.It Cm (\w+)", listed, re.M))


@pytest.fixture
def unit(staged, prefix, tmp_path):
    """The unit with the staged program, which systemd wants to find."""
    text = one(staged, "weir.service").read_text()
    copy = tmp_path / "weir.service"
    copy.write_text(re.sub(r"^(Exec\w+=)\S+", rf"\1{prefix}/bin/weir", text, flags=re.M))
    return copy


def test_systemd_accepts_the_unit(unit):
    needs.programs("systemd-analyze", purpose="package")
    done = command("systemd-analyze", "verify", "--man=no", unit, check=False)
    assert done.returncode == 0 and "weir.service" not in done.stderr, done.stderr


@pytest.mark.parametrize("drop_in", ["", "read-every-log.conf"])
def test_the_unit_is_hardened(unit, drop_in):
    needs.programs("systemd-analyze", purpose="package")
    if drop_in:
        unit.write_text(unit.read_text() + (ROOT / "packaging/systemd" / drop_in).read_text())
    done = command("systemd-analyze", "security", "--offline=true", "--no-pager",
                   f"--threshold={round(MAX_EXPOSURE * 10)}", unit)
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)[1])
    assert exposure <= MAX_EXPOSURE, done.stdout


def calls_of(name):
    """The system calls of one of systemd's sets, those of the sets in it included; or the one named."""
    if name[0] != "@":
        return {name}
    words = [line.strip() for line in
             command("systemd-analyze", "syscall-filter", name).stdout.splitlines()[1:]]
    return {call for word in words if word and word[0] != "#"
            for call in (calls_of(word) if word[0] == "@" else {word})}


def test_the_units_filter_allows_every_system_call_of_the_agent(unit, prefix, sink, tmp_path):
    if re.search(r"asan|tsan", str(BIN)):
        pytest.skip("sanitizers make calls of their own")
    needs.programs("systemd-analyze", "strace", purpose="package")
    allowed = set()
    for sets in re.findall(r"^SystemCallFilter=(.*)$", unit.read_text(), re.M):
        named = {call for name in sets.lstrip("~").split() for call in calls_of(name)}
        allowed = allowed - named if sets[0] == "~" else allowed | named
    # Reading, parsing with a compiled pattern, sending, rotating, compressing, keeping positions.
    (tmp_path / "a.log").write_text("".join(f"line {i}\n" for i in range(500)))
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/a.yaml").write_text(f"""
inputs: [{{tail: {{paths: ["{tmp_path}/a.log"], start: beginning, multiline: {{preset: java}}}}}}]
filters: [{{parse: {{format: regex, pattern: '(?<word>[a-z]+) (?<number>[0-9]+)'}}}}]
outputs:
  - http: {{url: "http://localhost:{sink.port}/"}}
  - file: {{path: "{tmp_path}/out/a.jsonl", rotate: {{size: 4KiB, keep: 2, gzip: true}}}}
""")
    (tmp_path / "weir.yaml").write_text(f"state_dir: {tmp_path}/state\nadmin: off\n")
    trace = tmp_path / "trace"
    done = command("strace", "-f", "-qq", "-e", "signal=none", "-o", trace, prefix / "bin/weir", "run",
                   "--once", "-c", tmp_path / "weir.yaml", check=False)
    if "ptrace" in done.stderr and not trace.read_text().strip():
        pytest.skip("tracing is not allowed here")
    assert done.returncode == 0 and list((tmp_path / "out").glob("*.gz")), done.stderr
    assert len(sink.records()) == 500
    used = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M))
    assert {"openat", "epoll_wait", "connect", "rename"} <= used
    assert used - AS_ROOT_ONLY <= allowed, sorted(used - AS_ROOT_ONLY - allowed)

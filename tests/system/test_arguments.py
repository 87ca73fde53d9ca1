# SPDX-License-Identifier: MIT
"""Wrong arguments and wrong surroundings, for every command: one line with the remedy on standard error, and
the exit code that its help names."""
import contextlib
import os
import re
import socket
import subprocess
import threading

import pytest

from harness import needs
from harness.process import free_port
from harness.weir import SLOW

GOOD = {"inputs": [{"stdin": {}}], "outputs": [{"stdout": {}}]}
COMMANDS = ["run", "check", "test", "ship", "reload", "import", "status", "top", "tap", "plugins", "positions",
            "dead", "spool", "version"]
SUBCOMMANDS = ["plugins new", "plugins inspect", "positions list", "positions set", "positions reset",
               "dead list", "dead show", "dead replay", "dead drop", "spool list", "spool check",
               "spool repair"]
ALL = COMMANDS + SUBCOMMANDS
# Those that begin with weir.yaml, with as much as they need beside it.
READERS = ["run", "check", "test", "reload", "status", "tap web", "plugins", "positions list", "dead list",
           "dead show", "dead replay", "dead drop --all", "spool list", "spool check", "spool repair",
           "positions reset --all"]
ASKERS = ["status", "reload", "tap web"]


def complaint(result, code, command=None):
    """The one line that it says, and nothing else."""
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    if command:
        assert line.startswith(f"weir {command}"), line
    return line


def documented(weir, command):
    """The exit codes that --help names."""
    text = weir.command(*command.split(), "--help", check=True).stdout
    codes = re.search(r"Exit (?:codes|status): (.*)", text, re.S)[1]
    return {int(code) for code in re.findall(r"(?:^|[,;]\s+|\bor\s+)(\d)\b", codes)}


# ---- the command line ------------------------------------------------------------------------------

def test_the_commands_here_are_all_that_there_are(weir):
    listed = re.findall(r"^  (\w+)  +\S", weir.command("help", check=True).stdout, re.M)
    assert [name for name in listed if name != "help"] == COMMANDS


@pytest.mark.parametrize("command", ALL)
def test_help_fits_80_columns_and_names_the_exit_codes(weir, command):
    result = weir.command(*command.split(), "--help")
    assert result.returncode == 0 and result.stderr == ""
    assert [line for line in result.stdout.splitlines() if len(line) > 80] == []
    assert result.stdout.startswith(("usage: weir " + command.split()[0], "usage: weir " + command))
    assert {0, 2} <= documented(weir, command)
    assert weir.command(*command.split(), "-h").stdout == result.stdout


@pytest.mark.parametrize("option", ["--nonsense", "-Z", "--json=yes", "--config", "-c"])
@pytest.mark.parametrize("command", ALL)
def test_an_unknown_option_or_one_without_its_value_is_wrong_usage(weir, command, option):
    line = complaint(weir.command(*command.split(), option), 2, command.split()[0])
    assert option.split("=")[0].rstrip("=") in line and f"for help: weir {command.split()[0]}" in line


@pytest.mark.parametrize("arguments, words", [
    ("ship", "say which file to ship"), ("ship FILE", "say where to ship it: --to URL"),
    ("ship FILE --to nonsense", "expected kinesis://"), ("ship FILE --to ftp://x/", "expected kinesis://"),
    ("ship FILE --to file:x --give-up soon", "is no duration"), ("ship FILE --to file:x -o nonsense", "NAME=VALUE"),
    ("ship - FILE --to file:x", "can't be shipped together"),
    ("import", "kinesis-agent or fluent-bit"), ("import nonsense", "kinesis-agent FILE or fluent-bit FILE"),
    ("import nonsense FILE", "can't be imported, only kinesis-agent and fluent-bit"),
    ("import kinesis-agent", "kinesis-agent FILE"), ("import kinesis-agent FILE FILE", "more than import takes"),
    ("tap", "say which pipeline"), ("tap web x", "takes"), ("tap web --limit x", "wants a number"),
    ("positions", "list, set or reset"), ("positions nonsense", "list, set and reset"),
    ("positions set", "which sources, or --all"), ("positions reset", "which sources, or --all"),
    ("dead", "list, show, replay or drop"), ("dead nonsense", "found \"nonsense\""),
    ("dead drop", "which letters, or --all"), ("dead list x", "more than it takes"),
    ("spool", "list, check or repair"), ("spool nonsense", "nonsense"),
    ("plugins new", "NAME"), ("plugins new x --kind nonsense", "it is input, filter or output"),
    ("plugins inspect", "it takes one FILE.so"), ("plugins a b", "b"),
    ("run x", "takes no argument"), ("status x", "takes no argument"), ("reload x", "takes no argument"),
    ("top x", "takes no argument"), ("version x", "takes no argument"), ("positions list x", "takes no argument"),
    ("check --online --offline", "exclude each other"), ("test x.txt", "is no NAME.yaml"),
])
def test_missing_and_surplus_arguments_are_wrong_usage(weir, tmp_path, arguments, words):
    file = tmp_path / "file"
    file.write_text("a line\n")
    line = complaint(weir.command(*arguments.replace("FILE", str(file)).split()), 2, arguments.split()[0])
    assert words in line and "for help: weir " in line


def test_no_command_is_wrong_usage_and_an_unknown_one_names_the_list(weir):
    assert weir.command().returncode == 2
    assert "for the list: weir help" in complaint(weir.command("nonsense"), 2)
    assert 'did you mean "status"?' in complaint(weir.command("statsu"), 2)
    assert "for the list: weir help" in complaint(weir.command("help", "nonsense"), 2)


# ---- files -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("command", [c for c in READERS if c not in ("run", "check", "test")])
def test_a_weir_yaml_that_is_not_there(weir, command):
    line = complaint(weir.command(*command.split(), "-c", "/no/such.yaml"), 1, command.split()[0])
    assert "/no/such.yaml: No such file or directory; check the path after -c" in line


@pytest.mark.parametrize("command", ["run", "check", "test"])
def test_a_weir_yaml_that_is_not_there_is_a_problem_of_the_configuration(weir, command):
    result = weir.command(command, "-c", "/no/such.yaml")
    assert result.returncode == 1
    assert "/no/such.yaml" in result.stdout + result.stderr
    assert "it cannot be opened: No such file or directory" in result.stdout + result.stderr


@pytest.mark.parametrize("arguments, words", [
    ("ship /no/such --to file:x", "/no/such: No such file or directory"),
    ("ship /etc --to file:x", "/etc is no file"),
    ("test /no/such.yaml", "there is no /no/such.yaml; check its name"),
    ("import kinesis-agent /no/such", "/no/such: error: it cannot be opened: No such file or directory"),
    ("import fluent-bit /no/such", "/no/such: error: it cannot be opened: No such file or directory"),
    ("plugins nosuch", 'there is no plugin "nosuch"; for the list: weir plugins'),
    ("spool list nosuch", "there is no queue of that name in {state}/spool; there is none"),
])
def test_what_is_named_and_not_there(weir, arguments, words):
    command = arguments.split()[0]
    result = weir.command(*arguments.split(), *(["-c", weir.config] if command != "ship" else []))
    assert result.returncode in documented(weir, command) - {0}
    assert words.format(state=weir.state_dir) in result.stderr and "No such file" not in result.stdout


# ---- rights ----------------------------------------------------------------------------------------

@pytest.fixture
def nobody(make_weir, tmp_path):
    """nobody(arguments): a command as a user who may read nothing of the agent's."""
    needs.programs("setpriv")
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    weir = make_weir()
    weir.pipeline("web", GOOD)
    folder = weir.folder
    while folder != folder.parent:  # so that only what the test locks is locked
        if not folder.stat().st_mode & 0o001 and folder.stat().st_uid == 0 and "pytest" in str(folder):
            folder.chmod(0o755)
        folder = folder.parent

    def run(*arguments, by=()):
        return subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *by,
                               weir.binary, *map(str, arguments)], capture_output=True, text=True,
                              timeout=60 * SLOW, stdin=subprocess.DEVNULL, check=False)
    if run("version").returncode != 0:
        pytest.skip("nobody can run the agent here")
    run.weir = weir
    return run


def test_a_check_that_cannot_try_the_plugins_out_says_so(nobody):
    needs.programs("prlimit")
    result = nobody("check", "-c", nobody.weir.config, by=("prlimit", "--nproc=0"))
    assert result.returncode == 0
    assert "web.yaml: warning: its plugins were not tried out: no process can be started" in result.stdout


@pytest.mark.parametrize("command", [c for c in READERS if c not in ("run", "check", "test")])
def test_a_weir_yaml_that_cannot_be_read(nobody, command):
    nobody.weir.config.chmod(0o600)
    line = complaint(nobody(*command.split(), "-c", nobody.weir.config), 1, command.split()[0])
    assert "Permission denied; run this as the user that runs weir, or as root" in line


@pytest.mark.parametrize("command", ["positions list", "dead list", "dead show", "spool list", "spool check", "reload",
                                     "tap web"])
def test_a_state_folder_that_cannot_be_read_is_not_an_empty_one(nobody, command):
    weir = nobody.weir
    weir.configure(admin=f"127.0.0.1:{free_port()}")
    weir.run_once(stdin="")
    (weir.state_dir / "admin.token").write_text("0" * 32)
    weir.state_dir.chmod(0o700)
    line = complaint(nobody(*command.split(), "-c", weir.config), 1, command.split()[0])
    assert "Permission denied; " in line and "root" in line


@pytest.mark.parametrize("command", ["run", "check", "test"])
def test_a_folder_of_pipelines_that_cannot_be_read(nobody, command):
    nobody.weir.conf_dir.chmod(0o700)
    result = nobody(command, "-c", nobody.weir.config)
    said = result.stdout + result.stderr
    assert result.returncode == 1 and "Permission denied" in said and str(nobody.weir.conf_dir) in said
    assert "put a NAME.yaml" not in said  # there may well be one


def test_a_file_to_ship_that_cannot_be_read_is_not_an_empty_one(nobody, tmp_path):
    file = tmp_path / "secret.log"
    file.write_text("a line\n")
    file.chmod(0o600)
    line = complaint(nobody("ship", file, "--to", "-"), 1, "ship")
    assert f"can't read {file}: Permission denied; run this as a user who may" in line


# ---- the agent -------------------------------------------------------------------------------------

@contextlib.contextmanager
def stranger(answer):
    """Somebody else's server at the admin address: says that, or nothing and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client, contextlib.suppress(OSError):
                        client.recv(4096)
                        client.sendall(answer)
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@pytest.mark.parametrize("command", ASKERS)
def test_an_agent_that_does_not_run(weir, command):
    weir.configure(admin=f"127.0.0.1:{free_port()}")
    line = complaint(weir.command(*command.split(), "-c", weir.config), 3, command.split()[0])
    assert "start it, or name its weir.yaml by -c" in line
    assert 3 in documented(weir, command.split()[0])


@pytest.mark.parametrize("command", ["status", "tap web"])
def test_an_agent_that_cannot_be_asked(weir, command):
    weir.configure(admin="off")
    line = complaint(weir.command(*command.split(), "-c", weir.config), 1, command.split()[0])
    assert "`admin` is off" in line and str(weir.config) in line


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n", b"SSH-2.0-OpenSSH_9.2\r\n",
                                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                                    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"])
@pytest.mark.parametrize("command", ASKERS[::2])
def test_somebody_else_at_the_admin_address(weir, command, answer):
    with stranger(answer) as port:
        weir.configure(admin=f"127.0.0.1:{port}", admin_token="0" * 32)
        weir.state_dir.mkdir(exist_ok=True)
        result = weir.command(*command.split(), "-c", weir.config)
    line = complaint(result, 1, command.split()[0])
    assert f"127.0.0.1:{port}: " in line or b" 200 " in answer and "the agent has ended" in line


def test_another_token_than_the_agent_s(make_weir):
    weir = make_weir(admin=True, admin_token="a" * 32)
    weir.pipeline("web", {"inputs": [{"tail": {"paths": ["/no/such"]}}], "outputs": ["null"]})
    weir.start()
    other = weir.folder / "other.yaml"
    other.write_text(weir.config.read_text().replace("a" * 32, "b" * 32))
    for command in ("status", "tap web"):
        line = complaint(weir.command(*command.split(), "-c", other), 1, command.split()[0])
        assert "admin_token" in line or "401" in line
    assert "no pipeline" in complaint(weir.command("tap", "nosuch", "-c", weir.config), 1, "tap")
    weir.stop()


def test_a_terminal_is_asked_for_where_it_takes_one(weir):
    assert "it takes a terminal; weir status prints the same once" in \
        complaint(weir.command("top", "-c", weir.config), 1, "top")

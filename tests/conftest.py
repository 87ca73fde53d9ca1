# SPDX-License-Identifier: MIT
"""Options and fixtures of all tests against the real binary."""
import contextlib
import os
import pathlib
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from harness import disk  # noqa: E402
from harness.closing import closing  # noqa: E402
from harness.kinesalite import Kinesalite  # noqa: E402
from harness.moto import Moto  # noqa: E402
from harness.nginx import Nginx  # noqa: E402
from harness.opensearch import OpenSearch, Unavailable  # noqa: E402
from harness.scripted import Scripted  # noqa: E402
from harness.sink import Sink  # noqa: E402
from harness.weir import ROOT, Weir  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="full counts, as named in the tests")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="only with --long"))


@pytest.fixture
def long(request):
    """True with --long."""
    return request.config.getoption("--long")


@pytest.fixture
def weir(tmp_path):
    """An agent with the admin address on; nothing runs yet."""
    agent = Weir(tmp_path / "weir", admin=True)
    yield agent
    agent.close()


@pytest.fixture
def make_weir(tmp_path):
    """make_weir(name, **settings): further agents, each in a folder of its own."""
    yield from closing(lambda name="weir", **settings: Weir(tmp_path / name, **settings))


@pytest.fixture
def make_nginx(tmp_path):
    """make_nginx(name, **options): a started nginx; see harness.nginx.Nginx."""
    made = []

    def make(name="nginx", **options):
        made.append(Nginx(tmp_path / name, **options))
        return made[-1].start()

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def nginx(make_nginx):
    return make_nginx()


@pytest.fixture
def scripted():
    """scripted(answer): an HTTP server that answers as the function says; see harness.scripted."""
    yield from closing(Scripted)


@pytest.fixture
def gate(scripted):
    """A server that says 503 until gate.open is set."""
    opened = threading.Event()
    server = scripted(lambda body, number: 200 if opened.is_set() else 503)
    server.open = opened
    return server


@pytest.fixture
def make_sink(tmp_path):
    """make_sink(name, **options): a counting HTTP server; see harness.sink.Sink."""
    yield from closing(lambda name="sink", **options: Sink(tmp_path / name, **options))


@pytest.fixture
def sink(make_sink):
    return make_sink()


@pytest.fixture
def make_disk(tmp_path):
    """make_disk(size): a filesystem of that size, or a skip with the reason that there is none."""
    with contextlib.ExitStack() as mounted:
        def make(size):
            try:
                return mounted.enter_context(
                    disk.small_disk(tmp_path / f"disk{len(list(tmp_path.glob('disk*')))}", size))
            except disk.Unavailable as reason:
                pytest.skip(str(reason))

        yield make


@pytest.fixture
def small_disk(make_disk):
    """A filesystem of 1 MiB."""
    return make_disk("1m")


@pytest.fixture(scope="module")
def moto(request, tmp_path_factory):
    """A moto for the module; one that says MOTO_VERIFIES = False has its signatures not verified."""
    server = Moto(tmp_path_factory.mktemp("moto"), getattr(request.module, "MOTO_VERIFIES", True))
    yield server.start()
    server.stop()


@pytest.fixture(scope="module")
def kinesalite(tmp_path_factory):
    server = Kinesalite(tmp_path_factory.mktemp("kinesalite"))
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def data():
    """The folder of real logs, or a skip that says where it was looked for."""
    folder = pathlib.Path(os.environ.get("WEIR_DATA_DIR") or ROOT.parent / "shared/data")
    if not folder.is_dir():
        pytest.skip(f"no real logs: {folder} does not exist (WEIR_DATA_DIR names another folder)")
    return folder


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory):
    """A real OpenSearch for the whole session, or a skip with the reason that there is none."""
    server = OpenSearch(tmp_path_factory.mktemp("opensearch"))
    try:
        yield server.start()
    except Unavailable as reason:
        pytest.skip(str(reason))
    finally:
        server.stop()

# SPDX-License-Identifier: MIT
"""The elasticsearch output against a real OpenSearch: every record is read back and compared."""
import json

import pytest

from harness.opensearch import OpenSearch, Unavailable
from harness.process import wait_until
from harness.records import records
from harness.weir import SLOW
from test_main_job import FORMATS, LINES, compare


@pytest.fixture(scope="session")
def opensearch(tmp_path_factory):
    server = OpenSearch(tmp_path_factory.mktemp("opensearch"))
    try:
        yield server.start()
    except Unavailable as reason:
        pytest.skip(str(reason))
    finally:
        server.stop()


def tail(path, **options):
    return {"tail": {"paths": [str(path)], "start": "beginning", **options}}


def bulk(server, index, **options):
    return {"elasticsearch": {"urls": [server.url], "index": index, "linger": "20ms", **options}}


def in_order(documents):
    """Sources of the documents in the order of the lines that they were made of."""
    return [d["_source"] for d in sorted(documents, key=lambda d: position(d["_id"]))]


def position(document_id):
    return int(document_id.split("-")[1])


@pytest.mark.parametrize("name", LINES)
def test_every_record_of_real_logs_is_in_the_index(opensearch, make_weir, data, name):
    index = "real-" + name.split(".")[0].replace("_", "-")
    weir = make_weir()
    weir.pipeline("job", {"inputs": [tail(data / name)],
                          "filters": [{"parse": {"format": FORMATS[name]}}],
                          "outputs": [bulk(opensearch, index)]})
    weir.run_once()
    compare(data, name, in_order(opensearch.documents(index)))

# SPDX-License-Identifier: MIT
"""The elasticsearch output against a real OpenSearch: every record is read back and compared."""
import datetime
import json
import subprocess
import time

import pytest

from harness import reference
from harness.process import free_port, wait_until
from harness.records import count, records
from harness.weir import ROOT, SLOW
from test_main_job import COMBINED, FORMATS, LINES, compare, originals

FAST = {"linger": "20ms", "retry": {"backoff_min": "10ms", "backoff_max": "200ms"}}


def tail(path, **options):
    return {"tail": {"paths": [str(path)], "start": "beginning", **options}}


def bulk(server, index, **options):
    return {"elasticsearch": {"urls": [getattr(server, "url", server)], "index": index,
                              **FAST, **options}}


def position(document):
    return int(document["_id"].split("-")[1])


def in_order(documents):
    """Sources of the documents in the order of the lines that they were made of."""
    return [d["_source"] for d in sorted(documents, key=position)]


def pipeline(log, output, parse="json"):
    return {"inputs": [tail(log)], "filters": [{"parse": {"format": parse}}], "outputs": [output]}


def write(log, *documents):
    with open(log, "a", encoding="utf-8") as f:
        f.writelines(json.dumps(document) + "\n" for document in documents)


def numbered(log, how_many):
    write(log, *({"n": n} for n in range(how_many)))


def numbers(opensearch, index):
    return sorted(d["_source"]["n"] for d in opensearch.documents(index))


def dead(weir, name="p"):
    return records(weir.state_dir / "dead" / f"{name}.jsonl")


def hold_and_release(weir, opensearch, index, how_many, word, release):
    """The agent holds its records and says `word`; after release() they arrive, all and once."""
    weir.start()
    wait_until(lambda: word in weir.get("/health")[1], 15 * SLOW, f"a health page about {word}")
    assert weir.get("/health")[0] == 503 and "stalled" in weir.get("/health")[1]
    release()
    wait_until(lambda: opensearch.count(index) == how_many, 40 * SLOW, "all documents")
    wait_until(lambda: "stalled" not in weir.get("/health")[1], 10 * SLOW, "health")
    weir.stop()
    assert numbers(opensearch, index) == list(range(how_many))
    assert dead(weir) == []


# ---- real logs, read back ----

@pytest.mark.parametrize("name", LINES)
def test_every_record_of_real_logs_is_in_the_index(opensearch, make_weir, data, name):
    index = "real-" + name.split(".")[0].replace("_", "-")
    weir = make_weir()
    weir.pipeline("p", pipeline(data / name, bulk(opensearch, index), FORMATS[name]))
    weir.run_once()
    compare(data, name, in_order(opensearch.documents(index)))


def test_an_index_is_named_by_the_date_and_a_value_of_its_records(opensearch, make_weir, data):
    opensearch.ask("PUT", "/_ingest/pipeline/mark",
                   {"processors": [{"set": {"field": "seen", "value": "by the pipeline"}}]})
    weir = make_weir()
    weir.pipeline("p", pipeline(data / COMBINED, bulk(
        opensearch, "dated-{method}-%Y.%m.%d", pipeline="mark", routing="clientip", gzip=True,
        batch_bytes="64KiB"), "combined"))
    weir.run_once()
    found = opensearch.documents("dated-*")
    lines = originals(data / COMBINED)
    parsed = [line for line in lines if reference.combined(line)]
    assert len(found) == len(parsed) == 9999
    for document in found:
        source = document["_source"]
        when = reference.timestamp(source["@timestamp"])
        assert document["_index"] == f"dated-{source['method'].lower()}-{when:%Y.%m.%d}"
        assert document["_routing"] == source["clientip"]
        assert source["seen"] == "by the pipeline"
    # The one line that is cut short has no method, so there is no index for it.
    assert [d["reason"] for d in dead(weir)] == ["no_index"]
    assert dead(weir)[0]["line"].encode() == next(
        line for line in lines if not reference.combined(line))


def test_a_data_stream_takes_records_once(opensearch, make_weir, tmp_path):
    opensearch.ask("PUT", "/_index_template/streams",
                   {"index_patterns": ["stream-*"], "data_stream": {}})
    log = tmp_path / "a.log"
    numbered(log, 100)
    weir = make_weir()
    weir.pipeline("p", pipeline(log, bulk(opensearch, "stream-web", data_stream=True)))
    weir.run_once()
    opensearch.ask("POST", "/stream-web/_refresh")
    found = opensearch.documents("stream-web")
    assert sorted(d["_source"]["n"] for d in found) == list(range(100))
    assert {d["_index"] for d in found} == {".ds-stream-web-000001"}


def test_ids_are_the_servers_or_an_expression(opensearch, make_weir, tmp_path):
    log = tmp_path / "a.log"
    write(log, {"n": 0, "key": "ä\"\\"}, {"n": 1, "key": "ä\"\\"}, {"n": 2})
    weir = make_weir()
    weir.pipeline("p", {"inputs": [tail(log)], "filters": [{"parse": "json"}], "outputs": [
        bulk(opensearch, "ids-none", id="none"), bulk(opensearch, "ids-key", id="key")]})
    weir.run_once()
    assert numbers(opensearch, "ids-none") == [0, 1, 2]
    assert all(len(d["_id"]) == 20 for d in opensearch.documents("ids-none"))
    by_id = {d["_id"]: d["_source"]["n"] for d in opensearch.documents("ids-key")}
    assert by_id.pop("ä\"\\") == 0, "the first with a value wins"
    assert list(by_id.values()) == [2] and len(list(by_id)[0]) > 32


# ---- what a server refuses, and what it holds back ----

def test_what_the_mapping_refuses_is_dead_with_the_servers_reason(opensearch, make_weir, tmp_path):
    opensearch.ask("PUT", "/strict", {"mappings": {"properties": {"n": {"type": "long"}}}})
    log = tmp_path / "a.log"
    write(log, {"n": 0}, {"n": "many"}, {"n": 2}, {"n": {"deep": 1}}, {"n": 4})
    weir = make_weir()
    weir.pipeline("p", pipeline(log, bulk(opensearch, "strict")))
    weir.run_once()
    assert numbers(opensearch, "strict") == [0, 2, 4]
    assert [json.loads(d["line"])["n"] for d in dead(weir)] == ["many", {"deep": 1}]
    for letter in dead(weir):
        assert letter["reason"] == "refused"
        assert "mapper_parsing_exception: failed to parse field [n]" in letter["error"]
    assert "many" in dead(weir)[0]["error"], "what caused it too"
    assert "elasticsearch_refused" in weir.log()


def test_a_blocked_index_holds_its_records(opensearch, weir, tmp_path):
    log = tmp_path / "a.log"
    numbered(log, 50)
    opensearch.ask("PUT", "/blocked", {"settings": {"index.blocks.write": True}})
    weir.pipeline("p", pipeline(log, bulk(opensearch, "blocked")))
    hold_and_release(weir, opensearch, "blocked", 50, "cluster_block_exception",
                     lambda: opensearch.ask("PUT", "/blocked/_settings",
                                            {"index.blocks.write": None}))


def test_a_missing_pipeline_holds_the_records(opensearch, weir, tmp_path):
    log = tmp_path / "a.log"
    numbered(log, 50)
    weir.pipeline("p", pipeline(log, bulk(opensearch, "piped", pipeline="later")))
    hold_and_release(weir, opensearch, "piped", 50, "pipeline with id [later] does not exist",
                     lambda: opensearch.ask("PUT", "/_ingest/pipeline/later", {"processors": []}))


def test_a_missing_index_holds_the_records(opensearch, weir, tmp_path):
    log = tmp_path / "a.log"
    numbered(log, 50)
    opensearch.ask("PUT", "/_cluster/settings",
                   {"transient": {"action.auto_create_index": "-absent,+*"}})
    try:
        weir.pipeline("p", pipeline(log, bulk(opensearch, "absent")))
        hold_and_release(weir, opensearch, "absent", 50, "index_not_found_exception",
                         lambda: opensearch.ask("PUT", "/absent"))
    finally:
        opensearch.ask("PUT", "/_cluster/settings",
                       {"transient": {"action.auto_create_index": None}})


def test_a_cluster_full_of_shards_holds_the_records(opensearch, weir, tmp_path):
    log = tmp_path / "a.log"
    numbered(log, 50)

    def shards(most):
        opensearch.ask("PUT", "/_cluster/settings",
                       {"transient": {"cluster.max_shards_per_node": most}})

    shards(1)
    try:
        weir.pipeline("p", pipeline(log, bulk(opensearch, "sharded-%Y")))
        hold_and_release(weir, opensearch, "sharded-*", 50, "maximum shards open",
                         lambda: shards(None))
    finally:
        shards(None)


# ---- before the server: TLS, passwords, redirects, nodes ----

def front(make_nginx, opensearch, name, **options):
    return make_nginx(name, answer=f"proxy_pass http://127.0.0.1:{opensearch.port};", **options)


def password_file(tmp_path, user, password):
    digest = subprocess.run(["openssl", "passwd", "-apr1", password], check=True,
                            capture_output=True, text=True).stdout.strip()
    path = tmp_path / "passwords"
    path.write_text(f"{user}:{digest}\n")
    path.chmod(0o644)
    return path


def test_tls_and_a_password(opensearch, weir, make_nginx, tmp_path):
    log, users = tmp_path / "a.log", password_file(tmp_path, "weir", "s3cret-word")
    numbered(log, 200)
    nginx = front(make_nginx, opensearch, "secure", tls=True,
                  location=f'auth_basic "search"; auth_basic_user_file {users};')

    def attempt(password, **options):
        return pipeline(log, bulk(nginx.url + "/", "secured", tls={"ca": str(nginx.cert)},
                                  auth={"basic": {"user": "weir", "password": password}}, **options))

    weir.configure(shutdown_timeout="200ms")
    weir.pipeline("p", attempt("wrong-word"))
    weir.start()
    wait_until(lambda: "answered 401" in weir.get("/health")[1], 10 * SLOW, "the alarm")
    weir.stop(code=4)
    assert "check the credentials" in weir.log()
    assert opensearch.count("secured") == 0
    weir.pipeline("p", attempt("s3cret-word"))
    weir.start()
    wait_until(lambda: opensearch.count("secured") == 200, 20 * SLOW, "all documents")
    status = weir.get("/status")[1] + weir.get("/metrics")[1]
    weir.stop()
    assert numbers(opensearch, "secured") == list(range(200))
    for word in ("wrong-word", "s3cret-word", "d2VpcjpzM2NyZXQtd29yZA=="):
        assert word not in weir.log() + status


def test_an_api_key_is_sent(weir, make_nginx, tmp_path):
    log = tmp_path / "a.log"
    numbered(log, 1)
    nginx = make_nginx("key", answer="return 401;")
    weir.configure(shutdown_timeout="200ms")
    weir.pipeline("p", pipeline(log, bulk(nginx.url, "x", auth={"api_key": "a2V5OmtleQ=="})))
    weir.start()
    request = wait_until(nginx.requests, 10 * SLOW, "a request")[0]
    weir.stop(code=4)
    assert request["authorization"] == "ApiKey a2V5OmtleQ=="
    assert request["type"] == "application/x-ndjson"
    assert request["uri"].startswith("/x/_bulk?")
    assert "a2V5OmtleQ==" not in weir.log()


def test_a_redirect_is_held_with_a_sentence(weir, make_nginx, tmp_path):
    log = tmp_path / "a.log"
    numbered(log, 1)
    nginx = make_nginx("moved", answer="return 301 https://elsewhere.invalid/;")
    weir.configure(shutdown_timeout="200ms")
    weir.pipeline("p", pipeline(log, bulk(nginx.url, "x")))
    weir.start()
    wait_until(lambda: "redirects are not followed" in weir.log(), 10 * SLOW, "the sentence")
    assert "elsewhere.invalid" in weir.get("/health")[1]
    weir.stop(code=4)
    assert dead(weir) == []


def test_a_node_that_is_down_is_put_aside_and_comes_back(opensearch, weir, make_nginx, tmp_path):
    log = tmp_path / "a.log"
    nodes = [front(make_nginx, opensearch, f"node{n}") for n in range(2)]
    port = free_port()
    output = bulk(opensearch, "nodes")
    output["elasticsearch"]["urls"] = [n.url for n in nodes] + [f"http://127.0.0.1:{port}"]
    weir.pipeline("p", pipeline(log, output))
    log.touch()
    weir.start()
    sent = 0

    def send_until(condition, what):
        """Keeps sending, so that each node gets its turn."""
        nonlocal sent
        deadline = time.monotonic() + 30 * SLOW
        while not condition():
            assert time.monotonic() < deadline, f"{what}: {weir.log()}"
            write(log, {"n": sent})
            sent += 1
            wait_until(lambda: opensearch.count("nodes") == sent, 20 * SLOW, "the document")

    up = "weir_elasticsearch_nodes_up"
    send_until(lambda: weir.metric(up) == 2, "the dead port put aside")
    assert f"127.0.0.1:{port} is put aside" in weir.log()
    send_until(lambda: all(n.requests() for n in nodes), "both nodes in turn")
    nodes[0].stop()
    send_until(lambda: weir.metric(up) == 1, "the stopped node put aside")
    nodes[0].start()
    send_until(lambda: weir.metric(up) == 2, "the node that came back")
    assert weir.get("/health")[0] == 200, "one node is enough"
    weir.stop()
    assert numbers(opensearch, "nodes") == list(range(sent))
    assert f"{nodes[0].url} works again" in weir.log()


def test_a_server_that_starts_late_gets_everything_once(opensearch, weir, make_nginx, tmp_path):
    log, port = tmp_path / "a.log", free_port()
    numbered(log, 1000)
    weir.pipeline("p", pipeline(log, bulk(f"http://127.0.0.1:{port}", "late", batch_records=100)))
    weir.start()
    wait_until(lambda: "http_retry" in weir.log(), 10 * SLOW, "an attempt")
    front(make_nginx, opensearch, "late", port=port)
    wait_until(lambda: opensearch.count("late") == 1000, 20 * SLOW, "all documents")
    weir.stop()
    assert numbers(opensearch, "late") == list(range(1000))


# ---- SIGKILL ----

def test_a_replay_after_sigkill_stores_nothing_twice(opensearch, make_weir, data, tmp_path):
    """Killed again and again while it sends; the index is named by the records' dates."""
    log = tmp_path / COMBINED
    lines = originals(data / COMBINED)
    log.write_bytes(b"".join(line + b"\n" for line in lines))
    weir = make_weir()
    weir.pipeline("p", pipeline(log, bulk(opensearch, "replay-%Y.%m.%d", batch_records=200,
                                          linger="5ms"), "combined"))
    before = 0
    for _ in range(8):
        weir.start(ready=False)
        wait_until(lambda: opensearch.count("replay-*") > before or not weir.running(), 20 * SLOW,
                   "something new", 0.005)
        weir.kill()
        before = opensearch.count("replay-*")
        if before == len(lines):
            break
    weir.run_once()
    found = opensearch.documents("replay-*")
    assert len(found) == len(lines) and len({d["_id"] for d in found}) == len(lines)
    stats = opensearch.ask("GET", "/replay-*/_stats/indexing")["_all"]["primaries"]["indexing"]
    assert stats["index_failed"] > 0, "the server has turned replays down, so there were some"
    dates = {reference.combined(line)["@timestamp"].astimezone(datetime.timezone.utc).date()
             for line in lines if reference.combined(line)}
    assert {f"replay-{date:%Y.%m.%d}" for date in dates} <= {d["_index"] for d in found}


# ---- what is shipped ----

def test_the_shipped_pipeline_works(opensearch, make_weir, data):
    weir = make_weir()
    text = (ROOT / "conf.d/nginx-to-opensearch.yaml").read_text()
    weir.pipeline("nginx", text)
    log = data / COMBINED
    weir.env = {"WEIR_WEB_LOGS": str(log), "WEIR_SEARCH_URL": opensearch.url}
    weir.run_once()
    found = opensearch.documents("web-*")
    assert len(found) == LINES[COMBINED]
    unparsed = [d for d in found if "parse_error" in d["_source"]]
    assert len(unparsed) == 1
    assert count(weir.state_dir / "dead" / "nginx.jsonl") == 0

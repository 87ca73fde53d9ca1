# SPDX-License-Identifier: MIT
"""The status page in a real browser, the events behind it, and the token that opens it to others."""
import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import threading

import pytest

from harness import browser as browsers
from harness.closing import closing
from harness.process import wait_until
from harness.records import count
from harness.weir import ROOT, SLOW

HOSTILE = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">\u202e\x1b[2J\'"&amp;'
SHOWN = HOSTILE.replace("\u202e", "\\u202e").replace("\x1b", "\\u001b")  # what would hide is written out
TOKEN = "0123456789abcdef0123"


@pytest.fixture
def running(weir, tmp_path, scripted):
    """An agent with a pipeline of every kind of trouble."""
    (tmp_path / "a.log").write_text("".join(f'{{"n":{i}}}\n' for i in range(500)) + HOSTILE + "\n")
    (tmp_path / "b.txt").write_text("x\n" * 100)
    server = scripted()
    weir.pipeline("web", {
        "inputs": [{"tail": {"paths": [str(tmp_path / "*.log")], "start": "beginning"}}],
        "filters": [{"parse": {"format": "json", "on_error": "dead_letter"}}, {"where": "n % 10 != 0"}],
        "outputs": [{"http": {"url": server.url}},
                    {"file": {"when": "n > 250", "path": str(tmp_path / "out.jsonl")}}]})
    weir.pipeline("away", {
        "inputs": [{"tail": {"paths": [str(tmp_path / "*.txt")], "start": "beginning"}}],
        "outputs": [{"http": {"url": "http://127.0.0.1:1/", "retry": {"backoff_max": "50ms"}}}]})
    weir.pipeline("broken", "inputs: [nosuch]\noutputs: [stdout]\n")
    weir.configure(shutdown_timeout="200ms")
    weir.start()
    wait_until(lambda: weir.metric("weir_output_records_total", pipeline="web", output="http",
                                   outcome="delivered") == 450, 30 * SLOW, "the records")
    return weir


@pytest.fixture
def browser():
    yield from closing(browsers.start, lambda browser: browser.quit())


def ask(weir, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", weir.port, timeout=20)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def events(weir, number, **headers):
    """So many events, as (name, data)."""
    connection = http.client.HTTPConnection("127.0.0.1", weir.port, timeout=20 * SLOW)
    connection.request("GET", "/api/events", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("Content-Type") == "text/event-stream"
    found = []
    while len(found) < number:
        lines = []
        while (line := answer.readline()) not in (b"\n", b""):
            lines.append(line.decode().rstrip("\n"))
        assert lines, "the stream ended"
        name, data = lines
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    connection.close()
    return found


def bearer(weir):
    """Of those who may read the state folder: they may see records."""
    return {"Authorization": "Bearer " + records_token(weir)}


def records_token(weir):
    return (weir.state_dir / "admin.token").read_text()


# ---- events ----------------------------------------------------------------------------------------

def test_an_event_has_status_files_and_log(running):
    (name, first), (_, second) = events(running, 2, **bearer(running))
    assert name == "status" and second["at"] > first["at"]
    web = next(p for p in second["status"]["pipelines"] if p["name"] == "web")
    (reason,) = web["dead_reasons"]
    assert (reason["stage"], reason["count"]) == ("parse", 1)
    assert reason["sample"] == HOSTILE
    (file,) = [f for f in second["files"] if f["pipeline"] == "web"]
    assert file["name"].endswith("a.log") and file["lag_bytes"] == 0
    wait_until(lambda: any(entry["code"] == "http_retry" for entry in events(running, 1)[0][1]["log"]),
               20 * SLOW, "the warning in the log")


def test_records_are_shown_to_those_who_may_read_the_state_folder(running):
    def sample(document):
        (reason,) = next(p for p in document["pipelines"] if p["name"] == "web")["dead_reasons"]
        assert (reason["stage"], reason["count"]) == ("parse", 1)
        return reason["sample"]

    for wrong in ({}, {"Authorization": "Bearer 0123"}):
        body = ask(running, "/status", **wrong)[2]
        assert sample(json.loads(body)) is None and "hacked" not in body
    assert sample(json.loads(ask(running, "/status", **bearer(running))[2])) == HOSTILE
    # Both at once, and each gets its own.
    got = {}
    threads = [threading.Thread(target=lambda h=h: got.update({len(h): events(running, 2, **h)}))
               for h in ({}, bearer(running))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * SLOW)
    assert [sample(event["status"]) for _, event in got[0]] == [None] * 2
    assert [sample(event["status"]) for _, event in got[1]] == [HOSTILE] * 2


def test_listeners_come_and_go(running):
    for _ in range(3):
        threads = [threading.Thread(target=events, args=(running, 1)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60 * SLOW)
            assert not thread.is_alive()
    assert ask(running, "/health")[0] in (200, 503)


def test_one_who_does_not_read_holds_nobody_up(running):
    with socket.create_connection(("127.0.0.1", running.port)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        deaf.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert len(events(running, 3)) == 3
        assert ask(running, "/status")[0] == 200
        running.stop(code=4)  # with a listener; the destination that is away has records left


def test_there_is_a_bound_on_listeners(running):
    sockets = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(16)]
    for one in sockets:
        one.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        one.settimeout(20 * SLOW)
        assert b"200 OK" in one.recv(4096)
    status, _, body = ask(running, "/api/events")
    assert (status, body) == (503, "too many listeners\n")
    for one in sockets:
        one.close()

    def is_room():
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=20)
        connection.request("GET", "/api/events")
        status = connection.getresponse().status
        connection.close()
        return status == 200

    wait_until(is_room, 20 * SLOW, "room for another")


# ---- the page --------------------------------------------------------------------------------------

def test_only_browsers_get_the_page_and_it_asks_nobody_else(running):
    assert ask(running, "/")[2].startswith("weir ")
    status, headers, body = ask(running, "/", Accept="text/html,*/*")
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    policy = headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([0-9a-f]{32})'", policy)[1]
    assert "default-src 'none'" in policy and body.count(nonce) == 2 and "%NONCE%" not in body
    assert ask(running, "/", Accept="text/html")[1]["Content-Security-Policy"] != policy
    assert not re.search(r"(src|href)=\"(?!data:)", body) and "http://" not in \
        body.replace("http://www.w3.org/2000/svg", "")
    assert "innerHTML" not in body and "insertAdjacentHTML" not in body


def number_of(page, pipeline, stage, metric):
    (text,) = browsers.text_of(page, f'[data-pipeline="{pipeline}"] .graph [data-stage="{stage}"] '
                                     f'[data-metric="{metric}"]')
    return int(text.replace(",", ""))


def test_the_page_shows_the_graph_and_the_numbers_of_the_metrics(running, browser):
    page = browser()
    page.get(running.url("/"))
    browsers.settle(page, lambda: browsers.text_of(page, "#link") == ["live"])
    assert browsers.text_of(page, "h2") >= ["Needs attention"]
    assert {"web", "away", "broken"} <= set(browsers.text_of(page, "section[data-pipeline] h2"))
    stages = browsers.text_of(page, '[data-pipeline="web"] .graph [data-stage] b')
    assert stages == ["tail", "parse", "where", "http", "file"]
    wanted = {("tail", "records"): running.metric("weir_input_records_total", pipeline="web"),
              ("where", "dropped"): running.metric("weir_filter_records_dropped_total",
                                                   pipeline="web", filter="where"),
              ("http", "delivered"): running.metric("weir_output_records_total", pipeline="web",
                                                    output="http", outcome="delivered"),
              ("file", "delivered"): running.metric("weir_output_records_total", pipeline="web",
                                                    output="file", outcome="delivered")}
    assert wanted["http", "delivered"] == 450
    for (stage, metric), value in wanted.items():
        browsers.settle(page, lambda: number_of(page, "web", stage, metric) == value,
                        what=f"{stage} {metric}")
    assert any("its file has errors" in text for text in browsers.text_of(page, "#trouble li"))
    assert not [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    asked = {message["params"]["request"]["url"] for entry in page.get_log("performance")
             if (message := json.loads(entry["message"])["message"])["method"] ==
             "Network.requestWillBeSent"}
    assert asked and all(url.startswith(running.url("/")) or url.startswith("data:") for url in asked)


def test_hostile_lines_are_text(running, browser):
    page = browser()
    page.get(running.url("/#token=" + records_token(running)))
    browsers.settle(page, lambda: SHOWN in browsers.text_of(page, '[data-pipeline="web"] td'))
    assert page.execute_script("return window.hacked") is None
    assert not browsers.text_of(page, "main img, main script")


def test_the_page_shows_no_line_to_who_has_no_token(running, browser):
    page = browser()
    page.get(running.url("/"))
    browsers.settle(page, lambda: "parse" in browsers.text_of(page, '[data-pipeline="web"] td'))
    assert SHOWN not in browsers.text_of(page, "td")
    assert "Last line" not in browsers.text_of(page, '[data-pipeline="web"] th')


def test_the_page_lives_on_and_through_a_restart(running, browser, tmp_path):
    page = browser()
    page.get(running.url("/"))
    browsers.settle(page, lambda: browsers.text_of(page, "#link") == ["live"])
    with open(tmp_path / "a.log", "a", encoding="ascii") as log:
        log.write('{"n":777}\n' * 50)
    browsers.settle(page, lambda: number_of(page, "web", "http", "delivered") == 500)
    running.stop(code=4)  # the destination that is away has records left
    browsers.settle(page, lambda: browsers.text_of(page, "#link") == ["reconnecting"])
    running.start()
    browsers.settle(page, lambda: browsers.text_of(page, "#link") == ["live"], 60)
    browsers.settle(page, lambda: number_of(page, "web", "http", "delivered") == 0)


def test_the_keyboard_is_enough(running, browser):
    from selenium.webdriver.common.keys import Keys
    page = browser()
    page.get(running.url("/"))
    browsers.settle(page, lambda: browsers.text_of(page, "#link") == ["live"])
    body = page.find_element("tag name", "body")
    body.send_keys("/")
    assert page.switch_to.active_element.get_attribute("id") == "filter"
    page.switch_to.active_element.send_keys("awa")
    browsers.settle(page, lambda: browsers.text_of(page, "section[data-pipeline] h2") == ["away"])
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    browsers.settle(page, lambda: len(browsers.text_of(page, "section[data-pipeline] h2")) == 3)
    color = "return getComputedStyle(document.body).backgroundColor"
    before = page.execute_script(color)
    body.send_keys("t")
    assert page.execute_script(color) != before
    page.execute_script("document.querySelector('[data-pipeline=web] summary').focus()")
    page.switch_to.active_element.send_keys(Keys.ENTER)
    number = page.execute_script("return last.at")
    browsers.settle(page, lambda: page.execute_script("return last.at") > number)
    # Open and focused still, after the page has made itself anew.
    assert page.switch_to.active_element.tag_name == "summary"
    assert page.execute_script("return document.getElementById('files-web').open")


def test_what_is_selected_and_scrolled_stays_so(running, browser):
    page = browser()
    page.get(running.url("/"))
    browsers.settle(page, lambda: "http_retry" in browsers.text_of(page, "#log td"))
    page.execute_script("getSelection().selectAllChildren(document.querySelector('[data-pipeline=away] .stage b'))")
    selected, number = page.execute_script("return [getSelection().toString(), last.at]")
    browsers.settle(page, lambda: page.execute_script("return last.at") > number)
    assert selected == "tail"
    assert page.execute_script("return getSelection().toString()") == selected


def test_trouble_and_the_log_say_what_to_do(running, browser):
    page = browser()
    page.get(running.url("/"))
    browsers.settle(page, lambda: "http_retry" in browsers.text_of(page, "#remedies dt"))
    assert "The pipeline does not start, for the reason given; the others do." in \
        browsers.text_of(page, "#trouble li .remedy")
    explained = dict(zip(browsers.text_of(page, "#remedies dt"), browsers.text_of(page, "#remedies dd")))
    assert explained["http_retry"].startswith("A request failed and is tried again")


def test_each_edge_has_its_rate(running, browser, tmp_path):
    page = browser()
    page.get(running.url("/"))

    def rates():
        return dict(page.execute_script(
            "return [...document.querySelectorAll('[data-pipeline=web] .edge')]"
            ".map(e => [e.dataset.edge, parseFloat(e.textContent.replaceAll(',', ''))])"))

    browsers.settle(page, lambda: set(rates()) == {"from tail", "to filter where", "to http", "to file"})
    seen = {}

    def has_passed_all():
        with open(tmp_path / "a.log", "a", encoding="ascii") as log:
            log.write('{"n":11}\n' * 40 + '{"n":10}\n' * 20 + '{"n":777}\n' * 20)
        seen.update({edge: rate for edge, rate in rates().items() if rate})
        return len(seen) == 4 and rates()["to file"] > 0

    browsers.settle(page, has_passed_all)
    now = rates()
    if now["to file"]:  # of each hundred records 80 pass the filter and 20 go to the file
        assert now["from tail"] >= now["to http"] > now["to file"]


# ---- the live tap ----------------------------------------------------------------------------------

def tap_rows(page):
    """What is shown, the newest first."""
    return browsers.text_of(page, "#tap-records td:nth-child(2)")


def tap_state(page):
    return browsers.text_of(page, "#tap-state")[0]


def fill(page, **fields):
    for name, text in fields.items():
        field = page.find_element("id", name)
        field.clear()
        field.send_keys(text)


def choose(page, name, option):
    from selenium.webdriver.support.select import Select
    browsers.settle(page, lambda: browsers.text_of(page, f'#{name} option[value="{option}"]'))
    Select(page.find_element("id", name)).select_by_value(option)


def start_tap(page, pipeline, at, **fields):
    """By the button of the stage, once the page is there."""
    browsers.settle(page, lambda: browsers.text_of(page, f'[data-pipeline="{pipeline}"] [data-at="{at}"]'))
    if fields:
        page.execute_script("document.getElementById('tap').open = true")
        fill(page, **fields)
    page.execute_script("document.querySelector(arguments[0]).click()",
                        f'[data-pipeline="{pipeline}"] [data-at="{at}"]')
    browsers.settle(page, lambda: tap_state(page) == "live", what="the tap")


def append(path, *lines):
    with open(path, "a", encoding="utf-8") as log:
        log.writelines(line + "\n" for line in lines)


@pytest.fixture
def tapping(running, browser):
    """A page that may see records."""
    page = browser()
    page.get(running.url("/#token=" + records_token(running)))
    return page


def test_the_tap_shows_records_as_they_pass(running, tapping, tmp_path):
    start_tap(tapping, "web", "filter:parse", **{"tap-where": "n > 5"})
    append(tmp_path / "a.log", '{"n":1}', '{"n":12345678901234567890,"deep":[0.10,"1"]}', '{"n":9}')
    browsers.settle(tapping, lambda: len(tap_rows(tapping)) == 2)
    newest, older = tap_rows(tapping)
    assert newest.startswith("n=9 ") and f"@source={tmp_path}/a.log" in newest
    assert older.startswith('n=12345678901234567890 deep=[0.10,"1"] ')
    tapping.find_element("id", "tap-go").click()
    browsers.settle(tapping, lambda: tap_state(tapping) == "stopped")
    wait_until(lambda: running.metric("weir_taps") == 0, 20 * SLOW, "the tap's end")


def test_the_tap_shows_hostile_lines_as_text(running, tapping, tmp_path):
    start_tap(tapping, "web", "input:tail")
    append(tmp_path / "a.log", HOSTILE)
    browsers.settle(tapping, lambda: any(SHOWN in text for text in tap_rows(tapping)))
    assert tapping.execute_script("return window.hacked") is None
    assert not browsers.text_of(tapping, "main img, main script")
    assert not [entry for entry in tapping.get_log("browser") if entry["level"] == "SEVERE"]


def test_the_tap_pauses_goes_on_and_ends_at_its_limit(running, tapping, tmp_path):
    start_tap(tapping, "web", "output:http", **{"tap-limit": "3"})
    append(tmp_path / "a.log", '{"n":1}')
    browsers.settle(tapping, lambda: len(tap_rows(tapping)) == 1)
    tapping.find_element("tag name", "body").send_keys("p")
    assert tap_state(tapping) == "paused"
    append(tmp_path / "a.log", '{"n":2}')
    browsers.settle(tapping, lambda: "1 wait" in browsers.text_of(tapping, "#tap-counts")[0])
    assert len(tap_rows(tapping)) == 1
    tapping.find_element("tag name", "body").send_keys("p")
    append(tmp_path / "a.log", '{"n":3}', '{"n":4}')
    browsers.settle(tapping, lambda: tap_state(tapping) == "ended")
    assert [text[:4] for text in tap_rows(tapping)] == ["n=3 ", "n=2 ", "n=1 "]


def test_the_tap_says_what_is_wrong_with_its_expression(running, tapping):
    browsers.settle(tapping, lambda: browsers.text_of(tapping, "#tap-pipeline option"))
    tapping.find_element("tag name", "body").send_keys("l")
    assert tapping.switch_to.active_element.get_attribute("id") == "tap-pipeline"
    choose(tapping, "tap-pipeline", "web")
    choose(tapping, "tap-at", "filter:parse")
    fill(tapping, **{"tap-where": "n >\n"})
    browsers.settle(tapping, lambda: "expected" in browsers.text_of(tapping, "#tap-error")[0])
    assert tapping.find_element("id", "tap-go").text == "Start"


def test_after_a_restart_of_the_agent_the_tap_wants_its_new_token(running, tapping, tmp_path):
    from selenium.webdriver.common.keys import Keys
    start_tap(tapping, "web", "input:tail")
    running.stop(code=4)
    browsers.settle(tapping, lambda: tap_state(tapping) == "reconnecting")
    running.start()
    browsers.settle(tapping, lambda: "have the token" in browsers.text_of(tapping, "#tap-error")[0])
    browsers.settle(tapping, lambda: tapping.find_element("id", "token-form").is_displayed())
    fill(tapping, token=records_token(running) + Keys.ENTER)
    browsers.settle(tapping, lambda: tap_state(tapping) == "live")
    append(tmp_path / "a.log", '{"n":4}')
    browsers.settle(tapping, lambda: any('message={"n":4}' in text for text in tap_rows(tapping)))


def test_the_token_is_entered_and_forgotten(running, browser, tmp_path):
    from selenium.webdriver.common.keys import Keys
    page = browser()
    page.get(running.url("/"))
    browsers.settle(page, lambda: browsers.text_of(page, "#tap-pipeline option"))
    page.find_element("tag name", "body").send_keys("l")
    choose(page, "tap-pipeline", "web")
    for wrong in ("0123456789", records_token(running)[:-1]):
        fill(page, token=wrong + Keys.ENTER)
        browsers.settle(page, lambda: "have the token" in browsers.text_of(page, "#tap-error")[0])
    fill(page, token=records_token(running) + Keys.ENTER)
    browsers.settle(page, lambda: tap_state(page) == "live")
    append(tmp_path / "a.log", '{"n":5}')
    browsers.settle(page, lambda: tap_rows(page))
    # The samples of dead letters as well, and all of it over a reload of the page.
    browsers.settle(page, lambda: SHOWN in browsers.text_of(page, '[data-pipeline="web"] td'))
    page.refresh()
    browsers.settle(page, lambda: SHOWN in browsers.text_of(page, '[data-pipeline="web"] td'))
    assert page.execute_script("return [location.href, localStorage.length, document.cookie]") == \
        [running.url("/"), 0, ""]
    page.find_element("tag name", "body").send_keys("l")
    page.find_element("id", "forget").click()
    browsers.settle(page, lambda: page.find_element("id", "token-form").is_displayed())
    browsers.settle(page, lambda: SHOWN not in browsers.text_of(page, "td"))
    assert page.execute_script("return sessionStorage.length") == 0


def test_the_tap_of_a_busy_pipeline_keeps_the_page_small(running, tapping, tmp_path):
    start_tap(tapping, "web", "input:tail", **{"tap-limit": ""})
    append(tmp_path / "a.log", *[f'{{"n":{i}0}}' for i in range(200000)])
    wait_until(lambda: running.metric("weir_filter_records_dropped_total", pipeline="web",
                                      filter="where") >= 200000, 60 * SLOW, "the records")
    browsers.settle(tapping, lambda: "more left out" in browsers.text_of(tapping, "#tap-counts")[0])
    assert 0 < len(tap_rows(tapping)) <= 500


# ---- how it looks ----------------------------------------------------------------------------------

def axe_finds(page):
    installed = subprocess.run([ROOT / "tests/servers/install", "axe"], capture_output=True, text=True,
                               check=False)
    if installed.returncode:
        pytest.skip(installed.stderr.strip())
    # The page's own policy lets no script in, a driver's command does.
    page.execute_script((ROOT / "build/servers/axe/node_modules/axe-core/axe.min.js").read_text())
    found = page.execute_async_script("axe.run().then(r => arguments[0](r.violations))")
    return [(v["id"], v["help"], [n["html"] for n in v["nodes"]]) for v in found]


@pytest.mark.parametrize("width, dark", [(1280, False), (1280, True), (360, True)])
def test_it_fits_and_passes_axe(running, browser, width, dark, tmp_path):
    page = browser(width=max(width, 500), height=1700, dark=dark)
    if width < 500:  # a window can't be that narrow
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 3600, "deviceScaleFactor": 1, "mobile": False})
    shots = pathlib.Path(os.environ.get("WEIR_SCREENSHOTS", tmp_path))
    name = f"status-{width}-{'dark' if dark else 'light'}"
    page.get(running.url("/"))
    browsers.settle(page, lambda: browsers.text_of(page, "#tap-pipeline option"))
    page.find_element("tag name", "body").send_keys("l")
    assert axe_finds(page) == []
    page.save_screenshot(str(shots / f"{name}-token.png"))
    page.get(running.url("/#token=" + records_token(running)))
    page.refresh()
    start_tap(page, "web", "input:tail")
    append(tmp_path / "a.log", HOSTILE, *[f'{{"n":{i},"path":"/index.html"}}' for i in range(12)])
    browsers.settle(page, lambda: len(tap_rows(page)) == 13)
    browsers.settle(page, lambda: SHOWN in browsers.text_of(page, '[data-pipeline="web"] td'))
    page.execute_script("scrollTo(0, 0)")
    page.save_screenshot(str(shots / f"{name}.png"))
    assert page.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert axe_finds(page) == []


# ---- the token -------------------------------------------------------------------------------------

def test_with_a_token_for_the_address_the_tap_wants_no_other(weir, browser, tmp_path):
    (tmp_path / "a.log").write_text("")
    weir.pipeline("one", {"inputs": [{"tail": {"paths": [str(tmp_path / "a.log")], "start": "beginning"}}],
                          "outputs": [{"file": str(tmp_path / "out")}]})
    weir.configure(admin_token=TOKEN)
    weir.start()
    page = browser()
    page.get(weir.url(f"/?token={TOKEN}"))
    start_tap(page, "one", "input:tail")
    weir.stop()
    browsers.settle(page, lambda: tap_state(page) == "reconnecting")
    weir.start()
    browsers.settle(page, lambda: tap_state(page) == "live")
    append(tmp_path / "a.log", "one")
    browsers.settle(page, lambda: any("message=one" in text for text in tap_rows(page)))
    assert not page.find_element("id", "token-form").is_displayed()


def test_every_page_wants_the_token(weir, tmp_path):
    (tmp_path / "a.log").write_text("x\n")
    weir.pipeline("one", {"inputs": [{"tail": {"paths": [str(tmp_path / "a.log")], "start": "beginning"}}],
                          "outputs": [{"file": str(tmp_path / "out")}]})
    weir.configure(admin=f"0.0.0.0:{weir.port}", admin_token=TOKEN)
    weir.start()
    wait_until(lambda: count(tmp_path / "out") == 1, 20 * SLOW, "the record")
    for path in ("/", "/health", "/metrics", "/status", "/api/events", "/?token=wrong",
                 f"/status?token={TOKEN}"):
        assert ask(weir, path)[0] == 401, path
    for wrong in ("Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}"):
        assert ask(weir, "/status", Authorization=wrong)[0] == 401
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert ask(weir, "/health", **right)[0] == 200
    assert ask(weir, "/status", Host="any.example.com", **right)[0] == 200
    assert len(events(weir, 1, **right)) == 1
    status, headers, _ = ask(weir, f"/?token={TOKEN}", Accept="text/html")
    assert (status, headers["Location"]) == (303, "/")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert ask(weir, "/", Accept="text/html", Cookie=cookie.partition(";")[0])[0] == 200
    assert weir.command("status", "-c", weir.config).returncode == 0
    assert TOKEN not in weir.log()


@pytest.mark.parametrize("settings, words", [
    ({"admin": "0.0.0.0:9"}, "must be a loopback address"),
    ({"admin_token": "short"}, "must be 16 to 128 letters"),
    ({"admin_token": "x" * 20 + ";"}, "must be 16 to 128 letters")])
def test_it_is_not_opened_without_a_token(weir, settings, words):
    weir.configure(**settings)
    result = weir.check()
    assert result.returncode == 1 and words in result.stdout

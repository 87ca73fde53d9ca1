# SPDX-License-Identifier: MIT
"""Lines that a container runtime wrote in parts, when the agent stops between the parts."""
import json

import pytest

from harness.process import wait_until
from harness.records import count, records


def cri(text, tag="F", second=0):
    return f"2016-10-06T00:17:{second:02}Z stdout {tag} {text}\n"


def docker(text, tag="F", second=0):
    return json.dumps({"log": text + ("\n" if tag == "F" else ""), "stream": "stdout",
                       "time": f"2016-10-06T00:17:{second:02}Z"}) + "\n"


@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("write, format, field", [(cri, "cri", "message"), (docker, "docker", "log")])
def test_a_held_part_arrives_joined_after_a_restart(weir, tmp_path, write, format, field, how):
    log, out = tmp_path / "a.log", tmp_path / "out.jsonl"
    log.write_text(write("whole"))
    weir.pipeline("pod", {
        "inputs": [{"tail": {"paths": [str(log)], "start": "beginning"}}],
        "filters": [{"parse": {"format": format, "partial_timeout": "1h"}}],
        "outputs": [{"file": {"path": str(out)}}]})
    weir.start()
    wait_until(lambda: count(out) == 1, 10, "the whole line")
    with open(log, "a", encoding="utf-8") as file:
        file.write(write("one ", "P", 1) + write("two ", "P", 2))
    wait_until(lambda: weir.metric("weir_input_records_total") == 3, 10, "the parts")
    getattr(weir, how)()  # with exit code 0, and no report of a sanitizer
    with open(log, "a", encoding="utf-8") as file:
        file.write(write("three", "F", 3) + write("next"))
    weir.start()
    wait_until(lambda: len({r[field] for r in records(out)}) == 3, 10, "the joined line")
    weir.stop()
    texts = [r[field] for r in records(out)]
    assert texts[-2:] == ["one two three", "next"]
    assert set(texts[:-2]) == {"whole"} and (how == "kill" or len(texts) == 3)

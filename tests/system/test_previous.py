# SPDX-License-Identifier: MIT
"""A configuration of an earlier version is one of this version, too: what was an option then is one now,
takes the same values and has the same default. `previous` has, for each version, the settings with every
one of them set, and a line for each option of each plugin.

For a release:  tests/system/test_previous.py WEIR >tests/system/previous/VERSION.options
and the weir.yaml of that release, with every setting in it, as VERSION.yaml.
"""
import json
import pathlib
import re
import subprocess
import sys

import pytest

PREVIOUS = pathlib.Path(__file__).parent / "previous"
VERSIONS = sorted(p.stem for p in PREVIOUS.glob("*.options"))


def flat(options, prefix=""):
    for option in options:
        facts = {name: option.get(name) for name in ("type", "default", "values", "min", "max")
                 if option.get(name) is not None}
        if option["required"]:
            facts["required"] = True
        yield prefix + option["name"], facts
        yield from flat(option.get("members", []), f"{prefix}{option['name']}.")


def options_of(weir):
    """{"KIND NAME OPTION": facts}; an option named "" is the plugin itself, with its short form."""
    def ask(*words):
        return json.loads(subprocess.run([weir, "plugins", "-c", "/dev/null", "--json", *words],
                                         capture_output=True, check=True).stdout)["plugins"]
    found = {}
    for name in sorted({p["name"] for p in ask()}):
        for plugin in ask(name):
            key = f"{plugin['kind']} {name} "
            found[key] = {"short": plugin["short_option"]}
            for member in ("options", "host_options"):
                found.update({key + path: facts for path, facts in flat(plugin[member])})
    return found


def broken(then, now):
    """Why a configuration that was right then may be wrong, or mean something else, now; or None."""
    if now is None:
        return "is gone"
    for fact in ("type", "default", "short"):
        if then.get(fact) is not None and then[fact] != now.get(fact):
            return f"has another {fact}: {now.get(fact)}"
    if now.get("required") and not then.get("required"):
        return "is required now"
    if "values" in now and not set(then.get("values", "").split("|")) <= set(now["values"].split("|")):
        return f"takes fewer values: {now['values']}"
    if "min" in now and ("min" not in then or now["min"] > then["min"] or now["max"] < then["max"]):
        return f"has a narrower range: {now['min']} to {now['max']}"
    return None


def read(version):
    rows = (line.split(" = ", 1) for line in
            (PREVIOUS / f"{version}.options").read_text().splitlines())
    return {key: json.loads(facts) for key, facts in rows}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_option_of_an_earlier_version_still_means_the_same(make_weir, version):
    now = options_of(make_weir().binary)
    found = {key: broken(facts, now.get(key)) for key, facts in read(version).items()}
    assert not {key: why for key, why in found.items() if why}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_settings_of_an_earlier_version_are_settings_of_this_one(make_weir, tmp_path, version):
    weir = make_weir()
    settings = tmp_path / "weir.yaml"
    settings.write_text((PREVIOUS / f"{version}.yaml").read_text())
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/a.yaml").write_text('inputs: [{stdin: {}}]\noutputs: [{"null": {}}]\n')
    checked = weir.command("check", "-c", settings, "--offline")
    assert checked.returncode == 0 and "0 warnings" in checked.stdout, checked.stdout


@pytest.mark.parametrize("then, now", [
    ({"type": "string"}, None),
    ({"type": "string"}, {"type": "size"}),
    ({"type": "string"}, {"type": "string", "required": True}),
    ({"type": "string", "default": "a"}, {"type": "string", "default": "b"}),
    ({"type": "string", "values": "a|b"}, {"type": "string", "values": "a"}),
    ({"type": "string"}, {"type": "string", "values": "a"}),
    ({"type": "size", "min": 1, "max": 9}, {"type": "size", "min": 2, "max": 9}),
    ({"type": "size"}, {"type": "size", "min": 2, "max": 9}),
    ({"short": "path"}, {"short": None})])
def test_a_break_would_be_found(then, now):
    assert broken(then, now)


@pytest.mark.parametrize("then, now", [
    ({"type": "string", "required": True}, {"type": "string", "default": "a"}),
    ({"type": "string", "values": "a"}, {"type": "string", "values": "a|b"}),
    ({"type": "string", "values": "a"}, {"type": "string"}),
    ({"type": "size", "min": 2, "max": 9}, {"type": "size", "min": 1, "max": 10}),
    ({"short": None}, {"short": "path"})])
def test_what_only_grew_is_no_break(then, now):
    assert not broken(then, now)


if __name__ == "__main__":
    for line in (f"{key} = {json.dumps(facts)}" for key, facts in options_of(sys.argv[1]).items()):
        print(line)

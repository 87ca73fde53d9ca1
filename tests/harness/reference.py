# SPDX-License-Identifier: MIT
"""An independent reading of log formats, to compare what the agent made of a line with.

Written from the formats' own documentation (Apache's mod_log_config, RFC 3164), with nothing taken
from the agent.
"""
import datetime
import re

COMBINED = re.compile(
    rb'^(?P<clientip>\S+) (?P<ident>\S+) (?P<user>\S+) \[(?P<time>[^\]]+)\] '
    rb'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<bytes>\d+|-) '
    rb'"(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)"$')
SYSLOG = re.compile(rb"^(?P<time>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) (?P<host>\S+) "
                    rb"(?P<program>[^\s:\[]+)(?:\[(?P<pid>\d+)\])?: ?(?P<message>.*)$")


def text(value):
    return value.decode("utf-8", "replace")


def combined(line):
    """The fields of a combined line, "@timestamp" as a datetime; None for what isn't one."""
    match = COMBINED.match(line)
    if not match or match["request"].count(b" ") != 2:
        return None
    fields = {name: None if match[name] == b"-" else text(match[name])
              for name in ("ident", "user", "referer", "agent")}
    method, path, protocol = text(match["request"]).split(" ")
    return {
        "@timestamp": datetime.datetime.strptime(text(match["time"]), "%d/%b/%Y:%H:%M:%S %z"),
        "clientip": text(match["clientip"]), **fields, "method": method, "path": path,
        "protocol": protocol, "status": int(match["status"]),
        "bytes": None if match["bytes"] == b"-" else int(match["bytes"]),
    }


def syslog(line):
    """The fields of a syslog line without a priority; "time" is (month, day, h, m, s)."""
    match = SYSLOG.match(line)
    if not match:
        return None
    when = datetime.datetime.strptime("2000 " + text(match["time"]), "%Y %b %d %H:%M:%S")
    return {
        "time": (when.month, when.day, when.hour, when.minute, when.second),
        "host": text(match["host"]), "program": text(match["program"]),
        "pid": match["pid"] and text(match["pid"]), "message": text(match["message"]),
    }


def timestamp(value):
    """A "@timestamp" as a datetime: RFC 3339 in UTC is the only form that is taken."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value), value
    whole, _, fraction = value[:-1].partition(".")
    when = datetime.datetime.strptime(whole + "+0000", "%Y-%m-%dT%H:%M:%S%z")
    return when + datetime.timedelta(microseconds=int((fraction or "0")[:6].ljust(6, "0")))

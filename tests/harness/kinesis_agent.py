# SPDX-License-Identifier: MIT
"""What Amazon Kinesis Agent 2.0.13 sends for a flow, from its documented behaviour: a model to compare
imported pipelines with. And its file of positions."""
import json
import os
import re
import sqlite3

INT = r"(?:[+-]?[0-9]+)"
USER = r"(?:[a-zA-Z0-9._-]+)"
HOST = r"(?:(?:[\w\-]+)(?:\.(?:[\w\-]+))*(?:\.?|\b)|[\d.]+)"
TIME = r"(?:2[0123]|[01]?[0-9]):[0-5][0-9]:(?:(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?)"
MONTH = r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b"
DAY = r"(?:0[1-9]|[12][0-9]|3[01]|[1-9])"
COMMON = (rf'({HOST}) ({USER}) ({USER}) \[({DAY}/{MONTH}/[1-9]\d*:{TIME}\s{INT})\] "([^"]+)" '
          rf'({INT}|-) ({INT}|-)')
LOGS = {
    "COMMONAPACHELOG": (COMMON + ".*", "host ident authuser datetime request response bytes"),
    "COMBINEDAPACHELOG": (COMMON + ' "([^"]+)" "([^"]+)".*',
                          "host ident authuser datetime request response bytes referer agent"),
    "APACHEERRORLOG": (
        rf"\[((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+{MONTH}\s+{DAY}\s+{TIME}\s+[1-9]\d*)\] \[(?:(\w+):)?(\w+)\] "
        rf"\[pid (\d+)(?::tid (\d+))?\] \[client ({HOST}(?::[1-9]\d*)?)\] (.*)",
        "timestamp module severity processid threadid client message"),
    "RFC3339SYSLOG": (r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)) "
                      rf"(?:<[0-9]+\.[0-9]+> )?({USER}) ([\w._/%-]+)(?:\[([1-9][0-9]*)\])?: (.*)",
                      "timestamp hostname program processid message"),
    "SYSLOG": (rf"({MONTH}\s+{DAY}\s+{TIME}) (?:<[0-9]+\.[0-9]+> )?({USER}) "
               r"([\w._/%-]+)(?:\[([1-9][0-9]*)\])?: (.*)",
               "timestamp hostname program processid message"),
}


class Dropped(Exception):
    pass


def as_json(fields):
    return json.dumps(fields, ensure_ascii=False) + "\n"


def java_split(text, pattern):
    parts = re.split(pattern, text)
    while len(parts) > 1 and parts[-1] == "":
        parts.pop()
    return [] if parts == [""] and text else parts


def single_line(text, options):
    lines = java_split(text, "\n")
    if "NO_TRIM" not in options.get("parseOptions", []):
        lines = [line.strip() for line in lines]
    return ("\\\\n" if "ESCAPE_NEW_LINE" in options.get("parseOptions", []) else "").join(lines) + "\n"


def csv_to_json(text, options):
    columns = java_split(text.removesuffix("\n"), options.get("delimiter", ","))
    return as_json({name: columns[i] if i < len(columns) else None
                    for i, name in enumerate(options["customFieldNames"])})


def log_to_json(text, options):
    pattern, names = LOGS[options["logFormat"]]
    names = options.get("customFieldNames") or names.split()
    match = re.fullmatch(options.get("matchPattern") or pattern, text.removesuffix("\n"))
    if not match:
        raise Dropped
    dash = None if "APACHE" in options["logFormat"] else "-"
    return as_json({name: dash if value == "-" else value
                    for name, value in zip(names, match.groups(), strict=True)})


def add_metadata(text, options):
    return as_json({"metadata": options["metadata"], "data": text.removesuffix("\n")})


def add_brackets(text, _options):
    return "{" + text + "}"


STEPS = {"SINGLELINE": single_line, "CSVTOJSON": csv_to_json, "LOGTOJSON": log_to_json,
         "ADDMETADATA": add_metadata, "ADDBRACKETS": add_brackets}


def records(flow, text):
    """The records of a file's text, as the agent sends them."""
    lines = text.splitlines(keepends=True)[flow.get("skipHeaderLines", 0):]
    if "multiLineStartPattern" in flow:
        start, grouped = re.compile(flow["multiLineStartPattern"]), []
        for line in lines:
            if start.match(line) or not grouped:
                grouped.append("")
            grouped[-1] += line
        lines = grouped
    sent = []
    for line in lines:
        try:
            for step in flow.get("dataProcessingOptions", []):
                line = STEPS[step["optionName"]](line, step)
        except Dropped:
            continue
        sent.append(line)
    return sent


def checkpoint(path, flow_id, log, offset, **other):
    """Notes in its database that so much of the file `log` has been sent."""
    status = os.stat(log)
    database = sqlite3.connect(path)
    database.execute("create table if not exists FILE_CHECKPOINTS(flow text, path text, fileId text, "
                     "lastModifiedTime bigint, size bigint, offset bigint, lastUpdated datetime, "
                     "primary key (flow, path))")
    database.execute("insert or replace into FILE_CHECKPOINTS values(?, ?, ?, ?, ?, ?, ?)", (
        flow_id, str(log), f"(dev={status.st_dev:x},ino={other.get('inode', status.st_ino)})",
        int(other.get("modified", status.st_mtime) * 1000), status.st_size, offset,
        other.get("updated", "2026-11-24 12:00:00.000")))
    database.commit()
    database.close()

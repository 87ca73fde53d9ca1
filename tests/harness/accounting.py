# SPDX-License-Identifier: MIT
"""Whether every record is accounted for: the equations of agent/pipeline/pipeline.h, over the document
of /status. They hold whenever nothing is between two steps of the pipeline."""
import time

from .process import watch_for

OUTCOMES = ("delivered", "dead_lettered", "dropped", "not_routed", "delivered_before", "lost",
            "in_flight")


def total(stages, *members):
    return sum(stage[member] for stage in stages for member in members)


def unequal(what, left, right):
    return [f"{what}: {left} against {right}"] if left != right else []


def imbalances(pipeline):
    """What does not add up in one pipeline of the document, as sentences."""
    name, filters, outputs = pipeline["name"], pipeline["filters"], pipeline["outputs"]
    read = total(pipeline["inputs"], "records") + total(filters, "made")
    before = total(pipeline["inputs"] + filters, "dead_lettered")
    wrong = unequal(f"{name}: records read and made, and where they went", read,
                    before + total(filters, "dropped", "held") + pipeline["routed"])
    for output in outputs:
        wrong += unequal(f"{name}/{output['name']}: records routed, and their outcomes",
                         pipeline["routed"] + output["queued_before"], total([output], *OUTCOMES))
    for letter in pipeline["dead_letter"]:
        wrong += unequal(f"{name}/{letter['name']}: dead letters, and where they are",
                         before + total(outputs, "dead_lettered"), total([letter], *OUTCOMES))
    return wrong


def moving(pipeline):
    """What changes while records are on their way."""
    return [total(pipeline[kind], *members) for kind, members in (
        ("inputs", ["records"]), ("filters", ["dropped", "made"]), ("outputs", OUTCOMES[:-1]),
        ("dead_letter", OUTCOMES[:-1]))]


def check(ask, timeout=10):
    """ask() -> the document. Fails when the sums of a pipeline at work stay wrong though nothing moves;
    one that is never seen at rest is given up on."""
    deadline, before = time.monotonic() + timeout, None
    while time.monotonic() < deadline:
        pipelines = [p for p in ask()["pipelines"] if p["state"] == "running"]
        wrong = [sentence for p in pipelines for sentence in imbalances(p)]
        if not wrong:
            return
        now = [moving(p) for p in pipelines]
        assert now != before, wrong
        before = now
        watch_for(0.5)  # long after the steps of a batch that was on its way, were it the last

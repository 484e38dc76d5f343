"""Incidents in words: where, for how long, and their impact."""

from __future__ import annotations

from console.views.severity_since import coarse
from fleet.model.counting import count, share
from fleet.model.finding import Acknowledged, FindingState, Incident, Reach
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from widgets.values import age_text

_ACRONYMS = {"gpus": "GPUs"} | {one: one.upper() for one in ("cpu", "cuda", "gpu", "itl", "kv", "ttft", "xid")}


def place(snapshot: Snapshot, key: str) -> str:
    """The object as a person calls it: ``serving/chat-8b``, ``gpu-node-3``, ``GPU 2 of gpu-node-3``."""
    gpu = snapshot.gpus.get(key)
    if gpu is not None:
        return f"GPU {gpu.ordinal} of {gpu.node}" if gpu.node else f"GPU {gpu.uuid}"
    workload, pod = snapshot.workloads.get(key), snapshot.pods.get(key)
    if workload is not None:
        return f"{workload.namespace}/{workload.name}"
    if pod is not None:
        return f"{pod.namespace}/{pod.name}"
    # A workload that is gone.
    parts = key.split("/")
    return f"{parts[0]}/{parts[2]}" if len(parts) == 3 else key


def cause_name(cause: str) -> str:
    """A cause by name, for lists of causes that may not hold: ``GPU memory broken`` for ``gpu-memory-broken``."""
    return " ".join(_ACRONYMS.get(word, word) for word in cause.split("-"))


def shown_severity(incident: Incident) -> Severity:
    """Return the severity to draw for an incident: a pending or easing one has no alarming colour."""
    return incident.severity if incident.state is FindingState.FIRING else Severity.STARTING


def in_time(incident: Incident, now: float) -> str:
    """``for 3m``, ``for 40s, counts in 20s``, ``easing``."""
    match incident.state:
        case FindingState.PENDING:
            due = min(one.due for one in incident.findings if one.due)
            return f"for {duration_text(now - incident.since)}, counts in {duration_text(due - now)}"
        case FindingState.RECOVERING:
            return "easing"
        case FindingState.FIRING:
            return f"for {duration_text(now - incident.since)}"


def duration_text(seconds: float) -> str:
    """A length of time, in steps that leave an idle screen quiet."""
    return age_text(coarse(max(0.0, seconds)))


def acknowledged_text(one: Acknowledged, now: float) -> str:
    """``acknowledged by mia 4m ago: draining node 3``; for an incident that became worse since, with how."""
    note = f": {one.note}" if one.note else ""
    was = "" if one.holds else "was "
    worse = f"; worse since: {one.worse}" if one.worse else ""
    return f"{was}acknowledged by {one.by} {duration_text(now - one.at)} ago{note}{worse}"


def known_to(one: Acknowledged, now: float) -> str:
    """``mia 4m ago: draining node 3``, for a column whose head explains it."""
    note = f": {one.note}" if one.note else ""
    worse = "" if one.holds else "worse since: "
    return f"{worse}{one.by} {duration_text(now - one.at)} ago{note}"


def reach_text(reach: Reach) -> str:
    """Return ``7 of 10 replicas, 1,474 requests wait, 598 run``; empty if unknown."""
    parts = []
    if reach.of:
        parts.append(share(reach.replicas, reach.of, "replica"))
    elif reach.replicas:
        parts.append(count(reach.replicas, "pod"))
    counted = [(number, words) for number, words in ((reach.waiting, "wait"), (reach.running, "run")) if number > 0]
    for i, (number, words) in enumerate(counted):
        one = round(number) == 1
        noun = "" if i else "request " if one else "requests "
        parts.append(f"{number:,.0f} {noun}{words}{'s' if one else ''}")
    return ", ".join(parts)

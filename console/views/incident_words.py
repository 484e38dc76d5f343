"""Incidents in words: where, how long, and who feels it."""

from __future__ import annotations

import math

from fleet.model.finding import FindingState, Incident, Reach
from fleet.model.snapshot import Snapshot

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def place(snapshot: Snapshot, key: str) -> str:
    """The object as a person calls it: ``chat-8b``, ``gpu-node-3``, ``GPU 2 of gpu-node-3``."""
    gpu = snapshot.gpus.get(key)
    if gpu is not None:
        return f"GPU {gpu.ordinal} of {gpu.node}" if gpu.node else f"GPU {gpu.uuid}"
    workload, pod = snapshot.workloads.get(key), snapshot.pods.get(key)
    if workload is not None:
        return f"{workload.namespace}/{workload.name}"
    return f"{pod.namespace}/{pod.name}" if pod is not None else key


def lasted(seconds: float) -> str:
    """A length of time in its two largest units at most: ``40s``, ``3m``, ``2h10m``, ``3d4h``."""
    seconds = max(0.0, seconds)
    if seconds < MINUTE:
        return f"{seconds:.0f}s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f}m"
    if seconds < DAY:
        hours, minutes = divmod(seconds // MINUTE, 60)
        return f"{hours:.0f}h{minutes:.0f}m" if minutes else f"{hours:.0f}h"
    days, hours = divmod(seconds // HOUR, 24)
    return f"{days:.0f}d{hours:.0f}h" if hours else f"{days:.0f}d"


def in_time(incident: Incident, now: float) -> str:
    """``for 3m``, ``for 40s, counts in 20s``, ``easing``."""
    held = f"for {lasted(now - incident.since)}"
    match incident.state:
        case FindingState.PENDING:
            due = min(one.due for one in incident.findings if one.due)
            return f"{held}, counts in {lasted(due - now)}"
        case FindingState.RECOVERING:
            return "easing"
        case FindingState.FIRING:
            return held


def felt(reach: Reach) -> str:
    """``7 of 10 replicas, 1,474 requests wait, 598 run``; empty where nothing of it is known."""
    said = []
    if reach.of:
        said.append(f"{reach.replicas} of {reach.of} replicas")
    elif reach.replicas:
        said.append(f"{reach.replicas} pods")
    for number, words in ((reach.waiting, "wait"), (reach.running, "run")):
        if not math.isnan(number) and number > 0:
            said.append(f"{number:,.0f} {'requests ' if len(said) < 2 else ''}{words}")
    return ", ".join(said)

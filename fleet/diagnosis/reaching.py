"""How many feel it: the pods that an incident concerns, and the requests in them."""

from __future__ import annotations

import math
from collections.abc import Iterable

from fleet.diagnosis.cause import Of
from fleet.model.finding import Finding, Reach
from fleet.model.frame import Frame
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot


def holders(snapshot: Snapshot, gpu: str) -> list[str]:
    """The keys of the pods that hold a GPU."""
    found = snapshot.gpus.get(gpu)
    keys = [] if found is None else [f"{namespace}/{name}" for namespace, name in found.holders]
    return [key for key in keys if key in snapshot.workload_of]


def reach_of(snapshot: Snapshot, findings: Iterable[Finding]) -> Reach:
    """Return the reach of all findings of an incident."""
    pods: dict[str, None] = {}
    workloads: dict[str, None] = {}
    nodes: set[str] = set()
    for finding in findings:
        match finding.kind:
            case Of.POD | Of.ENGINE | Of.REPLICA:
                pods[finding.key] = None
            case Of.GPU:
                pods.update(dict.fromkeys(holders(snapshot, finding.key)))
            case Of.NODE:
                nodes.add(finding.key)
            case _:
                workloads[finding.key] = None
    if nodes:
        pods.update((key, None) for key, pod in snapshot.pods.items() if pod.node in nodes and _serves(snapshot, key))
    workloads.update((snapshot.workload_of[key], None) for key in pods if key in snapshot.workload_of)
    wanted = sum(snapshot.workloads[key].desired for key in workloads if key in snapshot.workloads)
    rows = snapshot.by_pod.rows(pods)
    return Reach(
        len(pods),
        wanted,
        _sum(snapshot.by_pod, rows, Quantity.RUNNING),
        _sum(snapshot.by_pod, rows, Quantity.WAITING),
        tuple(workloads),
    )


def _serves(snapshot: Snapshot, pod: str) -> bool:
    return snapshot.workload_of.get(pod) in snapshot.model_of


def _sum(frame: Frame, rows: Iterable[int], quantity: Quantity) -> float:
    """Return the sum of the known values; NaN where none is."""
    known = [value for value in frame.values(rows, quantity) if value == value]
    return sum(known) if known else math.nan

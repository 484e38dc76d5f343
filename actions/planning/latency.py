"""Latency of revisions while they ran: from a Prometheus that keeps history, else from the console's own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

from actions.planning.plan_context import ClusterContext
from actions.request import Target
from actions.revisions import Revision
from fleet.kinds.kind import Revisions
from fleet.kinds.registry import kind_of
from fleet.model.objects import REVISION_HASH
from fleet.model.past import Latency
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot

BACK = 7 * 86400.0
"""Length of the past in seconds: as long as most stores keep raw samples, and short enough for one query."""
_POINTS = 60


async def latencies(target: Target, found: Sequence[Revision], context: ClusterContext) -> Mapping[str, Latency]:
    """Return latencies by the revisions' names; unknown ones are left out. Raises nothing."""
    known: dict[str, Latency] = {}
    for revision in found:
        latency = await _from_store(target, revision, context) or _from_snapshot(revision, target, context.snapshot)
        if latency is not None:
            known[revision.name] = latency
    return known


def latency_words(latency: Latency | None) -> str:
    """``TTFT p95 0.84 s, ITL p95 31 ms``, mostly so where that is all that is known; ``not known`` for none."""
    if latency is None:
        return "not known"
    mostly = "mostly " if latency.is_typical else ""
    parts = []
    if not math.isnan(latency.ttft_p95):
        parts.append(f"TTFT p95 {mostly}{latency.ttft_p95:.2f} s")
    if not math.isnan(latency.itl_p95):
        parts.append(f"ITL p95 {mostly}{latency.itl_p95 * 1000:.0f} ms")
    return ", ".join(parts)


async def _from_store(target: Target, revision: Revision, context: ClusterContext) -> Latency | None:
    # A ReplicaSet's pods have its name; those of a StatefulSet have the same ones in every revision.
    if context.past is None or kind_of(target.kind).revisions is not Revisions.REPLICA_SETS:
        return None
    seconds = min(BACK, max(60.0, context.now() - revision.created))
    name = revision.name.replace(".", "[.]")
    try:
        latency = await context.past(target.namespace, f"{name}-[a-z0-9]+", seconds)
    except SourceProblem:
        return None
    return _unless_missing(latency)


def _from_snapshot(revision: Revision, target: Target, snapshot: Snapshot) -> Latency | None:
    """The median over the last quarter of an hour and the pods that run it now: percentiles have no mean."""
    mine = [
        pod
        for pod in snapshot.members(f"{target.namespace}/{target.kind}/{target.name}")
        if _runs(revision, snapshot, pod)
    ]
    ttft, itl = (_median(snapshot, mine, quantity) for quantity in (Quantity.TTFT_P95, Quantity.ITL_P95))
    return _unless_missing(Latency(ttft, itl, is_typical=True))


def _runs(revision: Revision, snapshot: Snapshot, key: str) -> bool:
    pod = snapshot.pods[key]
    by_owner = pod.owner is not None and pod.owner.name == revision.name
    return by_owner or pod.labels.get(REVISION_HASH) == revision.name


def _median(snapshot: Snapshot, pods: Sequence[str], quantity: Quantity) -> float:
    values = [v for pod in pods for v in snapshot.history.strip(pod, quantity, _POINTS) if not math.isnan(v)]
    values = values or [v for pod in pods if not math.isnan(v := snapshot.by_pod.value(pod, quantity))]
    return median(values) if values else math.nan


def _unless_missing(latency: Latency) -> Latency | None:
    return None if math.isnan(latency.ttft_p95) and math.isnan(latency.itl_p95) else latency

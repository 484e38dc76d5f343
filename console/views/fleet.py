"""The fleet as a table: workloads, worst first, and their pods."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from console.views.columns import Shown, drawn, ordered, shown_in
from console.views.empty import empty_text
from console.views.fleet_columns import COLUMNS, FleetColumn
from console.views.query import LazyKeys, Query
from console.views.subject import assessment_of
from fleet.model.frame import Frame
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from widgets.grid import Column, Group, Row, Sort, Standing, WorstFirst
from widgets.untrusted import untrusted_name


class FleetOrder:
    """Worst first with memory: one order of the workloads and one of the pods of each (see WorstFirst)."""

    def __init__(self) -> None:
        self._workloads = WorstFirst()
        self._pods: dict[str, WorstFirst] = {}

    def workloads(self, snapshot: Snapshot, keys: Sequence[str]) -> list[str]:
        return self._workloads.order(standing_of(snapshot, snapshot.by_workload, key) for key in keys)

    def pods(self, snapshot: Snapshot, workload: str, keys: Sequence[str]) -> list[str]:
        order = self._pods.setdefault(workload, WorstFirst())
        return order.order(standing_of(snapshot, snapshot.by_pod, key) for key in keys)


def standing_of(snapshot: Snapshot, frame: Frame, key: str) -> Standing:
    """Within a severity: more requests waiting is worse, then a fuller KV cache (10 points from empty to full)."""
    waiting, kv = frame.value(key, Quantity.WAITING), frame.value(key, Quantity.KV_USAGE)
    score = (0.0 if math.isnan(waiting) else waiting) + (0.0 if math.isnan(kv) else 10 * kv)
    return Standing(key, assessment_of(snapshot, key).severity, score, key)


@dataclass(frozen=True, slots=True, eq=False)
class FleetModel:
    """A GridModel. Rows are made when the grid asks; the order of pods is worked out for open groups alone."""

    snapshot: Snapshot
    groups: Sequence[Group]
    sort: Sort | None
    waiting: str
    shown: Shown
    table: tuple[FleetColumn, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        return drawn(self.table)

    def row(self, key: str) -> Row:
        workload, severity = self.snapshot.workloads.get(key), assessment_of(self.snapshot, key).severity
        if workload is not None:
            return Row(key, tuple(column.top(self.shown, workload) for column in self.table), severity)
        pod = self.snapshot.pods[key]
        return Row(key, tuple(column.below(self.shown, pod) for column in self.table), severity)


def fleet_model(snapshot: Snapshot, query: Query, order: FleetOrder) -> FleetModel:
    """The table for one Snapshot. ``order`` remembers the order of the Snapshots before."""
    workloads = [key for key in snapshot.workloads if query.others or key in snapshot.model_of]
    members = _filtered(snapshot, workloads, query)
    if query.sort is None:
        keys = order.workloads(snapshot, list(members))
    else:
        keys = ordered(COLUMNS, snapshot, list(members), query.sort)
    groups = [Group(key, LazyKeys(members[key], _orderer(snapshot, key, query, order))) for key in keys]
    shown = Shown(snapshot, {entry.key: entry.join for entry in snapshot.unmatched})
    return FleetModel(snapshot, groups, query.sort, _waiting(snapshot, query), shown, shown_in(COLUMNS, snapshot))


def _orderer(
    snapshot: Snapshot, workload: str, query: Query, order: FleetOrder
) -> Callable[[Sequence[str]], Sequence[str]]:
    def arrange(keys: Sequence[str]) -> Sequence[str]:
        if query.sort is None:
            return order.pods(snapshot, workload, keys)
        return ordered(COLUMNS, snapshot, keys, query.sort)

    return arrange


def _filtered(snapshot: Snapshot, workloads: Sequence[str], query: Query) -> dict[str, Sequence[str]]:
    """Workload → the pods to show. With a filter: pods that match, and workloads that have such pods.

    What a pod says includes its workload and model, so that their names find all their pods.
    """
    if not query.filter:
        return {key: snapshot.pods_of.get(key, ()) for key in workloads}
    out: dict[str, Sequence[str]] = {}
    for key in workloads:
        workload = snapshot.workloads[key]
        says = f"{workload.namespace} {workload.name} {snapshot.model_of.get(key, '')} {workload.kind}"
        pods = snapshot.pods_of.get(key, ())
        kept = [pod for pod in pods if query.filter.matches(*_says(snapshot, pod, says))]
        if kept or (not pods and query.filter.matches(says, workload.labels)):
            out[key] = kept
    return out


def _says(snapshot: Snapshot, key: str, workload: str) -> tuple[str, Mapping[str, str]]:
    pod = snapshot.pods[key]
    reason = assessment_of(snapshot, key).reason
    return f"{pod.name} {pod.node} {pod.status} {reason} {pod.ip} {workload}", pod.labels


def _waiting(snapshot: Snapshot, query: Query) -> str:
    """What an empty table says."""
    if said := empty_text(snapshot, query):
        return said
    if snapshot.is_machine:
        return "no vLLM server on this machine\n:up MODEL starts one · :ctx other clusters"
    hidden = len(snapshot.workloads) if not query.others else 0
    where = f"namespace {untrusted_name(snapshot.cluster.namespace)}" if snapshot.cluster.namespace else "this cluster"
    if hidden:
        others = f"the other {hidden} workloads" if hidden > 1 else "the other workload"
        return f"no workload in {where} serves a model\na shows {others} · n other namespaces"
    return f"no workloads in {where}\nn other namespaces · :ctx other clusters"

"""Updates that only change the status of an object: most watch events.

Such a row replaces the previous one, and all joins are kept. If unmeasured pods come, go or move, little else changes
(``fleet.snapshot.pod_arrivals``); any other change causes a full join.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any, TypeVar, cast

from fleet.model.differences import replaced
from fleet.model.measurement import Measurement
from fleet.model.objects import Pod, Workload
from fleet.snapshot.pod_arrivals import with_pods
from fleet.snapshot.topology import Topology, Touched, budgets_of, build_topology, by_target
from fleet.snapshot.unmatched import pods_alone
from fleet.sources.kube.state import KubeState

V = TypeVar("V")

_PLACE_OF_POD = attrgetter("uid", "owner", "labels", "ip", "node", "phase", "gpus", "version", "serving", "created")
_PLACE_OF_WORKLOAD = attrgetter("uid", "owner", "version", "gpus")
_PLACE_OF_NODE = attrgetter("labels", "address", "gpus")
"""Fields of a row that joins read: while these are equal, relations are unchanged."""
_MEASURED_BY = ("engines", "engines_of", "gpus", "gateways", "gateways_of", "models")
"""Fields that the rows of frames are named after, and made of."""


def followed(before: Topology | None, kube: KubeState, measurement: Measurement | None) -> Topology:
    """Return the current topology: ``before`` itself if nothing changed, else as much of it as is still valid."""
    if before is None:
        return build_topology(kube, measurement)
    if not before.has_rows_of(measurement):
        return _with_kept_joins(before, build_topology(kube, measurement))
    if before.has(kube):
        return before
    known = _with_other_rows(before, kube) or _with_other_pods(before, kube)
    return known or _with_kept_joins(before, build_topology(kube, measurement))


def _with_kept_joins(before: Topology, now: Topology) -> Topology:
    """Return the new joins, with every unchanged part replaced by the earlier object."""
    mine, theirs = now.structure(), before.structure()
    kept = {name: theirs[name] for name, rows in mine.items() if _alike(theirs[name], rows)}
    measured = now.has_rows_of(before.measured) and now.served == before.served and now.rows == before.rows
    if measured and all(name in kept for name in _MEASURED_BY):
        kept["rows"] = before.rows
    return replace(now, **kept)


def _alike(before: object, now: object) -> bool:
    """True if they are equal; for mappings, including the order, which screens follow."""
    return before == now and (not isinstance(now, Mapping) or [*now] == [*cast("Mapping[str, object]", before)])


def _with_other_rows(before: Topology, kube: KubeState) -> Topology | None:
    """Return the same joins with the current rows; None if a full join is needed."""
    was = before.kube
    if was.coverage != kube.coverage or (before.gateways and was.services is not kube.services):
        return None
    pods, nodes = replaced(was.pods, kube.pods), replaced(was.nodes, kube.nodes)
    workloads, links = replaced(was.workloads, kube.workloads), replaced(was.links, kube.links)
    if pods is None or nodes is None or workloads is None or links is None:
        return None
    if not (
        all(_stays_pod(before, kube, was.pods[key], kube.pods[key]) for key in pods)
        and all(_PLACE_OF_NODE(was.nodes[key]) == _PLACE_OF_NODE(kube.nodes[key]) for key in nodes)
        and all(_stays_workload(before, kube, was.workloads[key], kube.workloads[key]) for key in workloads)
        and all(_stays_workload(before, kube, was.links[key], kube.links[key]) for key in links)
    ):
        return None
    owners = {key: kube.workloads[key] for key in workloads} | {key: kube.links[key] for key in links}
    unseen = len(before.pods) > len(kube.pods)
    return replace(
        before,
        version=object(),
        touched=Touched(before.version, pods, owners, nodes),
        kube=replace(kube, events={}),
        pods=_replaced_rows(before.pods, {key: kube.pods[key] for key in pods}) if unseen or not pods else kube.pods,
        nodes=kube.nodes,
        workloads=_replaced_rows(before.workloads, owners),
        parts=_replaced_rows(before.parts, owners),
        autoscalers=before.autoscalers if was.autoscalers is kube.autoscalers else by_target(kube),
        budgets=before.budgets if was.budgets is kube.budgets else budgets_of(kube),
    )


def _with_other_pods(before: Topology, kube: KubeState) -> Topology | None:
    """Return the same joins after unmeasured pods came, went or moved; None if a full join is needed."""
    was = before.kube.pods
    known = _with_other_rows(before, replace(kube, pods=was))
    if known is None:
        return None
    moved = [
        key
        for key, pod in kube.pods.items()
        if (row := was.get(key)) is not pod and (row is None or not _stays_pod(known, kube, row, pod))
    ]
    return with_pods(known, kube, moved, [key for key in was if key not in kube.pods])


def _replaced_rows(rows: Mapping[str, V], others: Mapping[str, Any]) -> Mapping[str, V]:
    """Return the rows with replacements from ``others`` in place; the same object if there are none."""
    mine = {key: row for key, row in others.items() if key in rows}
    return {**rows, **mine} if mine else rows


def _stays_pod(before: Topology, kube: KubeState, was: Pod, now: Pod) -> bool:
    """True if only the status of a pod changed, and no synthetic row depends on it."""
    return (
        _PLACE_OF_POD(was) == _PLACE_OF_POD(now)
        and [container.image for container in was.containers] == [container.image for container in now.containers]
        and _is_listed(before.workload_of[now.key], kube)
        and _join_failures(before, [was]) == _join_failures(before, [now])
    )


def _stays_workload(before: Topology, kube: KubeState, was: Workload, now: Workload) -> bool:
    """True if only the status of a workload changed, and no synthetic row depends on it."""
    if _PLACE_OF_WORKLOAD(was) != _PLACE_OF_WORKLOAD(now):
        return False
    above = now.owner
    if above is None:
        return True
    return _is_listed(before.part_of.get(now.key) or f"{now.namespace}/{above.kind}/{above.name}", kube)


def _is_listed(workload: str, kube: KubeState) -> bool:
    """True if a workload has its own row; otherwise one is synthesised from its pods and the other objects it owns."""
    return workload in kube.workloads or workload in kube.links


def _join_failures(before: Topology, pods: Iterable[Pod]) -> list[object]:
    """Return the failed joins that would be reported for these pods."""
    return list(
        pods_alone(
            [*pods],
            before.engines_of,
            before.gpus_of,
            before.unmeasured,
            gpus_measured=bool(before.measured.gpus),
        )
    )

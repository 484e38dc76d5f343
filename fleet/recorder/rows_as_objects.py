"""Rows of a recording as raw objects of the API server, with the fields that the timeline reads.

The witnesses of the timeline read objects; a recording has rows alone. So one reading serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from fleet.json_fields import Raw, time_text
from fleet.kinds.registry import listed
from fleet.model.objects import Condition, Container, Event, Node, Owner, Pod, Workload


class RecordedRows(NamedTuple):
    """The rows of a kind, and the object that each stands for."""

    field: str
    """The field of a KubeState that holds them."""
    kind: str
    """The kind of the rows among those of the field; empty: all of them."""
    raw: Callable[[Any], Raw]


def _object(
    row: Pod | Node | Workload, conditions: tuple[Condition, ...], owner: Owner | None = None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": row.name, "namespace": getattr(row, "namespace", "")}
    metadata |= {"creationTimestamp": time_text(row.created)} if row.created else {}
    if owner is not None:
        metadata["ownerReferences"] = [{"kind": owner.kind, "name": owner.name, "uid": owner.uid, "controller": True}]
    return {"metadata": metadata, "spec": {}, "status": {"conditions": [_condition(one) for one in conditions]}}


def _condition(row: Condition) -> Raw:
    at = {"lastTransitionTime": time_text(row.since)} if row.since is not None else {}
    return {"type": row.type, "status": row.status, "reason": row.reason, "message": row.message, **at}


def _pod(row: Pod) -> Raw:
    raw = _object(row, row.conditions, row.owner)
    for key, init in (("containerStatuses", False), ("initContainerStatuses", True)):
        raw["status"][key] = [_container(one) for one in row.containers if one.init is init]
    return {**raw, "spec": {"nodeName": row.node}}


def _container(row: Container) -> Raw:
    last = (
        {"reason": row.last_reason, "exitCode": row.last_exit_code or 0, "finishedAt": time_text(row.last_finished)}
        if row.last_finished is not None
        else {}
    )
    return {"name": row.name, "restartCount": row.restarts, "lastState": {"terminated": last}}


def _event(row: Event) -> Raw:
    involved = row.involved
    return {
        "metadata": {"name": row.name, "namespace": row.namespace},
        "involvedObject": {"kind": involved.kind, "namespace": involved.namespace, "name": involved.name},
        "type": row.type,
        "reason": row.reason,
        "message": row.message,
        "count": row.count,
        "firstTimestamp": time_text(row.first or row.last),
        "lastTimestamp": time_text(row.last),
        "source": {"component": row.source},
    }


ROWS: Final[Mapping[str, RecordedRows]] = {
    "Pod": RecordedRows("pods", "", _pod),
    "Node": RecordedRows("nodes", "", lambda row: _object(row, row.conditions)),
    "Event": RecordedRows("events", "", _event),
    **{
        kind.kind: RecordedRows("workloads", kind.kind, lambda row: _object(row, row.conditions, row.owner))
        for kind in listed()
        if not kind.link
    },
}
"""Kind → its rows in a recording."""

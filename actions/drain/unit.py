"""The unit of a drain: a pod, or the pods of a multi-host engine, one of which takes the requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from actions.drain.strategy import DrainStrategy
from actions.kubeobj import is_ready, labels_of
from actions.request import Target
from fleet.dataclass import dataclass
from fleet.kinds.registry import grouping

_GRACE = 30.0
"""Seconds: the API server's default for terminationGracePeriodSeconds."""


@dataclass(frozen=True, slots=True)
class Member:
    """One pod that is evicted."""

    namespace: str
    name: str
    uid: str
    grace: float
    """Seconds between SIGTERM and SIGKILL, including its preStop hook."""
    ready: bool = True
    """Condition Ready when this was planned: no budget counts one that is not as healthy."""

    @property
    def key(self) -> str:
        """Key in a Snapshot."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class DrainUnit:
    """Pods that are drained as one. JSON values only: it is recorded with the plan."""

    name: str
    """``chat-70b-7c9f-x2k``, or ``group 0 of deepseek``."""
    front: Member
    """The pod that takes the requests."""
    version: str
    """resourceVersion when this was planned."""
    members: tuple[Member, ...]
    """The pods that are evicted, in order."""
    strategy: DrainStrategy
    watched: bool
    """True if it has requests to wait for."""
    workload: Target | None
    """The top of its owner chain, which starts a replacement; None for a bare pod."""
    controller: Target | None
    """Controller of the pod."""
    selector: dict[str, str]
    """The labels by which its controller selects."""
    ready: int
    """Ready replicas that there are once it is replaced: the others that were ready when this was planned, and one."""
    engine: bool = True
    """True if it serves a model."""
    keeper: Target | None = None
    """The owner that counts it as a replica (actions.drain.replicas); None if no owner counts replicas."""

    @property
    def starter(self) -> str:
        """The controller that starts a replacement, and its owner: ``Deployment x of InferenceService y``."""
        by, top = self.keeper or self.controller, self.workload
        if by is None or top is None or (by.kind, by.name) == (top.kind, top.name):
            return str(top or by or "nobody")
        return f"{by} of {top}"

    @property
    def replaced(self) -> bool:
        """True if another pod starts in its place; a DaemonSet's on the same node, cordoned or not."""
        return self.workload is not None


def to_fact(unit: DrainUnit) -> dict[str, Any]:
    """Return a unit as JSON values, for ``Plan.facts``."""
    return asdict(unit)


def from_fact(document: Mapping[str, Any]) -> DrainUnit:
    """The unit that ``to_fact`` wrote. Raises ValueError for anything else."""
    from pydantic import TypeAdapter

    return TypeAdapter(DrainUnit).validate_python(document)


def member_of(pod: Mapping[str, Any]) -> Member:
    """Return the member for a raw pod."""
    metadata, spec = pod["metadata"], pod.get("spec") or {}
    grace = spec.get("terminationGracePeriodSeconds")
    return Member(
        metadata.get("namespace", ""),
        metadata["name"],
        metadata.get("uid", ""),
        _GRACE if grace is None else float(grace),
        is_ready(pod),
    )


@dataclass(frozen=True, slots=True)
class PodGroup:
    """The pods of one replica, where there are several."""

    of: Target
    """The workload it is a replica of; without its uid, which pods do not contain."""
    index: str
    labels: Mapping[str, str]
    """Labels that all of its pods have, and no others."""


def group_of(pod: Mapping[str, Any]) -> PodGroup | None:
    """The group that a pod belongs to; None for a pod of none."""
    labels = labels_of(pod)
    kind = grouping(labels)
    if kind is None or kind.replica is None or (found := kind.replica.place_of(labels)) is None:
        return None
    name, index = found
    workload = Target(kind.kind, pod["metadata"].get("namespace", ""), name)
    return PodGroup(workload, index, {kind.replica.workload: name, kind.replica.index: index})


def leader_of(pods: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the pod of a group that takes its requests; the first if no label says so."""
    kind = grouping(labels_of(pods[0]))
    group = kind.replica if kind is not None else None
    return next((pod for pod in pods if group is not None and group.leads(labels_of(pod))), pods[0])

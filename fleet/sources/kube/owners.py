"""The workload of a pod: the top of its chain of controlling owners. Pure.

Pod → ReplicaSet → Deployment; worker pod → StatefulSet → leader pod → StatefulSet → LeaderWorkerSet; and so on up to
the owner of the last known link, even if the console cannot list that kind: then a row is made from the reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.kinds.registry import kinds_that
from fleet.model.objects import TEMPLATE_HASH, Owner, Pod, Workload

_LONGEST = 10
"""Links of a chain; the longest real one has five. Guards against references that go in a circle."""
_NODE = "Node"
"""Owner of mirror pods: the kubelet made them from a file, so they are their own workload."""


@dataclass(frozen=True, slots=True)
class Ownership:
    """Pods and the workloads at the top of their chains; keys as in the Snapshot."""

    workloads: Mapping[str, Workload] = field(default_factory=dict)
    """Top-level workloads only, including those without pods."""
    pods_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Workload key → pod keys, sorted; every workload is in it."""
    workload_of: Mapping[str, str] = field(default_factory=dict)
    """Pod key → workload key; every pod is in it."""
    parts: Mapping[str, Workload] = field(default_factory=dict)
    """Workloads that another one created (the Deployment of an InferenceService), by their own keys."""
    part_of: Mapping[str, str] = field(default_factory=dict)
    """Key of a part → key of the workload at the top of its chain."""


class _Top(NamedTuple):
    """The end of a chain: a known row, or the reference to an owner that is not known."""

    key: str
    row: Workload | Pod | None
    reference: Owner | None
    below: Workload | None
    """The last known workload under an unknown owner."""


def ownership(pods: Mapping[str, Pod], links: Mapping[str, Workload], workloads: Mapping[str, Workload]) -> Ownership:
    """Pods, workloads and the links between them (ReplicaSets) joined by ownerReferences (by uid)."""
    by_uid: dict[str, Workload | Pod] = {row.uid: row for row in links.values()}
    by_uid |= {row.uid: row for row in workloads.values()}
    owned_pods = {row.owner.uid for row in by_uid.values() if row.owner is not None and row.owner.kind == "Pod"}
    if owned_pods:
        by_uid |= {pod.uid: pod for pod in pods.values() if pod.uid in owned_pods}
    chains = _Chains(by_uid, workloads)
    members: dict[str, list[str]] = {}
    workload_of: dict[str, str] = {}
    tops: dict[str, _Top] = {}
    below: dict[str, dict[str, Workload]] = {}
    part_of: dict[str, str] = {}
    for row in workloads.values():
        top = chains.top(row)
        if top.key != row.key:
            part_of[row.key] = top.key
        tops.setdefault(top.key, top)
        members.setdefault(top.key, [])
        if top.below is not None:
            below.setdefault(top.key, {})[top.below.key] = top.below
    for key, pod in pods.items():
        top = chains.top(pod)
        tops.setdefault(top.key, top)
        members.setdefault(top.key, []).append(key)
        workload_of[key] = top.key
        if top.below is not None:
            below.setdefault(top.key, {})[top.below.key] = top.below
    return Ownership(
        workloads={
            key: top.row
            if isinstance(top.row, Workload)
            else _synthesised(key, top, [pods[member] for member in members[key]], list(below.get(key, {}).values()))
            for key, top in tops.items()
        },
        pods_of={key: tuple(sorted(keys)) for key, keys in members.items()},
        workload_of=workload_of,
        parts={row.key: row for row in workloads.values() if row.key in part_of},
        part_of=part_of,
    )


class _Chains:
    """Walks chains upwards; the chain above a known owner is walked once for everything that it owns."""

    def __init__(self, by_uid: Mapping[str, Workload | Pod], workloads: Mapping[str, Workload]) -> None:
        self._by_uid = by_uid
        self._workloads = workloads
        self._above: dict[str, _Top] = {}

    def top(self, row: Workload | Pod, links: int = 0) -> _Top:
        """The end of the chain that begins at ``row``."""
        owner = row.owner
        if owner is None or owner.kind == _NODE or links == _LONGEST:
            key = row.key if isinstance(row, Workload) else f"{row.namespace}/Pod/{row.name}"
            return _Top(key, row, None, None)
        if owner.uid in self._above:
            return self._above[owner.uid]
        above = self._by_uid.get(owner.uid) or self._workload_above(row, owner)
        if above is None:
            key = f"{row.namespace}/{owner.kind}/{owner.name}"
            return _Top(key, None, owner, row if isinstance(row, Workload) else None)
        top = self._above[owner.uid] = self.top(above, links + 1)
        return top

    def _workload_above(self, row: Workload | Pod, owner: Owner) -> Workload | None:
        """Return the workload above a link that is out of reach: named after it and the hash of the template."""
        suffix = "-" + row.labels.get(TEMPLATE_HASH, "")
        if not owner.name.endswith(suffix):
            return None
        name = owner.name.removesuffix(suffix)
        makers = kinds_that(lambda kind: kind.through == owner.kind)
        found = (self._workloads.get(f"{row.namespace}/{kind.kind}/{name}") for kind in makers)
        return next(filter(None, found), None)


def _synthesised(key: str, top: _Top, pods: list[Pod], below: list[Workload]) -> Workload:
    """Return a row for a bare pod, or for an owner that cannot be listed.

    The desired replicas of an unknown owner are assumed to be those of its known children, else the number of pods.
    """
    namespace, kind, name = key.split("/", 2)
    live = [pod for pod in pods if pod.phase not in {"Succeeded", "Failed"}]
    parts: list[Workload | Pod] = [*below, *pods]
    oldest = min(parts, key=lambda part: part.created)
    described = next((part for part in parts if part.version.model), oldest)
    return Workload(
        kind=kind,
        namespace=namespace,
        name=name,
        uid=top.reference.uid if top.reference is not None else top.row.uid if top.row is not None else "",
        resource_version=top.row.resource_version if top.row is not None else "",
        created=oldest.created,
        desired=sum(row.desired for row in below) if below else len(live),
        ready=sum(row.ready for row in below) if below else _ready(live),
        updated=sum(row.updated for row in below) if below else len(live),
        available=sum(row.available for row in below) if below else _ready(live),
        labels=oldest.labels,
        gpus=max(part.gpus for part in parts),
        version=described.version,
    )


def _ready(pods: Iterable[Pod]) -> int:
    return sum(pod.ready for pod in pods)

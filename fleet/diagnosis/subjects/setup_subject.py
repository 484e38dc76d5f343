"""The setup of a workload: the number of replicas that serve its model, their places, and what they run.

Checked occasionally: none of it changes within seconds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fleet.diagnosis.subjects.replica_groups import is_grouped
from fleet.diagnosis.subjects.serving import pods_in, ready_pods
from fleet.kinds.kind import Update
from fleet.kinds.registry import kind_of
from fleet.model.missed_objective import Promised
from fleet.model.objects import Pod, Workload, revision_of
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot


class NodeLoss(NamedTuple):
    """The loss of the node that takes most replicas of a workload away."""

    node: str
    replicas: int
    """Replicas that are on it."""
    room: int
    """Replicas for which other nodes of the same GPUs have room."""
    kv_usage: float
    """Share of the KV-cache blocks of the others that the requests of all would fill; NaN for not known."""


class SetupSubject(NamedTuple):
    """A workload that serves a model, and the replicas of it that are ready."""

    workload: Workload
    model: str
    """Name of the model."""
    wanted: int
    """Replicas that are wanted of all workloads that serve the model."""
    promised: Promised
    pods: Sequence[Pod]
    """The ready ones; of replicas that are groups of pods, all of their pods."""
    is_grouped: bool
    """True if a replica is a group of pods."""
    loss: NodeLoss | None
    """None where no node takes anything away that is known."""
    now: float
    profile: Profile = CHAT
    others: int = 0
    """Pods that are not ready yet, or end."""

    @property
    def may_be_partitioned(self) -> bool:
        """True if its kind may hold back some of its pods by a partition, whose field is not read."""
        return kind_of(self.workload.kind).update is not Update.STRATEGY and self.workload.strategy != "OnDelete"

    @property
    def nodes(self) -> Mapping[str, int]:
        """Node → how many of its pods are on it, those of most pods first."""
        return dict(Counter(pod.node for pod in self.pods if pod.node).most_common())

    @property
    def images(self) -> Mapping[tuple[str, str], Sequence[str]]:
        """(Image, revision) → the digests that run of it, the most frequent first; only where one is known."""
        found: dict[tuple[str, str], Counter[str]] = {}
        for pod in self.pods:
            if pod.version.digest and pod.version.image:
                found.setdefault((pod.version.image, revision_of(pod)), Counter())[pod.version.digest] += 1
        return {image: [digest for digest, _ in counted.most_common()] for image, counted in found.items()}

    @property
    def revisions(self) -> Mapping[str, Sequence[Pod]]:
        """Revision → the pods that are ready of it; only where all of them say theirs."""
        found: dict[str, list[Pod]] = {}
        for pod in self.pods:
            found.setdefault(revision_of(pod), []).append(pod)
        return {} if "" in found else found


def setup_subject(snapshot: Snapshot, key: str) -> SetupSubject | None:
    """Look at a workload that serves a model; None for any other, and where not all of its pods are known."""
    workload, model = snapshot.workloads.get(key), snapshot.models.get(snapshot.model_of.get(key, ""))
    if workload is None or model is None or not snapshot.coverage.sees("pods", workload.namespace):
        return None
    every = pods_in(snapshot, key)
    pods = ready_pods(every)
    grouped = is_grouped(workload)
    promised = snapshot.promised.get(key, Promised())
    return SetupSubject(
        workload,
        model.name,
        sum(snapshot.workloads[one].desired for one in model.workloads if one in snapshot.workloads),
        promised,
        pods,
        grouped,
        # Not needed without an objective.
        None if grouped or not promised.availability else node_loss(snapshot, pods),
        snapshot.at,
        snapshot.profiles.of(key),
        len(every) - len(pods),
    )


def node_loss(snapshot: Snapshot, pods: Sequence[Pod]) -> NodeLoss | None:
    """Reckon what goes with the node that has most of these pods; None where that is not known.

    The requests of all have as many KV-cache blocks as now, in those of the replicas that are left.
    """
    on = Counter(pod.node for pod in pods if pod.node in snapshot.nodes)
    if not on or not snapshot.free_gpus:
        return None
    node, lost = on.most_common(1)[0]
    one = next(pod for pod in pods if pod.node == node)
    product = snapshot.nodes[node].gpu_product
    others = [
        name
        for name, other in snapshot.nodes.items()
        if name != node and other.gpu_product == product and other.ready == "True" and not other.unschedulable
    ]
    free = (snapshot.free_gpus.get(name, (0, 0))[0] for name in others)
    room = sum(count // one.gpus for count in free) if one.gpus else 0
    return NodeLoss(node, lost, room, _kv_usage(snapshot, pods, node))


def _kv_usage(snapshot: Snapshot, pods: Sequence[Pod], node: str) -> float:
    """Share of the KV-cache blocks of the pods elsewhere that the requests of all would fill; NaN for not known."""
    frame = snapshot.by_pod
    rows = frame.rows([pod.key for pod in pods])
    if any(row < 0 or frame.states[row] >= State.STALE for row in rows):
        return math.nan
    left = sum(pod.node != node for pod in pods)
    return sum(frame.values(rows, Quantity.KV_USAGE)) / left if left else math.nan

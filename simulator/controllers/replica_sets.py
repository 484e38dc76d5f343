"""ReplicaSets: create the requested number of pods; release pods that leave the selector, and adopt others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simulator.cluster import Cluster
from simulator.objects import Object
from simulator.pods import Phase, Pod
from simulator.selection import matches
from simulator.writes import put_status

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_COMPONENT = "replicaset-controller"


class ReplicaSets:
    """All ReplicaSets, whatever their owner."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def reconcile(self, now: float) -> None:
        """One look at each."""
        for rs in self._cluster.store.list("apps/v1", "ReplicaSet"):
            pods = self._claimed(rs)
            for _ in range(rs["spec"]["replicas"] - len(pods)):
                pods.append(self._create(rs, now))
            for pod in doomed(pods, len(pods) - rs["spec"]["replicas"]):
                self._delete(rs, pod, now)
            self._report(rs, [pod for pod in pods if pod.alive], now)

    def _claimed(self, rs: Object) -> list[Pod]:
        """Return the living pods, after releasing those no longer selected and adopting orphans."""
        selector, kept = rs["spec"]["selector"], []
        for pod in self._cluster.owned.of(rs["metadata"]["uid"]):
            if not pod.alive:
                continue
            if matches(selector, pod.labels):
                kept.append(pod)
            else:
                self._cluster.give(pod, None)
        for pod in self._cluster.owned.orphans(rs["metadata"]["namespace"]):
            if pod.alive and matches(selector, pod.labels):
                self._cluster.give(pod, rs)
                kept.append(pod)
        return kept

    def _create(self, rs: Object, now: float) -> Pod:
        name = f"{rs['metadata']['name']}-{self._cluster.suffix()}"
        pod = self._cluster.create_pod(rs, name, rs["spec"]["template"], now)
        self._cluster.events.record(rs, "Normal", "SuccessfulCreate", f"Created pod: {name}", _COMPONENT, now)
        return pod

    def _delete(self, rs: Object, pod: Pod, now: float) -> None:
        self._cluster.terminate(pod, now)
        self._cluster.events.record(rs, "Normal", "SuccessfulDelete", f"Deleted pod: {pod.name}", _COMPONENT, now)

    def _report(self, rs: Object, pods: Sequence[Pod], now: float) -> None:
        labels = rs["spec"]["template"]["metadata"].get("labels") or {}
        counts = {
            "fullyLabeledReplicas": sum(labels.items() <= pod.labels.items() for pod in pods),
            "readyReplicas": sum(pod.ready for pod in pods),
            "availableReplicas": available(pods, rs["spec"].get("minReadySeconds", 0), now),
        }
        # As Go serialises it: counts of 0 are omitted, except pointers and fields without omitempty.
        status: Object = {"replicas": len(pods)} | {key: count for key, count in counts.items() if count}
        status["terminatingReplicas"] = sum(not p.alive for p in self._cluster.owned.of(rs["metadata"]["uid"]))
        status["observedGeneration"] = rs["metadata"].get("generation", 1)
        put_status(self._cluster.store, rs, status)


def available(pods: Sequence[Pod], min_ready_seconds: float, now: float) -> int:
    """Return the number of pods that have been ready for long enough."""
    return sum(pod.ready and now - pod.readiness_changed >= min_ready_seconds for pod in pods)


def doomed(pods: Sequence[Pod], count: int) -> list[Pod]:
    """Return the `count` pods that a shrinking ReplicaSet deletes.

    First pods without a node, then pods that do not run, are not ready, have a low deletion cost, share a node with
    many of them, have been ready for the shortest time, restarted most, are the youngest (ActivePodsWithRanks in
    controller_utils.go).
    """
    if count <= 0:
        return []
    neighbours: dict[str, int] = {}
    for pod in pods:
        neighbours[pod.node] = neighbours.get(pod.node, 0) + 1

    def rank(pod: Pod) -> tuple[float, ...]:
        ready_for = -pod.readiness_changed if pod.ready else math.inf
        running = pod.phase not in (Phase.PENDING, Phase.CREATING)
        crowd = -neighbours[pod.node]
        return bool(pod.node), running, pod.ready, _cost(pod), crowd, ready_for, -pod.restarts, -pod.created

    return sorted(pods, key=rank)[:count]


def _cost(pod: Pod) -> int:
    try:
        return int(pod.annotations.get(DELETION_COST, "0"))
    except ValueError:  # as in the controller: a value that is not a number costs nothing
        return 0

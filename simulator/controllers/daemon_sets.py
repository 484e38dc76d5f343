"""DaemonSets: a pod on every eligible node, including cordoned ones."""

from __future__ import annotations

from simulator.cluster import Cluster
from simulator.machines import CORDON, Machine
from simulator.objects import Object
from simulator.writes import put_status

_TOLERATED: tuple[Object, ...] = tuple(
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}
    for key, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", CORDON["effect"]),
    )
)
"""Tolerations that the controller adds to every DaemonSet's pod."""


class DaemonSets:
    """All DaemonSets."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def reconcile(self, now: float) -> None:
        """One look at each: a pod for a node without one, none on a node that it may not use any more."""
        for obj in self._cluster.store.list("apps/v1", "DaemonSet"):
            meta, pods = obj["metadata"], self._cluster.owned.of(obj["metadata"]["uid"])
            template = _tolerant(obj["spec"]["template"])
            fit = {machine.name for machine in self._cluster.machines.values() if _fits(machine, template)}
            taken = {pod.pinned or pod.node for pod in pods}
            for node in (name for name in self._cluster.machines if name in fit - taken):
                name = f"{meta['name']}-{self._cluster.suffix()}"
                self._cluster.create_pod(obj, name, template, now, pinned=node)
            for pod in pods:
                if pod.alive and (pod.pinned or pod.node) not in fit:
                    self._cluster.terminate(pod, now)
            self._report(obj, len(fit))

    def _report(self, obj: Object, wanted: int) -> None:
        pods = [pod for pod in self._cluster.owned.of(obj["metadata"]["uid"]) if pod.alive]
        ready = sum(pod.ready for pod in pods)
        status: Object = {
            "currentNumberScheduled": len(pods),
            "desiredNumberScheduled": wanted,
            "numberMisscheduled": 0,
            "numberReady": ready,
            "updatedNumberScheduled": len(pods),
            "observedGeneration": obj["metadata"].get("generation", 1),
        }
        status |= {"numberAvailable": ready} if ready else {}
        status |= {"numberUnavailable": wanted - ready} if wanted > ready else {}
        put_status(self._cluster.store, obj, status)


def _tolerant(template: Object) -> Object:
    tolerations = [*(template["spec"].get("tolerations") or ()), *_TOLERATED]
    return template | {"spec": template["spec"] | {"tolerations": tolerations}}


def _fits(machine: Machine, template: Object) -> bool:
    selector = template["spec"].get("nodeSelector") or {}
    chosen = all(machine.labels.get(key) == value for key, value in selector.items())
    return machine.registered and chosen and machine.untolerated(template["spec"]["tolerations"]) is None

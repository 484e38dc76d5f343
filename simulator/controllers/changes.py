"""Changes that give the controllers of workloads something to do; without one, all but time is as they left it."""

from __future__ import annotations

from simulator.cluster import Cluster
from simulator.controllers.conditions import DONE, LATE, PAUSED

_OTHERS = {"Event", "HorizontalPodAutoscaler", "Node"}
"""Kinds that change in a fleet at rest, and that no controller of workloads reads."""
_SETTLED = {DONE, LATE, PAUSED}
"""Reasons of a Deployment's condition Progressing that do not change with time."""
_MARGIN = 2.0
"""Seconds, more than there are between two looks: the one at which a wait is over is not left out."""


class Changes:
    """The changes of a cluster since its controllers last looked."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._seen = -1

    def take(self, now: float) -> bool:
        """True if the controllers must look: they are taken to do so now, and what they write is a change again."""
        tables = self._cluster.store.tables.items()
        version = max((table.version for (_, kind), table in tables if kind not in _OTHERS), default=0)
        changed = version != self._seen or bool(self._cluster.owned.touched)
        self._seen = version
        return changed or any(pod.dirty for pod in self._cluster.pods.values()) or self._wait_pends(now)

    def _wait_pends(self, now: float) -> bool:
        """True if a pod is not available yet that is ready, or a Deployment may run out of its time."""
        store = self._cluster.store
        longest = 0.0
        for kind in ("Deployment", "ReplicaSet", "StatefulSet"):
            for obj in store.list("apps/v1", kind):
                longest = max(longest, obj["spec"].get("minReadySeconds", 0))
                conditions = obj.get("status", {}).get("conditions", ()) if kind == "Deployment" else ()
                if any(each["type"] == "Progressing" and each["reason"] not in _SETTLED for each in conditions):
                    return True
        since = now - longest - _MARGIN
        return any(pod.ready and pod.readiness_changed > since for pod in self._cluster.pods.values())

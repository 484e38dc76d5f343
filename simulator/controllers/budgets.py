"""PodDisruptionBudgets: how many pods may be evicted now."""

from __future__ import annotations

import math
from collections.abc import Sequence

from simulator.cluster import Cluster
from simulator.controllers.rollout import share
from simulator.objects import Object, condition
from simulator.pods import Place, Pod
from simulator.selection import matches
from simulator.writes import put_status


class Budgets:
    """All PodDisruptionBudgets."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._seen: dict[Place, int] = {}
        """The generation of each when its status was computed."""

    def reconcile(self, touched: dict[str, list[Pod]], now: float) -> None:
        """Update budgets that changed, and those of namespaces whose pods did (with all their pods)."""
        for place, entry in self._cluster.store.table("policy/v1", "PodDisruptionBudget").entries.items():
            generation = entry.obj["metadata"].get("generation", 1)
            if place[0] in touched or self._seen.get(place) != generation:
                self._seen[place] = generation
                pods = touched.get(place[0]) or self._cluster.pods_in(place[0])
                selector = entry.obj["spec"].get("selector")
                self._report(entry.obj, [pod for pod in pods if matches(selector, pod.labels)], now)

    def _report(self, budget: Object, pods: Sequence[Pod], now: float) -> None:
        spec, healthy = budget["spec"], sum(pod.ready for pod in pods)
        if "maxUnavailable" in spec:
            expected = self._wanted(pods)
            needed = max(0, expected - share(spec["maxUnavailable"], expected, math.ceil))
        else:
            least = spec.get("minAvailable", 1)
            expected = len(pods) if isinstance(least, int) else self._wanted(pods)
            needed = share(least, expected, math.ceil)
        allowed = max(0, healthy - needed) if expected else 0
        why = "SufficientPods" if allowed else "InsufficientPods"
        generation = budget["metadata"].get("generation", 1)
        status = {
            "observedGeneration": generation,
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": needed,
            "expectedPods": expected,
            "conditions": [
                condition("DisruptionAllowed", allowed > 0, now, why, "") | {"observedGeneration": generation}
            ],
        }
        put_status(self._cluster.store, budget, status)

    def _wanted(self, pods: Sequence[Pod]) -> int:
        """Return the number of pods that their controllers want."""
        owners = {pod.owner["uid"]: (pod.namespace, pod.owner) for pod in pods if pod.owner}
        found = [
            self._cluster.store.get(owner["apiVersion"], owner["kind"], namespace, owner["name"])
            for namespace, owner in owners.values()
        ]
        return sum(obj["spec"].get("replicas", 1) for obj in found if obj)

"""Pods by their controlling object."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.objects import Object
from simulator.pods import Place, Pod


class OwnedPods:
    """The pods of each controller, oldest first, including those without one."""

    def __init__(self) -> None:
        self._by_owner: dict[str, dict[Place, Pod]] = {}
        self.touched: set[str] = set()
        """Namespaces whose pods came, went or changed since their endpoints and budgets were last updated."""

    def of(self, owner_uid: str) -> list[Pod]:
        """Return the pods that an object controls, including ending ones, oldest first."""
        return list(self._by_owner.get(owner_uid, {}).values())

    def orphans(self, namespace: str) -> list[Pod]:
        """Return the pods of a namespace without a controller."""
        return [pod for pod in self.of("") if pod.namespace == namespace]

    def owners(self) -> Iterable[tuple[str, Object]]:
        """Namespace and ownerReference of every controller that has pods."""
        for siblings in list(self._by_owner.values()):
            pod = next(iter(siblings.values()), None)
            if pod and pod.owner:
                yield pod.namespace, pod.owner

    def add(self, pod: Pod) -> None:
        """Add a pod to those of its controller."""
        self._by_owner.setdefault(pod.owner["uid"] if pod.owner else "", {})[pod.namespace, pod.name] = pod
        self.touched.add(pod.namespace)

    def remove(self, pod: Pod) -> None:
        """Remove a pod from those of its controller."""
        siblings = self._by_owner[pod.owner["uid"] if pod.owner else ""]
        del siblings[pod.namespace, pod.name]
        if not siblings and pod.owner:
            del self._by_owner[pod.owner["uid"]]
        self.touched.add(pod.namespace)

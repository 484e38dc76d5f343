"""Pods by the object that controls them."""

from __future__ import annotations

from collections.abc import Iterable

from simulator.objects import Object
from simulator.pods import Place, Pod


class OwnedPods:
    """The pods of each controller, oldest first; those that nobody controls are in it, too."""

    def __init__(self) -> None:
        self._by_owner: dict[str, dict[Place, Pod]] = {}
        self.touched: set[str] = set()
        """Namespaces whose pods came, went or were changed since the last look at their endpoints and budgets."""

    def of(self, owner_uid: str) -> list[Pod]:
        """The pods that an object controls, those that end included, oldest first."""
        return list(self._by_owner.get(owner_uid, {}).values())

    def orphans(self, namespace: str) -> list[Pod]:
        """The pods of a namespace that nobody controls."""
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
        """Take a pod from those of its controller."""
        siblings = self._by_owner[pod.owner["uid"] if pod.owner else ""]
        del siblings[pod.namespace, pod.name]
        if not siblings and pod.owner:
            del self._by_owner[pod.owner["uid"]]
        self.touched.add(pod.namespace)

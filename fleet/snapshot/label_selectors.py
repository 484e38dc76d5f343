"""Label selectors, and the pods that they select: all looked up together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fleet.model.differences import are_same
from fleet.model.objects import Pod
from fleet.snapshot.topology import Topology


class LabelSelector(NamedTuple):
    """The labels that pods of a namespace must have; at least one."""

    key: str
    """Name of its owner."""
    namespace: str
    labels: Mapping[str, str]


def selected_pods(selectors: Iterable[LabelSelector], pods: Mapping[str, Pod]) -> Mapping[str, list[Pod]]:
    """Key of a selector → the pods that it selects. Those without labels, which select by other means, are left out."""
    those = [one for one in selectors if one.labels]
    wanted = {pair for one in those for pair in one.labels.items()}
    names = {name for name, _ in wanted}
    having: dict[tuple[str, str, str], list[Pod]] = defaultdict(list)
    for pod in pods.values():
        for name in names & pod.labels.keys():
            if (name, pod.labels[name]) in wanted:
                having[pod.namespace, name, pod.labels[name]].append(pod)
    found = {}
    for one in those:
        fewest = min((having.get((one.namespace, *pair), []) for pair in one.labels.items()), key=len)
        found[one.key] = [pod for pod in fewest if one.labels.items() <= pod.labels.items()]
    return found


class ServicePods:
    """The pods behind each Service. Looked up again when a Service changes or pods come or go."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._found: Mapping[str, list[Pod]] = {}

    def at(self, topology: Topology) -> Mapping[str, list[Pod]]:
        """Return Service key → the pods that it selects: the same object while these are the same pods.

        Their rows are those of the last look-up. Services without a selector are left out.
        """
        services = topology.kube.services
        of = (services, topology.pods_of)
        if not are_same(self._of, of):
            self._of = of
            selectors = (LabelSelector(one.key, one.namespace, one.selector) for one in services.values())
            self._found = selected_pods(selectors, topology.pods)
        return self._found

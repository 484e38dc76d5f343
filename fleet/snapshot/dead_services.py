"""Services that select pods and lead to no port of them: connections are refused, or the endpoints have no port."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from fleet.model.objects import Pod, Service
from fleet.snapshot.label_selectors import ServicePods
from fleet.snapshot.topology import Topology


class DeadServices:
    """Finds Services all of whose ports lead nowhere. Checked again when a Service changes or pods come or go."""

    def __init__(self, behind: ServicePods) -> None:
        self._behind = behind
        self._of: object = None
        self._found: Mapping[str, tuple[str, ...]] = {}

    def at(self, topology: Topology) -> Mapping[str, tuple[str, ...]]:
        """Return workload key → its Services that lead to no port, with the port: the same object while unchanged."""
        behind = self._behind.at(topology)
        if behind is not self._of:
            self._of = behind
            found: dict[str, set[str]] = defaultdict(set)
            for key, pods in behind.items():
                for workload, service in _dead(topology.kube.services[key], pods, topology):
                    found[workload].add(service)
            kept = {workload: tuple(sorted(names)) for workload, names in found.items()}
            if kept != self._found:
                self._found = kept
        return self._found


def _dead(service: Service, pods: Sequence[Pod], topology: Topology) -> Iterator[tuple[str, str]]:
    """Yield the workloads of engines that a Service selects, if it leads to no port of any of its pods."""
    engines = [pod for pod in pods if pod.serving.engine and not pod.serving.follows]
    if not service.targets or not engines or len(engines) < len(pods):
        return
    if any(_may_listen(pod, target) for pod in engines for target in service.targets):
        return
    text = f"{service.name} → port {', '.join(dict.fromkeys(service.targets))}"
    for workload in dict.fromkeys(topology.workload_of.get(pod.key, "") for pod in engines):
        if workload in topology.model_of:
            yield workload, text


def _may_listen(pod: Pod, target: str) -> bool:
    """True if something in a pod may listen at a port: a name must be declared, a number need not be.

    A number that is not declared is only excluded where the port of the engine is known, and it is alone in its pod.
    """
    declared = {text for one in pod.containers for name, port in one.ports for text in (name, str(port)) if text}
    if target in declared or not target.isdecimal():
        return target in declared
    alone = sum(not one.init for one in pod.containers) == 1
    return not alone or not pod.serving.ports or int(target) in pod.serving.ports

"""Services that are named after one workload and select pods of another model, too: some of the requests go there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from fleet.kinds.registry import keys_named
from fleet.model.differences import are_same
from fleet.model.objects import Pod, Service
from fleet.snapshot.label_selectors import ServicePods
from fleet.snapshot.topology import Topology


class MixedServices:
    """Finds such Services. One that is named after no workload may well be for all of them: to scrape their metrics."""

    def __init__(self, behind: ServicePods) -> None:
        self._behind = behind
        self._of: tuple[object, ...] = ()
        self._found: Mapping[str, tuple[str, ...]] = {}

    def at(self, topology: Topology) -> Mapping[str, tuple[str, ...]]:
        """Return workload key → its Services, with the models that they mix in: the same object while unchanged."""
        behind = self._behind.at(topology)
        of = (behind, topology.workload_of, topology.model_of)
        if not are_same(self._of, of):
            self._of = of
            found: dict[str, set[str]] = defaultdict(set)
            for key, pods in behind.items():
                for workload, text in _mixed(topology.kube.services[key], pods, topology):
                    found[workload].add(text)
            kept = {workload: tuple(sorted(texts)) for workload, texts in found.items()}
            if kept != self._found:
                self._found = kept
        return self._found


def _mixed(service: Service, pods: Sequence[Pod], topology: Topology) -> Iterator[tuple[str, str]]:
    owners = dict.fromkeys(topology.workload_of.get(pod.key, "") for pod in pods)
    models = {key: topology.model_of[key] for key in owners if key in topology.model_of}
    for workload in keys_named(service.namespace, service.name):
        if workload in models:
            others = sorted(set(models.values()) - {models[workload]})
            if others:
                yield workload, f"{service.name} → {', '.join(others)}"

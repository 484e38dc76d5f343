"""Services that select none of the pods they are for: their clients get no answer.

A Service belongs to the workloads that it selected last, even where none of them exists any more if one served a
model; before it has selected any, to the one with its name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from fleet.kinds.registry import keys_named
from fleet.model.differences import are_same
from fleet.model.objects import Service
from fleet.snapshot.label_selectors import ServicePods
from fleet.snapshot.topology import Topology


class EmptyServices:
    """Finds Services that select nothing. Checked again when a Service changes or pods come or go."""

    def __init__(self, behind: ServicePods) -> None:
        self._behind = behind
        self._of: tuple[object, ...] = ()
        self._for: dict[str, tuple[str, ...]] = {}
        self._served: dict[str, tuple[str, ...]] = {}
        """Service key → those of its workloads that served a model."""
        self._found: Mapping[str, tuple[str, ...]] = {}

    def at(self, topology: Topology) -> Mapping[str, tuple[str, ...]]:
        """Return workload key → names of its Services that select nothing: the same object while unchanged."""
        services, behind = topology.kube.services, self._behind.at(topology)
        of = (behind, topology.workload_of)
        if not are_same(self._of, of):
            self._of = of
            found: dict[str, list[str]] = defaultdict(list)
            for key, pods in behind.items():
                workloads = tuple(dict.fromkeys(topology.workload_of[pod.key] for pod in pods))
                if workloads:
                    self._for[key] = workloads
                    # What a workload made outlives it for a moment, and is not what was deleted.
                    if not all(_is_rest(one, self._served.get(key, ())) for one in workloads):
                        self._served[key] = tuple(one for one in workloads if one in topology.model_of)
                for workload in () if workloads else self._meant(services[key], topology):
                    found[workload].append(services[key].name)
            kept = {workload: tuple(sorted(names)) for workload, names in found.items()}
            if kept != self._found:
                self._found = kept
        return self._found

    def _meant(self, service: Service, topology: Topology) -> Iterable[str]:
        """The workloads that a Service is for."""
        known = [key for key in self._for.get(service.key, ()) if key in topology.workloads]
        if known:
            return known
        named = [key for key in keys_named(service.namespace, service.name) if key in topology.workloads]
        gone = self._served.get(service.key, ()) if topology.coverage.sees("pods", service.namespace) else ()
        return named or gone


def _is_rest(workload: str, before: Iterable[str]) -> bool:
    """True if a workload is what one of ``before`` made, by its name: ``ReplicaSet chat-5d8f``."""
    namespace, kind, name = workload.split("/")
    return any(one.split("/")[1] != kind and f"{namespace}/{name}".startswith(f"{_named(one)}-") for one in before)


def _named(workload: str) -> str:
    namespace, _, name = workload.split("/")
    return f"{namespace}/{name}"

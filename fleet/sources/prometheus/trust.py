"""Trust in a discovered Prometheus, decided by where it runs.

Anybody may call a Service "prometheus", and label it as one. Its answers become the numbers that people act on, and
every query goes to it with the user's permissions. So one found by its name alone is offered to the user, and never
queried.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.model.objects import Service
from fleet.sources.prometheus.discovery import Candidate
from fleet.sources.prometheus.stacks import NAMESPACES

_SELECTED = {
    "Prometheus": ("operator.prometheus.io/name", "prometheus"),
    "Alertmanager": ("alertmanager",),
}
"""Labels by which a Service selects the pods of a prometheus-operator resource."""
_PREFIXES = {"VMSingle": "vmsingle", "VMCluster": "vmselect", "VMAlertmanager": "vmalertmanager"}
"""Prefixes that the operator of VictoriaMetrics puts before the name of a resource, for its Service."""


class OperatorResource(NamedTuple):
    """A resource of a Prometheus operator: whoever may create one decides what is monitored there."""

    kind: str
    namespace: str
    name: str

    def serves(self, service: Service) -> bool:
        """True if this is a Service that its operator creates for it, or that selects its pods, in its own
        namespace.
        """
        if service.namespace != self.namespace:
            return False
        if labels := _SELECTED.get(self.kind):
            selected = any(service.selector.get(label) == self.name for label in labels)
            return selected or service.name == f"{self.kind.lower()}-operated"
        prefix = _PREFIXES.get(self.kind)
        return prefix is not None and service.name == f"{prefix}-{self.name}"


@dataclass(frozen=True, slots=True)
class Trust:
    """The configuration of trust."""

    services: frozenset[str] = frozenset()
    """``namespace/name`` of Services that are trusted wherever they live."""
    namespaces: frozenset[str] = frozenset(NAMESPACES)
    """Namespaces whose Services are trusted, unless an engine runs there."""


class Sorted(NamedTuple):
    """The candidates that may be contacted, and those that are only suggested; the likeliest first."""

    trusted: tuple[Candidate, ...]
    offered: tuple[Candidate, ...]


def sort(
    found: Iterable[Candidate],
    services: Mapping[str, Service],
    trust: Trust,
    operated: Collection[OperatorResource] = (),
    with_engines: Collection[str] = (),
) -> Sorted:
    """Sort the candidates into trusted and others; ``with_engines`` are the namespaces in which an engine runs."""
    trusted: list[Candidate] = []
    offered: list[Candidate] = []
    for candidate in found:
        key = f"{candidate.namespace}/{candidate.name}"
        of_stack = candidate.namespace in trust.namespaces and candidate.namespace not in with_engines
        believed = key in trust.services or of_stack or any(one.serves(services[key]) for one in operated)
        (trusted if believed else offered).append(candidate)
    return Sorted(tuple(trusted), tuple(offered))


def adoption(candidate: Candidate, section: str = "prometheus") -> str:
    """The lines of the configuration that would adopt it."""
    return f'[{section}]\nservices = ["{candidate.namespace}/{candidate.name}"]'


def offer(candidate: Candidate, section: str = "prometheus") -> str:
    """Return the message about a candidate that is not trusted."""
    line = adoption(candidate, section).replace("\n", " ")
    return f"{candidate} is offered but not queried: a name alone does not make it trustworthy; if it is yours: {line}"

"""The contents of the Kubernetes source at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from fleet.dataclass import dataclass
from fleet.model.coverage import Coverage
from fleet.model.objects import (
    Event,
    HorizontalPodAutoscaler,
    Node,
    Pod,
    PodDisruptionBudget,
    Service,
    Workload,
)
from fleet.model.snapshot import Cluster


@dataclass(frozen=True, slots=True)
class KubeState:
    """The rows of every resource. The mappings never change once returned; unchanged ones are the same objects."""

    generation: int
    """Grows with every change of any row."""
    cluster: Cluster
    synced: frozenset[str] = frozenset()
    """Resources (``pods``, ``deployments.apps``) whose rows are complete."""
    coverage: Coverage = field(default_factory=Coverage)
    """The part of the cluster that the rows are."""
    pods: Mapping[str, Pod] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    """Workloads of every listed kind, owned or not; links are separate."""
    links: Mapping[str, Workload] = field(default_factory=dict)
    autoscalers: Mapping[str, HorizontalPodAutoscaler] = field(default_factory=dict)
    budgets: Mapping[str, PodDisruptionBudget] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    events: Mapping[str, Event] = field(default_factory=dict)

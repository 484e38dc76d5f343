"""What the Kubernetes source knows at one moment, handed to the builder of Snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fleet.model.objects import (
    EndpointSlice,
    Event,
    HorizontalPodAutoscaler,
    Node,
    Pod,
    PodDisruptionBudget,
    Service,
    Workload,
)
from fleet.model.snapshot import Cluster, SourceStatus


@dataclass(frozen=True, slots=True)
class KubeState:
    """Rows by key, as the API server last told; the mappings are never mutated after they are handed out.

    ``generation`` grows with every change, so that two states with the same generation are the same state.
    ``workloads`` holds every link of the owner chains that can be listed (Deployments, StatefulSets, DaemonSets,
    LeaderWorkerSets, ReplicaSets), by ``namespace/Kind/name``.
    """

    cluster: Cluster
    status: SourceStatus
    generation: int = 0
    pods: Mapping[str, Pod] = field(default_factory=dict)
    nodes: Mapping[str, Node] = field(default_factory=dict)
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    autoscalers: Mapping[str, HorizontalPodAutoscaler] = field(default_factory=dict)
    budgets: Mapping[str, PodDisruptionBudget] = field(default_factory=dict)
    services: Mapping[str, Service] = field(default_factory=dict)
    slices: Mapping[str, EndpointSlice] = field(default_factory=dict)
    events: Mapping[str, Event] = field(default_factory=dict)

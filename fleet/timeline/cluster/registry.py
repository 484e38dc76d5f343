"""The kinds of objects that are read for the past: a new one is a module beside this one and a line here."""

from __future__ import annotations

from fleet.kinds.registry import listed
from fleet.timeline.cluster.argo_cd import APPLICATIONS
from fleet.timeline.cluster.autoscalers import AUTOSCALERS
from fleet.timeline.cluster.events import EVENTS
from fleet.timeline.cluster.flux import HELM_RELEASES, KUSTOMIZATIONS
from fleet.timeline.cluster.keda import SCALED_OBJECTS
from fleet.timeline.cluster.nodes import NODES
from fleet.timeline.cluster.pods import PODS
from fleet.timeline.cluster.rollouts import CONTROLLER_REVISIONS, REPLICA_SETS
from fleet.timeline.cluster.witness import AnyWitness
from fleet.timeline.cluster.workloads import workload


def witnesses() -> tuple[AnyWitness, ...]:
    """Return all witnesses; kinds of workloads that are links report the templates that they keep."""
    return (
        REPLICA_SETS,
        CONTROLLER_REVISIONS,
        *(workload(kind) for kind in listed() if not kind.link),
        APPLICATIONS,
        HELM_RELEASES,
        KUSTOMIZATIONS,
        AUTOSCALERS,
        SCALED_OBJECTS,
        NODES,
        PODS,
        EVENTS,
    )

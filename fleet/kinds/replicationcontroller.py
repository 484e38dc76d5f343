"""ReplicationControllers (v1): predecessors of ReplicaSets; only met as owners of pods."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.json_fields import Raw, mapping
from fleet.kinds.kind import AT_ONCE, Leaving, Replicas, WorkloadKind


def _selector(obj: Raw) -> Mapping[str, str]:
    """Return its selector, which has no operators: it is the labels themselves."""
    labels = mapping(mapping(obj, "spec"), "selector")
    return {key: value for key, value in labels.items() if isinstance(value, str)}


REPLICATION_CONTROLLER = WorkloadKind(
    kind="ReplicationController",
    version="v1",
    plural="replicationcontrollers",
    short=("rc",),
    replicas=Replicas(),
    selector=_selector,
    replaces=AT_ONCE,
    leaving=Leaving.UNREADY_FIRST,
)

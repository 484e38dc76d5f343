"""The known kinds of workloads: a new one is a module beside this one and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fleet.kinds.daemonset import DAEMON_SET
from fleet.kinds.deployment import DEPLOYMENT
from fleet.kinds.deployment_replacements import CLONE_SET, ROLLOUT
from fleet.kinds.dynamo import DYNAMO_GRAPH_DEPLOYMENT
from fleet.kinds.kind import WorkloadKind
from fleet.kinds.kserve import INFERENCE_SERVICE, LLM_INFERENCE_SERVICE
from fleet.kinds.leaderworkerset import LEADER_WORKER_SET
from fleet.kinds.ray import RAY_CLUSTER, RAY_SERVICE
from fleet.kinds.replicaset import REPLICA_SET
from fleet.kinds.replicationcontroller import REPLICATION_CONTROLLER
from fleet.kinds.statefulset import STATEFUL_SET

KINDS: tuple[WorkloadKind, ...] = (
    DEPLOYMENT,
    STATEFUL_SET,
    DAEMON_SET,
    LEADER_WORKER_SET,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    INFERENCE_SERVICE,
    LLM_INFERENCE_SERVICE,
    RAY_SERVICE,
    RAY_CLUSTER,
    ROLLOUT,
    CLONE_SET,
    DYNAMO_GRAPH_DEPLOYMENT,
)
BY_NAME = {kind.kind: kind for kind in KINDS}
"""The same by their names: it is asked for every pod."""


def kind_of(name: str) -> WorkloadKind:
    """Return the kind of that name. An unknown kind supports what any object with replicas does: scaling."""
    return BY_NAME.get(name) or WorkloadKind(kind=name)


def grouping(labels: Mapping[str, str]) -> WorkloadKind | None:
    """Return the kind with grouped replicas that wrote such labels; None if the pod belongs to no group."""
    for kind in KINDS:
        group = kind.replica
        if group is not None and (group.workload in labels or group.worker in labels):
            return kind
    return None


def group_labels() -> tuple[str, ...]:
    """Return the labels that ``grouping`` reads, including those for a pod's place in its group."""
    return tuple(label for kind in KINDS if kind.replica for label in (kind.replica.workload, kind.replica.worker))


def listed() -> tuple[WorkloadKind, ...]:
    """Return the kinds whose objects are listed and watched."""
    return kinds_that(lambda kind: kind.listed)


def keys_named(namespace: str, name: str) -> tuple[str, ...]:
    """Return the keys that a workload of this name may have: one for each kind that a Service may be for."""
    kinds = kinds_that(lambda kind: kind.listed and not kind.link and not kind.per_node)
    return tuple(f"{namespace}/{kind.kind}/{name}" for kind in kinds)


def kinds_that(can: Callable[[WorkloadKind], object]) -> tuple[WorkloadKind, ...]:
    """Return the kinds for which ``can`` holds."""
    return tuple(kind for kind in KINDS if can(kind))

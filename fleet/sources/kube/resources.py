"""The resources that the console watches: where each is, how it becomes a row, and what is lost without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

from fleet.sources.kube.project.events import project_event
from fleet.sources.kube.project.fields import Interner, Raw
from fleet.sources.kube.project.nodes import project_node
from fleet.sources.kube.project.pods import project_pod
from fleet.sources.kube.project.policies import project_autoscaler, project_budget
from fleet.sources.kube.project.services import project_service
from fleet.sources.kube.project.workloads import (
    project_daemon_set,
    project_deployment,
    project_leader_worker_set,
    project_replica_set,
    project_stateful_set,
)


class Row(Protocol):
    """What every row has."""

    @property
    def key(self) -> str: ...
    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Resource(Generic[R]):
    """One resource of the API."""

    name: str
    """Plural, as in the path and in RBAC rules."""
    group: str
    version: str
    kind: str
    project: Callable[[Raw, Interner], R]
    lost: str
    """What the console cannot show without it."""
    namespaced: bool = True
    optional: bool = False
    """Of a custom resource definition: its absence is nothing to speak of."""
    page: int = 500
    """Objects per page of a list: a page is decoded in one turn of the event loop, so it must stay small in bytes."""
    bound: int | None = None
    """Most rows to keep; the newest by ``newest``."""
    newest: Callable[[R], float] | None = None

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of the list, or of one object; all namespaces where none is given."""
        return object_path(self.group, self.version, self.name, namespace if self.namespaced else "", name)

    @property
    def qualified(self) -> str:
        """As in `kubectl auth can-i`: ``pods``, ``deployments.apps``."""
        return f"{self.name}.{self.group}" if self.group else self.name


def object_path(group: str, version: str, plural: str, namespace: str = "", name: str = "") -> str:
    """The URL path of a collection or of one object; names are quoted, whatever is in them."""
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{scope}/{plural}" + (f"/{quote(name, safe=':')}" if name else "")


PODS = Resource("pods", "", "v1", "Pod", project_pod, "the pods, without which there is no fleet", page=125)
NODES = Resource(
    "nodes", "", "v1", "Node", project_node, "nodes, free GPUs and node troubles", namespaced=False, page=200
)
DEPLOYMENTS = Resource(
    "deployments", "apps", "v1", "Deployment", project_deployment, "desired replicas and rollouts of Deployments"
)
STATEFUL_SETS = Resource(
    "statefulsets", "apps", "v1", "StatefulSet", project_stateful_set, "desired replicas and rollouts of StatefulSets"
)
DAEMON_SETS = Resource(
    "daemonsets", "apps", "v1", "DaemonSet", project_daemon_set, "desired replicas and rollouts of DaemonSets"
)
REPLICA_SETS = Resource(
    "replicasets", "apps", "v1", "ReplicaSet", project_replica_set, "which Deployment a pod belongs to, and revisions"
)
LEADER_WORKER_SETS = Resource(
    "leaderworkersets",
    "leaderworkerset.x-k8s.io",
    "v1",
    "LeaderWorkerSet",
    project_leader_worker_set,
    "desired replicas of multi-node engines",
    optional=True,
)
AUTOSCALERS = Resource(
    "horizontalpodautoscalers",
    "autoscaling",
    "v2",
    "HorizontalPodAutoscaler",
    project_autoscaler,
    "autoscalers and their bounds",
)
BUDGETS = Resource(
    "poddisruptionbudgets",
    "policy",
    "v1",
    "PodDisruptionBudget",
    project_budget,
    "how many pods may be taken away at once",
)
SERVICES = Resource("services", "", "v1", "Service", project_service, "services, and Prometheus found through them")
EVENTS = Resource("events", "", "v1", "Event", project_event, "events", bound=5000, newest=lambda event: event.last)

EVERY: tuple[Resource[Any], ...] = (
    PODS,
    NODES,
    DEPLOYMENTS,
    STATEFUL_SETS,
    DAEMON_SETS,
    LEADER_WORKER_SETS,
    REPLICA_SETS,
    AUTOSCALERS,
    BUDGETS,
    SERVICES,
    EVENTS,
)

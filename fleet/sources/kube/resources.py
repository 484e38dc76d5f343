"""The resources that the console watches: their paths, their projection to rows, and what is lost without them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

from fleet.dataclass import dataclass
from fleet.json_fields import Raw
from fleet.kinds.kind import WorkloadKind
from fleet.kinds.registry import listed
from fleet.model.objects import Workload
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.events import project_event
from fleet.sources.kube.project.nodes import project_node
from fleet.sources.kube.project.pods import project_pod
from fleet.sources.kube.project.policies import project_autoscaler, project_budget
from fleet.sources.kube.project.services import project_service
from fleet.sources.kube.project.workloads import project_workload


class ObjectRow(Protocol):
    """The common part of all rows."""

    @property
    def key(self) -> str: ...
    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...


R = TypeVar("R", bound=ObjectRow)


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
    """Part of the console that needs it."""
    namespaced: bool = True
    optional: bool = False
    """True for a custom resource: its absence is normal."""
    page: int = 500
    """Objects per page of a list. A page is decoded in one turn of the event loop, with all its objects in memory at
    once: 125 pods of 9 KB are some 8 ms and 14 MiB, 500 are 25 ms and 33 MiB.
    """
    first: int = 0
    """Size of the first page, if a user waits for it before an empty screen; 0 for the usual size."""
    bound: int | None = None
    """Most rows to keep; the newest by ``newest``."""
    newest: Callable[[R], float] | None = None
    writers: bool = False
    """True if a row keeps who wrote something last: ``managedFields`` are then read in lists, too."""

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of the list, or of one object; all namespaces where none is given."""
        return object_path(self.group, self.version, self.name, namespace if self.namespaced else "", name)

    @property
    def qualified(self) -> str:
        """Name as in `kubectl auth can-i`: ``pods``, ``deployments.apps``."""
        return f"{self.name}.{self.group}" if self.group else self.name


def object_path(group: str, version: str, plural: str, namespace: str = "", name: str = "") -> str:
    """Return the URL path of a collection or of one object; names are quoted."""
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{scope}/{plural}" + (f"/{quote(name, safe=':')}" if name else "")


PODS = Resource("pods", "", "v1", "Pod", project_pod, "the pods, and so the whole fleet", page=125, first=25)
NODES = Resource(
    "nodes", "", "v1", "Node", project_node, "nodes, free GPUs and node problems", namespaced=False, page=100
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
    "how many pods may be disrupted at once",
)
SERVICES = Resource("services", "", "v1", "Service", project_service, "services, and Prometheus found through them")
EVENTS = Resource("events", "", "v1", "Event", project_event, "events", bound=5000, newest=lambda event: event.last)

_FIRST = (PODS, NODES)
"""The first screen is made of them."""
_THEN = (AUTOSCALERS, BUDGETS, SERVICES, EVENTS)


@cache
def workloads(kind: WorkloadKind) -> Resource[Workload]:
    """The objects of a kind of workload."""
    project = partial(project_workload, kind)
    # Each contains a whole pod as its template.
    return Resource(
        kind.plural,
        kind.group,
        kind.version,
        kind.kind,
        project,
        kind.lost,
        optional=kind.custom,
        page=PODS.page,
        writers=not kind.link,
    )


def all_resources() -> tuple[Resource[Any], ...]:
    """Return all of them, in request order."""
    return (*_FIRST, *map(workloads, listed()), *_THEN)

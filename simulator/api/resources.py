"""The table of resources that the simulated API serves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from simulator.api import columns as c
from simulator.store import Key

READ = ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Subresource:
    """A subresource; `kind` with its group and version where it is not the resource's own."""

    name: str
    verbs: tuple[str, ...] = ("get",)
    kind: str = ""
    group: str = ""
    version: str = ""


STATUS = Subresource("status")
SCALE = Subresource("scale", kind="Scale", group="autoscaling", version="v1")
LOG = Subresource("log")
PROXY = Subresource("proxy", verbs=("create", "get"))


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: its names, where its objects are kept, how they are selected and shown."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = READ
    subresources: tuple[Subresource, ...] = ()
    fields: tuple[str, ...] = ()
    columns: tuple[c.Column, ...] = c.columns("Name,Age")
    row: c.Row = c.simple
    stored_in: str = ""
    convert: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    custom: bool = False
    """Defined by a CustomResourceDefinition: the items of its lists say their kind, as objects alone do."""
    zero: dict[str, Any] | None = None
    """What Go's zero values leave in the object of a bookmark besides its metadata."""

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def storage(self) -> str:
        """The apiVersion under which the objects are kept; another one for a second view of them."""
        return self.stored_in or self.api_version

    @property
    def selectable(self) -> Collection[str]:
        """The paths of field selectors."""
        return ("metadata.name", "metadata.namespace", *self.fields)

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of this name."""
        return next((sub for sub in self.subresources if sub.name == name), None)

    def key(self, namespace: str, name: str) -> Key:
        """Where an object of this name is kept."""
        return (namespace if self.namespaced else "", name)


def event_view(event: dict[str, Any]) -> dict[str, Any]:
    """A core/v1 Event as events.k8s.io/v1 shows it: the same object with its fields renamed."""
    renamed = {
        "involvedObject": "regarding",
        "message": "note",
        "reportingComponent": "reportingController",
        "source": "deprecatedSource",
        "firstTimestamp": "deprecatedFirstTimestamp",
        "lastTimestamp": "deprecatedLastTimestamp",
        "count": "deprecatedCount",
    }
    # What the core view writes empty and the other view leaves out.
    optional = {"reportingInstance", "deprecatedFirstTimestamp", "deprecatedLastTimestamp"}
    view: dict[str, Any] = {}
    for name, value in event.items():
        shown = renamed.get(name, name)
        if value or shown not in optional:
            view[shown] = value
    view["apiVersion"] = "events.k8s.io/v1"
    return view


_TEMPLATE = {"metadata": {}, "spec": {"containers": None}}
_POD_FIELDS = (
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.nominatedNodeName",
)
_ABOUT = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_EVENT_COLUMNS = "Last Seen,Type,Reason,Object,+Subobject,+Source,Message,+First Seen,+Count#,+Name"
_RBAC = "rbac.authorization.k8s.io/v1"
_BINDING_COLUMNS = "Name,Role,Age,+Users,+Groups,+ServiceAccounts"
_ALL = ("all",)


def _resource(names: str, columns: str = "Name,Age", row: c.Row = c.simple, **more: Any) -> Resource:
    """A resource from its apiVersion, plural, kind and short names, its columns, and what else is not the rule."""
    api_version, plural, kind, *short_names = names.split()
    group, _, version = api_version.rpartition("/")
    return Resource(
        group, version, plural, kind, short_names=tuple(short_names), columns=c.columns(columns), row=row, **more
    )


RESOURCES: tuple[Resource, ...] = (
    _resource("v1 configmaps ConfigMap cm", "Name,Data,Age", c.data),
    _resource("v1 endpoints Endpoints ep"),
    _resource(
        "v1 events Event ev",
        _EVENT_COLUMNS,
        c.event,
        fields=(*(f"involvedObject.{name}" for name in _ABOUT), "reason", "reportingComponent", "source", "type"),
    ),
    _resource(
        "v1 namespaces Namespace ns",
        "Name,Status,Age",
        c.namespace,
        namespaced=False,
        subresources=(STATUS,),
        fields=("status.phase",),
    ),
    _resource(
        "v1 nodes Node no",
        "Name,Status,Roles,Age,Version,+Internal-IP,+External-IP,+OS-Image,+Kernel-Version,+Container-Runtime",
        c.node,
        namespaced=False,
        subresources=(STATUS,),
        fields=("spec.unschedulable",),
    ),
    _resource("v1 persistentvolumeclaims PersistentVolumeClaim pvc"),
    _resource(
        "v1 pods Pod po",
        "Name,Ready,Status,Restarts,Age,+IP,+Node,+Nominated Node,+Readiness Gates",
        c.pod,
        categories=_ALL,
        subresources=(LOG, PROXY, STATUS),
        fields=_POD_FIELDS,
        zero={"spec": {"containers": None}, "status": {}},
    ),
    _resource("v1 resourcequotas ResourceQuota quota"),
    _resource("v1 secrets Secret", "Name,Type,Data#,Age", c.secret, fields=("type",)),
    _resource(
        "v1 services Service svc",
        "Name,Type,Cluster-IP,External-IP,Port(s),Age,+Selector",
        c.service,
        categories=_ALL,
        subresources=(PROXY, STATUS),
    ),
    _resource("apps/v1 controllerrevisions ControllerRevision", "Name,Controller,Revision#,Age", c.controllerrevision),
    _resource(
        "apps/v1 daemonsets DaemonSet ds",
        "Name,Desired#,Current#,Ready#,Up-to-date#,Available#,Node Selector,Age,+Containers,+Images,+Selector",
        c.daemonset,
        categories=_ALL,
        subresources=(STATUS,),
    ),
    _resource(
        "apps/v1 deployments Deployment deploy",
        "Name,Ready,Up-to-date,Available,Age,+Containers,+Images,+Selector",
        c.deployment,
        categories=_ALL,
        subresources=(SCALE, STATUS),
        zero={"spec": {"replicas": 0, "selector": None, "template": _TEMPLATE, "strategy": {}}, "status": {}},
    ),
    _resource(
        "apps/v1 replicasets ReplicaSet rs",
        "Name,Desired#,Current#,Ready#,Age,+Containers,+Images,+Selector",
        c.replicaset,
        categories=_ALL,
        subresources=(SCALE, STATUS),
        fields=("status.replicas",),
    ),
    _resource(
        "apps/v1 statefulsets StatefulSet sts",
        "Name,Ready,Age,+Containers,+Images",
        c.statefulset,
        categories=_ALL,
        subresources=(SCALE, STATUS),
    ),
    _resource(
        "autoscaling/v2 horizontalpodautoscalers HorizontalPodAutoscaler hpa",
        "Name,Reference,Targets,MinPods,MaxPods#,Replicas#,Age",
        c.horizontalpodautoscaler,
        categories=_ALL,
        subresources=(STATUS,),
    ),
    _resource("coordination.k8s.io/v1 leases Lease", "Name,Holder,Age", c.lease),
    _resource(
        "discovery.k8s.io/v1 endpointslices EndpointSlice", "Name,AddressType,Ports,Endpoints,Age", c.endpointslice
    ),
    _resource(
        "events.k8s.io/v1 events Event ev",
        _EVENT_COLUMNS,
        c.event,
        fields=(*(f"regarding.{name}" for name in _ABOUT), "reason", "reportingController", "type"),
        stored_in="v1",
        convert=event_view,
    ),
    _resource(
        "policy/v1 poddisruptionbudgets PodDisruptionBudget pdb",
        "Name,Min Available,Max Unavailable,Allowed Disruptions#,Age",
        c.poddisruptionbudget,
        subresources=(STATUS,),
    ),
    _resource(f"{_RBAC} clusterrolebindings ClusterRoleBinding", _BINDING_COLUMNS, c.binding, namespaced=False),
    _resource(f"{_RBAC} clusterroles ClusterRole", "Name,Created At", c.created, namespaced=False),
    _resource(f"{_RBAC} rolebindings RoleBinding", _BINDING_COLUMNS, c.binding),
    _resource(f"{_RBAC} roles Role", "Name,Created At", c.created),
)

REVIEWS: tuple[Resource, ...] = tuple(
    _resource(names, namespaced=False, verbs=("create",))
    for names in (
        "authentication.k8s.io/v1 selfsubjectreviews SelfSubjectReview",
        "authorization.k8s.io/v1 selfsubjectaccessreviews SelfSubjectAccessReview",
        "authorization.k8s.io/v1 selfsubjectrulesreviews SelfSubjectRulesReview",
    )
)
"""What can be asked about oneself; nothing of it is stored."""


class Catalogue:
    """The resources by where a request finds them."""

    def __init__(self, resources: tuple[Resource, ...] = RESOURCES) -> None:
        self.resources = resources + REVIEWS
        self._by_path = {(r.group, r.version, r.plural): r for r in self.resources}

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource served at a path."""
        return self._by_path.get((group, version, plural))

    def groups(self) -> list[tuple[str, str]]:
        """Every named group with its version, in order of the table."""
        return list(dict.fromkeys((r.group, r.version) for r in self.resources if r.group))

    def of(self, group: str, version: str) -> list[Resource]:
        """The resources of a group and version, by name."""
        found = [r for r in self.resources if (r.group, r.version) == (group, version)]
        return sorted(found, key=lambda r: r.plural)

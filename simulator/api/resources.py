"""The table of resources that the simulated API serves."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from simulator.api import columns as c
from simulator.api.store import Key

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
_EVENT_COLUMNS = c.columns("Last Seen,Type,Reason,Object,+Subobject,+Source,Message,+First Seen,+Count#,+Name")
_RBAC = "rbac.authorization.k8s.io"
_BINDING_COLUMNS = c.columns("Name,Role,Age,+Users,+Groups,+ServiceAccounts")
_WORKLOAD = (SCALE, STATUS)
_ALL = ("all",)

RESOURCES: tuple[Resource, ...] = (
    Resource("", "v1", "configmaps", "ConfigMap", short_names=("cm",), columns=c.columns("Name,Data,Age"), row=c.data),
    Resource("", "v1", "endpoints", "Endpoints", short_names=("ep",)),
    Resource(
        "",
        "v1",
        "events",
        "Event",
        short_names=("ev",),
        fields=(
            *(f"involvedObject.{name}" for name in _ABOUT),
            "reason",
            "reportingComponent",
            "source",
            "type",
        ),
        columns=_EVENT_COLUMNS,
        row=c.event,
    ),
    Resource(
        "",
        "v1",
        "namespaces",
        "Namespace",
        namespaced=False,
        short_names=("ns",),
        subresources=(STATUS,),
        fields=("status.phase",),
        columns=c.columns("Name,Status,Age"),
        row=c.namespace,
    ),
    Resource(
        "",
        "v1",
        "nodes",
        "Node",
        namespaced=False,
        short_names=("no",),
        subresources=(STATUS,),
        fields=("spec.unschedulable",),
        columns=c.columns(
            "Name,Status,Roles,Age,Version,+Internal-IP,+External-IP,+OS-Image,+Kernel-Version,+Container-Runtime"
        ),
        row=c.node,
    ),
    Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", short_names=("pvc",)),
    Resource(
        "",
        "v1",
        "pods",
        "Pod",
        short_names=("po",),
        categories=_ALL,
        subresources=(LOG, PROXY, STATUS),
        fields=_POD_FIELDS,
        columns=c.columns("Name,Ready,Status,Restarts,Age,+IP,+Node,+Nominated Node,+Readiness Gates"),
        row=c.pod,
        zero={"spec": {"containers": None}, "status": {}},
    ),
    Resource("", "v1", "resourcequotas", "ResourceQuota", short_names=("quota",)),
    Resource(
        "",
        "v1",
        "secrets",
        "Secret",
        fields=("type",),
        columns=c.columns("Name,Type,Data#,Age"),
        row=c.secret,
    ),
    Resource(
        "",
        "v1",
        "services",
        "Service",
        short_names=("svc",),
        categories=_ALL,
        subresources=(PROXY, STATUS),
        columns=c.columns("Name,Type,Cluster-IP,External-IP,Port(s),Age,+Selector"),
        row=c.service,
    ),
    Resource(
        "apps",
        "v1",
        "controllerrevisions",
        "ControllerRevision",
        columns=c.columns("Name,Controller,Revision#,Age"),
        row=c.controllerrevision,
    ),
    Resource(
        "apps",
        "v1",
        "daemonsets",
        "DaemonSet",
        short_names=("ds",),
        categories=_ALL,
        subresources=(STATUS,),
        columns=c.columns(
            "Name,Desired#,Current#,Ready#,Up-to-date#,Available#,Node Selector,Age,+Containers,+Images,+Selector"
        ),
        row=c.daemonset,
    ),
    Resource(
        "apps",
        "v1",
        "deployments",
        "Deployment",
        short_names=("deploy",),
        categories=_ALL,
        subresources=_WORKLOAD,
        columns=c.columns("Name,Ready,Up-to-date,Available,Age,+Containers,+Images,+Selector"),
        row=c.deployment,
        zero={
            "spec": {"replicas": 0, "selector": None, "template": _TEMPLATE, "strategy": {}},
            "status": {},
        },
    ),
    Resource(
        "apps",
        "v1",
        "replicasets",
        "ReplicaSet",
        short_names=("rs",),
        categories=_ALL,
        subresources=_WORKLOAD,
        fields=("status.replicas",),
        columns=c.columns("Name,Desired#,Current#,Ready#,Age,+Containers,+Images,+Selector"),
        row=c.replicaset,
    ),
    Resource(
        "apps",
        "v1",
        "statefulsets",
        "StatefulSet",
        short_names=("sts",),
        categories=_ALL,
        subresources=_WORKLOAD,
        columns=c.columns("Name,Ready,Age,+Containers,+Images"),
        row=c.statefulset,
    ),
    Resource(
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        short_names=("hpa",),
        categories=_ALL,
        subresources=(STATUS,),
        columns=c.columns("Name,Reference,Targets,MinPods,MaxPods#,Replicas#,Age"),
        row=c.horizontalpodautoscaler,
    ),
    Resource(
        "coordination.k8s.io",
        "v1",
        "leases",
        "Lease",
        columns=c.columns("Name,Holder,Age"),
        row=c.lease,
    ),
    Resource(
        "discovery.k8s.io",
        "v1",
        "endpointslices",
        "EndpointSlice",
        columns=c.columns("Name,AddressType,Ports,Endpoints,Age"),
        row=c.endpointslice,
    ),
    Resource(
        "events.k8s.io",
        "v1",
        "events",
        "Event",
        short_names=("ev",),
        fields=(
            *(f"regarding.{name}" for name in _ABOUT),
            "reason",
            "reportingController",
            "type",
        ),
        columns=_EVENT_COLUMNS,
        row=c.event,
        stored_in="v1",
        convert=event_view,
    ),
    Resource(
        "policy",
        "v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        short_names=("pdb",),
        subresources=(STATUS,),
        columns=c.columns("Name,Min Available,Max Unavailable,Allowed Disruptions#,Age"),
        row=c.poddisruptionbudget,
    ),
    Resource(
        _RBAC,
        "v1",
        "clusterrolebindings",
        "ClusterRoleBinding",
        namespaced=False,
        columns=_BINDING_COLUMNS,
        row=c.binding,
    ),
    Resource(
        _RBAC,
        "v1",
        "clusterroles",
        "ClusterRole",
        namespaced=False,
        columns=c.columns("Name,Created At"),
        row=c.created,
    ),
    Resource(_RBAC, "v1", "rolebindings", "RoleBinding", columns=_BINDING_COLUMNS, row=c.binding),
    Resource(_RBAC, "v1", "roles", "Role", columns=c.columns("Name,Created At"), row=c.created),
)

REVIEWS: tuple[Resource, ...] = (
    Resource(
        "authentication.k8s.io",
        "v1",
        "selfsubjectreviews",
        "SelfSubjectReview",
        namespaced=False,
        verbs=("create",),
    ),
    *(
        Resource("authorization.k8s.io", "v1", plural, kind, namespaced=False, verbs=("create",))
        for plural, kind in (
            ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
            ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
        )
    ),
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

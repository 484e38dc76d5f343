"""Permissions as RBAC names them, and whether the server grants one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from actions.planning.plan_context import Reads


class TargetResource(NamedTuple):
    """A target as RBAC sees it: its kind, group and plural."""

    kind: str
    group: str
    plural: str


class Permission(NamedTuple):
    """A rule that must allow it. ``namespaced`` is False for a cluster-wide permission."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespaced: bool = True

    def __str__(self) -> str:
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {resource}" + (f".{self.group}" if self.group else "")

    def scope(self, namespace: str) -> str:
        """Return the namespace of the review, for a target in this one; empty for the whole cluster."""
        return namespace if self.namespaced else ""


_PLURALS: Mapping[str, tuple[str, str]] = {
    "HorizontalPodAutoscaler": ("autoscaling", "horizontalpodautoscalers"),
    "ScaledObject": ("keda.sh", "scaledobjects"),
    "Pod": ("", "pods"),
    "Node": ("", "nodes"),
}
"""Kind → group and plural, of the targets of actions that are no workloads."""

PATCH_NODE = Permission("patch", "", "nodes", namespaced=False)
PATCH_POD = Permission("patch", "", "pods")
EVICT = Permission("create", "", "pods", "eviction")
LIST_ENDPOINTS = Permission("list", "discovery.k8s.io", "endpointslices")
"""Needed to see whether a Service still sends requests to a pod."""


async def granted(permission: Permission, namespace: str, reads: Reads) -> bool:
    """True if this identity has it for a target in a namespace (empty: in all). Raises ClusterError."""
    verb, group, resource, subresource, _ = permission
    return (await reads.can_i(verb, resource, group, subresource, permission.scope(namespace))).allowed


def plural_of(kind: str) -> tuple[str, str] | None:
    """Group and plural of a kind; None for one that is only found through discovery."""
    from fleet.kinds.registry import kind_of

    workload = kind_of(kind)
    return (workload.group, workload.plural) if workload.plural else _PLURALS.get(kind)

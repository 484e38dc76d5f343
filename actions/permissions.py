"""Which permissions each action needs, as RBAC names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from actions.request import Kind


class Permission(NamedTuple):
    """One rule that must allow it. ``namespaced`` is False for what is asked of the whole cluster."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespaced: bool = True

    def __str__(self) -> str:
        resource = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {resource}" + (f".{self.group}" if self.group else "")


PLURALS: Mapping[str, tuple[str, str]] = {
    "Deployment": ("apps", "deployments"),
    "StatefulSet": ("apps", "statefulsets"),
    "ReplicaSet": ("apps", "replicasets"),
    "LeaderWorkerSet": ("leaderworkerset.x-k8s.io", "leaderworkersets"),
    "HorizontalPodAutoscaler": ("autoscaling", "horizontalpodautoscalers"),
    "ScaledObject": ("keda.sh", "scaledobjects"),
    "Pod": ("", "pods"),
    "Node": ("", "nodes"),
}
"""Kind → group and plural, of the kinds that actions are about most; others are found through discovery."""

_PATCH_NODE = Permission("patch", "", "nodes", namespaced=False)
_PATCH_POD = Permission("patch", "", "pods")
_EVICT = Permission("create", "", "pods", "eviction")


def needed(kind: Kind, target: str, plural: tuple[str, str] | None = None) -> tuple[Permission, ...]:
    """What an action on a target of this kind must be allowed. ``plural``: group and plural of other kinds."""
    group, resource = plural or PLURALS.get(target, ("", target.lower() + "s"))
    match kind:
        case Kind.SCALE:
            return (Permission("patch", group, resource, "scale"),)
        case Kind.DRAIN:
            return (_PATCH_POD, _EVICT)
        case Kind.RESTORE:
            return (_PATCH_POD,)
        case Kind.DRAIN_NODE:
            return (_PATCH_NODE, _PATCH_POD._replace(namespaced=False), _EVICT._replace(namespaced=False))
        case Kind.CORDON | Kind.UNCORDON:
            return (_PATCH_NODE,)
        case Kind.RESTART if target == "Pod":
            return (Permission("delete", "", "pods"),)
        case _:
            return (Permission("patch", group, resource),)

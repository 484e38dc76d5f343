"""Which permissions each action needs, as RBAC names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from actions.catalogue import spec_of


class Resource(NamedTuple):
    """What a target is to RBAC: its kind, group and plural."""

    kind: str
    group: str
    plural: str


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

PATCH_NODE = Permission("patch", "", "nodes", namespaced=False)
PATCH_POD = Permission("patch", "", "pods")
EVICT = Permission("create", "", "pods", "eviction")


def needed(kind: str, target: str, plural: tuple[str, str] | None = None) -> tuple[Permission, ...]:
    """What an action on a target of this kind must be allowed. ``plural``: group and plural of other kinds."""
    return spec_of(kind).permissions(Resource(target, *(plural or PLURALS.get(target, ("", target.lower() + "s")))))

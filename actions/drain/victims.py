"""The pods of a node that are drained: the filters of `kubectl drain`, in its order.

Source: kubectl 1.36, pkg/drain/filters.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from actions.kubeobj import controller_of
from fleet.dataclass import dataclass
from fleet.kinds.registry import kind_of

MIRROR = "kubernetes.io/config.mirror"
"""Annotation of the API object for a static pod of the kubelet."""
_FINISHED = frozenset({"Succeeded", "Failed"})


class Fate(StrEnum):
    """The fate of a pod."""

    EVICT = "evict"
    END = "end"
    """Deleted already: only waited for."""
    SKIP = "skip"
    REFUSE = "refuse"
    """The drain may not begin while it is there, unless the user sets an option."""


@dataclass(frozen=True, slots=True)
class Victim:
    """One pod of the node and its fate."""

    pod: Mapping[str, Any]
    fate: Fate
    why: str = ""
    """The reason in words; empty for an unproblematic eviction."""
    option: str = ""
    """Field of the request that would allow the eviction of a refused one."""

    @property
    def name(self) -> str:
        """The pod's."""
        return str(self.pod["metadata"]["name"])


def judge(pod: Mapping[str, Any], *, owned: bool, delete_empty_dir: bool, force: bool) -> Victim:
    """Return what happens to a pod. ``owned``: its controller exists, and restarts it on its node.

    Pods of DaemonSets are always skipped (`--ignore-daemonsets`): their controller also puts them onto cordoned nodes.
    """
    owner = controller_of(pod)
    finished = (pod.get("status") or {}).get("phase") in _FINISHED
    annotations = pod["metadata"].get("annotations") or {}
    if owner is not None and kind_of(owner[0]).per_node and not finished:
        if owned:
            return Victim(pod, Fate.SKIP, f"{owner[0]} {owner[1]} would start it again at once")
        if not force:
            return Victim(pod, Fate.REFUSE, f"its {owner[0]} {owner[1]} is gone", "force")
    if MIRROR in annotations:
        return Victim(pod, Fate.SKIP, "a static pod of the kubelet")
    empty = [str(v.get("name")) for v in (pod.get("spec") or {}).get("volumes") or () if "emptyDir" in v]
    if empty and not finished and not delete_empty_dir:
        return Victim(
            pod, Fate.REFUSE, f"emptyDir {', '.join(empty)}: its data is deleted with the pod", "delete_empty_dir"
        )
    if owner is None and not finished and not force:
        return Victim(pod, Fate.REFUSE, "nothing controls it: it is not started again", "force")
    if pod["metadata"].get("deletionTimestamp"):
        return Victim(pod, Fate.END, "it is already ending")
    return Victim(pod, Fate.EVICT)

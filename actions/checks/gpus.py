"""Where a pod could be placed now: free GPUs of its kind, after cordons, taints, selectors and affinity.

As the scheduler decides it, save for what a Snapshot does not know: CPU, memory, ports, volumes and other pods.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from actions.words import count
from fleet.kube.project.gpu import pod_gpus
from fleet.model.objects import Node
from fleet.model.snapshot import Snapshot

ABOUT = "spare GPUs"

_HOLD_BACK = frozenset({"NoSchedule", "NoExecute"})
_FINISHED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class Spare:
    """What is free for one kind of pod."""

    needed: int
    """GPUs of one pod."""
    resource: str
    free: Mapping[str, int]
    """Node → free GPUs of the resource, only where at least one pod has room; empty where ``needed`` is 0."""
    why_not: Mapping[str, str]
    """Node that has the resource and no room → why, in words."""

    @property
    def places(self) -> int:
        """How many pods there is room for at once."""
        return sum(free // self.needed for free in self.free.values()) if self.needed else 0

    @property
    def words(self) -> str:
        """Where, for people."""
        if not self.needed:
            return "it needs no GPU"
        if self.free:
            return ", ".join(f"{node} has {free} free" for node, free in list(self.free.items())[:3])
        if not self.why_not:
            return f"no node has {self.resource}"
        reasons = Counter(self.why_not.values())
        return ", ".join(f"{count(number, 'node')} {reason}" for reason, number in reasons.most_common(3))


def spare_for(snapshot: Snapshot, spec: Mapping[str, Any], *, without: AbstractSet[str] = frozenset()) -> Spare:
    """What is free for pods of this raw pod spec. ``without``: nodes that are about to be closed."""
    needed, resource = pod_gpus(dict(spec))
    if not needed:
        return Spare(0, "", {}, {})
    held: Counter[str] = Counter()
    for pod in snapshot.pods.values():
        if pod.gpus and pod.node and pod.gpu_resource == resource and pod.phase not in _FINISHED:
            held[pod.node] += pod.gpus
    free: dict[str, int] = {}
    why_not: dict[str, str] = {}
    for node in snapshot.nodes.values():
        if resource not in node.gpus:
            continue
        left = node.gpus[resource] - held[node.name]
        reason = "to be drained" if node.name in without else closed(node, spec)
        if reason:
            why_not[node.name] = reason
        elif left < needed:
            why_not[node.name] = f"with fewer than {needed} free"
        else:
            free[node.name] = left
    return Spare(needed, resource, free, why_not)


def closed(node: Node, spec: Mapping[str, Any]) -> str:
    """Why a pod of this spec cannot run on a node, whatever is free there; empty where it can."""
    if node.unschedulable:
        return "cordoned"
    if node.ready != "True":
        return "not ready"
    tolerations = spec.get("tolerations") or ()
    for key, value, effect in node.taints:
        if effect in _HOLD_BACK and not any(_tolerates(t, key, value, effect) for t in tolerations):
            return f"tainted {key}"
    wanted = spec.get("nodeSelector") or {}
    if not wanted.items() <= node.labels.items():
        return "of another pool"
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if affinity and not any(_term(term, node) for term in affinity.get("nodeSelectorTerms") or ()):
        return "of another pool"
    return ""


def _tolerates(toleration: Mapping[str, Any], key: str, value: str, effect: str) -> bool:
    if toleration.get("effect") not in (None, "", effect):
        return False
    exists = toleration.get("operator") == "Exists"
    if not toleration.get("key"):
        return exists
    return bool(toleration["key"] == key and (exists or (toleration.get("value") or "") == value))


def _term(term: Mapping[str, Any], node: Node) -> bool:
    expressions = term.get("matchExpressions") or ()
    fields = term.get("matchFields") or ()
    # A term without anything selects nothing.
    return bool(expressions or fields) and all(
        [_meets(e, node.labels.get(e["key"])) for e in expressions] + [_meets(e, node.name) for e in fields]
    )


def _meets(expression: Mapping[str, Any], value: str | None) -> bool:
    values = [str(v) for v in expression.get("values") or ()]
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and value.isdigit() and int(value) > int(values[0])
        case _:  # Lt
            return value is not None and value.isdigit() and int(value) < int(values[0])

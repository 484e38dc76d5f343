"""Room for a pod now: free devices on nodes that cordons, taints, selectors and affinity leave it.

The scheduler's rules, except for what a Snapshot does not know: CPU, memory, ports, volumes, affinity to pods.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field
from typing import Any

from actions.number_words import count
from fleet.dataclass import dataclass
from fleet.model.gpu_vendors import is_gpu
from fleet.model.objects import Node
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.project.gpu import claims_devices, pod_devices

ABOUT = "spare GPUs"

_HOLD_BACK = frozenset({"NoSchedule", "NoExecute"})
_FINISHED = frozenset({"Succeeded", "Failed"})
_CLAIMS = "it gets them by resource claims (DRA), which are not counted here"


@dataclass(frozen=True, slots=True)
class SpareGpus:
    """The free devices for one kind of pod."""

    needed: int
    """Number of ``resource`` that one pod needs; 0 if it requests no device."""
    resource: str
    """Resource that decides: a GPU, else the accelerator or other extended resource that the pod asks most of."""
    free: Mapping[str, int]
    """Node → free number of the resource, if at least one pod fits; empty if ``needed`` is 0."""
    why_not: Mapping[str, str]
    """Node that has the resource and no room → why, in words."""
    unknown: str = ""
    """Reason why free devices are unknown, in words; ``free`` is then empty."""
    slots: Mapping[str, int] = field(default_factory=dict)
    """Node → number of such pods that fit, considering every device they request."""

    @property
    def places(self) -> int:
        """Number of pods that fit at once."""
        return sum(self.slots.values())

    def amount(self, pods: int = 1) -> str:
        """Return the needs of so many pods: ``8 GPUs``, ``4 google.com/tpu``."""
        number = pods * self.needed
        return count(number, "GPU") if is_gpu(self.resource) else f"{number} {self.resource}"

    @property
    def kind(self) -> str:
        """The unit for people: ``GPUs``, or the name of the resource."""
        return "GPUs" if is_gpu(self.resource) else self.resource

    @property
    def words(self) -> str:
        """The nodes with room, for people."""
        if self.unknown:
            return f"which devices are free is not known: {self.unknown}"
        if not self.needed:
            return "it needs no GPU"
        if self.free:
            return ", ".join(f"{node} has {free} free" for node, free in list(self.free.items())[:3])
        if not self.why_not:
            return f"no node has {self.resource}"
        reasons = Counter(self.why_not.values())
        return ", ".join(f"{count(number, 'node')} {reason}" for reason, number in reasons.most_common(3))


def spare_gpus(
    snapshot: Snapshot,
    spec: Mapping[str, Any],
    *,
    without: AbstractSet[str] = frozenset(),
    taken: Mapping[tuple[str, str], int] | None = None,
) -> SpareGpus:
    """Return what is free for pods of this raw pod spec.

    ``without``: nodes that are about to be closed. ``taken``: (node, resource) → what others are about to take.
    """
    needs = pod_devices(dict(spec))
    resource, needed = next(iter(needs.items()), ("", 0))
    if claims_devices(dict(spec)):
        return SpareGpus(needed, resource, {}, {}, _CLAIMS)
    if not needed:
        return SpareGpus(0, "", {}, {})
    snapshot = snapshot.everything
    if lack := snapshot.coverage.lack("nodes", "pods"):
        return SpareGpus(needed, resource, {}, {}, lack)
    held = held_on(snapshot) + Counter(taken or {})
    free: dict[str, int] = {}
    slots: dict[str, int] = {}
    why_not: dict[str, str] = {}
    for node in snapshot.nodes.values():
        offered = {**node.gpus, **node.devices}
        if resource not in offered:
            continue
        left = {name: offered.get(name, 0) - held[node.name, name] for name in needs}
        short = next((name for name, number in needs.items() if left[name] < number), "")
        reason = "to be drained" if node.name in without else closed(node, spec)
        if reason:
            why_not[node.name] = reason
        elif short:
            what = "" if short == resource else f" of {short}"
            why_not[node.name] = (
                f"with none{what} free" if needs[short] == 1 else f"with fewer than {needs[short]}{what} free"
            )
        else:
            free[node.name] = left[resource]
            slots[node.name] = min(left[name] // number for name, number in needs.items())
    return SpareGpus(needed, resource, free, why_not, slots=slots)


def held_on(snapshot: Snapshot) -> Counter[tuple[str, str]]:
    """(node, resource) → how many the pods on it hold."""
    held: Counter[tuple[str, str]] = Counter()
    for pod in snapshot.pods.values():
        if pod.node and pod.phase not in _FINISHED:
            for name, number in pod.devices or ((pod.gpu_resource, pod.gpus),):
                held[pod.node, name] += number
    return held


def closed(node: Node, spec: Mapping[str, Any]) -> str:
    """Return why a pod of this spec cannot run on a node, whatever is free there; empty if it can."""
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

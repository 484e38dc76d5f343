"""The attributes by which replicas of one model may differ: a row for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from fleet.dataclass import dataclass
from fleet.kinds.kind import Leaving
from fleet.kinds.registry import kind_of
from fleet.model.gpu_vendors import driver_labels
from fleet.model.objects import REVISION_HASH, TEMPLATE_HASH, Pod
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot

ZONE: Final = "topology.kubernetes.io/zone"


@dataclass(frozen=True, slots=True)
class Named:
    """An attribute with values in words; a pod may have several of them."""

    name: str
    values: Callable[[Snapshot, Pod], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Numeric:
    """An attribute with a number, which makes things slow where it is high (or low)."""

    name: str
    unit: str
    value: Callable[[Snapshot, Pod], float]
    """NaN where it is not known."""
    slow_when_high: bool = True


def _node_label(*labels: str) -> Callable[[Snapshot, Pod], Iterable[str]]:
    """The first of these labels that the pod's node has."""

    def values(snapshot: Snapshot, pod: Pod) -> Iterable[str]:
        node = snapshot.everything.nodes.get(pod.node)
        return _first(node.labels, labels) if node is not None else ()

    return values


def _label(*labels: str) -> Callable[[Snapshot, Pod], Iterable[str]]:
    """The first of these labels that the pod has."""
    return lambda _, pod: _first(pod.labels, labels)


def _first(among: Mapping[str, str], labels: Iterable[str]) -> list[str]:
    return [among[label] for label in labels if label in among][:1]


def _gpu_models(snapshot: Snapshot, pod: Pod) -> Iterable[str]:
    gpus = snapshot.gpus_of.get(pod.key, ())
    return {f"{gpu.model} {gpu.profile}".strip() for gpu in map(snapshot.gpus.__getitem__, gpus) if gpu.model}


def _arguments(_: Snapshot, pod: Pod) -> Iterator[str]:
    """Flags of the serving container, each with its value."""
    serving = next((one for one in pod.containers if one.name == pod.serving.container), None)
    flag = ""
    for part in serving.command if serving is not None else ():
        if part.startswith("--"):
            if flag:
                yield flag
            flag = part
            if "=" in part:
                yield part
                flag = ""
        elif flag:
            yield f"{flag}={part}"
            flag = ""
    if flag:
        yield flag


def _ordinal(_: Snapshot, pod: Pod) -> Iterable[str]:
    """Return the ordinal of a pod whose controller numbers its pods."""
    last = pod.name.rpartition("-")[2]
    counted = pod.owner is not None and kind_of(pod.owner.kind).leaving is Leaving.HIGHEST_ORDINAL
    return [last] if counted and last.isdigit() else []


def _neighbours(snapshot: Snapshot, pod: Pod) -> Iterable[str]:
    """Workloads whose pods hold GPUs of the same node."""
    whole = snapshot.everything
    own = whole.workload_of.get(pod.key, "")
    gpus = whole.gpus_on.get(pod.node, ()) if pod.node else ()
    holders = {f"{gpu.namespace}/{gpu.pod}" for gpu in map(whole.gpus.__getitem__, gpus) if gpu.pod}
    return {whole.workload_of[key] for key in holders if key in whole.workload_of} - {own}


def _throttled(snapshot: Snapshot, pod: Pod) -> Iterable[str]:
    return {why for gpu in snapshot.gpus_of.get(pod.key, ()) for why in snapshot.throttle_reasons.get(gpu, ())}


def _workload(snapshot: Snapshot, pod: Pod) -> Iterable[str]:
    return filter(None, [snapshot.workload_of.get(pod.key, "")])


def _measured(quantity: Quantity) -> Callable[[Snapshot, Pod], float]:
    return lambda snapshot, pod: snapshot.by_pod.value(pod.key, quantity)


def _age(snapshot: Snapshot, pod: Pod) -> float:
    return snapshot.at - pod.created if pod.created else math.nan


ATTRIBUTES: Final[tuple[Named | Numeric, ...]] = (
    Named("node", lambda _, pod: filter(None, [pod.node])),
    Named("zone", _node_label(ZONE)),
    Named("GPU model", _gpu_models),
    Named("driver", _node_label(*driver_labels())),
    Named("clocks lowered by", _throttled),
    Named("shares its node with", _neighbours),
    Named("image", lambda _, pod: filter(None, [pod.version.image])),
    Named("image digest", lambda _, pod: filter(None, [pod.version.digest])),
    Named("model revision", lambda _, pod: filter(None, [pod.version.revision])),
    Named("pod template", _label(TEMPLATE_HASH, REVISION_HASH)),
    Named("argument", _arguments),
    Named("rank", _ordinal),
    Named("workload", _workload),
    Numeric("age", "s", _age),
    Numeric("restarts", "", lambda _, pod: float(pod.restarts)),
    Numeric("requests running", "", _measured(Quantity.RUNNING)),
    Numeric("KV cache in use", "ratio", _measured(Quantity.KV_USAGE)),
    Numeric("prefix-cache hits", "ratio", _measured(Quantity.PREFIX_HIT_RATIO), slow_when_high=False),
    Numeric("GPU temperature", "°C", _measured(Quantity.GPU_TEMPERATURE)),
    Numeric("SM clock", "MHz", _measured(Quantity.SM_CLOCK), slow_when_high=False),
    Numeric("memory clock", "MHz", _measured(Quantity.MEMORY_CLOCK), slow_when_high=False),
)
"""Attributes that slow replicas may share: their places, their software, their work."""

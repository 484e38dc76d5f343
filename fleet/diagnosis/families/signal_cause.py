"""Causes that exporters beside the engines show: the number of a node, a container or a volume is out of bounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.onset import DatedCause
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import Pod
from fleet.model.snapshot import Snapshot
from fleet.model.store_signals import SIGNALS, StoreSignal, StoreSignals


class SignalSubject(NamedTuple):
    """An object and its signals, by their ids; of several of one id the first."""

    key: str
    signals: Mapping[str, StoreSignal]
    pod: Pod | None = None
    """The pod; None for a node."""


@dataclass(frozen=True, kw_only=True)
class NodeSignalCause(DatedCause[SignalSubject]):
    """A cause at a node, by a signal."""

    of: ClassVar[SubjectKind] = SubjectKind.NODE
    beside: ClassVar[bool] = True

    def subject(self, subjects: Subjects, key: str) -> SignalSubject | None:
        return _subject(subjects, key)


@dataclass(frozen=True, kw_only=True)
class PodSignalCause(DatedCause[SignalSubject]):
    """A cause at a pod, by a signal of its engine's container or of its volume."""

    of: ClassVar[SubjectKind] = SubjectKind.POD
    beside: ClassVar[bool] = True

    def subject(self, subjects: Subjects, key: str) -> SignalSubject | None:
        return _subject(subjects, key)


class ObjectsWithSignals(CauseSearch[NodeSignalCause | PodSignalCause]):
    """Finds the nodes and pods of which a signal is out of bounds: in most fleets none."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        dated = snapshot.facts.by_source.get(SIGNALS)
        # Without a signal no object matters.
        return (None if dated is None else dated.value, *((snapshot.pods, snapshot.nodes) if _rows(snapshot) else ()))

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        for key, signals in _by_object(snapshot).items():
            yield from self.holding(SignalSubject(key, signals, snapshot.pods.get(key)), key)


def _subject(subjects: Subjects, key: str) -> SignalSubject | None:
    signals = (subjects.made(_by_object) or {}).get(key)
    pod = None if subjects.snapshot is None else subjects.snapshot.pods.get(key)
    return None if signals is None else SignalSubject(key, signals, pod)


def _rows(snapshot: Snapshot) -> Sequence[StoreSignal]:
    dated = snapshot.facts.by_source.get(SIGNALS)
    return dated.value.rows if dated is not None and isinstance(dated.value, StoreSignals) else ()


def _by_object(snapshot: Snapshot) -> Mapping[str, Mapping[str, StoreSignal]]:
    """The signals by the key of their object. One of an object that is not known, or serves nothing, tells nothing."""
    rows, found = _rows(snapshot), defaultdict[str, dict[str, StoreSignal]](dict)
    if not rows:
        return {}
    nodes = {node.address: node.name for node in snapshot.nodes.values() if node.address}
    of_claims = _pods_of_claims(snapshot) if any(not one.part and one.namespace for one in rows) else {}
    for row in rows:
        if not row.namespace:
            keys: Sequence[str] = [row.name if row.name in snapshot.nodes else nodes.get(row.name, "")]
        elif row.part:
            keys = [f"{row.namespace}/{row.name}"]
        else:
            keys = of_claims.get((row.namespace, row.name), ())
        for key in keys:
            pod = snapshot.pods.get(key)
            if key in snapshot.nodes or (pod is not None and _concerns(snapshot, pod, row)):
                found[key].setdefault(row.signal, row)
    return found


def _concerns(snapshot: Snapshot, pod: Pod, row: StoreSignal) -> bool:
    """True if a signal is of what serves in a pod: of its containers the one with GPUs, else the first."""
    if snapshot.workload_of.get(pod.key) not in snapshot.model_of:
        return False
    main = [one for one in pod.containers if not one.init]
    with_gpus = [one.name for one in main if one.gpus]
    return not row.part or row.part in (with_gpus or [one.name for one in main[:1]])


def _pods_of_claims(snapshot: Snapshot) -> Mapping[tuple[str, str], Sequence[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, pod in snapshot.pods.items():
        for claim in pod.volume_claims:
            found[pod.namespace, claim].append(key)
    return found

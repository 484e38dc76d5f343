"""Differences between two states of a cluster: deleted objects, and changes of objects that keep no history.

An object out of view is not deleted. Its last row is kept until it is in view again; its changes happened in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from fleet.dataclass import dataclass
from fleet.kinds.kind import Revisions
from fleet.kinds.registry import kind_of
from fleet.model.coverage import Coverage
from fleet.model.objects import HorizontalPodAutoscaler, ModelVersion, Node, ObjectRef, Pod, Workload
from fleet.recorder.model_json import stamped
from fleet.sources.kube.state import KubeState
from fleet.timeline.entry import (
    ASKED,
    CORDONED,
    GONE,
    TEMPLATE,
    UNCORDONED,
    Entry,
    EntryKind,
    Evidence,
    Weight,
)

Row = Pod | Node | Workload | HorizontalPodAutoscaler
_AUTOSCALER: Final = "HorizontalPodAutoscaler"
_OF_KUBERNETES: Final = "node.kubernetes.io/"
"""Taints that a cluster sets by itself: conditions and cordons already report them."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One field of a KubeState whose rows are compared."""

    field: str
    ref: Callable[[Any], ObjectRef]
    resource: Callable[[Any], str]
    """The resource of a row, as in ``kubectl auth can-i``; empty for a row made from its parts."""
    changes: Callable[[Any, Any], Iterator[_Change]]


@dataclass(frozen=True, slots=True)
class _Change:
    """A changed value."""

    what: str
    before: str
    after: str
    weight: Weight = Weight.PLAIN
    topic: str = ""
    lines: tuple[str, ...] = ()
    kind: EntryKind = EntryKind.CHANGE


class Differences:
    """Looks in the order of their times; remembers the last of each object."""

    def __init__(self) -> None:
        self._seen: dict[str, Mapping[str, Any]] = {}
        self._hidden: dict[str, dict[str, tuple[Any, float]]] = {kind.field: {} for kind in _KINDS}
        """Field → key → a row that went out of view, and the Unix time until which it was in view."""

    def compare(self, state: KubeState, since: float, at: float) -> Iterator[Entry]:
        """Yield what became other between the last look and this one, at these Unix times."""
        for kind in _KINDS:
            rows, before = getattr(state, kind.field), self._seen.get(kind.field, {})
            hidden = self._hidden[kind.field]
            if rows is before and not hidden:
                continue
            waiting, self._hidden[kind.field] = hidden, {}
            for key, (row, last) in waiting.items():
                yield from self._compare(kind, key, row, rows.get(key), state.coverage, (last, at))
            for key, row in before.items():
                if rows.get(key) is not row:
                    yield from self._compare(kind, key, row, rows.get(key), state.coverage, (since, at))
            self._seen[kind.field] = rows

    def _compare(
        self, kind: _Kind, key: str, row: Any, now: Any, coverage: Coverage, times: tuple[float, float]
    ) -> Iterator[Entry]:
        ref = kind.ref(row)
        if now is not None and now.uid == row.uid:
            for change in kind.changes(row, now):
                yield _entry(change, ref, times)
        elif now is not None or _sees(coverage, kind.resource(row), ref.namespace):
            yield _gone(ref, row.uid, times)
        else:
            self._hidden[kind.field][key] = row, times[0]


def _sees(coverage: Coverage, resource: str, namespace: str) -> bool:
    return bool(resource) and coverage.sees(resource, namespace)


def _gone(ref: ObjectRef, uid: str, times: tuple[float, float]) -> Entry:
    since, at = times
    what = f"{ref.kind.lower() if ref.kind in ('Pod', 'Node') else ref.kind} gone"
    value = f"uid {uid} was there at {stamped(since)} UTC, and not at {stamped(at)}"
    return Entry(since, at - since, EntryKind.END, what, ref, (_evidence(ref, "", value),), topic=GONE)


def _entry(change: _Change, ref: ObjectRef, times: tuple[float, float]) -> Entry:
    since, at = times
    value = f"{change.before} at {stamped(since)} UTC, {change.after} at {stamped(at)}"
    return Entry(
        since,
        at - since,
        change.kind,
        change.what,
        ref,
        (_evidence(ref, change.topic.partition("=")[0], value),),
        weight=change.weight,
        topic=change.topic,
        changes=change.lines,
    )


def _evidence(ref: ObjectRef, field: str, value: str) -> Evidence:
    return Evidence(" ".join(filter(None, (str(ref), field, "as the console saw it"))), value)


def _of_node(before: Node, after: Node) -> Iterator[_Change]:
    if before.unschedulable is not after.unschedulable:
        topic, held = f"unschedulable={after.unschedulable}", after.unschedulable
        words = ("may take pods", "cordoned")
        what, weight = (CORDONED, Weight.BAD) if held else (UNCORDONED, Weight.GOOD)
        yield _Change(what, words[before.unschedulable], words[held], weight, topic)
    for resource in dict.fromkeys((*before.gpus, *after.gpus)):
        one, other = before.gpus.get(resource, 0), after.gpus.get(resource, 0)
        if one != other:
            weight = Weight.BAD if other < one else Weight.GOOD
            yield _Change(
                f"{resource} allocatable {one} → {other}", str(one), str(other), weight, f"{resource}={other}"
            )
    old, new = ({t for t in node.taints if not t[0].startswith(_OF_KUBERNETES)} for node in (before, after))
    for taint in sorted(old ^ new):
        key, _, effect = taint
        words = ("there", "not there") if taint in old else ("not there", "there")
        yield _Change(f"taint {key}:{effect} {'removed' if taint in old else 'added'}", *words)


def _of_workload(before: Workload, after: Workload) -> Iterator[_Change]:
    one, other = before.desired, after.desired
    if one != other:
        yield _Change(f"replicas {one} → {other}", str(one), str(other), topic=f"replicas={other}")
    if before.paused is not after.paused:
        words = ("not paused", "paused")
        what = "rollouts paused" if after.paused else "rollouts no longer paused"
        yield _Change(what, words[before.paused], words[after.paused], topic=f"paused={after.paused}")
    # For the others the object of each template shows it, which is also a row.
    if kind_of(after.kind).revisions is not Revisions.REPLICA_SETS and (
        lines := version_changes(before.version, after.version)
    ):
        yield _Change(in_a_line(lines), before.version.image, after.version.image, topic=TEMPLATE, lines=lines)


def _of_autoscaler(before: HorizontalPodAutoscaler, after: HorizontalPodAutoscaler) -> Iterator[_Change]:
    for field, one, other in (
        ("minReplicas", before.minimum, after.minimum),
        ("maxReplicas", before.maximum, after.maximum),
    ):
        if one != other:
            yield _Change(f"{field} {one} → {other}", str(one), str(other), topic=f"{field}={other}")


def _of_pod(before: Pod, after: Pod) -> Iterator[_Change]:
    """The start of its deletion: a pod itself reports all other changes, with their times."""
    if before.deleted is None and after.deleted is not None:
        yield _Change(ASKED, "not asked", "asked", topic=ASKED, kind=EntryKind.END)


def version_changes(before: ModelVersion, after: ModelVersion) -> tuple[str, ...]:
    """A line for each part of the template that differs."""
    pairs = (
        ("image", before.image, after.image),
        ("model", before.model, after.model),
        ("model revision", before.revision, after.revision),
    )
    return tuple(f"{name} {one or 'none'} → {other or 'none'}" for name, one, other in pairs if one != other)


def in_a_line(changes: tuple[str, ...]) -> str:
    """The first of several, and how many more there are."""
    return f"{changes[0]} and {len(changes) - 1} more" if len(changes) > 1 else changes[0]


_KINDS: Final = (
    _Kind("pods", lambda row: ObjectRef("Pod", row.namespace, row.name), lambda _: "pods", _of_pod),
    _Kind("nodes", lambda row: ObjectRef("Node", "", row.name), lambda _: "nodes", _of_node),
    _Kind(
        "workloads",
        lambda row: ObjectRef(row.kind, row.namespace, row.name),
        lambda row: kind.qualified if (kind := kind_of(row.kind)).listed else "",
        _of_workload,
    ),
    _Kind(
        "autoscalers",
        lambda row: ObjectRef(_AUTOSCALER, row.namespace, row.name),
        lambda _: "horizontalpodautoscalers.autoscaling",
        _of_autoscaler,
    ),
)

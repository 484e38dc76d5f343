"""State of the fleet's table between Snapshots: orders, and the results of filters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from console.views.alike_pods import AlikePods
from console.views.filter import Filter
from console.views.root_words import known_objects
from console.views.subject import UNASSESSED
from fleet.dataclass import dataclass
from fleet.model.differences import are_same
from fleet.model.frame import Frame, in_a_row
from fleet.model.objects import Pod
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Snapshot
from widgets.grid import Alike, WorstFirst


def severities_of(snapshot: Snapshot, keys: Sequence[str]) -> list[Severity]:
    """Return the severities of rows, aligned with ``keys``."""
    found = map(snapshot.assessments.get, keys)
    return [UNASSESSED.severity if assessment is None else assessment.severity for assessment in found]


def scores_at(frame: Frame, rows: Sequence[int]) -> list[float]:
    """Return the order of rows within a severity: more waiting requests are worse, then a fuller KV cache.

    10 points from an empty cache to a full one; unknown values count as 0.
    """
    waiting, kv = frame.values(rows, Quantity.WAITING), frame.values(rows, Quantity.KV_USAGE)
    total = sum(waiting) + sum(kv)
    if total == total:
        return [w + 10 * k for w, k in zip(waiting, kv, strict=True)]
    # Only NaN differs from itself; an exporter's infinities may also result in NaN.
    scores = [(w if w == w else 0.0) + (10 * k if k == k else 0.0) for w, k in zip(waiting, kv, strict=True)]
    total = sum(scores)
    return scores if total == total else [score if score == score else 0.0 for score in scores]


class RowsOrder:
    """Rows in worst-first order with memory (see WorstFirst); recomputed only when an input changes."""

    def __init__(self) -> None:
        self.worst = WorstFirst()
        self._keys: Sequence[str] = ()
        self._index: Mapping[str, int] = {}
        self._rows: Sequence[int] = ()
        self._assessments: Mapping[str, Assessment] | None = None
        self._severities: Sequence[Severity] = ()
        self._of: tuple[object, ...] = ()
        self._order: Sequence[str] = ()

    def order(self, snapshot: Snapshot, frame: Frame, keys: Sequence[str]) -> Sequence[str]:
        columns = frame.columns
        known = known_objects(snapshot)
        of = (snapshot.assessments, frame.index, columns.get(Quantity.WAITING), columns.get(Quantity.KV_USAGE), known)
        if keys == self._keys and are_same(self._of, of):
            return self._order
        if keys != self._keys or frame.index is not self._index:
            self._keys, self._index, self._rows = keys, frame.index, in_a_row(frame.rows(keys))
            self._assessments = None
        if snapshot.assessments is not self._assessments:
            self._assessments, self._severities = snapshot.assessments, severities_of(snapshot, keys)
        self._of = of
        self._order = self.worst.order(self._keys, self._severities, scores_at(frame, self._rows), known)
        return self._order


class FleetOrder:
    """The orders of the workloads and of the pods of visible ones, the matches of the filter, and what is alike."""

    def __init__(self) -> None:
        self._workloads = RowsOrder()
        self._pods: dict[str, RowsOrder] = {}
        self._matches: dict[str, FilterMatches] = {}
        self._alike: dict[str, AlikePods] = {}
        self._seen: set[str] = set()
        """The workloads of which the pods were in view since the last ``forget_others``."""

    def workloads(self, snapshot: Snapshot, keys: Sequence[str]) -> Sequence[str]:
        return self._workloads.order(snapshot, snapshot.by_workload, keys)

    def pods(self, snapshot: Snapshot, workload: str, keys: Sequence[str]) -> Sequence[str]:
        self._seen.add(workload)
        order = self._pods.setdefault(workload, RowsOrder())
        return order.order(snapshot, snapshot.by_pod, keys)

    def matching(self, snapshot: Snapshot, workload: str, says: str, wanted: Filter) -> Sequence[str]:
        """Return the pods of a workload that match the filter; ``says`` is the workload's own text."""
        return self._matches.setdefault(workload, FilterMatches()).matching(snapshot, workload, says, wanted)

    def alike(self, snapshot: Snapshot, workload: str) -> Callable[[Sequence[str]], Sequence[Alike]]:
        """Return the function that finds those of a workload's pods that are alike."""
        return partial(self._among, snapshot, workload)

    def _among(self, snapshot: Snapshot, workload: str, pods: Sequence[str]) -> Sequence[Alike]:
        self._seen.add(workload)
        return self._alike.setdefault(workload, AlikePods()).among(snapshot, pods)

    def forget_others(self, workloads: Collection[str]) -> None:
        """Drop the state of workloads that are gone or out of view: it would hold all pods as they were when these were
        in view.
        """
        seen, self._seen = self._seen, set()
        states: tuple[tuple[dict[str, Any], Collection[str]], ...] = (
            (self._pods, seen.intersection(workloads)),
            (self._alike, seen.intersection(workloads)),
            (self._matches, workloads),
        )
        for rows, kept in states:
            for key in [key for key in rows if key not in kept]:
                del rows[key]


@dataclass(frozen=True, slots=True)
class _RowTexts:
    """The columns of a workload's pods at the last match."""

    workload: str
    keys: Sequence[str]
    pods: Sequence[Pod]
    reasons: Sequence[str]
    texts: Sequence[str]


class FilterMatches:
    """The pods of one workload that match a filter. A pod's text is rebuilt when it changes, and matched again when it
    or the filter changes.

    A pod's text includes its workload and model, so that their names match all their pods.
    """

    def __init__(self) -> None:
        self._texts = _RowTexts("", (), (), (), ())
        self._filter: Filter | None = None
        self._kept: Sequence[str] = ()
        self.asked = 0
        """Number of matches evaluated: tests count what a tick costs."""

    def matching(self, snapshot: Snapshot, workload: str, says: str, wanted: Filter) -> Sequence[str]:
        before, texts = self._texts, self._texts_of(snapshot, workload, says)
        if texts is not before or wanted is not self._filter:
            self._texts, self._filter = texts, wanted
            self.asked += len(texts.keys)
            rows = zip(texts.keys, texts.texts, texts.pods, strict=True)
            self._kept = [key for key, text, pod in rows if wanted.matches(text, pod.labels)]
        return self._kept

    def _texts_of(self, snapshot: Snapshot, workload: str, says: str) -> _RowTexts:
        before, keys, assessments = self._texts, snapshot.pods_of.get(workload, ()), snapshot.assessments
        pods = [snapshot.pods[key] for key in keys]
        reasons = [assessments.get(key, UNASSESSED).reason for key in keys]
        if (before.workload, before.keys, before.reasons) == (says, keys, reasons) and are_same(before.pods, pods):
            return before
        texts = [
            f"{pod.name} {pod.node} {pod.status} {reason} {pod.ip} {says}"
            for pod, reason in zip(pods, reasons, strict=True)
        ]
        return _RowTexts(says, keys, pods, reasons, texts)

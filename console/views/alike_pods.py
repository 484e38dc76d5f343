"""Pods of a workload that have the same to report, for which one row stands.

Forty pods that wait for a GPU do not push the other workloads off the screen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from heapq import nsmallest

from console.views.alert_marks import board
from fleet.model.differences import are_same
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Snapshot
from widgets.grid import Alike

_FEW = 12
"""Number of pods with the same to report up to which each has its own row."""
_FIRST = 3
"""Number of rows for such pods where there are more."""


class AlikePods:
    """The pods of one workload that are alike; compared again when what they report has changed."""

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._roots: frozenset[str] = frozenset()
        self._found: Sequence[Alike] = ()
        self.compared = 0
        """Number of comparisons so far: tests count what a tick costs."""

    def among(self, snapshot: Snapshot, pods: Sequence[str]) -> Sequence[Alike]:
        """Return the pods beyond the first few that have the same to report: nothing, or the same fault or start."""
        if len(pods) <= _FEW:
            return ()
        of = (pods, snapshot.assessments, snapshot.pods, snapshot.unmatched, board(snapshot))
        roots = frozenset(key for one in snapshot.incidents for key in one.objects[:1])
        if roots != self._roots or not are_same(self._of, of):
            self._of, self._roots = of, roots
            self._found = _alike(snapshot, pods, roots)
            self.compared += 1
        return self._found


def _alike(snapshot: Snapshot, pods: Sequence[str], roots: frozenset[str]) -> Sequence[Alike]:
    alerts, unmatched = board(snapshot), {entry.key for entry in snapshot.unmatched}
    assessments, rows = snapshot.assessments, snapshot.pods
    same: dict[Assessment, list[str]] = defaultdict(list)
    for key in pods:
        found = assessments.get(key)
        if found is None or key in roots:
            continue
        # What is missing of a pod that is well is all that its row has to report.
        if found.severity is not Severity.OK or (rows[key].ready and key not in unmatched):
            same[found].append(key)
    folds = []
    for found, keys in same.items():
        most = keys if alerts is None else [key for key in keys if not alerts.about(key)]
        if len(most) > _FEW:
            # By name: the longest queues change with every measurement.
            first = nsmallest(_FIRST, most)
            folds.append(Alike(f"{found.severity} {found.reason}", frozenset(most).difference(first)))
    return folds

"""The reach of an incident: the pods that it affects, and the requests in them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from fleet.diagnosis.cause import AnyCause
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.finding import Finding, Reach
from fleet.model.frame import Column, Frame
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot


def holders(snapshot: Snapshot, gpu: str) -> list[str]:
    """The keys of the pods that hold a GPU."""
    found = snapshot.gpus.get(gpu)
    keys = [] if found is None else [f"{namespace}/{name}" for namespace, name in found.holders]
    return [key for key in keys if key in snapshot.workload_of]


class Concerned(NamedTuple):
    """Pods and workloads that findings concern, and the rows of their numbers."""

    pods: int
    wanted: int
    """Pods that the workloads concerned want; 0 for none."""
    rows: tuple[int, ...]
    """Rows of the pods in the frame of pods."""
    workloads: tuple[str, ...]


def concerned_by(snapshot: Snapshot, findings: Iterable[Finding], causes: Mapping[str, AnyCause]) -> Concerned:
    """Return whom all findings of an incident concern."""
    pods: dict[str, None] = {}
    workloads: dict[str, None] = {}
    nodes: set[str] = set()
    for finding in findings:
        match finding.kind:
            case SubjectKind.POD | SubjectKind.ENGINE | SubjectKind.REPLICA:
                pods[finding.key] = None
            case SubjectKind.GPU:
                pods.update(dict.fromkeys(holders(snapshot, finding.key)))
            case SubjectKind.NODE:
                if not causes[finding.cause].runs_on:
                    nodes.add(finding.key)
            case SubjectKind.SERVICE | SubjectKind.TRAFFIC | SubjectKind.OBJECTIVE if not causes[finding.cause].runs_on:
                # All users of the workload are affected, at any of its pods.
                workloads[finding.key] = None
                pods.update((key, None) for key in snapshot.pods_of.get(finding.key, ()) if key in snapshot.pods)
            case _:
                workloads[finding.key] = None
    if nodes:
        pods.update((key, None) for key, pod in snapshot.pods.items() if pod.node in nodes and _serves(snapshot, key))
    workloads.update((snapshot.workload_of[key], None) for key in pods if key in snapshot.workload_of)
    wanted = sum(_replicas(snapshot, key) for key in workloads if key in snapshot.workloads)
    rows = tuple(row for row in snapshot.by_pod.rows(pods) if row >= 0)
    return Concerned(len(pods), wanted, rows, tuple(workloads))


def _replicas(snapshot: Snapshot, workload: str) -> int:
    """Return the desired replicas or, while a rollout adds surge pods, the existing ones."""
    desired, members = snapshot.workloads[workload].desired, snapshot.pods_of.get(workload, ())
    if len(members) <= desired:
        return desired
    return max(desired, sum(snapshot.pods[key].deleted is None for key in members if key in snapshot.pods))


def _serves(snapshot: Snapshot, pod: str) -> bool:
    return snapshot.workload_of.get(pod) in snapshot.model_of


class ReadRows:
    """Rows of a frame whose numbers are read again and again."""

    __slots__ = ("_gather", "places")

    def __init__(self, rows: Iterable[int]) -> None:
        self.places: Mapping[int, int] = {row: at for at, row in enumerate(dict.fromkeys(rows))}
        """Row → its place among the numbers that are read."""
        # A getter gives a tuple for two items or more: with the first one again at the end it always has these.
        self._gather = itemgetter(*self.places, next(iter(self.places))) if self.places else None

    def of(self, column: Column | None) -> Sequence[float]:
        """Return the numbers of a column at these rows, NaN where there is none."""
        if self._gather is None or column is None:
            return [math.nan] * len(self.places)
        found: tuple[float, ...] = self._gather(column.values)
        return found[:-1]


class RequestCounts:
    """Requests in some pods of one Snapshot, by value."""

    __slots__ = ("_rows", "_running", "_waiting")

    def __init__(self, frame: Frame, rows: ReadRows) -> None:
        self._rows = rows.places
        self._running, self._waiting = (
            array("d", rows.of(frame.columns.get(one))) for one in (Quantity.RUNNING, Quantity.WAITING)
        )

    def of(self, concerned: Concerned) -> Reach:
        """Return the reach of what is concerned."""
        places = [self._rows[row] for row in concerned.rows]
        running, waiting = _sum(self._running, places), _sum(self._waiting, places)
        return Reach(concerned.pods, concerned.wanted, running, waiting, concerned.workloads)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RequestCounts):
            return NotImplemented
        # By their bytes: a number that is not known (NaN) is the same as before.
        mine, theirs = ((one._running.tobytes(), one._waiting.tobytes()) for one in (self, other))
        return self._rows == other._rows and mine == theirs


def _sum(values: array[float], rows: Sequence[int]) -> float:
    """Return the sum of the known values; NaN where none is."""
    found = [values[row] for row in rows]
    total = sum(found) if found else math.nan
    if total == total:
        return total
    known = [value for value in found if value == value]
    return sum(known) if known else math.nan

"""The causes that hold for the objects of a fleet at one moment, as found when they were assessed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.cause import AnyCause, MetricsCause, ReplicaCause, ReportedCause
from fleet.diagnosis.families.route_cause import RouteCause
from fleet.diagnosis.families.serving_causes import GroupedGpuCause, PlacementCause, ServiceCause, TrafficCause
from fleet.diagnosis.subjects.pod_reports import Reported, beside, is_beside, reports_of
from fleet.diagnosis.subjects.serving import unusual
from fleet.diagnosis.subjects.subject import Replica, Subjects, comparable_rows
from fleet.model.differences import are_same
from fleet.model.frame import consecutive
from fleet.model.objects import FINISHED, Event
from fleet.model.reading import State
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot

WORTH = frozenset({Severity.CRITICAL, Severity.WARNING, Severity.UNKNOWN})
"""Severities of objects that are looked into."""


READ_AGAIN = 30.0
"""Seconds after which unchanged events are scanned again, because some of them have expired."""


class ActiveCause(NamedTuple):
    """One cause at one object."""

    cause: AnyCause
    key: str


@dataclass(frozen=True, slots=True)
class ActiveCauses:
    """The causes that hold, by the keys of objects."""

    unwell: Collection[str] = field(default_factory=dict)
    """Keys of the objects that are examined: those whose severity is in WORTH."""
    own: Mapping[str, AnyCause] = field(default_factory=dict)
    """Causes that decide the severity of pods, workloads and nodes."""
    engines: Mapping[str, Sequence[MetricsCause]] = field(default_factory=dict)
    """Causes that the numbers of pods show."""
    gpus: Mapping[str, Sequence[MetricsCause]] = field(default_factory=dict)
    beside: Mapping[str, Sequence[MetricsCause]] = field(default_factory=dict)
    """Causes of GPUs that count in addition to a trouble of the pod that holds them."""

    def troubles(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        """Yield every cause that holds for an object that is not well."""
        own = self.own
        for key in self.unwell:
            cause = own.get(key)
            if cause is not None and cause.severity in WORTH:
                yield ActiveCause(cause, key)
            for other in self._measured(snapshot, key, cause):
                yield ActiveCause(other, key)

    def _measured(self, snapshot: Snapshot, key: str, own: AnyCause | None) -> Sequence[MetricsCause]:
        """Return the causes found in the metrics of a GPU, or of a pod unless something else makes them irrelevant."""
        if key in snapshot.gpus:
            return self.gpus.get(key) or self.beside.get(key, ())
        found = self.engines.get(key)
        if not found or (own is not None and own.stage < found[0].stage):
            return ()
        pod = snapshot.pods.get(key)
        up = pod is not None and pod.ready and snapshot.workload_of.get(key) in snapshot.model_of
        return [cause for cause in found if cause.severity in WORTH] if up else ()


class Reports:
    """Finds pods whose events report a cause. Scanned again when the events change."""

    def __init__(self, causes: Sequence[ReportedCause]) -> None:
        self._causes = causes
        signs = (sign for cause in causes for sign in cause.must if isinstance(sign, Reported))
        self._reasons = frozenset(reason for sign in signs for reason in sign.reasons)
        self._of: tuple[object, ...] = ()
        self._read = -math.inf
        self._found: Sequence[ActiveCause] = ()

    def at(self, snapshot: Snapshot) -> Sequence[ActiveCause]:
        """The causes that hold of pods: the same object while there is no news."""
        of = (snapshot.events, snapshot.pods)
        if not are_same(self._of, of) or not 0 <= snapshot.at - self._read < READ_AGAIN:
            self._found, self._of, self._read = list(self._holding(snapshot)), of, snapshot.at
        return self._found

    def _holding(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        by_uid: dict[str, list[Event]] = {}
        by_object: dict[tuple[str, str, str], list[Event]] = {}
        keys: dict[str, None] = {}
        for event in snapshot.events:
            if event.involved.kind == "Pod":
                by_uid.setdefault(event.involved_uid, []).append(event)
                key = f"{event.involved.namespace}/{event.involved.name}"
                if event.reason in self._reasons or (event.type == "Warning" and _is_away(snapshot, key)):
                    keys[key] = None
            elif event.reason in self._reasons and is_beside(event):
                by_object.setdefault(event.involved[:3], []).append(event)
        for key, one in snapshot.pods.items() if by_object else ():
            if not one.ready and not by_object.keys().isdisjoint(beside(one)):
                keys[key] = None
        for key in keys:
            pod = snapshot.pods.get(key)
            if pod is None or pod.deleted is not None or pod.phase in FINISHED:
                continue
            others = [event for place in beside(pod) for event in by_object.get(place, ())] if by_object else ()
            seen = reports_of(pod, [*by_uid.get(pod.uid, ()), *others], snapshot.at)
            for cause in self._causes:
                if cause.holds(seen):
                    yield ActiveCause(cause, key)


def _is_away(snapshot: Snapshot, pod: str) -> bool:
    return pod in snapshot.pods and not snapshot.pods[pod].ready


class BesideBefore:
    """Finds workloads that differ from before: in traffic, in the route to them, in lost pods.

    Checked again when one of these changes; traffic, with each point of history.
    """

    def __init__(self, causes: Sequence[TrafficCause | ServiceCause | RouteCause | PlacementCause]) -> None:
        self._traffic = [one for one in causes if isinstance(one, TrafficCause)]
        self._services = [one for one in causes if isinstance(one, ServiceCause)]
        self._routes = [one for one in causes if isinstance(one, RouteCause)]
        self._placement = [one for one in causes if isinstance(one, PlacementCause)]
        self._of: tuple[object, ...] = ()
        self._found: Sequence[ActiveCause] = ()
        self._busy: Sequence[ActiveCause] = ()
        self._looked = -math.inf

    def at(self, snapshot: Snapshot) -> Sequence[ActiveCause]:
        """Return the causes that hold for workloads: the same object until they are checked again."""
        fronts = (snapshot.empty_services, snapshot.dead_services, snapshot.exposure)
        of = (snapshot.departed, *fronts, snapshot.workloads, snapshot.pods)
        if not 0 <= snapshot.at - self._looked < snapshot.history.step:
            # The history has one more point.
            self._busy, self._looked = list(self._otherwise(snapshot)), snapshot.at
        elif are_same(self._of, of):
            return self._found
        self._of, self._found = of, [*self._busy, *self._holding(snapshot)]
        return self._found

    def _otherwise(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        subjects = Subjects.of(snapshot)
        for key in unusual(snapshot):
            yield from _all_of(self._traffic, subjects, key)

    def _holding(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        subjects = Subjects.of(snapshot)
        for key in {**snapshot.empty_services, **snapshot.dead_services}:
            yield from _all_of(self._services, subjects, key)
        for key, fronts in snapshot.exposure.items():
            # Most workloads have no fault in front of them.
            if any(fronts[1:]):
                yield from _all_of(self._routes, subjects, key)
        for key in snapshot.departed:
            yield from _all_of(self._placement, subjects, key)


def _all_of(causes: Sequence[AnyCause], subjects: Subjects, key: str) -> Iterator[ActiveCause]:
    """Yield the causes, all of one class, that hold for an object."""
    of = causes[0].subject(subjects, key)
    for cause in causes if of is not None else ():
        if cause.holds(of):
            yield ActiveCause(cause, key)


class GpuGroups:
    """Finds GPUs that differ from the others of their engine. The grouping is cached while it is the same."""

    def __init__(self, causes: Sequence[GroupedGpuCause]) -> None:
        self._causes = causes
        self._of: tuple[object, ...] = ()
        self._groups: Sequence[Sequence[int]] = ()

    def at(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        """Yield the causes that hold of GPUs."""
        frame, profile = snapshot.by_gpu, snapshot.profiles.default
        of = (snapshot.gpus_of, frame.index)
        if not are_same(self._of, of):
            self._of = of
            self._groups = [consecutive(frame.rows(held)) for held in snapshot.gpus_of.values() if len(held) > 1]
        for rows in self._groups:
            for cause in self._causes:
                for at in cause.must[0].among(frame, rows, profile):
                    if frame.states[at] < State.STALE:
                        yield ActiveCause(cause, frame.keys[at])


class Outliers:
    """Finds replicas that differ from their peers. The comparable rows are cached while they are the same."""

    def __init__(self, causes: Sequence[ReplicaCause]) -> None:
        self._causes = causes
        self._of: tuple[object, ...] = ()
        self._states = b""
        self._rows: Mapping[str, Sequence[int]] = {}

    def at(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        """Yield the causes that hold of replicas."""
        frame = snapshot.by_pod
        for workload, rows in self._comparable(snapshot).items():
            profile = snapshot.profiles.of(workload)
            for cause in self._causes:
                for at in cause.must[0].among(frame, rows, profile):
                    replica = Replica(frame, at, rows, profile)
                    if all(sign.holds(replica) for sign in cause.must[1:]) and not cause.excluded(replica):
                        yield ActiveCause(cause, frame.keys[at])

    def _comparable(self, snapshot: Snapshot) -> Mapping[str, Sequence[int]]:
        frame = snapshot.by_pod
        of = (snapshot.pods, snapshot.pods_of, snapshot.model_of, frame.index)
        if frame.states != self._states or not are_same(self._of, of):
            found = {key: comparable_rows(snapshot, frame, key) for key in snapshot.model_of}
            self._rows = {key: consecutive(rows) for key, rows in found.items() if len(rows) > 1}
            self._of, self._states = of, frame.states
        return self._rows

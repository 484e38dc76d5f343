"""Subjects: what the signs of a cause examine, each an object with related facts.

``Subjects`` is the one maker of them, for assessing a fleet and for explaining findings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeVar

from fleet.dataclass import dataclass
from fleet.diagnosis.subjects.autoscaler_subject import AutoscalerSubject, autoscaler_subject, is_about_scaling
from fleet.diagnosis.subjects.comparable_rows import comparable_rows
from fleet.diagnosis.subjects.replica_groups import is_grouped
from fleet.diagnosis.subjects.replica_states import all_asleep, hanging_requests, is_left_over
from fleet.diagnosis.subjects.row_profiles import ONE_PROFILE, RowProfiles
from fleet.diagnosis.subjects.scrape_answers import scrape_problem
from fleet.kinds.registry import kind_of
from fleet.model.awaited import is_awaited
from fleet.model.column_search import rows_at_least
from fleet.model.ending import LastWords, last_words
from fleet.model.facts import NO_FACTS, Facts
from fleet.model.frame import Frame
from fleet.model.objects import FINISHED, Event, Node, Pod, Workload
from fleet.model.profile import ALL_CHAT, CHAT, Profile, WorkloadProfiles
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Assessment, Snapshot, SourceStatus, Structure

T = TypeVar("T")

WELL = Assessment(Severity.OK)
ThrottleReasons = Mapping[str, tuple[str, ...]]
"""GPU key → what lowers its clocks, in words."""
NO_REASONS: ThrottleReasons = {}
_NO_ROWS = Frame()
MAY_NOT_LIST = "its pods may not be listed"


class MetricsTable:
    """The numbers of all objects of one kind, and the other inputs of their signs."""

    def __init__(
        self, frame: Frame, reasons: ThrottleReasons = NO_REASONS, profiles: RowProfiles = ONE_PROFILE
    ) -> None:
        self.frame = frame
        self.reasons = reasons
        self.profiles = profiles
        self._reaching: dict[tuple[Quantity, float], Sequence[int]] = {}
        self._older: dict[float, Sequence[int]] = {}

    def row(self, at: int) -> MetricsRow:
        """One row of it."""
        return MetricsRow(self.frame, at, self.reasons, self.profile_of(at))

    def profile_of(self, at: int) -> Profile:
        """Return the profile that applies to a row."""
        return self.profiles.by_row.get(at, self.profiles.default)

    def reaching(self, quantity: Quantity, limit: float) -> Sequence[int]:
        """Return the rows whose number is at or above a limit greater than 0, cached for all signs."""
        if (quantity, limit) not in self._reaching:
            column = self.frame.columns.get(quantity)
            self._reaching[quantity, limit] = () if column is None else rows_at_least(column.values, limit)
        return self._reaching[quantity, limit]

    def older_than(self, limit: float) -> Sequence[int]:
        """Return the rows whose numbers are older than a limit in seconds, cached for all signs."""
        if limit not in self._older:
            ages, since = self.frame.ages, self.frame.since
            near = rows_at_least(ages, limit - since) if since < limit else range(len(ages))
            self._older[limit] = [row for row in near if ages[row] + since > limit]
        return self._older[limit]


class MetricsRow(NamedTuple):
    """The numbers of the engines of one pod, or of one GPU: a row of a frame."""

    frame: Frame
    at: int
    reasons: ThrottleReasons = NO_REASONS
    profile: Profile = CHAT

    @property
    def key(self) -> str:
        return self.frame.keys[self.at]

    def value(self, quantity: Quantity) -> float:
        """NaN where there is none."""
        column = self.frame.columns.get(quantity)
        return math.nan if column is None else column.values[self.at]

    @property
    def throttled_by(self) -> tuple[str, ...]:
        """Reasons for a GPU's lowered clocks."""
        return self.reasons.get(self.key, ())


class Replica(NamedTuple):
    """The numbers of one pod, among those of its workload."""

    frame: Frame
    at: int
    peers: Sequence[int]
    """All rows of the workload that can be compared, itself among them."""
    profile: Profile = CHAT


class PodSubject(NamedTuple):
    """A pod, with its measurement state."""

    pod: Pod
    serving: bool = False
    """True if it runs an engine."""
    measured: bool = True
    """True if there are metrics of its engine."""
    unmeasured: str = ""
    """The reason why there need not be any."""
    replaced: bool = False
    """True if its workload has all its replicas without it."""
    profile: Profile = CHAT
    awaited: bool = False
    """True if nothing at all has been measured yet."""
    answer: str = ""
    """The fault of its answer to a scrape, in words; empty where it was not asked."""

    @property
    def stopped_by(self) -> str:
        """Reason of a stopped container, in kubectl's word; init containers count."""
        return self.pod.status.removeprefix("Init:")

    @property
    def without_metrics(self) -> str:
        """Return why its server has no metrics, by its command line; empty where nothing is known to be."""
        # Imported here: the products are needed only where a server is not measured.
        from fleet.metrics.pod_roles import without_metrics

        return "" if self.awaited else without_metrics(self.pod)

    @property
    def is_up(self) -> bool:
        """True if it serves, and Kubernetes reports it ready."""
        return self.pod.ready and self.serving


LATE_INTERVALS: Final = 1.5
"""Scrape intervals after which numbers are late: one engine may miss a scrape, all of them at once do not."""
LEAST_LATE: Final = 10.0
"""Seconds below which nothing is late: the next numbers of all may wait for one that hangs."""


class MeasuringSource(NamedTuple):
    """A source of numbers, and how many of the engines that it measures have old ones."""

    status: SourceStatus
    engines: int
    old: int
    age: float
    """Seconds since the newest of the old ones; 0 for none."""
    skew: float = 0.0
    """Seconds by which its clock is ahead of the console's."""


class EndedSubject(NamedTuple):
    """A pod with a container that ended, and its last output."""

    pod: Pod
    words: LastWords


@dataclass(frozen=True)
class WorkloadSubject:
    """A workload and the assessments of its pods."""

    workload: Workload
    pods: Sequence[Assessment]
    ready: int
    """Number of its pods that Kubernetes calls ready."""
    serving: int
    """Number of its ready pods that are not critical: a pod that is ready but stuck serves no requests."""
    broken: int = 0
    """Number of its pods on a critical GPU: lost capacity that does not return by itself."""
    hanging: float = 0.0
    """Requests in critical pods that are ready and generate nothing: their users wait for what does not come."""
    unseen: str = ""
    """The reason why its pods are not all known, empty for all."""
    profile: Profile = CHAT
    sleeps: bool = False
    """True if every pod sleeps but workers of groups, which lend their GPUs to the engine of another."""

    @property
    def missing(self) -> int:
        """Replicas that are wanted and not ready."""
        return self.workload.desired - self.ready

    @cached_property
    def worst(self) -> Assessment:
        """Return the assessment of its worst pod."""
        return min(self.pods, key=lambda stands: rank(stands.severity), default=WELL)


class Subjects:
    """Makes the subjects of one fleet at one moment. The subject of an absent or unmeasured object is None."""

    def __init__(
        self,
        fleet: Structure,
        now: float,
        assessments: Mapping[str, Assessment],
        *,
        by_pod: Frame,
        by_gpu: Frame,
        reasons: ThrottleReasons = NO_REASONS,
        sources: Sequence[SourceStatus] = (),
        profiles: WorkloadProfiles = ALL_CHAT,
        by_workload: Frame = _NO_ROWS,
        events: Sequence[Event] = (),
        facts: Facts = NO_FACTS,
        snapshot: Snapshot | None = None,
        awaited: bool = False,
    ) -> None:
        self._fleet, self._now = fleet, now
        self._assessments = assessments
        self._by_pod, self._by_gpu = by_pod, by_gpu
        self._reasons, self._sources = reasons, sources
        self._profiles = profiles
        self._by_workload, self._events = by_workload, events
        self._facts, self._awaited = facts, awaited
        self.snapshot = snapshot
        """The Snapshot that all of them are of; None while it is being made."""
        self._ready: dict[str, int] = {}
        self._made: dict[object, Any] = {}

    def made(self, make: Callable[[Snapshot], T]) -> T | None:
        """Return what ``make`` makes of the Snapshot, made once for all objects; None while there is no Snapshot."""
        if make not in self._made:
            self._made[make] = None if self.snapshot is None else make(self.snapshot)
        found: T | None = self._made[make]
        return found

    @staticmethod
    def of(snapshot: Snapshot) -> Subjects:
        """The subjects of a Snapshot."""
        return Subjects(
            snapshot,
            snapshot.at,
            snapshot.assessments,
            by_pod=snapshot.by_pod,
            by_gpu=snapshot.by_gpu,
            reasons=snapshot.throttle_reasons,
            sources=snapshot.sources,
            profiles=snapshot.profiles,
            by_workload=snapshot.by_workload,
            events=snapshot.events,
            facts=snapshot.facts,
            snapshot=snapshot,
            awaited=is_awaited(snapshot),
        )

    @cached_property
    def engines(self) -> MetricsTable:
        """The numbers of all pods."""
        return MetricsTable(
            self._by_pod, NO_REASONS, RowProfiles.of(self._profiles, self._by_pod, self._fleet.workload_of)
        )

    @cached_property
    def gpus(self) -> MetricsTable:
        """The numbers of all GPUs. No workload chooses how hot one may be."""
        default = self._profiles.default
        return MetricsTable(self._by_gpu, self._reasons, RowProfiles(default, {}, (default,)))

    def autoscaler(self, workload: str) -> AutoscalerSubject | None:
        """The autoscaler of a workload; None where it has none, or is not there itself."""
        found = self._fleet.autoscalers.get(workload)
        if found is None or workload not in self._fleet.workloads:
            return None
        ready, profile = self._ready_pods(workload), self._profiles.of(workload)
        seen = () if self.snapshot is None else self.snapshot.rescaled.get(workload, ())
        return autoscaler_subject(found, workload, ready, self._by_workload, self._rescaling, seen, self._now, profile)

    @cached_property
    def _rescaling(self) -> Sequence[Event]:
        return [one for one in self._events if is_about_scaling(one)]

    def source(self, name: str) -> SourceStatus | None:
        return next((one for one in self._sources if one.name == name), None)

    def measuring(self, name: str) -> MeasuringSource | None:
        """A source of the numbers of all pods; None for any other."""
        status, frame = self.source(name), self._by_pod
        if status is None:
            return None
        states, snapshot = frame.states, self.snapshot
        measured = len(states) - states.count(State.MISSING) - states.count(State.UNKNOWN)
        limit = max(LEAST_LATE, LATE_INTERVALS * (0.0 if snapshot is None else snapshot.interval))
        near = rows_at_least(frame.ages, limit - frame.since) if frame.since < limit else range(len(states))
        rows = [row for row in near if states[row] not in (State.MISSING, State.UNKNOWN)]
        skew = 0.0 if snapshot is None else snapshot.clock_skew
        return MeasuringSource(status, measured, len(rows), min(map(frame.age, rows), default=0.0), skew)

    def node(self, name: str) -> Node | None:
        return self._fleet.nodes.get(name)

    def gpu(self, key: str) -> MetricsRow | None:
        at = self._by_gpu.index.get(key)
        return None if at is None else MetricsRow(self._by_gpu, at, self._reasons, self._profiles.default)

    def engine(self, key: str) -> MetricsRow | None:
        at = self._by_pod.index.get(key)
        return None if at is None else MetricsRow(self._by_pod, at, NO_REASONS, self._profile_of(key))

    def replica(self, key: str) -> Replica | None:
        """Return a pod among the measured, ready pods of its workload; None if it is not one of them."""
        rows = comparable_rows(self._fleet, self._by_pod, self._fleet.workload_of.get(key, ""))
        at = self._by_pod.index.get(key)
        if at is None or at not in rows:
            return None
        return Replica(self._by_pod, at, rows, self._profile_of(key))

    def pod(self, key: str) -> PodSubject | None:
        fleet = self._fleet
        pod = fleet.pods.get(key)
        if pod is None:
            return None
        workload = fleet.workload_of.get(key, "")
        return PodSubject(
            pod,
            workload in fleet.model_of,
            key in fleet.engines_of,
            fleet.unmeasured.get(key, ""),
            pod.phase == "Failed" and self._is_replaced(pod, workload),
            self._profiles.of(workload),
            self._awaited,
            "" if self.snapshot is None else scrape_problem(self.snapshot.unanswered, key),
        )

    def ended(self, key: str) -> EndedSubject | None:
        """Return a pod with a container that ended; None if nothing says why."""
        # Imported here: the log reader is needed only once a container has ended.
        from fleet.metrics.server_logs import reason_in

        pod = self._fleet.pods.get(key)
        words = None if pod is None else last_words(pod, self._facts, reason_in)
        return None if pod is None or words is None else EndedSubject(pod, words)

    def workload(self, key: str) -> WorkloadSubject | None:
        fleet = self._fleet
        workload = fleet.workloads.get(key)
        if workload is None:
            return None
        pods = {pod: self._assessments[pod] for pod in fleet.pods_of.get(key, ()) if pod in fleet.pods}
        ready, unseen = self._ready_pods(key), ""
        critical = [pod for pod, stands in pods.items() if stands.severity is Severity.CRITICAL]
        serving = ready - _ready(fleet, critical)
        if not fleet.coverage.sees("pods", workload.namespace):
            # Unlisted does not mean deleted: until the list is complete, the workload's own count is better.
            unseen = "its pods are not listed yet" if "pods" in fleet.coverage.pending else MAY_NOT_LIST
            listed, ready = ready, max(ready, workload.ready)
            serving += ready - listed
        if is_grouped(workload):
            # A replica is a group of pods, and one critical pod disables its group.
            serving = max(0, workload.desired - len(critical))
        held = (fleet.gpus_of.get(pod, ()) for pod in critical)
        broken = sum(any(self._assessments[gpu].severity is Severity.CRITICAL for gpu in gpus) for gpus in held)
        hanging = hanging_requests(self._by_pod, (fleet.pods[pod] for pod in critical))
        stands, sleep = list(pods.values()), all_asleep(fleet.pods, pods)
        return WorkloadSubject(workload, stands, ready, serving, broken, hanging, unseen, self._profiles.of(key), sleep)

    def _ready_pods(self, workload: str) -> int:
        """Number of ready pods of a workload, counted once."""
        if workload not in self._ready:
            self._ready[workload] = _ready(self._fleet, self._fleet.pods_of.get(workload, ()))
        return self._ready[workload]

    def _profile_of(self, pod: str) -> Profile:
        return self._profiles.of(self._fleet.workload_of.get(pod))

    def _is_replaced(self, pod: Pod, workload: str) -> bool:
        """True if a failed pod has been replaced: all replicas are ready, or at least exist, and it is old enough."""
        above = self._fleet.workloads.get(workload)
        if above is None or pod.owner is None or not kind_of(pod.owner.kind).replaces:
            return False  # It counts as long as it exists.
        if self._ready_pods(workload) >= above.desired:
            return True
        members = (self._fleet.pods[key] for key in self._fleet.pods_of.get(workload, ()) if key in self._fleet.pods)
        there = sum(one.deleted is None and one.phase not in FINISHED for one in members)
        return is_left_over(pod, self._now) and there >= above.desired


def _ready(fleet: Structure, pods: Sequence[str]) -> int:
    return sum(fleet.pods[key].ready for key in pods if key in fleet.pods and fleet.pods[key].deleted is None)

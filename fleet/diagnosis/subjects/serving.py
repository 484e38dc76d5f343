"""A workload compared with its past: its traffic and the usual traffic, its Services, and the reasons for lost pods."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import le
from typing import NamedTuple

from fleet.diagnosis.subjects.comparable_rows import comparable_rows
from fleet.diagnosis.thresholds import ITL_SLOWER
from fleet.model.before import Departed, Traffic, heading_for, traffic_in, traffic_of
from fleet.model.objects import Pod, revision_of
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot

QUEUE_POINTS = 5
"""History points that show whether a queue grows: one minute."""
ALIKE = 1.2
"""Factor by which prompts must be longer than usual before anything else is checked."""
_NOTICED = 0.05
"""Share of requests that end otherwise than well below which nobody asks why."""
REVISED = 3600.0
"""Seconds after which a new revision no longer explains a change."""


class TrafficSubject(NamedTuple):
    """The traffic of a workload. NaN if it is not measured."""

    now: Traffic
    usual: Traffic
    looked_up: float
    """Prompt tokens per second that are looked up in the prefix cache."""
    preemptions: float
    """Requests per second that are preempted from the KV cache."""
    kv_usage: float
    """Share of the KV cache in use, in the mean of its replicas."""
    for_room: float
    """Requests that wait for capacity, not for adapters or for KV blocks of another engine."""
    drafted: float
    """Tokens per second that speculative decoding proposes."""
    waiting: Sequence[float]
    """Requests that waited, a point every ``step`` seconds, the oldest first."""
    step: float
    ready: int
    """Replicas that are ready."""
    wanted: int = 0
    measured: int = 0
    """Replicas that are ready and measured, where tokens stall."""
    starting: int = 0
    """Replicas that load."""
    revised: float = math.nan
    """Seconds since the first pod of its newest revision was made; NaN where that is long ago, or not known."""
    asked: float = math.nan
    """Requests per second that come to gateways in front of it."""
    rejected: float = math.nan
    """Share of requests that gateways reject."""
    profile: Profile = CHAT
    finished: float = math.nan
    """Requests per second that end."""
    ahead: Traffic | None = None
    """Traffic that it is heading for while the window fills up; None for what it has."""

    def changed(self, number: Callable[[Traffic], float], limit: Callable[[float], float], *, up: bool) -> bool | None:
        """True if a number is beyond a limit, or has left the usual and is heading there; ``limit`` is that of a usual
        number. None where one is not known.

        It is shown a scrape or two earlier so, and only fires if it gets there.
        """
        now, usual = number(self.now), number(self.usual)
        if math.isnan(now) or math.isnan(usual):
            return None
        ahead, beyond = number(self.ahead or self.now), limit(usual)
        if up:
            return now >= beyond or (ahead >= beyond and now >= min(beyond, ALIKE * usual))
        return now < beyond or (ahead < beyond and now < max(beyond, usual / ALIKE))

    @property
    def is_complete(self) -> bool:
        """True if all replicas that are wanted are ready and measured: of fewer, the sums are smaller."""
        return min(self.ready, self.measured) >= self.wanted

    @property
    def growth(self) -> float:
        """Growth of its queue in requests per second, over the available points; 0 for fewer than two."""
        points = self.waiting
        return (points[-1] - points[0]) / ((len(points) - 1) * self.step) if len(points) > 1 else 0.0


class FrontSubject(NamedTuple):
    """A workload and the Services that should select its pods."""

    empty: Sequence[str]
    """Names of the Services that select no pod."""
    ready: int
    """Replicas that are ready."""
    serves: bool
    """True if it runs engines."""
    running: float
    """Running requests; NaN if not measured."""
    dead: Sequence[str] = ()
    """Services that lead to no port of its pods, with that port."""
    mixed: Sequence[str] = ()
    """Services of its name that select pods of other models, too, with those."""


class PlacementSubject(NamedTuple):
    """A workload that lost pods together with something else."""

    departed: Sequence[Departed]
    """Removed nodes and preempted pods, latest first."""
    missing: int
    """Replicas that are wanted and not ready."""
    unplaced: int
    """Number of its pods that have no node."""
    ready: int

    @property
    def nodes(self) -> Sequence[str]:
        """Names of the nodes that were removed."""
        return list(dict.fromkeys(one.node for one in self.departed if one.node))

    @property
    def put_out(self) -> str:
        """The scheduler's words on a pod preempted by one of higher priority; empty if there is none."""
        return next((one.message for one in self.departed if not one.node), "")


def unusual(snapshot: Snapshot) -> Iterator[tuple[str, Traffic]]:
    """Yield the workloads whose traffic may differ from the usual, with their traffic now; most are skipped.

    Read column by column: a few comparisons per workload.
    """
    frame, nothing = snapshot.by_workload, Traffic()
    before = {key for model in _refused(snapshot) for key in snapshot.models[model].workloads}
    waiting = frame.values(range(len(frame.keys)), Quantity.WAITING)
    for key, waits, now in zip(frame.keys, waiting, traffic_in(frame), strict=True):
        usual = snapshot.usual.get(key, nothing)
        if (
            (waits > 0 and _may_queue_up(snapshot, key))
            or _has_left(now, usual)
            or now.answer < usual.answer / 2
            or (now.cut >= _NOTICED and now.cut > ALIKE * usual.cut)
            or (now.aborted >= _NOTICED and now.aborted > ALIKE * usual.aborted)
            or key in before
        ):
            yield key, now


def _has_left(now: Traffic, usual: Traffic) -> bool:
    """True if a number that is compared on its way has left the usual."""
    return (
        now.itl > ALIKE * usual.itl
        or now.prompt > ALIKE * usual.prompt
        or now.prefix_hits < usual.prefix_hits / ALIKE
        or now.accepted < usual.accepted / ALIKE
    )


def _may_queue_up(snapshot: Snapshot, workload: str) -> bool:
    """True if the queue of a workload may be news: it never shrank, or replicas are missing that would take from it."""
    known = snapshot.workloads.get(workload)
    if known is None or known.ready < known.desired:
        return True
    return never_shrank(snapshot.history.strip(workload, Quantity.WAITING, QUEUE_POINTS))


def never_shrank(points: Sequence[float]) -> bool:
    """True if no point is below the one before; False where one is not known."""
    return all(map(le, points, points[1:]))


def _refused(snapshot: Snapshot) -> Iterator[str]:
    """Yield the models whose gateways reject requests."""
    frame = snapshot.before_models
    rejected = frame.values(range(len(frame.keys)), Quantity.GATEWAY_REJECTIONS)
    for model, number in zip(frame.keys, rejected, strict=True):
        if number > 0 and model in snapshot.models:
            yield model


def revised(snapshot: Snapshot, workload: str) -> float:
    """Return how long ago the newest revision began; NaN where there is none, or none is known."""
    pods = pods_in(snapshot, workload)
    if len(pods) < 2:
        return math.nan
    newest = revision_of(max(pods, key=lambda pod: pod.created))
    began = min(pod.created for pod in pods if revision_of(pod) == newest)
    age = snapshot.at - began
    return age if newest and age < REVISED and snapshot.workloads[workload].created < began else math.nan


def traffic_subject(snapshot: Snapshot, workload: str, now: Traffic | None = None) -> TrafficSubject | None:
    """Look at the traffic of a workload; None where it is not measured, or is not there. ``now``: if it is known."""
    frame = snapshot.by_workload
    row, known = frame.index.get(workload), snapshot.workloads.get(workload)
    if row is None or known is None or frame.states[row] >= State.STALE:
        return None
    now, usual = now or traffic_of(frame, workload), snapshot.usual.get(workload, Traffic())
    profile = snapshot.profiles.of(workload)
    model, gateways = snapshot.model_of.get(workload, ""), snapshot.before_models
    asked = gateways.value(model, Quantity.GATEWAY_REQUESTS)
    ahead, points = now, snapshot.traffic_points
    if len(points) > 2 and _has_left(now, usual):
        ahead = heading_for(now, usual, snapshot.at, points, workload, snapshot.window)
    # Nobody asks for its pods where tokens do not stall.
    stalls = max(now.itl, ahead.itl) >= ITL_SLOWER.at(profile) * usual.itl
    return TrafficSubject(
        now,
        usual,
        frame.value(workload, Quantity.PREFIX_QUERIES),
        frame.value(workload, Quantity.PREEMPTIONS),
        frame.value(workload, Quantity.KV_USAGE),
        frame.value(workload, Quantity.WAITING_CAPACITY),
        frame.value(workload, Quantity.SPEC_DRAFTED),
        snapshot.history.strip(workload, Quantity.WAITING, QUEUE_POINTS),
        snapshot.history.step,
        known.ready,
        known.desired,
        len(comparable_rows(snapshot, snapshot.by_pod, workload)) if stalls else 0,
        _starting(snapshot, workload) if known.ready < known.desired else 0,
        revised(snapshot, workload) if stalls else math.nan,
        asked,
        gateways.value(model, Quantity.GATEWAY_REJECTIONS) / asked if asked > 0 else math.nan,
        profile,
        frame.value(workload, Quantity.REQUESTS),
        ahead,
    )


def _starting(snapshot: Snapshot, workload: str) -> int:
    there, stands = snapshot.pods, snapshot.assessments
    return [stands[key].severity for key in snapshot.pods_of.get(workload, ()) if key in there].count(Severity.STARTING)


def front_subject(snapshot: Snapshot, workload: str) -> FrontSubject | None:
    """Look at the Services in front of a workload; None where not all are known."""
    found = snapshot.workloads.get(workload)
    if found is None or not snapshot.coverage.sees("services", found.namespace):
        return None
    empty = snapshot.empty_services.get(workload, ())
    running = snapshot.by_workload.value(workload, Quantity.RUNNING)
    ready, dead = len(ready_pods(pods_in(snapshot, workload))), snapshot.dead_services.get(workload, ())
    mixed = snapshot.mixed_services.get(workload, ())
    return FrontSubject(empty, ready, workload in snapshot.model_of, running, dead, mixed)


def placement_subject(snapshot: Snapshot, workload: str) -> PlacementSubject | None:
    """Return the subject for what a workload lost pods with; None if it lost none."""
    departed, known = snapshot.departed.get(workload, ()), snapshot.workloads.get(workload)
    if not departed or known is None:
        return None
    pods = pods_in(snapshot, workload)
    ready = len(ready_pods(pods))
    unplaced = sum(pod.phase == "Pending" and not pod.node for pod in pods)
    return PlacementSubject(departed, known.desired - ready, unplaced, ready)


def pods_in(snapshot: Snapshot, workload: str) -> list[Pod]:
    """Return the rows of a workload's pods."""
    return [snapshot.pods[pod] for pod in snapshot.pods_of.get(workload, ()) if pod in snapshot.pods]


def ready_pods(pods: Iterable[Pod]) -> list[Pod]:
    """Return those that are ready, and are not leaving."""
    return [pod for pod in pods if pod.ready and pod.deleted is None]

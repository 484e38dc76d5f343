"""The part of the time to first token that engines cannot account for: what a request spends before their queue."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause, Of
from fleet.diagnosis.subject import Subjects
from fleet.diagnosis.thresholds import FRONTEND
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot

_LEAST = min(value for value in (FRONTEND.chat, FRONTEND.autocomplete, FRONTEND.batch) if value is not None)
"""Seconds to the first token below which nothing is looked into, whatever the profile."""


class FrontendSubject(NamedTuple):
    """The time to first token of a workload, in seconds. NaN if a number is not measured."""

    ttft: float
    """Median."""
    queue: float
    """Mean in the engines' queue."""
    prefill: float
    """Mean in which prompts are read."""
    waiting: float
    """Requests that wait in the engines."""
    fetching: float
    """Requests that wait for KV blocks, or are deferred."""
    finished: float
    """Requests per second that end."""
    profile: Profile = CHAT

    @property
    def before(self) -> float:
        """Seconds before the engine's queue; NaN if not known."""
        return self.ttft - self.queue - self.prefill


@dataclass(frozen=True, kw_only=True)
class FrontendCause(Cause[FrontendSubject]):
    """A cause before the engines of a workload, in their API servers."""

    of: ClassVar[Of] = Of.TRAFFIC

    def subject(self, subjects: Subjects, key: str) -> FrontendSubject | None:
        return None if subjects.snapshot is None else frontend_subject(subjects.snapshot, key)


def frontend_causes(snapshot: Snapshot, causes: Sequence[FrontendCause]) -> Iterator[ActiveCause]:
    """Yield what holds of workloads whose first tokens take long, most of it before the queue.

    Most workloads are skipped by columns: their other numbers are not read.
    """
    frame = snapshot.by_workload
    rows = range(len(frame.keys))
    times = (frame.values(rows, one) for one in (Quantity.TTFT_P50, Quantity.QUEUE_MEAN, Quantity.PREFILL_MEAN))
    for key, ttft, queue, prefill in zip(frame.keys, *times, strict=True):
        mostly_before = ttft >= _LEAST and is_most_of(ttft, ttft - queue - prefill)
        seen = frontend_subject(snapshot, key) if mostly_before else None
        for cause in causes if seen is not None else ():
            if seen is not None and cause.holds(seen):
                yield ActiveCause(cause, key)


def is_most_of(ttft: float, before: float) -> bool:
    """True if more than half of the time to first token is spent before the queue; False where one is not known."""
    return before > ttft / 2


def frontend_subject(snapshot: Snapshot, workload: str) -> FrontendSubject | None:
    """Return the times of a workload; None if it is not measured now."""
    frame = snapshot.by_workload
    row = frame.index.get(workload)
    if row is None or workload not in snapshot.workloads or frame.states[row] >= State.STALE:
        return None
    deferred = (frame.value(workload, one) for one in (Quantity.KV_FETCHING, Quantity.WAITING_DEFERRED))
    return FrontendSubject(
        frame.value(workload, Quantity.TTFT_P50),
        frame.value(workload, Quantity.QUEUE_MEAN),
        frame.value(workload, Quantity.PREFILL_MEAN),
        frame.value(workload, Quantity.WAITING),
        max((one for one in deferred if not math.isnan(one)), default=0.0),
        frame.value(workload, Quantity.REQUESTS),
        snapshot.profiles.of(workload),
    )

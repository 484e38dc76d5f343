"""Causes before the engines' queue, in their API servers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.subjects.frontend_subject import FrontendSubject, frontend_subject, is_most_of
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.diagnosis.thresholds import FRONTEND
from fleet.model.column_search import rows_at_least
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot

_LEAST = min(value for value in (FRONTEND.chat, FRONTEND.autocomplete, FRONTEND.batch) if value is not None)
"""Seconds to the first token below which nothing is looked into, whatever the profile."""


@dataclass(frozen=True, kw_only=True)
class FrontendCause(Cause[FrontendSubject]):
    """A cause before the engines of a workload, in their API servers."""

    of: ClassVar[SubjectKind] = SubjectKind.TRAFFIC

    def subject(self, subjects: Subjects, key: str) -> FrontendSubject | None:
        return None if subjects.snapshot is None else frontend_subject(subjects.snapshot, key)


def frontend_causes(snapshot: Snapshot, causes: Sequence[FrontendCause]) -> Iterator[ActiveCause]:
    """Yield what holds of workloads whose first tokens take long, most of it before the queue.

    Most workloads are skipped by columns: their other numbers are not read.
    """
    frame = snapshot.by_workload
    first_tokens = frame.columns.get(Quantity.TTFT_P50)
    late = [] if first_tokens is None else rows_at_least(first_tokens.values, _LEAST)
    times = (frame.values(late, one) for one in (Quantity.TTFT_P50, Quantity.QUEUE_MEAN, Quantity.PREFILL_MEAN))
    for row, ttft, queue, prefill in zip(late, *times, strict=True):
        key, mostly_before = frame.keys[row], is_most_of(ttft, ttft - queue - prefill)
        seen = frontend_subject(snapshot, key) if mostly_before else None
        for cause in causes if seen is not None else ():
            if seen is not None and cause.holds(seen):
                yield ActiveCause(cause, key)

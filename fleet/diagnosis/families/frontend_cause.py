"""Causes before the engines' queue, in their API servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from fleet.dataclass import dataclass
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import SearchByKey
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


class LateFrontends(SearchByKey[FrontendCause]):
    """Finds workloads whose first tokens take long, most of it before the queue.

    Most workloads are skipped by columns: their other numbers are not read.
    """

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.by_pod.columns, snapshot.workloads)

    def keys(self, snapshot: Snapshot) -> Iterator[str]:
        frame = snapshot.by_workload
        first_tokens = frame.columns.get(Quantity.TTFT_P50)
        late = [] if first_tokens is None else rows_at_least(first_tokens.values, _LEAST)
        times = (frame.values(late, one) for one in (Quantity.TTFT_P50, Quantity.QUEUE_MEAN, Quantity.PREFILL_MEAN))
        for row, ttft, queue, prefill in zip(late, *times, strict=True):
            if is_most_of(ttft, ttft - queue - prefill):
                yield frame.keys[row]

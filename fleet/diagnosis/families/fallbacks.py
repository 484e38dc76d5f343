"""Causes of last resort: what Kubernetes reports of an object, in its own words, where no other cause explains it.

So a failure that nobody has listed is still named, at its object, and never instead of one that is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import AnyCause
from fleet.diagnosis.families.reported_cause import ReportedCause
from fleet.diagnosis.subjects.pod_reports import EventSign, PodReports
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.objects import Event


class FallbackCause(ReportedCause):
    """A cause that counts only where nothing but its symptoms is found."""

    last_resort: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class UnlistedWarning(EventSign):
    """A sign: a warning whose reason is not among those that are known."""

    name: str
    known: frozenset[str]
    latest_of: tuple[str, ...] = ()
    """Reasons of later events that cancel it."""

    @property
    def reads(self) -> str:
        return "events of type Warning"

    def newest(self, of: PodReports) -> Event | None:
        for event in of.events:
            if event.involved.kind == "Pod" and event.type == "Warning" and event.reason not in self.known:
                return event
            if event.reason in self.latest_of:
                return None
        return None


_OF_ITS_USE = frozenset({SubjectKind.SETUP, SubjectKind.OBJECTIVE, SubjectKind.TRAFFIC})
"""Kinds of causes at a workload that are not about what its controllers report: how it is set up, how it is used."""


def without_needless(holds: Sequence[ActiveCause]) -> Sequence[ActiveCause]:
    """Return the causes that hold without the fallbacks of objects for which another cause than a symptom is found."""
    last = [one for one in holds if one.cause.last_resort]
    if not last:
        return holds
    others: dict[str, list[AnyCause]] = {one.key: [] for one in last}
    for one in holds:
        if one.key in others and not (one.cause.last_resort or one.cause.symptom or one.cause.of in _OF_ITS_USE):
            others[one.key].append(one.cause)
    return [one for one in holds if not one.cause.last_resort or _is_needed(one.cause, others[one.key])]


def _is_needed(last: AnyCause, others: Iterable[AnyCause]) -> bool:
    """True if none of the causes at its object can be what it reports: it explains them, or they leave it."""
    return all(other.id in last.explains or last.id in other.leaves for other in others)

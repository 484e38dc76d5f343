"""Causes of last resort: what Kubernetes reports of an object, in its own words, where no other cause explains it.

So a failure that nobody has listed is still named, at its object, and never instead of one that is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.families.reported_cause import ReportedCause
from fleet.diagnosis.subjects.pod_reports import EventSign, PodReports
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


def without_needless(holds: Sequence[ActiveCause]) -> Sequence[ActiveCause]:
    """Return the causes that hold without the fallbacks of objects for which another cause than a symptom is found."""
    last = [one for one in holds if one.cause.last_resort]
    if not last:
        return holds
    causes: dict[str, set[str]] = {one.key: set() for one in last}
    for one in holds:
        if one.key in causes and not (one.cause.last_resort or one.cause.symptom):
            causes[one.key].add(one.cause.id)
    return [one for one in holds if not one.cause.last_resort or causes[one.key] <= set(one.cause.explains)]

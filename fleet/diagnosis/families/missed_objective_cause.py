"""Latencies that were promised and are not kept at the moment, by workload."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause
from fleet.diagnosis.cause_search import CauseSearch
from fleet.diagnosis.subjects.subject import Subjects
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.model.missed_objective import MissedObjective
from fleet.model.profile import CHAT, Profile
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot


class MissedObjectives(NamedTuple):
    """The promises of one latency that a workload does not keep."""

    missed: Sequence[MissedObjective]
    """Late objectives, the furthest beyond its limit first."""
    percentile: float
    """The same percentile over the shorter window of the screens, in seconds; NaN for not known."""
    profile: Profile = CHAT


@dataclass(frozen=True, kw_only=True)
class MissedObjectiveCause(Cause[MissedObjectives]):
    """A cause at a workload whose users wait longer than was promised."""

    of: ClassVar[SubjectKind] = SubjectKind.OBJECTIVE
    measure: str
    """``ttft``, ``itl`` or ``e2e``."""

    def subject(self, subjects: Subjects, key: str) -> MissedObjectives | None:
        return None if subjects.snapshot is None else missed_objectives(subjects.snapshot, key, self.measure)


def missed_objectives(snapshot: Snapshot, key: str, measure: str) -> MissedObjectives | None:
    """Look at the promises of a workload about one latency; None where all of them are kept."""
    promised = snapshot.promised.get(key)
    late = [one for one in promised.latencies if one.measure == measure] if promised is not None else []
    if not late:
        return None
    late.sort(key=lambda one: -one.bad / one.allowed)
    quantity = Quantity(f"{measure}_{late[0].percentile}")
    return MissedObjectives(late, snapshot.by_workload.value(key, quantity), snapshot.profiles.of(key))


class MissedPromises(CauseSearch[MissedObjectiveCause]):
    """Finds the workloads whose latencies are not what was promised: each cause is about one latency."""

    def reads(self, snapshot: Snapshot) -> tuple[object, ...]:
        return (snapshot.promised, snapshot.by_pod.columns, snapshot.workloads)

    def look(self, snapshot: Snapshot) -> Iterator[ActiveCause]:
        for key, promised in snapshot.promised.items():
            for cause in self.causes if promised.latencies and key in snapshot.workloads else ():
                seen = missed_objectives(snapshot, key, cause.measure)
                if seen is not None and cause.holds(seen):
                    yield ActiveCause(cause, key)

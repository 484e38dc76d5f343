"""Latencies that were promised and are not kept at the moment, by workload."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

from fleet.dataclass import dataclass
from fleet.diagnosis.active_causes import ActiveCause
from fleet.diagnosis.cause import Cause, Of
from fleet.diagnosis.subject import Subjects
from fleet.model.profile import CHAT, Profile
from fleet.model.promise import LateObjective
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot


class LateSubject(NamedTuple):
    """The promises of one latency that a workload does not keep."""

    late: Sequence[LateObjective]
    """Late objectives, the furthest beyond its limit first."""
    percentile: float
    """The same percentile over the shorter window of the screens, in seconds; NaN for not known."""
    profile: Profile = CHAT


@dataclass(frozen=True, kw_only=True)
class LateCause(Cause[LateSubject]):
    """A cause at a workload whose users wait longer than was promised."""

    of: ClassVar[Of] = Of.OBJECTIVE
    measure: str
    """``ttft``, ``itl`` or ``e2e``."""

    def subject(self, subjects: Subjects, key: str) -> LateSubject | None:
        return None if subjects.snapshot is None else late_subject(subjects.snapshot, key, self.measure)


def late_subject(snapshot: Snapshot, key: str, measure: str) -> LateSubject | None:
    """Look at the promises of a workload about one latency; None where all of them are kept."""
    promised = snapshot.promised.get(key)
    late = [one for one in promised.latencies if one.measure == measure] if promised is not None else []
    if not late:
        return None
    late.sort(key=lambda one: -one.bad / one.allowed)
    quantity = Quantity(f"{measure}_{late[0].percentile}")
    return LateSubject(late, snapshot.by_workload.value(key, quantity), snapshot.profiles.of(key))


def late_causes(snapshot: Snapshot, causes: Sequence[LateCause]) -> Iterator[ActiveCause]:
    """Yield the causes that hold of workloads."""
    for key, promised in snapshot.promised.items():
        for cause in causes if promised.latencies else ():
            seen = late_subject(snapshot, key, cause.measure)
            if seen is not None and cause.holds(seen) and key in snapshot.workloads:
                yield ActiveCause(cause, key)

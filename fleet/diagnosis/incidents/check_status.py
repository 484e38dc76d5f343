"""The status of a whole fleet in one word, as monitoring plugins report it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

from fleet.diagnosis.incidents.reach import holders
from fleet.model.finding import FindingState, Incident
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Snapshot


class CheckStatus(IntEnum):
    """Exit codes of the Monitoring Plugins Development Guidelines."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_BY_SEVERITY = {
    Severity.CRITICAL: CheckStatus.CRITICAL,
    Severity.WARNING: CheckStatus.WARNING,
    Severity.UNKNOWN: CheckStatus.UNKNOWN,
}
_WORST = (CheckStatus.CRITICAL, CheckStatus.WARNING, CheckStatus.UNKNOWN)


def counted(incidents: Iterable[Incident], *, pending: bool = False) -> list[Incident]:
    """Firing incidents, worst first; with ``pending``, also those that have not held long enough yet, sorted among the
    others by severity: the first line must explain the status.
    """
    states = {FindingState.FIRING, FindingState.PENDING} if pending else {FindingState.FIRING}
    return sorted((one for one in incidents if one.state in states), key=lambda one: rank(one.severity))


def check_status(incidents: Iterable[Incident], *, pending: bool = False) -> CheckStatus:
    """Return the worst status among the counted incidents; unknown counts only if nothing worse is known."""
    found = {_BY_SEVERITY.get(one.severity, CheckStatus.OK) for one in counted(incidents, pending=pending)}
    return next((worst for worst in _WORST if worst in found), CheckStatus.OK)


def foremost(snapshot: Snapshot, firing: Sequence[Incident], others: Iterable[Incident]) -> Incident | None:
    """Return the incident that the first line is about: the first that fires, or a worse one at a pod of it.

    What has just begun at the same pod says more about it than what has lasted long enough: an error of hours ago is
    not why its engine has stopped. The status is that of what fires. None if nothing fires.
    """
    first = next(iter(firing), None)
    if first is None:
        return None
    pods = _pods(snapshot, first)
    begun = (one for one in others if one.state is FindingState.PENDING and one.severity is Severity.CRITICAL)
    worse = (
        one for one in begun if rank(one.severity) < rank(first.severity) and not pods.isdisjoint(_pods(snapshot, one))
    )
    return next(worse, first)


def _pods(snapshot: Snapshot, incident: Incident) -> set[str]:
    """The keys of the pods with findings of an incident, at themselves or at a GPU that they hold."""
    found = {key for key in incident.objects if key in snapshot.pods}
    return found.union(*(holders(snapshot, key) for key in incident.objects if key in snapshot.gpus))

"""The status of a whole fleet in one word, as monitoring plugins report it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from fleet.model.finding import FindingState, Incident
from fleet.model.severity import Severity, rank


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

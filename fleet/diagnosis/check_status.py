"""One word for a whole fleet, as monitoring plugins say it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from fleet.model.finding import FindingState, Incident
from fleet.model.snapshot import Severity


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
    """Incidents that fire; with ``pending`` also those that have not held for long enough yet."""
    states = {FindingState.FIRING, FindingState.PENDING} if pending else {FindingState.FIRING}
    return [incident for incident in incidents if incident.state in states]


def check_status(incidents: Iterable[Incident], *, pending: bool = False) -> CheckStatus:
    """The worst of those that count; what is not known counts where nothing worse is known."""
    found = {_BY_SEVERITY.get(one.severity, CheckStatus.OK) for one in counted(incidents, pending=pending)}
    return next((worst for worst in _WORST if worst in found), CheckStatus.OK)

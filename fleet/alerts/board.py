"""The alerts of a Snapshot, joined to the objects that they concern, in both directions."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.alerts.alert_objects import AlertObjects, Index
from fleet.alerts.deduplication import MergedAlert, merged
from fleet.dataclass import dataclass
from fleet.model.alerts import Alert, Evaluated, Notified
from fleet.model.differences import are_same
from fleet.model.facts import Facts
from fleet.model.severity import Severity, rank
from fleet.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert and the objects that it concerns."""

    merged: MergedAlert
    concerned: AlertObjects

    @property
    def severity(self) -> Severity:
        return severity_of(self.merged.alert)


@dataclass(frozen=True, slots=True, eq=False)
class AlertBoard:
    """All alerts, and the alerts of each object."""

    rows: Mapping[str, AlertRow]
    """Rows by the key of the alert, the worst first."""
    of: Mapping[str, tuple[str, ...]]
    """Key of an object → keys of the alerts that concern it or a part of it, the worst first."""

    def about(self, key: str) -> tuple[AlertRow, ...]:
        """Return the alerts of an object that notify someone and have held for long enough."""
        every = (self.rows[alert] for alert in self.of.get(key, ()))
        return tuple(row for row in every if row.merged.alert.firing and not row.merged.alert.suppressed)


NONE = AlertBoard({}, {})
_SEVERITIES = {"critical": Severity.CRITICAL, "page": Severity.CRITICAL, "none": Severity.OK, "info": Severity.OK}
"""Values of the label severity of kube-prometheus; ``none`` is of alerts that always fire (Watchdog)."""


def severity_of(alert: Alert) -> Severity:
    """Return the severity set by the label that most rules use; a pending or suppressed alert is not counted as
    trouble.
    """
    if alert.suppressed:
        return Severity.ASLEEP
    if not alert.firing:
        return Severity.STARTING
    return _SEVERITIES.get(alert.severity.lower(), Severity.WARNING)


class AlertBoardMaker:
    """Makes the alert board of each Snapshot; returns the same object while its inputs are unchanged."""

    def __init__(self) -> None:
        self._facts: tuple[object, ...] = ()
        self._merged: tuple[MergedAlert, ...] = ()
        self._from: tuple[object, ...] = ()
        self._board = NONE

    def board_of(self, snapshot: Snapshot) -> AlertBoard:
        """Return the board of a Snapshot; it covers the whole cluster, whatever view is selected."""
        facts = snapshot.facts
        values = (*_facts_of(facts, Notified), *_facts_of(facts, Evaluated))
        if not values:
            return NONE
        if not are_same(self._facts, values):
            self._facts, self._merged = values, merged(facts)
        whole = snapshot.everything
        parts = (self._merged, whole.pods, whole.nodes, whole.workloads, whole.parts, whole.gpus, whole.models)
        if not are_same(self._from, parts):
            self._from, self._board = parts, _board(self._merged, Index(whole))
        return self._board


def _facts_of(facts: Facts, kind: type[Notified | Evaluated]) -> tuple[object, ...]:
    return tuple(dated.value for dated in facts.of(kind).values())


def _board(alerts: tuple[MergedAlert, ...], index: Index) -> AlertBoard:
    ordered = sorted(alerts, key=lambda one: (_rank(one.alert), -(one.alert.since or 0.0), one.alert.name, one.key))
    rows = {one.key: AlertRow(one, index.concerned(one.alert)) for one in ordered}
    of: dict[str, list[str]] = {}
    for key, row in rows.items():
        every = dict.fromkeys(row.concerned.objects)
        for one in row.concerned.objects:
            every |= dict.fromkeys(index.above(one))
        for one in every:
            of.setdefault(one, []).append(key)
    return AlertBoard(rows, {key: tuple(keys) for key, keys in of.items()})


def _rank(alert: Alert) -> int:
    return rank(severity_of(alert))

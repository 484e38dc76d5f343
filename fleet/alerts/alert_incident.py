"""Alerts matched to incidents: what monitoring reports and what the diagnosis finds, joined by the objects of both.

An alert belongs to the incident about its closest object; failing that, to one about a part of the workload or model
that it names. It belongs to one incident or to none; an alert with none is something that the diagnosis did not find.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fleet.alerts.alert_objects import Index
from fleet.alerts.board import AlertBoard, AlertRow
from fleet.dataclass import dataclass
from fleet.model.differences import are_same
from fleet.model.finding import Incident
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """The alerts of each incident, the incident of each alert, and the alerts of none."""

    of: Mapping[str, tuple[AlertRow, ...]]
    """Key of an incident → its alerts, worst first, including pending and suppressed ones."""
    by: Mapping[str, Incident]
    """Key of an alert → the incident that it belongs to."""
    alone: tuple[AlertRow, ...]
    """Firing, unsuppressed alerts that belong to no incident, worst first."""


NOTHING = Explained({}, {}, ())


class Explainer:
    """The incidents of the alerts of a fleet: the very same answer while alerts, incidents and objects are the same."""

    def __init__(self) -> None:
        self._from: tuple[object, ...] = ()
        self._explained = NOTHING

    def explained(self, snapshot: Snapshot, board: AlertBoard) -> Explained:
        """The alerts of a board, by the incidents of a Snapshot."""
        parts = (board, snapshot.incidents)
        # The board is replaced whenever one of its objects is.
        if not are_same(self._from, parts):
            self._from, self._explained = parts, _explained(snapshot, board)
        return self._explained


def _explained(snapshot: Snapshot, board: AlertBoard) -> Explained:
    at, under = _places(Index(snapshot), snapshot.incidents)
    of: dict[str, list[AlertRow]] = {}
    by: dict[str, Incident] = {}
    alone = []
    for key, row in board.rows.items():
        incident = _incident(row.concerned.objects, at, under)
        if incident is not None:
            of.setdefault(incident.key, []).append(row)
            by[key] = incident
        elif _counts(row):
            alone.append(row)
    return Explained({key: tuple(rows) for key, rows in of.items()}, by, tuple(alone))


def _places(index: Index, incidents: Sequence[Incident]) -> tuple[dict[str, Incident], dict[str, Incident]]:
    """The worst incident at each object, and at a part of each."""
    at: dict[str, Incident] = {}
    under: dict[str, Incident] = {}
    for incident in incidents:
        for key in dict.fromkeys((incident.about, *(one.key for one in incident.findings))):
            at.setdefault(key, incident)
            for above in index.above(key):
                under.setdefault(above, incident)
    return at, under


def _incident(objects: Iterable[str], at: Mapping[str, Incident], under: Mapping[str, Incident]) -> Incident | None:
    here = next((at[key] for key in objects if key in at), None)
    # Only the closest object has parts that matter: an alert about one pod is not explained by another pod.
    closest = next(iter(objects), "")
    return here or under.get(closest)


def _counts(row: AlertRow) -> bool:
    alert = row.merged.alert
    return alert.firing and not alert.suppressed and row.severity is not Severity.OK

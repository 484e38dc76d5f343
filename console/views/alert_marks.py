"""The marks of alerts on the rows and pages of the objects that they concern.

Every screen of the fleet draws them, and most fleets have none at first: the joining code is imported with the first
alert.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from console.views.incident_words import place
from console.views.layout import head, wrapped
from fleet.model.alerts import Evaluated, Notified
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from widgets.cells import NOTHING, Cell, Text
from widgets.line import Line
from widgets.severity import severity_role
from widgets.untrusted import untrusted, untrusted_line, untrusted_name

if TYPE_CHECKING:
    from fleet.alerts.alert_incident import Explained, Explainer
    from fleet.alerts.board import AlertBoard, AlertBoardMaker, AlertRow

_SUMMARIES = ("summary", "description", "message", "title")
_MAKERS: list[AlertBoardMaker] = []
_EXPLAINERS: list[Explainer] = []


def board(snapshot: Snapshot) -> AlertBoard | None:
    """Return the alerts of a Snapshot, and those of each object; None if no source has delivered any."""
    if not snapshot.facts.of(Notified) and not snapshot.facts.of(Evaluated):
        return None
    if not _MAKERS:
        from fleet.alerts.board import AlertBoardMaker

        _MAKERS.append(AlertBoardMaker())
    return _MAKERS[0].board_of(snapshot)


def explained(snapshot: Snapshot) -> Explained | None:
    """Return the alerts of each incident, and those without one; None if no source has delivered any alert."""
    alerts = board(snapshot)
    if alerts is None:
        return None
    if not _EXPLAINERS:
        from fleet.alerts.alert_incident import Explainer

        _EXPLAINERS.append(Explainer())
    return _EXPLAINERS[0].explained(snapshot, alerts)


def alerts_of(snapshot: Snapshot, incident: str) -> tuple[AlertRow, ...]:
    """The alerts that belong to an incident, by its key; the worst first."""
    found = explained(snapshot)
    return found.of.get(incident, ()) if found is not None else ()


def unexplained(snapshot: Snapshot) -> dict[str, AlertRow]:
    """The alerts in view that belong to no incident, by their keys; the worst first."""
    found, namespace = explained(snapshot), snapshot.cluster.namespace
    rows = found.alone if found is not None else ()
    return {row.merged.key: row for row in rows if not namespace or row.concerned.namespace in ("", namespace)}


def concerning(snapshot: Snapshot, key: str) -> tuple[AlertRow, ...]:
    """Return the notifying alerts about an object, or a part of it; worst first."""
    alerts = board(snapshot)
    return alerts.about(key) if alerts is not None else ()


def mark(snapshot: Snapshot, key: str) -> Cell:
    """The number of alerts of an object; blank for none."""
    rows = concerning(snapshot, key)
    return Text(str(len(rows)), severity_role(rows[0].severity)) if rows else NOTHING


def any_concern(snapshot: Snapshot) -> bool:
    """True if some object has an alert that notifies somebody."""
    alerts = board(snapshot)
    return alerts is not None and any(alerts.about(key) for key in alerts.of)


def names_of(snapshot: Snapshot, key: str) -> tuple[str, Severity]:
    """The names of the alerts of an object, each once, and how bad the worst of them is; empty for none."""
    rows = concerning(snapshot, key)
    names = ", ".join(dict.fromkeys(untrusted(row.merged.alert.name) for row in rows))
    return names, rows[0].severity if rows else Severity.OK


def annotation_of(row: AlertRow) -> str:
    """Return the annotation that summarises it in a sentence; empty if there is none."""
    annotations = row.merged.alert.annotations
    return next((annotations[name] for name in _SUMMARIES if annotations.get(name)), "")


def summary_of(row: AlertRow) -> str:
    """Return the annotation that summarises it; without one, why it could not be joined."""
    return annotation_of(row) or row.concerned.unjoined


def alert_section(snapshot: Snapshot, key: str, width: int) -> list[Line]:
    """The alerts of an object, for its page."""
    alerts = board(snapshot)
    keys = alerts.of.get(key, ()) if alerts is not None else ()
    lines = alert_state_lines((alerts.rows[one] for one in keys) if alerts is not None else (), width)
    return [head("alerts", "* opens them"), *lines] if lines else []


def alert_state_lines(rows: Iterable[AlertRow], width: int) -> list[Line]:
    """Alerts with their states, two lines each at most."""
    lines: list[Line] = []
    for row in rows:
        text = untrusted_line(f"{row.merged.alert.name}  {summary_of(row)}")
        lines += wrapped(row.merged.alert.state, text, width, severity_role(row.severity))[:2]
    return lines


def object_words(snapshot: Snapshot, row: AlertRow) -> str:
    """The closest object of an alert as a person calls it, or the namespace that it names, in brackets."""
    objects = row.concerned.objects
    if not objects:
        return row.concerned.namespace and f"({row.concerned.namespace})"
    return untrusted_name(place(snapshot, objects[0]))

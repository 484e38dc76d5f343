"""The marks of alerts on the rows and pages of the objects that they concern.

Every screen of the fleet draws them, and most fleets have none at first: what joins alerts is imported with the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.views.layout import head, wrapped
from fleet.model.alerts import Evaluated, Notified
from fleet.model.snapshot import Severity, Snapshot
from widgets.cells import NOTHING, Cell, Text
from widgets.line import Line
from widgets.severity import severity_role
from widgets.untrusted import untrusted, untrusted_line

if TYPE_CHECKING:
    from fleet.alerts.board import Board, BoardMaker
    from fleet.alerts.board import Row as AlertRow

_SUMMARIES = ("summary", "description", "message", "title")
_MAKERS: list[BoardMaker] = []


def board(snapshot: Snapshot) -> Board | None:
    """The alerts of a Snapshot, and those of each object; None where no source has told of any."""
    if not snapshot.facts.of(Notified) and not snapshot.facts.of(Evaluated):
        return None
    if not _MAKERS:
        from fleet.alerts.board import BoardMaker

        _MAKERS.append(BoardMaker())
    return _MAKERS[0].board_of(snapshot)


def concerning(snapshot: Snapshot, key: str) -> tuple[AlertRow, ...]:
    """The alerts of which somebody is told about an object, or a part of it; the worst first."""
    alerts = board(snapshot)
    return alerts.telling(key) if alerts is not None else ()


def mark(snapshot: Snapshot, key: str) -> Cell:
    """The number of alerts of an object; blank for none."""
    rows = concerning(snapshot, key)
    return Text(str(len(rows)), severity_role(rows[0].severity)) if rows else NOTHING


def any_concern(snapshot: Snapshot) -> bool:
    """Whether some object has an alert of which somebody is told."""
    alerts = board(snapshot)
    return alerts is not None and any(alerts.telling(key) for key in alerts.of)


def names_of(snapshot: Snapshot, key: str) -> tuple[str, Severity]:
    """The names of the alerts of an object, each once, and how bad the worst of them is; empty for none."""
    rows = concerning(snapshot, key)
    names = ", ".join(dict.fromkeys(untrusted(row.told.alert.name) for row in rows))
    return names, rows[0].severity if rows else Severity.OK


def summary_of(row: AlertRow) -> str:
    """The annotation that says it in a sentence; where there is none, why it could not be joined."""
    annotations = row.told.alert.annotations
    said = next((annotations[name] for name in _SUMMARIES if annotations.get(name)), "")
    return said or row.concerned.unjoined


def alert_section(snapshot: Snapshot, key: str, width: int) -> list[Line]:
    """The alerts of an object, for its page."""
    alerts = board(snapshot)
    keys = alerts.of.get(key, ()) if alerts is not None else ()
    lines: list[Line] = []
    for row in (alerts.rows[one] for one in keys) if alerts is not None else ():
        said = untrusted_line(f"{row.told.alert.name}  {summary_of(row)}")
        lines += wrapped(row.told.alert.state, said, width, severity_role(row.severity))[:2]
    return [head("alerts", "* opens them"), *lines] if lines else []

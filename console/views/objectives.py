"""Objectives in words: the target, its current state, the remaining budget and its burn rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from console.views.filter import Filter
from console.views.layout import head, packed, wrapped
from fleet.dataclass import dataclass
from fleet.model.quantity import MEANINGS, Unit
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from fleet.objectives.burn_rate import DAY, HOUR, BurnPace, ErrorBudget
from fleet.objectives.objective import Indicator, Objective
from themes.glyphs import UNICODE, Glyphs
from themes.palette import Role
from widgets.cells import NOTHING, Cell, Name, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import Line, Span
from widgets.severity import severity_role
from widgets.untrusted import untrusted_line, untrusted_name
from widgets.values import age_text, percent_text, reading_text, significant

if TYPE_CHECKING:
    from fleet.objectives.board import ObjectiveBoard, ObjectiveBoardMaker, ObjectiveRow

SHOWN: Final = ((HOUR, "1h"), (6 * HOUR, "6h"), (3 * DAY, "3d"))
"""Windows whose burn rates are shown."""
_COLUMNS = (
    GridColumn("subject", "MODEL", 16, align="left", grow=2, widest=40, priority=0, share=0.22),
    GridColumn("objective", "OBJECTIVE", 16, align="left", widest=18, priority=0),
    GridColumn("now", "NOW", 7, priority=0),
    GridColumn("left", "LEFT%", 5, priority=0),
    *(GridColumn(f"burn_{name}", f"BURN {name}".upper(), 7, priority=1) for _, name in SHOWN),
    GridColumn("note", "", 20, align="left", grow=5, widest=120, priority=2, explains=True),
)
_SEVERITIES = {BurnPace.FAST: Severity.CRITICAL, BurnPace.SLOW: Severity.WARNING, BurnPace.CALM: Severity.OK}
_MAKERS: list[ObjectiveBoardMaker] = []


def board(snapshot: Snapshot) -> ObjectiveBoard | None:
    """Return the objectives of the view; None if nothing is counted yet."""
    if "objectives" not in snapshot.facts.by_source:
        return None
    if not _MAKERS:
        # Most first frames have none, so the join is imported with the first one.
        from fleet.objectives.board import ObjectiveBoardMaker

        _MAKERS.append(ObjectiveBoardMaker())
    return _MAKERS[0].board_of(snapshot)


def rows_of(snapshot: Snapshot, key: str) -> tuple[ObjectiveRow, ...]:
    """The objectives of a model or of a workload."""
    found = board(snapshot)
    return found.of.get(key, ()) if found is not None else ()


def target_text(objective: Objective, glyphs: Glyphs = UNICODE) -> str:
    """Return the promise: TTFT p95 ≤2.5s."""
    match objective.measure:
        case Indicator.AVAILABILITY:
            return f"available {glyphs.at_least}{100 * objective.share:.6g}%"
        case Indicator.ERRORS:
            return f"errors {glyphs.at_most}{100 * objective.budget:.4g}%"
        case _:
            measure, _, percentile = objective.name.partition("_")
            return f"{measure.upper()} {percentile} {glyphs.at_most}{objective.seconds:g}s"


def now_text(snapshot: Snapshot, row: ObjectiveRow, glyphs: Glyphs = UNICODE) -> str:
    """Return its current state: the number of the row, else that of the last minutes."""
    quantity = row.budget.objective.quantity
    if quantity is None:
        now = row.budget.now
        return glyphs.missing if now is None or math.isnan(now.bad) else f"{percent_text(1.0 - now.bad)}%"
    frame = snapshot.by_model if row.subject.kind == "model" else snapshot.by_workload
    unit = MEANINGS[quantity].unit
    return reading_text(frame.get(row.subject.key, quantity), unit, glyphs=glyphs, with_unit=unit is Unit.RATIO).text


def left_text(budget: ErrorBudget, glyphs: Glyphs = UNICODE) -> str:
    """Per cent of the budget that are left; below zero it is overspent."""
    return glyphs.missing if math.isnan(budget.left) else percent_text(budget.left)


def burn_text(budget: ErrorBudget, window: float, glyphs: Glyphs = UNICODE) -> str:
    """Return the burn rate relative to the allowed one."""
    burn = budget.burn(window)
    return glyphs.missing if math.isnan(burn) else f"{significant(round(burn, 2))}x"


def note_text(budget: ErrorBudget) -> str:
    """Return the remarks next to the numbers."""
    return "; ".join(_notes(budget))


def _notes(budget: ErrorBudget) -> Iterator[str]:
    pair = budget.pair
    if pair is not None and budget.left > 0:
        yield f"at the burn of {age_text(pair.long)} the rest is used up in {age_text(_rest(budget, pair.long))}"
    if budget.left <= 0:
        yield "nothing is left"
    if budget.is_snapped:
        yield f"counted at {budget.edge:g}s: no bucket ends at {budget.objective.seconds:g}s"
    if 0 < budget.covered < 0.99 * budget.period:
        yield f"{age_text(budget.covered)} of {age_text(budget.period)} counted"


def _rest(budget: ErrorBudget, window: float) -> float:
    """Return seconds until nothing is left, at the burn rate of a window."""
    return budget.left * budget.period / budget.burn(window)


def severity_of(found: ObjectiveBoard, row: ObjectiveRow) -> Severity:
    """Return its severity; an objective that is not promised is at most a note."""
    return _SEVERITIES[row.budget.pace] if found.are_promised else Severity.OK


def stands_on(found: ObjectiveBoard) -> str:
    """Return the source of the numbers."""
    ledger = found.ledger
    promised = "" if found.are_promised else "; defaults that nobody has agreed to: quarterdeck slo suggest"
    sparse = "" if not ledger.sparse else f"; windows from {age_text(min(ledger.sparse))} are sampled"
    return "; ".join((f"counted by {ledger.stands_on}{sparse}", *ledger.gaps)) + promised


def empty_text(snapshot: Snapshot) -> str:
    """Return why there are no objectives to show."""
    source = snapshot.source("objectives")
    if source is not None and source.problem:
        return untrusted_line(f"{source.problem}: {source.remedy}" if source.remedy else source.problem)
    if board(snapshot) is not None:
        return "no model here has an objective: set one in [objectives], or see quarterdeck slo suggest"
    return "counting …"


@dataclass(frozen=True, slots=True, eq=False)
class ObjectivesModel:
    """A GridModel of objectives."""

    snapshot: Snapshot
    filter: Filter
    sort: Sort | None = None
    columns: tuple[GridColumn, ...] = _COLUMNS

    @property
    def waiting(self) -> str:
        return "no objective matches\nesc shows all again" if self.filter else empty_text(self.snapshot)

    @property
    def groups(self) -> Sequence[RowGroup]:
        found = board(self.snapshot)
        rows = found.rows if found is not None else ()
        return [RowGroup(row.key) for row in rows if not self.filter or self.filter.matches(_words(row), {})]

    def row(self, key: str) -> GridRow:
        found, row = board(self.snapshot), row_of(self.snapshot, key)
        if found is None or row is None:
            return GridRow(key, tuple(NOTHING for _ in _COLUMNS))
        severity, budget = severity_of(found, row), row.budget
        role = severity_role(severity) if severity is not Severity.OK else Role.TEXT
        cells: tuple[Cell, ...] = (
            Name(untrusted_name(row.subject.key)),
            Text(target_text(budget.objective)),
            Text(now_text(self.snapshot, row)),
            Text(left_text(budget), Role.WARNING if budget.left <= 0 and found.are_promised else Role.TEXT),
            *(Text(burn_text(budget, window), role) for window, _ in SHOWN),
            Text(note_text(budget), Role.DIM),
        )
        return GridRow(key, cells, severity)


def row_of(snapshot: Snapshot, key: str) -> ObjectiveRow | None:
    """One objective by the key of its row."""
    found = board(snapshot)
    return next((row for row in found.rows if row.key == key), None) if found is not None else None


def _words(row: ObjectiveRow) -> str:
    return f"{row.subject.key} {target_text(row.budget.objective)} {row.budget.objective.name}"


def objective_lines(snapshot: Snapshot, key: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the section of a workload's page; empty without objectives, or if nothing is known of any."""
    found, rows = board(snapshot), [row for row in rows_of(snapshot, key) if _is_known(snapshot, row, glyphs)]
    if found is None or not rows:
        return []
    lines = [head("objectives"), *wrapped("", stands_on(found), width, Role.DIM)]
    for row in rows:
        budget, severity = row.budget, severity_of(found, row)
        role = severity_role(severity) if severity is not Severity.OK else Role.TEXT
        numbers = [
            ("now", now_text(snapshot, row, glyphs)),
            ("budget left", _percent(left_text(budget, glyphs), glyphs)),
            *((f"burn {name}", burn_text(budget, window, glyphs)) for window, name in SHOWN),
        ]
        values = [(name, Span(text, role)) for name, text in numbers]
        lines += packed(target_text(budget.objective, glyphs), values, width)
        lines += wrapped("", note_text(budget), width, Role.DIM)
    return lines


def _is_known(snapshot: Snapshot, row: ObjectiveRow, glyphs: Glyphs) -> bool:
    return now_text(snapshot, row, glyphs) != glyphs.missing or left_text(row.budget, glyphs) != glyphs.missing


def _percent(text: str, glyphs: Glyphs) -> str:
    return text if text == glyphs.missing else f"{text}%"

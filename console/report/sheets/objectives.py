"""Objectives as a table on stdout."""

from __future__ import annotations

import math

from console.report.sheets.sheet import DATA, DRAWN, Sheet, SheetCell, SheetColumn, SheetRow, number, words
from console.views.objectives import SHOWN, board, burn_text, left_text, note_text, now_text, target_text
from fleet.model.snapshot import Snapshot
from fleet.objectives.board import ObjectiveRow
from themes.glyphs import Glyphs
from widgets.untrusted import untrusted_name


def objectives_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Return the table of objectives: the target, its current state, the remaining budget and its burn rate."""
    columns = (
        SheetColumn("model", "MODEL", least=16, keep="end"),
        SheetColumn("objective", "OBJECTIVE", shown=DRAWN), SheetColumn("objective", "", shown=DATA),
        SheetColumn("target", "", shown=DATA),
        SheetColumn("now", "NOW", moves=True, shown=DRAWN),
        SheetColumn("budget_left", "LEFT", moves=True),
        *(SheetColumn(f"burn_{name}", f"BURN {name}", priority=1, moves=True) for _, name in SHOWN),
        SheetColumn("pace", "PACE", shown=DATA), SheetColumn("note", "NOTE", least=16, priority=2, moves=True),
    )  # fmt: skip

    def row(one: ObjectiveRow) -> SheetRow:
        budget = one.budget
        left = left_text(budget, glyphs)
        cells = (
            words(untrusted_name(one.subject.key)),
            SheetCell(target_text(budget.objective, glyphs)),
            words(budget.objective.name),
            number(budget.objective.share, glyphs),
            SheetCell(now_text(snapshot, one, glyphs)),
            number(budget.left, glyphs, left if left == glyphs.missing else f"{left}%"),
            *(number(_known(budget.burn(window)), glyphs, burn_text(budget, window, glyphs)) for window, _ in SHOWN),
            words(budget.pace.name.lower()),
            words(note_text(budget)),
        )
        return SheetRow(one.key, f"{one.subject.kind}/{untrusted_name(one.subject.name)}", cells)

    found = board(snapshot)
    return Sheet(columns, tuple(map(row, found.rows if found is not None else ())))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value

"""The revisions of a workload as a table on stdout."""

from __future__ import annotations

from collections.abc import Sequence

from actions.revisions import Revision
from console.report.sheets.sheet import DATA, WIDE, Sheet, SheetCell, SheetColumn, SheetRow, number, words
from console.views.revisions import difference_text, version_text
from themes.glyphs import Glyphs
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text

_COLUMNS = (
    SheetColumn("revision", "REVISION"),
    SheetColumn("current", "", shown=DATA),
    SheetColumn("pods", "PODS", "right"),
    SheetColumn("age", "AGE", "right", moves=True),
    SheetColumn("unlike", "DIFFERS FROM CURRENT", least=16),
    SheetColumn("version", "IMAGE, MODEL", least=16, priority=1),
    SheetColumn("cause", "WHY", least=12, priority=2),
    SheetColumn("by", "BY", least=8, priority=3, shown=WIDE),
    SheetColumn("name", "NAME", least=12, keep="end", priority=4),
)


def revisions_sheet(kind: str, revisions: Sequence[Revision], now: float, glyphs: Glyphs) -> Sheet:
    """Return the table of a workload of this kind, newest first. The name of a row is one that ``--to`` takes."""
    current = next((one for one in revisions if one.current), None)

    def row(one: Revision) -> SheetRow:
        age = max(0.0, now - one.created)
        cells = (
            SheetCell(f"{one.number}{' current' if one.current else ''}", one.number),
            SheetCell(str(one.current).lower(), one.current),
            number(one.pods, glyphs),
            SheetCell(age_text(age), age),
            words(difference_text(one, current)),
            words(version_text(one.version)),
            words(untrusted(one.cause)),
            words(untrusted(one.who)),
            words(untrusted_name(one.name)),
        )
        return SheetRow(one.name, untrusted_name(one.name), cells)

    return Sheet(_COLUMNS, tuple(map(row, revisions)), empty=f"this {kind} keeps no revisions")

"""Sources as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from console.report.sheets.columns import SIGN, SINCE
from console.report.sheets.sheet import DRAWN, WIDE, Sheet, SheetCell, SheetColumn, SheetRow, number, words
from fleet.model.severity import Severity
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from themes.glyphs import Glyphs
from widgets.severity import severity_glyph
from widgets.untrusted import untrusted, untrusted_line
from widgets.values import age_text

_BY_HEALTH: Final[Mapping[Health, Severity]] = {
    Health.STARTING: Severity.STARTING,
    Health.LIVE: Severity.OK,
    Health.DEGRADED: Severity.WARNING,
    Health.DOWN: Severity.CRITICAL,
    Health.OFF: Severity.ASLEEP,
}


def sources_sheet(snapshot: Snapshot, glyphs: Glyphs) -> Sheet:
    """Return the table of all sources, including those that are off."""
    columns = (
        SIGN._replace(shown=DRAWN), SheetColumn("name", "SOURCE"), SheetColumn("health", "HEALTH"), SINCE,
        SheetColumn("problem", "PROBLEM", least=16), SheetColumn("remedy", "WHAT TO DO", least=16, priority=1),
        SheetColumn("endpoint", "ENDPOINT", shown=WIDE),
    )  # fmt: skip

    def row(source: SourceStatus) -> SheetRow:
        cells = (
            SheetCell(severity_glyph(_BY_HEALTH[source.health], glyphs)),
            words(source.name),
            words(source.health.value),
            number(source.since, glyphs, age_text(max(0.0, snapshot.at - source.since))),
            words(untrusted_line(source.problem)),
            words(untrusted_line(source.remedy)),
            words(untrusted(source.endpoint)),
        )
        return SheetRow(source.name, f"source/{source.name}", cells)

    return Sheet(columns, tuple(map(row, snapshot.sources)), gap=1)

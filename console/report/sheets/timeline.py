"""The timeline as a table on stdout: time, object, event, author; below it the changes."""

from __future__ import annotations

from console.report.sheets.sheet import DATA, DRAWN, Sheet, SheetCell, SheetColumn, SheetRow, words
from console.views.timeline import event_text, place, utc_text
from fleet.timeline.entry import Entry
from fleet.timeline.timeline import Timeline
from widgets.untrusted import untrusted, untrusted_line

_COLUMNS = (
    SheetColumn("at", "TIME"),
    SheetColumn("within", "", shown=DATA),
    SheetColumn("object", "OBJECT", least=16, keep="end"),
    SheetColumn("event", "WHAT", least=20, shown=DRAWN),
    SheetColumn("what", "", shown=DATA),
    SheetColumn("kind", "", shown=DATA),
    SheetColumn("weight", "", shown=DATA),
    SheetColumn("who", "", shown=DATA),
    SheetColumn("times", "", shown=DATA),
)
NOTHING = Sheet(_COLUMNS, (), passing=True)


def timeline_sheet(timeline: Timeline) -> Sheet:
    """The entries, the first first."""
    return Sheet(_COLUMNS, tuple(map(_row, timeline.entries)), passing=True)


def _row(entry: Entry) -> SheetRow:
    cells = (
        SheetCell(utc_text(entry), entry.at),
        SheetCell("", entry.within),
        words(untrusted(place(entry.about))),
        SheetCell(untrusted_line(event_text(entry))),
        words(untrusted_line(entry.what)),
        words(entry.kind.value),
        words(entry.weight.value),
        words(untrusted_line(entry.who)),
        SheetCell(f"{entry.times}", entry.times),
    )
    below = tuple(map(untrusted_line, entry.changes)) if len(entry.changes) > 1 else ()
    name = f"{entry.about.kind.lower()}/{entry.about.name}" if entry.about.kind else entry.about.name
    return SheetRow(f"{entry.at} {entry.about} {entry.what}", untrusted(name), cells, below)

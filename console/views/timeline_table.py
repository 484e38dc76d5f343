"""The timeline on the screen: a row per entry, latest first, and the details of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.views.filter import Filter
from console.views.layout import wrapped
from console.views.timeline import clock, event_text, place, span, utc_text
from fleet.dataclass import dataclass
from fleet.model.severity import Severity
from fleet.timeline.entry import Entry, Weight
from fleet.timeline.timeline import Timeline
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.cells import Name, Text
from widgets.grid import GridColumn, GridRow, RowGroup, Sort
from widgets.line import Line, Span
from widgets.untrusted import untrusted, untrusted_line, untrusted_name

_COLUMNS = (
    GridColumn("when", "WHEN (UTC)", 17, align="left", priority=0),
    GridColumn("what", "WHAT", 32, align="left", grow=6, widest=400, priority=0, explains=True),
    GridColumn("object", "OBJECT", 20, align="left", grow=2, widest=44, priority=1),
    GridColumn("who", "BY", 9, align="left", grow=1, widest=22, priority=2),
)
_PRECISE = 1.0
"""Seconds: a time that is known to that is shown without more words."""
_ROLES: Mapping[Weight, Role] = {Weight.PLAIN: Role.TEXT, Weight.GOOD: Role.OK, Weight.BAD: Role.WARNING}
_SEVERITIES: Mapping[Weight, Severity] = {
    Weight.PLAIN: Severity.STARTING,
    Weight.GOOD: Severity.OK,
    Weight.BAD: Severity.WARNING,
}


@dataclass(frozen=True, slots=True, eq=False)
class TimelineModel:
    """A GridModel of entries; a key is the place of an entry among them."""

    timeline: Timeline
    filter: Filter
    waiting: str = ""
    sort: Sort | None = None
    columns: tuple[GridColumn, ...] = _COLUMNS

    @property
    def groups(self) -> Sequence[RowGroup]:
        entries = self.timeline.entries
        latest = range(len(entries) - 1, -1, -1)
        return [RowGroup(str(at)) for at in latest if not self.filter or _matches(entries[at], self.filter)]

    def row(self, key: str) -> GridRow:
        entry = self.timeline.entries[int(key)]
        cells = (
            Text(_when(entry, self.timeline.until)),
            Text(untrusted_line(event_text(entry, by=False)), _ROLES[entry.weight]),
            Name(untrusted(place(entry.about))),
            Text(untrusted(entry.who) or ("unknown" if entry.unknown else ""), Role.DIM),
        )
        return GridRow(key, cells, _SEVERITIES[entry.weight])


def _when(entry: Entry, now: float) -> str:
    """Return the clock of an entry, with how much later it may have been where that is more than a second."""
    at = clock(entry.at, now)
    return f"{at} +{span(entry.within)}" if entry.within > _PRECISE else at


def _matches(entry: Entry, wanted: Filter) -> bool:
    words = " ".join((utc_text(entry), place(entry.about), event_text(entry), *entry.changes))
    return wanted.matches(words, {"kind": str(entry.kind), "by": entry.who or "unknown", "object": place(entry.about)})


def title_lines(timeline: Timeline | None, of: str, width: int) -> list[Line]:
    """Return the object of the timeline, how far back it goes, and what could not be read."""
    name = Span(f" what happened to {untrusted_name(of)}" if of else " what happened", Role.STRONG)
    if timeline is None:
        return [Line((name,))]
    back = Span(f"  in {span(timeline.until - timeline.since)}, latest first", Role.DIM)
    lines = [Line((name, back))]
    if timeline.gaps:
        missing = "; ".join(dict.fromkeys(gap.what for gap in timeline.gaps))
        lines += wrapped("not available", untrusted(missing), width, Role.UNKNOWN)[:2]
    return lines


def entry_lines(entry: Entry, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the details of one entry as a page, with the evidence last."""
    del glyphs
    lines = [Line((Span(f" {untrusted_line(event_text(entry))}", _ROLES[entry.weight]),))]
    facts = [
        ("when", f"{utc_text(entry)} UTC, known to {span(entry.within) if entry.within >= 1 else 'the millisecond'}")
    ]
    if entry.last is not None:
        facts.append(("until", f"{span(entry.last - entry.at)} later"))
    facts.append(("object", place(entry.about)))
    facts += [("" if i else "of", place(ref)) for i, ref in enumerate(entry.objects)]
    facts.append(("by", entry.who or (f"unknown: {entry.unknown}" if entry.unknown else "nothing tells")))
    facts += [("" if i else "changed", change) for i, change in enumerate(entry.changes)]
    facts += [("" if i else "evidence", f"{one.where}  {one.value}".rstrip()) for i, one in enumerate(entry.evidence)]
    for label, text in facts:
        lines += wrapped(label, untrusted_line(text), width)
    return lines

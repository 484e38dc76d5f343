"""Faults of monitoring itself, as a page."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from console.views.layout import head, labelled, sections, wrapped
from fleet.model.counting import count
from fleet.monitoring.faults import Examined, FaultKind, MonitoringFault
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span
from widgets.untrusted import untrusted, untrusted_line

_ROLES: Mapping[FaultKind, Role] = {
    FaultKind.NOT_EVALUATED: Role.CRITICAL,
    FaultKind.DEAD: Role.WARNING,
    FaultKind.DOWN: Role.WARNING,
    FaultKind.TWICE: Role.WARNING,
    FaultKind.PARTLY: Role.DIM,
}
_REMARKS: Mapping[FaultKind, str] = {
    FaultKind.NOT_EVALUATED: "rules that are not evaluated",
    FaultKind.DEAD: "rules on series that do not exist: rare events have none yet, a wrong name never will",
    FaultKind.DOWN: "targets that are not scraped",
    FaultKind.TWICE: "scraped twice: sums are too high",
    FaultKind.PARTLY: "alternatives in rules, perhaps for other releases",
}


def examined_text(examined: Examined) -> str:
    """Return the result in a sentence, with the number of checks."""
    lies = sum(fault.kind is not FaultKind.PARTLY for fault in examined.faults)
    found = count(lies, "fault") if lies else "no problems in what was checked"
    asked = count(examined.queries, "query", "queries")
    looked = f"{count(examined.rules, 'rule')} with {count(examined.selectors, 'selector')}, in {asked}"
    return f"{found}; {looked}"


def monitoring_lines(examined: Examined, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the faults by kind, worst first, and what could not be checked."""
    del glyphs
    parts = [
        [head(kind.value, _REMARKS[kind]), *(line for fault in faults for line in _fault(fault, width))]
        for kind, faults in groupby(examined.faults, key=lambda fault: fault.kind)
    ]
    gaps = [line for gap in examined.gaps for line in wrapped("", untrusted_line(gap), width, Role.UNKNOWN)]
    title = [Line((Span(" can monitoring be trusted?", Role.STRONG), Span(f"  {examined_text(examined)}", Role.DIM)))]
    return sections(title, *parts, [head("not checked"), *gaps] if gaps else [])


def _fault(fault: MonitoringFault, width: int) -> list[Line]:
    return [
        labelled("", Span(untrusted(fault.about), _ROLES[fault.kind])),
        *wrapped("", untrusted_line(fault.what), width),
        *wrapped("", untrusted_line(fault.remedy), width, Role.DIM),
    ]

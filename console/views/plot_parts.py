"""Lines with a part for each curve, in whatever width there is: details go first, then names lose their beginnings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from widgets.line import Line, Span, fit_end, spans_width, width_of


class CurvePart(NamedTuple):
    """The spans of one curve in a line."""

    before: tuple[Span, ...]
    name: Span
    value: tuple[Span, ...]
    details: tuple[tuple[Span, ...], ...] = ()
    """Spans that may be left out, the first of them first."""


def parts_line(head: tuple[Span, ...], parts: Sequence[CurvePart], width: int, ellipsis: str) -> Line:
    """Return a line of at most ``width`` cells, in which each curve has a name and a value."""
    names = [part.name.text for part in parts]
    most = max((len(part.details) for part in parts), default=0)
    for left_out in range(most + 1):
        spans = [(part.before, part.value, _joined(part.details[left_out:])) for part in parts]
        room = width - spans_width(head) - sum(spans_width(some) for each in spans for some in each)
        if room >= sum(map(width_of, names)) or left_out == most:
            break
    cut = _shared(names, max(0, room), ellipsis)
    line = list(head)
    for part, name, (before, value, details) in zip(parts, cut, spans, strict=True):
        line += [*before, Span(name, part.name.role), *value, *details]
    return Line(tuple(line))


def _joined(details: Sequence[tuple[Span, ...]]) -> tuple[Span, ...]:
    return tuple(span for some in details for span in some)


def _shared(names: Sequence[str], room: int, ellipsis: str) -> list[str]:
    """Return names within ``room`` cells: the short ones whole. Pods of one workload differ at their ends."""
    cut = list(names)
    for done, place in enumerate(sorted(range(len(names)), key=lambda at: width_of(names[at]))):
        mine = min(width_of(names[place]), room // (len(names) - done))
        cut[place] = fit_end(names[place], mine, "left", ellipsis)
        room -= mine
    return cut

"""Cells of the grid. A cell knows its content; its width is given when it is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from fleet.model.quantity import Unit
from fleet.model.reading import Bound, Reading, State
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.bar import bar_spans
from widgets.line import Align, Span, fit, fit_end, fit_spans
from widgets.strip_chart import ChartScale, strip_chart
from widgets.values import fewer_digits, reading_text


class Cell(Protocol):
    """Compared by value from tick to tick."""

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        """Spans of exactly ``width`` cells."""
        ...


class Text(NamedTuple):
    """Text in one role. Text from outside goes through ``untrusted`` first."""

    text: str
    role: Role = Role.TEXT

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        return (Span(fit(self.text, width, align, glyphs.ellipsis), self.role),)


class Name(NamedTuple):
    """The name of an object, cut at the start: its end distinguishes it from its neighbours (the pods of one
    workload).
    """

    text: str
    role: Role = Role.TEXT

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        return (Span(fit_end(self.text, width, align, glyphs.ellipsis), self.role),)


class Spans(NamedTuple):
    """Text in several roles."""

    spans: tuple[Span, ...]

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        return fit_spans(self.spans, width, align, glyphs.ellipsis)


class Marked(NamedTuple):
    """A cell behind the sign of an incident: its root is at this object (``root``), or the object has a part in it."""

    cell: Cell
    root: bool

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        if width < _MARKED:
            return self.cell.draw(width, align, glyphs)
        sign = Span(glyphs.root, Role.ACCENT) if self.root else Span(glyphs.part, Role.DIM)
        return (sign, Span(" "), *self.cell.draw(width - 2, align, glyphs))


_MARKED = 8
"""Width of a column from which there is room for the sign."""


class Number(NamedTuple):
    """A reading: missing, unknown, stale and bounded values drawn as such. ``role`` replaces that of a fresh value."""

    reading: Reading
    unit: Unit
    role: Role = Role.TEXT
    stand_in: bool = False

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        text, role = reading_text(self.reading, self.unit, glyphs=glyphs)
        if self.reading.state is State.STALE:
            aged = reading_text(self.reading, self.unit, glyphs=glyphs, with_age=True).text
            text = aged if len(aged) <= width else text
        if self.reading.bound is Bound.WITHIN and len(text) > width:
            # A truncated edge would be a different number; "at least the lower edge" is also true.
            least = replace(self.reading, bound=Bound.AT_LEAST, edge=self.reading.low)
            text = reading_text(least, self.unit, glyphs=glyphs).text
        if self.stand_in:
            text = glyphs.about + text
        text = fit(fewer_digits(text, width), width, align, glyphs.ellipsis)
        return (Span(text, self.role if role is Role.TEXT else role),)


class Usage(NamedTuple):
    """A ratio as a bar and its per cent; the number alone where there is no room for a bar."""

    reading: Reading
    role: Role = Role.BAR

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        text, role = reading_text(self.reading, Unit.RATIO, glyphs=glyphs)
        room = width - _PERCENT_WIDTH - 1
        if room < _SHORTEST_BAR:
            return (Span(fit(text, width, align, glyphs.ellipsis), role),)
        ratio = self.reading.value if self.reading.known else math.nan
        asleep = self.role if self.role is Role.ASLEEP else None
        return (
            *bar_spans(ratio, room, Role.STALE if role is Role.STALE else self.role, glyphs),
            Span(" " + fit(text, _PERCENT_WIDTH, "right", glyphs.ellipsis), asleep or role),
        )


_PERCENT_WIDTH = 4
_SHORTEST_BAR = 3


class Trend(NamedTuple):
    """The recent history as a strip, right-aligned in its column, so that the same moment is always at the same
    place.
    """

    values: Sequence[float]
    scale: ChartScale

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        del align
        return (Span(strip_chart(self.values, width, self.scale, glyphs), Role.TREND),)


NOTHING = Text("")
"""A cell that does not apply to its row. A value that should be there and is not is a ``Number`` that is missing."""

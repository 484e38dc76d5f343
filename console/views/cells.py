"""Cells that only these screens have, beside those of widgets.cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Align, Span, fit, width_of
from widgets.strip_chart import Scale, strip_chart

_LEAST_STRIP = 6
"""Cells below which a strip says nothing."""


class Tail(NamedTuple):
    """A name whose end tells it from its neighbours (pods of one workload): cut in front."""

    text: str
    role: Role = Role.TEXT

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        text = self.text
        if width_of(text) > width > 1:
            while width_of(text) > width - 1:
                text = text[1:]
            text = glyphs.ellipsis + text
        return (Span(fit(text, width, align, glyphs.ellipsis), self.role),)


class Story(NamedTuple):
    """Why something stands as it does, and the strip of what led there in the room that is left.

    The strip ends at the right edge of the column in every row, so that the same moment is in the same place.
    """

    reason: str
    role: Role
    values: Sequence[float]
    scale: Scale

    def draw(self, width: int, align: Align, glyphs: Glyphs) -> tuple[Span, ...]:
        del align
        taken = width_of(self.reason) + 1 if self.reason else 0
        room = width - taken
        if self.reason and room < _LEAST_STRIP:
            return (Span(fit(self.reason, width, "left", glyphs.ellipsis), self.role),)
        strip = Span(strip_chart(self.values, room, self.scale, glyphs), Role.TREND)
        return (Span(self.reason + " ", self.role), strip) if self.reason else (strip,)

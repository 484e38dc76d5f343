"""A painted line that is freed when nobody shows it any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.strip import Strip


class LineStrip(Strip):
    """A Strip that does not hold on to itself.

    Textual keeps the parts of a strip that was divided in the strip, and a line that goes from edge to edge has one
    part: itself. Every line that was ever painted is then a cycle of thirty objects, and waits for the collector.
    """

    __slots__ = ()

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        inside = [cut for cut in cuts if cut <= self.cell_length]
        return [self] if inside == [self.cell_length] else super().divide(inside)

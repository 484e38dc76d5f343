"""Dots in cells: braille (2 by 4 to a cell), half blocks (1 by 2) if a terminal has no braille, or one ASCII character.

No plotting library is used. plotext costs 35 ms of CPU to import (5.3; 6.1 costs 120) and 5 ms to paint 75 columns,
where ``widgets.chart`` takes 2 for 120; it keeps one global figure, returns a string of escape sequences that would
have to be parsed back, and has neither bands nor marks on its axis. drawille only has dots, which is this file.
"""

from __future__ import annotations

from collections.abc import Sequence

from themes.glyphs import Dots, Glyphs

_BRAILLE = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of U+2800 by column and row, from the top."""
_SIZES = {Dots.BRAILLE: (2, 4), Dots.BLOCKS: (1, 2), Dots.SIGNS: (1, 1)}
_HALVES = " ▀▄█"


class Raster:
    """A field of dots, ``across`` by ``down`` cells; points outside it are ignored."""

    def __init__(self, across: int, down: int, glyphs: Glyphs, sign: str = "*") -> None:
        self._kind = glyphs.dots
        self._sign = sign
        wide, high = _SIZES[self._kind]
        self.width, self.height = across * wide, down * high
        """Both in dots."""
        self._wide, self._high = wide, high
        self._cells = [[0] * across for _ in range(down)]

    def dot(self, x: int, y: int) -> None:
        """Set a dot; ``y`` counts from the top."""
        if 0 <= x < self.width and 0 <= y < self.height:
            column, row = (x % self._wide, y % self._high)
            bit = _BRAILLE[column][row] if self._kind is Dots.BRAILLE else 1 << row
            self._cells[y // self._high][x // self._wide] |= bit

    def curve(self, rows: Sequence[int | None], *, dotted: bool = False) -> None:
        """Join the heights of all columns of dots: a jump is a vertical line, None a gap."""
        before: int | None = None
        for x, y in enumerate(rows):
            if y is not None and not (dotted and x % (2 * self._wide) >= self._wide):
                first, last = (y, y) if before is None else (min(y, before), max(y, before))
                for each in range(first, last + 1):
                    self.dot(x, each)
            before = y

    def rows(self) -> list[str]:
        """The cells as text, line by line; blank where there is no dot."""
        return ["".join(map(self._glyph, row)) for row in self._cells]

    def _glyph(self, bits: int) -> str:
        if not bits:
            return " "
        if self._kind is Dots.BRAILLE:
            return chr(0x2800 + bits)
        return _HALVES[bits] if self._kind is Dots.BLOCKS else self._sign

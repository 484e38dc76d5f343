"""A widget for the lines of a view."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from themes.glyphs import Glyphs
from widgets.line import Line, ended
from widgets.line_view import LineView

Draw = Callable[[int, Glyphs], Sequence[Line]]


def draw_nothing(width: int, glyphs: Glyphs) -> Sequence[Line]:
    """Draw no lines."""
    del width, glyphs
    return ()


class Lines(LineView):
    """Shows the lines of ``draw(width, glyphs)``, redrawn for another width and compared with the current ones."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._draw_lines: Draw = draw_nothing

    def on_unmount(self) -> None:
        self._draw_lines = draw_nothing

    def show(self, draw: Draw) -> int:
        """Show other lines; returns the number of lines refreshed."""
        self._draw_lines = draw
        return self.redraw()

    def lines(self, width: int, height: int) -> Sequence[Line]:
        glyphs = self.glyphs
        return [ended(line, width, glyphs.ellipsis) for line in self._draw_lines(width, glyphs)[:height]]

"""A page with the lines of a view: scrolls and searches like text, and keeps its colours."""

from __future__ import annotations

from collections.abc import Sequence

from console.screens.lines import Draw, draw_nothing
from widgets.line import Line, ended
from widgets.text_pane import TextPane


class Page(TextPane):
    """Shows the lines of ``draw(width, glyphs)``. During a search only matches are coloured."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._draw_page: Draw = draw_nothing
        self._page: Sequence[Line] = ()

    def on_unmount(self) -> None:
        self._draw_page, self._page = draw_nothing, ()

    def show(self, draw: Draw) -> int:
        """Show another page in place, keeping the position if possible. Returns the number of lines refreshed."""
        self._draw_page = draw
        return self._lay_out()

    @property
    def end(self) -> int:
        return len(self._page)

    @property
    def below(self) -> int:
        """Number of lines below the screen."""
        return max(0, self.end - self._at[0] - self.size.height)

    def text(self, number: int) -> str:
        return "".join(span.text for span in self._page[number].spans)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        if self.searching or self.wrapped or self._offset:
            return super().lines(width, height)
        shown = self._page[self._at[0] : self._at[0] + height]
        return [ended(line, width, self.glyphs.ellipsis) for line in shown]

    def on_resize(self) -> None:
        self._lay_out()

    @property
    def searching(self) -> bool:
        """True while matches are coloured."""
        return self._pattern is not None

    def _lay_out(self) -> int:
        self._page = self._draw_page(self.size.width, self.glyphs)
        self._move(*self._at)
        return self.redraw()

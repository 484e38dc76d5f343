"""A page with a chart that the mouse can point at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.message import Message

from themes.glyphs import Glyphs
from widgets.line import Line
from widgets.line_view import LineView

Draw = Callable[[int, int, Glyphs], Sequence[Line]]


class ChartView(LineView, can_focus=True):
    """Shows the lines of ``draw(width, height, glyphs)``, and reports the position of the mouse."""

    class Pointed(Message):
        """The mouse is on a column; ``is_pressed`` with a button held down."""

        def __init__(self, x: int, *, is_pressed: bool) -> None:
            super().__init__()
            self.x = x
            self.is_pressed = is_pressed

    DEFAULT_CSS = """
    ChartView {
        height: 1fr;
    }
    """

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self._draw_page = draw

    def lines(self, width: int, height: int) -> Sequence[Line]:
        return self._draw_page(width, height, self.glyphs)

    def on_resize(self) -> None:
        self.redraw()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.post_message(self.Pointed(event.x, is_pressed=True))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.post_message(self.Pointed(event.x, is_pressed=event.button > 0))

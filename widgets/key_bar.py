"""The last line of every screen: the keys that do something here and now."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from textual import events
from textual.message import Message

from themes.palette import Role
from widgets.line import Line, Span, width_of
from widgets.line_parts import LinePart, arrange
from widgets.line_view import LineView


class Hint(NamedTuple):
    """A key and what it does, in a word or two."""

    key: str
    title: str
    last: bool = False
    """Shown at the right end and dropped last: help, quit."""
    id: str = ""
    """The id of its command, for clicks."""


def keybar_line(hints: Sequence[Hint], width: int) -> Line:
    """Return as many hints as fit, the first ones first."""
    parts = [
        (hint, LinePart((Span(hint.key, Role.KEY), Span(" " + hint.title, Role.DIM)), 2 + i))
        for i, hint in enumerate(hints)
    ]
    left = [part for hint, part in parts if not hint.last]
    right = [part._replace(priority=1) for hint, part in parts if hint.last]
    return arrange(left, right, width, gap=2)


class Keybar(LineView):
    """One line of key hints."""

    DEFAULT_CSS = """
    Keybar {
        height: 1;
        dock: bottom;
    }
    """

    class Picked(Message):
        """A hint was clicked."""

        def __init__(self, id: str) -> None:  # noqa: A002 - the hint's
            super().__init__()
            self.id = id

    def __init__(self, *hints: Hint, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._hints: tuple[Hint, ...] = hints

    def show(self, hints: Sequence[Hint]) -> int:
        """Show other hints; returns 1 when the line had to be written again."""
        if (shown := tuple(hints)) == self._hints:
            return 0
        self._hints = shown
        return self.redraw()

    def on_click(self, event: events.Click) -> None:
        end = 0
        spans = keybar_line(self._hints, self.size.width).spans
        for key, words in itertools.pairwise(spans):
            start, end = end, end + width_of(key.text)
            if key.role is Role.KEY and start <= event.x < end + width_of(words.text):
                hint = next((h for h in self._hints if h.key == key.text and f" {h.title}" == words.text), None)
                if hint is not None and hint.id:
                    self.post_message(self.Picked(hint.id))
                return

    def lines(self, width: int, height: int) -> Sequence[Line]:
        del height
        return [keybar_line(self._hints, width)]

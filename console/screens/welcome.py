"""A short introduction on the first start; the first key dismisses it for good."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from console.screens.lines import Lines
from console.views.layout import followed
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span

if TYPE_CHECKING:
    from console.screens.base import ConsoleScreen

_SHOWS = (
    "Everything that serves models here, worst first: each row shows its health and the reason, the line at the "
    "top the worst problem, and the lines below the table what happened to the row under the cursor."
)
_KEYS = (("enter", "everything about a row"), ("f", "what is wrong, since when, and why"), ("?", "every key"))
_HEIGHT = 20
"""Lines of a screen without which the rows need the room."""


class Welcome(Lines):
    """The text, until the first key. ``file`` then records that it was seen."""

    def __init__(self, file: Path) -> None:
        super().__init__(id="welcome")
        self._file = file

    def forget_hint(self) -> None:
        """Go, and do not come again."""
        self.remove()
        # If the file cannot be written they appear again, which is harmless.
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file.touch(mode=0o600)


def welcome(screen: ConsoleScreen, file: Path) -> None:
    """Show the words on the first screen, where there is room."""
    if screen.size.height < _HEIGHT:
        return
    shown = Welcome(file)
    lines = welcome_lines(screen.size.width, shown.glyphs)
    shown.styles.height = len(lines)
    shown.show(lambda _width, _glyphs: lines)
    screen.mount(shown, before="MessageLine")


def welcome_lines(width: int, glyphs: Glyphs) -> list[Line]:
    """The words, for a width."""
    rule = Line((Span(f"{glyphs.horizontal * 2} ", Role.DIM), Span("first start ", Role.HEAD)))
    lines = [rule, *followed((Span("   "),), _SHOWS, Role.TEXT, width - 1, 3)]
    for key, words in _KEYS:
        lines.append(Line((Span(f"   {key:<7}", Role.KEY), Span(words))))
    lines.append(Line((Span("   the next key dismisses these lines for good", Role.DIM),)))
    return lines

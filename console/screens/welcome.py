"""A few words on the first start, which go with the first key and do not come again."""

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
    "What serves models here, the worst first: each row says how it stands and why, the line at the top what is worst, "
    "and the lines below the table what happened to the row under the cursor."
)
_KEYS = (("enter", "everything about a row"), ("f", "what is wrong, since when, and why"), ("?", "every key"))
_HEIGHT = 20
"""Lines of a screen without which the rows need the room."""


class Welcome:
    """Belongs to the first screen. ``file`` says that somebody has seen it; None for nobody to be welcomed."""

    def __init__(self, screen: ConsoleScreen, file: Path | None) -> None:
        self._screen = screen
        self._file = file
        self._lines: Lines | None = None

    def show(self) -> None:
        """Show the words, where nobody has seen them and there is room."""
        if self._file is None or self._lines is not None or self._screen.size.height < _HEIGHT:
            return
        if self._file.exists():
            self._file = None
            return
        lines = self._lines = Lines(id="welcome")
        words = welcome_lines(self._screen.size.width, lines.glyphs)
        lines.styles.height = len(words)
        lines.show(lambda _width, _glyphs: words)
        self._screen.mount(lines, before="MessageLine")

    def end(self) -> None:
        """Take them away; they do not come again."""
        if self._lines is None or self._file is None:
            return
        self._lines.remove()
        file, self._file = self._file, None
        # Where nothing can be written they come again, which harms nobody.
        with suppress(OSError):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.touch(mode=0o600)


def welcome_lines(width: int, glyphs: Glyphs) -> list[Line]:
    """The words, for a width."""
    rule = Line((Span(f"{glyphs.horizontal * 2} ", Role.DIM), Span("first start ", Role.HEAD)))
    lines = [rule, *followed((Span("   "),), _SHOWS, Role.TEXT, width - 1, 3)]
    for key, words in _KEYS:
        lines.append(Line((Span(f"   {key:<7}", Role.KEY), Span(words))))
    lines.append(Line((Span("   the next key takes these lines away for good", Role.DIM),)))
    return lines

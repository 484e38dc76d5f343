"""The line that is typed into, as every form, field and prompt here has it."""

from __future__ import annotations

from textual.suggester import Suggester
from textual.widgets import Input

from widgets.untrusted import untrusted_line


class TypedLine(Input):
    """Textual's input in one row that writes nothing to the terminal while nobody types."""

    def __init__(self, placeholder: str = "", suggester: Suggester | None = None) -> None:
        super().__init__(compact=True, select_on_focus=False, placeholder=placeholder, suggester=suggester)
        # A blinking cursor would write to the terminal twice a second for as long as the line has the focus.
        self.cursor_blink = False

    def replace(self, text: str, start: int, end: int) -> None:
        """Replace a part of the line, as everything typed or pasted does. Control functions in a paste are dropped."""
        super().replace(untrusted_line(text), start, end)

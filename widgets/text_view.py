"""A document to read: describe, YAML, an error in full."""

from __future__ import annotations

from widgets.text_pane import TextPane
from widgets.untrusted import untrusted_line


class TextView(TextPane):
    """A pane that shows a text; keys, wrapping and search are TextPane's."""

    def __init__(self, text: str = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._text = _safe_lines(text)

    def on_unmount(self) -> None:
        self._text = ()

    def show(self, text: str) -> int:
        """Show another version of the text in place, keeping the position if possible.

        Returns the number of lines refreshed.
        """
        self._text = _safe_lines(text)
        self._move(*self._at)
        return self.redraw()

    @property
    def end(self) -> int:
        return len(self._text)

    def text(self, number: int) -> str:
        return self._text[number]


def _safe_lines(text: str) -> tuple[str, ...]:
    return tuple(untrusted_line(line) for line in text.splitlines())

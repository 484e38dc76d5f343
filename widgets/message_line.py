"""One line for the latest event: short, in words, hidden after a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from textual.timer import Timer

from themes.palette import Role
from widgets.line import Line, Span, fit
from widgets.line_view import LineView
from widgets.untrusted import untrusted


@runtime_checkable
class Passing(Protocol):
    """A widget with a text that the next key dismisses."""

    def forget_hint(self) -> None: ...


class MessageLine(LineView):
    """``say`` shows a message until the next one, ``clear``, or its time is over."""

    DEFAULT_CSS = """
    MessageLine {
        height: 1;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._text = ""
        self._role = Role.TEXT
        self._is_answer = True
        self._timer: Timer | None = None

    @property
    def text(self) -> str:
        """The current message; empty for none."""
        return self._text

    def say(self, text: str, role: Role = Role.TEXT, seconds: float | None = 10.0, *, is_event: bool = False) -> None:
        """Show a message for ``seconds``, or until the next one (None), for a lasting condition.

        ``is_event`` is for what happened by itself: a key that was pressed at the same moment does not hide it.
        """
        self._stop_timer()
        self._text, self._role = untrusted(text), role
        self._is_answer = not is_event and role is not Role.ERROR
        if seconds is not None:
            self._timer = self.set_timer(seconds, self.clear)
        self.redraw()

    def forget_hint(self) -> None:
        """Hide the answer to a key; an error or an event stays for its time."""
        if self._text and self._is_answer and self._timer is not None:
            self.clear()

    def clear(self) -> None:
        """Hide the message."""
        self._stop_timer()
        self._text = ""
        self.redraw()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def lines(self, width: int, height: int) -> Sequence[Line]:
        del height
        if not self._text:
            return []
        return [Line((Span(" "), Span(fit(self._text, max(0, width - 2), "left", self.glyphs.ellipsis), self._role)))]

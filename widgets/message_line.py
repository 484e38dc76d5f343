"""One line for what just happened: short, in words, gone after a while."""

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
    """A widget that says something which is over with the next key."""

    def forget_hint(self) -> None: ...


class MessageLine(LineView):
    """``say`` something; it stays until the next message, ``clear``, or its time is over."""

    DEFAULT_CSS = """
    MessageLine {
        height: 1;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._text = ""
        self._role = Role.TEXT
        self._timer: Timer | None = None

    @property
    def text(self) -> str:
        """The message that is shown now; empty for nothing."""
        return self._text

    def say(self, text: str, role: Role = Role.TEXT, seconds: float | None = 10.0) -> None:
        """Say it for ``seconds``, or until something else is said (None): for what holds until it is over."""
        self._stop_timer()
        self._text, self._role = untrusted(text), role
        if seconds is not None:
            self._timer = self.set_timer(seconds, self.clear)
        self.redraw()

    def forget_hint(self) -> None:
        """Say no more what was plain words; a warning and an error stay for their time."""
        if self._text and self._role is Role.TEXT and self._timer is not None:
            self.clear()

    def clear(self) -> None:
        """Say nothing."""
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

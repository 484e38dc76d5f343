"""The latest event in words, hidden after a while: one line, or as many as it takes on a narrow screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from textual.timer import Timer

from themes.palette import Role
from widgets.line import Line, Span, fit, folded
from widgets.line_view import LineView
from widgets.untrusted import untrusted

_MOST = 3
"""Lines of a message at most, and no more than a quarter of the screen."""


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
        self._beside = ""
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
        self._take_room()
        self.redraw()

    def forget_hint(self) -> None:
        """Hide the answer to a key; an error or an event stays for its time."""
        if self._text and self._is_answer and self._timer is not None:
            self.clear()

    def rest(self, text: str) -> None:
        """Show a quiet text in the line while there is no message: what belongs to the row under the cursor."""
        if text != self._beside:
            self._beside = text
            self.redraw()

    def clear(self) -> None:
        """Hide the message."""
        self._stop_timer()
        self._text = ""
        self._take_room()
        self.redraw()

    def on_resize(self) -> None:
        self._take_room()

    def _take_room(self) -> None:
        """Be as high as the message needs: the words that are cut are often what to do."""
        most = min(_MOST, self.screen.size.height // 4) if self.is_attached else 1
        needed = len(folded(self._text, max(1, self.size.width - 2))) if self.size.width else 1
        height = max(1, min(needed, most))
        # Equal styles would be laid out again as well.
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def lines(self, width: int, height: int) -> Sequence[Line]:
        if not self._text and not self._beside:
            return []
        if not self._text:
            return [
                Line((Span(" "), Span(fit(self._beside, max(0, width - 2), "left", self.glyphs.ellipsis), Role.DIM)))
            ]
        room = max(0, width - 2)
        parts = folded(self._text, room) if height > 1 else [self._text]
        shown = [*parts[: height - 1], " ".join(parts[max(0, height - 1) :])]
        return [
            Line((Span(" "), Span(fit(part, room, "left", self.glyphs.ellipsis), self._role))) for part in shown if part
        ]

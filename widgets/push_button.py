"""A button in one line: only enter or a click presses it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from themes.palette import Role
from widgets.line import Line, Span, width_of
from widgets.line_view import LineView


class PushButton(LineView, can_focus=True):
    """``[ label ]``; the focused one is highlighted. Left and right go to its neighbours."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "press", "Press", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
        Binding("left", "app.focus_previous", "Previous", show=False),
    ]
    DEFAULT_CSS = """
    PushButton {
        height: 1;
    }
    """

    class Pressed(Message):
        """Enter, or a click."""

        def __init__(self, button: PushButton) -> None:
            super().__init__()
            self.button = button

        @property
        def control(self) -> PushButton:
            return self.button

    def __init__(self, label: str, role: Role = Role.TEXT, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._label = label
        self._role = role
        self.styles.width = width_of(self._text) + 2

    def show(self, label: str, role: Role) -> None:
        """Change to another label of the same width, or another role."""
        self._label, self._role = label, role
        self.redraw()

    @property
    def _text(self) -> str:
        return f"[ {self._label} ]"

    def lines(self, width: int, height: int) -> Sequence[Line]:
        del width, height
        return [Line((Span(self._text, self._role),), Role.PICKED if self.has_focus else None)]

    def action_press(self) -> None:
        self.post_message(self.Pressed(self))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_press()

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.redraw()

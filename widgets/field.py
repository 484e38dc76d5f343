"""A labelled input line: a reason, a name, a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input
from textual.widgets.input import Selection

from themes.palette import Role
from widgets.line import Line, Span, width_of
from widgets.line_view import LineView
from widgets.typed_line import TypedLine


class _Label(LineView):
    """The label in front of the line."""

    DEFAULT_CSS = """
    _Label {
        height: 1;
    }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.styles.width = width_of(text) + 3

    def lines(self, width: int, height: int) -> Sequence[Line]:
        del width, height
        return [Line((Span(f"   {self._text}", Role.DIM),))]

    def show(self, text: str) -> None:
        """Change the label."""
        self._text = text
        self.styles.width = width_of(text) + 3
        self.redraw()


class _Line(TypedLine):
    """The input itself; keys that it does not handle go to the field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(1)", "More", show=False),
        Binding("down", "step(-1)", "Less", show=False),
        Binding("escape", "give_up", "Give up", show=False),
    ]

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._field = field

    def action_step(self, by: int) -> None:
        self._field.step(by)

    def action_give_up(self) -> None:
        self._field.post_message(Field.GivenUp(self._field))

    def restricted(self) -> None:
        super().restricted()
        self._field.post_message(Field.Refused(self._field))


class Field(Horizontal):
    """One line.

    With ``number``, up and down count, only digits can be typed, and typing replaces the suggestion. With ``signed`` as
    well, a sign may precede the digits.
    """

    DEFAULT_CSS = """
    Field {
        height: 1;
    }
    Field Input {
        width: 1fr;
        padding: 0;
    }
    """

    class About(Message):
        """Something happened in a field."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

        @property
        def control(self) -> Field:
            return self.field

    class Entered(About):
        """Enter was pressed."""

    class Changed(About):
        """Posted when the text has changed."""

    class GivenUp(About):
        """Escape was pressed."""

    class Refused(About):
        """Posted when the typed text cannot be part of a number: the line is as it was."""

    def __init__(
        self,
        label: str,
        *,
        number: bool = False,
        signed: bool = False,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        super().__init__(id=id)
        self._label = _Label(label)
        self._line = _Line(self)
        self._number = number
        if number:
            self._line.restrict = r"[+-]?[0-9]*" if signed else r"[0-9]*"

    def compose(self) -> ComposeResult:
        yield self._label
        yield self._line

    @property
    def value(self) -> str:
        """The typed text, without blanks around it."""
        return self._line.value.strip()

    @value.setter
    def value(self, text: str) -> None:
        self._line.value = text
        self._line.cursor_position = len(text)

    def offer(self, number: int | str) -> None:
        """Put a number there that the next digit replaces: 5 behind a 6 would be 65; as text it may have a sign."""
        text = str(number)
        self.value = text
        self._line.selection = Selection(0, len(text))

    @property
    def typing(self) -> bool:
        """True if it has the focus."""
        return self._line.has_focus

    def take_focus(self) -> None:
        """Focus the line, so that the next keys go to it."""
        self.screen.set_focus(self._line)

    def relabel(self, label: str) -> None:
        """Change the label."""
        self._label.show(label)

    def step(self, by: int) -> None:
        """Count, if it is a number; without a sign never below 0."""
        typed = self.value
        if not self._number:
            return
        if typed.startswith(("+", "-")):
            self.offer(f"{int(typed if len(typed) > 1 else 0) + by:+d}")
        else:
            self.offer(max(0, int(typed or 0) + by))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered(self))

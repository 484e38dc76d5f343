"""Rows of a form: a label, an input or a choice, and a remark beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input
from textual.widgets.input import Selection

from themes.palette import Role
from widgets.line import Line, Span, fit, width_of
from widgets.line_view import LineView
from widgets.typed_line import TypedLine
from widgets.untrusted import untrusted

LABEL = 22
"""Cells of the labels."""


class _Words(LineView):
    """A label, or a remark."""

    DEFAULT_CSS = """
    _Words {
        height: 1;
    }
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._text, self._role = text, Role.DIM

    def lines(self, width: int, height: int) -> Sequence[Line]:
        del height
        return [Line((Span(fit(self._text, width, "left", self.glyphs.ellipsis), self._role),))]

    def show(self, text: str, role: Role) -> None:
        self._text, self._role = text, role
        self.redraw()

    @property
    def text(self) -> str:
        return self._text


class _Typed(TypedLine):
    """A line to type into; up and down go to its neighbours."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "go(-1)", "Previous", show=False),
        Binding("down", "go(1)", "Next", show=False),
        Binding("escape", "give_up", "Give up", show=False),
    ]

    def __init__(self, row: FormRow, default: str) -> None:
        super().__init__(default)
        self._row = row

    def on_focus(self) -> None:
        """Select a number on focus, so that typing replaces it: further digits would make another number."""
        if self.value.replace(".", "", 1).isdigit():
            self.selection = Selection(0, len(self.value))

    def action_go(self, step: int) -> None:
        self._row.post_message(FormRow.Left(self._row, step))

    def action_give_up(self) -> None:
        self._row.post_message(FormRow.GivenUp(self._row))


class _Chosen(LineView, can_focus=True):
    """One of several words: left and right go through them, and so does a letter that one begins with."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "go(-1)", "Previous", show=False),
        Binding("down", "go(1)", "Next", show=False),
        Binding("left", "choose(-1)", "Choice before", show=False),
        Binding("right,space", "choose(1)", "Next choice", show=False),
        Binding("enter", "enter", "Next", show=False),
        Binding("escape", "give_up", "Give up", show=False),
    ]
    DEFAULT_CSS = """
    _Chosen {
        height: 1;
    }
    """

    def __init__(self, row: FormChoice, default: str) -> None:
        super().__init__()
        self._row = row
        self._default = default

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Take letters for the choice, as an input line does for text: none of them is a command."""
        del key
        return character is not None and character.isprintable() and character != " "

    def on_key(self, event: events.Key) -> None:
        if event.character is not None and self.check_consume_key(event.key, event.character):
            event.stop()
            self._row.choose_by(event.character)

    def lines(self, width: int, height: int) -> Sequence[Line]:
        del height
        value = self._row.value
        # One cell from the edge, like the text in the lines above and below.
        room, end = max(0, width - (5 if self.has_focus else 1)), self.glyphs.ellipsis
        text = untrusted(value) or self._default
        shown = Span(text if width_of(text) <= room else fit(text, room, "left", end), Role.TEXT if value else Role.DIM)
        if not self.has_focus:
            return [Line((Span(" "), shown))]
        sides = (Span(f" {self.glyphs.left} ", Role.KEY), Span(f" {self.glyphs.right}", Role.KEY))
        return [Line((sides[0], shown._replace(role=Role.STRONG), sides[1]))]

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.redraw()

    def action_go(self, step: int) -> None:
        self._row.post_message(FormRow.Left(self._row, step))

    def action_choose(self, step: int) -> None:
        self._row.choose(step)

    def action_enter(self) -> None:
        self._row.post_message(FormRow.Entered(self._row))

    def action_give_up(self) -> None:
        self._row.post_message(FormRow.GivenUp(self._row))


class FormRow(Horizontal):
    """Base of the rows. ``key`` names the row; ``default`` is shown dimmed while the row is empty."""

    DEFAULT_CSS = """
    FormRow {
        height: 1;
    }
    FormRow Input, FormRow _Chosen {
        width: 1fr;
        padding: 0;
    }
    """

    class About(Message):
        """Something happened in a row."""

        def __init__(self, row: FormRow) -> None:
            super().__init__()
            self.row = row

        @property
        def control(self) -> FormRow:
            return self.row

    class Changed(About):
        """Posted when its value has changed."""

    class Entered(About):
        """Enter was pressed."""

    class GivenUp(About):
        """Escape was pressed."""

    class Left(About):
        """Posted when up (-1) or down (1) was pressed."""

        def __init__(self, row: FormRow, step: int) -> None:
            super().__init__(row)
            self.step = step

    def __init__(self, key: str, label: str) -> None:
        super().__init__()
        self.key = key
        self._label = _Words(f"   {label}")
        self._label.styles.width = LABEL + 3
        self._remark = _Words()
        self._remark.styles.width = 0

    def compose(self) -> ComposeResult:
        yield self._label
        yield self.inner
        yield self._remark

    @property
    def inner(self) -> Widget:
        """The widget that takes the focus."""
        raise NotImplementedError

    @property
    def value(self) -> str:
        """The typed or chosen value, empty for the default."""
        raise NotImplementedError

    @value.setter
    def value(self, text: str) -> None:
        raise NotImplementedError

    @property
    def typing(self) -> bool:
        """True if it has the focus."""
        return self.inner.has_focus

    def take_focus(self) -> None:
        """Focus the row, so that the next keys go to it."""
        self.screen.set_focus(self.inner)

    @property
    def remark(self) -> str:
        """The text beside it."""
        return self._remark.text

    def say(self, text: str, role: Role = Role.DIM) -> None:
        """Show a remark beside it, in at most half of the row; none for an empty text."""
        half = max(0, (self.size.width or 80) - LABEL - 3) * 3 // 5
        self._remark.styles.width = min(half, width_of(text) + 3) if text else 0
        self._remark.show(f"  {untrusted(text)}" if text else "", role)


class FormLine(FormRow):
    """A row to type into."""

    def __init__(self, key: str, label: str, default: str = "") -> None:
        super().__init__(key, label)
        self._line = _Typed(self, default)

    @property
    def inner(self) -> Widget:
        return self._line

    @property
    def value(self) -> str:
        return self._line.value.strip()

    @value.setter
    def value(self, text: str) -> None:
        # Text that cannot be typed cannot be set either.
        self._line.value = untrusted(text)
        self._line.cursor_position = len(self._line.value)

    def show_default(self, default: str) -> None:
        """Change the default."""
        self._line.placeholder = default

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered(self))


class FormChoice(FormRow):
    """A row with choices: the default, then ``choices``. Another value is added to them."""

    def __init__(self, key: str, label: str, choices: Sequence[str], default: str = "") -> None:
        super().__init__(key, label)
        self._choices = ("", *choices)
        self._value = ""
        self._chosen = _Chosen(self, default)

    @property
    def inner(self) -> Widget:
        return self._chosen

    @property
    def value(self) -> str:
        return self._value

    @value.setter
    def value(self, text: str) -> None:
        if text not in self._choices:
            self._choices = (*self._choices, text)
        if text != self._value:
            self._value = text
            self._chosen.redraw()
            self.post_message(self.Changed(self))

    def choose(self, step: int) -> None:
        """Select the next choice, or the previous one, cyclically."""
        at = self._choices.index(self._value)
        self.value = self._choices[(at + step) % len(self._choices)]

    def choose_by(self, letter: str) -> None:
        """The next choice that begins with a letter."""
        at = self._choices.index(self._value)
        later = (*self._choices[at + 1 :], *self._choices[: at + 1])
        self.value = next((choice for choice in later if choice.lower().startswith(letter.lower())), self._value)

"""The line below the body of a screen: a command, a filter or a search, a number, or a note."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from textual.containers import Vertical

from console.commands.capabilities import Narrowable
from console.commands.command import Context
from console.commands.desk import Desk
from themes.look import look
from themes.palette import Role
from widgets.key_bar import Hint
from widgets.line import fit_end, width_of

if TYPE_CHECKING:
    from textual.widget import Widget

    from widgets.field import Field
    from widgets.prompt import Kind, Prompt

_NUMBER = "only a number is accepted here: 8, or +2 for two more, -1 for one fewer"


_ROOM = 10
"""Cells beside a label for the number itself."""


_CANCEL = Hint("esc", "cancel", last=True)
_COMMAND_KEYS = Hint("enter", "run"), Hint("tab", "complete"), Hint("up", "earlier"), _CANCEL
_FILTER_KEYS = Hint("enter", "keep"), Hint("up", "earlier"), _CANCEL
_SEARCH_KEYS = Hint("enter", "search"), Hint("up", "earlier"), _CANCEL
_AMOUNT_KEYS = Hint("enter", "plan"), Hint("up", "more"), Hint("down", "fewer"), _CANCEL
_NOTE_KEYS = Hint("enter", "confirm"), _CANCEL


def _label(what: str, room: int) -> str:
    """Return the label of a number, with what its keys do if there is room for that."""
    text = f"{what}: up and down change it, enter plans it "
    # The end of it has the current number.
    return (
        text
        if width_of(text) <= room
        else fit_end(f"{what}: ", min(room, width_of(what) + 2), "left", look().glyphs.ellipsis)
    )


class _Screen(Protocol):
    """The screen that the line is on."""

    def context(self) -> Context: ...
    def focus_body(self) -> None: ...
    def say(self, text: str, role: Role = ...) -> None: ...


class EntryLine(Vertical):
    """Created on first use: importing its input widget takes a tenth of the time to the first frame."""

    DEFAULT_CSS = """
    EntryLine {
        height: auto;
    }
    """

    def __init__(self, screen: _Screen, desk: Desk) -> None:
        super().__init__()
        self._on = screen
        self._desk = desk
        self._prompt: Prompt | None = None
        self._before = ""
        """The filter in force when the line was opened."""
        self._mounted = asyncio.Event()
        self._asked_of: Context | None = None
        """The context under the cursor then."""
        self._amount: Field | None = None
        self._note: Field | None = None
        self._choose: Callable[[str], None] = lambda _: None
        self._refused = False
        """True if the last typed number was invalid, so that the shown number is not the intended one."""

    def on_mount(self) -> None:
        self._mounted.set()

    def on_unmount(self) -> None:
        self._asked_of = None

    @property
    def is_typed_into(self) -> bool:
        """True if a command, a filter or a search is being typed."""
        return self._prompt is not None and self._prompt.has_focus_within

    def hints(self) -> tuple[Hint, ...]:
        """The keys of the line that has the focus: those of the screen are text then. Empty if none has it."""
        if self.is_typed_into and self._prompt is not None:
            is_filter = isinstance(self._on, Narrowable) and self._on.narrows_at_once
            return _COMMAND_KEYS if self._prompt.kind == ":" else _FILTER_KEYS if is_filter else _SEARCH_KEYS
        if self._amount is not None and self._amount.typing:
            return _AMOUNT_KEYS
        return _NOTE_KEYS if self._note is not None and self._note.typing else ()

    async def open_prompt(self, kind: Kind) -> None:
        """Open the line; a filter starts with the current one."""
        if self._prompt is None:
            from widgets.prompt import Prompt

            self._prompt = Prompt(self._desk.line.complete, histories=self._desk.line.histories())
            await self._put(self._prompt)
        self._asked_of = self._on.context()
        self._before = self._on.narrowed if isinstance(self._on, Narrowable) else ""
        self._prompt.open(kind, self._before if kind == "/" else "")

    async def _put(self, line: Widget) -> None:
        """Mount a line, on a screen that a key has opened a moment ago as well."""
        await self._mounted.wait()
        await self.mount(line)

    def _narrow_at_once(self, kind: Kind, text: str) -> None:
        if kind == "/" and isinstance(self._on, Narrowable) and self._on.narrows_at_once:
            self._on.narrow(text)

    def on_prompt_changed(self, message: Prompt.Changed) -> None:
        message.stop()
        self._narrow_at_once(message.kind, message.text)

    def on_prompt_cancelled(self, message: Prompt.Cancelled) -> None:
        message.stop()
        self._narrow_at_once(message.kind, self._before)
        self._on.focus_body()

    def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        message.stop()
        self._on.focus_body()
        if message.kind == ":":
            # The target is the object that was under the cursor when the line was opened.
            asked_of = self._asked_of
            known = asked_of is not None and asked_of.snapshot is not None
            self._desk.line.run(message.text, asked_of if asked_of is not None and known else self._on.context())
        elif isinstance(self._on, Narrowable):
            problem = self._on.narrow(message.text)
            if problem is not None:
                self._on.say(problem, Role.WARNING)

    async def open_amount(self, label: str, offered: int | str, choose: Callable[[str], None]) -> None:
        """Ask for a number in a line that starts as ``offered``: up and down count, typing replaces it.

        ``choose`` gets the input: digits, with a sign in front for a relative number.
        """
        if self._amount is None:
            from widgets.field import Field

            self._amount = Field(label, number=True, signed=True, id="amount")
            await self._put(self._amount)
        self._amount.relabel(_label(label, self.screen.size.width - _ROOM))
        self._amount.offer(offered)
        self._open(self._amount, choose)

    async def open_note(self, label: str, choose: Callable[[str], None]) -> None:
        """Ask for a text, which may be left empty; ``choose`` gets it without blanks around it."""
        if self._note is None:
            from widgets.field import Field

            self._note = Field(label, id="note")
            await self._put(self._note)
        self._note.relabel(f"{label} ")
        self._note.value = ""
        self._open(self._note, choose)

    def _open(self, field: Field, choose: Callable[[str], None]) -> None:
        self._choose = choose
        self._refused = False
        field.display = True
        field.take_focus()

    def on_field_refused(self, message: Field.Refused) -> None:
        message.stop()
        self._refused = True
        self._on.say(_NUMBER, Role.WARNING)

    def on_field_changed(self, message: Field.Changed) -> None:
        message.stop()
        self._refused = False

    def on_field_entered(self, message: Field.Entered) -> None:
        message.stop()
        text = message.field.value
        if self._refused:
            # The typed text was not accepted: the shown number is planned only after another enter.
            self._refused = False
            self._on.say(f"{_NUMBER}; enter once more plans {text}", Role.WARNING)
            return
        self._close(message.field)
        if text or message.field is self._note:
            self._choose(text)

    def on_field_given_up(self, message: Field.GivenUp) -> None:
        message.stop()
        self._close(message.field)

    def _close(self, field: Field) -> None:
        field.display = False
        self._on.focus_body()

"""The line opened by ``:`` and ``/``: a command or a filter, with history and completion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from themes.palette import Role
from widgets.line import Line, plain
from widgets.line_view import LineView
from widgets.typed_line import TypedLine

Kind = Literal[":", "/"]

Complete = Callable[[Kind, str], Sequence[str]]
"""Completed lines for the typed text, best first."""

_HISTORY = 100


class PromptHistory:
    """The lines entered before, newest last, without repetitions; and a walk through them."""

    def __init__(self, size: int = _HISTORY) -> None:
        self._size = size
        self._entries: list[str] = []
        self._at = 0
        self._draft = ""

    def add(self, text: str) -> None:
        """Remember an entry, and end the walk. Empty ones are not kept."""
        if text:
            self._entries = [*(entry for entry in self._entries if entry != text), text][-self._size :]
        self._at = len(self._entries)

    def walk(self, steps: int, current: str) -> str:
        """Return the entry ``steps`` later (earlier, if negative); after the newest comes the unfinished input."""
        if self._at == len(self._entries):
            self._draft = current
        self._at = min(max(0, self._at + steps), len(self._entries))
        return self._entries[self._at] if self._at < len(self._entries) else self._draft


def new_histories() -> dict[Kind, PromptHistory]:
    """One history for each kind of line."""
    return {":": PromptHistory(), "/": PromptHistory()}


class _Sign(LineView):
    """The ``:`` or ``/`` in front of the line."""

    DEFAULT_CSS = """
    _Sign {
        width: 2;
        height: 1;
    }
    """

    kind: Kind = ":"

    def lines(self, width: int, height: int) -> Sequence[Line]:
        del width, height
        return [plain(" " + self.kind, Role.KEY)]


class _Line(TypedLine):
    """The input itself; the keys that it shares with the prompt go there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "history(-1)", "Earlier", show=False),
        Binding("down", "history(1)", "Later", show=False),
        Binding("tab,ctrl+f", "complete(1)", "Complete", show=False),
        Binding("shift+tab", "complete(-1)", "Complete", show=False),
        Binding("escape", "cancel", "Cancel", show=False),
    ]

    def __init__(self, prompt: Prompt) -> None:
        super().__init__(suggester=_First(prompt))
        self._prompt = prompt

    def action_history(self, steps: int) -> None:
        self._prompt.walk(steps)

    def action_complete(self, step: int) -> None:
        self._prompt.complete(step)

    def action_cancel(self) -> None:
        self._prompt.cancel()

    def on_hide(self, event: events.Hide) -> None:
        """Keep the focus if the line has been opened again: Textual takes it from a widget that was hidden."""
        if self._prompt.is_open:
            event.prevent_default()


class _First(Suggester):
    """Offers the best completion behind the cursor."""

    def __init__(self, prompt: Prompt) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._prompt = prompt

    async def get_suggestion(self, value: str) -> str | None:
        return next((c for c in self._prompt.candidates(value) if c.startswith(value) and c != value), None)


class Prompt(Horizontal):
    """Hidden until ``open``; then it has the focus until a line is entered or given up."""

    DEFAULT_CSS = """
    Prompt {
        height: 1;
        display: none;
    }
    Prompt Input {
        width: 1fr;
        padding: 0;
    }
    """

    class Submitted(Message):
        """A line was entered; the prompt is closed."""

        def __init__(self, kind: Kind, text: str) -> None:
            super().__init__()
            self.kind, self.text = kind, text

    class Changed(Message):
        """The line being typed: for filters that take effect at once."""

        def __init__(self, kind: Kind, text: str) -> None:
            super().__init__()
            self.kind, self.text = kind, text

    class Cancelled(Message):
        """The line was given up; the prompt is closed."""

        def __init__(self, kind: Kind) -> None:
            super().__init__()
            self.kind = kind

    def __init__(
        self,
        complete: Complete | None = None,
        *,
        histories: dict[Kind, PromptHistory] | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name
    ) -> None:
        """``histories`` may be shared between the prompts of several screens."""
        super().__init__(id=id)
        self._complete = complete
        self._histories: dict[Kind, PromptHistory] = histories or new_histories()
        self._sign = _Sign()
        self._line = _Line(self)
        self._open = False
        self._offered: tuple[Sequence[str], int] | None = None
        """Candidates that tab cycles through, and the one in the line."""

    def compose(self) -> ComposeResult:
        yield self._sign
        yield self._line

    @property
    def kind(self) -> Kind:
        """The kind of the line that is open, or was last."""
        return self._sign.kind

    @property
    def is_open(self) -> bool:
        return self._open

    def open(self, kind: Kind, text: str = "") -> None:
        """Take the focus for a line of a kind that starts as ``text``."""
        self._sign.kind = kind
        self._sign.redraw()
        self._offered = None
        self._put(text)
        self._open = True
        # Both immediately, not when styles and queues are processed: the next key belongs to this line.
        self.display = True
        self.screen.set_focus(self._line)

    def cancel(self) -> None:
        """Close without a line."""
        self._close()
        self.post_message(self.Cancelled(self.kind))

    def candidates(self, text: str) -> Sequence[str]:
        """Return the completions of the text."""
        return self._complete(self.kind, text) if self._complete is not None else ()

    def walk(self, steps: int) -> None:
        """Go through earlier entries."""
        self._offered = None
        self._put(self._histories[self.kind].walk(steps, self._line.value))

    def complete(self, step: int) -> None:
        """Put the next candidate in the line; the first time the best one."""
        if self._offered is None:
            found = self.candidates(self._line.value)
            if not found:
                return
            self._offered = (found, 0 if step > 0 else len(found) - 1)
        else:
            found, at = self._offered
            self._offered = (found, (at + step) % len(found))
        found, at = self._offered
        self._put(found[at])

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._offered is not None and event.value != self._offered[0][self._offered[1]]:
            self._offered = None
        if self.is_open:
            self.post_message(self.Changed(self.kind, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._histories[self.kind].add(event.value)
        self._close()
        self.post_message(self.Submitted(self.kind, event.value))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """A click elsewhere gives the line up."""
        event.stop()
        if self.is_open and self.screen.focused is not self._line:
            self.cancel()

    def _put(self, text: str) -> None:
        self._line.value = text
        self._line.cursor_position = len(text)

    def _close(self) -> None:
        self._open = False
        self.display = False
        self._histories[self.kind].add("")

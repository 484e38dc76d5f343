"""A conversation with a vLLM server on this machine: a prompt, and the answer as it comes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import ConsoleScreen, bindings_of
from console.screens.lines import Lines
from console.screens.page import Page
from console.session.failure import SessionError
from console.views.local.try_it import Exchange, exchange_lines
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.field import Field
from widgets.line import BLANK, Line, Span
from widgets.prompt import PromptHistory
from widgets.untrusted import untrusted_name

if TYPE_CHECKING:
    from textual.worker import WorkType


class PromptField(Field):
    """A line for prompts: up and down go through earlier ones."""

    def __init__(self, history: PromptHistory) -> None:
        super().__init__("ask ", id="prompt")
        self._history = history

    def step(self, by: int) -> None:
        self.value = self._history.walk(-by, self.value)


class TryScreen(ConsoleScreen):
    """Several prompts in turn; each is independent of the previous ones."""

    where = ScreenId.TRY
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings_of(ScreenId.TRY),
        Binding("pagedown", "scroll_pages(1)", "Page down", show=False),
        Binding("pageup", "scroll_pages(-1)", "Page up", show=False),
    ]
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    TryScreen #title, TryScreen #stream {
        height: 1;
    }
    """

    def __init__(self, desk: Desk, name: str) -> None:
        self._server = name
        self._exchanges: list[Exchange] = []
        super().__init__(desk)
        self._history = PromptHistory()
        self._title = Lines(id="title")
        self.page = Page()
        self.page.can_focus = False
        self.field = PromptField(self._history)

    @property
    def subject(self) -> str | None:
        return self._server

    @property
    def streaming(self) -> bool:
        """True if an answer is coming."""
        return bool(self._exchanges) and not self._exchanges[-1].over

    def body(self) -> Iterable[Widget]:
        yield self._title
        yield self.page
        yield self.field

    def on_mount(self) -> None:
        self.field.take_focus()
        self._show()

    def focus_body(self) -> None:
        self.field.take_focus()

    def on_field_entered(self, message: Field.Entered) -> None:
        prompt = message.field.value
        if not prompt or message.field is not self.field:
            return
        if self.streaming:
            self.say("it is still answering; esc stops it")
            return
        self._history.add(prompt)
        self.field.value = ""
        self._exchanges.append(Exchange(prompt))
        work: WorkType[None] = partial(self._ask, prompt)
        self.run_worker(work, group="ask", exclusive=True, exit_on_error=False)

    def on_field_given_up(self, message: Field.GivenUp) -> None:
        if message.field is self.field and not self.back():
            self.desk.navigator.go_back()

    def back(self) -> bool:
        """Esc stops an answer that is coming, and else leaves."""
        if not self.streaming:
            return False
        self.workers.cancel_group(self, "ask")
        self._end(stopped="stopped")
        return True

    async def _ask(self, prompt: str) -> None:
        self._show()
        try:
            # Cancelling it closes the connection, and the server stops generating.
            async for piece in self.desk.local.observe().ask(self._server, prompt):
                self._exchanges[-1].piece = piece
                self._show()
        except SessionError as error:
            self._end(problem=error.in_a_line)
        else:
            self._end()

    def _end(self, *, stopped: str = "", problem: str = "") -> None:
        exchange = self._exchanges[-1]
        exchange.over, exchange.stopped, exchange.problem = True, stopped, problem
        self._show()

    def _show(self) -> None:
        state = "answering, esc stops it" if self.streaming else "enter sends, up recalls earlier prompts"
        title = Line((Span(f" {untrusted_name(self._server)}", Role.STRONG), Span(f"   {state}", Role.DIM)))
        self._title.show(lambda _width, _glyphs: [title])

        def page(width: int, glyphs: Glyphs) -> list[Line]:
            lines: list[Line] = []
            for exchange in self._exchanges:
                lines += [*exchange_lines(exchange, width, glyphs), BLANK]
            return lines

        self.page.show(page)
        self.page.action_bottom()

    def action_scroll_pages(self, pages: int) -> None:
        self.page.action_scroll_pages(pages)

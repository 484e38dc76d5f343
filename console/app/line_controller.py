"""The line below the body: opening, completion, and execution of what was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from console.commands.capabilities import Narrowable
from console.commands.command_line import (
    KnownElsewhereError,
    TakesNothingError,
    UnknownCommandError,
    complete,
    parse_line,
)
from console.session.failure import SessionError
from themes.palette import Role

if TYPE_CHECKING:
    from textual.app import App

    from console.app.local_controller import LocalController
    from console.app.navigator import Navigator
    from console.app.scope import ViewScope
    from console.commands.command import Context
    from console.commands.desk import Desk
    from console.screens.entry_line import EntryLine
    from widgets.prompt import Kind, PromptHistory


class LineController:
    """Implements console.commands.desk.LineController."""

    def __init__(
        self, app: App[None], desk: Desk, navigator: Navigator, scope: ViewScope, local: LocalController
    ) -> None:
        self._app = app
        self._desk = desk
        self._navigator = navigator
        self._scope = scope
        self._local = local
        self._asked: Kind | None = None
        self._field: Callable[[EntryLine], Awaitable[None]] | None = None
        """Opens the line for a number or a note."""
        self._histories: dict[Kind, PromptHistory] | None = None

    def ask_command(self) -> None:
        self._ask(":")

    def ask_filter(self) -> None:
        self._ask("/")

    def _ask(self, kind: Kind) -> None:
        self._asked = kind
        self._app.call_later(self.open_asked)

    def ask_amount(self, label: str, offered: int | str, choose: Callable[[str], None]) -> None:
        self._ask_in(lambda entry: entry.open_amount(label, offered, choose))

    def ask_note(self, label: str, choose: Callable[[str], None]) -> None:
        self._ask_in(lambda entry: entry.open_note(label, choose))

    def _ask_in(self, open_field: Callable[[EntryLine], Awaitable[None]]) -> None:
        self._field = open_field
        self._app.call_later(self.open_asked)

    async def open_asked(self) -> None:
        """Open the requested line. Keys after the requesting one wait for this, so that they find it open; without a
        key (the palette) there is no need to wait.
        """
        kind, self._asked = self._asked, None
        field, self._field = self._field, None
        front = self._navigator.front
        if front is None:
            return
        if kind is not None:
            await front.entry.open_prompt(kind)
        elif field is not None:
            await field(front.entry)

    def histories(self) -> dict[Kind, PromptHistory]:
        from widgets.prompt import new_histories

        if self._histories is None:
            self._histories = new_histories()
        return self._histories

    def complete(self, kind: Kind, text: str) -> Sequence[str]:
        if kind == "/":
            return ()
        servers, contexts = [server.name for server in self._local.states], self._desk.session.contexts()
        return complete(
            text, self._scope.known_namespaces(), contexts, servers, self._local.presets(), self._scope.views.names
        )

    def run(self, text: str, context: Context) -> None:
        try:
            typed = parse_line(text, context.where)
        except UnknownCommandError as error:
            if isinstance(error, TakesNothingError):
                self._navigator.say(str(error), Role.WARNING)
            else:
                self._desk.commands.wait_for(self._list(text, error), f":{text.lstrip(':')}")
            return
        if typed is not None:
            self._desk.commands.perform(typed.command, context._replace(argument=typed.argument))

    async def _list(self, text: str, unknown: UnknownCommandError) -> None:
        """List the named resource of the cluster; report a name that is neither a command nor a resource."""
        name, _, namespace = text.strip().lstrip(":").strip().partition(" ")
        try:
            await self._desk.pages.open_listing(name, namespace.strip())
        except SessionError as error:
            known = isinstance(unknown, KnownElsewhereError)
            words = f"{error.message}, and there is {unknown}"
            self._navigator.say(str(unknown) if known else words, Role.WARNING)

    def narrow(self, text: str) -> None:
        front = self._navigator.front
        if isinstance(front, Narrowable):
            problem = front.narrow(text)
            if problem is not None:
                self._navigator.say(problem, Role.WARNING)

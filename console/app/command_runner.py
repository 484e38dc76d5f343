"""Runs commands, from a key, the palette or the command line."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import TYPE_CHECKING

from console.commands.command import Command, Context
from console.commands.dispatch import refusal
from console.screens.base import failure_text
from console.session.failure import SessionError
from themes.palette import Role

if TYPE_CHECKING:
    from textual.app import App
    from textual.worker import WorkType

    from console.commands.desk import Desk


class CommandRunner:
    """Implements console.commands.desk.CommandRunner."""

    def __init__(self, app: App[None], desk: Desk) -> None:
        self._app = app
        self._desk = desk

    def perform(self, command: Command, context: Context) -> None:
        """Run a command if it may run: Textual's palette does not check that, so it is checked here, last."""
        reason = refusal(command, context, read_only=self._desk.read_only)
        if reason is not None:
            self._desk.navigator.say(reason, Role.WARNING)
            return
        waiting = command.run(self._desk, context)
        if waiting is not None:
            self.wait_for(waiting)

    def wait_for(self, waiting: Awaitable[None]) -> None:
        """A later command takes its place."""
        work: WorkType[None] = partial(self._finish, waiting)
        self._app.run_worker(work, group="command", exclusive=True, exit_on_error=False)

    async def _finish(self, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except SessionError as error:
            self._desk.navigator.say(error.in_a_line, Role.ERROR)

    def say_failure(self, error: BaseException | None) -> None:
        """Report an unexpected failure of a command."""
        self._desk.navigator.say(failure_text(error), Role.ERROR)

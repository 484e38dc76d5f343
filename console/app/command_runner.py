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
from widgets.untrusted import untrusted

if TYPE_CHECKING:
    from textual.app import App
    from textual.worker import Worker, WorkType

    from console.commands.desk import Desk


class CommandRunner:
    """Implements console.commands.desk.CommandRunner."""

    def __init__(self, app: App[None], desk: Desk) -> None:
        self._app = app
        self._desk = desk
        self._awaited: Worker[None] | None = None
        """The last that leads elsewhere: only the newest of them may."""

    def perform(self, command: Command, context: Context) -> None:
        """Run a command if it may run: Textual's palette does not check that, so it is checked here, last."""
        reason = refusal(command, context, read_only=self._desk.read_only)
        if reason is not None:
            self._desk.navigator.say(reason, Role.WARNING)
            return
        waiting = command.run(self._desk, context)
        if waiting is not None and command.finishes:
            self.finish(waiting)
        elif waiting is not None:
            self.wait_for(waiting, command.called)

    def wait_for(self, waiting: Awaitable[None], called: str) -> None:
        before = self._awaited
        replaced = before.description if before is not None and not before.is_finished else ""
        work: WorkType[None] = partial(self._report, waiting, replaced)
        self._awaited = self._app.run_worker(
            work, group="command", description=called, exclusive=True, exit_on_error=False
        )

    def finish(self, waiting: Awaitable[None]) -> None:
        work: WorkType[None] = partial(self._report, waiting)
        self._app.run_worker(work, group="to be finished", exit_on_error=False)

    async def _report(self, waiting: Awaitable[None], replaced: str = "") -> None:
        try:
            await waiting
        except SessionError as error:
            self._desk.navigator.say(error.in_a_line, Role.ERROR)
        else:
            if replaced:
                # Not before: the screen on which it would have been said may be closed by now.
                self._desk.navigator.say(f"no longer waiting for “{untrusted(replaced)}”")

    def say_failure(self, error: BaseException | None) -> None:
        """Report an unexpected failure of a command."""
        self._desk.navigator.say(failure_text(error), Role.ERROR)

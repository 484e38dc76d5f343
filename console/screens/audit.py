"""The audit log: read in the background, and again when it has been written to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from actions.audit.folder import stamp
from actions.audit.history import ActionState, RecordedAction
from actions.audit.opened_logs import Opened, open_folder
from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import bindings_of
from console.screens.lines import Lines
from console.screens.reading import ReadingScreen
from console.screens.table import TableScreen
from console.session.failure import SessionError
from console.views.audit import action_lines, audit_model, chain_lines
from console.views.query import Query
from fleet.model.in_past import is_past
from fleet.model.snapshot import Snapshot
from themes.palette import Role
from widgets.grid import Grid
from widgets.untrusted import untrusted

if TYPE_CHECKING:
    from textual.worker import WorkType


class AuditScreen(TableScreen):
    """One row per action, latest first; above them, the verification of the log."""

    where = ScreenId.AUDIT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.AUDIT)
    enter = "record"

    DEFAULT_CSS = """
    AuditScreen #chain {
        height: auto;
    }
    """

    def __init__(self, desk: Desk, folder: Path) -> None:
        super().__init__(desk, Grid(waiting="reading the audit log …"))
        self._folder = folder
        self._chain = Lines(id="chain")
        self._stamp: object = None
        self._log: Opened | None = None
        self._actions: dict[str, RecordedAction] = {}
        self._reading = False
        self._until: float | None = None
        """The moment of the past in view."""

    def body(self) -> Iterable[Widget]:
        yield self._chain
        yield self.grid

    def on_mount(self) -> None:
        self._read()

    def draw(self, snapshot: Snapshot) -> None:
        """Check for new records on each tick."""
        until = snapshot.at if is_past(snapshot) else None
        if until != self._until:
            self._until = until
            self._show()
        self._read()

    def ask(self, query: Query) -> None:
        self.query_ = query
        self._show()

    def on_grid_selected(self, message: Grid.Selected) -> None:
        action = self._actions.get(message.key)
        if action is None:
            return
        self.app.push_screen(ActionRecordScreen(self.desk, action))
        if action.state is ActionState.CUT_OFF and not action.reviewed:
            work: WorkType[None] = partial(self._review, action.id)
            self.run_worker(work, group="review", exit_on_error=False)

    async def _review(self, id: str) -> None:  # noqa: A002 - the action's
        """Mark an interrupted action as reviewed, so that it is not reported at every start. Not in read-only mode."""
        acting = self.desk.actions.service
        if acting is not None:
            try:
                await acting.reviewed(id)
            except SessionError as error:
                self.desk.navigator.say(error.message, Role.WARNING)

    def _read(self) -> None:
        if not self._reading:
            self._reading = True
            work: WorkType[None] = self._load
            self.run_worker(work, group="read", exit_on_error=False)

    async def _load(self) -> None:
        """Load the log, on a thread: one of years takes seconds to check."""
        try:
            seen = await asyncio.to_thread(stamp, self._folder)
            if seen == self._stamp:
                return
            log = await asyncio.to_thread(open_folder, self._folder)
        except OSError as error:
            self._stamp = None
            self.say(untrusted(f"{error.filename}: {error.strerror}"), Role.ERROR)
            return
        finally:
            self._reading = False
        self._stamp, self._log = seen, log
        self._actions = {action.id: action for action in log.actions}
        self._show()

    def _show(self) -> None:
        if self._log is None:
            return
        self.grid.show(audit_model(self._actions, self.query_.filter, self._until))
        draw = partial(chain_lines, self._folder, self._log, until=self._until)
        self._chain.styles.height = len(draw(self.size.width))
        self._chain.show(lambda width, _glyphs: draw(width))


class ActionRecordScreen(ReadingScreen):
    """Everything that the log has of one action, as it was when it was opened."""

    where = ScreenId.TEXT
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.TEXT)

    def __init__(self, desk: Desk, action: RecordedAction) -> None:
        self._action = action
        super().__init__(desk)

    def on_mount(self) -> None:
        self.page.show(partial(action_lines, self._action))

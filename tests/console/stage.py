"""The console and the real session, from the keyboard: for tests that go from the key to the effect."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from textual.pilot import Pilot

from actions.audit.history import RecordedAction
from actions.audit.opened_logs import open_folder
from console.app.app import QuarterdeckApp
from console.app.desk import ConsoleDesk
from console.config.settings import Settings
from console.screens.actions import ActionScreen
from console.screens.plan import PlanScreen
from console.session.cluster_session import ObservingSession
from console.wiring.audit_folder import audit_folder
from fleet.model.snapshot import Snapshot
from tests.waiting import PATIENCE
from widgets.grid import Grid
from widgets.key_bar import Keybar
from widgets.line_view import LineView

PATIENT = 0.05


class Stage:
    """A console in the hands of a test."""

    def __init__(self, app: QuarterdeckApp, pilot: Pilot[None], session: ObservingSession) -> None:
        self.app, self.pilot, self.session = app, pilot, session

    @property
    def desk(self) -> ConsoleDesk:
        assert self.app.desk is not None
        return self.app.desk

    @property
    def snapshot(self) -> Snapshot:
        assert self.desk.snapshot is not None
        return self.desk.snapshot

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"it does not come true; on the screen:\n{self.shown}"
            await self.pilot.pause(PATIENT)

    @property
    def shown(self) -> str:
        """Return the text of the front screen."""
        views = self.desk.navigator.front.query(LineView) if self.desk.navigator.front is not None else ()
        return "\n".join(line.rstrip() for view in views if view.display for line in view.shown_text)

    async def line(self, text: str) -> None:
        """Type a command."""
        names = {" ": "space", "+": "plus", "-": "minus"}
        await self.pilot.press("colon", *(names.get(char, char) for char in text), "enter")

    async def planned(self) -> PlanScreen:
        """The requested plan."""
        await self.until(lambda: isinstance(front := self.desk.navigator.front, PlanScreen) and front.plan is not None)
        front = self.desk.navigator.front
        assert isinstance(front, PlanScreen)
        return front

    async def apply(self) -> ActionScreen:
        """Apply the plan in front, and wait until the action is over."""
        await self.pilot.press("tab", "enter")
        await self.until(lambda: isinstance(self.desk.navigator.front, ActionScreen))
        front = self.desk.navigator.front
        assert isinstance(front, ActionScreen)
        await self.until(lambda: front.action_run is not None and front.action_run.outcome is not None)
        return front

    def move_to(self, key: str) -> None:
        """Put the cursor on an object."""
        front = self.desk.navigator.front
        assert front is not None
        front.query_one(Grid).move_to(key)

    def recorded(self) -> list[RecordedAction]:
        """Return the actions in the audit log."""
        return list(open_folder(audit_folder(Settings(), os.environ)).actions)

    @property
    def keybar(self) -> str:
        """Return the text of the key bar of the front screen."""
        front = self.desk.navigator.front
        assert front is not None
        return "\n".join(str(line) for line in front.query_one(Keybar).shown_text)

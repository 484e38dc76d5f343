"""The desk: the parts of the console, held together, and their shared newest Snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.app.action_controller import ActionController
from console.app.command_runner import CommandRunner
from console.app.line_controller import LineController
from console.app.local_controller import LocalController
from console.app.local_pages import LocalPages
from console.app.navigator import Navigator
from console.app.pages import Pages
from console.app.scope import ViewScope
from console.commands.command import STANDING, ScreenId
from console.views.severity_since import SinceTracker
from fleet.model.in_past import is_past

if TYPE_CHECKING:
    from textual.app import App

    from console.config.options import Options
    from console.session.local.protocol import OnServersChange
    from console.session.protocol import Changed, Session
    from fleet.model.snapshot import Snapshot


class ConsoleDesk:
    """Implements console.commands.desk.Desk: a command asks the part that knows; parts are given each other."""

    def __init__(
        self, app: App[None], session: Session, options: Options, changed: Changed, looked: OnServersChange
    ) -> None:
        self._app = app
        self.session = session
        self.options = options
        self.snapshot: Snapshot | None = None
        self.since = SinceTracker()
        self._adopted = False
        """The servers of this machine are looked for with the first Snapshot on a screen."""
        self.navigator = Navigator(app, self)
        self.commands = CommandRunner(app, self)
        self.local = LocalController(self, self.navigator, looked)
        self.actions = ActionController(app, self, self.navigator, self.local, changed)
        self.scope = ViewScope(self, self.navigator, self.actions)
        self.line = LineController(app, self, self.navigator, self.scope, self.local)
        self.pages = Pages(self, self.navigator, self.local)
        self.local_pages = LocalPages(self, self.navigator, self.local)

    @property
    def read_only(self) -> bool:
        return self.options.read_only or (self.snapshot is not None and self.snapshot.cluster.read_only)

    def show(self, snapshot: Snapshot) -> None:
        """Show a new Snapshot on the front screen, and keep it for screens that come to the front later."""
        before = self.snapshot
        if before is not None and before.cluster.id != snapshot.cluster.id:
            # Messages and marks of the other cluster do not apply to this one.
            self.since = SinceTracker()
            self.navigator.leave(lambda screen: screen.cluster == before.cluster.id)
        elif before is not None and _is_another_moment(before, snapshot):
            self.since = SinceTracker()
            self.navigator.leave(lambda screen: screen.where not in STANDING)
        self.snapshot = snapshot
        self.since.observe(snapshot.everything)
        front = self.navigator.front
        if front is not None:
            front.show(snapshot)
            if not self._adopted:
                self._adopted = True
                self.local.adopt()

    def leave(self) -> None:
        under_way = self.actions.going_on()
        if not under_way or self.navigator.is_in_front(ScreenId.CONFIRM):
            self._app.exit()
            return
        self.navigator.confirm("Quit?", under_way, "Stay", "Quit", self._app.exit)
        self.navigator.say("ctrl-c again quits")


def _is_another_moment(before: Snapshot, after: Snapshot) -> bool:
    """True if the one does not follow the other: at least one of them is of the past."""
    if is_past(before) != is_past(after):
        return True
    return is_past(after) and before.at != after.at

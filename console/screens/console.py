"""What a screen may ask of the app that shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from console.commands.command import Command, Context
from console.commands.desk import Desk
from console.session.protocol import Session
from console.views.since import SinceTracker
from fleet.model.snapshot import Snapshot

if TYPE_CHECKING:
    from console.session.local.protocol import LocalServers
    from console.session.protocol import ActionService
    from fleet.local.server import ServerState
    from widgets.prompt import History, Kind


class Console(Desk, Protocol):
    """The app, as the screens see it."""

    session: Session
    snapshot: Snapshot | None
    """The newest one."""
    since: SinceTracker

    @property
    def read_only(self) -> bool: ...

    @property
    def acting(self) -> ActionService | None:
        """What changes the cluster; None in read-only mode and before the first Snapshot."""
        ...

    @property
    def locally(self) -> LocalServers:
        """The vLLM servers of this machine."""
        ...

    @property
    def servers(self) -> tuple[ServerState, ...]:
        """They, as they were at the last look; none before anybody has asked for them."""
        ...

    @property
    def measured_here(self) -> Snapshot | None:
        """What is measured of them, whichever cluster is in view."""
        ...

    @property
    def under_way(self) -> int:
        """Actions that are not over."""
        ...

    def follow(self, id: str) -> None:  # noqa: A002 - the run's
        """Show an action, in place of its plan where that is in front."""
        ...

    def confirm(self, title: str, lines: Sequence[str], stay: str, go: str, then: Callable[[], None]) -> None:
        """Ask before something that cannot be taken back; ``stay`` and ``go`` are the words of its two buttons."""
        ...

    @property
    def production(self) -> Sequence[str]:
        """Shell patterns of the contexts and clusters that are production."""
        ...

    @property
    def keymap(self) -> Mapping[str, str]:
        """Command id → keys, for those that were remapped."""
        ...

    async def open_line(self) -> None:
        """Open the command line or the filter that was asked for."""
        ...

    def histories(self) -> dict[Kind, History]:
        """What was typed before, for all screens."""
        ...

    def complete(self, kind: Kind, text: str) -> Sequence[str]:
        """Whole lines that what was typed could become."""
        ...

    def run_line(self, text: str, context: Context) -> None:
        """Run what was typed in the command line of the screen that the context is of."""
        ...

    def perform(self, command: Command, context: Context) -> None:
        """Run a command if nothing speaks against it, else say what does."""
        ...

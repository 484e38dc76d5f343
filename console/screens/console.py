"""What a screen may ask of the app that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from console.commands.command import Command, Context
from console.commands.desk import Desk
from console.session import Session
from console.views.since import SinceTracker
from fleet.model.snapshot import Snapshot
from themes.palette import Role

if TYPE_CHECKING:
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
    def production(self) -> Sequence[str]:
        """Shell patterns of the contexts and clusters that are production."""
        ...

    @property
    def keymap(self) -> Mapping[str, str]:
        """Command id → keys, for those that were remapped."""
        ...

    def say(self, text: str, role: Role = Role.TEXT) -> None:
        """Say it in the message line of the screen in front."""
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

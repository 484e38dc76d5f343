"""What a screen may ask of the app that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from console.commands.command import Command, Context
from console.commands.desk import Desk
from console.session import Session
from console.views.since import SinceTracker
from fleet.model.snapshot import Snapshot
from themes.palette import Role


class Console(Desk, Protocol):
    """The app, as the screens see it."""

    session: Session
    snapshot: Snapshot | None
    """The newest one."""
    since: SinceTracker

    @property
    def read_only(self) -> bool: ...

    @property
    def keymap(self) -> Mapping[str, str]:
        """Command id → keys, for those that were remapped."""
        ...

    def say(self, text: str, role: Role = Role.TEXT) -> None:
        """Say it in the message line of the screen in front."""
        ...

    def perform(self, command: Command, context: Context) -> None:
        """Run a command if nothing speaks against it, else say what does."""
        ...

"""The servers on this machine, whatever cluster is selected: when they are polled, and which news is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.commands.command import OWN, ScreenId
from themes.palette import Role

if TYPE_CHECKING:
    from collections.abc import Collection

    from console.app.navigator import Navigator
    from console.commands.desk import Desk
    from console.session.local.protocol import LocalServers, OnServersChange
    from fleet.local.server import ServerState
    from fleet.model.snapshot import Snapshot


class LocalController:
    """Implements console.commands.desk.LocalController.

    The session calls ``looked`` when something about them changes, from any thread.
    """

    def __init__(self, desk: Desk, navigator: Navigator, looked: OnServersChange) -> None:
        self._desk = desk
        self._navigator = navigator
        self._looked = looked
        self._servers: LocalServers | None = None
        self._lived: dict[str, bool] | None = None
        """Ids of the seen servers → whether they were alive; None before the first poll."""

    def observe(self) -> LocalServers:
        if self._servers is None:
            self._servers = self._desk.session.local_servers(self._looked)
        return self._servers

    @property
    def states(self) -> tuple[ServerState, ...]:
        return self._servers.servers if self._servers is not None else ()

    @property
    def measured(self) -> Snapshot | None:
        if self._desk.snapshot is not None and self._desk.snapshot.is_machine:
            return self._desk.snapshot
        return self._servers.snapshot if self._servers is not None else None

    @property
    def is_looked_at(self) -> bool:
        """True if this machine is on the screen: on a screen of its own, or as the selected context."""
        snapshot = self._desk.snapshot
        return self._navigator.is_in_front(*OWN) or (snapshot is not None and snapshot.is_machine)

    def presets(self) -> tuple[str, ...]:
        """Names of the presets in the settings; empty before the servers were requested."""
        return tuple(self._servers.presets) if self._servers is not None else ()

    def adopt(self) -> None:
        """Poll recorded servers: report those that died while no console was watching."""
        folder = self._desk.options.servers
        if self._servers is None and folder is not None and any(folder.glob("*/record.json")):
            self._servers = self._desk.session.local_servers(self._looked)

    def show(self, changing: Collection[str]) -> None:
        """Handle news about servers: a death is reported on whatever screen is in front.

        ``changing``: the ids of the servers that an action of ours is changing.
        """
        front = self._navigator.front
        if front is None:
            return
        front.show_servers()
        # Effects of our own actions on a server are reported by the action.
        dead = [server for server in self.states if not server.alive and server.record.id not in changing]
        died = [server for server in dead if (self._lived or {}).get(server.record.id, True)]
        meanwhile = self._lived is None
        self._lived = {server.record.id: server.alive for server in self.states}
        if died and front.where is not ScreenId.LOCAL:
            why = died[0].reason.text if died[0].reason is not None else "its log gives no reason"
            others = f", and {len(died) - 1} more" if len(died) > 1 else ""
            when = " meanwhile" if meanwhile else ""
            words = f"{died[0].name} died{when}: {why}{others}; :local shows it"
            self._navigator.say(words, Role.ERROR)

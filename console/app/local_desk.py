"""The part of the desk that is about the vLLM servers of this machine, whatever cluster is in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.app.acting_desk import ActingDesk
from console.commands.command import ScreenId
from console.views.subject import pod_for
from themes.palette import Role

if TYPE_CHECKING:
    from textual.app import App

    from console.session.local.protocol import LocalServers, Looked
    from console.session.protocol import Changed
    from fleet.local.server import ServerState
    from fleet.model.snapshot import Snapshot


class LocalDesk(ActingDesk):
    """Between ActingDesk and ConsoleDesk. ``looked`` is what the session calls when something is new, from any thread.

    The servers are asked for when somebody wants to see them: most consoles never do.
    """

    def __init__(self, app: App[None], changed: Changed, looked: Looked) -> None:
        super().__init__(app, changed)
        self._looked = looked
        self._locally: LocalServers | None = None
        self._known: dict[str, bool] | None = None
        """Ids of the servers that were seen → whether they lived; None before the first look."""

    # Console

    @property
    def locally(self) -> LocalServers:
        self.look_here()
        assert self._locally is not None  # noqa: S101 - made above
        return self._locally

    def look_here(self) -> None:
        """Begin to look at the servers, if nobody does yet."""
        if self._locally is None:
            self._locally = self.session.locally(self._looked)

    @property
    def servers(self) -> tuple[ServerState, ...]:
        return self._locally.servers if self._locally is not None else ()

    @property
    def measured_here(self) -> Snapshot | None:
        """What is measured of the servers, whichever cluster is in view."""
        if self.snapshot is not None and self.snapshot.is_machine:
            return self.snapshot
        return self._locally.snapshot if self._locally is not None else None

    def show_servers(self) -> None:
        """Something is new of them: one that has died is told of on whatever screen is in front."""
        front = self.front
        if front is None:
            return
        front.show_servers()
        # What an action of ours does to a server is told by the action.
        ours = {u.plan.target.uid for u in self._acting.action_runs if u.outcome is None} if self._acting else set()
        dead = [server for server in self.servers if not server.alive and server.record.id not in ours]
        died = [server for server in dead if (self._known or {}).get(server.record.id, True)]
        meanwhile = self._known is None
        self._known = {server.record.id: server.alive for server in self.servers}
        if died and front.where is not ScreenId.LOCAL:
            why = died[0].reason.text if died[0].reason is not None else "its log does not say why"
            others = f", and {len(died) - 1} more" if len(died) > 1 else ""
            when = " meanwhile" if meanwhile else ""
            self.say(f"{died[0].name} died{when}: {why}{others}; :local shows it", Role.ERROR)

    def known_presets(self) -> tuple[str, ...]:
        """Names of the presets of the settings; none before anybody has asked for the servers."""
        return tuple(self._locally.presets) if self._locally is not None else ()

    # Desk

    def open_local(self) -> None:
        from console.screens.local.servers import LocalScreen

        self._open(LocalScreen(self._console))

    def open_server(self, name: str) -> None:
        from console.screens.local.server import LocalServerScreen

        self._open(LocalServerScreen(self._console, name))

    def open_server_log(self, name: str) -> None:
        from console.screens.local.log import LocalLogScreen

        self._open(LocalLogScreen(self._console, name))

    def open_benches(self, name: str) -> None:
        from console.screens.local.bench import BenchesScreen

        self._open(BenchesScreen(self._console, name))

    def open_entries(self, name: str) -> None:
        from console.screens.text import TextScreen

        async def read() -> str:
            return self.locally.entries(name)

        self._app.push_screen(TextScreen(self._console, f"{name} as an entry for gateways", read))

    def open_up(self, model: str) -> None:
        from console.screens.local.form import LaunchForm
        from console.views.local.form import new

        self._open(LaunchForm(self._console, new(self.locally, model)))

    async def open_same(self, pod: str) -> None:
        from console.screens.local.form import LaunchForm
        from console.views.local.form import copied

        snapshot = self.snapshot
        key = pod_for(snapshot, pod) if snapshot is not None else None
        if snapshot is None or key is None:
            self.say("there is no pod under the cursor", Role.WARNING)
            return
        found = snapshot.pods[key]
        same = await self.locally.same(found)
        self._open(LaunchForm(self._console, copied(self.locally, found.name, same)))

    def open_restart(self, name: str) -> None:
        from console.screens.local.form import LaunchForm
        from console.views.local.form import again

        found = next((server for server in self.servers if server.name == name), None)
        if found is not None:
            self._open(LaunchForm(self._console, again(self.locally, found)))

    def open_try(self, name: str) -> None:
        from console.screens.local.try_it import TryScreen

        self._open(TryScreen(self._console, name))

    def open_bench(self, name: str) -> None:
        from console.screens.local.bench import BenchForm

        found = next((server for server in self.servers if server.name == name), None)
        if found is not None:
            self._open(BenchForm(self._console, found))

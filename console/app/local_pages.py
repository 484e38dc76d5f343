"""Screens of the servers on this machine. Each is imported when it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.views.subject import pod_for
from themes.palette import Role

if TYPE_CHECKING:
    from console.app.local_controller import LocalController
    from console.app.navigator import Navigator
    from console.commands.desk import Desk
    from fleet.local.server import ServerState


class LocalPages:
    """Implements console.commands.desk.LocalPages."""

    def __init__(self, desk: Desk, navigator: Navigator, local: LocalController) -> None:
        self._desk = desk
        self._navigator = navigator
        self._local = local

    def _server(self, name: str) -> ServerState | None:
        return next((server for server in self._local.states if server.name == name), None)

    def open_list(self) -> None:
        from console.screens.local.servers import LocalScreen

        self._navigator.open(LocalScreen(self._desk))

    def open_server(self, name: str) -> None:
        from console.screens.local.server import LocalServerScreen

        self._navigator.open(LocalServerScreen(self._desk, name))

    def open_log(self, name: str) -> None:
        from console.screens.local.log import LocalLogScreen

        self._navigator.open(LocalLogScreen(self._desk, name))

    def open_benches(self, name: str) -> None:
        from console.screens.local.bench import BenchesScreen

        self._navigator.open(BenchesScreen(self._desk, name))

    def open_entries(self, name: str) -> None:
        from console.screens.text import TextScreen

        async def read() -> str:
            return self._local.observe().entries(name)

        self._navigator.push(TextScreen(self._desk, f"{name} as an entry for gateways", read))

    def open_up(self, model: str) -> None:
        from console.screens.local.form import LaunchForm
        from console.views.local.form import new

        self._navigator.open(LaunchForm(self._desk, new(self._local.observe(), model)))

    async def open_same(self, pod: str) -> None:
        from console.screens.local.form import LaunchForm
        from console.views.local.form import copied

        snapshot = self._desk.snapshot
        key = pod_for(snapshot, pod) if snapshot is not None else None
        if snapshot is None or key is None:
            self._navigator.say("there is no pod under the cursor", Role.WARNING)
            return
        found = snapshot.pods[key]
        same = await self._local.observe().same(found)
        self._navigator.open(LaunchForm(self._desk, copied(self._local.observe(), found.name, same)))

    def open_restart(self, name: str) -> None:
        from console.screens.local.form import LaunchForm
        from console.views.local.form import restarted

        found = self._server(name)
        if found is not None:
            self._navigator.open(LaunchForm(self._desk, restarted(self._local.observe(), found)))

    def open_try(self, name: str) -> None:
        from console.screens.local.try_it import TryScreen

        self._navigator.open(TryScreen(self._desk, name))

    def open_bench(self, name: str) -> None:
        from console.screens.local.bench import BenchForm

        found = self._server(name)
        if found is not None:
            self._navigator.open(BenchForm(self._desk, found))

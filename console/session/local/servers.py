"""The real LocalServers: those of this machine, polled on the loop of the observing session.

Actions on them go through ActionService; nothing here starts or ends one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING

from console.session.failure import SessionError
from console.session.local.background import BackgroundObserver
from fleet.local.benches import Bench, read_benches
from fleet.local.engine_answer import Piece
from fleet.local.server import Phase, ServerState
from fleet.local.spec import LaunchSpec
from fleet.local.tail import follow

if TYPE_CHECKING:
    from console.config.settings import Settings
    from console.session.bridge import Bridge
    from console.session.local.protocol import OnServersChange
    from console.session.local.watcher import SharedWatcher
    from fleet.local.same_as_pod import Same
    from fleet.model.objects import Pod
    from fleet.model.snapshot import Snapshot
    from fleet.observer import Observer

LOOK = 1.0
"""Seconds between two looks."""


class LocalServerSession:
    """``observer`` makes the observer of this machine; ``in_view`` returns whether it is selected anyway."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        bridge: Bridge,
        servers: SharedWatcher,
        observer: Callable[[], Observer],
        looked: OnServersChange,
        in_view: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._bridge = bridge
        self._servers = servers
        self._looked = looked
        self._in_view = in_view
        self._aside = BackgroundObserver(observer, looked)
        self._reading = (0, 0)

    async def run(self) -> None:
        """Poll until cancelled, on the observing loop. Ready servers are also measured if something else is
        selected.
        """
        seen: tuple[ServerState, ...] | None = None
        try:
            while True:
                latest = await self._servers.poll(LOOK / 2)
                if latest != seen:
                    seen = latest
                    self._looked()
                ready = any(state.stage.phase is Phase.READY for state in latest)
                await self._aside.switch(wanted=ready and not self._in_view())
                await asyncio.sleep(LOOK)
        finally:
            await self._aside.switch(wanted=False)

    @property
    def snapshot(self) -> Snapshot | None:
        return self._aside.snapshot

    @property
    def servers(self) -> tuple[ServerState, ...]:
        return self._servers.latest

    @property
    def problems(self) -> tuple[str, ...]:
        return self._servers.problems

    @property
    def reading(self) -> tuple[int, int]:
        return self._reading

    def note_reading(self, read: int, size: int) -> None:
        """A plan that is being made reads weights: see actions.local.machine.Reading."""
        self._reading = (read, size)

    @property
    def lacking(self) -> str:
        from actions.local.installation import find_executable

        named = self._settings.local.vllm
        if find_executable(named, self._environ):
            return ""
        if named:
            return f"{named} cannot be run: set local.vllm in the settings right, or leave it out"
        return "vLLM is not installed: pip install 'quarterdeck[local]', or name one in the settings (local.vllm)"

    @property
    def presets(self) -> Mapping[str, LaunchSpec]:
        from console.session.local.presets import presets

        return presets(self._settings, self._environ)

    def unset(self, preset: str) -> Mapping[str, str]:
        from console.session.local.presets import unset

        return unset(self._settings.local.presets[preset], self._environ)

    def defaults(self) -> LaunchSpec:
        from console.session.local.presets import defaults

        return defaults(self._settings, taken={state.record.spec.port for state in self.servers})

    async def same(self, pod: Pod) -> Same:
        return await self._bridge.call(self._same(pod))

    async def _same(self, pod: Pod) -> Same:
        from actions.local.installation import installed
        from fleet.local.gpus import read_gpus
        from fleet.local.same_as_pod import CannotCopyError, same_as

        found = await installed(self._settings.local.vllm, self._environ)
        reading = await asyncio.to_thread(read_gpus)
        gpus = 0 if found is not None and found.cpu else None if reading.problem else len(reading.gpus)
        try:
            return same_as(pod, self.defaults(), gpus=gpus, version=found.version if found is not None else "")
        except CannotCopyError as error:
            raise SessionError(str(error)) from error

    def log(self, name: str) -> AsyncIterator[str]:
        return self._bridge.stream(follow(self._server(name).record.log))

    def ask(self, name: str, prompt: str, tokens: int = 256) -> AsyncIterator[Piece]:
        from actions.local.prompt import ask

        state = self._server(name)
        model = state.models[0] if state.models else state.record.spec.served
        return self._bridge.stream(ask(state.record, model, prompt, tokens=tokens))

    async def benches(self, name: str) -> tuple[Bench, ...]:
        served = self._server(name).record.spec.served
        found = await self._bridge.call(asyncio.to_thread(read_benches, self._servers.folder))
        return tuple(bench for bench in found if bench.model == served or bench.server == name)

    def entries(self, name: str) -> str:
        from fleet.local.entries import entries

        return entries(self._server(name).record)

    def _server(self, name: str) -> ServerState:
        found = next((state for state in self.servers if state.name == name), None)
        if found is None:
            raise SessionError(f"there is no server {name} on this machine any more")
        return found

"""The real Session: the sources of one cluster at a time, on a thread with its own event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from console.session.bridge import Bridge
from console.session.bridged_reads import BridgedReads
from console.session.cluster_in_time import ClusterInTime
from console.session.failure import SessionError
from console.session.thread import LoopThread

if TYPE_CHECKING:
    from actions.running.action_run import ActionRun
    from actions.running.runner import Runner
    from console.session.actions import ActionSite
    from console.session.connection import Wiring
    from console.session.context_facts import ContextFacts
    from console.session.local.protocol import LocalServers, OnServersChange
    from console.session.local.servers import LocalServerSession
    from console.session.protocol import ActionService, Changed
    from fleet.model.snapshot import Cluster, Snapshot


class ObservingSession(BridgedReads):
    """Implements console.session.protocol.Session; begins with ``context`` and ``namespace``, empty for the default."""

    def __init__(self, wiring: Wiring, context: str = "", namespace: str = "") -> None:
        self._wiring = wiring
        self._thread = LoopThread("observe")
        bridge = Bridge(self._thread.loop)
        self._in_time = ClusterInTime(wiring, context, namespace, self._leave, self._check_idle)
        super().__init__(bridge, self._in_time)
        self._sites: tuple[ActionSite, ...] = ()
        """Sites of actions, the cluster first; empty until requested, which never happens in read-only mode."""
        self._forget: Callable[[], None] = lambda: None
        self._servers: LocalServerSession | None = None
        self._looking: asyncio.Task[None] | None = None

    def start(self, deliver: Callable[[Snapshot], None]) -> None:
        self._thread.start()
        self._bridge.begin(self._cluster.begin(deliver))

    async def close(self) -> None:
        await self._thread.close(self._end())

    def focus(self, pods: frozenset[str]) -> None:
        self._bridge.post(self._cluster.focus, pods)

    def refresh(self) -> None:
        self._bridge.post(self._cluster.refresh)

    @property
    def context(self) -> str:
        return self._cluster.context

    @property
    def namespace(self) -> str:
        return self._cluster.namespace

    def contexts(self) -> tuple[str, ...]:
        return self._cluster.contexts

    def about_contexts(self) -> Mapping[str, ContextFacts]:
        return self._wiring.about_contexts()

    async def namespaces(self) -> tuple[str, ...]:
        newest = self._cluster.newest
        seen = frozenset(pod.namespace for pod in newest.pods.values()) if newest is not None else frozenset()
        return await self._bridge.call(self._cluster.reader().namespaces(seen))

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        await self._bridge.call(self._cluster.switch(context, namespace))

    @property
    def now(self) -> float:
        newest = self._cluster.newest
        return time.time() if newest is None else newest.at

    async def travel(self, at: float | None) -> None:
        await self._bridge.call(self._travel(at))

    def actions(self, changed: Changed) -> ActionService:
        from console.session.actions import ActionSite, SessionActions
        from console.session.permissions import Permissions

        seen, audit = self._cluster, self._wiring.audit
        cluster = ActionSite(seen.runner, seen.identify, audit(local=False), changed)
        machine = ActionSite(self._local_runner, self._identify_here, audit(local=True), changed)
        permissions = Permissions(self._bridge, seen.reads, lambda: changed(None))
        self._sites, self._forget = (cluster, machine), permissions.forget
        return SessionActions(
            self._bridge, cluster, machine, lambda: seen.is_local, seen.reads, permissions, audit(local=False)
        )

    def local_servers(self, looked: OnServersChange) -> LocalServers:
        self._servers = self._wiring.local_servers(self._bridge, looked, lambda: self._cluster.is_local)
        self._bridge.post(self._poll_servers, self._servers)
        return self._servers

    # On the observing loop.

    def _poll_servers(self, servers: LocalServerSession) -> None:
        self._looking = asyncio.create_task(servers.run(), name="local servers")
        self._looking.add_done_callback(self._cluster.say_end)

    async def _travel(self, at: float | None) -> None:
        await self._in_time.travel(at)
        if at is not None:
            for site in self._sites:
                site.forget_plans()

    async def _identify_here(self) -> Cluster:
        self._in_time.check_now()
        return await self._wiring.local_identity()

    def _local_runner(self, changed: Callable[[ActionRun], None]) -> Runner:
        def newest() -> Snapshot | None:
            if self._cluster.is_local:
                return self._cluster.newest
            return self._servers.snapshot if self._servers is not None else None

        def note_reading(read: int, size: int) -> None:
            if self._servers is not None:
                self._servers.note_reading(read, size)

        return self._wiring.local_runner(newest, note_reading, changed)

    def _check_idle(self) -> None:
        """Raises SessionError while an action runs on the cluster."""
        if self._sites and self._sites[0].is_acting:
            raise SessionError("an action is running on this cluster", "Stop it (t lists actions) or wait for its end.")

    async def _leave(self) -> None:
        """Stop what runs on the cluster and clear what is known of it, before another is selected."""
        self._forget()
        if self._sites:
            await self._sites[0].disconnect()

    async def _end(self) -> None:
        """End with the console. Servers started on this machine keep running."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        for site in self._sites:
            await site.disconnect()
        await self._cluster.end()
        await self._wiring.close()

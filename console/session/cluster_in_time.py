"""The selected cluster as it is now, or as it was at a moment of its recording."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from console.session.cluster_in_view import ObservedCluster
from console.session.failure import SessionError

if TYPE_CHECKING:
    from actions.running.action_run import ActionRun
    from actions.running.runner import Runner
    from console.session.connection import PastConnection, Wiring
    from console.session.reader import ObjectReader
    from fleet.model.objects import ClusterId
    from fleet.model.snapshot import Cluster, Snapshot
    from fleet.sources.kube.reads import KubeReads


class ClusterInTime(ObservedCluster):
    """Observes and records the cluster while a moment is in view; what only now has is refused then.

    ``check_idle`` raises SessionError while an action runs: it is followed to its end, not cut off by a look back.
    """

    def __init__(
        self,
        wiring: Wiring,
        context: str,
        namespace: str,
        leave: Callable[[], Awaitable[None]],
        check_idle: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(wiring, context, namespace, leave)
        self._check_idle = check_idle
        self._past: PastConnection | None = None
        """The moment in view; None for now."""
        self._replaying: asyncio.Task[None] | None = None
        self._latest: Snapshot | None = None
        """Newest Snapshot of now, as it is shown."""
        self._show: Callable[[Snapshot], None] = lambda _: None

    async def begin(self, deliver: Callable[[Snapshot], None]) -> None:
        self._show = deliver
        await super().begin(self._show_if_now)

    async def end(self) -> None:
        await self._leave_past()
        await super().end()

    async def switch(self, context: str | None, namespace: str | None) -> None:
        """Look elsewhere: another context is one of now, another namespace one of the same moment."""
        if context is not None:
            self._latest = None
        await super().switch(context, namespace)
        if self._past is not None:
            self._past.observer.select_namespace(self.namespace)

    async def travel(self, at: float | None) -> None:
        """Show everything as it was at a Unix time; None: as it is now.

        Raises SessionError if it is not recorded, and while an action runs.
        """
        async with self._switching:
            if at is None:
                await self._leave_past()
                if self._latest is not None:
                    self._show(self._latest)
                return
            moment = self._wiring.past(self._connected().cluster, self.namespace, at)
            try:
                await moment.play_up()
                # One may have been started while the moment was played up.
                self._check_idle()
                await self._leave()
            except BaseException:
                await moment.observer.close()
                raise
            await self._leave_past()
            self._past = moment
            self._replaying = asyncio.create_task(moment.observer.run(self._show), name="replay")
            self._replaying.add_done_callback(self._say_end_of_past)

    def check_now(self) -> None:
        """Raises SessionError while the past is in view."""
        if self._past is not None:
            raise SessionError("this is the past: nothing can be done here", ":now goes back.")

    def reader(self, cluster: ClusterId | None = None) -> ObjectReader:
        if self._past is None:
            return super().reader(cluster)
        from console.session.reader import NoReader

        other = self._other_cluster_error(cluster, self._past)
        return self._past.reader if other is None else NoReader(str(other))

    def reads(self, cluster: ClusterId | None = None) -> KubeReads:
        self.check_now()
        return super().reads(cluster)

    def runner(self, changed: Callable[[ActionRun], None]) -> Runner:
        self.check_now()
        return super().runner(changed)

    async def identify(self) -> Cluster:
        self.check_now()
        found = await super().identify()
        # It may have taken a while.
        self.check_now()
        return found

    def _show_if_now(self, snapshot: Snapshot) -> None:
        self._latest = snapshot
        if self._past is None:
            self._show(snapshot)

    async def _leave_past(self) -> None:
        replaying, self._replaying, self._past = self._replaying, None, None
        if replaying is not None:
            replaying.cancel()
            await asyncio.gather(replaying, return_exceptions=True)

    def _say_end_of_past(self, task: asyncio.Task[None]) -> None:
        """Go back to now if the replay fails, and report why."""
        if not task.cancelled() and task.exception() is not None:
            self._past = self._replaying = None
            self.say_end(task)

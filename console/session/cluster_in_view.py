"""The selected cluster: its observer, and its newest Snapshot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from console.session.failure import SessionError

if TYPE_CHECKING:
    from actions.request import OtherClusterError
    from actions.running.action_run import ActionRun
    from actions.running.runner import Runner
    from console.session.connection import Connection, Wiring
    from console.session.reader import ObjectReader
    from fleet.model.objects import ClusterId
    from fleet.model.snapshot import Cluster, Snapshot
    from fleet.sources.kube.reads import KubeReads

LOOK_AGAIN = 2.0
"""Seconds between checks of a kubeconfig without a usable context."""
_NOT_YET = "not connected yet"


class ObservedCluster:
    """Belongs to the observing loop; attributes may be read from any thread.

    ``leave`` is awaited before another cluster is selected.
    """

    def __init__(self, wiring: Wiring, context: str, namespace: str, leave: Callable[[], Awaitable[None]]) -> None:
        self._wiring = wiring
        self.context = context
        self.namespace = namespace
        self._leave = leave
        self.contexts: tuple[str, ...] = ()
        self.newest: Snapshot | None = None
        """Newest Snapshot of the whole cluster, whatever the view."""
        self._connection: Connection | None = None
        self._observing: asyncio.Task[None] | None = None
        self._switching = asyncio.Lock()
        self._focus: frozenset[str] = frozenset()
        self._arrived = asyncio.Event()
        self._deliver: Callable[[Snapshot], None] = lambda _: None

    async def begin(self, deliver: Callable[[Snapshot], None]) -> None:
        """Observe; ``deliver`` is called with every Snapshot."""
        self._deliver = deliver
        try:
            async with self._switching:
                await self._wiring.ready()
                self._observe(self.context, self.namespace)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the screen
            self._say(error)

    async def end(self) -> None:
        """Observe no more."""
        if self._observing is not None:
            self._observing.cancel()
            await asyncio.gather(self._observing, return_exceptions=True)
            self._observing = None

    async def switch(self, context: str | None, namespace: str | None) -> None:
        """Look elsewhere; None leaves it as it is. Raises KubeconfigError for a context that leads nowhere."""
        if context is None:
            # The whole cluster is still observed: only a different part of it is shown.
            self.namespace = self.namespace if namespace is None else namespace
            if self._connection is not None:
                self._connection.observer.select_namespace(self.namespace)
            return
        async with self._switching:
            if context:
                self._wiring.check(context)
            await self._leave()
            await self.end()
            self._observe(context, self.namespace if namespace is None else namespace)

    def focus(self, pods: frozenset[str]) -> None:
        """Note the pods that are on the screen."""
        self._focus = pods
        if self._connection is not None:
            self._connection.observer.focus(pods)

    def refresh(self) -> None:
        """Measure now."""
        if self._connection is not None:
            self._connection.observer.wake()

    def reader(self, cluster: ClusterId | None = None) -> ObjectReader:
        """Return the reader of objects of this cluster (None: the selected one); for another cluster, one that reads
        nothing.
        """
        from console.session.reader import NoReader

        if self._connection is None:
            return NoReader(_NOT_YET)
        other = self._other_cluster_error(cluster, self._connection)
        return self._connection.reader if other is None else NoReader(str(other))

    @property
    def is_local(self) -> bool:
        """True if it is this machine."""
        return self._connection is not None and self._connection.is_local

    def reads(self, cluster: ClusterId | None = None) -> KubeReads:
        """Return the reads. Raises KubeconfigError if there is no cluster, and SessionError if another one is
        selected.
        """
        connection = self._connected()
        if (other := self._other_cluster_error(cluster, connection)) is not None:
            raise SessionError(str(other))
        return connection.reads()

    @staticmethod
    def _other_cluster_error(cluster: ClusterId | None, connection: Connection) -> OtherClusterError | None:
        """Return the error for a connection that does not lead to this cluster."""
        if cluster is None:
            return None
        from actions.request import OtherClusterError
        from fleet.model.objects import SAME_CLUSTER

        same = cluster in (SAME_CLUSTER, connection.cluster)
        return None if same else OtherClusterError(cluster, connection.cluster)

    def runner(self, changed: Callable[[ActionRun], None]) -> Runner:
        """Return its runner. Raises KubeconfigError if there is no cluster, or nothing is known of it yet."""
        from fleet.sources.kube.errors import KubeconfigError

        newest = self.newest
        if newest is None:
            raise KubeconfigError(_NOT_YET)
        connection = self._connected()

        def seen() -> Snapshot:
            """Return the newest Snapshot of this connection: actions still ending there must not see the next
            cluster.
            """
            return self.newest or newest if self._connection is connection else newest

        return connection.runner(seen, changed)

    async def identify(self) -> Cluster:
        """The cluster, with who we are to it, once there is a Snapshot of all that plans are made on.

        Raises KubeconfigError where there is none, and SessionError where it does not come to that.
        """
        from actions.planning.plan_snapshot import PATIENCE, wait_until_known

        connection = self._connected()
        connection.reads()
        lack = await wait_until_known(lambda: self.newest, self._arrived, PATIENCE)
        if lack:
            raise SessionError(f"{lack}: no plan is made from incomplete data", "Wait until it is, or see :sources.")
        cluster = await connection.identify()
        if self._connection is not connection:
            raise SessionError("another cluster was selected meanwhile", "Choose it again.")
        return cluster

    def _connected(self) -> Connection:
        from fleet.sources.kube.errors import KubeconfigError

        if self._connection is None:
            raise KubeconfigError(_NOT_YET)
        return self._connection

    def _observe(self, context: str, namespace: str) -> None:
        connection = self._connection = self._wiring.connect(context, namespace)
        # No plan is made for one cluster from the Snapshot of another.
        self.newest = None
        connection.observer.focus(self._focus)
        self.context, self.namespace = connection.context, namespace
        self.contexts = self._wiring.contexts()
        self._observing = asyncio.create_task(self._follow(connection, context), name="observe")
        self._observing.add_done_callback(self.say_end)

    async def _follow(self, connection: Connection, context: str) -> None:
        """Observe. A cluster that the kubeconfig does not lead to is looked for again: a login may be writing it."""
        running = asyncio.create_task(connection.observer.run(self._take, numbers_first=True))
        try:
            if not connection.is_absent:
                await running
            while not await asyncio.to_thread(self._wiring.leads_somewhere, context):
                if (await asyncio.wait({running}, timeout=LOOK_AGAIN))[0]:
                    await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        self._observe(context, self.namespace)

    def _take(self, snapshot: Snapshot) -> None:
        if snapshot.is_judged:
            # No plan is made on one of which nobody has said yet what is wrong.
            self.newest = snapshot.everything
            self._arrived.set()
        self._deliver(snapshot)

    def say_end(self, task: asyncio.Task[None]) -> None:
        """Report the error of a task that should not have ended."""
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._say(error)

    def _say(self, error: Exception) -> None:
        """Show an unexpected error in a Snapshot: silence would be worst."""
        from fleet.model.snapshot import Cluster, Snapshot
        from fleet.sources.status import defect

        now = time.time()
        cluster = Cluster(context=self.context, namespace=self.namespace)
        self._deliver(Snapshot(0, now, cluster, sources=(defect(error, now, self._wiring.keep(error)),)))

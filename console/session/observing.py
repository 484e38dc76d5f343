"""The real Session: the sources of one cluster on a thread with an event loop of its own.

Nothing that a source does (decoding a page of pods, waiting for a lock) can hold up the screens, and nothing heavy is
imported before the thread runs: the first frame is on the screen by then. The console's loop talks to it only through
``run_coroutine_threadsafe``; what comes back are immutable Snapshots and text.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from console.session.failure import SessionError, in_words

if TYPE_CHECKING:
    from actions.action_run import ActionRun
    from actions.runner import Runner
    from console.config.settings import Settings
    from console.local.protocol import LocalServers, Looked
    from console.local.session import LocalServerSession
    from console.local.watcher import SharedWatcher
    from console.session.actions import ActionService, Changed
    from console.session.readers import ObjectReader
    from console.session.routing import ActionRouter
    from console.wiring.sources import Source
    from fleet.model.objects import ObjectRef
    from fleet.model.snapshot import Cluster, Snapshot
    from fleet.observer import Observer
    from fleet.sources.kube.errors import KubeconfigError
    from fleet.sources.kube.reads import KubeReads
    from widgets.log_buffer import LogLine

T = TypeVar("T")

STOPPING = 1.0
"""Seconds that an end may take before the thread is left behind (it is a daemon)."""
LOOK_AGAIN = 2.0
"""Seconds between looks at a kubeconfig that leads nowhere."""
LOOK_UPS = 8
"""Threads for what blocks: names that are looked up, files, imports."""
LOG_AHEAD = 2000
"""Log lines that wait for the screen at most; a chatty log is held back at its source, not in our memory."""


class ObservingSession:
    """Observes the cluster that the settings name. See console.session.protocol.Session.

    ``here``: the settings for what is done on this machine, where they are others.
    """

    def __init__(self, settings: Settings, here: Settings | None = None) -> None:
        self._settings = settings
        self._here = here or settings
        self._context = settings.cluster.context
        self._namespace = settings.cluster.namespace
        self._deliver: Callable[[Snapshot], None] = lambda _: None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="observe", daemon=True)
        self._source: Source | None = None
        self._observer: Observer | None = None
        self._observing: asyncio.Task[None] | None = None
        self._switching = asyncio.Lock()
        self._contexts: tuple[str, ...] = ()
        self._focus: frozenset[str] = frozenset()
        self._seen: frozenset[str] = frozenset()
        self._newest: Snapshot | None = None
        """Of the whole cluster, whatever is in view."""
        self._arrived = asyncio.Event()
        self._acting: ActionRouter | None = None
        """None until somebody asks for it, which in read-only mode nobody does."""
        self._nodes: SharedWatcher | None = None
        self._machine: LocalServerSession | None = None
        self._looking: asyncio.Task[None] | None = None

    # The console's side: called on its loop.

    def start(self, deliver: Callable[[Snapshot], None]) -> None:
        self._deliver = deliver
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin(), self._loop)

    async def close(self) -> None:
        if not self._thread.is_alive():
            self._loop.close()
            return
        ending = asyncio.run_coroutine_threadsafe(self._end_all(), self._loop)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOPPING):
                await asyncio.wrap_future(ending)
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, STOPPING)

    def focus(self, pods: frozenset[str]) -> None:
        self._focus = pods
        self._loop.call_soon_threadsafe(self._apply_focus)

    def refresh(self) -> None:
        self._loop.call_soon_threadsafe(self._hurry)

    @property
    def context(self) -> str:
        return self._context

    @property
    def namespace(self) -> str:
        return self._namespace

    def contexts(self) -> tuple[str, ...]:
        return self._contexts

    async def namespaces(self) -> tuple[str, ...]:
        return await self._ask(self._list_namespaces())

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        await self._ask(self._switch(context, namespace))

    async def describe(self, ref: ObjectRef) -> str:
        return await self._ask(self._describe(ref))

    async def yaml(self, ref: ObjectRef) -> str:
        return await self._ask(self._yaml(ref))

    def acting(self, changed: Changed) -> ActionService:
        from console.session.actions import ClusterActions
        from console.session.routing import ActionRouter
        from console.wiring.audit_folder import audit_folder
        from console.wiring.local_actions import this_machine

        async def itself() -> Cluster:
            return this_machine()

        audit, own = (audit_folder(settings, os.environ) for settings in (self._settings, self._here))
        cluster = ClusterActions(self._loop, self._ask, self._runner, self._reads, self._known, audit, changed)
        here = ClusterActions(self._loop, self._ask, self._local_runner, self._reads, itself, own, changed)
        self._acting = ActionRouter(cluster, here, self._is_local)
        return self._acting

    def locally(self, looked: Looked) -> LocalServers:
        from console.local.session import LocalServerSession

        nodes = self._machine_nodes()
        machine = LocalServerSession(self._settings, os.environ, self._loop, self._ask, nodes, looked, self._is_local)
        self._machine = machine

        def look() -> None:
            self._looking = self._loop.create_task(machine.run(), name="local nodes")
            self._looking.add_done_callback(self._ended)

        self._loop.call_soon_threadsafe(look)
        return machine

    async def logs(
        self, namespace: str, pod: str, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncIterator[LogLine]:
        lines: asyncio.Queue[LogLine | SessionError | None] = asyncio.Queue()
        room = asyncio.Semaphore(LOG_AHEAD)
        here = asyncio.get_running_loop()

        def put(item: LogLine | SessionError | None) -> None:
            here.call_soon_threadsafe(lines.put_nowait, item)

        async def read() -> None:
            try:
                stream = self._asked().logs(
                    namespace, pod, container, follow=follow, previous=previous, tail=tail, since=since
                )
                async for line in stream:
                    await room.acquire()
                    put(line)
            except Exception as error:  # noqa: BLE001 - whatever it is, the screen must hear of it
                put(in_words(error))
            else:
                put(None)

        reading = asyncio.run_coroutine_threadsafe(read(), self._loop)
        try:
            while (item := await lines.get()) is not None:
                if isinstance(item, SessionError):
                    raise item
                self._loop.call_soon_threadsafe(room.release)
                yield item
        finally:
            reading.cancel()

    async def _ask(self, question: Coroutine[Any, Any, T]) -> T:
        try:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(question, self._loop))
        except Exception as error:
            raise in_words(error) from error

    # The thread's side: runs on its loop only.

    def _end_the_rest(self) -> None:
        """What was asked a moment ago and waits for an answer: left as it is, Python tells of each on the terminal."""
        rest = asyncio.all_tasks(self._loop)
        for task in rest:
            task.cancel()
        if rest:
            self._loop.run_until_complete(asyncio.wait(rest, timeout=STOPPING / 2))
        # The answers of some are never fetched, so what they fail with is fetched here.
        for task in rest:
            if task.done() and not task.cancelled():
                task.exception()

    def _run(self) -> None:
        from fleet.workers import Workers

        asyncio.set_event_loop(self._loop)
        # A look-up of a name that hangs (a VPN that is gone) must not hold up the end of the program.
        self._loop.set_default_executor(Workers(LOOK_UPS, "observe"))
        try:
            self._loop.run_forever()
        finally:
            self._end_the_rest()
            self._loop.close()

    async def _begin(self) -> None:
        try:
            self._observe(self._context, self._namespace)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the screen
            self._say(error)

    def _observe(self, context: str, namespace: str) -> None:
        from console.wiring import sources
        from console.wiring.contexts import every_context

        source = sources.source_of(self._settings, context, namespace, nodes=self._machine_nodes)
        self._source = source
        # No plan is made for one cluster from the Snapshot of another.
        self._newest = None
        self._observer = sources.observer(self._settings, source, time.time())
        self._observer.focus(self._focus)
        self._context, self._namespace = source.state().cluster.context or context, namespace
        self._contexts = every_context(self._settings)
        self._observing = self._loop.create_task(self._follow(self._observer, context), name="observe")
        self._observing.add_done_callback(self._ended)

    async def _follow(self, observer: Observer, context: str) -> None:
        """Observe. A cluster that the kubeconfig does not lead to is looked for again: a login may be writing it."""
        from console.wiring.contexts import leads_somewhere
        from fleet.sources.kube.absent import AbsentKubernetes

        running = self._loop.create_task(observer.run(self._pass_on))
        try:
            if not isinstance(self._source, AbsentKubernetes):
                await running
            while not await asyncio.to_thread(leads_somewhere, self._settings, context):
                if (await asyncio.wait({running}, timeout=LOOK_AGAIN))[0]:
                    await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        self._observe(context, self._namespace)

    def _ended(self, observing: asyncio.Task[None]) -> None:
        error = None if observing.cancelled() else observing.exception()
        if isinstance(error, Exception):
            self._say(error)

    def _say(self, error: Exception) -> None:
        """An error that nobody foresaw, in a Snapshot: silence would be the worst."""
        from console.cli.crash import keep
        from fleet.model.snapshot import Cluster, Snapshot
        from fleet.sources.status import defect

        now = time.time()
        cluster = Cluster(context=self._context, namespace=self._namespace)
        self._deliver(Snapshot(0, now, cluster, sources=(defect(error, now, keep(error, sys.argv[1:])),)))

    async def _end_all(self) -> None:
        """The console ends. What was started on this machine goes on."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._acting is not None:
            await self._acting.close()
        await self._end()
        if self._nodes is not None:
            await self._nodes.close()

    async def _end(self) -> None:
        if self._acting is not None:
            await self._acting.disconnect()
        if self._observing is not None:
            self._observing.cancel()
            await asyncio.gather(self._observing, return_exceptions=True)
            self._observing = None

    async def _switch(self, context: str | None, namespace: str | None) -> None:
        from console.wiring.contexts import is_machine
        from fleet.sources.kube.kubeconfig import load_access

        if context is None:
            # The cluster stays, and is observed as a whole: only another part of it is shown.
            self._namespace = self._namespace if namespace is None else namespace
            if self._observer is not None:
                self._observer.look_at(self._namespace)
            return
        if context and not is_machine(self._settings, context):
            load_access(self._settings.cluster.kubeconfig or None, context)
        async with self._switching:
            await self._end()
            self._observe(context, self._namespace if namespace is None else namespace)

    async def _list_namespaces(self) -> tuple[str, ...]:
        return await self._asked().namespaces(self._seen | set(self._settings.cluster.namespaces))

    async def _describe(self, ref: ObjectRef) -> str:
        return await self._asked().describe(ref)

    async def _yaml(self, ref: ObjectRef) -> str:
        return await self._asked().yaml(ref)

    def _asked(self) -> ObjectReader:
        from console.session.readers import ClusterReader, LocalReader
        from fleet.local.source import LocalSource

        source = self._source
        return LocalReader(source) if isinstance(source, LocalSource) else ClusterReader(self._reads())

    def _reads(self) -> KubeReads:
        from fleet.sources.kube.reads import KubeReads
        from fleet.sources.kube.source import KubernetesSource

        if isinstance(self._source, KubernetesSource):
            return KubeReads(self._source.client)
        raise self._no_cluster()

    def _runner(self, changed: Callable[[ActionRun], None]) -> Runner:
        from console.wiring.actions import runner
        from fleet.sources.kube.source import KubernetesSource

        source, newest = self._source, self._newest
        if not isinstance(source, KubernetesSource) or newest is None:
            raise self._no_cluster()
        past = self._observer.measuring.latency if self._observer is not None else None
        return runner(self._settings, source, lambda: self._newest or newest, changed, past=past)

    def _no_cluster(self) -> KubeconfigError:
        """Why there is nothing that could be asked of a cluster, or done to one."""
        from console.wiring.contexts import not_a_cluster
        from fleet.sources.kube.errors import KubeconfigError

        if self._is_local():
            return not_a_cluster(self._context)
        problem = self._source.state().status.problem if self._source is not None else ""
        return KubeconfigError(problem or "not connected yet")

    def _local_runner(self, changed: Callable[[ActionRun], None]) -> Runner:
        from actions.local.machine import unheard
        from console.wiring.local_actions import local_runner

        def newest() -> Snapshot | None:
            aside = self._machine.snapshot if self._machine is not None else None
            return self._newest if self._is_local() else aside

        machine = self._machine
        reading = machine.note_reading if machine is not None else unheard
        return local_runner(self._here, os.environ, self._machine_nodes(), changed, newest, reading)

    def _machine_nodes(self) -> SharedWatcher:
        """One watcher for all who look at the nodes of this machine."""
        from console.local.watcher import SharedWatcher

        if self._nodes is None:
            self._nodes = SharedWatcher(self._settings, os.environ)
        return self._nodes

    def _is_local(self) -> bool:
        """Whether this machine is the cluster in view."""
        from fleet.local.source import LocalSource

        return isinstance(self._source, LocalSource)

    async def _known(self) -> Cluster:
        """The cluster, with who we are to it, once there is a Snapshot of all that plans are made on."""
        from actions.ground import PATIENCE, known
        from fleet.sources.kube.source import KubernetesSource

        source = self._source
        if not isinstance(source, KubernetesSource):
            raise self._no_cluster()
        lack = await known(lambda: self._newest, self._arrived, PATIENCE)
        if lack:
            raise SessionError(f"{lack}: no plan is made on half a fleet", "Wait until it is, or look at :sources.")
        return await source.identify()

    def _pass_on(self, snapshot: Snapshot) -> None:
        self._newest = snapshot.everything
        self._seen = frozenset(pod.namespace for pod in self._newest.pods.values())
        self._arrived.set()
        self._deliver(snapshot)

    def _apply_focus(self) -> None:
        if self._observer is not None:
            self._observer.focus(self._focus)

    def _hurry(self) -> None:
        if self._observer is not None:
            self._observer.wake()

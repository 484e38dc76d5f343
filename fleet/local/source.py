"""The local machine as a cluster: its vLLM servers are the pods of its only node.

It is an ObjectSource like a cluster's, so every screen treats a local server like any other.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

import psutil

from fleet.local import kube_rows
from fleet.local.gpus import GpuReading, read_gpus
from fleet.local.server import ServerState
from fleet.model.objects import Condition, Event, Node, Pod, Workload
from fleet.model.snapshot import MACHINE, Cluster, Health, SourceStatus
from fleet.sources.kube.resources import all_resources
from fleet.sources.kube.state import KubeState
from fleet.sources.status import StatusKeeper

Row = TypeVar("Row", Pod, Workload, Event, Node)

CLUSTER: Final = "local"
LOOK: Final = 1.0
"""Seconds between two polls of the servers."""
COUNT: Final = 30.0
"""Seconds after which the GPUs are counted again: a driver may be loaded meanwhile."""
_SYNCED: Final = frozenset(resource.qualified for resource in all_resources())


class Watching(Protocol):
    """A watcher of servers: fleet.local.watch.Watcher, or one that is shared."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Failures to read at the last look, in words."""
        ...

    async def poll(self) -> tuple[ServerState, ...]:
        """All servers as they are now, by name."""
        ...


class LocalSource:
    """The servers on this machine. Belongs to one event loop.

    ``context`` is this machine's name among the contexts. The watcher's owner closes it, unless ``closing`` says how to
    close it with this source.
    """

    def __init__(
        self,
        watcher: Watching,
        *,
        context: str = CLUSTER,
        gpus: Callable[[], GpuReading] = read_gpus,
        clock: Callable[[], float] = time.time,
        closing: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._watcher = watcher
        self._read = gpus
        self._clock = clock
        self.host = socket.gethostname()
        """Name of this machine as a node."""
        self._closing = closing
        self._user = _user()
        self._context = context
        self._counted = float("-inf")
        self._gpus = GpuReading()
        self._task: asyncio.Task[None] | None = None
        self._looked = asyncio.Event()
        self._keeper = StatusKeeper(MACHINE, Health.STARTING, clock())
        self._state = KubeState(0, self._cluster(()))
        self.servers: tuple[ServerState, ...] = ()
        """Servers at the last look, by name."""

    async def start(self) -> None:
        """Begin to look. Returns at once; troubles show in the state."""
        self._task = asyncio.create_task(self._keep_looking(), name="look at this machine")

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._closing is not None:
            await self._closing()

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 -- as KubernetesSource has it
        """Wait for the first look. False where that took longer."""
        try:
            async with asyncio.timeout(timeout):
                await self._looked.wait()
        except TimeoutError:
            return False
        return True

    def select_namespace(self, namespace: str) -> None:
        """Do nothing: the machine has one namespace, which is always selected."""

    def tick(self) -> None:
        """Do nothing: no events are counted here."""

    def refresh(self) -> None:
        """Do nothing: it polls continuously."""

    def state(self) -> KubeState:
        """The rows now."""
        return self._state

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return how the last look went."""
        return (self._keeper.status,)

    async def poll(self) -> None:
        """Poll once. A read error is reported in the status."""
        now = self._clock()
        if now - self._counted >= COUNT or now < self._counted:
            self._counted = now
            self._gpus = await asyncio.to_thread(self._read)
        try:
            self.servers = await self._watcher.poll()
        except OSError as error:
            self._keeper.report(
                Health.DOWN,
                now,
                problem=f"the servers on this machine cannot be read: {error.strerror or error}",
                remedy=f"check {error.filename}" if error.filename else "",
                endpoint=self.host,
            )
        else:
            self._keeper.report(Health.LIVE, now, endpoint=self.host, notes=self._watcher.problems)
        self._state = self._kube_state()
        self._looked.set()

    async def _keep_looking(self) -> None:
        while True:
            await self.poll()
            await asyncio.sleep(LOOK)

    def _kube_state(self) -> KubeState:
        """Return the state of the last poll. Unchanged parts are the same objects as before."""
        before, count = self._state, len(self._gpus.gpus)
        pods = _keep_same(before.pods, (kube_rows.pod(state, self.host, count) for state in self.servers))
        workloads = _keep_same(before.workloads, (kube_rows.workload(state, count) for state in self.servers))
        events = _keep_same(before.events, (event for state in self.servers for event in kube_rows.events(state)))
        nodes = _keep_same(before.nodes, (self._node(),))
        kept = (
            pods is before.pods and workloads is before.workloads and events is before.events and nodes is before.nodes
        )
        return KubeState(
            generation=before.generation + (not kept),
            cluster=self._cluster(self.servers),
            synced=_SYNCED if self._keeper.status.last_ok is not None else frozenset(),
            pods=pods,
            nodes=nodes,
            workloads=workloads,
            events=events,
        )

    def _cluster(self, servers: Iterable[ServerState]) -> Cluster:
        versions = sorted({state.record.version for state in servers if state.record.version})
        version = f"vLLM {', '.join(versions)}" if versions else ""
        return Cluster(context=self._context, cluster=CLUSTER, server=self.host, user=self._user, version=version)

    def _node(self) -> Node:
        gpus = self._gpus.gpus
        return Node(
            name=self.host,
            uid=self.host,
            resource_version="",
            created=_BOOTED,
            ready="True",
            labels={"kubernetes.io/hostname": self.host},
            conditions=(Condition("Ready", "True"),),
            gpus={kube_rows.GPU_RESOURCE: len(gpus)} if gpus else {},
            gpu_product=gpus[0].name if gpus else "",
            address="127.0.0.1",
        )


_BOOTED: Final = psutil.boot_time()
"""Read once: it is counted from the clock, and moves with it."""


def _keep_same(before: Mapping[str, Row], now: Iterable[Row]) -> Mapping[str, Row]:
    """Return the current rows; each row, and the mapping itself, is the same object as before if unchanged."""
    found = {}
    for row in now:
        last = before.get(row.key)
        found[row.key] = last if last is not None and last == row else row
    same = found.keys() == before.keys() and all(found[key] is before[key] for key in found)
    return before if same else MappingProxyType(found)


def _user() -> str:
    """Return the user of this program; a user without a name (a container's) by number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())

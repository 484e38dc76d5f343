"""The rows of one resource, as far as permissions go: all namespaces at once, else namespace by namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Generic

from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import (
    ClusterError,
    DefectError,
    ForbiddenError,
    NotFoundError,
)
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.pace import Backoff, Pace
from fleet.sources.kube.reflector import Reflector
from fleet.sources.kube.resources import R, Resource


class Feed(Generic[R]):
    """The rows of one resource, of the whole cluster if permitted.

    The selected namespace does not narrow it: free GPUs, quotas and joins need the whole cluster. ``namespaces``
    returns those to try if listing all at once is forbidden; ``attempted`` is called after each attempt of a reflector.
    """

    def __init__(
        self,
        client: KubeClient,
        resource: Resource[R],
        namespaces: Callable[[], Awaitable[Sequence[str]]],
        *,
        pace: Pace,
        interner: Interner,
        attempted: Callable[[], None],
    ) -> None:
        self.resource = resource
        self.changes = 0
        """Grows with every change of the rows."""
        self.reflectors: dict[str, Reflector[R]] = {}
        """Reflectors by scope."""
        self.denied: ForbiddenError | None = None
        """Set while the whole is forbidden and the namespaces are read one by one."""
        self.absent = False
        """True if an optional resource was looked up and does not exist."""
        self.defect: Exception | None = None
        """The unexpected exception that ended :meth:`run`; it is restarted after a while."""
        self._client = client
        self._namespaces = namespaces
        self._pace = pace
        self._interner = interner
        self._attempted = attempted
        self._view: Mapping[str, R] = MappingProxyType({})
        self._viewed = 0
        self._elsewhere = asyncio.Event()
        """Set when the namespaces to read may be others than before."""

    @property
    def settled(self) -> bool:
        """True if the feed has everything it can get with its current permissions."""
        if self.absent or self.defect is not None:
            return True
        found = self.reflectors.values()
        return bool(found) and all(
            r.synced or isinstance(r.trouble, ForbiddenError | NotFoundError | DefectError) for r in found
        )

    @property
    def readable(self) -> tuple[str, ...] | None:
        """The readable namespaces; None if all are (or it is not known yet)."""
        if self.denied is None and not any(
            isinstance(r.trouble, ForbiddenError | NotFoundError) and not r.synced for r in self.reflectors.values()
        ):
            return None
        return tuple(sorted(scope for scope, reflector in self.reflectors.items() if scope and reflector.synced))

    def rescope(self) -> None:
        """The namespaces to read may have changed: where they are read one by one, see to it now."""
        self._elsewhere.set()

    @property
    def synced(self) -> bool:
        """True if there is a permitted reflector and each of them has listed everything once."""
        settled = [r for r in self.reflectors.values() if not isinstance(r.trouble, ForbiddenError)]
        return bool(settled) and all(r.synced for r in settled)

    @property
    def listed(self) -> tuple[int, int]:
        """Rows so far, and about how many there will be; 0 where that is not known."""
        found = self.reflectors.values()
        expected = [len(r.rows) if r.synced else r.expected for r in found]
        return sum(len(r.rows) for r in found), sum(expected) if all(expected) else 0

    def rows(self) -> Mapping[str, R]:
        """The current rows, by key. Never changes once returned; the same mapping while nothing changes."""
        if self._viewed != self.changes:
            merged: dict[str, R] = {}
            for reflector in self.reflectors.values():
                merged.update(reflector.rows)
            self._view = MappingProxyType(merged)
            self._viewed = self.changes
        return self._view

    async def keep_running(self) -> None:
        """Run until cancelled. An unexpected error disables this one resource for a while, and is reported."""
        while True:
            self.defect = None
            task = asyncio.create_task(self.run())
            try:
                await asyncio.wait({task})
            finally:
                await _end([task])
            error = None if task.cancelled() else task.exception()
            self.defect = error if isinstance(error, Exception) else None
            self._attempted()
            await asyncio.sleep(self._pace.longest)

    async def run(self) -> None:
        """Follow the resource until cancelled."""
        if self.resource.optional:
            await self._until_served()
        if not self.resource.namespaced:
            await self._reflector("").run()
        while True:
            try:
                await self._reflector("").run(until_forbidden=True)
            except ForbiddenError as error:
                self.denied = error
            self._remove("")
            await self._one_by_one()
            self.denied = None

    async def _until_served(self) -> None:
        """Wait for a custom resource to exist. A list would not show that: to most users a missing one is forbidden."""
        path = f"/apis/{self.resource.group}/{self.resource.version}"
        backoff = Backoff(self._pace)
        while True:
            try:
                await self._client.get(path)
            except (NotFoundError, ForbiddenError):
                self.absent = True
                wait = self._pace.denied
            except ClusterError:
                wait = backoff.wait()
            else:
                self.absent = False
                return
            self._attempted()
            await asyncio.sleep(wait)

    async def _one_by_one(self) -> None:
        """Follow the namespaces one by one until the whole is allowed."""
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                scopes = await self._namespaces()
                for scope in [scope for scope in tasks if scope not in scopes]:
                    await _end([tasks.pop(scope)])
                    self._remove(scope)
                for scope in scopes:
                    if scope not in tasks:
                        tasks[scope] = asyncio.create_task(self._reflector(scope).run())
                if not await self._asked_elsewhere(self._pace.denied) and await self._allowed():
                    return
        finally:
            await _end(list(tasks.values()))
            for scope in tasks:
                self._remove(scope)

    async def _asked_elsewhere(self, seconds: float) -> bool:
        """Wait; True as soon as the namespaces to read may be others."""
        try:
            async with asyncio.timeout(seconds):
                await self._elsewhere.wait()
        except TimeoutError:
            return False
        self._elsewhere.clear()
        return True

    async def _allowed(self) -> bool:
        try:
            await self._client.get(self.resource.path(), {"limit": "1"})
        except ClusterError:
            return False
        return True

    def _reflector(self, scope: str) -> Reflector[R]:
        reflector = Reflector(
            self._client,
            self.resource,
            scope,
            interner=self._interner,
            pace=self._pace,
            changed=self._count,
            attempted=self._attempted,
        )
        self.reflectors[scope] = reflector
        return reflector

    def _remove(self, scope: str) -> None:
        if self.reflectors.pop(scope).rows:
            self._count()

    def _count(self) -> None:
        self.changes += 1


class MergedFeed(Generic[R]):
    """The rows of several feeds as one."""

    def __init__(self, feeds: Sequence[Feed[R]]) -> None:
        self.feeds = feeds
        self._view: Mapping[str, R] = MappingProxyType({})
        self._viewed = -1

    def rows(self) -> Mapping[str, R]:
        """Return the rows of all feeds: never changed once returned, and the same mapping while nothing changes."""
        changes = sum(feed.changes for feed in self.feeds)
        if self._viewed != changes:
            self._view = MappingProxyType({key: row for feed in self.feeds for key, row in feed.rows().items()})
            self._viewed = changes
        return self._view


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

"""Keeps the rows of one resource equal to the server's: lists in pages, then watches, for ever.

After every failure the watch resumes from the last resourceVersion, so that nothing is missed or counted twice; if the
server no longer has it (410), everything is listed again and vanished objects are dropped.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Generic

import orjson

from fleet.json_fields import Raw, mapping, text
from fleet.net.bodies import limits
from fleet.net.decoding import collector_paused
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import (
    ClusterError,
    DefectError,
    ExpiredError,
    ForbiddenError,
    KubeError,
    NotFoundError,
    OversizedError,
    UnreachableError,
    error_of_status,
)
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.pace import Backoff, Pace
from fleet.sources.kube.pages import ListPages
from fleet.sources.kube.resources import R, Resource

TURN = 0.008
"""Seconds of work after which the event loop gets a turn."""
STUCK = 3
"""Watches in a row that break without an event, after which the resourceVersion is given up and all listed again."""


_NO_WATCH = (405, 501)
"""HTTP statuses of a server, or of a proxy before it, that lists and does not watch."""


class _UnwatchableError(Exception):
    """The list works and the watch is refused."""

    def __init__(self, error: KubeError) -> None:
        super().__init__(error.message)
        self.error = error


class Reflector(Generic[R]):
    """One resource in one scope: a namespace, or all of them ("").

    ``rows`` belongs to the reflector and changes in place; ``changed`` is called after each change of it,
    ``attempted`` when an attempt to list or watch has worked or failed.
    """

    def __init__(
        self,
        client: KubeClient,
        resource: Resource[R],
        scope: str,
        *,
        interner: Interner,
        pace: Pace,
        changed: Callable[[], None],
        attempted: Callable[[], None],
    ) -> None:
        self.resource = resource
        self.scope = scope
        self.rows: dict[str, R] = {}
        self.synced = False
        """True once ``rows`` has been complete."""
        self.trouble: ClusterError | None = None
        """The reason why the last attempt failed; None while listing or watching works."""
        self.troubled_since: float | None = None
        self.unwatched: KubeError | None = None
        """Reason why the resource cannot be watched although it can be listed: the rows are as old as the last list."""
        self.skipped = 0
        """Objects that could not be made sense of."""
        self.expected = 0
        """Objects expected in the current list, according to the server; 0 if unknown."""
        self._client = client
        self._interner = interner
        self._pace = pace
        self._changed = changed
        self._attempted = attempted
        self._version = ""
        self._paged = True
        self._stuck = 0
        self._expired = 0
        """Number of consecutive times that the server had expired the resourceVersion."""
        self._heard = 0
        self._woken = asyncio.Event()
        self._severed = asyncio.Event()

    async def run(self, *, until_forbidden: bool = False) -> None:
        """Follow the resource until cancelled.

        With ``until_forbidden`` raises :class:`ForbiddenError` when the list is refused, else asks again from time to
        time.
        """
        backoff = Backoff(self._pace)
        while True:
            self._woken.clear()
            try:
                if await self._unless_severed(self._list_and_watch()):
                    backoff.reset()
                    continue
                wait = backoff.wait()
            except ExpiredError as error:
                self._expired += 1
                if self._expired >= STUCK and self._version:
                    self._lists_only(error)
                elif self._expired >= STUCK:
                    self._failed(error)
                self._version = ""
                wait = backoff.wait()
            except _UnwatchableError as refusal:
                self._lists_only(refusal.error)
                self._version = ""
                wait = self._pace.longest * (0.75 + backoff.random.random() / 2)
            except (ForbiddenError, NotFoundError) as error:
                self._failed(error)
                if not self._version:
                    self._clear()
                    if until_forbidden and isinstance(error, ForbiddenError):
                        raise
                self._version = ""
                wait = self._pace.denied * (0.75 + backoff.random.random() / 2)
            except ClusterError as error:
                self._failed(error)
                wait = max(backoff.wait(), getattr(error, "retry_after", None) or 0.0)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must be said, and not end the following
                self._failed(DefectError(error))
                # Its reason may be in the listed rows: start over.
                self._version = ""
                wait = backoff.wait()
            await self._pause(wait)

    async def _list_and_watch(self) -> bool:
        if not self._version:
            await self._list()
        try:
            return await self._watch()
        except (ForbiddenError, NotFoundError) as error:
            raise _UnwatchableError(error) from error
        except KubeError as error:
            if error.status in _NO_WATCH:
                raise _UnwatchableError(error) from error
            raise

    def wake(self) -> None:
        """Retry at once: the server answers again. Also applies if the current attempt still fails."""
        self._woken.set()

    def sever(self) -> None:
        """Abandon the current request: its connection may be dead without either side having noticed."""
        self._severed.set()

    async def _unless_severed(self, work: Coroutine[None, None, bool]) -> bool:
        """The result of ``work``; True, to go on at once, where it was given up."""
        self._severed.clear()
        working, severed = asyncio.ensure_future(work), asyncio.ensure_future(self._severed.wait())
        try:
            await asyncio.wait({working, severed}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else True
        finally:
            working.cancel()
            severed.cancel()
            await asyncio.gather(working, severed, return_exceptions=True)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), seconds)
        except TimeoutError:
            return

    def _failed(self, error: ClusterError) -> None:
        self.trouble = error
        if self.troubled_since is None:
            self.troubled_since = time.time()
        self._attempted()

    def _lists_only(self, error: KubeError) -> None:
        """Fall back to listing: show what was listed, and list again at intervals."""
        self.unwatched = error
        self._attempted()

    def _note_success(self) -> None:
        self.trouble = None
        self.troubled_since = None
        # The wake-up is done.
        self._woken.clear()
        self._attempted()

    def _clear(self) -> None:
        if self.rows:
            self.rows.clear()
            self._changed()
        self.synced = False

    async def _list(self) -> None:
        """Read all pages of one consistent list and put them in place of the rows."""
        fresh: dict[str, R] = {}
        self.skipped = 0
        version = ""
        pages = ListPages(self._client, self.resource, self.scope, whole=not self._paged)
        try:
            while not pages.complete:
                body = await pages.fetch()
                with collector_paused():
                    page = pages.read(body)
                    del body
                    version = page.version
                    self.expected = len(fresh) + len(page.items) + page.remaining if page.remaining else 0
                    await self._take(page.items, fresh)
        except KubeError as error:
            if pages.torn_by(error):
                # The server compacts faster than the pages are read: the next attempt asks for all in one answer.
                self._paged = False
            raise
        self._paged = True
        self._replace(fresh)
        self._version = version
        self._stuck = 0
        self._note_success()

    async def _take(self, items: list[Any], fresh: dict[str, R]) -> None:
        """Project a page, in slices. Until the first list is complete its pages are shown as they come."""
        found: dict[str, R] = {}
        # Its decoding was a separate turn.
        await asyncio.sleep(0)
        turn = time.monotonic()
        # Each item is freed once it is read: freeing a whole page would block the loop as long as its decoding.
        items.reverse()
        while items:
            row = self._row(items.pop())
            if row is not None:
                found[row.key] = row
            if time.monotonic() - turn > TURN:
                await asyncio.sleep(0)
                turn = time.monotonic()
        fresh |= found
        if not self.synced:
            self.rows |= found
            self._changed()

    def _row(self, raw: object) -> R | None:
        if not isinstance(raw, dict) or not text(mapping(raw, "metadata"), "name"):
            self.skipped += 1
            return None
        return self.resource.project(raw, self._interner)

    def _replace(self, fresh: dict[str, R]) -> None:
        before = {key: (row.uid, row.resource_version) for key, row in self.rows.items()}
        after = {key: (row.uid, row.resource_version) for key, row in fresh.items()}
        if before != after or not self.synced:
            self.rows = fresh
            self.synced = True
            self._trim()
            self._changed()

    def _trim(self) -> None:
        """Keep to the bound, with some slack so that it is not done for every event."""
        bound, newest = self.resource.bound, self.resource.newest
        if bound is None or newest is None or len(self.rows) <= bound + bound // 4:
            return
        keep = sorted(self.rows.values(), key=newest, reverse=True)[:bound]
        self.rows = {row.key: row for row in keep}

    async def _watch(self) -> bool:
        """Watch until the server ends it. Return True if it was useful: it brought an event, or lasted.

        A break of an established connection is not reported: the next attempt shows whether something is wrong.
        """
        seconds = Backoff(self._pace).random.randint(*self._pace.watch)
        query = {
            "watch": "1",
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        began, before = time.monotonic(), self._heard
        broken = False
        async with self._client.stream(self.resource.path(self.scope), query, idle=seconds + 30.0) as chunks:
            self._note_success()
            # It is established; its first event shows whether it is useful.
            if not self._expired:
                self.unwatched = None
            try:
                await self._apply_all(chunks)
            except UnreachableError:
                broken = True
        heard, lasted = self._heard != before, time.monotonic() - began
        if lasted > self._pace.first * 10:
            self._expired = 0
        self._stuck = 0 if heard or not broken else self._stuck + 1
        # Silence until the end, without a bookmark, indicates a server restored from a backup: our version is in its
        # future, and it would never send anything.
        if self._stuck >= STUCK or (not heard and not broken and lasted >= seconds * 0.9):
            self._version, self._stuck = "", 0
        return heard or lasted > self._pace.first * 10

    async def _apply_all(self, chunks: AsyncIterator[bytes]) -> None:
        turn = time.monotonic()
        async for line in _lines(chunks):
            self._apply(line)
            if time.monotonic() - turn > TURN:
                await asyncio.sleep(0)
                turn = time.monotonic()

    def _apply(self, line: bytes) -> None:
        """Apply one watch event.

        Raises :class:`KubeError` for an ERROR event, and :class:`UnreachableError` for a line that is not an event: its
        content is unknown, so the watch is opened again from the last resourceVersion.
        """
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise UnreachableError(f"invalid data in the watch of {self.resource.name}: {error}") from error
        raw = event.get("object") if isinstance(event, dict) else None
        if not isinstance(raw, dict):
            raise UnreachableError(f"invalid data in the watch of {self.resource.name}")
        kind = event.get("type")
        if kind == "ERROR":
            raise error_of_status(raw)
        version = text(mapping(raw, "metadata"), "resourceVersion")
        if kind in {"ADDED", "MODIFIED"}:
            self._put(raw)
        elif kind == "DELETED":
            self._drop(raw)
        elif kind != "BOOKMARK":
            raise UnreachableError(f"an event of unknown type {kind!r} in the watch of {self.resource.name}")
        self._heard += 1
        self._expired = 0
        self.unwatched = None
        if version:
            self._version = version

    def _put(self, raw: Raw) -> None:
        row = self._row(raw)
        if row is not None:
            self.rows[row.key] = row
            self._trim()
            self._changed()

    def _drop(self, raw: Raw) -> None:
        row = self._row(raw)
        if row is not None and self.rows.pop(row.key, None) is not None:
            self._changed()


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the lines of a stream. Text after the last newline was cut off and is not a line.

    Raises :class:`OversizedError` for a line over ``limits().other``: etcd refuses objects over 1.5 MiB.
    """
    rest = bytearray()
    limit = limits().other
    async for chunk in chunks:
        rest += chunk
        if b"\n" not in chunk:
            if len(rest) > limit.bytes:
                exceeded = limit.exceeded()
                raise OversizedError(f"the watch sends a line that does not end: it {exceeded}", remedy=exceeded.remedy)
            continue
        *whole, last = bytes(rest).split(b"\n")
        rest = bytearray(last)
        for line in whole:
            if line.strip():
                yield line

"""The direct source: every engine's /metrics, scraped in bulk, if there is no Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fleet.dataclass import dataclass
from fleet.guard import Guard, RefusedError, reads_only
from fleet.imports import imported
from fleet.metrics.exposition import Layouts
from fleet.model.measurement import Measurement
from fleet.model.problem import ClearTextError, NoMetricsError, SourceProblem, UnreadError
from fleet.net.bodies import limits
from fleet.net.plain_client import PlainClient
from fleet.net.redirect import MOST_REDIRECTS, RedirectError, followed
from fleet.sources.scrape.fetch import get, get_plainly, in_words, open_session, room_for
from fleet.sources.scrape.tables import Tables
from fleet.sources.scrape.target import ScrapeTarget, TargetState

if TYPE_CHECKING:
    import aiohttp

_KEPT = 300.0
"""Seconds for which the last values of a silent target are kept, with their age (Prometheus' lookback)."""
_MOST_CONNECTIONS = 1_000
"""Targets whose connections are kept for the next scrape: one takes 10 KiB, a new one 0.3 ms of CPU, and with more
targets the scrape interval grows accordingly.
"""
_GPUS_EVERY = 5.0
"""Seconds for which the answer of a GPU exporter is not asked for again: it collects every 15 or 30 s by itself, and a
page of eight GPUs costs as much as an engine's. Less than half of what makes a number stale.
"""
_PER_TURN = 100
"""Targets put together in one turn of the event loop."""


@dataclass(frozen=True, slots=True)
class ScrapeLimits:
    """Settings of the scrape: seconds, and how many requests at once."""

    window: float = 60.0
    interval: float = 5.0
    """Expected time between ticks, until it has been measured."""
    timeout: float = 5.0
    concurrency: int = 64


class ScrapeSource:
    """Scrapes targets and remembers their counters over the window.

    One instance belongs to one event loop. ``clock`` is a steady clock in seconds.
    """

    def __init__(
        self,
        settings: ScrapeLimits | None = None,
        *,
        guard: Guard = reads_only,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings or ScrapeLimits()
        self._guard = guard
        self._clock = clock
        self._client = PlainClient(guard, keeps=False)
        self._session: aiohttp.ClientSession | None = None
        """The connections of aiohttp, used where the small client does not suffice."""
        self._room = 0
        """Number of targets whose connections fit into this process' file limit."""
        self._keeps = False
        """True if connections are kept for the next scrape."""
        self._states: dict[str, TargetState] = {}
        self._layouts = Layouts()
        self._wants_all = False
        """True if the next scrape asks every target, however lately it answered."""
        self._last: float | None = None
        self._interval = self._settings.interval

    async def measure(self, targets: Sequence[ScrapeTarget], now: float) -> Measurement:
        """Scrape the targets; ``now`` is the Unix time of the tick's beginning.

        Targets that are no longer given are dropped. GPU exporters that answered just now are not asked again: their
        values are as old as they are. A failed one is named in ``unreachable`` and keeps its last
        values, with their age, for five minutes. Raises nothing for a target's failure.
        """
        begun = self._clock()
        if self._last is not None:
            self._interval = begun - self._last or self._interval
        self._last = begun
        span = max(self._settings.window, 4 * self._interval)
        unique = {target.key: target for target in targets}
        self._states = {key: self._states.get(key) or TargetState(span, self._layouts) for key in unique}
        await self._make_room(sum(target.fetch is None for target in unique.values()))
        unreachable: dict[str, str] = {}
        unread: dict[str, str] = {}
        gpus_every, self._wants_all = 0.0 if self._wants_all else _GPUS_EVERY, False
        due = [target for key, target in unique.items() if self._states[key].is_due(begun, gpus_every)]
        queue = iter(due)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._settings.concurrency, len(due))):
                group.create_task(self._work(queue, span, now - begun, unreachable, unread))
        at = now + (self._clock() - begun)
        live = {key: state for key, state in self._states.items() if at - state.heard_at <= _KEPT}
        tables = Tables(at, (state.binding for state in live.values()))
        for turn, state in enumerate(live.values()):
            tables.add(state)
            if turn % _PER_TURN == _PER_TURN - 1:
                await asyncio.sleep(0)
        # At first the counters cover less than the window: report the period that the rates really cover.
        covered = max((state.window.covered for state in live.values()), default=0.0)
        measurement = tables.measurement(
            window=round(covered, 1) or span, interval=self._interval, unreachable=unreachable, requests=len(due)
        )
        return replace(measurement, unread=unread)

    def refresh(self) -> None:
        """Ask every target at the next scrape."""
        self._wants_all = True

    def pause(self) -> None:
        """The next scrape is not the next of a series: the time until then is no scrape interval."""
        self._last = None

    def forget(self) -> None:
        """Start over, as if nothing had been scraped yet."""
        self.pause()
        self._states = {}
        self._interval = self._settings.interval

    async def close(self) -> None:
        """Close the connections."""
        self._client.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _work(
        self,
        queue: Iterator[ScrapeTarget],
        span: float,
        epoch: float,
        unreachable: dict[str, str],
        unread: dict[str, str],
    ) -> None:
        for target in queue:
            state = self._states[target.key]
            state.window.span = span
            try:
                body, whole = await self._find(target, state)
                clock = self._clock()
                state.take(target, body, whole=whole, clock=clock, now=epoch + clock)
            except UnreadError as problem:
                unread[target.key] = problem.message
            except NoMetricsError as problem:
                unreachable[target.key] = ": ".join(filter(None, (problem.message, target.hint)))
            except SourceProblem as problem:
                unreachable[target.key] = problem.message
            except (OSError, TimeoutError) as error:
                # After a refused connection, a listening server may be a different one.
                state.odd = state.odd and not isinstance(error, ConnectionRefusedError)
                unreachable[target.key] = in_words(error, self._settings.timeout)

    async def _find(self, target: ScrapeTarget, state: TargetState) -> tuple[bytes, bool]:
        """Return the answer at the path that had the metrics last; where it has none, at the others that are known."""
        known = state.place if state.place < len(target.elsewhere) else -1
        try:
            return await self._fetch(target if known < 0 else target.at(known), state)
        except NoMetricsError as nowhere:
            for place in range(-1, len(target.elsewhere)):
                if place == known:
                    continue
                try:
                    answer = await self._fetch(target if place < 0 else target.at(place), state)
                except (SourceProblem, OSError, TimeoutError):
                    continue
                state.place = place
                return answer
            raise nowhere from None

    async def _fetch(self, target: ScrapeTarget, state: TargetState) -> tuple[bytes, bool]:
        """Return the answer in clear text, or over TLS if only that works: from then on TLS is used at once."""
        if target.over_tls is None:
            return await self._follow(target, state)
        if not state.wants_tls:
            try:
                return await self._follow(target, state)
            except ClearTextError as problem:
                in_clear = problem
            try:
                answer = await self._follow(target.over_tls, state)
            except (SourceProblem, OSError, TimeoutError):
                raise in_clear from None
            state.wants_tls = True
            return answer
        try:
            return await self._follow(target.over_tls, state)
        except SourceProblem:
            # It may have been restarted without it.
            state.wants_tls = False
            raise

    async def _follow(self, target: ScrapeTarget, state: TargetState) -> tuple[bytes, bool]:
        for _ in range(MOST_REDIRECTS):
            try:
                return await self._ask(target, state)
            except RedirectError as redirect:
                target = replace(target, url=followed(target.url, redirect.location))
        raise SourceProblem("redirects in a loop")

    async def _ask(self, target: ScrapeTarget, state: TargetState) -> tuple[bytes, bool]:
        plainly = target.fetch is None and target.url.startswith("http:") and not state.odd
        try:
            if plainly:
                body = await get_plainly(self._client, target, limits().scrape, self._settings.timeout)
                if body is not None:
                    return body, True
                state.odd = True
            self._guard("GET", target.url)
        except RefusedError as error:
            raise SourceProblem(error.message, error.remedy) from None
        if target.fetch is not None:
            async with asyncio.timeout(self._settings.timeout):
                return await target.fetch(target.url), True
        if self._session is None:
            await asyncio.to_thread(imported, "aiohttp")
        if self._session is None:
            self._session = open_session(self._settings.concurrency, self._settings.timeout, keep=self._keeps)
        return await get(self._session, target, limits().scrape)

    async def _make_room(self, targets: int) -> None:
        """Keep the connections where that is of use, and there is room for one per target."""
        keeps = targets <= _MOST_CONNECTIONS and (targets <= self._room or room_for(targets))
        if keeps:
            self._room = max(self._room, targets)
        if keeps is not self._keeps:
            self._keeps = keeps
            await self.close()
            self._client.keeps = keeps

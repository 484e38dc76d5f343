"""The further sources, beside the cluster and its metrics: a failure of one is one line and affects no other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from fleet.model.facts import Facts
from fleet.model.snapshot import Health, SourceStatus
from fleet.sources.protocol import FactSource
from fleet.sources.status import StatusKeeper, unforeseen

Makes: TypeAlias = Callable[[], Awaitable[Sequence[FactSource]]]
"""Makes the sources when they are to start: the first screen waits neither for them nor for their modules."""


async def none() -> Sequence[FactSource]:
    """No sources."""
    return ()


class SideSources:
    """Any number of sources, driven as one."""

    def __init__(self, make: Makes = none, clock: Callable[[], float] = time.time) -> None:
        self._make = make
        self._sources: tuple[FactSource, ...] = ()
        self._clock = clock
        self._broken: dict[tuple[str, str], StatusKeeper] = {}
        """Unexpected failures, by the source's name and operation."""

    async def start(self) -> None:
        """Make and start each. Raises ValueError if two have the same name, and what making them raises."""
        made = await self._make()
        names = [source.name for source in made]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two sources have one name: {', '.join(sorted(twice))}")
        self._sources = tuple(made)
        await self._for_each("start", lambda source: source.start())

    async def close(self) -> None:
        """Close each; a failure keeps no other open."""
        await self._for_each("close", lambda source: source.close())

    async def wait_synced(self, timeout: float) -> None:  # noqa: ASYNC109 -- that some say nothing is an answer
        """Wait until each has delivered what it can, ``timeout`` seconds at most."""

        async def wait(source: FactSource) -> None:
            await source.wait_synced(timeout)

        await self._for_each("wait", wait)

    def refresh(self) -> None:
        """Refresh each."""
        for source in self._sources:
            with self._or_say(source, "refresh"):
                source.refresh()

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return the status of all sources; of one with a defect, the defect."""
        found: list[SourceStatus] = []
        for source in self._sources:
            own: tuple[SourceStatus, ...] = ()
            with self._or_say(source, "statuses"):
                own = source.statuses()
            found += [keeper.status for (name, _), keeper in self._broken.items() if name == source.name][:1] or own
        return tuple(found)

    def facts(self) -> Facts:
        """Return the facts received so far."""
        found = {}
        for source in self._sources:
            with self._or_say(source, "facts"):
                if (facts := source.facts()) is not None:
                    found[source.name] = facts
        return Facts(found)

    async def _for_each(self, what: str, do: Callable[[FactSource], Awaitable[None]]) -> None:
        async def guarded(source: FactSource) -> None:
            with self._or_say(source, what):
                await do(source)

        await asyncio.gather(*map(guarded, self._sources))

    @contextmanager
    def _or_say(self, source: FactSource, what: str) -> Iterator[None]:
        """Run a block; an unexpected error becomes the source's status until the same operation succeeds."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the person and end nothing else
            problem = unforeseen(error)
            now = self._clock()
            keeper = self._broken.setdefault((source.name, what), StatusKeeper(source.name, Health.STARTING, now))
            keeper.report(Health.DOWN, now, problem=problem.message, remedy=problem.remedy)
        else:
            self._broken.pop((source.name, what), None)

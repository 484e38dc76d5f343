"""Asks one engine for its request counts, for moments in which a scrape interval is too long."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from fleet.model.objects import Pod
from fleet.model.quantity import Quantity
from fleet.sources.scrape.collector import ScrapeCollectorSettings
from fleet.sources.scrape.source import ScrapeLimits, ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from fleet.sources.scrape.targets import Via, endpoints

TIMEOUT = 2.0
"""Seconds allowed for one answer: it is polled about once a second."""


class EngineLoad(NamedTuple):
    """The requests of all engines of a pod at one moment."""

    at: float
    """Unix time."""
    running: float
    waiting: float

    @property
    def requests(self) -> float:
        """Requests that have not been answered to their end."""
        return self.running + self.waiting


class EngineProbe:
    """Asks the engines of one pod at its address, or those behind a target. Belongs to one event loop; close it.

    Never through the API server: `get` on pods/proxy grants far more than this, and is not meant for polling.
    """

    def __init__(
        self,
        where: Pod | ScrapeTarget,
        *,
        settings: ScrapeCollectorSettings | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        settings = settings or ScrapeCollectorSettings()
        problem = "the pod is not running"
        if isinstance(where, ScrapeTarget):
            self._target: ScrapeTarget | None = where
        else:
            found = endpoints((where,), settings.ports, settings.path)
            problem = found[0].problem if found else problem
            self._target = found[0].target(Via.POD_IP, None) if not problem else None
        self._clock = clock
        self._source = ScrapeSource(ScrapeLimits(timeout=TIMEOUT, concurrency=1))
        self.problem = "" if self._target else problem
        """Reason why the last poll failed; empty if it succeeded."""

    async def load(self) -> EngineLoad | None:
        """Return the current load; None if it cannot be read, with the reason in ``problem``."""
        if self._target is None:
            return None
        measurement = await self._source.measure([self._target], self._clock())
        if measurement.unreachable:
            self.problem = next(iter(measurement.unreachable.values()))
            return None
        columns = measurement.engine_table.columns
        values = [math.fsum(columns.get(q, ())) for q in (Quantity.RUNNING, Quantity.WAITING)]
        if Quantity.RUNNING not in columns or not all(map(math.isfinite, values)):
            self.problem = "it does not report its requests"
            return None
        self.problem = ""
        return EngineLoad(measurement.at, *values)

    async def close(self) -> None:
        """Close the connections."""
        await self._source.close()

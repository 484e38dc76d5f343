"""Measuring: Prometheus where there is one that has the engines, the direct scrape where there is not.

Both give the same type, so nothing further up knows the difference but by the word on the screen. Losing Prometheus
falls back to the direct scrape (where it is allowed) and returns as soon as Prometheus answers again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from enum import StrEnum

from fleet.asking import Asking
from fleet.kube.state import KubeState
from fleet.metrics.past import Past
from fleet.metrics.scrape import Guard
from fleet.metrics.transport import PrometheusEndpoint
from fleet.model.measurement import Measurement
from fleet.model.snapshot import SourceStatus
from fleet.scraping import Getter, Scraping, ScrapingSettings


class Use(StrEnum):
    """Whether a source is used."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class MeasuringSettings:
    """``endpoint`` None: Prometheus is looked for among the cluster's services. Times in seconds."""

    prometheus: Use = Use.AUTO
    endpoint: PrometheusEndpoint | None = None
    timeout: float = 10.0
    window: float = 60.0
    scrape: Use = Use.AUTO
    scraping: ScrapingSettings = field(default_factory=ScrapingSettings)
    refresh: float = 2.0


SETTLE = 4.0
"""Seconds between the first two scrapes when somebody waits for a complete answer: rates need two samples."""


class Measuring:
    """The metrics of one cluster: ``latest`` is the last measurement, however old."""

    def __init__(self, client: Getter, settings: MeasuringSettings, now: float, guard: Guard | None = None) -> None:
        self._settings = settings
        self._asking = Asking(client, settings.endpoint, settings.window, settings.timeout, now, guard)
        self._scraping = Scraping(client, settings.scraping, now, guard)
        self._next = float("-inf")
        self._scrapes = 0
        self._attempt: asyncio.Task[Measurement | None] | None = None
        self.latest: Measurement | None = None

    def due(self, state: KubeState, now: float) -> bool:
        """Whether it is time to measure. Not before the pods are known: there is nobody to ask, and nothing to join."""
        known = "pods" in state.synced or self._settings.endpoint is not None
        return known and now >= self._next

    def hurry(self) -> None:
        """Measure at the next tick."""
        self._next = float("-inf")

    def settles_in(self) -> float:
        """Seconds until another measurement would tell more (rates need two scrapes); 0.0 when this is all."""
        return SETTLE if self._scrapes == 1 else 0.0

    async def measure(self, state: KubeState, pods: frozenset[str] | None, now: float) -> None:
        """Measure once; troubles show in the statuses and leave ``latest`` as it was."""
        asked = await self._ask(state, pods, now)
        found = asked
        if self._settings.scrape is Use.ALWAYS or (
            self._settings.scrape is Use.AUTO and (asked is None or not asked.engines)
        ):
            scraped = await self._scraping.measure(state, now)
            self._scrapes += scraped is not None
            found = _join(asked, scraped)
        else:
            self._scraping.off(now)
        if found is not None:
            self.latest = found
        self._next = now + self._pace()

    async def remembered(self, latest: Measurement, seconds: float, step: float) -> list[Past]:
        """What was in the ``seconds`` before ``latest``, where Prometheus remembers it."""
        return await self._asking.remembered(latest.at, seconds, step)

    def statuses(self) -> tuple[SourceStatus, ...]:
        """How the sources are."""
        return (self._asking.keeper.status, self._scraping.keeper.status)

    async def close(self) -> None:
        """Let go of every connection."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.gather(self._attempt, return_exceptions=True)
        await asyncio.gather(self._asking.close(), self._scraping.close())

    async def _ask(self, state: KubeState, pods: frozenset[str] | None, now: float) -> Measurement | None:
        """Ask Prometheus. While it fails it is asked aside: waiting for its timeout must not hold up the scrapes."""
        if self._settings.prometheus is Use.NEVER:
            self._asking.off(now)
            return None
        if self._attempt is None:
            wanted = self._settings.prometheus is Use.ALWAYS
            self._attempt = asyncio.create_task(self._asking.measure(state, pods, now, wanted=wanted), name="ask")
        if self._asking.failing and not self._attempt.done():
            return None
        attempt, self._attempt = self._attempt, None
        return await attempt

    def _pace(self) -> float:
        """Seconds to the next measurement: a Prometheus is asked three times per scrape interval, no more often."""
        refresh = self._settings.refresh
        if self.latest is None or self.latest.source != "prometheus":
            return refresh
        return max(refresh, min(self.latest.interval / 3, 15.0))


def _join(asked: Measurement | None, scraped: Measurement | None) -> Measurement | None:
    """A scrape, completed by the GPUs of a Prometheus that has those alone."""
    if scraped is None or asked is None:
        return scraped or asked
    if asked.gpus and not scraped.gpus:
        return replace(
            scraped,
            gpus=asked.gpus,
            gpu_table=asked.gpu_table,
            throttle_reasons=asked.throttle_reasons,
            gpu_interval=asked.gpu_interval or asked.interval,
        )
    return scraped

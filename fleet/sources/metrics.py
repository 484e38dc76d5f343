"""Measuring: Prometheus where there is one that has the engines, the direct scrape where there is not.

Both give the same type, so nothing further up knows the difference but by the word on the screen. Losing Prometheus
falls back to the direct scrape (where it is allowed) and returns as soon as Prometheus answers again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from fleet.dataclass import dataclass
from fleet.metrics.joining import join
from fleet.metrics.unchanged import keeping
from fleet.model.measurement import Measurement
from fleet.model.past import Latency, Past
from fleet.model.snapshot import SourceStatus
from fleet.net.early import EarlyQuestions
from fleet.sources.kube.state import KubeState
from fleet.sources.prometheus.collector import PrometheusCollector
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.prometheus.trust import Trust
from fleet.sources.scrape.collector import Beside, Getter, ScrapeCollector, ScrapeCollectorSettings
from fleet.sources.store import Store


class Use(StrEnum):
    """Whether a source is used."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """``endpoint`` None: Prometheus is looked for among the cluster's services. Times in seconds."""

    prometheus: Use = Use.AUTO
    endpoint: PrometheusEndpoint | None = None
    trust: Trust = field(default_factory=Trust)
    """Services that may be asked among those that are found."""
    within: Mapping[str, str] = field(default_factory=dict)
    """Labels and values that its series must have: one cluster of a store of several."""
    timeout: float = 10.0
    window: float = 60.0
    scrape: Use = Use.AUTO
    scraping: ScrapeCollectorSettings = field(default_factory=ScrapeCollectorSettings)
    refresh: float = 2.0


PATIENCE = 3.0
"""Seconds that Prometheus' answer is waited for before the pods are scraped meanwhile, where no answer was seen yet."""
SETTLE = 4.0
"""Seconds between the first two scrapes when somebody waits for a complete answer: rates need two samples."""


SELDOM = 15.0
"""Seconds between two measurements at most: what the charts of Prometheus set for its scrapes."""
PER_TARGET = 0.015
"""Seconds to the next scrape for each target: at half a millisecond of CPU each, scraping takes 3 % of a core."""
_RATES = 2
"""Scrapes until there are rates."""


class MetricsCollector:
    """The metrics of one cluster: ``latest`` is the last measurement, however old."""

    def __init__(
        self, client: Getter, settings: MetricsSettings, now: float, early: EarlyQuestions | None = None
    ) -> None:
        self._settings = settings
        self._asking = PrometheusCollector(
            client, settings.endpoint, settings.window, settings.timeout, now, settings.trust, settings.within
        )
        self._scraping = ScrapeCollector(client, settings.scraping, now)
        self._early = early
        self._next = float("-inf")
        self._scrapes = 0
        self._attempt: asyncio.Task[Measurement | None] | None = None
        self._measured = now
        """Time at which the last measurement began."""
        self.latest: Measurement | None = None

    def due(self, state: KubeState, now: float) -> bool:
        """Whether it is time to measure. Not before the pods are known: there is nobody to ask, and nothing to join."""
        known = "pods" in state.synced or self._settings.endpoint is not None
        return known and (now >= self._next or now < self._measured)

    def hurry(self) -> None:
        """Measure at the next tick, and do not wait for the end of any backoff."""
        self._next = float("-inf")
        self._asking.hurry()
        self._scraping.hurry()

    def settles_in(self) -> float:
        """Seconds until another measurement would tell more (rates need two scrapes); 0.0 when this is all."""
        waiting = self._attempt is not None and not self._asking.failing
        one = self._scrapes == 1 and self.latest is not None and self.latest.source == "scrape"
        return SETTLE if waiting or one else 0.0

    async def measure(self, state: KubeState, pods: frozenset[str] | None, now: float) -> None:
        """Measure once; troubles show in the statuses and leave ``latest`` as it was."""
        if now < self._measured:
            # The clock was set back: what waits for a time would wait for that much longer.
            self.hurry()
        self._measured = now
        asked = await self._ask(state, pods, now)
        scraped = None
        if self._scrapes_engines(asked, now):
            scraped = await self._scraping.measure_or_say(state, now)
            self._scrapes += scraped is not None
        elif self._settings.scrape is Use.AUTO and asked is not None and (only := _missing(asked)):
            scraped = await self._scraping.measure_or_say(state, now, only)
        else:
            self._scraping.switch_off(now)
        found = join(asked, scraped)
        # A scrape that nobody answered tells nothing: what was known before grows old on the screen instead.
        if found is not None and (found.engines or found.gpus or not found.unreachable):
            self.latest = keeping(self.latest, found)
            if self._early is not None:
                self._early.answered()
        self._next = now + pause(self.latest, self._settings.refresh, self._scrapes)

    async def remembered(self, latest: Measurement, seconds: float, step: float) -> list[Past]:
        """Return what was in the ``seconds`` before ``latest``, where Prometheus remembers it."""
        return await self._asking.remembered(latest.at, seconds, step)

    async def store(self, state: KubeState, now: float) -> Store | None:
        """The Prometheus that is asked, or would be. Raises SourceProblem for one that was found and may not be."""
        if self._settings.prometheus is Use.NEVER:
            return None
        return await self._asking.store(state, now, wanted=self._settings.prometheus is Use.ALWAYS)

    async def latency(self, namespace: str, pods: str, seconds: float) -> Latency:
        """Raises SourceProblem, also where there is no Prometheus."""
        return await self._asking.latency(namespace, pods, seconds)

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return the status of the sources."""
        return (self._asking.keeper.status, self._scraping.keeper.status)

    async def close(self) -> None:
        """Let go of every connection."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.gather(self._attempt, return_exceptions=True)
        await asyncio.gather(self._asking.close(), self._scraping.close())

    def _scrapes_engines(self, asked: Measurement | None, now: float) -> bool:
        """Whether the engines are to be scraped beside, or instead of, what Prometheus said."""
        if self._settings.scrape is not Use.AUTO:
            return self._settings.scrape is Use.ALWAYS
        if asked is None or not asked.engines:
            return True
        # The rates of a Prometheus that is back have a gap at first; those of the scrapes meanwhile have none.
        return now < self._asking.whole_from and self._scraping.works

    async def _ask(self, state: KubeState, pods: frozenset[str] | None, now: float) -> Measurement | None:
        """Ask Prometheus; None while its answer is not there.

        It is waited for where its numbers are on the screen. Where they are not yet, the pods are scraped meanwhile;
        and while it fails it is asked aside.
        """
        if self._settings.prometheus is Use.NEVER:
            self._asking.switch_off(now)
            return None
        if self._attempt is None:
            wanted = self._settings.prometheus is Use.ALWAYS
            self._attempt = asyncio.create_task(self._asking.measure(state, pods, now, wanted=wanted), name="ask")
        await asyncio.wait({self._attempt}, timeout=self._patience())
        if not self._attempt.done():
            return None
        attempt, self._attempt = self._attempt, None
        return await attempt

    def _patience(self) -> float | None:
        if self._asking.failing:
            return 0.0
        measured = self.latest is not None and self.latest.source == "prometheus"
        return None if measured or self._settings.scrape is Use.NEVER else PATIENCE


def pause(latest: Measurement | None, refresh: float, scrapes: int) -> float:
    """Seconds from one measurement to the next; ``refresh`` is how often the screen is drawn.

    A Prometheus is asked three times per scrape interval, no more often. Pods are scraped as often as the screen is
    drawn where that is cheap, and the more there are, the more seldom; from one time to the next no more than twice as
    long, so that what was scraped does not look stale for that.
    """
    if latest is None:
        return refresh
    if latest.source == "prometheus":
        return max(refresh, min(latest.interval / 3, SELDOM))
    if scrapes < _RATES:
        return refresh
    return max(refresh, min(latest.requests * PER_TARGET, 2 * latest.interval, SELDOM))


def _missing(asked: Measurement) -> frozenset[Beside]:
    """Return what Prometheus has none of, and may be there all the same."""
    have = {Beside.GPUS: asked.gpus, Beside.GATEWAYS: asked.gateways}
    return frozenset(kind for kind, rows in have.items() if not rows)

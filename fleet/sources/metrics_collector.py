"""Measurement: the metrics stores, and direct scrapes of what none of them has.

All give the same type, and are merged into one measurement (``fleet.metrics.merged_measurement``). If Prometheus fails,
the direct scrape takes over (if allowed) until it answers again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import StrEnum

from fleet.dataclass import dataclass
from fleet.metrics.merged_measurement import LastMeasurement, merged
from fleet.metrics.unchanged_parts import keeping
from fleet.model.measurement import Measurement
from fleet.model.past import Latency, Past
from fleet.model.snapshot import SourceStatus
from fleet.net.early_requests import EarlyRequests
from fleet.sources.kube.state import KubeState
from fleet.sources.prometheus.collector import PrometheusCollector
from fleet.sources.prometheus.products import PROMETHEUS
from fleet.sources.prometheus.stores import Stores
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.prometheus.trust import Trust
from fleet.sources.scrape.collector import SCRAPE, Getter, ScrapeCollector, ScrapeCollectorSettings, ScrapeScope
from fleet.sources.store import NamedStore, Store


class Use(StrEnum):
    """Use of a source: the values of a setting."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class MoreMetrics:
    """One more store of metrics, under the name that the configuration gives it."""

    name: str
    endpoint: PrometheusEndpoint
    within: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """``endpoint`` None: Prometheus is looked for among the cluster's services. Times in seconds."""

    prometheus: Use = Use.AUTO
    endpoint: PrometheusEndpoint | None = None
    trust: Trust = field(default_factory=Trust)
    """The Services that may be contacted among those found."""
    within: Mapping[str, str] = field(default_factory=dict)
    """Labels and values that its series must have: one cluster of a store of several."""
    also: tuple[MoreMetrics, ...] = ()
    """Further stores: for what several have, the first is read."""
    timeout: float = 10.0
    window: float = 60.0
    scrape: Use = Use.AUTO
    scraping: ScrapeCollectorSettings = field(default_factory=ScrapeCollectorSettings)
    refresh: float = 2.0


PATIENCE = 3.0
"""Seconds that Prometheus' answer is waited for before the pods are scraped meanwhile, where no answer was seen yet."""
SETTLE = 4.0
"""Seconds between the first two scrapes when a caller waits for a complete answer: rates need two samples."""


SELDOM = 20.0
"""Longest time between two measurements in seconds: a Prometheus that scrapes once a minute is asked three times."""
PER_TARGET = 0.015
"""Seconds to the next scrape for each target: at half a millisecond of CPU each, scraping takes 3 % of a core."""
_RATES = 2
"""Scrapes until there are rates."""


class MetricsCollector:
    """The metrics of one cluster: ``latest`` is the last measurement, however old."""

    def __init__(
        self, client: Getter, settings: MetricsSettings, now: float, early: EarlyRequests | None = None
    ) -> None:
        self._settings = settings
        self._stores = Stores(list(_collectors(client, settings, now)))
        self._scraping = ScrapeCollector(client, settings.scraping, now)
        self._early = early
        self._next = float("-inf")
        self._scrapes = 0
        self._own_wanted: frozenset[str] = frozenset()
        """Pods whose own buckets are needed, because several stores have parts of their model."""
        self._own_is_new = False
        """True if the last measurement found these: the next one will be more complete."""
        self._measured = now
        """Time at which the last measurement began."""
        self.latest: Measurement | None = None

    def due(self, state: KubeState, now: float) -> bool:
        """True if a measurement is due. Not before the pods are known: there is nothing to scrape or join."""
        known = "pods" in state.synced or self._settings.endpoint is not None
        return known and (now >= self._next or now < self._measured)

    def refresh(self) -> None:
        """Measure at the next tick, and do not wait for the end of any backoff."""
        self._next = float("-inf")
        self._stores.refresh()
        self._scraping.refresh()

    def settles_in(self) -> float:
        """Return the seconds until another measurement would add something (rates need two scrapes); 0.0 if
        complete.
        """
        latest = self.latest
        one = self._scrapes == 1 and latest is not None and SCRAPE in (latest.source, *latest.sources.engines)
        return SETTLE if self._stores.are_awaited or self._own_is_new or one else 0.0

    async def measure(self, state: KubeState, pods: frozenset[str] | None, now: float) -> None:
        """Measure once; troubles show in the statuses and leave ``latest`` as it was."""
        if now < self._measured:
            # The clock was set back: scheduled waits would take that much longer.
            self.refresh()
        self._measured = now
        asked = await self._ask(state, pods, now)
        scraped, first = await self._scrape(state, merged(asked, state.pods).measurement, now)
        measurements = [*scraped, *asked] if first else [*asked, *scraped]
        if measurements and self._stores.are_several:
            measurements += self._stores.before_failing(now)
        found, lacking = merged(measurements, state.pods)
        self._own_is_new, self._own_wanted = bool(lacking - self._own_wanted), lacking
        # A scrape without any answer is no data: the previous values become stale instead.
        if found is not None and (found.engines or found.gpus or not found.unreachable):
            self.latest = keeping(self.latest, found)
            if self._early is not None:
                self._early.answered()
        self._next = now + pause(self.latest, self._settings.refresh, self._scrapes)

    async def remembered(self, latest: Measurement, seconds: float, step: float) -> list[Past]:
        """Return the ``seconds`` before ``latest``, if Prometheus has them."""
        return await self._stores.remembered(latest, seconds, step)

    async def store(self, state: KubeState, now: float) -> Store | None:
        """Return the first Prometheus that is or would be queried. Raises SourceProblem if it may not be."""
        return next((one.store for one in await self.stores(state, now)), None)

    async def stores(self, state: KubeState, now: float) -> tuple[NamedStore, ...]:
        """All of them, the first declared first. Raises SourceProblem as ``store`` does."""
        if self._settings.prometheus is Use.NEVER:
            return ()
        return await self._stores.reachable(state, now, wanted=self._settings.prometheus is Use.ALWAYS)

    async def latency(self, namespace: str, pods: str, seconds: float) -> Latency:
        """Raises SourceProblem, also where there is no Prometheus."""
        return await self._stores.latency(self.latest, namespace, pods, seconds)

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return the status of the sources."""
        return (*self._stores.statuses(), self._scraping.keeper.status)

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(self._stores.close(), self._scraping.close())

    async def _scrape(
        self, state: KubeState, asked: Measurement | None, now: float
    ) -> tuple[tuple[LastMeasurement, ...], bool]:
        """Scrape what is due; return also whether that is everything, in which case it is preferred to the stores."""
        everything = self._scrapes_engines(asked, now)
        lacking = None if everything or asked is None else ScrapeScope.of(asked)
        if not everything and (self._settings.scrape is not Use.AUTO or lacking is None):
            self._scraping.switch_off(now)
            return (), False
        scraped = await self._scraping.measure_or_say(state, now, lacking)
        self._scrapes += scraped is not None
        return (() if scraped is None else (LastMeasurement(SCRAPE, scraped),)), bool(
            everything and scraped and scraped.engines
        )

    def _scrapes_engines(self, asked: Measurement | None, now: float) -> bool:
        """True if all engines are scraped in addition to, or instead of, Prometheus."""
        if self._settings.scrape is not Use.AUTO:
            return self._settings.scrape is Use.ALWAYS
        if asked is None or not asked.engines:
            return True
        # A recovered Prometheus has a gap in its rates at first; the direct scrapes do not.
        return now < self._stores.whole_from and self._scraping.works

    async def _ask(self, state: KubeState, pods: frozenset[str] | None, now: float) -> tuple[LastMeasurement, ...]:
        """Query the stores; a late answer is not waited for.

        A single store is waited for once its numbers are on the screen. Before that, the pods are scraped meanwhile;
        and while it fails it is queried in the background.
        """
        if self._settings.prometheus is Use.NEVER:
            self._stores.switch_off(now)
            return ()
        wanted = None if pods is None else pods | self._own_wanted
        return await self._stores.ask(
            state, wanted, now, wanted=self._settings.prometheus is Use.ALWAYS, patience=self._patience()
        )

    def _patience(self) -> float | None:
        if self._stores.are_several:
            return PATIENCE
        measured = self.latest is not None and self.latest.source == PROMETHEUS.section
        return None if measured or self._settings.scrape is Use.NEVER else PATIENCE


def _collectors(client: Getter, settings: MetricsSettings, now: float) -> Iterator[PrometheusCollector]:
    """Yield the configured or discovered store, and those named in addition."""
    how = settings.window, settings.timeout, now
    yield PrometheusCollector(client, settings.endpoint, *how, settings.trust, settings.within)
    for more in settings.also:
        name = f"{PROMETHEUS.section}/{more.name}"
        yield PrometheusCollector(client, more.endpoint, *how, within=more.within, name=name)


def pause(latest: Measurement | None, refresh: float, scrapes: int) -> float:
    """Return the seconds between measurements; ``refresh`` is the screen's refresh interval.

    A Prometheus is queried at most three times per scrape interval. Pods are scraped at every refresh if that is cheap,
    and less often the more there are; the interval at most doubles each time, so that scraped values do not look stale
    for that reason.
    """
    if latest is None:
        return refresh
    if latest.source == PROMETHEUS.section:
        return max(refresh, min(latest.interval / 3, SELDOM))
    if scrapes < _RATES:
        return refresh
    return max(refresh, min(latest.requests * PER_TARGET, 2 * latest.interval, SELDOM))

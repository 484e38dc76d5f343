"""The Prometheus source: Prometheus, Thanos, Mimir or VictoriaMetrics through prometheus-api-client.

A tick is five requests whatever the fleet: the engines and the products that exist; and in parallel their gauges and
rates, the buckets by model, those of the requested pods, and the GPUs; a sixth if the store has gateways. The first one
determines the others, which are repeated if that has changed. All of them are evaluated at one time of the server's
clock, which is the Measurement's ``at``. Occasionally a few more read the server's clock, the scrape intervals, the
names of metrics, the bucket lists, an engine of a new product, and the samples of engines younger than the window. A
store that refuses regular expressions on metric names is queried by exact ones, in a few more requests.

Each answer becomes columns in the thread that requested it, a part at a time: decoded as a whole, answers would take
many times the memory of the Measurement.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from fleet.guard import reads_only
from fleet.memory import giving_back, share_heaps
from fleet.metrics import answers, promql, queries
from fleet.metrics.bucket_queries import bucket_counts
from fleet.metrics.buckets import Buckets, Edges, common_edges, engine_buckets, model_buckets, model_histograms
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.engine_numbers import EngineNumbers
from fleet.metrics.engine_rows import EngineRows, EngineSeries
from fleet.metrics.expressions import QueryScope
from fleet.metrics.gateway_answers import Gateways
from fleet.metrics.gpu_answers import Gpus
from fleet.metrics.moved_series import Moved
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.metrics.young_engines import Rates, rates
from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, HistogramKey, Measurement
from fleet.model.naming import Naming
from fleet.model.problem import NamePatternError
from fleet.model.quantity import Family
from fleet.model.shown_certificate import ShownCertificate
from fleet.sources.prometheus.answer import Answer
from fleet.sources.prometheus.api import PrometheusApi
from fleet.sources.prometheus.metric_names import MetricNames
from fleet.sources.prometheus.remarks import remarks
from fleet.sources.prometheus.remembered_series import Remembered
from fleet.sources.prometheus.scrape_interval import LOOK_BACK, LOOK_EVERY, ScrapeInterval
from fleet.sources.prometheus.tick import TickQueries, young_samples
from fleet.workers import Workers

if TYPE_CHECKING:
    from fleet.guard import Guard
    from fleet.sources.prometheus.transport import PrometheusEndpoint

T = TypeVar("T")

_SETTLED = 1.0
"""Seconds before the server's now at which a tick is evaluated. A scrape is stored under the time at which it began, so
the result for the current moment may still change; a second ago, the same query gives every client the same answer.
"""
_NAME = "prometheus"
_WORKERS = 6
_EXTRAPOLATED = 1.1
"""Scrape intervals that samples may begin later than the range of ``rate``: up to that, it extrapolates to the
beginning of the range, and beyond it by half an interval (Prometheus, ``extrapolatedRate``).
"""
_DEFAULT_INTERVAL = 15.0
"""Seconds: the default of Prometheus' charts, until two samples have been seen."""


class _Edges(NamedTuple):
    """The bucket edges common to all engines of a model, the time they were read, and the engines they were read
    for.
    """

    engines: tuple[EngineId, ...] = ()
    looked: float = 0.0
    common: Edges = MappingProxyType({})
    restarted: frozenset[int] = frozenset()
    """Rows of engines that had restarted by then."""


class _Queries(NamedTuple):
    """The queries of a tick, and their inputs."""

    scope: QueryScope
    rows: EngineRows
    pods: frozenset[str] | None
    exact: bool
    tick: TickQueries


class _Found(NamedTuple):
    """The engines of a tick, and the seconds between their scrapes and of the window of rates."""

    engines: EngineSeries
    stamps: list[float]
    interval: float
    window: float


class PrometheusSource:
    """Reads a fleet's metrics from one Prometheus API.

    ``window`` in seconds is stretched to four scrape intervals. ``within`` are labels and values that all series
    must have: one cluster of a store of several. ``clock`` is a steady clock, ``wall`` Unix time.
    """

    def __init__(
        self,
        endpoint: PrometheusEndpoint,
        *,
        window: float = 60.0,
        within: Mapping[str, str] | None = None,
        guard: Guard = reads_only,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.endpoint = endpoint
        self._api = PrometheusApi(endpoint, guard, wall, clock)
        self._window = window
        self.within = promql.equal_to(within or {})
        """Matches that all series must meet."""
        self.clusters: tuple[str, ...] = ()  # that the series of engines named last
        self._clock = clock
        share_heaps()
        self._lead = Workers(1, "prometheus-tick")
        self._pool = Workers(_WORKERS, "prometheus")
        self._engine_interval, self._gpu_interval = ScrapeInterval(clock), ScrapeInterval(clock)
        self._edges = _Edges()
        self._names = MetricNames(clock)
        self._last: _Queries | None = None
        self._engines = Remembered[EngineSeries]()
        self._numbers = Remembered[EngineNumbers]()
        self._models, self._counts = Remembered[Buckets](), Remembered[Buckets]()
        self._own = tuple(Remembered[Buckets]() for _ in Family)
        self._gpus = Remembered[Gpus]()
        self._seen: frozenset[str] = frozenset()
        """The products whose engines it had series of; empty at first, for any."""
        self._exact = False
        """True if the store refused regular expressions on names and accepted exact ones."""

    @property
    def certificates(self) -> tuple[ShownCertificate, ...]:
        """The certificates that the server showed."""
        return self._api.certificates

    async def measure(self, pods: Collection[str] | None = (), at: float | None = None) -> Measurement:
        """Return all measurements at one moment.

        ``pods`` are those (``namespace/pod``) whose engines' histograms are wanted in addition to the models'; None for
        all. ``at`` is the evaluation time on the server's clock (Unix), by default its now. Raises SourceProblem.
        """
        wanted = None if pods is None else frozenset(pods)
        return await asyncio.get_running_loop().run_in_executor(self._lead, self._measure, wanted, at)

    @property
    def dialects(self) -> DialectSet:
        """The dialects of the engines that it has had series of; all of them before any was seen."""
        return ENGINES.of_products(self._seen) if self._seen else ENGINES

    async def query(self, text: str, at: float | None = None) -> list[Any]:
        """The ``result`` of an instant query, as the HTTP API has it. Raises SourceProblem."""
        return await self._aside(lambda: self._api.query(text, self._time(at)))

    async def range(self, text: str, start: float, end: float, step: float) -> list[Any]:
        """The ``result`` of a range query; Unix seconds, rounded to whole ones. Raises SourceProblem."""
        return await self.read_range(list, text, start, end, step)

    async def read_range(self, read: Callable[[Iterable[Any]], T], text: str, *span: float) -> T:
        """The same as ``read`` makes it of its series while they are decoded, on the thread that asks."""
        return await self._aside(giving_back(lambda: read(self._api.range(text, *span))))

    async def now(self) -> float:
        """The server's time (Unix). Raises SourceProblem."""
        return await self._aside(self._api.now)

    async def _aside(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    async def close(self) -> None:
        """Close the connections; a running request ends by itself."""
        self._lead.shutdown(wait=False, cancel_futures=True)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._api.close()

    def _time(self, at: float | None) -> float:
        return round(self._api.now() - _SETTLED if at is None else at, 3)

    @giving_back
    def _measure(self, pods: frozenset[str] | None, at: float | None) -> Measurement:
        sent = self._api.requests
        with promql.limited_to(self.within):
            found = self._as_spelt(pods, at, sent)
            if at is None and self._api.jumped:
                # It was queried for a different time: hours ago, if the clock was set back by hours.
                found = self._as_spelt(pods, at, sent)
            return found

    def _as_spelt(self, pods: frozenset[str] | None, at: float | None, sent: int) -> Measurement:
        """Measure with regular expressions on names, or with exact ones where these are refused."""
        try:
            with promql.by_exact_names(self._exact):
                return self._measured(pods, at, sent)
        except NamePatternError:
            if self._exact:
                raise
            with promql.by_exact_names(True):
                found = self._measured(pods, at, sent)
            self._exact = True
            return found

    def _measured(self, pods: frozenset[str] | None, at: float | None, sent: int) -> Measurement:
        at = self._time(at)
        notes: dict[str, None] = {}
        # The queries hardly ever change, so the last ones are sent before the first answer arrives.
        guess = self._queries(self._last.scope, self._last.rows, pods) if self._last is not None else None
        asked = self._ask_all(guess, at, notes) if guess is not None else []
        engines, stamps, interval, window = self._find_in_window(at, notes)
        rows = engines.rows(stamps)
        has = engines.present
        self.clusters = has.clusters
        products = has.engines, has.gateways, has.gpus
        look = self._releases_may_differ(rows)
        looked_at = has.engines, has.gpus
        if self._names.may_differ(*looked_at, changed=look):
            self._names.read(*looked_at, self._ask(queries.names(*looked_at), at, notes))
        names, alike = self._names.seen | has.names, self._names.gpus_are_alike
        scope = QueryScope(*products, names, engines.labels, engines.key, window, has.replicas, alike)

        tick = self._queries(scope, rows, pods)
        if tick != guess:
            asked = self._ask_all(tick, at, notes)
        of_models, of_numbers, of_gpus, of_gateways, *of_own = asked

        fresh = self._pool.submit(self._young_rates, young_samples(scope, rows), rows, window, at, notes)
        counted = self._pool.submit(self._ask, (bucket_counts(scope),), at, notes) if look else None
        placing, version = rows.placing, ENGINES.version
        placed = (placing, version)

        numbers = self._read(
            self._numbers,
            partial(EngineNumbers, placing),
            of_numbers,
            placed,
            lambda before, moved: before.followed(placing, moved),
        )
        own = [
            self._read(memory, partial(engine_buckets, placing), one, placed)
            for memory, one in zip(self._own, of_own, strict=False)
        ]
        models = self._read(self._models, model_buckets, of_models, version)
        gpus = self._read(self._gpus, Gpus, of_gpus, GPUS.version, lambda before, moved: before.followed(moved))
        counts = self._read(self._counts, model_buckets, counted, version) if counted is not None else None
        of_engines, values = numbers.result()
        engine_table, means = of_engines.read(values, rows.ages(stamps, at), fresh.result())
        self._compare_edges(counts, rows, engine_table.reset)
        histograms = self._histograms(models, own)
        elements = (answer.elements() for answer in of_gateways.result())
        gateways = Gateways(answers.samples(chain.from_iterable(elements)), at)
        cards, values = gpus.result()
        gpu_table, reasons = cards.read(values, at)
        self._gpu_interval.look((cards.example.get("__name__", ""),), cards.example, partial(self._api.query, at=at))
        return Measurement(
            source=_NAME,
            at=at,
            window=window,
            interval=interval,
            engines=rows.ids,
            engine_table=engine_table,
            dialects=engines.dialects,
            gateways=gateways.ids,
            gateway_table=gateways.columns.table(),
            gateway_histograms=gateways.histograms,
            gpus=cards.ids,
            gpu_table=gpu_table,
            histograms=histograms,
            means=means,
            unreachable=engines.unreachable,
            requests=self._api.requests - sent,
            gpu_interval=self._gpu_interval.seconds,
            clock_skew=self._api.skew,
            notes=(*remarks(rows, engine_table, window, self._api.skew, latencies=bool(histograms)), *notes),
            throttle_reasons=reasons,
            naming={
                _NAME: Naming(
                    names | of_engines.metrics | cards.metrics,
                    engines.naming,
                    cards.naming,
                    has.replicas,
                    tuple((match.label, match.value) for match in self.within),
                )
            },
        )

    def _find_in_window(self, at: float, notes: dict[str, None]) -> _Found:
        """Return the engines; queried again if their scrape interval is not the assumed one."""
        # Before the interval is known, long enough for any usual one.
        known = self._engine_interval.seconds
        ended = max(self._window, 4 * known) if known else LOOK_BACK
        interval = known or _DEFAULT_INTERVAL
        young = self._stretched(interval) - _EXTRAPOLATED * interval
        engines, stamps = self._find_engines(ended, young, at, notes)
        self._engine_interval.look(*engines.example, partial(self._api.query, at=at))
        interval = self._engine_interval.seconds or _DEFAULT_INTERVAL
        window = self._stretched(interval)
        known_young = window - _EXTRAPOLATED * interval
        if window > ended or abs(known_young - young) > interval / 2:
            engines, stamps = self._find_engines(max(window, ended), known_young, at, notes)
        return _Found(engines, stamps, interval, window)

    def _read(
        self,
        memory: Remembered[T],
        make: Callable[[Iterable[answers.Labels]], T],
        found: Future[list[Answer]],
        against: object,
        follow: Callable[[T, Moved], T] | None = None,
    ) -> Future[tuple[T, list[float]]]:
        """Read the answers on a thread of the pool, once they are there."""
        # No deadlock: everything awaited here already has a thread, or gets one first.
        return self._pool.submit(lambda: memory.read(found.result(), against, make, follow))

    def _compare_edges(
        self, counts: Future[tuple[Buckets, list[float]]] | None, rows: EngineRows, restarted: frozenset[int]
    ) -> None:
        """Keep the bucket edges that all engines of a model have, where the bucket lists were read in this tick."""
        if counts is not None:
            found, values = counts.result()
            self._edges = _Edges(rows.ids, self._clock(), common_edges(found.read(values)), restarted)
            return
        # A restarted server may be another release: check it in the next tick.
        looked = -math.inf if restarted - self._edges.restarted else self._edges.looked
        self._edges = self._edges._replace(looked=looked, restarted=restarted)

    def _histograms(
        self, models: Future[tuple[Buckets, list[float]]], own: Iterable[Future[tuple[Buckets, list[float]]]]
    ) -> dict[Family, dict[HistogramKey, Histogram]]:
        """Return the histograms of the models, and those of the requested pods' engines."""
        found, values = models.result()
        histograms = model_histograms(found.read(values), self._edges.common)
        for part in own:
            found, values = part.result()
            for family, groups in answers.histograms(found.read(values)).items():
                histograms.setdefault(family, {}).update(groups)
        return histograms

    def _queries(self, scope: QueryScope, rows: EngineRows, pods: frozenset[str] | None) -> TickQueries:
        """Return the queries of a tick, reused from the last one if nothing changed."""
        last, exact = self._last, promql.names_are_exact()
        if last is None or last.rows is not rows or (last.scope, last.pods, last.exact) != (scope, pods, exact):
            last = self._last = _Queries(scope, rows, pods, exact, TickQueries.of(scope, rows, pods))
        return last.tick

    def _stretched(self, interval: float) -> float:
        """The window, which has four scrapes in it at least."""
        return max(self._window, 4 * interval)

    def _find_engines(
        self, ended: float, young: float, at: float, notes: dict[str, None]
    ) -> tuple[EngineSeries, list[float]]:
        """Return the engines; queried again if there are some of a new product."""
        asked = self.dialects
        engines, stamps = self._who_of(asked, ended, young, at, notes)
        new = tuple(engines.present.engines)
        self._seen |= {member.name for member in new}
        if any(member not in asked for member in new):
            return self._who_of(self.dialects, ended, young, at, notes)
        return engines, stamps

    def _who_of(
        self, asked: DialectSet, ended: float, young: float, at: float, notes: dict[str, None]
    ) -> tuple[EngineSeries, list[float]]:
        versions = (ENGINES.version, GATEWAYS.version, GPUS.version)
        return self._engines.read(self._ask(queries.engines(ended, asked, young), at, notes), versions, EngineSeries)

    def _releases_may_differ(self, rows: EngineRows) -> bool:
        """True if the bucket lists must be read again: engines changed or restarted, or the last read was long ago."""
        last = self._edges
        return bool(rows.ids) and (rows.ids != last.engines or self._clock() - last.looked >= LOOK_EVERY)

    def _ask_all(self, tick: TickQueries, at: float, notes: dict[str, None]) -> list[Future[list[Answer]]]:
        return [self._pool.submit(self._ask, texts, at, notes) for texts in tick.side_by_side()]

    def _ask(self, texts: Iterable[str], at: float, notes: dict[str, None]) -> list[Answer]:
        """Return the answers to these queries; empty texts are skipped."""
        found = [self._api.vector(text, at) for text in texts if text]
        for answer in found:
            notes.update(dict.fromkeys(answer.warnings))
        return found

    def _young_rates(
        self, texts: Iterable[str], rows: EngineRows, window: float, at: float, notes: dict[str, None]
    ) -> Rates:
        elements = (answer.elements() for answer in self._ask(texts, at, notes))
        return rates(chain.from_iterable(elements), rows, window)

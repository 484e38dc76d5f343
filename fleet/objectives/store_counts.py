"""Counts of a metrics store, in a bounded number of queries.

The short windows are queried at each poll, the long ones every few minutes: they change slowly, and cost most.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from fleet.metrics.answers import edge, samples
from fleet.metrics.dialect import Match
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.expressions import in_units, unit_labels
from fleet.metrics.promql import limited_to, listed, queries, selector, tagged
from fleet.metrics.queries import running_names
from fleet.metrics.registry import ENGINES
from fleet.model.measurement import Measurement
from fleet.model.problem import NothingToAskError, SourceProblem
from fleet.model.quantity import Family
from fleet.objectives.bucket_edges import snapped
from fleet.objectives.burn_rate import DAY, HOUR, MINUTE, WINDOWS
from fleet.objectives.ledger import Ledger, Tally
from fleet.objectives.objective import FAMILIES, Goals, Indicator
from fleet.objectives.owners import RequestOwner
from fleet.objectives.queries import WantedCounts, since, spent, step_of
from fleet.objectives.tallies import began, tallies
from fleet.sources.store import Store, own_labels

EVERY: Final = 30.0
"""Seconds from one look to the next."""
SETTLED: Final = 1.0
"""Seconds before the store's now at which windows end: the latest scrape may not be stored yet."""
_DEFAULT_INTERVAL: Final = 15.0
Edges = Mapping[Family, frozenset[float]]
"""The edges of the buckets of histograms, seconds."""


def due_every(window: float) -> float:
    """Return the seconds after which a window is queried again."""
    if window <= HOUR:
        return EVERY
    return 2 * MINUTE if window <= 6 * HOUR else 10 * MINUTE


class StoredCounts:
    """The counts of one cluster in a store; ``within`` are labels of its series in a store of several."""

    def __init__(self, goals: Goals, within: Sequence[Match] = ()) -> None:
        self._goals = goals
        self._configured = within
        self._within = within
        self._spent: dict[float, Mapping[RequestOwner, Tally]] = {}
        self._at: dict[float, float] = {}
        self._since: Mapping[RequestOwner, float] = {}
        self._shape: tuple[float, DialectSet, Edges, int] | None = None
        self.requests = 0
        """Number of queries sent for the last poll."""

    async def ledger(self, store: Store, latest: Measurement | None) -> Ledger:
        """Query all windows that are due. Raises SourceProblem if the store answers nothing."""
        self._within = own_labels(store, self._configured)
        now = await store.now() - SETTLED
        self.requests, gaps = 0, list[str]()
        asked = await self._wanted(store, latest, now)
        if not asked.is_something or not asked.engines:
            raise NothingToAskError("no engine is measured to compare objectives with")
        windows = (*WINDOWS, self._goals.period)
        for window in windows:
            if not 0 <= now - self._at.get(window, float("-inf")) < due_every(window) - 1:
                try:
                    await self._query(store, asked, window, now)
                except SourceProblem as problem:
                    if not self._at:
                        raise
                    gaps.append(f"the last {window / HOUR:g} h are not known: {problem.message}")
        sparse = {window: step for window in windows if (step := step_of(asked, window))}
        return Ledger(self._goals, dict(self._spent), self._since, dict(self._at), "prometheus", tuple(gaps), sparse)

    async def counted(
        self, store: Store, latest: Measurement | None, window: float
    ) -> tuple[Mapping[RequestOwner, Tally], Mapping[RequestOwner, float]]:
        """All that is counted in one window, at every edge, and since when there is anything. Raises SourceProblem."""
        now = await store.now() - SETTLED
        if latest is not None and latest.source == "prometheus" and latest.engines:
            dialects, edges, engines = ENGINES.of_products(_spoken(latest)), edges_of(latest), len(latest.engines)
        else:
            dialects, edges, engines = await self._shape_of(store, now)
        finite = {family: frozenset(edge for edge in own if edge < float("inf")) for family, own in edges.items()}
        asked = WantedCounts(dialects, finite, True, True, engines)
        results = await self._answers(store, lambda: spent(asked, window), now)
        return tallies(results, dialects, window, now), await self._began(store, asked, now)

    async def _query(self, store: Store, asked: WantedCounts, window: float, now: float) -> None:
        results = await self._answers(store, lambda: spent(asked, window), now)
        self._spent[window], self._at[window] = tallies(results, asked.dialects, window, now), now
        if window == self._goals.period or not self._since:
            self._since = await self._began(store, asked, now)

    async def _began(self, store: Store, asked: WantedCounts, now: float) -> Mapping[RequestOwner, float]:
        """Return the time of the first sample of each owner: to seconds within the last hour, before that roughly."""
        found: dict[RequestOwner, float] = {}
        for window in (self._goals.period, DAY, HOUR):
            results = await self._answers(store, lambda window=window: since(asked, window), now)  # type: ignore[misc]
            for owner, at in began(results, asked.dialects).items():
                found[owner] = min(at, found.get(owner, at))
        return found

    async def _wanted(self, store: Store, latest: Measurement | None, now: float) -> WantedCounts:
        """Choose the queries: by what is measured already, else by a query to the store."""
        measures = {one.measure for one in self._goals.all()}
        if latest is not None and latest.source == "prometheus" and latest.engines:
            dialects, edges, engines = ENGINES.of_products(_spoken(latest)), edges_of(latest), len(latest.engines)
            interval = latest.interval
        else:
            if self._shape is None or now - self._shape[0] > 10 * MINUTE:
                self._shape = (now, *await self._shape_of(store, now))
            _, dialects, edges, engines = self._shape
            interval = _DEFAULT_INTERVAL
        errors, available = Indicator.ERRORS in measures, Indicator.AVAILABILITY in measures
        return WantedCounts(dialects, wanted_edges(self._goals, edges), errors, available, engines, interval)

    async def _shape_of(self, store: Store, now: float) -> tuple[DialectSet, Edges, int]:
        """Return the dialects that a store has series of, the edges of their histograms, and the number of engines."""
        found: dict[str, int] = {}
        for result in await self._answers(store, _counts, now):
            found |= {tag: int(value) for _, value, tag in samples(result)}
        dialects = ENGINES.of_products(found)
        families = FAMILIES.values()
        edges: dict[Family, set[float]] = {}
        for result in await self._answers(store, lambda: _edges(dialects, families), now):
            for labels, _, tag in samples(result):
                edges.setdefault(Family(tag), set()).add(edge(labels))
        return dialects, {family: frozenset(own) for family, own in edges.items()}, sum(found.values())

    async def _answers(self, store: Store, texts: Callable[[], Sequence[str]], now: float) -> list[list[Any]]:
        with limited_to(self._within):
            every = texts()
        self.requests += len(every)
        return [await store.query(text, now) for text in every]


def _spoken(measured: Measurement) -> set[str]:
    """Return the products with metrics."""
    return {name for names in measured.dialects for name in names}


def edges_of(measured: Measurement) -> Edges:
    """All edges of the histograms of a measurement."""
    # Nearly all histograms of a family share one tuple of edges.
    return {
        family: frozenset().union(*{id(one.edges): one.edges for one in groups.values()}.values())
        for family, groups in measured.histograms.items()
    }


def wanted_edges(goals: Goals, edges: Mapping[Family, Collection[float]]) -> dict[Family, frozenset[float]]:
    """Return the edges used for any objective; families without one are left out."""
    found: dict[Family, set[float]] = {}
    for one in goals.all():
        family = one.family
        if family is not None and (upper := snapped(one.seconds, edges.get(family, ()))) == upper:
            found.setdefault(family, set()).add(upper)
    return {family: frozenset(own) for family, own in found.items()}


def _counts() -> list[str]:
    """Return the queries for the number of engines of each dialect."""
    parts = []
    for member in ENGINES:
        running = " or ".join(selector(name, member.where) for name in running_names(member))
        parts.append(tagged(member.name, f"count ({running})"))
    return queries(parts)


def _edges(dialects: DialectSet, families: Collection[Family]) -> list[str]:
    """The edges of the buckets of these histograms."""
    by = listed(("le", *unit_labels(dialects)))
    parts = ((family, " or ".join(_buckets(dialects, family))) for family in families)
    return queries([tagged(family, f"group by ({by}) ({each})") for family, each in parts if each])


def _buckets(dialects: DialectSet, family: Family) -> Iterator[str]:
    for member in dialects:
        for base in member.families.get(family, ()):
            for name in member.spellings(f"{base}_bucket"):
                yield in_units(member, base, selector(name, member.where))

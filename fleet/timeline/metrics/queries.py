"""One query to a store about the past: how it is sent, and its results.

The number of samples that the store must read is bounded: with many series, or a long span, the steps get longer, and
the entries state a lower precision.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from math import ceil
from typing import Any, Final, TypeAlias

from fleet.dataclass import dataclass
from fleet.metrics.dialect import Match
from fleet.metrics.promql import selector
from fleet.sources.store import Store
from fleet.timeline.kinship import Kinship
from fleet.timeline.metrics.series import Labels

SAMPLES: Final = 5_000_000
"""Samples that one query may make the store read; Prometheus refuses more than 50 million at once."""
POINTS: Final = 10_000
"""Steps of one range query; Prometheus refuses more than 11,000."""
_FEW: Final = 600
"""Seconds in which samples are counted to find the scrape interval: the maximum over such spans of the last hour."""
EXPORTER: Final = "instance, job, endpoint, service"
"""Labels of the exporter, not of the objects."""
_USUAL: Final = 60.0
"""Assumed scrape interval, in seconds, without recent samples."""

Point: TypeAlias = tuple[Labels, float, float]
"""Labels, Unix time, value."""


@dataclass(frozen=True, slots=True)
class MetricSpan:
    """Parameters for querying one metric. Times in seconds."""

    selected: str
    """Selector of the metric."""
    start: float
    end: float
    step: int
    interval: float
    """Time between two scrapes."""

    @property
    def within(self) -> float:
        """Seconds by which an event may precede the step at which it is seen, rounded up to whole seconds."""
        return ceil(self.step + self.interval)


@dataclass(frozen=True, slots=True)
class SeriesLifetime:
    """A series by its labels, and the Unix times of its first and last sample in the span."""

    labels: Labels
    first: float
    last: float


class TimelineQueries:
    """One question to one store. Times are Unix times on its clock."""

    def __init__(self, store: Store, within: tuple[Match, ...], since: float, now: float) -> None:
        self.now = now
        self.kin = Kinship()
        self._store = store
        self._within = within
        self.since = since
        self.whole = f"{ceil(now - since)}s"
        """The span, as PromQL has it."""

    def selected(self, metric: str, matches: Sequence[Match] = ()) -> str:
        """Selector of a metric in this cluster."""
        return selector(metric, (*matches, *self._within))

    async def instant(self, text: str) -> list[Point]:
        """Answer to a query as of now. Raises SourceProblem."""
        return list(_values(await self._store.query(text, self.now)))

    async def over(self, text: str, span: MetricSpan) -> list[Point]:
        """Answer to a query at every step of a span. Raises SourceProblem."""
        return list(_points(await self._store.range(text, span.start, span.end, span.step)))

    async def two_sides(self, span: MetricSpan, *forms: str) -> list[list[Point]]:
        """The points of range queries about a metric now and one step before."""
        # A rescheduled exporter is a new instance that reports the same objects.
        now = f"max without ({EXPORTER}) ({span.selected})"
        before = f"max without ({EXPORTER}) ({span.selected} offset {span.step}s)"
        stamp = f"max without ({EXPORTER}) (timestamp({span.selected} offset {span.step}s))"
        texts = [form.format(now=now, before=before, stamp=stamp) for form in forms]
        return list(await asyncio.gather(*(self.over(text, span) for text in texts)))

    async def changes(self, span: MetricSpan) -> list[tuple[Labels, float, float, float]]:
        """Return (labels, Unix time, value before, value after) of each step at which a series changes."""
        # Both sides of each moment, as two answers with the same steps.
        new, old = await self.two_sides(span, "{now} != ({before})", "({before}) != {now}")
        earlier = {(key_of(labels), at): value for labels, at, value in old}
        return [
            (labels, at, earlier[key_of(labels), at], value)
            for labels, at, value in new
            if (key_of(labels), at) in earlier
        ]

    async def lifetimes(self, span: MetricSpan, labels: str) -> list[SeriesLifetime]:
        """Return first and last samples of a metric's series, distinguished by these labels."""
        over = f"(timestamp({span.selected})[{self.whole}:{span.step}s])"
        firsts, lasts = await asyncio.gather(
            self.instant(f"min by ({labels}) (min_over_time{over})"),
            self.instant(f"max by ({labels}) (max_over_time{over})"),
        )
        last_of = {key_of(labels): value for labels, _, value in lasts}
        return [
            SeriesLifetime(labels, first, last_of[key_of(labels)])
            for labels, _, first in firsts
            if key_of(labels) in last_of
        ]

    async def span(self, metric: str, matches: Sequence[Match] = ()) -> MetricSpan | None:
        """Return the parameters for a metric; None if the store did not have it in the whole span."""
        selected = self.selected(metric, matches)
        there = await self.instant(f"count(count_over_time({selected}[{self.whole}]))")
        series = next((value for _, _, value in there), 0.0)
        if not series:
            return None
        often = await self.instant(f"max_over_time(max(count_over_time({selected}[{_FEW}s]))[1h:{_FEW}s])")
        interval = next((_FEW / value for _, _, value in often if value > 1), _USUAL)
        length = self.now - self.since
        step = ceil(max(interval, length / POINTS, length * series / SAMPLES))
        return MetricSpan(selected, self.since, self.now, step, interval)


def key_of(labels: Labels) -> tuple[tuple[str, str], ...]:
    """Identity of a series."""
    return tuple(sorted(labels.items()))


def _points(result: Sequence[Any]) -> Iterator[Point]:
    """Yield (labels, Unix time, value) of a matrix; invalid elements are skipped."""
    for series in result:
        if isinstance(series, dict):
            for sample in series.get("values") or ():
                yield from _sample(series, sample)


def _values(result: Sequence[Any]) -> Iterator[Point]:
    """The same of a vector."""
    for series in result:
        if isinstance(series, dict):
            yield from _sample(series, series.get("value"))


def _sample(series: Mapping[str, Any], sample: Any) -> Iterator[Point]:
    labels = series.get("metric")
    if not isinstance(labels, dict) or not isinstance(sample, list) or len(sample) != 2:
        return
    with suppress(TypeError, ValueError):
        yield {str(k): str(v) for k, v in labels.items()}, float(sample[0]), float(sample[1])

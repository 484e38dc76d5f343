"""PromQL for objectives: per window one vector of good and total counts, by owner.

The number of queries depends on the windows and measures, not on the fleet. If a window holds more samples than a store
should read for it, the counters are sampled at intervals: their growth is the same, except for a pod's counts after its
last sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final

from fleet.dataclass import dataclass
from fleet.metrics.dialect import Dialect, Match, MetricType, Op
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.expressions import in_units, unit_labels
from fleet.metrics.identity import REPLICA_LABELS
from fleet.metrics.promql import listed, pattern, queries, selector, span, tagged
from fleet.metrics.queries import running_selectors
from fleet.model.quantity import Family, Quantity
from fleet.objectives.bucket_edges import spellings
from fleet.objectives.owners import owner_labels, with_stem

SAMPLES: Final = 20_000_000
"""Samples that one query may read: less than half of Prometheus' default limit (query.max-samples)."""
LOOKS: Final = 2880
"""Sample points in a window for the presence of an engine: every 90 s of three days."""
BAD, ALL, PRESENT, SINCE = "errors/bad", "errors/all", "present", "since"
"""Tags of parts, beside the names of histogram families."""


@dataclass(frozen=True, slots=True)
class WantedCounts:
    """The wanted counts, and the size of the fleet."""

    dialects: DialectSet
    edges: Mapping[Family, frozenset[float]] = field(default_factory=dict)
    """The bucket edges used for objectives, in seconds."""
    errors: bool = False
    available: bool = False
    engines: int = 1
    interval: float = 15.0
    """Seconds between scrapes."""

    @property
    def is_something(self) -> bool:
        """True if anything is queried at all."""
        return bool(self.edges or self.errors or self.available)


def spent(asked: WantedCounts, window: float) -> list[str]:
    """The queries of one window (seconds): the rates of the good, the bad and of all over it."""
    return queries(list(_parts(asked, window)))


def since(asked: WantedCounts, window: float) -> list[str]:
    """The queries for when the first sample of each owner within a window was taken (Unix seconds)."""
    by = f"min by ({listed(owner_labels(asked.dialects))})"
    found = (
        f"min_over_time({by} ({with_stem(f'timestamp({one})')})[{span(window)}:{span(look(window))}])"
        for one in running_selectors(asked.dialects)
    )
    each = " or ".join(found)
    return queries([tagged(SINCE, each)]) if each else []


def look(window: float) -> float:
    """Return the seconds between two presence checks in a window."""
    return max(5.0, math.ceil(window / LOOKS))


def step_of(asked: WantedCounts, window: float) -> float:
    """Seconds between the samples that are read of a window; 0.0 for all of them."""
    series = asked.engines * (1 + max((len(edges) for edges in asked.edges.values()), default=1))
    samples = series * window / asked.interval
    return 0.0 if samples <= SAMPLES else math.ceil(asked.interval * samples / SAMPLES / 60) * 60.0


def _parts(asked: WantedCounts, window: float) -> Iterator[str]:
    step = step_of(asked, window)
    taken = f"[{span(window)}:{span(step)}]" if step else f"[{span(window)}]"
    labels = owner_labels(asked.dialects)
    for family, edges in asked.edges.items():
        rates = " or ".join(_buckets(asked.dialects, family, edges, taken))
        if rates:
            by = listed(("le", *unit_labels(asked.dialects), *labels))
            yield tagged(family, f"sum by ({by}) ({with_stem(rates)})")
    if asked.errors:
        for tag, quantity in ((BAD, Quantity.HTTP_ERRORS), (ALL, Quantity.HTTP_REQUESTS)):
            rates = " or ".join(_counted(asked.dialects, quantity, taken))
            if rates:
                yield tagged(tag, f"sum by ({listed(labels)}) ({with_stem(rates)})")
    if asked.available:
        running = " or ".join(running_selectors(asked.dialects))
        there = f"group by ({listed(labels)}) ({with_stem(running)})"
        yield tagged(PRESENT, f"count_over_time({there}[{span(window)}:{span(look(window))}])")


def _buckets(dialects: DialectSet, family: Family, edges: frozenset[float], taken: str) -> Iterator[str]:
    for member in dialects:
        for base in member.families.get(family, ()):
            per_second = member.per_second.get(base, 1.0)
            bounds = {text for edge in edges for text in spellings(edge, per_second)}
            wanted = Match("le", Op.MATCHES, pattern({*bounds, "+Inf"}).replace(".", r"\."))
            for name in member.spellings(f"{base}_bucket"):
                yield in_units(member, base, _once(member, f"rate({selector(name, (wanted, *member.where))}{taken})"))


def _counted(dialects: DialectSet, quantity: Quantity, taken: str) -> Iterator[str]:
    for member in dialects:
        rule = member.rules.get(quantity)
        for metric in rule.metrics if rule is not None else ():
            if metric.kind is MetricType.COUNTER:
                for name in member.spellings(metric.name):
                    yield _once(member, f"rate({selector(name, (*metric.where, *member.where))}{taken})")


def _once(member: Dialect, rates: str) -> str:
    """Return rates in which samples seen by several scrapers, or repeated by several ranks, appear once."""
    return f"max without ({listed((*REPLICA_LABELS, *member.repeated_by))}) ({rates})"

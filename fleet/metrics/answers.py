"""The vectors that Prometheus answers, and the histograms in them.

A target scraped by two jobs appears twice; its numbers are never added up: per row one process (instance and job) is
chosen, the one with the newest sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from fleet.metrics.dialect import plausible
from fleet.metrics.expressions import NAMED, PER_SECOND
from fleet.metrics.identity import NAMESPACE_LABELS, POD_LABELS, first
from fleet.metrics.promql import TAG
from fleet.model.histogram import Histogram
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Family

T = TypeVar("T")

Labels = Mapping[str, str]
Sample = tuple[Labels, float, str]
"""One element of an instant vector: its labels, its value, and which part of a joined query it comes from."""


def named(metric: Labels) -> Labels:
    """The labels of a series, its name among them where the query had to put that elsewhere."""
    if NAMED not in metric:
        return metric
    return {label: text for label, text in metric.items() if label != NAMED} | {"__name__": metric[NAMED]}


def samples(result: Iterable[Mapping[str, Any]]) -> Iterator[Sample]:
    """Yield the elements of a vector as the HTTP API returns them; the numbers are strings, including ``NaN`` and
    ``+Inf``.

    Raises SourceProblem if the result is not a vector.
    """
    try:
        for element in result:
            metric = named(element["metric"])
            yield metric, float(element["value"][1]), metric.get(TAG, "")
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL") from None


class Process(NamedTuple):
    """The process that exposes a series, as the scraper calls it."""

    namespace: str
    pod: str
    instance: str
    job: str


def process(labels: Labels) -> Process:
    """The process that a series comes from."""
    return Process(
        first(labels, NAMESPACE_LABELS), first(labels, POD_LABELS), labels.get("instance", ""), labels.get("job", "")
    )


def edge(labels: Labels) -> float:
    """The bound of a bucket in seconds, NaN for none. Sources spell ``le`` differently (``1``, ``1.0``): that is one
    bucket.
    """
    try:
        upper = float(labels.get("le", "")) / float(labels.get(PER_SECOND, 1.0))
    except ValueError:
        return math.nan
    return upper if upper > -math.inf else math.nan


def histograms(parts: Mapping[tuple[Family, T], Mapping[float, float]]) -> dict[Family, dict[T, Histogram]]:
    """Return the histograms of these buckets, by family and group; inconsistent buckets yield none."""
    out: dict[Family, dict[T, Histogram]] = {}
    for (family, group), edges in parts.items():
        if edges and plausible(sum(edges.values())):
            ordered = tuple(sorted(edges))
            out.setdefault(family, {})[group] = Histogram(ordered, tuple(edges[edge] for edge in ordered))
    return out

"""The buckets of an answer: the histogram that each series is part of."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from fleet.metrics.answers import Labels, edge, histograms
from fleet.metrics.engine_rows import Placing
from fleet.metrics.identity import NAMESPACE_LABELS, first
from fleet.metrics.promql import TAG
from fleet.metrics.registry import ENGINES
from fleet.model.histogram import Histogram
from fleet.model.measurement import HistogramKey
from fleet.model.quantity import Family

Parts = Mapping[tuple[Family, HistogramKey], Mapping[float, float]]
"""Bucket edge → rate or count, of histograms in the making."""


Edges = Mapping[tuple[Family, HistogramKey], frozenset[float]]
"""The bucket edges that all engines of a model have."""


class Buckets:
    """Edges by family and group, and the places of their numbers among the values."""

    def __init__(self, series: Iterable[Labels], group: Callable[[Labels], HistogramKey | None]) -> None:
        self._places: dict[tuple[Family, HistogramKey], dict[float, list[int]]] = defaultdict(lambda: defaultdict(list))
        for place, labels in enumerate(series):
            family, whose = _FAMILIES.get(labels.get(TAG, "")), group(labels)
            upper = edge(labels)
            if family is not None and whose is not None and not math.isnan(upper):
                self._places[family, whose][upper].append(place)

    def read(self, values: Sequence[float]) -> Parts:
        """The buckets, of the values of such an answer."""
        return {
            key: {
                upper: values[places[0]] if len(places) == 1 else math.fsum(values[place] for place in places)
                for upper, places in edges.items()
            }
            for key, edges in self._places.items()
        }


def model_buckets(series: Iterable[Labels]) -> Buckets:
    """Return the buckets by namespace and model, from ``bucket_queries.model_buckets`` and ``bucket_counts``."""

    def group(labels: Labels) -> HistogramKey | None:
        model = first(labels, ENGINES.model_labels)
        return HistogramKey(first(labels, NAMESPACE_LABELS), model) if model else None

    return Buckets(series, group)


def engine_buckets(rows: Placing, series: Iterable[Labels]) -> Buckets:
    """Return the buckets by engine, from the answers to ``bucket_queries.engine_buckets``."""
    groups = [HistogramKey(e.namespace, e.model, e.pod, e.engine, e.instance) for e in rows.ids]

    def group(labels: Labels) -> HistogramKey | None:
        row = rows.row_or_first(labels)
        return None if row is None else groups[row]

    return Buckets(series, group)


def common_edges(counts: Parts) -> Edges:
    """Return the edges with as many series behind them as any other, from ``bucket_queries.bucket_counts``."""
    return {
        key: frozenset(upper for upper, count in edges.items() if count >= max(edges.values()))
        for key, edges in counts.items()
    }


def model_histograms(rates: Parts, common: Edges) -> dict[Family, dict[HistogramKey, Histogram]]:
    """Return a histogram per model, of the edges all engines have, from ``bucket_queries.model_buckets``."""
    return histograms(
        {key: {e: v for e, v in edges.items() if key not in common or e in common[key]} for key, edges in rates.items()}
    )


_FAMILIES = {str(family): family for family in Family}

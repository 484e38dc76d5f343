"""The rates of engines younger than the window, from the raw samples of their counters.

PromQL's ``rate`` divides by the whole range, and extrapolates by half a scrape interval beyond the samples if they
begin later than the range (Prometheus, ``extrapolatedRate``): an engine first scraped 26 s ago shows a third of its
rate in a window of a minute. The direct scrape divides by the time for which it has watched the process; the same rule,
and its code, is used for these engines.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from fleet.metrics.answers import Labels, Process, process
from fleet.metrics.binding import bind
from fleet.metrics.counter_window import Window
from fleet.metrics.engine_rows import EngineRows
from fleet.metrics.exposition import SampleSeries
from fleet.metrics.identity import REPLICA_LABELS
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity

Rated = Mapping[Quantity, float]
"""The rates that are known of an engine."""
Rates = Mapping[int, Rated]
"""Rates of each row that is younger than the window."""
_Samples = dict[float, float]
"""Unix time → value."""
_Seen = tuple[SampleSeries, _Samples]
_Scraper = tuple[str, ...]
"""The replica labels of a series: the scraper of its samples, in a store that keeps those of several."""


def rates(matrix: Iterable[Mapping[str, Any]], rows: EngineRows, window: float) -> Rates:
    """Return the rates of all young rows from the answers to ``queries.young_samples``; a single sample yields none.

    A process may appear several times: as each of two scrapers saw it, and under its labels from before a change of the
    scrape configuration, which makes an old one look young. The rate watched for the longest wins. Raises SourceProblem
    if the result is not a matrix.
    """
    found: dict[tuple[Process, _Scraper], list[_Seen]] = defaultdict(list)
    try:
        for labels, scraper, samples in _distinct_series(matrix):
            if rows.of_process(labels):
                found[process(labels), scraper].append((SampleSeries(labels["__name__"], dict(labels)), samples))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL") from None
    watched = [_rates_of_page(page, rows, window) for seen in found.values() for page in _pages(seen)]
    known: dict[int, dict[Quantity, float]] = {row: {} for row in rows.young}
    for _, of_page in sorted(watched, key=itemgetter(0)):
        for row, quantity, rate in of_page:
            if row in known:
                known[row][quantity] = rate
    return known


def _distinct_series(matrix: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Labels, _Scraper, _Samples]]:
    """The series without their replica labels, each once however many queries it answers."""
    seen: set[frozenset[tuple[str, str]]] = set()
    for element in matrix:
        metric = element["metric"]
        key = frozenset(metric.items())
        if key not in seen:
            seen.add(key)
            labels = {label: text for label, text in metric.items() if label not in REPLICA_LABELS}
            scraper = tuple(metric.get(label, "") for label in REPLICA_LABELS)
            yield labels, scraper, {float(at): float(value) for at, value in element["values"]}


def _pages(seen: Iterable[_Seen]) -> Iterator[list[_Seen]]:
    """Yield the series that were scraped together: the samples of one scrape have the same time.

    A counter that appears in a page started from zero; one that appears together with all others has a new label.
    """
    pages: list[tuple[set[float], list[_Seen]]] = []
    for one in seen:
        times, page, others = set(one[1]), [one], []
        for other in pages:
            if times.isdisjoint(other[0]):
                others.append(other)
            else:
                times, page = times | other[0], other[1] + page
        pages = [*others, (times, page)]
    for _, page in pages:
        yield page


def _rates_of_page(
    page: Sequence[_Seen], rows: EngineRows, window: float
) -> tuple[tuple[float, float], list[tuple[int, Quantity, float]]]:
    """Return (seconds watched, end) of a page, and its rates, computed as for a scraped target."""
    binding = bind(tuple(series for series, _ in page))
    counters = [page[i][1] for i in binding.counters]
    # Wide enough to keep the first sample.
    watched = Window(2 * window)
    last = [0.0] * len(counters)
    times = sorted({at for samples in counters for at in samples})
    for at in times:
        # A series missing from an earlier answer of the process has started from zero.
        last = [samples.get(at, before) for samples, before in zip(counters, last, strict=True)]
        watched.add(at, last)
    per_second = watched.rates()
    mine = rows.of_process(page[0][0].labels)
    known = []
    for cell in binding.of_engines.rates:
        engine, value = binding.engines[cell.row], cell.of(per_second)
        row = next((i for i in mine if rows.ids[i][2:4] == (engine.model, engine.engine)), None)
        if row is not None and not math.isnan(value):
            known.append((row, cell.quantity, value))
    return (watched.covered, times[-1] if times else -math.inf), known

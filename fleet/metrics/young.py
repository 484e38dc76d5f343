"""The rates of engines that are younger than the window, from the raw samples of their counters.

PromQL's ``rate`` divides by the whole range, and extrapolates beyond the samples by half a scrape interval where they
begin later than the range does (Prometheus, ``extrapolatedRate``): an engine that was first scraped 26 s ago shows a
third of what it does in a window of a minute. The direct scrape takes the increase per second of the time for which it
has watched the process; that rule, and its code, is used for these engines too.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fleet.metrics.answers import Labels, Process, process
from fleet.metrics.binding import bind
from fleet.metrics.engine_rows import EngineRows
from fleet.metrics.exposition import Series
from fleet.metrics.identity import REPLICA_LABELS
from fleet.metrics.window import Window
from fleet.model.quantity import Quantity
from fleet.sources.problem import SourceProblem

Rates = Mapping[int, Mapping[Quantity, float]]
"""Row → the rates that are known of it."""
_Samples = dict[float, float]
"""Unix time → value."""


def rates(matrix: Iterable[Mapping[str, Any]], rows: EngineRows, window: float) -> Rates:
    """From the answers to ``queries.young_samples``; of a row that has one sample only, none is known.

    Raises SourceProblem for what is no matrix.
    """
    found: dict[Process, list[tuple[Series, _Samples]]] = defaultdict(list)
    mine: dict[Process, Sequence[int]] = {}
    try:
        for labels, samples in _once(matrix):
            own = rows.of_process(labels)
            if own:
                who = process(labels)
                mine[who] = own
                found[who].append((Series(labels["__name__"], dict(labels)), samples))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise SourceProblem("its answer is JSON, but not Prometheus'", "check the Prometheus URL") from None
    return {row: known for who, series in found.items() for row, known in _of(series, rows, mine[who], window)}


def _once(matrix: Iterable[Mapping[str, Any]]) -> Iterable[tuple[Labels, _Samples]]:
    """The series, each once however many scrapers saw it."""
    seen: set[frozenset[tuple[str, str]]] = set()
    for element in matrix:
        labels = {label: text for label, text in element["metric"].items() if label not in REPLICA_LABELS}
        key = frozenset(labels.items())
        if key not in seen:
            seen.add(key)
            yield labels, {float(at): float(value) for at, value in element["values"]}


def _of(
    found: Sequence[tuple[Series, _Samples]], rows: EngineRows, mine: Sequence[int], window: float
) -> Iterable[tuple[int, dict[Quantity, float]]]:
    """What one process' counters say, taken for the pages of a target that is scraped."""
    binding = bind(tuple(series for series, _ in found))
    counters = [found[i][1] for i in binding.counters]
    # Wide enough for the first sample to stay in it.
    watched = Window(2 * window)
    last = [0.0] * len(counters)
    for at in sorted({at for samples in counters for at in samples}):
        # One that was not there in an earlier answer of the process has started from zero.
        last = [samples.get(at, before) for samples, before in zip(counters, last, strict=True)]
        watched.add(at, last)
    per_second = watched.rates()
    known: dict[int, dict[Quantity, float]] = {}
    for cell in binding.of_engines.rates:
        engine, value = binding.engines[cell.row], cell.of(per_second)
        row = next((i for i in mine if rows.ids[i][2:4] == (engine.model, engine.engine)), None)
        if row is not None and not math.isnan(value):
            known.setdefault(row, {})[cell.quantity] = value
    return known.items()

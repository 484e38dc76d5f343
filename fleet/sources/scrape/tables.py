"""Merges the targets of a tick into one Measurement: a column per quantity, a row per engine or GPU."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from fleet.metrics.dialect import plausible
from fleet.metrics.growing_columns import GrowingColumns, blank
from fleet.metrics.series_cells import Binding, numbers
from fleet.model.histogram import Histogram, merge
from fleet.model.measurement import EngineId, GatewayId, GpuId, HistogramKey, Measurement
from fleet.model.quantity import Family, Quantity
from fleet.sources.scrape.target import TargetState

Row = TypeVar("Row")


class Tables:
    """The Measurement of a tick in the making; ``at`` is its Unix time."""

    def __init__(self, at: float, bindings: Iterable[Binding] = ()) -> None:
        """``bindings`` of the targets that are added, if they are known: no column has to grow then."""
        every = list(bindings)
        self._at = at
        self._engines: GrowingColumns[EngineId] = GrowingColumns(sum(len(one.engines) for one in every))
        self._dialects: list[tuple[str, ...]] = []
        self._gateways: GrowingColumns[GatewayId] = GrowingColumns(sum(len(one.gateways) for one in every))
        self._gpus: GrowingColumns[GpuId] = GrowingColumns(sum(len(one.gpus) for one in every))
        self._histograms: dict[Family, dict[HistogramKey, Histogram]] = {}
        self._of_gateways: dict[Family, dict[GatewayId, Histogram]] = {}
        self._means: list[tuple[Quantity, int, float, float]] = []
        self._reasons: dict[str, tuple[str, ...]] = {}

    def add(self, state: TargetState) -> None:
        """Append what one target says."""
        binding = state.binding
        # An exporter's are read from its answer once, which is asked for less often.
        rates = state.rates() if binding.engines or binding.gateways else ()
        gauges, latest = iter(state.gauges), iter(state.latest)
        age = max(0.0, self._at - state.sampled_at)
        covered = state.window.covered > 0.0
        reset = state.window.reset
        for columns, ids, rows in (
            (self._engines, binding.engines, binding.of_engines),
            (self._gateways, binding.gateways, binding.of_gateways),
            (self._gpus, binding.gpus, binding.of_gpus),
        ):
            if not ids:
                continue
            base = columns.grow(ids, age, reset=reset)  # type: ignore[arg-type] # each table with its own ids
            # As many as this kind has cells, followed by those of the next kind.
            for cell, value in zip(rows.gauges, gauges, strict=False):
                columns.put(cell.quantity, base + cell.row, value)
            for cell, value in zip(rows.latest, latest, strict=False):
                columns.put(cell.quantity, base + cell.row, value)
            if covered:
                found = state.rates_of_gpus() if rows is binding.of_gpus else numbers(rows.rates, rates)
                for cell, value in zip(rows.rates, found, strict=True):
                    columns.put(cell.quantity, base + cell.row, value)
        self._dialects.extend(binding.dialects)
        self._reasons.update(state.reasons)
        if not covered:
            return
        base = len(self._engines.ids) - len(binding.engines)
        for quantity, row, sums, counts, per_second in binding.means:
            total, count = (math.fsum(rates[i] for i in at) for at in (sums, counts))
            if plausible(total) and plausible(count):
                self._means.append((quantity, base + row, total / per_second, count))
        groups = [HistogramKey(one.namespace, one.model, one.pod, one.engine, one.instance) for one in binding.engines]
        for family, row, edges, start, end in binding.of_engines.buckets:
            if (histogram := _histogram(edges, rates[start:end])) is not None:
                _add(self._histograms.setdefault(family, {}), groups[row], histogram)
        for family, row, edges, start, end in binding.of_gateways.buckets:
            if (histogram := _histogram(edges, rates[start:end])) is not None:
                _add(self._of_gateways.setdefault(family, {}), binding.gateways[row], histogram)

    def measurement(
        self, *, window: float, interval: float, unreachable: Mapping[str, str], requests: int
    ) -> Measurement:
        """Return the measurement put together so far."""
        rows = len(self._engines.ids)
        means: dict[Quantity, tuple[array[float], array[float]]] = {}
        for quantity, row, total, count in self._means:
            sums, counts = means.setdefault(quantity, (blank(rows), blank(rows)))
            sums[row], counts[row] = total, count
        return Measurement(
            source="scrape",
            at=self._at,
            window=window,
            interval=interval,
            engines=tuple(self._engines.ids),
            engine_table=self._engines.table(),
            dialects=tuple(self._dialects),
            gateways=tuple(self._gateways.ids),
            gateway_table=self._gateways.table(),
            gateway_histograms=self._of_gateways,
            gpus=tuple(self._gpus.ids),
            gpu_table=self._gpus.table(),
            histograms=self._histograms,
            means=means,
            unreachable=dict(unreachable),
            requests=requests,
            throttle_reasons=self._reasons,
        )


def _add(histograms: dict[Row, Histogram], row: Row, one: Histogram) -> None:
    """Add a histogram to a row; if histograms have more labels than the row, it gets their sum."""
    before = histograms.get(row)
    histograms[row] = one if before is None else merge((before, one)) or one


def _histogram(edges: tuple[float, ...], counts: Sequence[float]) -> Histogram | None:
    """Return the histogram, or None for garbage: one such row must not spoil the percentiles of all those merged with
    it.
    """
    return Histogram(edges, counts) if plausible(sum(counts)) else None

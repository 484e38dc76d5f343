"""The parts that a measurement shares with the previous one, as identical objects, so that no reader need compare
them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from fleet.model.differences import kept
from fleet.model.histogram import Histogram
from fleet.model.measurement import Measurement, Table
from fleet.model.quantity import Family

K = TypeVar("K")
V = TypeVar("V")


def keeping(before: Measurement | None, after: Measurement) -> Measurement:
    """Return the later measurement, with every unchanged part replaced by the earlier object.

    Rows (``engines``, ``dialects``, ``gateways``, ``gpus``) are kept if they are equal; then columns, ages and means
    (arrays) if every value is, bit by bit; histograms one by one, and the mapping of a family if all are. A part that
    is a new object may differ in any row.
    """
    if before is None:
        return after
    engines, gateways, gpus = (
        kept(getattr(before, rows), getattr(after, rows)) for rows in ("engines", "gateways", "gpus")
    )
    return replace(
        after,
        engines=engines,
        dialects=kept(before.dialects, after.dialects),
        engine_table=_table(before.engine_table, after.engine_table, same_rows=engines is before.engines),
        gateways=gateways,
        gateway_table=_table(before.gateway_table, after.gateway_table, same_rows=gateways is before.gateways),
        gateway_histograms=_kept_families(before.gateway_histograms, after.gateway_histograms),
        gpus=gpus,
        gpu_table=_table(before.gpu_table, after.gpu_table, same_rows=gpus is before.gpus),
        histograms=_kept_families(before.histograms, after.histograms),
        means=after.means if engines is not before.engines else _means(before.means, after.means),
        unreachable=kept(before.unreachable, after.unreachable),
        unread=kept(before.unread, after.unread),
        throttle_reasons=kept(before.throttle_reasons, after.throttle_reasons),
        sources=kept(before.sources, after.sources),
    )


def _column(before: array[float] | None, after: array[float]) -> array[float]:
    # As bytes: NaN is a value like any other there.
    return before if before is not None and before.tobytes() == after.tobytes() else after


def _table(before: Table, after: Table, *, same_rows: bool) -> Table:
    if not same_rows:
        return after
    columns = {quantity: _column(before.columns.get(quantity), own) for quantity, own in after.columns.items()}
    return Table(columns, _column(before.ages, after.ages), kept(before.reset, after.reset))


def _means(
    before: Mapping[K, tuple[array[float], array[float]]], after: Mapping[K, tuple[array[float], array[float]]]
) -> dict[K, tuple[array[float], array[float]]]:
    return {
        key: pair if key not in before else (_column(before[key][0], pair[0]), _column(before[key][1], pair[1]))
        for key, pair in after.items()
    }


def _kept_families(
    before: Mapping[Family, Mapping[V, Histogram]], after: Mapping[Family, Mapping[V, Histogram]]
) -> Mapping[Family, Mapping[V, Histogram]]:
    out = {}
    for family, own in after.items():
        known = before.get(family, {})
        each = {whose: _kept_histogram(known.get(whose), one) for whose, one in own.items()}
        same = known.keys() == each.keys() and all(known[whose] is one for whose, one in each.items())
        out[family] = known if same else each
    return out


def _kept_histogram(before: Histogram | None, after: Histogram) -> Histogram:
    return before if before is not None and before == after else after

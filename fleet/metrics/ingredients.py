"""Ingredients of a number: the query that gives it now, and the metrics that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fleet.metrics.curve_queries import instant
from fleet.metrics.dialect import Dialect
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.curve import Series
from fleet.model.naming import UNKNOWN_NAMING, Naming
from fleet.model.quantity import GATEWAY_QUANTITIES, GPU_QUANTITIES, QUANTILES, RATIOS, Quantity


def query_behind(
    quantity: Quantity, series: Series, window: float, naming: Naming = UNKNOWN_NAMING, step: float = 0
) -> str:
    """PromQL whose value at this moment is the number, for the store of this naming; empty where there is none.

    Rates are over ``window`` seconds, or ``step`` if that is longer; gauges, too, then.
    """
    return instant(quantity, series, window, naming, step)


def metrics_behind(quantity: Quantity, products: Iterable[str]) -> tuple[str, ...]:
    """The metrics of these products, in their newest spelling, that a quantity is made of; of none known those of all.

    Of a histogram it is the name without ``_bucket``, ``_sum`` and ``_count``.
    """
    return tuple(dict.fromkeys(_names(quantity, _dialects(quantity, products))))


def _dialects(quantity: Quantity, products: Iterable[str]) -> DialectSet:
    if quantity in GPU_QUANTITIES:
        return GPUS
    if quantity in GATEWAY_QUANTITIES:
        return GATEWAYS
    return ENGINES.of_products(found) if (found := frozenset(products)) else ENGINES


def _names(quantity: Quantity, dialects: Iterable[Dialect]) -> Iterator[str]:
    members = tuple(dialects)
    if quantity in QUANTILES:
        family, _ = QUANTILES[quantity]
        yield from (base for member in members for base in member.families.get(family, ()))
        return
    if quantity in RATIOS:
        for part in RATIOS[quantity]:
            yield from _names(part, members)
        return
    for member in members:
        yield from member.phases.get(quantity, ())
        rule = member.rules.get(quantity)
        yield from (metric.name for metric in rule.metrics) if rule is not None else ()

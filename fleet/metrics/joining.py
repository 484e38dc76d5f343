"""Two measurements of one cluster as one: what Prometheus and the direct scrape each have alone is kept."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import replace

from fleet.model.measurement import GatewayId, Measurement, Table
from fleet.model.quantity import Quantity


def join(asked: Measurement | None, scraped: Measurement | None) -> Measurement | None:
    """The one that has the engines, completed by the gateways that only the other has, and by its GPUs where it has
    none itself.
    """
    if scraped is None or asked is None:
        return scraped or asked
    whole, other = (scraped, asked) if scraped.engines or not asked.engines else (asked, scraped)
    if other.gateways:
        whole = _with_gateways(whole, other)
    if whole.gpus or not other.gpus:
        return whole
    return replace(
        whole,
        gpus=other.gpus,
        gpu_table=replace(other.gpu_table, ages=_as_of(whole, other, other.gpu_table.ages)),
        throttle_reasons=other.throttle_reasons,
        gpu_interval=other.gpu_interval or other.interval,
    )


def _with_gateways(whole: Measurement, other: Measurement) -> Measurement:
    """Row by row of the processes that the other one alone has seen: whoever has seen a process has all its rows.

    Where one of the two does not name the pods of a product's gateways, the same process may have two names: then all
    of that product are the whole's, if it has any.
    """
    known = {_process(row) for row in whole.gateways}
    nameless = {row.dialect for row in (*whole.gateways, *other.gateways) if row.instance}
    settled = nameless & {row.dialect for row in whole.gateways}
    more = [i for i, row in enumerate(other.gateways) if _process(row) not in known and row.dialect not in settled]
    if not more:
        return whole
    rows = (*whole.gateways, *(other.gateways[i] for i in more))
    ages = array("d", whole.gateway_table.ages)
    others = _as_of(whole, other, other.gateway_table.ages)
    ages.extend(others[i] for i in more)
    before = len(whole.gateways)
    reset = whole.gateway_table.reset | {before + at for at, i in enumerate(more) if i in other.gateway_table.reset}
    added = frozenset(rows[before:])
    histograms = {family: dict(own) for family, own in whole.gateway_histograms.items()}
    for family, own in other.gateway_histograms.items():
        histograms.setdefault(family, {}).update((row, one) for row, one in own.items() if row in added)
    columns = _extended(whole.gateway_table.columns, before, other.gateway_table.columns, more)
    table = Table(columns, ages, reset)
    return replace(whole, gateways=rows, gateway_table=table, gateway_histograms=histograms)


def _as_of(whole: Measurement, other: Measurement, ages: array[float]) -> array[float]:
    """The ages that rows of the other one have at the time of the whole."""
    later = (whole.at - whole.clock_skew) - (other.at - other.clock_skew)
    return array("d", (max(0.0, age + later) for age in ages)) if later else ages


def _extended(
    own: Mapping[Quantity, array[float]], rows: int, others: Mapping[Quantity, array[float]], more: list[int]
) -> dict[Quantity, array[float]]:
    blank = array("d", [math.nan])
    out = {}
    for quantity in own.keys() | others.keys():
        column = own.get(quantity, blank * rows) + array("d", ())
        found = others.get(quantity)
        column.extend(math.nan if found is None else found[i] for i in more)
        out[quantity] = column
    return out


def _process(row: GatewayId) -> tuple[str, str, str]:
    return row.namespace, row.pod, row.instance

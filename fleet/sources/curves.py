"""Curves from the metrics stores of a fleet: one range query for each, to the store that the object is read from."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fleet.metrics.curve_queries import (
    combined,
    curve_query,
    each_query,
    has_peaks,
    is_of_a_whole,
    peak_query,
)
from fleet.metrics.dialect import Match
from fleet.metrics.identity import first, gpu_key, rank_of, where_from
from fleet.metrics.promql import TAG, limited_to
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.curve import Curve, CurveQuestion, Series, TimeRange
from fleet.model.problem import SourceProblem
from fleet.model.quantity import GATEWAY_QUANTITIES, GPU_QUANTITIES, Quantity
from fleet.snapshot.fold import FOLD
from fleet.sources.store import NamedStore, Store

_NO_METRIC = "the metrics store has no metric for this quantity"


async def curve_of_fleet(
    stores: Sequence[NamedStore], question: CurveQuestion, clock: Callable[[], float] = time.time
) -> Curve:
    """Return the requested curve from the store that has the object; if several have a part of it, from all of them.

    Raises SourceProblem, also for a percentile of requests that are in several stores.
    """
    if len(stores) < 2:
        if not stores:
            raise SourceProblem("no metrics store answers here", "name one with --prometheus URL")
        return await curve(stores[0].store, stores[0].within, question, clock)
    series = question.series
    names = _sources(series, question.quantity)
    read = [one for one in stores if one.name in names]
    if len(read) > 1:
        return await _curve_of_parts(read, question, clock)
    # Any store may have data of objects that are not measured now.
    for one in read or stores:
        found = await curve(one.store, one.within, question, clock)
        if not math.isnan(found.since):
            break
    return found


def _sources(series: Series, quantity: Quantity) -> frozenset[str]:
    if quantity in GATEWAY_QUANTITIES:
        return series.gateway_sources
    return series.gpu_sources if quantity in GPU_QUANTITIES else series.sources


async def _curve_of_parts(stores: Sequence[NamedStore], question: CurveQuestion, clock: Callable[[], float]) -> Curve:
    """Return one curve of engines or GPUs that several stores have; for one that two have, each point is from the
    first.
    """
    quantity, asked = question.quantity, question.range
    if is_of_a_whole(quantity):
        named = ", ".join(one.name for one in stores)
        raise SourceProblem(
            f"its requests are in several stores ({named}), whose percentiles and ratios cannot be combined",
            "plot a pod: each is read from one store" if quantity not in GATEWAY_QUANTITIES else "",
        )

    async def ask(one: NamedStore) -> dict[tuple[str, ...], tuple[float, ...]]:
        with limited_to(one.within):
            text = each_query(question)
        if not text:
            raise SourceProblem(_NO_METRIC)
        start = round(asked.start + await one.store.now() - clock())
        found = await one.store.range(text, start, start + asked.seconds, asked.step)
        return {_whose(series["metric"]): _values(series["values"], start, asked) for series in found}

    parts: dict[tuple[str, ...], tuple[float, ...]] = {}
    for answer in await asyncio.gather(*map(ask, stores)):
        for process, values in answer.items():
            before = parts.get(process, values)
            parts[process] = tuple(b if math.isnan(a) else a for a, b in zip(before, values, strict=True))
    fold = FOLD[combined(quantity, question.series)]
    moments = zip(*parts.values(), strict=True) if parts else iter([(math.nan,)] * asked.points)
    return Curve(quantity, asked, tuple(_folded(fold, values) for values in moments))


def _whose(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the GPU, engine or gateway row of a series, whichever job scraped it."""
    uuid, part = gpu_key(labels, GPUS.gpu)
    if uuid:
        return uuid, part
    of_gateway = (first(labels, GATEWAYS.model_labels), first(labels, GATEWAYS.backend_labels))
    return *where_from(labels), first(labels, ENGINES.model_labels), rank_of(labels, ENGINES.rank_labels), *of_gateway


def _folded(fold: Callable[[Sequence[float]], float], values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return fold(known) if known else math.nan


async def curve(
    store: Store, labels: Sequence[Match], question: CurveQuestion, clock: Callable[[], float] = time.time
) -> Curve:
    """Return the requested curve, with its peaks if they are wanted.

    ``labels`` are those that all series must have: one cluster of a store of several. Raises SourceProblem, also for a
    quantity that no dialect has as a number.
    """
    with limited_to(labels):
        text = curve_query(question)
        peak = peak_query(question) if has_peaks(question) else ""
    if not text:
        raise SourceProblem(_NO_METRIC)
    asked = question.range
    # The range uses the console's clock, the samples the store's.
    start = round(asked.start + await store.now() - clock())
    texts = filter(None, (text, peak))
    found, *highest = await asyncio.gather(
        *(store.range(each, start, start + asked.seconds, asked.step) for each in texts)
    )
    values_of = {series["metric"].get(TAG, ""): _values(series["values"], start, asked) for series in found}
    nothing = (math.nan,) * asked.points
    low, high = question.band or (None, None)
    values = values_of.get(question.quantity, nothing)
    if highest and highest[0]:
        peaks = _values(highest[0][0]["values"], start, asked)
        return Curve(question.quantity, asked, values, values, peaks, is_peak=True)
    return Curve(
        question.quantity,
        asked,
        values,
        _edge(values_of, low),
        _edge(values_of, high),
    )


def _edge(values_of: Mapping[str, tuple[float, ...]], quantity: str | None) -> tuple[float, ...]:
    return values_of.get(quantity, ()) if quantity is not None else ()


def _values(pairs: Sequence[Any], start: float, asked: TimeRange) -> tuple[float, ...]:
    """The values at the moments of the range; where there is none, or none that is finite, a gap."""
    values = [math.nan] * asked.points
    for at, text in pairs:
        index, value = round((float(at) - start) / asked.step), float(text)
        if 0 <= index < asked.points and math.isfinite(value):
            values[index] = value
    return tuple(values)

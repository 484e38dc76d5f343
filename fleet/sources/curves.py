"""Curves from a metrics store: one range query for each."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fleet.metrics.curve_queries import curve_query, has_peaks, peak_query
from fleet.metrics.dialect import Match
from fleet.metrics.promql import TAG, limited_to
from fleet.model.curve import Curve, CurveQuestion, TimeRange
from fleet.sources.problem import SourceProblem
from fleet.sources.store import Store


async def curve(
    store: Store, labels: Sequence[Match], question: CurveQuestion, clock: Callable[[], float] = time.time
) -> Curve:
    """The curve that is asked for, and its peaks beside it where those are wanted.

    ``labels`` are those that all series must have: one cluster of a store of several. Raises SourceProblem, also for a
    quantity that no dialect has as a number.
    """
    with limited_to(labels):
        text = curve_query(question)
        peak = peak_query(question) if has_peaks(question) else ""
    if not text:
        raise SourceProblem("no metric of a store is this quantity")
    asked = question.range
    # The range is of the console's clock, and the samples are dated by the store's.
    start = round(asked.start + await store.now() - clock())
    texts = filter(None, (text, peak))
    found, *highest = await asyncio.gather(
        *(store.range(each, start, start + asked.seconds, asked.step) for each in texts)
    )
    told = {series["metric"].get(TAG, ""): _values(series["values"], start, asked) for series in found}
    nothing = (math.nan,) * asked.points
    low, high = question.band or (None, None)
    values = told.get(question.quantity, nothing)
    if highest and highest[0]:
        peaks = _values(highest[0][0]["values"], start, asked)
        return Curve(question.quantity, asked, values, values, peaks, is_peak=True)
    return Curve(
        question.quantity,
        asked,
        values,
        _edge(told, low),
        _edge(told, high),
    )


def _edge(told: Mapping[str, tuple[float, ...]], quantity: str | None) -> tuple[float, ...]:
    return told.get(quantity, ()) if quantity is not None else ()


def _values(pairs: Sequence[Any], start: float, asked: TimeRange) -> tuple[float, ...]:
    """The values at the moments of the range; where there is none, or none that is finite, a gap."""
    values = [math.nan] * asked.points
    for at, text in pairs:
        index, value = round((float(at) - start) / asked.step), float(text)
        if 0 <= index < asked.points and math.isfinite(value):
            values[index] = value
    return tuple(values)

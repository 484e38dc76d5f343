"""Baselines from a metrics store: the hour around the same time yesterday and a week ago."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from fleet.metrics.curve_queries import hours_queries, points_of
from fleet.metrics.dialect import Match
from fleet.metrics.promql import TAG, limited_to
from fleet.model.baseline import BACK, HOUR, LEAST, Baseline, BaselineQuestion, Baselines
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity
from fleet.sources.store import Store


async def stored(
    store: Store, labels: Sequence[Match], question: BaselineQuestion, clock: Callable[[], float] = time.time
) -> Baselines:
    """Return the baselines that a store has. ``labels`` as for curves. Raises SourceProblem.

    Range queries of two moments each: half an hour after the same time yesterday and a week ago, each value over the
    hour before it. They are split only where one would be too long: at most one per quantity, and one that counts the
    samples.
    """
    with limited_to(labels):
        texts = hours_queries(question.series, question.quantities, HOUR)
    if not texts:
        raise SourceProblem("the metrics store has no metric for these quantities")
    ahead = await store.now() - clock()
    backs = sorted(BACK.values(), reverse=True)
    first, last = (question.at + ahead + HOUR / 2 - back for back in (backs[0], backs[-1]))
    ranges = [store.range(text, round(first), round(last), round(last - first)) for text in texts]
    answers = await asyncio.gather(*ranges)
    samples = samples_by_tag(answers)
    every = {quantity: tuple(_baselines(samples, quantity, question.at, ahead)) for quantity in question.quantities}
    return Baselines({quantity: known for quantity, known in every.items() if known})


def samples_by_tag(answers: Iterable[Iterable[Mapping[str, Any]]]) -> Mapping[str, Mapping[int, float]]:
    """Return the series of range queries: tag → time in whole seconds → value."""
    return {series["metric"].get(TAG, ""): dict(_pairs(series["values"])) for found in answers for series in found}


def _pairs(values: Sequence[Sequence[object]]) -> Iterator[tuple[int, float]]:
    return ((round(float(str(at))), float(str(value))) for at, value in values)


def _baselines(
    samples: Mapping[str, Mapping[int, float]], quantity: Quantity, at: float, ahead: float
) -> Iterator[Baseline]:
    for then, back in BACK.items():
        end = at + HOUR / 2 - back
        moment = round(end + ahead)
        value = samples.get(quantity, {}).get(moment, math.nan)
        points = samples.get(points_of(quantity), {}).get(moment, 0.0)
        if math.isfinite(value) and points >= LEAST:
            yield Baseline(value, then, end - HOUR, end, int(points), "prometheus")

"""The last calm hour of an object in a metrics store, for stores that keep less than a day and for objects younger than
one.

A store knows no findings, so an hour is calm by the numbers alone: at every minute of it the object was measured, all
of its scraped targets answered, no replica had a queue, a full KV cache or preemptions, and errors were within limits.
The limits are those of the diagnosis.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from fleet.baseline.from_store import samples_by_tag
from fleet.diagnosis import thresholds
from fleet.metrics.curve_queries import DOWN, hours_queries, points_of, worst_queries
from fleet.metrics.dialect import Match
from fleet.metrics.promql import TAG, limited_to
from fleet.model.baseline import DAY, HOUR, LEAST, RECENT, Baseline, BaselineQuestion, Baselines, Then
from fleet.model.profile import CHAT
from fleet.model.quantity import Quantity
from fleet.sources.store import Store

_MINUTE: Final = 60
_MINUTES: Final = round(HOUR) // _MINUTE
_WINDOW: Final = 300.0
"""Seconds over which rates are taken: some scrapes even where they are a minute apart."""
_AT_ONCE: Final = 6 * HOUR
"""Seconds that one query looks over: older ones are queried only where these have no calm hour."""
_LOOKED_AT: Final = (
    Quantity.RUNNING,
    Quantity.WAITING,
    Quantity.PREEMPTIONS,
    Quantity.KV_USAGE,
    Quantity.ERROR_RATIO,
)
_Minute = Mapping[str, float]
"""Tag → the value of the worst replica."""


async def calm_in_store(
    store: Store, labels: Sequence[Match], question: BaselineQuestion, clock: Callable[[], float] = time.time
) -> Baselines:
    """Return the baselines of the last calm hour within a day; none where there was none. ``labels`` as for curves.

    Range queries over six hours in steps of a minute, four times at most, and one over the hour that was found; each
    is split only where it would be too long. Raises SourceProblem.
    """
    with limited_to(labels):
        texts = worst_queries(question.series, _LOOKED_AT, _WINDOW)
        hours = hours_queries(question.series, question.quantities, HOUR)
    if not texts or not hours:
        return Baselines()
    ahead = await store.now() - clock()
    last = math.floor((question.at + ahead - RECENT) / _MINUTE) * _MINUTE
    end = await _last_calm(store, texts, last)
    if end is None:
        return Baselines()
    answers = await asyncio.gather(*(store.query(text, float(end)) for text in hours))
    values = {one["metric"].get(TAG, ""): float(one["value"][1]) for found in answers for one in found}
    at = end - ahead
    return Baselines(
        {
            quantity: (Baseline(value, Then.CALM, at - HOUR, at, round(points), "prometheus"),)
            for quantity in question.quantities
            if math.isfinite(value := values.get(quantity, math.nan))
            and (points := values.get(points_of(quantity), 0.0)) >= LEAST
        }
    )


async def _last_calm(store: Store, texts: Sequence[str], last: int) -> int | None:
    """Return the end of the last calm hour, on the store's clock; None for none."""
    run, begin = 0, last
    while last - begin < DAY:
        end, begin = begin, begin - round(_AT_ONCE)
        ranges = (store.range(text, begin + _MINUTE, end, _MINUTE) for text in texts)
        minutes = _by_minute(await asyncio.gather(*ranges))
        for at in range(end, begin, -_MINUTE):
            run = run + 1 if _is_calm(minutes.get(at, {})) else 0
            if run > _MINUTES:
                return at + _MINUTES * _MINUTE
        if not minutes:
            return None
    return None


def _by_minute(answers: Iterable[Iterable[Mapping[str, Any]]]) -> Mapping[int, _Minute]:
    found: dict[int, dict[str, float]] = {}
    for tag, values in samples_by_tag(answers).items():
        for at, value in values.items():
            found.setdefault(at, {})[tag] = value
    return found


def _is_calm(worst: _Minute) -> bool:
    """True if an object was measured at a moment, and nothing was wrong with it. What has no metric is no trouble."""
    if Quantity.RUNNING not in worst or worst.get(DOWN, 0.0) > 0:
        return False
    waiting, full = worst.get(Quantity.WAITING, 0.0), worst.get(Quantity.KV_USAGE, 0.0)
    return not (
        waiting >= thresholds.QUEUE_EASED.at(CHAT)
        or (waiting > 0 and full >= thresholds.KV_FULL.at(CHAT))
        or worst.get(Quantity.PREEMPTIONS, 0.0) > thresholds.PREEMPTIONS.at(CHAT)
        or worst.get(Quantity.ERROR_RATIO, 0.0) >= thresholds.ERROR_RATIO.at(CHAT)
    )

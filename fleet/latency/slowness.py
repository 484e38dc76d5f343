"""Measures by which replicas are compared, and which replicas are slow by each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from fleet.dataclass import dataclass
from fleet.model.frame import Frame
from fleet.model.quantity import Quantity

OUTLIER: Final = 3.5
"""Modified z-score from which a value is an outlier (Iglewicz and Hoaglin, 1993)."""
_NORMAL: Final = 0.6745
"""Factor that makes the median deviation of normal numbers their standard deviation."""
TIMES: Final = 1.25
"""Ratio to the median below which no replica is called slow, however similar the others are."""
FEWEST: Final = 3
"""Replicas needed for a comparison."""


@dataclass(frozen=True, slots=True)
class SlownessMeasure:
    """A number per replica that is greater where its requests wait longer for the same work."""

    name: str
    unit: str
    value: Callable[[Frame, int], float]
    """Value of a row, NaN where it is not known."""


def _ratio(frame: Frame, row: int, top: Quantity, bottom: Quantity) -> float:
    over, under = (frame.values([row], quantity)[0] for quantity in (top, bottom))
    return over / under if under > 0 else math.nan


def _per_token(frame: Frame, row: int) -> float:
    return _ratio(frame, row, Quantity.RUNNING, Quantity.GENERATION_TOKENS)


def _per_prompt_token(frame: Frame, row: int) -> float:
    prefill, rate = (frame.values([row], quantity)[0] for quantity in (Quantity.PREFILL_MEAN, Quantity.REQUESTS))
    tokens = frame.values([row], Quantity.PROMPT_TOKENS)[0]
    return prefill * rate / tokens if tokens > 0 else math.nan


def _in_queue(frame: Frame, row: int) -> float:
    return frame.values([row], Quantity.QUEUE_MEAN)[0]


DECODE = SlownessMeasure("time per generated token", "s", _per_token)
"""Requests running over tokens per second: by Little's law the mean time that a request waits for its next token."""
PREFILL = SlownessMeasure("prefill time per prompt token", "s", _per_prompt_token)
QUEUE = SlownessMeasure("time in the queue", "s", _in_queue)
MEASURES: Final = (DECODE, PREFILL, QUEUE)


def median(values: Sequence[float]) -> float:
    """Return the middle one, of an even number the mean of the two in the middle; NaN for none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def slow_ones(values: Mapping[str, float]) -> frozenset[str]:
    """Return the keys that are slow: outliers above the median, unless half of the keys are.

    Unknown values (NaN) are ignored.
    """
    known = {key: value for key, value in values.items() if not math.isnan(value)}
    if len(known) < FEWEST:
        return frozenset()
    middle = median(list(known.values()))
    spread = median([abs(value - middle) for value in known.values()])
    limit = max(TIMES * middle, middle + OUTLIER * spread / _NORMAL)
    slow = frozenset(key for key, value in known.items() if value > limit)
    return frozenset() if 2 * len(slow) >= len(known) else slow

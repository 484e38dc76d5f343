"""A value that knows how far it can be trusted."""

from __future__ import annotations

import math
from enum import IntEnum

from fleet.dataclass import dataclass

LOOKBACK = 300.0
"""Seconds after which a silent source's values are unknown, and no verdict is made on older ones: Prometheus' own."""


class State(IntEnum):
    """Trust in a value. Ordered: the higher, the less is known."""

    FRESH = 0
    RESET = 1
    """A counter behind the value restarted within the window (the process did); the value covers the time since."""
    STALE = 2
    """Older than three scrape intervals and ten seconds: shown dimmed, with its age."""
    MISSING = 3
    """The source answers and has no such series: drawn ``–``, never ``0``."""
    UNKNOWN = 4
    """The source itself does not answer: drawn ``?``."""


class Bound(IntEnum):
    """The side of the value on which the truth lies, if a histogram is too coarse for more."""

    EXACT = 0
    AT_MOST = 1
    """Value in the lowest bucket: the screen shows ``≤0.3`` (the bucket's edge), not an interpolation from zero."""
    AT_LEAST = 2
    """Value in the +Inf bucket: the screen shows ``≥2560`` (the last finite edge)."""
    WITHIN = 3
    """Value in a bucket so broad that a point in it would be an invention: the screen shows ``20–40``, its edges."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value with its state.

    ``value`` is in the canonical unit of its quantity (seconds, bytes, ratio 0-1, tokens/s, °C, W) and is NaN exactly
    when ``state`` is MISSING or UNKNOWN. ``age`` is in seconds at the time of the Snapshot. ``edge`` is the bucket edge
    of a bounded percentile (see Bound); ``value`` remains the result of Prometheus' histogram_quantile.
    """

    value: float
    state: State
    age: float = 0.0
    bound: Bound = Bound.EXACT
    edge: float = math.nan
    low: float = math.nan
    """Lower edge of the bucket of a value that is WITHIN it; ``edge`` is the upper one."""

    @property
    def known(self) -> bool:
        """True when there is a number to show, be it stale."""
        return not math.isnan(self.value)


MISSING = Reading(math.nan, State.MISSING)
UNKNOWN = Reading(math.nan, State.UNKNOWN)

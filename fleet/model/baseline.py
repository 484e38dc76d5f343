"""Baselines: an object's values at another time, and the measurements behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Final

from fleet.dataclass import dataclass
from fleet.model.curve import Series
from fleet.model.quantity import Quantity

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
LEAST: Final = 12
"""Fewest measurements for a baseline; with fewer there is none."""

RECENT: Final = 900.0
"""Seconds before the moment in question that no calm hour is from: the current trouble may have begun in them."""


class Then(StrEnum):
    """The time of a baseline."""

    YESTERDAY = "yesterday"
    LAST_WEEK = "last week"
    CALM = "last calm hour"


BACK: Final[Mapping[Then, float]] = {Then.YESTERDAY: DAY, Then.LAST_WEEK: 7 * DAY}
"""Seconds from now back to the middle of the hour that a store is queried for."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A quantity over an hour: of counters the rate, of gauges the mean, of percentiles that of the hour's merged
    buckets."""

    value: float
    then: Then
    start: float
    """Unix time, as ``end``."""
    end: float
    points: int
    """Measurements within."""
    source: str
    """prometheus or recorder."""


@dataclass(frozen=True, slots=True)
class BaselineQuestion:
    """The quantities of an object whose baselines are wanted; ``at`` is the Unix time that they are compared with."""

    key: str
    """The row of the object in a Snapshot."""
    series: Series
    quantities: tuple[Quantity, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Baselines:
    """The answer: for each quantity the baselines that there are, the nearest first."""

    of: Mapping[Quantity, tuple[Baseline, ...]] = field(default_factory=dict)
    problem: str = ""
    """Reason why a store gave none; empty if it was queried successfully."""

    def nearest(self, quantity: Quantity) -> Baseline | None:
        """Return the preferred baseline of a quantity."""
        return next(iter(self.of.get(quantity, ())), None)

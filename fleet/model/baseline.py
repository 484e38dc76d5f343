"""Baselines: what a quantity of an object was at another time, and what that stands on."""

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
"""Measurements that a baseline stands on at least: of fewer nothing is said."""


class Then(StrEnum):
    """The time of a baseline."""

    YESTERDAY = "yesterday"
    LAST_WEEK = "last week"
    CALM = "last calm hour"


BACK: Final[Mapping[Then, float]] = {Then.YESTERDAY: DAY, Then.LAST_WEEK: 7 * DAY}
"""Seconds from now back to the moment around which the hour lies, where a store is asked."""


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
    """The reason why a store gave none; empty where it was asked and answered."""

    def nearest(self, quantity: Quantity) -> Baseline | None:
        """The first of a quantity: what it is held against."""
        return next(iter(self.of.get(quantity, ())), None)

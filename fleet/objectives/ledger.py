"""Counts of good and of all events, by window and owner: the facts from which budgets are computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from fleet.dataclass import dataclass
from fleet.model.quantity import Family
from fleet.objectives.objective import Goals
from fleet.objectives.owners import RequestOwner

Buckets = Mapping[float, float]
"""Upper edge, seconds → events per second within it; +Inf among them."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of one owner in one window."""

    buckets: Mapping[Family, Buckets] = field(default_factory=dict)
    bad: float = 0.0
    """Requests per second that were answered with 5xx."""
    all: float = 0.0
    """Requests per second that were answered."""
    present: float = 0.0
    """The share of the window in which an engine existed."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The tallies of all windows, and their source."""

    goals: Goals
    spent: Mapping[float, Mapping[RequestOwner, Tally]]
    """Seconds of a window → its tallies."""
    since: Mapping[RequestOwner, float]
    """Unix time of the first sample of each owner, within the period of the budgets."""
    at: Mapping[float, float]
    """Seconds of a window → Unix time of the source's clock at which it ends."""
    stands_on: str
    """Source of the counts, in words: prometheus, or this console's own observation."""
    gaps: tuple[str, ...] = ()
    """Parts that are not known, and why."""
    sparse: Mapping[float, float] = field(default_factory=dict)
    """Seconds of a window → seconds between the samples that were read, if not all of them were."""

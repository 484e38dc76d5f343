"""Promises to the users of a workload's model, as far as the diagnosis of a fleet needs to know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class MissedObjective(NamedTuple):
    """A latency that was promised, as it is kept at the moment."""

    measure: str
    """``ttft``, ``itl`` or ``e2e``."""
    percentile: str
    """``p50``, ``p95`` or ``p99``."""
    seconds: float
    """The edge at which it is counted: the promised limit, or the first bucket bound above it."""
    bad: float
    """Share of the requests (for ITL: of the tokens) of the last minutes that were later; minutes without any count as
    good.
    """
    allowed: float
    """The share that may be."""
    events: float
    """Number of requests; NaN if unknown."""
    window: float
    """Seconds in which they came."""


class Promised(NamedTuple):
    """The promises of one workload."""

    availability: float = 0.0
    """Share of the time for which an engine must be available; 0 if none is promised."""
    latencies: tuple[MissedObjective, ...] = ()
    """The latencies of which more is late now than may be."""


NOTHING_PROMISED: Final[Mapping[str, Promised]] = {}
"""The same object at every tick where there are no objectives: what is derived from it is kept."""

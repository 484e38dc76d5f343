"""The ages of a measurement's rows, and the trust that they allow.

All rows grow old together, so the moments of state changes are known in advance: in between, the states are reused.
"""

from __future__ import annotations

import math
from array import array

from fleet.model.frame import greatest
from fleet.model.measurement import Table
from fleet.model.reading import LOOKBACK, State

STALE_INTERVALS = 3.0
"""A sample older than this many scrape intervals is stale: one missed scrape is weather, three are news."""
LEAST_STALE = 10.0
"""Seconds below which nothing is stale, however short the scrape interval: a scrape due every second waits 5 s for a
hanging target, and all other numbers wait with it.
"""
AHEAD = -10.0
"""Seconds of silence that there cannot be: the clock was set back since, and how old the numbers are is not known."""


class Aging:
    """Ages of a table's rows, scraped every ``interval`` seconds; ``resets`` if its rows may have restarted.

    A source may answer with samples that are days old: these are stale. Rows that are no longer reported are unknown.
    """

    def __init__(self, table: Table, interval: float, *, resets: bool = False) -> None:
        known = not math.isnan(sum(table.ages))
        self.ages = table.ages if known else array("d", (0.0 if math.isnan(age) else age for age in table.ages))
        """Seconds, when the table was measured."""
        self._oldest = greatest(self.ages)
        self._limit = max(STALE_INTERVALS * interval, LEAST_STALE)
        self._reset = table.reset if resets else frozenset[int]()
        self._states = b""
        self._from, self._until = math.inf, -math.inf
        """The silence, in seconds, from and until which the states hold."""

    def states(self, silence: float) -> bytes:
        """A State per row, ``silence`` seconds later; the same object while no row's state changes."""
        if not self._from <= silence <= self._until:
            self._states, self._from, self._until = self._states_at(silence), silence, self._next(silence)
        return self._states

    def _states_at(self, silence: float) -> bytes:
        if silence <= AHEAD:
            return bytes([State.STALE]) * len(self.ages)
        if silence > LOOKBACK:
            return bytes([State.UNKNOWN]) * len(self.ages)
        if self._oldest + silence <= self._limit:
            states = bytearray([State.FRESH]) * len(self.ages)
        else:
            states = bytearray([State.STALE if age + silence > self._limit else State.FRESH for age in self.ages])
        for row in self._reset:
            if states[row] == State.FRESH:
                states[row] = State.RESET
        return bytes(states)

    def _next(self, silence: float) -> float:
        """Return the silence after which the state of some row changes."""
        if silence <= AHEAD:
            return AHEAD
        if silence > LOOKBACK:
            return math.inf
        oldest = self._oldest
        if oldest + silence > self._limit:
            oldest = max((age for age in self.ages if age + silence <= self._limit), default=-math.inf)
        return min(LOOKBACK, self._limit - oldest)

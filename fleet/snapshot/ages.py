"""How old the rows of a measurement are, and how far that lets them be trusted.

All rows grow old together, so their states change at moments that are known beforehand: until the next one they stand.
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
"""Seconds before which nothing is stale, however often it is scraped: a scrape that is due every second waits 5 s for a
target that hangs, and the numbers of all others wait with it."""
AHEAD = -10.0
"""Seconds of silence that there cannot be: the clock was set back since, and how old the numbers are is not known."""


class Aging:
    """The ages of a table's rows, scraped every ``interval`` seconds; ``resets`` where its rows may have restarted.

    A source that answers with samples that are days old has them: they are stale. Unknown is what nobody says any more.
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
        """A State per row, ``silence`` seconds later; the same object for as long as no row's state changes."""
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
        """The silence after which the state of some row is another."""
        if silence <= AHEAD:
            return AHEAD
        if silence > LOOKBACK:
            return math.inf
        oldest = self._oldest
        if oldest + silence > self._limit:
            oldest = max((age for age in self.ages if age + silence <= self._limit), default=-math.inf)
        return min(LOOKBACK, self._limit - oldest)

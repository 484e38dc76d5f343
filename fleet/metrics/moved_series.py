"""Series that stand elsewhere than in the answer before: a pod came or went, and all others' are written as they were.

What a series means is worked out again for those alone whose row is another; the rest of a meaning is moved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from fleet.metrics.answers import Labels

_FEW = 4
"""The share of the series that are read again at most: one in so many. Of more, all are read from the beginning."""


class LostSeriesError(Exception):
    """A row that was to be kept has lost a series or got another: the meaning is to be worked out from nothing."""


class Moved:
    """The places in this answer of the series of the one before; those of both are in the same order."""

    def __init__(self, places: Sequence[int], count: int, labels: Callable[[Sequence[int]], Iterator[Labels]]) -> None:
        self.places = places
        """Place before → place now, -1 for a series that has gone; and a -1 behind them, for what has no place."""
        self.count = count
        """Series that there are now."""
        self._labels = labels

    def others(self, taken: Collection[int]) -> Iterator[tuple[int, Labels]]:
        """All series but those at ``taken``, with their labels. Raises LostError where these are too many."""
        rest = sorted(set(range(self.count)).difference(taken))
        if len(rest) * _FEW > self.count:
            raise LostSeriesError
        yield from zip(rest, self._labels(rest), strict=True)

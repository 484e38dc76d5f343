"""Series that moved within an answer: a pod came or went, and all other series are unchanged.

Only series whose row changed are interpreted again; the rest of the mapping is moved.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from fleet.metrics.answers import Labels

_FEW = 4
"""The share of the series that are read again at most: one in so many. Of more, all are read from the beginning."""


class LostSeriesError(Exception):
    """A row that was to be kept has lost or gained a series: the mapping must be derived from scratch."""


class Moved:
    """The places in this answer of the previous answer's series; the order is the same in both."""

    def __init__(self, places: Sequence[int], count: int, labels: Callable[[Sequence[int]], Iterator[Labels]]) -> None:
        self.places = places
        """Place before → place now, -1 for a series that disappeared; a -1 is appended, for what has no place."""
        self.count = count
        """Series that there are now."""
        self._labels = labels

    def others(self, taken: Collection[int]) -> Iterator[tuple[int, Labels]]:
        """Yield all series but those at ``taken``, with their labels. Raises LostSeriesError if there are too many."""
        rest = sorted(set(range(self.count)).difference(taken))
        if len(rest) * _FEW > self.count:
            raise LostSeriesError
        yield from zip(rest, self._labels(rest), strict=True)

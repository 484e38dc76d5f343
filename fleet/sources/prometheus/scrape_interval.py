"""The scrape interval of a store, from the raw samples of one series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from fleet.metrics import queries

LOOK_EVERY = 300.0
"""Seconds between looks."""
LOOK_BACK = 300.0
"""Seconds of raw samples that it is read from."""


class ScrapeInterval:
    """Seconds between samples, checked occasionally; 0.0 before the first check."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock`` is a steady clock."""
        self._clock = clock
        self._looked = 0.0
        self.seconds = 0.0

    def look(self, names: Sequence[str], example: Mapping[str, str], ask: Callable[[str], Sequence[Any]]) -> None:
        """Look where it is time, at the series with these labels and one of these names. Raises SourceProblem."""
        if not example or (self.seconds and self._clock() - self._looked < LOOK_EVERY):
            return
        result = next(filter(None, map(ask, queries.samples(names, example, LOOK_BACK))), ())
        gaps = [
            float(late[0]) - float(early[0])
            for series in result
            for early, late in pairwise(series.get("values") or ())
        ]
        self.seconds, self._looked = median(gaps) if gaps else self.seconds, self._clock()

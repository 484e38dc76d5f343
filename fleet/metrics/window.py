"""Counters over a sliding window: increases that survive a restart of the process, by Prometheus' rule.

Only a few checkpoints are kept, not every scrape: the rate needs the newest values and those at the window's start.
"""

from __future__ import annotations

import math
import operator
from array import array
from collections import deque
from collections.abc import Sequence

_CHECKPOINTS = 8
"""Per window: how finely the window's start can be placed."""


class Window:
    """The counters of one target.

    A counter that falls was reset; it started over from zero, so the increase is what it had gained before plus the new
    value (Prometheus, ``rate``). History is rewritten at that moment: an older value ``v`` becomes ``v - last``, which
    keeps ``now - then`` the true increase without a second array.
    """

    __slots__ = ("_at", "_checkpoints", "_now", "_reset_at", "span")

    def __init__(self, span: float) -> None:
        self.span = span
        """Seconds; may be changed between samples."""
        self._checkpoints: deque[tuple[float, array[float]]] = deque()
        self._now = array("d")
        self._at = -math.inf
        self._reset_at = -math.inf

    def add(self, at: float, values: Sequence[float]) -> None:
        """The counters as scraped at ``at`` (seconds, any steady clock, increasing), in the order of the last call."""
        if at <= self._at:
            return
        before, before_at = self._now, self._at
        if before:
            if any(map(operator.lt, values, before)):
                self._restart(at, values)
                before = self._now
            self._keep(before)
        # Eight bytes a counter, where a list of floats takes thirty-two: there are thousands of windows.
        self._now, self._at = array("d", values), at
        while self._checkpoints and at - self._checkpoints[0][0] > self.span:
            self._checkpoints.popleft()
        if before and not self._checkpoints and at - before_at <= self.span:
            self._checkpoints.append((before_at, before))

    def relabel(self, source: Sequence[int]) -> None:
        """The next values come in a new order: ``source[i]`` is the old index of counter i, -1 for a new one.

        A counter that was not there in the last answer of the same process has started from zero.
        """
        self._now = array("d", [self._now[i] if i >= 0 else 0.0 for i in source])
        self._checkpoints = deque(
            (at, array("d", [old[i] if i >= 0 else 0.0 for i in source])) for at, old in self._checkpoints
        )

    def rates(self) -> array[float]:
        """Per second, over what the window covers; NaN until two samples are there."""
        if not self._checkpoints:
            return array("d", [math.nan]) * len(self._now)
        then, old = self._checkpoints[0]
        scale = 1.0 / (self._at - then)
        return array("d", [(new - was) * scale for new, was in zip(self._now, old, strict=True)])

    @property
    def covered(self) -> float:
        """Seconds between the first and the last sample in use; 0.0 with fewer than two."""
        return self._at - self._checkpoints[0][0] if self._checkpoints else 0.0

    @property
    def reset(self) -> bool:
        """Whether some counter restarted within what the window covers."""
        return bool(self._checkpoints) and self._reset_at > self._checkpoints[0][0]

    def _restart(self, at: float, values: Sequence[float]) -> None:
        last = [was if new < was else 0.0 for new, was in zip(values, self._now, strict=True)]
        self._keep(self._now, force=True)
        self._checkpoints = deque((then, array("d", map(operator.sub, old, last))) for then, old in self._checkpoints)
        self._now = array("d", map(operator.sub, self._now, last))
        self._reset_at = at

    def _keep(self, values: array[float], *, force: bool = False) -> None:
        newest = self._checkpoints[-1][0] if self._checkpoints else -math.inf
        if newest < self._at and (force or self._at - newest >= self.span / _CHECKPOINTS):
            self._checkpoints.append((self._at, values))

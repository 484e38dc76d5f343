"""Counters over a sliding window: increases that survive a restart of the process, by Prometheus' rule.

Increases are stored, from one checkpoint to the next: there are thousands of windows with a hundred counters each, and
single precision is exact enough for an increase but not for a counter's total.
"""

from __future__ import annotations

import math
import operator
from array import array
from collections.abc import Sequence
from typing import NamedTuple

_CHECKPOINTS = 8
"""Per window: how finely the window's start can be placed."""


class Gained(NamedTuple):
    """Gains of counters from one sample to the next; NaN for one that is no number now."""

    counters: Sequence[float]
    seconds: float
    """Time between the two."""


class Window:
    """The counters of one target.

    A counter that falls was reset; it started over from zero, so it has gained its new value (Prometheus, ``rate``).
    """

    __slots__ = ("_at", "_blank", "_checkpoints", "_gains", "_now", "_over", "_reset_at", "span")

    def __init__(self, span: float) -> None:
        self.span = span
        """Seconds; may be changed between samples."""
        self._checkpoints = array("d")
        """Times of the checkpoints."""
        self._gains = array("f")
        """Gain of each counter from each checkpoint to the next, and from the last one to now, in one row."""
        self._over = array("d")
        """Gains from the first checkpoint to the last: the same for several samples; empty until they are asked for."""
        self._now = array("d")
        """Sums of the counters now; for a counter that has no number now, its last one."""
        self._blank: tuple[int, ...] = ()
        """The counters that are no numbers now."""
        self._at = -math.inf
        self._reset_at = -math.inf

    def add(self, at: float, values: Sequence[float]) -> Gained | None:
        """The counters as scraped at ``at`` (seconds, any steady clock, increasing), in the order of the last call.

        Returns the gains since the sample before; None without one, and for a sample that is no newer.
        """
        if at <= self._at:
            return None
        before, before_at = self._now, self._at
        self._now, self._at = array("d", values), at
        if not before:
            return None
        gains = array("f", map(operator.sub, self._now, before))
        self._blank = ()
        if math.isnan(sum(gains)):
            gains = self._over_blanks(before)
        fell = min(gains) < 0
        if fell:
            self._reset_at = at
            gains = array("f", [now if gain < 0 else gain for gain, now in zip(gains, self._now, strict=True)])
        self._count(before_at, gains, fell=fell)
        blank: int
        for blank in self._blank:
            gains[blank] = math.nan
        return Gained(gains, at - before_at)

    def _count(self, before_at: float, gains: array[float], *, fell: bool) -> None:
        """Add the gains since the sample before to the window."""
        at = self._at
        newest = self._checkpoints[-1] if self._checkpoints else -math.inf
        if newest < before_at and (fell or before_at - newest >= self.span / _CHECKPOINTS):
            self._checkpoints.append(before_at)
            self._gains.extend(gains)
            del self._over[:]
        else:
            last = len(self._gains) - len(gains)
            self._gains[last:] = array("f", map(operator.add, self._gains[last:], gains))
        self._forget()
        if not self._checkpoints and at - before_at <= self.span:
            self._checkpoints.append(before_at)
            self._gains.extend(gains)

    def relabel(self, source: Sequence[int]) -> None:
        """The next values come in a new order: ``source[i]`` is the old index of counter i, -1 for a new one.

        A counter that was not there in the last answer of the same process has started from zero.
        """
        counters, gains = len(self._now), self._gains
        starts = range(0, len(gains), counters) if counters else ()
        self._gains = array("f", [gains[start + i] if i >= 0 else 0.0 for start in starts for i in source])
        self._now = array("d", [self._now[i] if i >= 0 else 0.0 for i in source])
        self._blank = ()
        del self._over[:]
        if not source:
            del self._checkpoints[:]

    @property
    def now(self) -> Sequence[float]:
        """Sums of the counters now."""
        return self._now

    def rates(self) -> array[float]:
        """Return rates per second over the covered time; NaN until there are two samples."""
        counters, gains = len(self._now), self._gains
        if not self._checkpoints:
            return array("d", [math.nan]) * counters
        scale = 1.0 / self.covered
        last = len(gains) - counters
        if not self._over:
            rows = [gains[start : start + counters] for start in range(0, last, counters)]
            self._over = array("d", map(sum, zip(*rows, strict=True)) if rows else [0.0] * counters)
        found = array("d", [(over + gain) * scale for over, gain in zip(self._over, gains[last:], strict=True)])
        for blank in self._blank:
            found[blank] = math.nan
        return found

    @property
    def at(self) -> float:
        """Steady time of the last sample; -inf before the first."""
        return self._at

    @property
    def covered(self) -> float:
        """Seconds between the first and the last sample in use; 0.0 with fewer than two."""
        return self._at - self._checkpoints[0] if self._checkpoints else 0.0

    @property
    def reset(self) -> bool:
        """True if a counter restarted within the covered time."""
        return bool(self._checkpoints) and self._reset_at > self._checkpoints[0]

    def _over_blanks(self, before: array[float]) -> array[float]:
        """Return the gains where a counter is NaN: none up to it, and the whole gain from the last number to the next.

        A counter that was NaN from the start has an unknown gain.
        """
        gains = array("f", map(operator.sub, self._now, before))
        blank = []
        for i, gain in enumerate(gains):
            if math.isnan(gain) and not math.isnan(before[i]):
                gains[i], self._now[i] = 0.0, before[i]
                blank.append(i)
        self._blank = tuple(blank)
        return gains

    def _forget(self) -> None:
        """Drop the checkpoints that are older than the window."""
        left = sum(self._at - then > self.span for then in self._checkpoints)
        if left:
            del self._checkpoints[:left]
            del self._gains[: left * len(self._now)]
            del self._over[:]

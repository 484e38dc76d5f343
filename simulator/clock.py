"""Simulated time."""

from __future__ import annotations

import time
from collections.abc import Callable


class RealtimeClock:
    """Simulated time that runs `speed` times as fast as the machine's, from `start` (unix seconds)."""

    def __init__(self, start: float, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self._start = start
        self._speed = speed
        self._monotonic = monotonic
        self._origin = monotonic()

    @property
    def speed(self) -> float:
        """Simulated seconds per real second."""
        return self._speed

    def now(self) -> float:
        """Simulated unix time in seconds."""
        return self._start + (self._monotonic() - self._origin) * self._speed


class ManualClock:
    """Simulated time that moves only when told to."""

    speed = 1.0

    def __init__(self, start: float) -> None:
        self._now = start

    def now(self) -> float:
        """Simulated unix time in seconds."""
        return self._now

    def tick(self, seconds: float) -> float:
        """Move on by `seconds` and return the new time."""
        self._now += seconds
        return self._now

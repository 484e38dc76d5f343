"""Simulated time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Source of simulated time; tests use one that stands still."""

    @property
    def speed(self) -> float:
        """Simulated seconds per real second."""

    def now(self) -> float:
        """Unix time in seconds inside the simulation."""


class RealtimeClock:
    """Simulated time that runs `speed` times as fast as the machine's, from `start` (unix seconds)."""

    def __init__(self, start: float, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self.speed = speed
        self._start = start
        self._monotonic = monotonic
        self._origin = monotonic()

    def now(self) -> float:
        """Simulated unix time in seconds."""
        return self._start + (self._monotonic() - self._origin) * self.speed

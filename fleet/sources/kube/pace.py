"""Intervals and back-off of retries."""

from __future__ import annotations

import random
from dataclasses import field

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """The waits of the Kubernetes source, in seconds."""

    first: float = 0.5
    """Wait before the first retry."""
    longest: float = 30.0
    """Wait between retries at most, however long the outage."""
    denied: float = 60.0
    """Wait before retrying a forbidden or missing resource."""
    watch: tuple[int, int] = (240, 290)
    """timeoutSeconds of a watch, drawn from this range so that watches do not all end together."""
    quiet: float = 15.0
    """Silence of the server after which it is probed."""
    probe: float = 5.0
    """Wait between such questions while it does not answer."""
    answer: float = 5.0
    """The time it has to answer one."""


@dataclass(slots=True)
class Backoff:
    """Exponential, with jitter: half of each wait is drawn at random."""

    pace: Pace
    random: random.Random = field(default_factory=random.Random)
    _next: float = 0.0

    def wait(self) -> float:
        """The next wait in seconds."""
        self._next = min(self._next * 2, self.pace.longest) if self._next else self.pace.first
        return self._next * (0.5 + self.random.random() / 2)

    def reset(self) -> None:
        """Begin again at the first wait, after a success."""
        self._next = 0.0

"""How fast to try again."""

from __future__ import annotations

import random
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pace:
    """The waits of the Kubernetes source, in seconds."""

    first: float = 0.5
    """Before the first retry."""
    longest: float = 30.0
    """Between retries, however long the outage."""
    denied: float = 60.0
    """Before asking again for what is forbidden or absent."""
    watch: tuple[int, int] = (240, 290)
    """timeoutSeconds of a watch, drawn from this range so that watches do not all end together."""
    quiet: float = 15.0
    """Without a byte from the server for so long, it is asked whether it is still there."""
    probe: float = 5.0
    """Between such questions while it does not answer, and the time it has to answer one."""


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
        """After a success."""
        self._next = 0.0

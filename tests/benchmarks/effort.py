"""The size of a run: complete for published figures, or a trial that only shows that everything works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_TRIAL_WINDOW = 20
_TRIAL_REFRESH = 4
_TRIAL_FLEET = 200
"""Divisor of windows, refreshes and fleets in a trial."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Benchmarks ask it for their rounds, windows and sizes; a trial's numbers mean nothing."""

    trial: bool = False
    span: float = 40.0
    """Seconds over which the growth of memory is observed."""

    def rounds(self, whole: int = 2) -> int:
        return 1 if self.trial else whole

    def seconds(self, whole: float) -> float:
        """Return the length of a window that takes ``whole`` seconds in a complete run."""
        return whole / _TRIAL_WINDOW if self.trial else whole

    def pods(self, whole: int) -> int:
        """Return the size of a fleet that has ``whole`` pods in a complete run; the order of sizes is kept."""
        return max(3, whole // _TRIAL_FLEET) if self.trial else whole

    def sizes(self, whole: Sequence[int]) -> dict[int, int]:
        """Return the size of each fleet by its size in a complete run; a trial has the first alone: the way is the
        same.
        """
        return {pods: self.pods(pods) for pods in (whole[:1] if self.trial else whole)}

    def refresh(self, whole: float) -> float:
        """Seconds between refreshes of a program; a trial's windows have several all the same."""
        return whole / _TRIAL_REFRESH if self.trial else whole

    def scrape_interval(self, whole: int) -> int:
        """Seconds; Prometheus takes whole ones."""
        return 1 if self.trial else whole

    @property
    def peers(self) -> bool:
        """True if other programs are measured, too: a trial needs no package index."""
        return not self.trial

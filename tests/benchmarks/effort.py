"""How much a run measures: all of it for figures, or a trial that only shows that everything works."""

from __future__ import annotations

from dataclasses import dataclass

_TRIAL_WINDOW = 10
_TRIAL_REFRESH = 4
_TRIAL_FLEET = 50
"""By what a trial divides windows, refreshes and fleets."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Benchmarks ask it for their rounds, windows and sizes; a trial's numbers mean nothing."""

    trial: bool = False
    span: float = 72.0
    """Seconds over which the growth of memory is observed."""

    def rounds(self, whole: int = 2) -> int:
        return 1 if self.trial else whole

    def seconds(self, whole: float) -> float:
        """Of a window that measures for ``whole`` seconds."""
        return whole / _TRIAL_WINDOW if self.trial else whole

    def pods(self, whole: int) -> int:
        """In a fleet of ``whole`` pods; the order of sizes is kept."""
        return max(3, whole // _TRIAL_FLEET) if self.trial else whole

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

"""A running or finished action: the part shown on screens and by the command line."""

from __future__ import annotations

from actions.planning.plan import Plan
from actions.running.progress import Outcome, Progress
from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ActionRun:
    """One confirmed plan. A newer state is a new object."""

    plan: Plan
    reason: str
    begun: float
    """Unix time."""
    progress: tuple[Progress, ...] = ()
    """The latest of each step so far, in the order of the steps."""
    outcome: Outcome | None = None
    """None while it is under way."""
    reached: bool = False
    """True if the cluster did, or may have done, more of it than record it."""

    @property
    def id(self) -> str:
        """The plan's, which the audit log records it under."""
        return self.plan.id

    @property
    def latest(self) -> Progress | None:
        """Newest progress; None before the first."""
        return self.progress[-1] if self.progress else None

"""How far an action is, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How an action ended."""

    CONVERGED = "converged"
    FAILED = "failed"
    """It was refused, or the cluster went another way: nothing more will come by itself."""
    TIMED_OUT = "timed out"
    CONFLICT = "conflict"
    """The target changed since the plan was made: nothing was overwritten, a new plan is needed."""
    STOPPED = "stopped"
    """A person stopped it; what was done by then stays done."""


class Cause(StrEnum):
    """Why an action that failed did nothing at all, as far as a program may want to know it."""

    OTHER = ""
    UNREACHABLE = "unreachable"
    """There was no connection to the API server, or it does not take the credentials: nothing was asked of it."""
    FORBIDDEN = "forbidden"
    """The API server knows who asked, and does not let them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an action is now. ``done`` of ``total`` draws the bar; total 0 for a step that has no count."""

    step: int
    """Index into the plan's steps."""
    text: str
    at: float
    """Unix time."""
    done: float = 0.0
    total: float = 0.0
    eta: float | None = None
    """Seconds that the step is expected to take yet; None for unknown."""


@dataclass(frozen=True, slots=True)
class Load:
    """What users feel of a workload at one moment; None where it is not measured."""

    at: float
    waiting: float | None = None
    ttft_p95: float | None = None
    """Seconds."""
    error_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended, in words, and what users felt before and after."""

    result: Result
    text: str
    remedy: str = ""
    before: Load | None = None
    after: Load | None = None
    cause: Cause = Cause.OTHER
    anchor: str = ""
    """Number and digest of its last record: kept elsewhere, it shows whether the audit log still has it."""

    @property
    def ok(self) -> bool:
        """Whether the cluster is where the plan wanted it."""
        return self.result is Result.CONVERGED

"""Progress of an action, and its outcome."""

from __future__ import annotations

from enum import StrEnum

from fleet.dataclass import dataclass


class Result(StrEnum):
    """The result of an action."""

    CONVERGED = "converged"
    FAILED = "failed"
    """Refused, or the cluster took another course: nothing more will happen automatically."""
    TIMED_OUT = "timed out"
    CONFLICT = "conflict"
    """The target changed since the plan was made: nothing was overwritten, a new plan is needed."""
    STOPPED = "stopped"
    """A user stopped it; completed steps stay done."""


class FailureCause(StrEnum):
    """The reason why a failed action did nothing, for programs."""

    OTHER = ""
    UNREACHABLE = "unreachable"
    """No connection to the API server, or it rejects the credentials: it received no request."""
    FORBIDDEN = "forbidden"
    """The API server identified the user, and denied the request."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an action. ``done`` of ``total`` draws the bar; total 0 for a step that has no count."""

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
    """The load of a workload as users feel it at one moment; None where it is not measured."""

    at: float
    waiting: float | None = None
    ttft_p95: float | None = None
    """Seconds."""
    error_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an action, in words, and the effect on users before and after."""

    result: Result
    text: str
    remedy: str = ""
    before: Load | None = None
    after: Load | None = None
    cause: FailureCause = FailureCause.OTHER
    anchor: str = ""
    """Number and digest of its last record: kept elsewhere, it shows whether the audit log still has it."""

    @property
    def ok(self) -> bool:
        """True if the cluster has reached the planned state."""
        return self.result is Result.CONVERGED

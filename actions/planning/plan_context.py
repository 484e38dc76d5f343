"""The reads of planning. Every part of it only reads, except the server's dry run, which stores nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from actions.planning.freeze import FreezeWindow
from actions.planning.plan import Mutation, Scope
from fleet.dataclass import dataclass
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.reads import AccessReview

if TYPE_CHECKING:
    from fleet.model.past import Latency


class Reads(Protocol):
    """The reads of fleet.sources.kube.reads.KubeReads that plans use; each raises ClusterError."""

    async def get_raw(self, kind: str, namespace: str, name: str) -> dict[str, Any]: ...
    async def list_raw(
        self, kind: str, namespace: str, selector: str = "", fields: str = ""
    ) -> list[dict[str, Any]]: ...
    async def path_of(self, kind: str, namespace: str, name: str) -> str: ...
    async def can_i(
        self, verb: str, resource: str, group: str = "", subresource: str = "", namespace: str = ""
    ) -> AccessReview: ...


class DryRun(Protocol):
    """Sends a mutation that the server validates and does not store. Raises KubeError if it would be rejected."""

    async def __call__(self, mutation: Mutation) -> dict[str, Any]: ...


class LatencyHistory(Protocol):
    """Raises SourceProblem."""

    async def __call__(self, namespace: str, pods: str, seconds: float) -> Latency: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of the settings and the site's policy for actions; times in seconds."""

    require_reason: bool = False
    reason_pattern: str = ""
    """A regular expression that a reason must contain; empty for any."""
    drain_deadline: float = 300.0
    follow_timeout: float = 1800.0
    stale_after: float = 60.0
    """Data that is older is too old to decide on."""
    freezes: tuple[FreezeWindow, ...] = ()
    """Windows in which nothing is to be changed."""


@dataclass(frozen=True, slots=True)
class PlanContext:
    """A place where actions are done, as it is now."""

    snapshot: Snapshot
    scope: Scope
    rules: Rules
    now: Callable[[], float]
    """Unix time."""


@dataclass(frozen=True, slots=True)
class ClusterContext(PlanContext):
    """A cluster, and the ways to look closer. Actions on this machine have ``actions.local.context.LocalContext``."""

    reads: Reads
    dry_run: DryRun
    past: LatencyHistory | None = None
    """None if there is no history."""

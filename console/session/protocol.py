"""The outside world for the screens: Snapshots that arrive, reads that users request, and actions.

The screens only use these protocols. The real implementations run on a thread with its own event loop, so that no
source can hold up a key press; tests use scripted ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # Only for annotations: the first frame would wait for this import.
    from actions.planning.plan import Plan
    from actions.request import Request, Target
    from actions.revisions import Revision
    from actions.running.action_run import ActionRun
    from console.session.context_facts import ContextFacts
    from console.session.local.protocol import LocalServers, OnServersChange
    from fleet.model.alerts import MonitoringRule
    from fleet.model.baseline import BaselineQuestion, Baselines
    from fleet.model.curve import Curve, CurveQuestion
    from fleet.model.listing import Listing
    from fleet.model.objects import ClusterId, ObjectRef
    from fleet.model.snapshot import Snapshot
    from fleet.monitoring.faults import Examined
    from fleet.timeline.timeline import Timeline
    from widgets.log_buffer import LogLine


class UserReads(Protocol):
    """The reads that users request. All awaitables run on the caller's event loop and raise SessionError only."""

    async def describe(self, ref: ObjectRef) -> str:
        """Return the object and its events as text, as ``kubectl describe`` does."""
        ...

    async def yaml(self, ref: ObjectRef) -> str:
        """The object as YAML, without managedFields."""
        ...

    async def listing(self, cluster: ClusterId, name: str, namespace: str) -> Listing:
        """Objects of a resource of a cluster, by any name that kubectl takes; ``namespace``: empty for all."""
        ...

    async def monitoring(self, cluster: ClusterId, rules: Sequence[MonitoringRule]) -> Examined:
        """Hold rules against the series that there are, and look at the targets; a bounded number of queries."""
        ...

    async def timeline(self, of: ObjectRef | ClusterId, since: float) -> Timeline:
        """Return the past from ``since`` (Unix time) on, of an object or of a whole cluster."""
        ...

    async def curve(self, question: CurveQuestion) -> Curve:
        """Return one quantity of an object in view over time, from the metrics store."""
        ...

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        """Return quantities of an object at this hour on other days, or in its last calm hour."""
        ...

    def logs(
        self, pod: ObjectRef, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncIterator[LogLine]:
        """Log lines of a container of a pod, oldest first, without their newline. Raises SessionError.

        With ``follow`` they come until it is closed. It begins with the last ``tail`` lines, of the last ``since``
        seconds where that is not 0.
        """
        ...


class Session(UserReads, Protocol):
    """One cluster in view. All awaitables run on the caller's event loop and raise SessionError only."""

    def start(self, deliver: Callable[[Snapshot], None]) -> None:
        """Begin to observe. ``deliver`` is called with every new Snapshot, from any thread, and must not block."""
        ...

    async def close(self) -> None:
        """Stop observing and close every connection. Takes a second at most."""
        ...

    def focus(self, pods: frozenset[str]) -> None:
        """Note the pods (keys) on the screen: their own percentiles are wanted from the next tick on."""
        ...

    def refresh(self) -> None:
        """Measure now instead of at the next tick."""
        ...

    @property
    def context(self) -> str:
        """The kubeconfig context in view, empty for in-cluster."""
        ...

    @property
    def namespace(self) -> str:
        """The namespace in view, empty for all."""
        ...

    def contexts(self) -> tuple[str, ...]:
        """Every context of the kubeconfig, in its order."""
        ...

    def about_contexts(self) -> Mapping[str, ContextFacts]:
        """Read the kubeconfig again: where its contexts lead, and as whom."""
        ...

    async def namespaces(self) -> tuple[str, ...]:
        """Return the namespaces that this identity may list, sorted; if listing is forbidden, those seen in pods."""
        ...

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        """Select another context and/or namespace (empty: all) without a restart. On error the old view stays."""
        ...

    @property
    def now(self) -> float:
        """Unix time of now: in a replay, of the moment that is played."""
        ...

    async def travel(self, at: float | None) -> None:
        """Show everything as it was at a Unix time; None: as it is now. On error the old view stays.

        The cluster is observed and recorded meanwhile, and nothing can be done to it.
        """
        ...

    def actions(self, changed: Changed) -> ActionService:
        """Return the service that changes the selected cluster. Called once, after ``start``; never if read-only."""
        ...

    def local_servers(self, looked: OnServersChange) -> LocalServers:
        """Return the vLLM servers on this machine, whatever cluster is selected. Called once, after ``start``."""
        ...


class ActionService(Protocol):
    """Actions on the cluster in view. All awaitables run on the caller's event loop and raise SessionError only."""

    async def plan(self, request: Request) -> Plan:
        """Plan a request: its effects, and the checks against it. Changes nothing."""
        ...

    async def undo(self, *, here: bool = False) -> Plan:
        """Return a plan that undoes this user's last action on this cluster.

        ``here``: on this machine's servers, whatever cluster is selected.
        """
        ...

    async def revisions(self, target: Target) -> Sequence[Revision]:
        """The revisions that a workload can be rolled back to, newest first."""
        ...

    async def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        """Start executing a confirmed plan; it continues when no screen shows it. ``confirmation``: how the user
        confirmed.
        """
        ...

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        """Stop it; requests that were sent stay in effect."""
        ...

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        """All of this session, newest first."""
        ...

    def denied(self, kind: str, target: ObjectRef) -> str | None:
        """Return why this identity may not do that, in words; None if it may, or the answer is pending."""
        ...

    async def cut_off(self) -> Sequence[tuple[str, float]]:
        """Return title and time (Unix) of unreviewed actions without an end in the audit log."""
        ...

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        """Record that a user has reviewed one of those: it is not reported again."""
        ...


Changed = Callable[["ActionRun | None"], None]
"""Called on any thread with each new state of an action; with None if a permission has become known."""

"""Execution of a plan: requests are recorded before and after, and progress is reported."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from actions.event_note import is_note, note
from actions.planning.plan import Mutation, Plan
from actions.planning.plan_context import PlanContext
from actions.running.execution_context import Send
from actions.running.journal import Journal
from actions.running.progress import Progress
from fleet.local.errors import LocalError
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.errors import (
    ClusterError,
    KubeError,
    ServerError,
    ThrottledError,
    UnreachableError,
)

POLL = 1.0
"""Seconds between two polls while following."""


class Execution:
    """One running action, whose plan and reason are in the ``journal``. Subclasses know where it runs.

    ``context`` returns the current state there, ``send`` is the only way to change it.
    """

    def __init__(self, context: Callable[[], PlanContext], send: Send, journal: Journal) -> None:
        self.rules = context().rules
        self.now = context().now
        self._context = context
        self._do = send
        self._journal = journal
        self._plan = journal.state.plan
        self._step = self._first_step = 0
        self._latest: dict[int, Progress] = {}
        self.sent: list[str] = []
        self.sent_before = 0
        """Number of requests sent for the earlier plans, if several run in turn."""
        self.under_way = ""
        """The request that was sent and is not answered."""
        self.unsent = ""
        """The request that certainly did not reach the server: there was no connection to it."""

    @property
    def snapshot(self) -> Snapshot:
        """The newest one."""
        return self._context().snapshot

    @property
    def doubt(self) -> str:
        """Knowledge of the request that failed without an answer, before the reason is given."""
        if self.under_way:
            return f"{self.under_way}: whether the server did it is not known; "
        if self.unsent:
            return f"{self.unsent}: not sent; " if self.sent else "nothing was sent: "
        return ""

    def enter(self, plan: Plan, first_step: int) -> None:
        """Go on with one of several plans, whose steps begin at ``first_step`` of the whole."""
        self._plan, self._first_step, self.sent_before = plan, first_step, len(self.sent)

    @property
    def has_begun(self) -> bool:
        """True if something was sent for the plan at hand."""
        return len(self.sent) > self.sent_before

    async def send(self, mutation: Mutation) -> dict[str, Any]:
        """Send a mutation, recorded before and after; return the object in the answer.

        The first one of a plan is followed by an Event on the target.

        Raises ClusterError, LocalError, and AuditError if nothing can be recorded.
        """
        first = not self.has_begun
        what = mutation.about or f"{mutation.method} {mutation.path}"
        request = {
            "step": self._step,
            "method": mutation.method,
            "path": mutation.path,
            "query": dict(mutation.query),
            "content_type": mutation.content_type,
            "body": mutation.body,
        }
        await self._journal.record("sending", request)
        self.under_way = what
        reached = self._journal.state.reached
        self._journal.reach(reached=reached or not is_note(mutation.path))
        try:
            answer = await self._do(mutation)
        except (ClusterError, LocalError) as error:
            left = isinstance(error, UnreachableError) and error.sent
            if not left:
                self.under_way = ""
                self._journal.reach(reached=reached)
            answered = isinstance(error, KubeError) and not isinstance(error, UnreachableError)
            content = {"step": self._step, "status": getattr(error, "status", 0), "error": error.message}
            if not left and not answered:
                self.unsent = what
                content["sent"] = False
            await self._journal.record("answered", content)
            raise
        self.under_way = ""
        self.sent.append(what)
        await self._journal.record("answered", {"step": self._step, **answer.record})
        if first and self._plan.note is not None:
            await self._leave_note()
        return answer.document

    async def _leave_note(self) -> None:
        """Leave an Event on the target, with the facts learned since planning."""
        plan, journal = self._plan, self._journal
        user, reason = plan.scope.user, journal.state.reason
        try:
            await self.send(note(plan.request.kind, plan.target, plan.title, user, reason, self.now(), journal.anchor))
        except KubeError as error:
            # It is recorded, and does not affect the action itself.
            self.say(f"no Event could be written: {error.message}")

    def step(self, index: int) -> None:
        self._step = self._first_step + index
        self.say("")

    def say(self, text: str, done: float = 0.0, total: float = 0.0, eta: float | None = None) -> None:
        progress = Progress(self._step, text, self.now(), done, total, eta)
        before = self._latest.get(self._step)
        if before is not None and replace(before, at=progress.at) == progress:
            return
        self._latest[self._step] = progress
        self._journal.update(progress=tuple(self._latest[i] for i in sorted(self._latest)))

    async def until(self, reached: Callable[[], Awaitable[bool]], timeout: float) -> bool:  # noqa: ASYNC109 - it says so
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            try:
                if await reached():
                    return True
            except (UnreachableError, ServerError, ThrottledError) as error:
                self.say(f"cannot read the cluster: {error.message}")
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(min(POLL, max(0.0, deadline - loop.time())))

"""All actions of one user in one place, several in parallel: planned, started, stopped and waited for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from actions.planning.plan import Plan
from actions.planning.plan_context import Rules
from actions.request import OtherClusterError
from actions.running.action_run import ActionRun
from actions.running.executor import Executor
from actions.running.journal import Audit, append
from actions.running.progress import Outcome, Result
from actions.running.run import Run

MEASURED = 30.0
"""Seconds that the first measurement after the end may take; without it the effect is not known."""
NOT_ASKED = "not checked: nothing is sent"
"""Confirmation in the record of an action that only records something."""


class PlanRefusedError(Exception):
    """Raised if a plan may not be executed: blocked, of another cluster, or without a required reason."""


class Runner:
    """Belongs to one event loop. ``changed`` is called with every new state of an action run."""

    def __init__(
        self,
        executor: Executor,
        audit: Audit,
        *,
        changed: Callable[[ActionRun], None] = lambda _: None,
        settle: float = MEASURED,
    ) -> None:
        self.executor = executor
        self._audit = audit
        self._changed = changed
        self._settle = settle
        self._runs: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        """All of this session, newest first."""
        return tuple(run.state for run in reversed(self._runs.values()))

    def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        """Start executing it; it continues when no screen shows it. ``confirmation`` says how the user confirmed.

        Raises PlanRefusedError.
        """
        reason = reason or plan.request.reason
        context = self.executor.context()
        if plan.scope.cluster != context.scope.cluster:
            raise PlanRefusedError(str(OtherClusterError(plan.scope.cluster, context.scope.cluster)))
        refuse(plan, reason, context.rules)
        state = ActionRun(plan, reason, context.now())
        run = Run(state, self.executor, self._audit, changed=self._changed, settle=self._settle)
        self._runs[plan.id] = run
        self._tasks[plan.id] = asyncio.get_running_loop().create_task(run.go(confirmation), name=plan.title)
        return state

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        """Stop it. What was sent stays; the record says so."""
        if self._runs[id].over:
            # It is recording its end, which must not be interrupted.
            self._runs[id].measure_no_longer()
        else:
            self._tasks[id].cancel()

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        """Record that a user has reviewed an interrupted action. Raises AuditError."""
        await append(self._audit, "reviewed", id, {})

    async def wait(self, id: str) -> Outcome:  # noqa: A002 - the run's
        """Wait until it is over."""
        await asyncio.wait({self._tasks[id]})
        outcome = self._runs[id].state.outcome
        return outcome or Outcome(Result.FAILED, "it ended without a result: this is a bug, please report it")

    async def close(self) -> None:
        """Stop all running actions, and close the connections."""
        for id in self._tasks:  # noqa: A001 - the run's
            self.stop(id)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self.executor.close()


def refuse(plan: Plan, reason: str, rules: Rules) -> None:
    """Raise PlanRefusedError if the plan may not be executed with this reason."""
    if plan.blocks:
        raise PlanRefusedError("; ".join(dict.fromkeys(check.text for check in plan.blocks)))
    if (rules.require_reason or plan.scope.require_reason) and not reason.strip():
        raise PlanRefusedError("a reason (such as a ticket) is required here")
    if rules.reason_pattern and not re.search(rules.reason_pattern, reason):
        raise PlanRefusedError(f"the reason must match {rules.reason_pattern}")

"""One confirmed plan from its intent to its result: every step is recorded before it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol, cast

from actions.audit.errors import AuditError
from actions.catalogue import is_record, spec_of
from actions.planning.plan import Plan
from actions.planning.plan_json import recorded_plan, recorded_undo
from actions.planning.planner import gone
from actions.running.action_run import ActionRun
from actions.running.execution import POLL, Execution
from actions.running.executor import Executor
from actions.running.journal import Audit, Journal
from actions.running.plan_outcomes import NotAsConfirmedError, PlanOutcomes, as_confirmed
from actions.running.progress import FailureCause, Load, Outcome, Result
from actions.running.user_effect import affected_workload, load_of
from fleet.local.errors import LocalError
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.errors import (
    ClusterError,
    ConflictError,
    ForbiddenError,
    KubeError,
    NotFoundError,
    UnauthorizedError,
    UnreachableError,
)

AGAIN = 3
"""Number of times an action is planned again because the target's status changed."""


NOT_FOUND = 404


class _Action(Protocol):
    """A ClusterAction or a LocalAction: each gets the Execution of its own place."""

    async def execute(self, plan: Plan, execution: Execution) -> Outcome: ...


class Run:
    """Carries out one plan; ``settle`` is how many seconds the first measurement after its end may take."""

    def __init__(
        self,
        state: ActionRun,
        executor: Executor,
        audit: Audit,
        *,
        changed: Callable[[ActionRun], None],
        settle: float,
    ) -> None:
        self._plan = state.plan
        self._executor = executor
        self._journal = Journal(state, audit, changed)
        self._settle = settle
        self._measures = True
        self.over = False
        """True once its end is being recorded: only the measuring can still be stopped."""

    @property
    def state(self) -> ActionRun:
        """The newest one."""
        return self._journal.state

    def measure_no_longer(self) -> None:
        """Stop measuring. The outcome is already known; its effect on users is not waited for."""
        self._measures = False

    async def go(self, confirmation: str) -> None:
        """Execute it, and record how it ended. ``confirmation`` says how the user confirmed."""
        plan = self._plan
        seen = self._executor.context().snapshot
        workload = _felt_through_all(seen, plan)
        before = load_of(seen, workload)
        execution = self._executor.begin(self._journal)
        turns, tries = PlanOutcomes(plan.parts or (plan,)), AGAIN
        conflict: ConflictError | None = None
        while (part := turns.upcoming) is not None:
            try:
                part = await self._made_ready(part, turns, execution, conflict, confirmation)
                # The part's own executor starts it.
                outcome = await cast("_Action", spec_of(part.request.kind).action()).execute(part, execution)
            except (asyncio.CancelledError, Exception) as error:  # noqa: BLE001 - it must reach the record and the person
                if _is_stale(error, execution) and tries:
                    conflict, tries = cast("ConflictError", error), tries - 1
                    continue
                outcome = _cut_short(error, execution, part)
            turns.add(outcome, begun=execution.has_begun)
            conflict, tries = None, AGAIN
        self.over = True
        await self._end(replace(await self._outcome_of_all(turns), before=before), workload)

    async def _made_ready(
        self, part: Plan, turns: PlanOutcomes, execution: Execution, conflict: ConflictError | None, confirmation: str
    ) -> Plan:
        """Return the next plan as it is to be carried out. Raises what planning raises, and AuditError.

        The first one is as it was confirmed; the others are planned again, now that those before them have arrived.
        """
        if conflict is not None:
            return await self._planned_again(part, conflict)
        execution.enter(part, turns.first_step)
        if turns.first_step:
            await self._journal.record("step", {"step": turns.first_step, "text": f"continues with {part.title}"})
            return await as_confirmed(part, self._executor)
        intent = recorded_plan(self._plan) | {"reason": self.state.reason, "confirmation": confirmation}
        await self._journal.record("intent", intent)
        # The intent is already in the log, so its failure needs a complete record.
        await self._journal.check()
        return part

    async def _outcome_of_all(self, turns: PlanOutcomes) -> Outcome:
        """The outcome of all; if some were not done, only the done ones can be undone."""
        if turns.several and not turns.all_done:
            self._journal.update(plan=replace(self.state.plan, undo=turns.undo))
            return await self._written("undo", turns.outcome, recorded_undo(turns.undo))
        return turns.outcome

    async def _planned_again(self, plan: Plan, conflict: ConflictError) -> Plan:
        """Plan again for a target whose status changed before anything was sent: controllers write there all the time,
        and an identical plan is the confirmed one. Raises NotAsConfirmedError if it differs.
        """
        try:
            newer = await self._executor.plan(plan.request)
        except KubeError:
            raise NotAsConfirmedError(conflict.message) from None
        if not plan.same_change(newer):
            raise NotAsConfirmedError(conflict.message)
        await self._journal.record("step", {"step": 0, "text": "planned again: only its status had changed"})
        return replace(newer, id=plan.id)

    async def _end(self, outcome: Outcome, workload: str) -> None:
        """Record how it ended, and its effect on users once that is measured."""
        outcome = replace(outcome, after=self._load_now(workload))
        # Recorded immediately: a program stopped while it measures leaves a complete record.
        outcome = await self._written("result", outcome, _outcome_record(outcome))
        if outcome.ok and not is_record(self._plan.request):
            await self._measured(self._executor.context().now())
            after = self._load_now(workload)
            if after != outcome.after:
                outcome = await self._written("effect", replace(outcome, after=after), {"after": asdict(after)})
        self._journal.update(outcome=replace(outcome, anchor=self._journal.anchor))

    def _load_now(self, workload: str) -> Load:
        """Return the current load on users of the workload affected at the start, or of its successor."""
        snapshot = self._executor.context().snapshot
        return load_of(snapshot, workload or _felt_through_all(snapshot, self._plan))

    async def _measured(self, at: float) -> None:
        """Wait for a measurement from after ``at``, if anything is measured: the effect on users."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settle
        while self._measures and loop.time() < deadline:
            measured = self._executor.context().snapshot.measured_at
            if measured is None or measured > at:
                return
            await asyncio.sleep(POLL)

    async def _written(self, event: str, outcome: Outcome, content: Mapping[str, Any]) -> Outcome:
        """Record how it ended; if that fails, the outcome says so."""
        try:
            await self._journal.record(event, content)
        except AuditError as error:
            if str(error) in outcome.text:
                return outcome  # the reason for this end
            return replace(outcome, text=f"{outcome.text} (not in the audit log: {error})")
        return outcome


def _felt_through_all(snapshot: Snapshot, plan: Plan) -> str:
    """Return the workload through which users feel a plan; empty where those are several, or none."""
    targets = plan.request.targets if plan.parts else (plan.target,)
    found = {affected_workload(snapshot, target) for target in targets}
    return found.pop() if len(found) == 1 else ""


def _is_stale(error: BaseException, execution: Execution) -> bool:
    """True if only the version of an object was another, and nothing was sent for the plan: it may be planned again."""
    return isinstance(error, ConflictError) and not isinstance(error, NotAsConfirmedError) and not execution.has_begun


def _cut_short(error: BaseException, execution: Execution, plan: Plan) -> Outcome:
    """Return the outcome of an action that did not come to its end."""
    done, undo = ", ".join(execution.sent), plan.undo.text if execution.sent else ""
    if isinstance(error, asyncio.CancelledError):
        return Outcome(Result.STOPPED, f"stopped; done by then: {done or 'nothing'}", undo)
    if isinstance(error, ConflictError):
        return Outcome(Result.CONFLICT, error.message, "nothing was overwritten: plan it again")
    if isinstance(error, NotFoundError) and error.status == NOT_FOUND and not execution.has_begun:
        # Deleted in the moment between its plan and its first request.
        error = gone(plan.target, error)
    if isinstance(error, ClusterError):
        doubt = execution.doubt if isinstance(error, UnreachableError) else ""
        cause = cause_of(error, execution.sent)
        return Outcome(Result.FAILED, f"{doubt}{error.message}", error.remedy, cause=cause)
    if isinstance(error, LocalError):
        return Outcome(Result.FAILED, error.message, error.remedy)
    if isinstance(error, AuditError):
        by_then = f"; done by then: {done}" if done else ""
        text = f"the audit log cannot be written, so nothing more is sent: {error}{by_then}"
        return Outcome(Result.FAILED, text, undo)
    return Outcome(Result.FAILED, f"unexpected {type(error).__name__}: {error}", "please report this")


def _outcome_record(outcome: Outcome) -> dict[str, Any]:
    """Return the record of a result; its own digest cannot be in it."""
    record = asdict(outcome) | {"result": str(outcome.result)}
    del record["anchor"]
    return record


def cause_of(error: ClusterError, sent: Sequence[str]) -> FailureCause:
    """Return why nothing was done; once something was, its progress matters more than the cause."""
    if sent or (isinstance(error, UnreachableError) and error.sent):
        return FailureCause.OTHER
    if isinstance(error, ForbiddenError):
        return FailureCause.FORBIDDEN
    return FailureCause.UNREACHABLE if isinstance(error, UnreachableError | UnauthorizedError) else FailureCause.OTHER

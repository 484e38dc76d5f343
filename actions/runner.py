"""From a confirmed plan to its outcome: everything is written down before it is done, and told while it happens."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Protocol

from actions.action_run import ActionRun
from actions.audit.errors import AuditError
from actions.audit.history import RecordedAction
from actions.audit.who import Who
from actions.catalogue import spec_of
from actions.effect import felt_through, load_of
from actions.note import is_note, note
from actions.plan import Mutation, Plan
from actions.plan_context import PlanContext, Reads, Rules
from actions.planner import make_plan
from actions.progress import Cause, Load, Outcome, Progress, Result
from actions.recorded import recorded_plan
from actions.request import Request, Target
from actions.undo import plan_undo
from fleet.local.errors import LocalError
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.client import Response
from fleet.sources.kube.errors import (
    ConflictError,
    ForbiddenError,
    KubeconfigError,
    KubeError,
    ServerError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from actions.local.machine import Machine

POLL = 1.0
"""Seconds between two looks at the cluster while it is followed."""
AGAIN = 3
"""How often an action is planned again for a status that moved on."""
MEASURED = 30.0
"""Seconds that the first measurement after the end may take; without it the effect is not known."""


class RefusedError(Exception):
    """A plan may not be carried out: it is blocked, or the reason that the rules ask for is missing."""


class Audit(Protocol):
    """actions.audit: ``append`` returns when the record is on the disk, with the log's anchor then.

    Both raise AuditError, and may block.
    """

    def append(self, event: str, action: str, content: Mapping[str, Any]) -> str | None: ...
    def check(self) -> None: ...


class Sender(Protocol):
    """actions.writer.Writer."""

    async def send(self, mutation: Mutation) -> Response: ...
    async def close(self) -> None: ...


class Runner:
    """Carries out the actions of one person on one cluster, several side by side. Belongs to one event loop.

    ``context`` gives the fleet as it is now; ``changed`` is called with every new state of an action run.
    """

    def __init__(
        self,
        context: Callable[[], PlanContext],
        writer: Sender,
        audit: Audit,
        *,
        changed: Callable[[ActionRun], None] = lambda _: None,
        settle: float = MEASURED,
    ) -> None:
        self._settle = settle
        self._context = context
        self._writer = writer
        self._audit = audit
        self._changed = changed
        self._states: dict[str, ActionRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._anchors: dict[str, str] = {}
        """Of the audit log after the last record of each."""
        self._ending: dict[str, bool] = {}
        """Those whose end is being written down; whether they may still measure."""

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        """All of this session, newest first."""
        return tuple(reversed(self._states.values()))

    async def plan(self, request: Request) -> Plan:
        """What would happen. Raises KubeError, KubeconfigError and LocalError."""
        return await make_plan(request, self._context())

    async def plan_undo(self, done: Sequence[RecordedAction], who: Who) -> Plan:
        """What would take back this person's last action; ``done`` is the audit log's history. Raises KubeError."""
        return await plan_undo(done, who, self._context())

    def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        """Carry it out from now on; it goes on when nobody looks. ``confirmation`` says how the person confirmed.

        Raises RefusedError.
        """
        context = self._context()
        refuse(plan, reason, context.rules)
        state = ActionRun(plan, reason, context.now())
        self._states[plan.id] = state
        self._tasks[plan.id] = asyncio.get_running_loop().create_task(self._run(state, confirmation), name=plan.title)
        return state

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        """Do nothing more of it. What was sent stays; the record says so."""
        self._end(id)

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        """Write down that a person has looked at an action that was cut off. Raises AuditError."""
        await self._record("reviewed", id, {})

    async def wait(self, id: str) -> Outcome:  # noqa: A002 - the run's
        """Until it is over."""
        await asyncio.wait({self._tasks[id]})
        outcome = self._states[id].outcome
        return outcome or Outcome(Result.FAILED, "it ended without a word: this is a bug, please report it")

    async def close(self) -> None:
        """Stop all that is under way, and let go of the connections."""
        for id in self._tasks:  # noqa: A001 - the run's
            self._end(id)
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._writer.close()

    async def _run(self, state: ActionRun, confirmation: str) -> None:
        plan = state.plan
        seen = self._context().snapshot
        workload = felt_through(seen, plan.target)
        before = load_of(seen, workload)
        execution = _Execution(self, plan, state.reason)
        try:
            intent = recorded_plan(plan) | {"reason": state.reason, "confirmation": confirmation}
            await self._record("intent", plan.id, intent)
            outcome = await self._carry_out(plan, execution)
        except asyncio.CancelledError:
            done = ", ".join(execution.sent) or "nothing"
            outcome = Outcome(
                Result.STOPPED, f"stopped; done by then: {done}", plan.undo.text if execution.sent else ""
            )
        except ConflictError as error:
            outcome = Outcome(Result.CONFLICT, error.message, "nothing was overwritten: plan it again")
        except UnreachableError as error:
            outcome = Outcome(
                Result.FAILED, f"{execution.doubt}{error.message}", error.remedy, cause=cause_of(error, execution.sent)
            )
        except (KubeError, KubeconfigError) as error:
            outcome = Outcome(Result.FAILED, error.message, error.remedy, cause=cause_of(error, execution.sent))
        except LocalError as error:
            outcome = Outcome(Result.FAILED, error.message, error.remedy)
        except AuditError as error:
            done = f"; done by then: {', '.join(execution.sent)}" if execution.sent else ""
            text = f"the audit log cannot be written, so nothing more is sent: {error}{done}"
            outcome = Outcome(Result.FAILED, text, plan.undo.text if execution.sent else "")
        except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the record and the person
            outcome = Outcome(Result.FAILED, f"unexpected {type(error).__name__}: {error}", "please report this")
        self._ending[plan.id] = True
        outcome = replace(outcome, before=before, after=self._felt(workload, plan.target))
        # Written down at once: who ends this program while it measures leaves a record that is whole.
        outcome = await self._written("result", plan, outcome, _told(outcome))
        if outcome.ok:
            await self._measured(plan.id, self._context().now())
            after = self._felt(workload, plan.target)
            if after != outcome.after:
                outcome = await self._written("effect", plan, replace(outcome, after=after), {"after": asdict(after)})
        self.update(plan.id, outcome=replace(outcome, anchor=self._anchors.get(plan.id, "")))

    async def _carry_out(self, plan: Plan, execution: _Execution) -> Outcome:
        """Do it. Where the target's status moved on before anything was sent, it is planned again: a controller writes
        there all the time, and a plan that comes out the same is the one that was confirmed."""
        for _ in range(AGAIN):
            try:
                return await spec_of(plan.request.kind).action().execute(plan, execution)
            except ConflictError as conflict:
                if execution.sent:
                    raise
                try:
                    newer = await make_plan(plan.request, self._context())
                except KubeError:
                    raise conflict from None
                if not plan.same_change(newer):
                    raise
                plan = replace(newer, id=plan.id)
                await self._record("step", plan.id, {"step": 0, "text": "planned again: only its status had changed"})
        return await spec_of(plan.request.kind).action().execute(plan, execution)

    def _felt(self, workload: str, target: Target) -> Load:
        """What users feel now of what served when the action began, or of what has come since."""
        snapshot = self._context().snapshot
        return load_of(snapshot, workload or felt_through(snapshot, target))

    def _end(self, id: str) -> None:  # noqa: A002 - the run's
        """End a task; one that is writing down its end already is only told not to measure any longer."""
        if id in self._ending:
            self._ending[id] = False
        else:
            self._tasks[id].cancel()

    async def _measured(self, id: str, at: float) -> None:  # noqa: A002 - the run's
        """Wait for a measurement of the time after ``at``, where there are measurements at all: what users feel now."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settle
        while self._ending[id] and loop.time() < deadline:
            measured = self._context().snapshot.measured_at
            if measured is None or measured > at:
                return
            await asyncio.sleep(POLL)

    async def _written(self, event: str, plan: Plan, outcome: Outcome, content: Mapping[str, Any]) -> Outcome:
        """Record how it ended; where that cannot be, the outcome says so."""
        try:
            await self._record(event, plan.id, content)
        except AuditError as error:
            return replace(outcome, text=f"{outcome.text} (not in the audit log: {error})")
        return outcome

    async def _record(self, event: str, action: str, content: Mapping[str, Any]) -> None:
        # On the disk before anything is sent; the disk may be slow, the loop must not be.
        anchor = await asyncio.shield(asyncio.to_thread(self._audit.append, event, action, content))
        self._anchors[action] = anchor or ""

    def reached(self, id: str) -> bool:  # noqa: A002 - the run's
        """Whether the cluster did, or may have done, anything of it."""
        return self._states[id].reached

    def reach(self, id: str, *, reached: bool) -> None:  # noqa: A002 - the run's
        """The cluster may do something of it, or has certainly done nothing so far."""
        if self._states[id].reached is not reached:
            self.update(id, reached=reached)

    def update(self, id: str, **values: Any) -> None:  # noqa: A002 - the run's
        """A newer state of an action run."""
        self._states[id] = replace(self._states[id], **values)
        self._changed(self._states[id])


def _told(outcome: Outcome) -> dict[str, Any]:
    """Of a result; its own digest cannot be in it."""
    told = asdict(outcome) | {"result": str(outcome.result)}
    del told["anchor"]
    return told


def refuse(plan: Plan, reason: str, rules: Rules) -> None:
    """Raises RefusedError where the plan may not be carried out with this reason."""
    if plan.blocks:
        raise RefusedError("; ".join(dict.fromkeys(check.text for check in plan.blocks)))
    if rules.require_reason and not reason.strip():
        raise RefusedError("a reason (a ticket, say) is required here")
    if rules.reason_pattern and not re.search(rules.reason_pattern, reason):
        raise RefusedError(f"the reason must match {rules.reason_pattern}")


def cause_of(error: KubeError | KubeconfigError, sent: Sequence[str]) -> Cause:
    """Why nothing was done, where nothing was: once something is, how far it came matters more."""
    if sent or (isinstance(error, UnreachableError) and error.sent):
        return Cause.OTHER
    if isinstance(error, ForbiddenError):
        return Cause.FORBIDDEN
    return Cause.UNREACHABLE if isinstance(error, UnreachableError | UnauthorizedError) else Cause.OTHER


class _Execution:
    def __init__(self, runner: Runner, plan: Plan, reason: str) -> None:
        self._runner = runner
        self._plan = plan
        self._reason = reason
        self._step = 0
        self._said: dict[int, Progress] = {}
        self.sent: list[str] = []
        self.under_way = ""
        """What was sent and is not answered."""
        self.unsent = ""
        """What certainly did not reach the server: there was no connection to it."""

    @property
    def doubt(self) -> str:
        """What is known of the request that failed without an answer, before the reason is given."""
        if self.under_way:
            return f"{self.under_way}: whether the server did it is not known; "
        if self.unsent:
            return f"{self.unsent}: not sent; " if self.sent else "nothing was sent: "
        return ""

    @property
    def rules(self) -> Rules:
        return self._runner._context().rules

    @property
    def reads(self) -> Reads:
        return self._runner._context().reads

    @property
    def snapshot(self) -> Snapshot:
        return self._runner._context().snapshot

    @property
    def machine(self) -> Machine:
        machine = self._runner._context().machine
        if machine is None:
            raise TypeError("this action is on a cluster, not on this machine")
        return machine

    def now(self) -> float:
        return self._runner._context().now()

    async def send(self, mutation: Mutation) -> dict[str, Any]:
        """The first one is followed by the note on the target."""
        first = not self.sent
        answer = await self._send(mutation)
        if first and self._plan.note is not None:
            plan = self._plan
            try:
                await self._send(
                    note(
                        plan.request.kind,
                        plan.target,
                        plan.title,
                        plan.scope.user,
                        self._reason,
                        self.now(),
                        self._runner._anchors.get(plan.id, ""),
                    )
                )
            except KubeError as error:
                # The record has it; the action itself is none the worse.
                self.say(f"no Event could be written: {error.message}")
        return answer

    async def _send(self, mutation: Mutation) -> dict[str, Any]:
        what = mutation.about or f"{mutation.method} {mutation.path}"
        request = {
            "step": self._step,
            "method": mutation.method,
            "path": mutation.path,
            "query": dict(mutation.query),
            "content_type": mutation.content_type,
            "body": mutation.body,
        }
        await self._runner._record("sending", self._plan.id, request)
        self.under_way = what
        reached = self._runner.reached(self._plan.id)
        self._runner.reach(self._plan.id, reached=reached or not is_note(mutation.path))
        try:
            response = await self._runner._writer.send(mutation)
        except (KubeError, KubeconfigError, LocalError) as error:
            left = isinstance(error, UnreachableError) and error.sent
            if not left:
                self.under_way = ""
                self._runner.reach(self._plan.id, reached=reached)
            answered = isinstance(error, KubeError) and not isinstance(error, UnreachableError)
            content = {"step": self._step, "status": getattr(error, "status", 0), "error": error.message}
            if not left and not answered:
                self.unsent = what
                content["sent"] = False
            await self._runner._record("answered", self._plan.id, content)
            raise
        self.under_way = ""
        self.sent.append(what)
        document = response.json()
        answer = document if isinstance(document, dict) else {}
        metadata = answer.get("metadata") or {}
        await self._runner._record(
            "answered",
            self._plan.id,
            {
                "step": self._step,
                "status": response.status,
                "audit_id": response.headers.get("Audit-Id", ""),
                "warning": response.headers.get("Warning", ""),
                "uid": metadata.get("uid", ""),
                "resource_version": metadata.get("resourceVersion", ""),
            },
        )
        return answer

    def step(self, index: int) -> None:
        self._step = index
        self.say("")

    def say(self, text: str, done: float = 0.0, total: float = 0.0, eta: float | None = None) -> None:
        progress = Progress(self._step, text, self.now(), done, total, eta)
        before = self._said.get(self._step)
        if before is not None and replace(before, at=progress.at) == progress:
            return
        self._said[self._step] = progress
        self._runner.update(self._plan.id, progress=tuple(self._said[i] for i in sorted(self._said)))

    async def until(self, reached: Callable[[], Awaitable[bool]], timeout: float) -> bool:  # noqa: ASYNC109 - see Work
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            try:
                if await reached():
                    return True
            except (UnreachableError, ServerError, ThrottledError) as error:
                self.say(f"cannot look at the cluster: {error.message}")
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(min(POLL, max(0.0, deadline - loop.time())))

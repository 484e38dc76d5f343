"""Pause and resume the rollout of a Deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.checks.owner import check_owner
from actions.checks.replaced_pods import check_replacing
from actions.checks.rollout import ABOUT, check_rollout
from actions.checks.server import check_server
from actions.follow.rollout import follow_rollout, state_of
from actions.kinds.pausing import Pause, Resume
from actions.number_words import span
from actions.planning.plan import MERGE, Change, Check, Mutation, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request
from actions.revisions import current_of, revisions_of
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.sources.kube.errors import NotFoundError


class PausingAction:
    """Takes both requests."""

    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        target, pause = request.target, isinstance(request, Pause)
        path = await context.reads.path_of(target.kind, target.namespace, target.name)
        obj = await context.reads.get_raw(target.kind, target.namespace, target.name)
        paused = bool(obj["spec"].get("paused"))
        mutation = paused_mutation(path, obj, pause)
        if paused == pause:
            checks = [Check(ABOUT, Verdict.BLOCK, "it is paused already" if pause else "it is not paused")]
        else:
            checks = [_check_pause(obj)] if pause else await _check_resume(obj, request, context)
        verb = "Pause" if pause else "Resume"
        return Plan(
            request=request,
            scope=context.scope,
            title=f"{verb} the rollout of {target.name}",
            made_at=context.now(),
            steps=(
                Step(f"{verb.lower()} it", "replicas can still be changed" if pause else "", (mutation,)),
                Step("wait until its controller has seen it" if pause else "wait until it has rolled out"),
            ),
            checks=(*checks, check_owner(obj, field="f:paused"), await check_server(mutation, context)),
            changes=(Change("rollout", _word(paused), _word(pause)),),
            undo=Undo("resume it", Resume(target)) if pause else Undo("pause it again", Pause(target)),
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        await execution.send(mutation)
        execution.step(1)
        if isinstance(plan.request, Resume):
            return await follow_rollout(plan, execution, template=True)
        return await _follow_pause(plan, execution)


def paused_mutation(path: str, obj: Mapping[str, Any], pause: bool) -> Mutation:
    """The request; to resume takes the field away, as `kubectl rollout resume` does."""
    version = obj["metadata"]["resourceVersion"]
    body = {"metadata": {"resourceVersion": version}, "spec": {"paused": True if pause else None}}
    return Mutation("PATCH", path, body, MERGE, about="pause the rollout" if pause else "resume the rollout")


def _check_pause(obj: Mapping[str, Any]) -> Check:
    state = state_of(obj)
    if not state.rolling:
        return Check(ABOUT, Verdict.PASS, "no rollout is under way: the next change of its template will wait")
    text = f"it stops as it is: {state.words}; both templates continue to serve, and no deadline runs"
    return Check(ABOUT, Verdict.WARN, text)


async def _check_resume(obj: dict[str, Any], request: Request, context: ClusterContext) -> list[Check]:
    current = current_of(await revisions_of(obj, context.reads))
    if current is not None and current.pods >= int(obj["spec"].get("replicas", 1)):
        return [check_rollout(obj | {"spec": {**obj["spec"], "paused": False}})]
    spec = obj["spec"]["template"].get("spec") or {}
    found = await check_replacing(obj, spec, request.target, context)
    text = "its template was changed while it was paused" if current is None else "it stopped in the middle"
    waiting = Check(ABOUT, Verdict.WARN, f"{text}: its pods are replaced from now on, {found.rolling.words}")
    return [waiting, *(check for check in found.checks if check.about != ABOUT)]


async def _follow_pause(plan: Plan, execution: ClusterExecution) -> Outcome:
    target, paused = plan.target, True

    async def seen() -> bool:
        nonlocal paused
        obj = await execution.reads.get_raw(target.kind, target.namespace, target.name)
        if target.uid and obj["metadata"].get("uid") != target.uid:
            raise NotFoundError(f"{target} was deleted, and another with its name was created")
        state = state_of(obj)
        paused = state.paused
        return state.observed or not paused

    limit = execution.rules.follow_timeout
    reached = await execution.until(seen, limit)
    if not paused:
        return Outcome(
            Result.FAILED, "somebody else has resumed it since", "another person, or its owner: check its events"
        )
    if reached:
        return Outcome(Result.CONVERGED, "paused")
    return Outcome(Result.TIMED_OUT, f"its controller has not seen the pause after {span(limit)}", "the change stays")


def _word(paused: bool) -> str:
    return "paused" if paused else "goes on"

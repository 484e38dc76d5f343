"""Hold: pause a ScaledObject at a number of replicas, or resume it.

KEDA documentation, "Scaling Deployments, StatefulSets & Custom Resources": pausing autoscaling.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.autoscaling import PAUSED, PAUSED_AT, template_of, workload_of
from actions.checks.gpu_room import check_room
from actions.checks.owner import check_owner
from actions.checks.quota import check_quota
from actions.checks.server import check_server
from actions.follow.scaling import follow_autoscaler
from actions.kinds.hold import Hold
from actions.number_words import span
from actions.planning.plan import MERGE, Change, Check, Mutation, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request, Target, expect
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.json_fields import mapping, mappings, text
from fleet.model.counting import count

ABOUT = "pause"
_POLL = 120.0
"""Seconds within which KEDA must have seen it: four of its polls."""


class HoldAction:
    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        replicas, target = expect(request, Hold).replicas, request.target
        path = await context.reads.path_of(target.kind, target.namespace, target.name)
        obj = await context.reads.get_raw(target.kind, target.namespace, target.name)
        annotations = mapping(obj["metadata"], "annotations")
        mutation = hold_mutation(path, obj, replicas)
        workload = workload_of(obj)
        now, spec = await template_of(workload, context)
        more = 0 if replicas is None else replicas - now
        title = f"Hold {target.name} at {replicas}" if replicas is not None else f"Let {target.name} scale again"
        waits = f"{workload.name} has {replicas}" if replicas is not None else "KEDA scales it again"
        return Plan(
            request=request,
            scope=context.scope,
            title=title,
            made_at=context.now(),
            steps=(
                Step(mutation.about, "KEDA removes its HPA meanwhile" if replicas is not None else "", (mutation,)),
                Step(f"wait until {waits}"),
            ),
            checks=(
                _check_pause(annotations, replicas, now, workload),
                check_room(context.snapshot, spec, more),
                await check_quota(target.namespace, spec, more, context),
                check_owner(obj),
                await check_server(mutation, context),
            ),
            changes=(
                Change("held at", _hold_text(annotations), "nothing" if replicas is None else str(replicas)),
                *((Change("replicas", str(now), str(replicas)),) if more else ()),
            ),
            undo=_undo(target, annotations, now),
            facts={"kind": workload.kind, "name": workload.name},
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        await execution.send(mutation)
        execution.step(1)
        replicas = expect(plan.request, Hold).replicas
        if replicas is None:
            return await _follow_on(plan, execution)
        workload = plan.target.sibling(plan.facts["kind"], plan.facts["name"])
        return await follow_autoscaler(plan, execution, workload, lambda found: found == replicas)


def hold_mutation(path: str, obj: Mapping[str, Any], replicas: int | None) -> Mutation:
    """The request; None takes both of KEDA's annotations away: either of them holds it."""
    annotations: dict[str, str | None] = {PAUSED_AT: None if replicas is None else str(replicas)}
    if replicas is None and PAUSED in mapping(obj["metadata"], "annotations"):
        annotations[PAUSED] = None
    body = {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"], "annotations": annotations}}
    about = f"pause KEDA at {count(replicas, 'replica')}" if replicas is not None else "remove KEDA's pause"
    return Mutation("PATCH", path, body, MERGE, about=about)


def _check_pause(annotations: Mapping[str, Any], replicas: int | None, now: int, workload: Target) -> Check:
    held = PAUSED in annotations or PAUSED_AT in annotations
    if replicas is None:
        if not held:
            return Check(ABOUT, Verdict.BLOCK, "it is not held")
        return Check(ABOUT, Verdict.PASS, f"KEDA scales {workload.name} again; it has {now} now")
    if annotations.get(PAUSED_AT) == str(replicas):
        return Check(ABOUT, Verdict.BLOCK, f"it is held at {replicas} already")
    if replicas < 0:
        return Check(ABOUT, Verdict.BLOCK, f"replicas cannot be {replicas}: 0 or more")
    if replicas == 0:
        return Check(ABOUT, Verdict.WARN, f"0 replicas: nothing of {workload.name} answers until it is resumed")
    return Check(ABOUT, Verdict.WARN, f"load no longer changes it: {workload.name} stays at {replicas} until resumed")


def _hold_text(annotations: Mapping[str, Any]) -> str:
    if PAUSED_AT in annotations:
        return str(annotations[PAUSED_AT])
    return "what it has" if PAUSED in annotations else "nothing"


def _undo(target: Target, annotations: Mapping[str, Any], now: int) -> Undo:
    before = str(annotations.get(PAUSED_AT, ""))
    if before.isdigit():
        return Undo(f"hold it at {before} again", Hold(target, int(before)))
    if PAUSED in annotations:
        return Undo(f"hold it at {now}, where it was held", Hold(target, now))
    return Undo("let it scale again", Hold(target))


async def _follow_on(plan: Plan, execution: ClusterExecution) -> Outcome:
    target, held = plan.target, "nothing"

    async def on() -> bool:
        nonlocal held
        obj = await execution.reads.get_raw(target.kind, target.namespace, target.name)
        held = _hold_text(mapping(obj["metadata"], "annotations"))
        if held != "nothing":
            return True
        conditions = mappings(mapping(obj, "status"), "conditions")
        return not any(text(c, "type") == "Paused" and text(c, "status") == "True" for c in conditions)

    limit = min(_POLL, execution.rules.follow_timeout)
    reached = await execution.until(on, limit)
    if held != "nothing":
        return Outcome(
            Result.FAILED,
            f"somebody else has held it at {held} since",
            "another person, or its owner: check its events",
        )
    if reached:
        return Outcome(Result.CONVERGED, "KEDA scales it again")
    words = f"KEDA still reports it as paused after {span(limit)}"
    return Outcome(Result.TIMED_OUT, words, "check its conditions; the change stays")

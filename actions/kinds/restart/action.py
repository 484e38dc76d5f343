"""Restart: a workload pod by pod, as `kubectl rollout restart` does, or one pod by deleting it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from actions.checks.capacity import check_capacity
from actions.checks.cut_requests import check_cut
from actions.checks.last_replica import check_last
from actions.checks.owner import check_owner
from actions.checks.replaced_pods import check_held, check_replacing
from actions.checks.server import check_server
from actions.drain.eviction import wait_until_gone
from actions.drain.inspect import Inspection
from actions.drain.options import Method
from actions.drain.replacement import follow_replacement
from actions.drain.unit import DrainUnit, from_fact, group_of, to_fact
from actions.follow.template import follow_template, waiting_step
from actions.kinds.drain import Drain
from actions.kinds.restart import Restart
from actions.kubeobj import controller_of, includes, is_ready, kind_in, labels_of
from actions.number_words import span
from actions.planning.impact import impacts
from actions.planning.plan import (
    JSON,
    MERGE,
    STRATEGIC,
    Alternative,
    Change,
    Check,
    Mutation,
    Plan,
    Step,
    Undo,
    Verdict,
)
from actions.planning.plan_context import ClusterContext
from actions.request import Request, expect
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.kinds.kind import AT_ONCE
from fleet.kinds.registry import kind_of

STAMP = "kubectl.kubernetes.io/restartedAt"
"""The annotation of the pod template that makes it a new one."""


class RestartAction:
    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        target = expect(request, Restart).target
        obj = await context.reads.get_raw(target.kind, target.namespace, target.name)
        if target.kind == "Pod":
            return await _plan_pod(request, obj, context)
        path = await context.reads.path_of(target.kind, target.namespace, target.name)
        when = datetime.fromtimestamp(context.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        mutation = restart_mutation(path, obj, when)
        found = await check_replacing(obj, obj["spec"]["template"].get("spec") or {}, target, context)
        held = await check_held(obj, found.rolling, "", target, context)
        before = (obj["spec"]["template"].get("metadata") or {}).get("annotations", {}).get(STAMP, "never")
        return Plan(
            request=request,
            scope=context.scope,
            title=f"Restart {target.name}",
            made_at=context.now(),
            steps=(
                Step("mark the template", f"annotation {STAMP}", (mutation,)),
                waiting_step(found.rolling),
            ),
            checks=(
                _check_owner(obj),
                *((held.check,) if held.check is not None else ()),
                *found.checks,
                await check_server(mutation, context),
            ),
            changes=(Change("restarted at", before, when),),
            impact=found.impact,
            alternatives=(*found.alternatives, *held.alternatives),
            undo=Undo("nothing to undo: the new pods run the same template"),
            facts={"by_hand": found.rolling.by_hand, "keeping": found.rolling.keeping, **held.facts},
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        await execution.send(mutation)
        execution.step(1)
        if "unit" in plan.facts:
            return await _follow_pod(from_fact(plan.facts["unit"]), execution)
        return await follow_template(plan, execution)


def restart_mutation(path: str, obj: dict[str, Any], when: str) -> Mutation:
    """The request for a workload; ``when`` in RFC 3339."""
    return Mutation(
        "PATCH",
        path,
        {
            "metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]},
            "spec": {"template": {"metadata": {"annotations": {STAMP: when}}}},
        },
        # The server applies strategic merge only to types that it knows.
        MERGE if kind_in(obj).custom else STRATEGIC,
        about="mark the template as restarted",
    )


def delete_mutation(path: str, obj: dict[str, Any]) -> Mutation:
    """Return the request for one pod; the uid protects a namesake, which a StatefulSet starts at once."""
    body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": obj["metadata"]["uid"]}}
    # The options of a DELETE are in its body: there are no fields to validate or to own.
    return Mutation("DELETE", path, body, JSON, query={}, about=f"delete pod {obj['metadata']['name']}")


async def _plan_pod(request: Request, pod: dict[str, Any], context: ClusterContext) -> Plan:
    target, snapshot = request.target, context.snapshot
    unit = await Inspection(context).unit(pod, method=Method.EVICT)
    mutation = delete_mutation(await context.reads.path_of("Pod", target.namespace, target.name), pod)
    key = f"{target.namespace}/{target.name}"
    losses = impacts(snapshot, {key})
    return Plan(
        request=request,
        scope=context.scope,
        title=f"Restart pod {target.name}",
        made_at=context.now(),
        steps=(
            Step("delete the pod", f"it has {span(unit.front.grace)} to finish its requests", (mutation,)),
            Step("wait for its replacement" if unit.replaced else "wait until it has ended", _consequence(pod)),
        ),
        checks=(
            _check_controller(pod),
            _check_budgets(pod, context),
            check_last(snapshot, {key}),
            check_capacity(losses, ready=unit.front.ready),
            check_cut(snapshot, {key}, unit.front.grace),
            await check_server(mutation, context),
        ),
        changes=(Change("pod", target.name, _consequence(pod)),),
        impact=tuple(change for loss in losses for change in loss.changes),
        alternatives=(Alternative(f"drain {target.name}", Drain(target), "waits for its running requests first"),),
        undo=Undo("nothing to undo: a deleted pod does not come back, another replaces it"),
        facts={"unit": to_fact(unit)},
    )


async def _follow_pod(unit: DrainUnit, execution: ClusterExecution) -> Outcome:
    execution.say(f"{unit.front.name} finishes its requests")
    if not await wait_until_gone(unit.front, execution, unit.front.grace):
        limit = span(unit.front.grace)
        text = f"{unit.front.name} is still there a minute after its grace period of {limit}"
        return Outcome(Result.TIMED_OUT, text, "is its node reachable? its kubelet must end it")
    return await follow_replacement(unit, execution) or Outcome(
        Result.CONVERGED, f"{unit.front.name} was replaced" if unit.replaced else f"{unit.front.name} is gone"
    )


def _consequence(pod: dict[str, Any]) -> str:
    """Return what its controller does after the deletion."""
    controller = controller_of(pod)
    if controller is None:
        return "nothing restarts it"
    kind, name, _ = controller
    if group := group_of(pod):
        return f"its group of {group.of} starts again, all of its pods"
    return f"{kind} {name} {kind_of(kind).replaces or AT_ONCE}"


def _check_owner(obj: dict[str, Any]) -> Check:
    """An operator writes the whole template again; Git and Helm leave an annotation that they have not written."""
    found = check_owner(obj)
    if found.verdict is not Verdict.WARN:
        return found
    return Check(found.about, Verdict.PASS, "its other managers leave this annotation in place")


def _check_controller(pod: dict[str, Any]) -> Check:
    if controller_of(pod) is None:
        return Check("owner", Verdict.BLOCK, "no controller has it: deleted, it would be gone for good")
    return Check("owner", Verdict.PASS, _consequence(pod))


def _check_budgets(pod: dict[str, Any], context: ClusterContext) -> Check:
    if not is_ready(pod):
        return Check("budget", Verdict.PASS, "it is not ready: no PodDisruptionBudget counts it as healthy")
    labels, namespace = labels_of(pod), pod["metadata"].get("namespace", "")
    budgets = [b for b in context.snapshot.budgets if b.namespace == namespace and includes(b.selector, labels)]
    refusing = [budget.name for budget in budgets if budget.selector and not budget.allowed]
    if refusing:
        text = f"PDB {', '.join(refusing)} allows no disruption now, and a deletion bypasses it"
        return Check("budget", Verdict.WARN, text, "drain it instead: an eviction respects it")
    return Check("budget", Verdict.PASS, "no PodDisruptionBudget forbids it")

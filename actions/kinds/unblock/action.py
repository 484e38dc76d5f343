"""Unblock: let a rollout that waits for GPUs replace pods instead of adding them.

With every GPU taken, a new pod waits for one, and the old pods that hold them wait for the new pod to be ready.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.checks.capacity import check_capacity
from actions.checks.last_replica import check_last
from actions.checks.owner import check_owner
from actions.checks.rollout import ABOUT
from actions.checks.server import check_server
from actions.follow.rollout import follow_rollout, state_of
from actions.kinds.unblock import Unblock
from actions.kubeobj import kind_in, written
from actions.number_words import count
from actions.planning.impact import impacts
from actions.planning.plan import STRATEGIC, Change, Check, Mutation, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.planning.surge import amount, written_of
from actions.request import Request, expect
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome
from fleet.json_fields import mapping, mappings, text
from fleet.sources.kube.project.gpu import pod_devices


class UnblockAction:
    """The same request with the old values takes it back."""

    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        wanted, target = expect(request, Unblock), request.target
        path = await context.reads.path_of(target.kind, target.namespace, target.name)
        obj = await context.reads.get_raw(target.kind, target.namespace, target.name)
        old = written_of(obj)
        new = (wanted.max_surge, wanted.max_unavailable)
        mutation = unblock_mutation(path, obj, wanted)
        replicas = int(obj["spec"].get("replicas", 1))
        away = amount(wanted.max_unavailable, replicas, up=False)
        snapshot = context.snapshot
        pods = snapshot.members(f"{target.namespace}/{target.kind}/{target.name}")
        leaving = sorted(pod for pod in pods if snapshot.pods[pod].ready)[:away]
        losses = impacts(snapshot, leaving)
        values = ", ".join(_change(*pair) for pair in zip(("maxSurge", "maxUnavailable"), new, strict=True))
        return Plan(
            request=request,
            scope=context.scope,
            title=f"Let the rollout of {target.name} {_manner(wanted)}",
            made_at=context.now(),
            steps=(
                Step(f"set {values}", _explained(wanted, replicas), (mutation,)),
                Step("wait until it has rolled out"),
            ),
            checks=(
                *_check_values(obj, wanted),
                await _check_waiting(obj, wanted, context),
                *((check_last(snapshot, leaving), check_capacity(losses, ready=len(leaving))) if leaving else ()),
                check_owner(obj, field="f:strategy"),
                await check_server(mutation, context),
            ),
            changes=(
                Change("maxSurge", str(old[0]), str(new[0])),
                Change("maxUnavailable", str(old[1]), str(new[1])),
            ),
            impact=tuple(change for loss in losses for change in loss.changes),
            undo=Undo(
                f"set maxSurge {old[0]}, maxUnavailable {old[1]} again; until then all its rollouts proceed this way",
                Unblock(target, *old),
            ),
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        await execution.send(mutation)
        execution.step(1)
        return await follow_rollout(plan, execution, template=True)


def unblock_mutation(path: str, obj: Mapping[str, Any], wanted: Unblock) -> Mutation:
    """The request."""
    rolling = {"maxSurge": wanted.max_surge, "maxUnavailable": wanted.max_unavailable}
    return Mutation(
        "PATCH",
        path,
        {
            "metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]},
            "spec": {"strategy": {"rollingUpdate": rolling}},
        },
        STRATEGIC,
        about=f"set maxSurge {wanted.max_surge}, maxUnavailable {wanted.max_unavailable}",
    )


async def waiting_for_gpus(obj: Mapping[str, Any], context: ClusterContext) -> tuple[str, ...]:
    """Names of the workload's pods that the scheduler finds no GPU, or other device, for. Raises KubeError."""
    devices = pod_devices(obj["spec"]["template"].get("spec") or {})
    selector = written(kind_in(obj).selector(obj))
    found = await context.reads.list_raw("Pod", obj["metadata"].get("namespace", ""), selector)
    return tuple(raw["metadata"]["name"] for raw in found if any(_lacks(raw, resource) for resource in devices))


def _lacks(pod: Mapping[str, Any], resource: str) -> bool:
    return any(
        condition.get("type") == "PodScheduled"
        and condition.get("reason") == "Unschedulable"
        and f"Insufficient {resource}" in text(condition, "message")
        for condition in mappings(mapping(pod, "status"), "conditions")
    )


def _check_values(obj: Mapping[str, Any], wanted: Unblock) -> tuple[Check, ...]:
    """Block values that are invalid or would change nothing."""
    about = "strategy"
    if (obj["spec"].get("strategy") or {}).get("type") == "Recreate":
        return (Check(about, Verdict.BLOCK, "strategy Recreate: it adds no pods, so no rollout of it waits for them"),)
    if {str(wanted.max_surge), str(wanted.max_unavailable)} <= {"0", "0%"}:
        return (Check(about, Verdict.BLOCK, "maxSurge and maxUnavailable both 0: no pod could ever be replaced"),)
    if written_of(obj) == (wanted.max_surge, wanted.max_unavailable):
        return (Check(about, Verdict.BLOCK, "it has these values already"),)
    return ()


async def _check_waiting(obj: Mapping[str, Any], wanted: Unblock, context: ClusterContext) -> Check:
    state = state_of(obj)
    if wanted.max_surge != 0:
        return Check(ABOUT, Verdict.PASS, f"under way: {state.words}" if state.rolling else "no rollout under way")
    if not state.rolling:
        text = "no rollout is under way: this is for the next one"
        return Check(ABOUT, Verdict.WARN, text if state.settled else f"{text} ({state.words})")
    waiting = await waiting_for_gpus(obj, context)
    if waiting:
        more = f"{count(len(waiting), 'new pod')} {'finds' if len(waiting) == 1 else 'find'} no GPU"
        return Check(ABOUT, Verdict.PASS, f"it waits for GPUs: {more}, {state.words}")
    return Check(ABOUT, Verdict.WARN, f"no pod of it waits for a GPU: {state.words}; this may not be what blocks it")


def _manner(wanted: Unblock) -> str:
    return "replace pods instead of adding them" if wanted.max_surge == 0 else "add pods before removing any"


def _explained(wanted: Unblock, replicas: int) -> str:
    if wanted.max_surge != 0:
        return "new pods need additional GPUs during the rollout"
    away = amount(wanted.max_unavailable, replicas, up=False)
    return f"{count(away, 'old pod')} ends first and frees its GPUs; until the new one is ready a replica is missing"


def _change(what: str, value: int | str) -> str:
    return f"{what} {value}"

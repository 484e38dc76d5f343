"""Bounds: change the minimum and maximum replicas of an autoscaler.

Kubernetes documentation, "Horizontal Pod Autoscaling"; KEDA documentation, "ScaledObject specification".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from actions.autoscaling import PAUSED, PAUSED_AT, template_of, workload_of
from actions.checks.gpu_room import check_room
from actions.checks.owner import check_owner
from actions.checks.quota import check_quota
from actions.checks.server import check_server
from actions.follow.scaling import follow_autoscaler
from actions.kinds.bounds import Bounds
from actions.kinds.hold import Hold
from actions.kubeobj import controller_of
from actions.planning.plan import MERGE, Alternative, Change, Check, Mutation, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request, Target, expect
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.json_fields import mapping

ABOUT = "bounds"


class ReplicaLimits(NamedTuple):
    """Replicas that an autoscaler keeps between."""

    minimum: int
    maximum: int

    def __str__(self) -> str:
        return f"{self.minimum} to {self.maximum}" if self.minimum != self.maximum else f"{self.minimum}"

    def nearest(self, replicas: int) -> int:
        """Return the nearest number that the autoscaler allows."""
        return min(max(replicas, self.minimum), self.maximum)


class BoundsAction:
    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        asked, target = expect(request, Bounds), request.target
        path = await context.reads.path_of(target.kind, target.namespace, target.name)
        obj = await context.reads.get_raw(target.kind, target.namespace, target.name)
        old = limits_of(obj)
        new = ReplicaLimits(
            old.minimum if asked.minimum is None else asked.minimum,
            old.maximum if asked.maximum is None else asked.maximum,
        )
        mutation = bounds_mutation(path, obj, new)
        workload = workload_of(obj)
        now, spec = await template_of(workload, context)
        off = obj["kind"] == "HorizontalPodAutoscaler" and now == 0
        then = 0 if off else new.nearest(now)
        return Plan(
            request=request,
            scope=context.scope,
            title=f"Set the bounds of {target.name} to {new}",
            made_at=context.now(),
            steps=(
                Step(f"set {new} replicas", "the autoscaler evaluates them every 15 s", (mutation,)),
                Step(f"wait until {workload.name} is within them"),
            ),
            checks=(
                _check_limits(old, new, obj),
                _check_now(now, then, workload, off=off),
                check_room(context.snapshot, spec, then - now),
                await check_quota(target.namespace, spec, then - now, context),
                check_owner(obj, field="f:minReplicas" if _keys(obj)[0] == "minReplicas" else ""),
                await check_server(mutation, context),
            ),
            changes=(
                Change("minimum", str(old.minimum), str(new.minimum)),
                Change("maximum", str(old.maximum), str(new.maximum)),
            ),
            alternatives=_durable(obj, asked),
            undo=Undo(f"set {old} again", Bounds(target, old.minimum, old.maximum)),
            facts={
                "kind": workload.kind,
                "name": workload.name,
                "bounds": list(new),
                "idle": off or _paused(obj),
            },
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        await execution.send(mutation)
        execution.step(1)
        bounds = ReplicaLimits(*plan.facts["bounds"])
        if plan.facts["idle"]:
            return Outcome(Result.CONVERGED, f"the bounds are {bounds}; they take effect once it scales again")
        workload = plan.target.sibling(plan.facts["kind"], plan.facts["name"])
        return await follow_autoscaler(plan, execution, workload, lambda found: bounds.nearest(found) == found)


def limits_of(obj: Mapping[str, Any]) -> ReplicaLimits:
    """Return the limits of a raw HorizontalPodAutoscaler (minimum 1 by default) or ScaledObject (0 and 100)."""
    spec = mapping(obj, "spec")
    low, high = _keys(obj)
    if obj["kind"] == "ScaledObject":
        return ReplicaLimits(int(spec.get(low, 0)), int(spec.get(high, 100)))
    return ReplicaLimits(int(spec.get(low, 1)), int(spec.get(high, 1)))


def bounds_mutation(path: str, obj: Mapping[str, Any], new: ReplicaLimits) -> Mutation:
    """The request. A custom resource takes no strategic merge patch, and none is needed."""
    body = {
        "metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]},
        "spec": dict(zip(_keys(obj), new, strict=True)),
    }
    return Mutation("PATCH", path, body, MERGE, about=f"set {new} replicas")


def _keys(obj: Mapping[str, Any]) -> tuple[str, str]:
    if obj["kind"] == "ScaledObject":
        return "minReplicaCount", "maxReplicaCount"
    return "minReplicas", "maxReplicas"


def _paused(obj: Mapping[str, Any]) -> bool:
    annotations = mapping(obj["metadata"], "annotations")
    return PAUSED in annotations or PAUSED_AT in annotations


def _check_limits(old: ReplicaLimits, new: ReplicaLimits, obj: Mapping[str, Any]) -> Check:
    if new.minimum > new.maximum:
        text = f"the minimum {new.minimum} is more than the maximum {new.maximum}"
        return Check(ABOUT, Verdict.BLOCK, text, "give both")
    if new == old:
        return Check(ABOUT, Verdict.BLOCK, f"its bounds are {old} already")
    if _paused(obj):
        return Check(ABOUT, Verdict.WARN, "it is paused: the bounds take effect once it is resumed", "resume it")
    if new.minimum == 0 and obj["kind"] == "ScaledObject":
        return Check(ABOUT, Verdict.WARN, "minimum 0: without load no replica runs, and the first requests wait")
    return Check(ABOUT, Verdict.PASS, f"{old} become {new}")


def _check_now(now: int, then: int, workload: Target, *, off: bool) -> Check:
    about = "replicas"
    if off:
        return Check(about, Verdict.WARN, f"{workload} is at 0, where an HPA is disabled: bounds alone do not start it")
    if now != then:
        verdict = Verdict.WARN if then < now else Verdict.PASS
        return Check(about, verdict, f"{workload} goes from {now} to {then} within 15 s")
    return Check(about, Verdict.PASS, f"{workload} has {now}: it stays")


def _durable(obj: Mapping[str, Any], asked: Bounds) -> tuple[Alternative, ...]:
    """KEDA writes its HPA again at once: its ScaledObject is where bounds last."""
    controller = controller_of(obj)
    if obj["kind"] == "ScaledObject":
        hold = asked.minimum if asked.minimum == asked.maximum else None
        if hold is None:
            return ()
        return (Alternative(f"hold it at {hold}", Hold(asked.target, hold), "KEDA's own pause; the bounds stay"),)
    if controller is None or controller[0] != "ScaledObject":
        return ()
    kind, name, uid = controller
    owner = asked.target.sibling(kind, name, uid)
    return (Alternative(f"set them on {owner}", Bounds(owner, asked.minimum, asked.maximum), "KEDA follows that one"),)

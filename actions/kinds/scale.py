"""Scale: change the replicas of anything with a scale subresource, through that subresource alone."""

from __future__ import annotations

from typing import Any

from actions.checks.autoscaler import check_autoscaler, find_autoscaler
from actions.checks.owner import check_owner
from actions.checks.rollout import check_rollout
from actions.checks.server import check_server
from actions.follow.rollout import follow_rollout
from actions.plan import MERGE, Change, Check, Mutation, Plan, Step, Undo, Verdict
from actions.progress import Outcome
from actions.request import Request, Scale, Target, expect
from actions.scene import Scene
from actions.work import Work


class ScaleAction:
    """See actions.work.Action."""

    async def plan(self, request: Request, scene: Scene) -> Plan:
        """See Action."""
        target, wanted = request.target, expect(request, Scale).replicas
        path = await scene.reads.path_of(target.kind, target.namespace, target.name)
        obj = await scene.reads.get_raw(target.kind, target.namespace, target.name)
        # Without the field it is 1; of a Scale the server leaves 0 out, but not of the object itself.
        now = int((obj.get("spec") or {}).get("replicas", 1))
        mutation = scale_mutation(path, obj, wanted)
        autoscaler = await find_autoscaler(target, scene)
        by_itself, alternatives = check_autoscaler(autoscaler, now, wanted)
        checks = [
            by_itself,
            check_owner(obj, field="f:replicas"),
            check_rollout(obj),
            await check_server(mutation, scene),
        ]
        if wanted == now:
            checks.insert(0, Check("replicas", Verdict.BLOCK, f"it already wants {now}"))
        elif wanted == 0:
            checks.insert(0, Check("replicas", Verdict.WARN, "0 replicas: nothing of it will answer"))
        return Plan(
            request=request,
            scope=scene.scope,
            title=f"Scale {target.name} from {now} to {wanted}",
            made_at=scene.now(),
            steps=(
                Step(f"set {wanted} replicas", "through the scale subresource", (mutation,)),
                Step("wait until they are ready" if wanted > now else "wait until the others have ended"),
            ),
            checks=tuple(checks),
            changes=(Change("replicas", str(now), str(wanted)),),
            alternatives=alternatives,
            undo=Undo(f"scale back to {now}", Scale(_found(target, obj), now)),
        )

    async def carry_out(self, plan: Plan, work: Work) -> Outcome:
        """See Action."""
        work.step(0)
        (mutation,) = plan.steps[0].mutations
        await work.send(mutation)
        work.step(1)
        return await follow_rollout(plan, work, replicas=expect(plan.request, Scale).replicas)


def scale_mutation(path: str, obj: dict[str, Any], replicas: int) -> Mutation:
    """The request; the object's resourceVersion makes a change in between a 409 instead of an overwrite."""
    version = obj["metadata"]["resourceVersion"]
    return Mutation(
        "PATCH",
        f"{path}/scale",
        {"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}},
        MERGE,
        about=f"set {replicas} replicas",
    )


def _found(target: Target, obj: dict[str, Any]) -> Target:
    return Target(target.kind, target.namespace, target.name, obj["metadata"].get("uid", ""))

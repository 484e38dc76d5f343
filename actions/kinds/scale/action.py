"""Scale: change the replicas of anything with a scale subresource, through that subresource alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from actions.checks.autoscaler import check_autoscaler, find_autoscaler
from actions.checks.capacity import check_capacity
from actions.checks.cut_requests import check_cut
from actions.checks.gpu_room import MorePods, check_room, check_room_for_all
from actions.checks.last_replica import check_last
from actions.checks.owner import check_owner, replicas_at
from actions.checks.quota import check_quota
from actions.checks.rollout import check_rollout
from actions.checks.server import check_server
from actions.follow.rollout import follow_rollout
from actions.kinds.scale import Scale
from actions.kubeobj import kind_in
from actions.number_words import some_names
from actions.planning.impact import Impact, impacts
from actions.planning.joined import JointFindings
from actions.planning.plan import MERGE, Change, Check, Mutation, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request, Target, expect
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome
from fleet.kinds.kind import Leaving, Replicas
from fleet.kinds.registry import kind_of
from fleet.model.counting import count
from fleet.model.objects import Pod
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.errors import KubeError

_COST = "controller.kubernetes.io/pod-deletion-cost"


class ScaleAction:
    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        target, wanted = request.target, expect(request, Scale).replicas
        path = await context.reads.path_of(target.kind, target.namespace, target.name)
        obj = await context.reads.get_raw(target.kind, target.namespace, target.name)
        _require_replicas(obj, target, context)
        # A missing field means 1; the server omits 0 in a Scale, but not in the object itself.
        now = (kind_of(target.kind).replicas or Replicas()).wanted(obj)
        mutation = scale_mutation(path, obj, wanted)
        autoscaler = await find_autoscaler(target, context)
        by_itself, alternatives = check_autoscaler(autoscaler, now, wanted)
        spec, per_replica = pods_of(obj)
        leaving = victims(context.snapshot, target, now - wanted)
        impact = impacts(context.snapshot, leaving)
        checks = [
            by_itself,
            check_owner(obj, field="f:replicas"),
            *(await _check_more(target, spec, (wanted - now) * per_replica, context) if wanted > now else ()),
            *(_check_fewer(context.snapshot, spec, leaving, impact) if leaving else ()),
            check_rollout(obj),
            await check_server(mutation, context),
        ]
        if wanted == now:
            checks.insert(0, Check("replicas", Verdict.BLOCK, f"it already wants {now}"))
        elif wanted == 0:
            checks.insert(0, Check("replicas", Verdict.WARN, "0 replicas: nothing of it will answer"))
        return Plan(
            request=request,
            scope=context.scope,
            title=f"Scale {target.name} from {now} to {wanted}",
            made_at=context.now(),
            steps=(
                Step(f"set {count(wanted, 'replica')}", "through the scale subresource", (mutation,)),
                Step("wait until they are ready" if wanted > now else "wait until the others have ended"),
            ),
            checks=tuple(checks),
            changes=(Change("replicas", str(now), str(wanted)),),
            impact=tuple(change for one in impact for change in one.changes),
            alternatives=alternatives,
            undo=Undo(f"scale back to {now}", Scale(replace(target, uid=obj["metadata"].get("uid", "")), now)),
            facts={"leaving": leaving, "pod": spec, "more": max(0, wanted - now) * per_replica},
        )

    async def check_all(self, plans: Sequence[Plan], context: ClusterContext) -> JointFindings:
        """Check the total capacity taken from the models that they serve, and the room for all new pods."""
        snapshot = context.snapshot
        leaving = [pod for plan in plans for pod in plan.facts["leaving"]]
        losses = impacts(snapshot, leaving)
        found = []
        if leaving:
            found += [check_last(snapshot, leaving), check_capacity(losses, ready=_ready(snapshot, leaving))]
        wanted = [MorePods(plan.target.name, plan.facts["pod"], plan.facts["more"]) for plan in plans]
        room = check_room_for_all(snapshot, wanted)
        changes = tuple(change for loss in losses for change in loss.changes)
        return JointFindings((*found, *([room] if room is not None else ())), changes)

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        await execution.send(mutation)
        execution.step(1)
        return await follow_rollout(plan, execution, replicas=expect(plan.request, Scale).replicas)


def _require_replicas(obj: Mapping[str, Any], target: Target, context: ClusterContext) -> None:
    """Raise KubeError for an owner without replicas of its own, which only creates other workloads."""
    kind = kind_of(target.kind)
    if not kind.scale and kind.unscalable:
        raise KubeError(f"a {kind.kind} {kind.unscalable}", remedy=f"Choose another: {target} cannot be scaled.")
    if kind.replicas is not None or "replicas" in (obj.get("spec") or {}):
        return
    key = f"{target.namespace}/{target.kind}/{target.name}"
    made = [
        f"{part.kind} {part.name}" for part in context.snapshot.parts.values() if context.snapshot.top(part.key) == key
    ]
    has = (
        f"it creates {some_names(made)} and sets theirs"
        if made
        else "its controller sets those of the objects that it creates"
    )
    raise KubeError(f"{target} has no replicas of its own: {has}", remedy=f"Change {replicas_at(target)}.")


def pods_of(obj: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """The pod spec of a workload, and how many pods one replica of it is.

    The pods of a group are taken to be like its workers, which outnumber the leader.
    """
    templates = kind_in(obj).templates(obj)
    return templates[-1].spec, sum(template.pods for template in templates)


def victims(snapshot: Snapshot, target: Target, count: int) -> list[str]:
    """The keys of the pods that will probably go, as the controllers choose them; none for a count below 1."""
    pods = [snapshot.pods[key] for key in snapshot.members(f"{target.namespace}/{target.kind}/{target.name}")]
    alive = [pod for pod in pods if pod.deleted is None]
    if kind_of(target.kind).leaving is Leaving.UNREADY_FIRST:
        alive.sort(key=lambda pod: (bool(pod.node), pod.ready, _cost(pod), -pod.created))
    else:
        alive.sort(key=lambda pod: [int(part) for part in re.findall(r"\d+", pod.name)], reverse=True)
    return [pod.key for pod in alive[: max(0, count)]]


async def _check_more(target: Target, spec: Mapping[str, Any], more: int, context: ClusterContext) -> list[Check]:
    return [check_room(context.snapshot, spec, more), await check_quota(target.namespace, spec, more, context)]


def _check_fewer(
    snapshot: Snapshot, spec: Mapping[str, Any], leaving: Sequence[str], impact: Sequence[Impact]
) -> list[Check]:
    # Kubernetes' default grace period.
    grace = float(spec.get("terminationGracePeriodSeconds", 30))
    return [
        check_last(snapshot, leaving),
        check_capacity(impact, ready=_ready(snapshot, leaving)),
        check_cut(snapshot, leaving, grace),
    ]


def _ready(snapshot: Snapshot, pods: Sequence[str]) -> int:
    return sum(snapshot.pods[pod].ready for pod in pods)


def _cost(pod: Pod) -> int:
    cost = pod.annotations.get(_COST, "0")
    return int(cost) if cost.removeprefix("-").isdigit() else 0


def scale_mutation(path: str, obj: dict[str, Any], replicas: int) -> Mutation:
    """The request; the object's resourceVersion makes a change in between a 409 instead of an overwrite."""
    version = obj["metadata"]["resourceVersion"]
    return Mutation(
        "PATCH",
        f"{path}/{kind_in(obj).scale}",
        {"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}},
        MERGE,
        about=f"set {count(replicas, 'replica')}",
    )

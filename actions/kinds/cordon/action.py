"""Cordon and uncordon: whether new pods may be scheduled on a node. Running pods are unaffected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from actions.checks.server import check_server
from actions.checks.spare_gpus import held_on
from actions.kinds.cordon import Cordon, Uncordon
from actions.number_words import count, some_names
from actions.planning.joined import JointFindings
from actions.planning.plan import MERGE, Change, Check, Mutation, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request, Target
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.model.objects import Node
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.errors import NotFoundError
from fleet.sources.kube.resources import NODES

TAINT = "node.kubernetes.io/unschedulable"
"""Taint that the node controller adds to a cordoned node, within a second when measured."""
_SEEN = 30.0
"""Seconds for the taint to come or go."""


class CordonProgress(Enum):
    """The course of a cordon, or of the end of one, after it was sent."""

    SEEN = "the scheduler has it"
    NOT_SEEN = "not within the time limit"
    OVERRULED = "it was changed again by somebody else"


class CordonAction:
    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        closing, name = isinstance(request, Cordon), request.target.name
        node = await context.reads.get_raw("Node", "", name)
        mutation = cordoning(node, closing=closing)
        target = Target("Node", "", name, node["metadata"].get("uid", ""))
        words = {True: "no new pods", False: "takes pods"}
        undo: Request = Uncordon(target) if closing else Cordon(target)
        return Plan(
            request=request,
            scope=context.scope,
            title=f"{'Cordon' if closing else 'Uncordon'} {name}",
            made_at=context.now(),
            steps=(
                Step(
                    "close it to new pods" if closing else "allow pods on it again", "spec.unschedulable", (mutation,)
                ),
                Step("wait until the scheduler has it", f"taint {TAINT}"),
            ),
            checks=(_check_node(node, context, closing=closing), await check_server(mutation, context)),
            changes=(Change("scheduling", words[is_cordoned(node)], words[closing]),),
            undo=Undo("uncordon it" if closing else "cordon it", undo),
        )

    async def check_all(self, plans: Sequence[Plan], context: ClusterContext) -> JointFindings:
        """The free GPUs that all of them close, where it is known which there are."""
        names = [plan.target.name for plan in plans if isinstance(plan.request, Cordon)]
        here = [node for node in context.snapshot.nodes.values() if node.name in names and node.gpus]
        if not here or context.snapshot.coverage.lack("nodes", "pods"):
            return JointFindings()
        return JointFindings((_check_free(here, context.snapshot),))

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        closing = isinstance(plan.request, Cordon)
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        await execution.send(mutation)
        execution.step(1)
        reached = await wait_for_taint(plan.target, execution, closing=closing)
        if reached is CordonProgress.OVERRULED:
            return overruled(plan.target, closing=closing)
        if reached is CordonProgress.SEEN:
            return Outcome(
                Result.CONVERGED, "no new pods arrive; running ones continue" if closing else "pods are allowed again"
            )
        return Outcome(
            Result.TIMED_OUT,
            f"the node is changed, but after {_SEEN:.0f} s taint {TAINT} is {'missing' if closing else 'still there'}",
            "is the controller manager alive?",
        )


def overruled(node: Target, *, closing: bool) -> Outcome:
    """Return the outcome for a node that someone cordoned, or uncordoned, during the wait."""
    return Outcome(
        Result.FAILED,
        f"somebody else has {'uncordoned' if closing else 'cordoned'} {node.name} since",
        "another person, or a node manager (an autoscaler, an upgrade): check its events",
    )


def is_cordoned(node: Mapping[str, Any]) -> bool:
    """True if a raw node is cordoned; the server omits the field if it is false."""
    return bool((node.get("spec") or {}).get("unschedulable"))


def cordoning(node: Mapping[str, Any], *, closing: bool) -> Mutation:
    """The request; the node's resourceVersion makes a change in between a 409."""
    metadata = node["metadata"]
    return Mutation(
        "PATCH",
        NODES.path(name=metadata["name"]),
        {
            "metadata": {"resourceVersion": metadata["resourceVersion"]},
            "spec": {"unschedulable": True if closing else None},
        },
        MERGE,
        about=f"{'cordon' if closing else 'uncordon'} {metadata['name']}",
    )


async def wait_for_taint(node: Target, execution: ClusterExecution, *, closing: bool) -> CordonProgress:
    """Wait until the taint has been added (or removed), for half a minute, or until someone reverts the change."""
    decided = True

    async def seen() -> bool:
        nonlocal decided
        raw = await execution.reads.get_raw("Node", "", node.name)
        if node.uid and raw["metadata"].get("uid") != node.uid:
            raise NotFoundError(f"{node} was deleted, and another with its name was created")
        decided = is_cordoned(raw) is closing
        taints = {taint.get("key") for taint in (raw.get("spec") or {}).get("taints") or ()}
        return not decided or (TAINT in taints) is closing

    reached = await execution.until(seen, _SEEN)
    if not decided:
        return CordonProgress.OVERRULED
    return CordonProgress.SEEN if reached else CordonProgress.NOT_SEEN


def _check_node(node: Mapping[str, Any], context: ClusterContext, *, closing: bool) -> Check:
    """Check whether it changes anything, and how much room is lost or gained."""
    name = node["metadata"]["name"]
    if is_cordoned(node) is closing:
        text = f"{name} is {'cordoned already' if closing else 'not cordoned'}: nothing changes"
        return Check("node", Verdict.WARN, text)
    if not closing:
        taints = [t for t in (node.get("spec") or {}).get("taints") or () if t.get("key") != TAINT]
        others = ", ".join(sorted({str(t.get("key")) for t in taints if t.get("effect") == "NoExecute"}))
        if others:
            return Check("node", Verdict.WARN, f"{name} still has taints that keep pods away: {others}")
        return Check("node", Verdict.PASS, "nothing else keeps pods away from it")
    return _check_room(name, context)


def _check_room(name: str, context: ClusterContext) -> Check:
    """Check how many GPUs remain free on open nodes of the same kind."""
    snapshot = context.snapshot
    here = snapshot.nodes.get(name)
    if here is None and (lack := snapshot.coverage.lack("nodes")):
        return Check("spare GPUs", Verdict.WARN, f"whether {name} has GPUs is not known: {lack}")
    if here is not None and here.devices and not here.gpus:
        return _check_devices(here, snapshot)
    if here is None or not here.gpus:
        return Check("spare GPUs", Verdict.PASS, f"{name} has no GPUs")
    if lack := snapshot.coverage.lack("nodes", "pods"):
        return Check("spare GPUs", Verdict.WARN, f"which GPUs are free is not known: {lack}")
    return _check_free([here], snapshot)


def _check_free(closing: Sequence[Node], snapshot: Snapshot) -> Check:
    """Check how many free GPUs are closed off, and how many of the same kinds stay free on open nodes."""
    names = [node.name for node in closing]
    products = {node.gpu_product for node in closing}
    resources = {name for node in closing for name in node.gpus}
    others = [
        node
        for node in snapshot.nodes.values()
        if node.name not in names
        and node.gpus.keys() & resources
        and node.gpu_product in products
        and not node.unschedulable
        and node.ready == "True"
    ]
    free, lost = (sum(snapshot.free_gpus.get(node.name, (0, 0))[0] for node in nodes) for nodes in (others, closing))
    product = ", ".join(sorted(filter(None, products))) or "its kind"
    where = f"{count(len(others), 'other node')}"
    text = f"{count(lost, 'free GPU')} of {product} on {some_names(names)} closed; {free} free on {where}"
    return Check("spare GPUs", Verdict.PASS if free else Verdict.WARN, text)


def _check_devices(here: Node, snapshot: Snapshot) -> Check:
    """Check the room on a node with other accelerators, by its most numerous one."""
    held = held_on(snapshot)
    kind = max(here.devices, key=lambda name: here.devices[name])
    others = [
        node.devices[kind] - held[node.name, kind]
        for node in snapshot.nodes.values()
        if node.name != here.name and kind in node.devices and not node.unschedulable and node.ready == "True"
    ]
    lost = here.devices[kind] - held[here.name, kind]
    text = f"{lost} free {kind} on {here.name} closed; {sum(others)} free on {count(len(others), 'other node')}"
    return Check("spare GPUs", Verdict.PASS if sum(others) else Verdict.WARN, text)

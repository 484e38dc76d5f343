"""Cordon and uncordon."""

from __future__ import annotations

import pytest

from actions.kinds.cordon import CordonAction
from actions.plan import Verdict
from actions.planner import make_plan
from actions.progress import Result
from actions.request import Cordon, Target, Uncordon
from fleet.kube.errors import ConflictError
from tests.actions.objects import node
from tests.actions.plans import verdict
from tests.actions.pods import HandWork, PodCluster, chat

NODE = Target("Node", "", "node-1", "uid-node-1")


def nodes() -> PodCluster:
    cluster = chat()
    cluster.add(node("node-2", 8))
    return cluster.settle()


async def test_a_node_is_closed_with_its_version_and_opened_again() -> None:
    cluster = nodes()
    plan = await make_plan(Cordon(NODE), cluster.scene())
    version = cluster.get("Node", "", "node-1")["metadata"]["resourceVersion"]
    (mutation,) = plan.steps[0].mutations
    assert mutation.path == "/api/v1/nodes/node-1"
    assert mutation.body == {"metadata": {"resourceVersion": version}, "spec": {"unschedulable": True}}
    assert plan.undo.request == Uncordon(NODE)
    assert (await CordonAction().carry_out(plan, HandWork(cluster))).ok
    assert cluster.get("Node", "", "node-1")["spec"]["unschedulable"] is True
    back = await make_plan(Uncordon(NODE), cluster.scene())
    assert back.steps[0].mutations[0].body["spec"] == {"unschedulable": None}
    assert back.undo.request == Cordon(NODE)
    assert (await CordonAction().carry_out(back, HandWork(cluster))).ok
    assert "unschedulable" not in cluster.get("Node", "", "node-1")["spec"]


async def test_a_node_that_is_so_already_is_told() -> None:
    cluster = nodes()
    assert verdict(await make_plan(Uncordon(NODE), cluster.scene()), "node") is Verdict.WARN
    await CordonAction().carry_out(await make_plan(Cordon(NODE), cluster.scene()), HandWork(cluster))
    assert verdict(await make_plan(Cordon(NODE), cluster.scene()), "node") is Verdict.WARN


async def test_the_room_that_is_left_is_told() -> None:
    cluster = nodes()
    plan = await make_plan(Cordon(NODE), cluster.scene())
    assert verdict(plan, "spare GPUs") is Verdict.PASS
    cluster.objects["Node", "", "node-2"]["spec"]["unschedulable"] = True
    cluster.settle()
    plan = await make_plan(Cordon(NODE), cluster.scene())
    assert verdict(plan, "spare GPUs") is Verdict.WARN


async def test_a_node_that_changed_since_the_plan_is_a_conflict() -> None:
    cluster = nodes()
    plan = await make_plan(Cordon(NODE), cluster.scene())
    cluster.add(node("node-1", 12))
    with pytest.raises(ConflictError):
        await CordonAction().carry_out(plan, HandWork(cluster))


async def test_a_taint_that_does_not_come_is_said() -> None:
    cluster = nodes()
    plan = await make_plan(Cordon(NODE), cluster.scene())

    def late(now: PodCluster) -> None:
        now.objects["Node", "", "node-1"]["spec"]["unschedulable"] = False

    cluster.moved_on = late
    cluster.react = lambda obj: {**obj, "spec": {**obj["spec"], "unschedulable": False}}
    outcome = await CordonAction().carry_out(plan, HandWork(cluster))
    assert outcome.result is Result.TIMED_OUT

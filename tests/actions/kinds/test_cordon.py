"""Cordon and uncordon."""

from __future__ import annotations

from typing import Any

import pytest

from actions.kinds.cordon import Cordon, Uncordon
from actions.kinds.cordon.action import CordonAction
from actions.planning.plan import Verdict
from actions.request import Target
from actions.running.progress import Result
from fleet.sources.kube.errors import ConflictError, NotFoundError
from tests.actions.objects import node
from tests.actions.plans import make_plan, verdict
from tests.actions.pods import HandWork, PodCluster, chat
from tests.actions.stage import SCOPE

NODE = Target("Node", "", "node-1", "uid-node-1", SCOPE.cluster)


def nodes() -> PodCluster:
    cluster = chat()
    cluster.add(node("node-2", 8))
    return cluster.settle()


async def test_a_node_is_closed_with_its_version_and_opened_again() -> None:
    cluster = nodes()
    plan = await make_plan(Cordon(NODE), cluster.context())
    version = cluster.get("Node", "", "node-1")["metadata"]["resourceVersion"]
    (mutation,) = plan.steps[0].mutations
    assert mutation.path == "/api/v1/nodes/node-1"
    assert mutation.body == {"metadata": {"resourceVersion": version}, "spec": {"unschedulable": True}}
    assert plan.undo.request == Uncordon(NODE)
    assert (await CordonAction().execute(plan, HandWork(cluster))).ok
    assert cluster.get("Node", "", "node-1")["spec"]["unschedulable"] is True
    back = await make_plan(Uncordon(NODE), cluster.context())
    assert back.steps[0].mutations[0].body["spec"] == {"unschedulable": None}
    assert back.undo.request == Cordon(NODE)
    assert (await CordonAction().execute(back, HandWork(cluster))).ok
    assert "unschedulable" not in cluster.get("Node", "", "node-1")["spec"]


async def test_a_node_that_is_so_already_is_told() -> None:
    cluster = nodes()
    assert verdict(await make_plan(Uncordon(NODE), cluster.context()), "node") is Verdict.WARN
    await CordonAction().execute(await make_plan(Cordon(NODE), cluster.context()), HandWork(cluster))
    assert verdict(await make_plan(Cordon(NODE), cluster.context()), "node") is Verdict.WARN


async def test_the_room_that_is_left_is_told() -> None:
    cluster = nodes()
    plan = await make_plan(Cordon(NODE), cluster.context())
    assert verdict(plan, "spare GPUs") is Verdict.PASS
    cluster.objects["Node", "", "node-2"]["spec"]["unschedulable"] = True
    cluster.settle()
    plan = await make_plan(Cordon(NODE), cluster.context())
    assert verdict(plan, "spare GPUs") is Verdict.WARN


async def test_a_node_that_changed_since_the_plan_is_a_conflict() -> None:
    cluster = nodes()
    plan = await make_plan(Cordon(NODE), cluster.context())
    cluster.add(node("node-1", 12))
    with pytest.raises(ConflictError):
        await CordonAction().execute(plan, HandWork(cluster))


async def test_a_taint_that_does_not_come_is_said() -> None:
    cluster = nodes()
    plan = await make_plan(Cordon(NODE), cluster.context())
    # The node controller is dead: the taint that it sets within a second never appears.
    cluster.settle = lambda: cluster  # type: ignore[method-assign]
    outcome = await CordonAction().execute(plan, HandWork(cluster))
    assert outcome.result is Result.TIMED_OUT
    assert "is missing" in outcome.text


@pytest.mark.parametrize(("closing", "expected"), [(True, "uncordoned node-1"), (False, "cordoned node-1")])
async def test_where_somebody_decides_otherwise_meanwhile_nobody_else_is_blamed(closing: bool, expected: str) -> None:
    """Two people at one node: the controller manager is alive, and half a minute need not be waited for."""
    cluster = nodes()
    cluster.objects["Node", "", "node-1"]["spec"]["unschedulable"] = not closing
    cluster.settle()
    plan = await make_plan(Cordon(NODE) if closing else Uncordon(NODE), cluster.context())

    def overrule(obj: dict[str, Any]) -> dict[str, Any]:
        return {**obj, "spec": {**obj["spec"], "unschedulable": not closing}}

    cluster.react = overrule
    begun = cluster.clock
    outcome = await CordonAction().execute(plan, HandWork(cluster))
    assert outcome.result is Result.FAILED
    assert outcome.text == f"somebody else has {expected} since"
    assert "controller manager" not in outcome.remedy
    assert cluster.clock == begun


async def test_a_node_that_was_made_again_meanwhile_is_another() -> None:
    cluster = nodes()
    plan = await make_plan(Cordon(NODE), cluster.context())
    cluster.react = lambda obj: {**obj, "metadata": {**obj["metadata"], "uid": "another"}}
    with pytest.raises(NotFoundError, match="another with its name was created"):
        await CordonAction().execute(plan, HandWork(cluster))

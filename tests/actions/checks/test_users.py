"""A plan never reports "nothing against it" while its model queues, or misses its objective."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.checks.users import check_users
from actions.kinds.scale import Scale
from actions.planning.plan import Verdict
from actions.request import Target
from console.views.plan import summary_of
from fleet.model.facts import Dated, Facts
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from fleet.objectives.burn_rate import WINDOWS
from fleet.objectives.ledger import Ledger, Tally
from fleet.objectives.objective import Goals, objective
from fleet.objectives.owners import RequestOwner
from fleet.snapshot.builder import Builder
from tests.actions.plans import make_plan
from tests.actions.stage import NOW, SNAPSHOT, FakeCluster
from tests.actions.stage import deployment as raw
from tests.fleet import rows

CALM = "no objections"
PODS = [f"chat-7c9f58-x2k4{end}" for end in "bcdf"]


def fleet(waiting: float = 0.0, failing: float = 0.0) -> Snapshot:
    """A model with four replicas: so many wait in each, and this share of the requests fails."""
    numbers = {Quantity.RUNNING: 4.0, Quantity.WAITING: waiting, Quantity.GENERATION_TOKENS: 100.0}
    measured = rows.measurement({rows.engine(name): numbers for name in PODS}, at=NOW)
    state = rows.kube([rows.pod(name, node="gpu-1") for name in PODS], rows.deployment(desired=4))
    goals, owner = Goals((objective("errors", 0.01),)), RequestOwner("serving", "chat")
    spent = {window: {owner: Tally(bad=100 * failing, all=100.0)} for window in (*WINDOWS, goals.period)}
    ledger = Ledger(goals, spent, {owner: NOW - goals.period}, dict.fromkeys(spent, NOW), "prometheus")
    facts = Facts({"objectives": Dated(NOW, ledger)})
    built = Builder().build(state, measured, SNAPSHOT.sources, NOW, facts=facts)
    return replace(built, cluster=SNAPSHOT.cluster, measured_at=NOW - 2)


async def planned(snapshot: Snapshot) -> tuple[str, list[str]]:
    stage = FakeCluster(snapshot=snapshot)
    stage.add(raw("chat"))
    plan = await make_plan(Scale(Target("Deployment", "serving", "chat"), 5), stage.context())
    return summary_of(plan), [one.text for one in plan.checks if one.about == "users" and one.verdict is Verdict.WARN]


@pytest.mark.parametrize("waiting", [0.0, 0.25, 1.0])
async def test_a_plan_on_a_calm_model_has_nothing_to_say_of_users(waiting: float) -> None:
    """A request that waits for the next batch of its engine is no queue."""
    _, lines = await planned(fleet(waiting=waiting))
    assert lines == []


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (fleet(waiting=10), ["40 requests of llama wait now"]),
        (fleet(failing=0.05), ["llama misses its objective: errors, 5 % bad where 1 % may be"]),
    ],
    ids=["it queues", "it misses its objective"],
)
async def test_a_plan_on_one_that_queues_or_misses_its_objective_warns(snapshot: Snapshot, expected: list[str]) -> None:
    summary, lines = await planned(snapshot)
    assert lines == expected
    assert CALM not in summary


@pytest.mark.parametrize("target", [Target("Pod", "serving", PODS[0]), Target("Node", "", "gpu-1")])
async def test_a_pod_and_its_node_are_of_the_model_that_they_serve(target: Target) -> None:
    stage = FakeCluster(snapshot=fleet(waiting=10))
    stage.add(raw("chat"))
    plan = await make_plan(Scale(Target("Deployment", "serving", "chat"), 5), stage.context())
    found = await check_users(replace(plan, request=Scale(target, 5)), stage.context())
    assert found is not None
    assert found.text == "40 requests of llama wait now"

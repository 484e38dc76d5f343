"""Bounds and holds: changes that persist despite an autoscaler."""

from __future__ import annotations

from typing import Any

import pytest

from actions.kinds.bounds import Bounds
from actions.kinds.hold import Hold
from actions.planning.plan import MERGE, Change, Verdict
from actions.request import Target
from actions.running.progress import Result
from fleet.sources.kube.errors import KubeError
from tests.actions.plans import check, make_plan
from tests.actions.rolled import CHAT, chat, owner
from tests.actions.stage import SCOPE, FakeCluster, settled

HPA = Target("HorizontalPodAutoscaler", "serving", "chat", "uid-hpa", SCOPE.cluster)
SCALED = Target("ScaledObject", "serving", "chat", "uid-so", SCOPE.cluster)
PAUSED_AT = "autoscaling.keda.sh/paused-replicas"
PAUSED = "autoscaling.keda.sh/paused"


def scaled(gpus: int = 16, replicas: int = 2, **metadata: Any) -> FakeCluster:
    """``chat``, with an HPA from 1 to 4 and a ScaledObject with KEDA's defaults, whose controllers act at once."""
    cluster = chat(gpus, replicas)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"}
    cluster.add(
        {
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "chat", "namespace": "serving", "uid": "uid-hpa", **metadata},
            "spec": {"scaleTargetRef": reference, "maxReplicas": 4},
        },
        {
            "kind": "ScaledObject",
            "metadata": {"name": "chat", "namespace": "serving", "uid": "uid-so", **metadata},
            "spec": {"scaleTargetRef": {"name": "chat"}},
        },
    )

    def autoscale(obj: dict[str, Any]) -> dict[str, Any]:
        workload = cluster.get("Deployment", "serving", "chat")
        held = (obj["metadata"].get("annotations") or {}).get(PAUSED_AT)
        spec, now = obj["spec"], workload["spec"]["replicas"]
        low = spec.get("minReplicas", spec.get("minReplicaCount", 0))
        high = spec.get("maxReplicas", spec.get("maxReplicaCount", 100))
        workload["spec"]["replicas"] = int(held) if held is not None else min(max(now, low), high)
        cluster.add(settled(workload))
        return obj

    cluster.react = autoscale
    return cluster


async def test_an_hpa_gets_new_bounds_and_its_workload_follows() -> None:
    cluster = scaled()
    runner = cluster.runner()
    version = cluster.get("HorizontalPodAutoscaler", "serving", "chat")["metadata"]["resourceVersion"]
    plan = await runner.executor.plan(Bounds(HPA, minimum=3))
    (mutation,) = plan.steps[0].mutations
    assert mutation.content_type == MERGE
    assert mutation.body == {
        "metadata": {"resourceVersion": version},
        "spec": {"minReplicas": 3, "maxReplicas": 4},
    }
    assert plan.changes == (Change("minimum", "1", "3"), Change("maximum", "4", "4"))
    assert "goes from 2 to 3" in check(plan, "replicas").text
    assert check(plan, "spare GPUs").verdict is Verdict.PASS
    assert plan.undo.request == Bounds(HPA, 1, 4), "1 is what no minimum means"
    assert (await runner.wait(runner.start(plan, "", "yes").id)).result is Result.CONVERGED
    assert cluster.get("Deployment", "serving", "chat")["spec"]["replicas"] == 3


async def test_a_scaled_object_has_its_own_names_and_defaults() -> None:
    plan = await make_plan(Bounds(SCALED, 2, 2), scaled().context())
    assert plan.mutations[0].body["spec"] == {"minReplicaCount": 2, "maxReplicaCount": 2}
    assert plan.mutations[0].path == "/apis/keda.sh/v1alpha1/namespaces/serving/scaledobjects/chat"
    assert plan.undo.request == Bounds(SCALED, 0, 100)
    assert [a.request for a in plan.alternatives] == [Hold(SCALED, 2)]


async def test_bounds_that_cross_are_blocked_before_the_server_says_so() -> None:
    found = check(await make_plan(Bounds(HPA, minimum=5), scaled().context()), "bounds")
    assert found.verdict is Verdict.BLOCK
    assert "minimum 5 is more than the maximum 4" in found.text


async def test_the_hpa_of_keda_is_left_to_keda() -> None:
    plan = await make_plan(Bounds(HPA, 2, 3), scaled(ownerReferences=[owner("ScaledObject", "chat")]).context())
    assert check(plan, "owner").verdict is Verdict.BLOCK
    assert [a.request for a in plan.alternatives] == [Bounds(HPA.sibling("ScaledObject", "chat", "uid-chat"), 2, 3)]


async def test_more_than_there_are_gpus_for_is_said() -> None:
    found = check(await make_plan(Bounds(HPA, minimum=4), scaled(gpus=12).context()), "spare GPUs")
    assert found.verdict is Verdict.WARN
    assert "room for 1 of 2 more pods" in found.text


async def test_at_0_an_hpa_is_off_and_nothing_is_waited_for() -> None:
    cluster = scaled(replicas=0)
    runner = cluster.runner()
    plan = await runner.executor.plan(Bounds(HPA, 2, 3))
    assert "where an HPA is disabled" in check(plan, "replicas").text
    assert (await runner.wait(runner.start(plan, "", "yes").id)).result is Result.CONVERGED


async def test_a_scaled_object_is_held_and_let_go() -> None:
    cluster = scaled()
    runner = cluster.runner()
    plan = await runner.executor.plan(Hold(SCALED, 3))
    version = cluster.get("ScaledObject", "serving", "chat")["metadata"]["resourceVersion"]
    assert plan.mutations[0].body == {"metadata": {"resourceVersion": version, "annotations": {PAUSED_AT: "3"}}}
    assert plan.undo.request == Hold(SCALED)
    assert (await runner.wait(runner.start(plan, "", "yes").id)).result is Result.CONVERGED
    assert cluster.get("Deployment", "serving", "chat")["spec"]["replicas"] == 3
    back = await runner.executor.plan(Hold(SCALED))
    assert back.changes == (Change("held at", "3", "nothing"),)
    assert back.undo.request == Hold(SCALED, 3)
    assert (await runner.wait(runner.start(back, "", "yes").id)).result is Result.CONVERGED
    assert not cluster.get("ScaledObject", "serving", "chat")["metadata"]["annotations"]


async def test_a_hold_that_somebody_sets_meanwhile_is_not_laid_on_keda() -> None:
    cluster = scaled(annotations={PAUSED_AT: "3"})
    runner = cluster.runner()
    plan = await runner.executor.plan(Hold(SCALED))
    cluster.react = lambda obj: {**obj, "metadata": {**obj["metadata"], "annotations": {PAUSED_AT: "5"}}}
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert (outcome.result, outcome.text) == (Result.FAILED, "somebody else has held it at 5 since")


async def test_letting_go_takes_both_of_kedas_annotations_away() -> None:
    plan = await make_plan(Hold(SCALED), scaled(annotations={PAUSED: "true"}).context())
    assert plan.mutations[0].body["metadata"]["annotations"] == {PAUSED_AT: None, PAUSED: None}
    assert plan.undo.request == Hold(SCALED, 2), "where it is held now"


@pytest.mark.parametrize(
    ("replicas", "annotations", "verdict", "words"),
    [
        (None, {}, Verdict.BLOCK, "not held"),
        (3, {PAUSED_AT: "3"}, Verdict.BLOCK, "held at 3 already"),
        (0, {}, Verdict.WARN, "nothing of chat answers"),
        (2, {}, Verdict.WARN, "stays at 2"),
    ],
)
async def test_what_a_hold_means_is_said(
    replicas: int | None, annotations: dict[str, str], verdict: Verdict, words: str
) -> None:
    found = check(await make_plan(Hold(SCALED, replicas), scaled(annotations=annotations).context()), "pause")
    assert found.verdict is verdict
    assert words in found.text


async def test_an_autoscaler_that_does_not_act_times_out() -> None:
    cluster = scaled().with_rules(follow_timeout=0.0)
    cluster.react = lambda obj: obj
    runner = cluster.runner()
    plan = await runner.executor.plan(Bounds(HPA, minimum=3))
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.TIMED_OUT
    assert "still wants 2" in outcome.text


async def test_other_kinds_have_no_bounds() -> None:
    with pytest.raises(KubeError, match="a Deployment cannot be given bounds"):
        await make_plan(Bounds(CHAT, 1, 2), scaled().context())
    with pytest.raises(KubeError, match="a Deployment cannot be held"):
        await make_plan(Hold(CHAT, 1), scaled().context())

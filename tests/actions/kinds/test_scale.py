"""Scale: its plan, its requests, and the users who may undo it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.kinds.bounds import Bounds
from actions.kinds.hold import Hold
from actions.kinds.scale import Scale
from actions.kinds.scale.action import victims
from actions.planning.plan import Change, Verdict
from actions.request import Target
from actions.running.progress import Result
from fleet.model.coverage import Coverage
from fleet.model.objects import Pod, Workload
from fleet.model.snapshot import Cluster, Snapshot
from fleet.sources.kube.errors import KubeError, NotFoundError
from tests.actions.plans import check, make_plan
from tests.actions.stage import OTHERS, SCOPE, FakeCluster, deployment

CHAT = Target("Deployment", "serving", "chat-70b", "uid-chat-70b", SCOPE.cluster)
PATH = "/apis/apps/v1/namespaces/serving/deployments/chat-70b"


def cluster(replicas: int = 4) -> FakeCluster:
    stage = FakeCluster()
    stage.add(deployment(replicas=replicas))
    return stage


def autoscaler(minimum: int = 2, maximum: int = 6) -> dict[str, object]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat-70b"}
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "chat-70b", "namespace": "serving", "uid": "uid-hpa"},
        "spec": {"scaleTargetRef": reference, "minReplicas": minimum, "maxReplicas": maximum},
    }


async def test_autoscalers_that_may_not_be_listed_are_not_known_and_never_none() -> None:
    stage = cluster()
    stage.snapshot = replace(stage.snapshot, coverage=Coverage(limited={"horizontalpodautoscalers.autoscaling": ()}))
    found = check(await make_plan(Scale(CHAT, 6), stage.context()), "autoscaler")
    assert found.verdict is Verdict.WARN
    assert found.text.endswith("is not known: you may not list horizontalpodautoscalers")


@pytest.mark.parametrize("resource", ["scaledobjects", "horizontalpodautoscalers"])
async def test_autoscalers_of_either_kind_that_may_not_be_listed_are_not_known_and_never_none(resource: str) -> None:
    stage = cluster()
    stage.forbidden.add(f"list {resource}")
    found = check(await make_plan(Scale(CHAT, 6), stage.context()), "autoscaler")
    assert found.verdict is Verdict.WARN
    assert found.text.endswith(f"is not known: you may not list {resource}")


async def test_an_autoscaler_that_is_found_tells_although_those_of_keda_may_not_be_listed() -> None:
    stage = cluster()
    stage.add(autoscaler(maximum=6))
    stage.forbidden.add("list scaledobjects")
    found = check(await make_plan(Scale(CHAT, 7), stage.context()), "autoscaler")
    assert found.verdict is Verdict.BLOCK
    assert found.text.startswith("HPA chat-70b keeps it within 2 to 6")


async def test_a_plan_names_the_exact_request_and_changes_nothing() -> None:
    stage = cluster()
    plan = await make_plan(Scale(CHAT, 6), stage.context())
    (mutation,) = plan.steps[0].mutations
    assert (mutation.method, mutation.path) == ("PATCH", f"{PATH}/scale")
    version = stage.get("Deployment", "serving", "chat-70b")["metadata"]["resourceVersion"]
    assert mutation.body == {"metadata": {"resourceVersion": version}, "spec": {"replicas": 6}}
    assert mutation.query == {"fieldManager": "quarterdeck", "fieldValidation": "Strict"}
    assert plan.changes == (Change("replicas", "4", "6"),)
    assert plan.undo.request == Scale(CHAT, 4)
    assert plan.verdict is Verdict.PASS
    assert not stage.mutations()
    assert f"DRY PATCH {PATH}/scale" in stage.asked


async def test_an_identity_without_the_permission_is_told_which_one() -> None:
    stage = cluster()
    stage.forbidden.add("patch deployments/scale")
    plan = await make_plan(Scale(CHAT, 6), stage.context())
    assert check(plan, "permission").verdict is Verdict.BLOCK
    assert "patch deployments/scale.apps" in check(plan, "permission").text
    assert not [c for c in plan.checks if c.about == "server"], "the dry run fails for the same reason"


async def test_what_an_autoscaler_would_undo_is_blocked_and_lasting_ways_are_offered() -> None:
    stage = cluster()
    stage.add(autoscaler(2, 6))
    plan = await make_plan(Scale(CHAT, 8), stage.context())
    found = check(plan, "autoscaler")
    assert found.verdict is Verdict.BLOCK
    assert "2 to 6" in found.text
    assert "15 s" in found.text
    hpa = CHAT.sibling("HorizontalPodAutoscaler", "chat-70b", "uid-hpa")
    assert {a.request for a in plan.alternatives} == {Bounds(hpa, 8, 8)}, "at least 8 and exactly 8 are the same"


async def test_within_the_bounds_the_autoscaler_may_still_move_it() -> None:
    stage = cluster()
    stage.add(autoscaler(2, 6))
    plan = await make_plan(Scale(CHAT, 5), stage.context())
    assert check(plan, "autoscaler").verdict is Verdict.WARN
    assert [a.request.target.name for a in plan.alternatives] == ["chat-70b", "chat-70b"]


async def test_keda_is_paused_by_annotation() -> None:
    stage = cluster()
    stage.add(
        {
            "kind": "ScaledObject",
            "metadata": {"name": "chat", "namespace": "serving", "uid": "uid-so"},
            "spec": {"scaleTargetRef": {"name": "chat-70b"}, "minReplicaCount": 1, "maxReplicaCount": 3},
        },
        autoscaler(1, 3),
    )
    plan = await make_plan(Scale(CHAT, 6), stage.context())
    assert "KEDA ScaledObject chat" in check(plan, "autoscaler").text
    scaled = CHAT.sibling("ScaledObject", "chat", "uid-so")
    assert Hold(scaled, 6) in [a.request for a in plan.alternatives]
    assert all(a.request.target == scaled for a in plan.alternatives), "KEDA writes its HPA again at once"


async def test_zero_is_said_to_be_an_off_switch() -> None:
    stage = cluster()
    stage.add(autoscaler())
    plan = await make_plan(Scale(CHAT, 0), stage.context())
    assert "off-switch" in check(plan, "autoscaler").text
    assert check(plan, "replicas").verdict is Verdict.WARN


async def test_leaving_zero_hands_control_back() -> None:
    stage = cluster(0)
    stage.add(autoscaler())
    plan = await make_plan(Scale(CHAT, 3), stage.context())
    assert "hands control back" in check(plan, "autoscaler").text
    assert plan.undo.request == Scale(CHAT, 0)


async def test_a_name_that_was_used_again_is_another_object() -> None:
    stage = cluster()
    with pytest.raises(NotFoundError, match="not the one that was chosen"):
        await make_plan(Scale(Target("Deployment", "serving", "chat-70b", "uid-of-yesterday"), 6), stage.context())


async def test_the_change_is_sent_recorded_and_followed() -> None:
    stage = cluster()
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    outcome = await runner.wait(runner.start(plan, "INC-7", "typed chat-70b").id)
    assert outcome.result is Result.CONVERGED
    assert stage.get("Deployment", "serving", "chat-70b")["spec"]["replicas"] == 6
    assert stage.mutations() == [f"PATCH {PATH}/scale", "POST /api/v1/namespaces/serving/events"]
    first = stage.asked.index(f"PATCH {PATH}/scale")
    assert stage.asked[first - 2 : first] == ["AUDIT intent", "AUDIT sending"], "written down before it is sent"
    assert stage.asked[first + 1] == "AUDIT answered"
    assert stage.audited[-1][0] == "result"
    assert stage.audited[0][2]["reason"] == "INC-7"


async def test_a_change_in_between_is_never_overwritten() -> None:
    stage = cluster()
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    stage.add(deployment(replicas=5))
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.CONFLICT
    assert "plan it again" in outcome.remedy
    assert stage.get("Deployment", "serving", "chat-70b")["spec"]["replicas"] == 5


async def test_somebody_who_decides_otherwise_meanwhile_is_noticed() -> None:
    stage = cluster()

    def autoscaled(obj: dict[str, object]) -> dict[str, object]:
        return deployment(replicas=4)

    stage.react = autoscaled
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.FAILED
    assert "somebody else has since set 4 replicas" in outcome.text


def test_who_goes_first_is_who_the_controllers_choose() -> None:
    def pod(name: str, *, ready: bool = True, cost: str = "", created: float = 0.0) -> Pod:
        notes = {"controller.kubernetes.io/pod-deletion-cost": cost} if cost else {}
        return Pod("serving", name, name, "1", created, "Running", "Running", ready, 0, "node-1", annotations=notes)

    pods = [pod("old"), pod("young", created=9.0), pod("loading", ready=False), pod("cheap", cost="-10")]
    stateful = [pod("coder-2"), pod("coder-10"), pod("coder-9")]
    snapshot = Snapshot(
        1,
        0.0,
        Cluster(),
        pods={p.key: p for p in [*pods, *stateful]},
        pods_of={
            "serving/Deployment/chat-70b": tuple(p.key for p in pods),
            "serving/StatefulSet/coder": tuple(p.key for p in stateful),
        },
    )
    going = victims(snapshot, CHAT, 3)
    assert going == ["serving/loading", "serving/cheap", "serving/young"]
    assert victims(snapshot, Target("StatefulSet", "serving", "coder"), 2) == ["serving/coder-10", "serving/coder-9"]
    assert not victims(snapshot, CHAT, -2)


async def test_an_owner_without_replicas_says_what_it_makes_and_what_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OTHERS, "InferenceService", ("serving.kserve.io", "v1beta1", "inferenceservices"))
    stage = cluster()
    meta = {"name": "chat", "namespace": "serving", "uid": "uid-isvc"}
    stage.add({"kind": "InferenceService", "metadata": meta, "spec": {"predictor": {"minReplicas": 2}}})
    made = Workload("Deployment", "serving", "chat-predictor", "uid-d", "1", 0.0, 2)
    top = "serving/InferenceService/chat"
    stage.snapshot = replace(stage.snapshot, parts={made.key: made}, part_of={made.key: top})
    with pytest.raises(KubeError, match="it creates Deployment chat-predictor and sets theirs") as refused:
        await make_plan(Scale(Target("InferenceService", "serving", "chat"), 3), stage.context())
    assert "spec.predictor.minReplicas" in refused.value.remedy

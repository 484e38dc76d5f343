"""Several objects under one plan: its sentences, the order of the changes, and the undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actions.audit.log import AuditLog
from actions.audit.opened_logs import open_folder
from actions.audit.query import AuditQuery
from actions.audit.timeline import AuditTimeline
from actions.catalogue import from_json, spec_of
from actions.kinds.cordon import Cordon, Uncordon
from actions.kinds.drain_node import DrainNode
from actions.kinds.pausing import Pause
from actions.kinds.scale import Scale
from actions.planning.freeze import FreezeWindow
from actions.planning.large_step import large_step
from actions.planning.plan import Plan, Verdict
from actions.planning.plan_json import recorded_plan
from actions.request import InTurn, Target, in_turn, to_json
from actions.running.action_run import ActionRun
from actions.running.progress import Outcome, Result
from fleet.model.coverage import Coverage
from fleet.sources.kube.errors import ForbiddenError, NotFoundError, ServerError
from tests.actions.plans import check
from tests.actions.stage import SCOPE, FakeCluster, deployment
from tests.actions.test_undo import ME, Recorded

NAMES = ("chat-a", "chat-b", "chat-c")
A, B, C = (Target("Deployment", "serving", name, f"uid-{name}", SCOPE.cluster) for name in NAMES)


def path(name: str) -> str:
    return f"/apis/apps/v1/namespaces/serving/deployments/{name}"


def to(replicas: int, *targets: Target) -> InTurn:
    request = spec_of("scale").make({"replicas": replicas}, targets or (A, B, C))
    assert isinstance(request, InTurn)
    return request


@pytest.fixture
def stage() -> FakeCluster:
    stage = FakeCluster()
    for i, name in enumerate(NAMES):
        stage.add(deployment(name, replicas=i + 2))
    return stage


async def do(stage: FakeCluster, plan: Plan, changed: Callable[[ActionRun], None] = lambda _: None) -> Outcome:
    runner = stage.runner(changed)
    return await runner.wait(runner.start(plan, "INC-1", "yes").id)


def written(stage: FakeCluster) -> list[str]:
    """The objects that were written to, in order; not the notes on them."""
    return [line.split("/")[-2] for line in stage.mutations() if line.endswith("/scale")]


def replicas(stage: FakeCluster) -> list[int]:
    return [stage.get("Deployment", "serving", name)["spec"]["replicas"] for name in NAMES]


async def test_one_plan_has_the_steps_the_changes_and_the_requests_of_each(stage: FakeCluster) -> None:
    plan = await stage.executor.plan(to(5))
    assert plan.title == "Scale chat-a, chat-b, chat-c"
    assert [step.title for step in plan.steps] == [
        f"{name}: {title}" for name in NAMES for title in ("set 5 replicas", "wait until they are ready")
    ]
    assert [(change.what, change.before, change.after) for change in plan.changes] == [
        ("chat-a replicas", "2", "5"),
        ("chat-b replicas", "3", "5"),
        ("chat-c replicas", "4", "5"),
    ]
    sent = [mutation for mutation in plan.mutations if mutation.method == "PATCH"]
    assert [mutation.path for mutation in sent] == [f"{path(name)}/scale" for name in NAMES]
    assert len(plan.mutations) == 6, "a note on each of them"
    assert not stage.mutations()


async def test_what_is_alike_is_said_once_and_a_warning_names_its_object(stage: FakeCluster) -> None:
    stage.add(deployment("chat-b", replicas=3, annotations={"meta.helm.sh/release-name": "serving"}))
    plan = await stage.executor.plan(to(5))
    assert check(plan, "permission").text == "patch deployments/scale.apps: allowed"
    assert check(plan, "data").verdict is Verdict.PASS
    owner = check(plan, "owner")
    assert "chat-b: Helm release" in owner.text
    assert owner.text.startswith("nothing else manages chat-a, chat-c; ")


async def test_one_that_is_forbidden_forbids_all_and_the_others_are_offered(stage: FakeCluster) -> None:
    plan = await stage.executor.plan(to(4))
    (forbidden,) = plan.blocks
    assert forbidden.text == "chat-c: it already wants 4"
    (without,) = plan.alternatives
    assert without.title == "without chat-c"
    left = await stage.executor.plan(without.request)
    assert [target.name for target in left.request.targets] == ["chat-a", "chat-b"]
    assert not left.blocks


async def test_each_is_begun_once_the_one_before_it_has_arrived(stage: FakeCluster) -> None:
    states: list[ActionRun] = []
    outcome = await do(stage, await stage.executor.plan(to(5)), states.append)
    assert outcome.result is Result.CONVERGED
    assert outcome.text.splitlines() == [f"{name}: 5 of 5 available" for name in NAMES]
    assert written(stage) == list(NAMES)
    assert replicas(stage) == [5, 5, 5]
    assert [progress.step for progress in states[-1].progress] == list(range(6))
    notes = [line for line in stage.mutations() if line.endswith("/events")]
    assert len(notes) == 3
    actions = {action for _, action, _ in stage.audited}
    assert len(actions) == 1, "one group of records"
    (intent,) = [content for event, _, content in stage.audited if event == "intent"]
    assert intent["kind"] == "scale"
    assert [target["name"] for target in intent["targets"]] == list(NAMES)
    assert intent["confirmation"] == "yes"


async def test_the_first_that_fails_ends_it_and_what_was_done_and_what_was_not_is_said(stage: FakeCluster) -> None:
    plan = await stage.executor.plan(to(5))
    stage.fail[f"{path('chat-b')}/scale"] = ServerError("etcd is gone", status=500)
    states: list[ActionRun] = []
    # The failure must happen at the write: the dry run is sent when it is planned again before.
    stage.dry_run = _passes  # type: ignore[method-assign]
    outcome = await do(stage, plan, states.append)
    assert outcome.result is Result.FAILED
    assert outcome.text.splitlines() == ["chat-b: etcd is gone", "done so far: chat-a", "not started: chat-c"]
    assert replicas(stage) == [5, 3, 4]
    assert states[-1].plan.undo.request == Scale(A, 2), "what was not done is not undone"
    (undo,) = [content for event, _, content in stage.audited if event == "undo"]
    assert undo["request"] == to_json(Scale(A, 2))


async def _passes(mutation: object) -> dict[str, Any]:
    del mutation
    return {}


@pytest.mark.parametrize("vanished", NAMES)
async def test_one_that_is_deleted_before_its_turn_is_said_to_be_gone(stage: FakeCluster, vanished: str) -> None:
    """The first as well, which is not planned again between the confirmation and its first request."""
    plan = await stage.executor.plan(to(5))
    stage.fail[f"{path(vanished)}/scale"] = NotFoundError(f'deployments.apps "{vanished}" not found', status=404)
    stage.dry_run = _passes  # type: ignore[method-assign]
    outcome = await do(stage, plan)
    assert outcome.result is Result.FAILED
    assert outcome.text.splitlines()[0] == f"{vanished}: Deployment {vanished} is gone: it was deleted meanwhile"
    assert outcome.remedy.startswith("Nothing is sent for it")


async def test_one_that_somebody_changed_meanwhile_is_not_overwritten(stage: FakeCluster) -> None:
    plan = await stage.executor.plan(to(5))

    def meanwhile(obj: dict[str, Any]) -> dict[str, Any]:
        if obj["metadata"]["name"] == "chat-a":
            stage.add(deployment("chat-b", replicas=9))
        return {**obj, "status": deployment(replicas=obj["spec"]["replicas"])["status"] | {"observedGeneration": 9}}

    stage.react = meanwhile
    outcome = await do(stage, plan)
    assert outcome.result is Result.CONFLICT
    assert outcome.text.startswith("chat-b: Deployment chat-b was changed since it was planned\ndone so far: chat-a")
    assert written(stage) == ["chat-a"]


async def test_one_that_is_forbidden_by_then_is_not_begun(stage: FakeCluster) -> None:
    plan = await stage.executor.plan(to(5, A, B))

    def meanwhile(obj: dict[str, Any]) -> dict[str, Any]:
        stage.forbidden.add("patch deployments/scale")
        return {**obj, "status": deployment(replicas=obj["spec"]["replicas"])["status"] | {"observedGeneration": 9}}

    stage.react = meanwhile
    outcome = await do(stage, plan)
    assert outcome.result is Result.FAILED
    assert "chat-b: it is now forbidden: oncall@corp may not patch deployments/scale" in outcome.text
    assert written(stage) == ["chat-a"]


async def test_a_refusal_of_the_very_first_is_told_as_one(stage: FakeCluster) -> None:
    plan = await stage.executor.plan(to(5))
    stage.fail[f"{path('chat-a')}/scale"] = ForbiddenError("cannot", status=403)
    outcome = await do(stage, plan)
    assert outcome.cause.value == "forbidden"
    assert "not started: chat-b, chat-c" in outcome.text


async def test_all_are_taken_back_the_last_first_or_each_alone(tmp_path: Path, stage: FakeCluster) -> None:
    log = Recorded(stage, tmp_path)
    assert await log.do(to(5)) is Result.CONVERGED
    undo = await log.undo()
    assert undo.request == in_turn([Scale(C, 4), Scale(B, 3), Scale(A, 2)])
    assert check(undo, "since then").verdict is Verdict.PASS
    assert [other.title for other in undo.alternatives][:3] == ["chat-c alone", "chat-b alone", "chat-a alone"]
    assert undo.alternatives[1].request == Scale(B, 3)
    assert await log.do(undo) is Result.CONVERGED
    assert replicas(stage) == [2, 3, 4]
    (first, _) = open_folder(tmp_path).actions
    assert first.intent.target_name == "serving/Deployment/chat-a and 2 more"
    assert AuditQuery(target="*/chat-c").matches(first), "found by each of its objects"
    assert not AuditQuery(target="chat-d").matches(first)
    timeline = await AuditTimeline(tmp_path, SCOPE.cluster).read(0.0)
    assert {entry.about.name for entry in timeline.entries} == set(NAMES), "each has it in its past"


async def test_after_a_failure_only_what_was_done_is_taken_back(tmp_path: Path, stage: FakeCluster) -> None:
    log = Recorded(stage, tmp_path)
    plan = await stage.executor.plan(to(5))
    stage.fail[f"{path('chat-b')}/scale"] = ServerError("etcd is gone", status=500)
    stage.dry_run = _passes  # type: ignore[method-assign]
    assert await log.do(plan) is Result.FAILED
    assert (await log.undo(ME)).request == Scale(A, 2)


async def test_of_what_was_cut_off_only_what_was_done_is_taken_back(tmp_path: Path, stage: FakeCluster) -> None:
    """A console that was killed has recorded the way back of all."""
    log = Recorded(stage, tmp_path)
    plan = await stage.executor.plan(to(5))
    AuditLog(tmp_path, ME).append("intent", "k1", recorded_plan(plan))
    AuditLog(tmp_path, ME).append("sending", "k1", {"method": "PATCH", "path": f"{path('chat-a')}/scale"})
    stage.objects["Deployment", "serving", "chat-a"]["spec"]["replicas"] = 5
    undo = await log.undo()
    assert undo.request == Scale(A, 2)
    assert not undo.blocks
    assert check(undo, "as before").text.startswith("chat-c, chat-b: already as before")
    assert check(undo, "since then").verdict is Verdict.PASS


async def test_what_is_left_of_several_is_taken_back_where_one_is_gone(tmp_path: Path, stage: FakeCluster) -> None:
    log = Recorded(stage, tmp_path)
    assert await log.do(to(5)) is Result.CONVERGED
    del stage.objects["Deployment", "serving", "chat-b"]
    undo = await log.undo()
    assert undo.request == in_turn([Scale(C, 4), Scale(A, 2)])
    assert check(undo, "gone").text.startswith("chat-b: not undone")
    assert await log.do(undo) is Result.CONVERGED
    assert undo.undoes == open_folder(tmp_path).actions[0].id


async def test_a_reason_that_one_of_them_needs_is_needed_for_all(stage: FakeCluster) -> None:
    window = FreezeWindow("month-end", "00:00", "00:00", namespaces=("other",))
    elsewhere = deployment("chat-d")
    elsewhere["metadata"]["namespace"] = "other"
    stage.add(elsewhere)
    stage.with_rules(freezes=(window,))
    other = Target("Deployment", "other", "chat-d", "uid-chat-d", SCOPE.cluster)
    assert not (await stage.executor.plan(to(5, A, B))).scope.require_reason
    assert (await stage.executor.plan(to(5, A, other))).scope.require_reason


def test_a_record_of_several_is_read_as_what_it_was() -> None:
    request = in_turn([Scale(A, 2), Pause(B)])
    read = from_json(to_json(request))
    assert isinstance(read, InTurn)
    assert [(type(part), part.target.name) for part in read.parts] == [(Scale, "chat-a"), (Pause, "chat-b")]
    with pytest.raises(ValueError, match="parts are missing"):
        from_json({"kind": "in-turn", "target": A.to_json()})


async def test_a_large_step_of_one_of_them_is_a_large_step(stage: FakeCluster) -> None:
    large = large_step(await stage.executor.plan(to(20)))
    assert large is not None
    assert (large.what, large.after) == ("replicas of chat-a", "20")
    assert large_step(await stage.executor.plan(to(5))) is None


async def test_what_may_not_be_seen_is_not_known_of_all(stage: FakeCluster) -> None:
    stage.snapshot = replace(stage.snapshot, coverage=Coverage(limited={"horizontalpodautoscalers.autoscaling": ()}))
    found = check(await stage.executor.plan(to(5)), "autoscaler")
    assert found.verdict is Verdict.WARN


def node(name: str) -> dict[str, Any]:
    return {"kind": "Node", "metadata": {"name": name, "uid": f"uid-{name}"}, "spec": {}, "status": {}}


async def test_what_several_may_do_otherwise_alike_is_one_alternative() -> None:
    one, two = (Target("Node", "", name, f"uid-{name}", SCOPE.cluster) for name in ("gpu-1", "gpu-2"))
    stage = FakeCluster()
    for name in ("gpu-1", "gpu-2"):
        stage.add(node(name), bare_pod(f"bare-{name}", name))
    plan = await stage.executor.plan(spec_of("drain-node").make({}, (one, two)))
    assert {found.about for found in plan.blocks} == {"unmanaged"}
    (too,) = [other for other in plan.alternatives if other.title == "drain them too"]
    forced = [DrainNode(target, force=True) for target in (one, two)]
    assert too.request == in_turn([Cordon(one), Cordon(two), *forced])
    assert not (await stage.executor.plan(too.request)).blocks


def bare_pod(name: str, on: str) -> dict[str, Any]:
    """One that nothing would start again."""
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "serving", "uid": f"uid-{name}"},
        "spec": {"nodeName": on, "containers": [{"name": "main"}]},
        "status": {"phase": "Running"},
    }


async def test_several_nodes_are_all_cordoned_before_the_first_is_drained() -> None:
    one, two = (Target("Node", "", name, f"uid-{name}", SCOPE.cluster) for name in ("gpu-1", "gpu-2"))
    request = spec_of("drain-node").make({}, (one, two))
    assert request == in_turn([Cordon(one), Cordon(two), DrainNode(one), DrainNode(two)])
    assert request.targets == (one, two)
    stage = FakeCluster()
    stage.add(node("gpu-1"), node("gpu-2"))
    plan = await stage.executor.plan(request)
    assert plan.kind == "drain-node"
    assert plan.title.startswith("Drain node gpu-1, gpu-2")
    assert plan.undo.request == in_turn([Uncordon(two), Uncordon(one)])

    def tainted(obj: dict[str, Any]) -> dict[str, Any]:
        taints = [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]
        return {**obj, "spec": {**obj["spec"], "taints": taints if obj["spec"].get("unschedulable") else []}}

    stage.react = tainted
    outcome = await do(stage, plan)
    assert outcome.ok, outcome.text
    nodes = [line.split("/")[-1] for line in stage.mutations() if "/nodes/" in line]
    assert nodes[:2] == ["gpu-1", "gpu-2"]
    assert recorded_plan(plan)["kind"] == "drain-node"


async def test_one_that_is_gone_is_told_in_words_before_anything_is_sent(stage: FakeCluster) -> None:
    plan = await stage.executor.plan(to(5))
    del stage.objects["Deployment", "serving", "chat-b"]
    with pytest.raises(NotFoundError) as raised:
        await stage.executor.plan(plan.request)
    assert raised.value.message == "Deployment chat-b is gone: it was deleted meanwhile"
    assert "unmark it" in raised.value.remedy
    outcome = await do(stage, plan)
    assert outcome.text.splitlines() == [
        "chat-b: Deployment chat-b is gone: it was deleted meanwhile",
        "done so far: chat-a",
        "not started: chat-c",
    ]
    assert written(stage) == ["chat-a"]

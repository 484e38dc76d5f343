"""Rollback: its plan for the two revisions, its requests, and the users who may undo it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from actions.kinds.pausing import Resume
from actions.kinds.rollback import RollBack
from actions.kinds.rollback.action import rollback_mutation
from actions.kinds.unblock import Unblock
from actions.planning.latency import latency_words
from actions.planning.plan import STRATEGIC, Change, Verdict
from actions.request import Target
from actions.revisions import CAUSE, revisions
from actions.running.progress import Result
from fleet.model.past import Latency
from fleet.model.problem import SourceProblem
from fleet.sources.kube.errors import KubeError
from tests.actions.plans import check, make_plan
from tests.actions.rolled import CHAT, CHAT_PATH, CODER, chat, coder, controller_revision, pod, replica_set, template
from tests.actions.stage import FakeCluster
from tests.conftest import RECORDINGS


async def test_the_template_of_the_one_before_is_written_and_nothing_else() -> None:
    cluster = chat()
    plan = await make_plan(RollBack(CHAT), cluster.context())
    version = cluster.get("Deployment", "serving", "chat")["metadata"]["resourceVersion"]
    (mutation,) = plan.steps[0].mutations
    assert (mutation.method, mutation.path) == ("PATCH", CHAT_PATH)
    assert mutation.content_type == "application/json-patch+json"
    assert mutation.body == [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/spec/template", "value": template(1)},
        {"op": "add", "path": "/metadata/annotations/kubernetes.io~1change-cause", "value": "model r1"},
    ]
    assert mutation.query == {"fieldManager": "quarterdeck", "fieldValidation": "Strict"}
    assert plan.title == "Roll back chat to revision 1"
    assert plan.request == RollBack(CHAT, "chat-h1"), "recorded by name: its number changes"
    assert plan.undo.request == RollBack(CHAT, "chat-h2")
    assert f"DRY PATCH {CHAT_PATH}" in cluster.asked
    assert not cluster.mutations()


async def test_what_differs_is_said_and_shown_and_no_secret_is() -> None:
    plan = await make_plan(RollBack(CHAT, "1"), chat().context())
    assert plan.changes == (
        Change("revision", "chat-h2", "chat-h1"),
        Change("image", "vllm:v2", "vllm:v1"),
        Change("model revision", "r2", "r1"),
        Change("arguments", "--revision r2", "--revision r1"),
        Change("latency while it ran", "not known", "not known"),
    )
    assert "--- 2 (chat-h2)\n+++ 1 (chat-h1)" in plan.diff
    assert "-    image: vllm:v2\n+    image: vllm:v1" in plan.diff
    assert "hf_secret" not in plan.diff
    assert "ConfigMap chat-settings" in check(plan, "revision").text
    assert "PVC weights" in check(plan, "revision").text
    assert "kubectl-edit" not in plan.steps[0].detail, "that is who wrote the other one"
    assert "model r1" in plan.steps[0].detail


async def test_it_is_done_and_followed_and_annotations_stay() -> None:
    cluster = chat()
    runner = cluster.runner()
    plan = await runner.executor.plan(RollBack(CHAT))
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.CONVERGED
    now = cluster.get("Deployment", "serving", "chat")
    assert now["spec"]["template"] == template(1)
    assert now["metadata"]["annotations"] == {CAUSE: "model r1", "note": "kept"}


async def test_a_change_in_between_is_not_overwritten() -> None:
    cluster = chat()
    runner = cluster.runner()
    plan = await runner.executor.plan(RollBack(CHAT))
    edited = cluster.get("Deployment", "serving", "chat")
    edited["spec"]["template"]["spec"]["containers"][0]["image"] = "vllm:v3"
    cluster.add(edited)
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.CONFLICT
    assert cluster.get("Deployment", "serving", "chat")["spec"]["template"] == edited["spec"]["template"]


async def test_a_cause_that_the_revision_has_not_is_taken_away() -> None:
    cluster = chat()
    bare = replica_set(1)
    del bare["metadata"]["annotations"][CAUSE]
    cluster.add(bare)
    plan = await make_plan(RollBack(CHAT), cluster.context())
    assert plan.mutations[0].body[2:] == [{"op": "remove", "path": "/metadata/annotations/kubernetes.io~1change-cause"}]


async def test_the_revision_that_it_has_is_blocked() -> None:
    plan = await make_plan(RollBack(CHAT, "chat-h2"), chat().context())
    assert check(plan, "revision").verdict is Verdict.BLOCK
    assert "has the current template" in check(plan, "revision").text


async def test_a_paused_rollout_is_resumed_first() -> None:
    plan = await make_plan(RollBack(CHAT), chat(gpus=12, paused=True).context())
    assert check(plan, "rollout").verdict is Verdict.BLOCK
    assert [a.request for a in plan.alternatives] == [Resume(CHAT)]


async def test_what_may_load_other_weights_is_said() -> None:
    cluster = chat()
    unpinned = replica_set(1)
    unpinned["spec"]["template"]["spec"]["containers"][0]["args"] = ["--model", "acme/chat"]
    cluster.add(unpinned)
    plan = await make_plan(RollBack(CHAT), cluster.context())
    assert check(plan, "revision").verdict is Verdict.WARN
    assert "unpinned" in check(plan, "revision").text


async def test_without_a_gpu_for_the_first_new_pod_it_would_stand_still() -> None:
    # 25 % of 2: one is added first, and none may be missing.
    plan = await make_plan(RollBack(CHAT), chat(gpus=8).context())
    found = check(plan, "spare GPUs")
    assert found.verdict is Verdict.WARN
    assert "would stand still: its first new pod needs 4 GPUs" in found.text
    assert [a.request for a in plan.alternatives] == [Unblock(CHAT, 0, 1)]
    assert not plan.impact, "no pod ends before another is ready"
    assert check(await make_plan(RollBack(CHAT), chat(gpus=12).context()), "spare GPUs").verdict is Verdict.PASS


async def test_where_pods_are_taken_away_first_there_is_no_deadlock_and_the_others_carry_more() -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    plan = await make_plan(RollBack(CHAT), chat(gpus=8, strategy=rolling).context())
    assert check(plan, "spare GPUs").verdict is Verdict.PASS
    assert Change("ready replicas of chat", "2", "1") in plan.impact


async def test_an_autoscaler_that_may_take_the_last_gpu_in_the_middle_is_named() -> None:
    def cluster(gpus: int) -> FakeCluster:
        found = chat(gpus, strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "chat"}
        spec = {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 3}
        found.add(
            {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "hpa", "namespace": "serving"}, "spec": spec}
        )
        return found

    found = check(await make_plan(RollBack(CHAT), cluster(8).context()), "autoscaler")
    assert found.verdict is Verdict.WARN
    assert "HorizontalPodAutoscaler hpa may ask for 1 more pod while one is missing" in found.text
    plan = await make_plan(RollBack(CHAT), cluster(12).context())
    assert not [c for c in plan.checks if c.about == "autoscaler"], "there is room for it"


@pytest.mark.parametrize("gpus", [8, 12])
async def test_whether_an_autoscaler_may_take_the_last_gpu_is_not_known_where_they_may_not_be_listed(gpus: int) -> None:
    cluster = chat(gpus, strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}})
    cluster.forbidden.add("list scaledobjects")
    plan = await make_plan(RollBack(CHAT), cluster.context())
    lines = [c.text for c in plan.checks if c.about == "autoscaler" and c.verdict is Verdict.WARN]
    reason = (
        "whether an autoscaler may ask for more pods while one is missing is not known: you may not list scaledobjects"
    )
    assert lines == ([reason] if gpus == 8 else []), "with room for more it makes no difference"


async def test_recreate_is_a_full_outage() -> None:
    plan = await make_plan(RollBack(CHAT), chat(gpus=12, strategy={"type": "Recreate"}).context())
    assert "nothing answers in between" in check(plan, "spare GPUs").text
    assert check(plan, "last replica").verdict is Verdict.WARN


async def test_a_stateful_set_gets_what_its_controller_revision_keeps() -> None:
    cluster = coder()
    runner = cluster.runner()
    plan = await runner.executor.plan(RollBack(CODER))
    (mutation,) = plan.steps[0].mutations
    assert mutation.content_type == STRATEGIC
    version = cluster.get("StatefulSet", "serving", "coder")["metadata"]["resourceVersion"]
    assert mutation.body == {"metadata": {"resourceVersion": version}, **controller_revision(1)["data"]}
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.CONVERGED
    assert cluster.get("StatefulSet", "serving", "coder")["spec"]["template"] == template(1, "coder")


async def test_what_a_stateful_set_would_leave_is_said() -> None:
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    cluster = coder(updateStrategy=update)
    broken = cluster.get("StatefulSet", "serving", "coder")
    broken["status"]["readyReplicas"] = 1
    cluster.add(broken)
    plan = await make_plan(RollBack(CODER), cluster.context())
    assert "pod 0 keeps the previous template" in check(plan, "partition").text
    assert "only 1 of 2 pods ready" in check(plan, "order").text


async def test_on_delete_only_the_pods_of_another_revision_wait_to_be_deleted() -> None:
    cluster = coder(updateStrategy={"type": "OnDelete"}).with_rules(follow_timeout=0.1)
    cluster.add(pod("coder-1", 1, of="coder"))
    runner = cluster.runner()
    plan = await runner.executor.plan(RollBack(CODER))
    assert "coder-0 keeps what it runs until it is deleted" in check(plan, "OnDelete").text
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.TIMED_OUT
    assert "coder-0" in outcome.text


async def test_the_latency_of_both_comes_from_what_prometheus_remembers() -> None:
    cluster = chat()
    asked = []

    async def past(namespace: str, pods: str, seconds: float) -> Latency:
        asked.append((namespace, pods, seconds))
        if pods.startswith("chat-h1"):
            return Latency(0.42, 0.031)
        raise SourceProblem("it does not answer")

    plan = await make_plan(RollBack(CHAT), replace(cluster.context(), past=past))
    assert plan.changes[-1] == Change("latency while it ran", "not known", "TTFT p95 0.42 s, ITL p95 31 ms")
    assert [(namespace, pods) for namespace, pods, _ in asked] == [
        ("serving", "chat-h2-[a-z0-9]+"),
        ("serving", "chat-h1-[a-z0-9]+"),
    ]
    assert 0 < asked[0][2] < asked[1][2] <= 7 * 86400, "since each was made"


def test_what_percentiles_mostly_were_is_no_percentile_of_all_of_it() -> None:
    assert latency_words(Latency(0.4, 0.02, is_typical=True)) == "TTFT p95 mostly 0.40 s, ITL p95 mostly 20 ms"


async def test_what_prometheus_has_of_none_is_not_known() -> None:
    async def past(namespace: str, pods: str, seconds: float) -> Latency:
        return Latency(math.nan, math.nan)

    plan = await make_plan(RollBack(CHAT), replace(chat().context(), past=past))
    assert plan.changes[-1] == Change("latency while it ran", "not known", "not known")


async def test_a_kind_without_revisions_is_refused() -> None:
    cluster = FakeCluster()
    cluster.add({"kind": "Pod", "metadata": {"name": "p", "namespace": "serving", "uid": "u"}, "spec": {}})
    with pytest.raises(KubeError, match="a Pod cannot be rolled back"):
        await make_plan(RollBack(Target("Pod", "serving", "p")), cluster.context())


@pytest.mark.contract
async def test_the_requests_are_those_that_a_real_server_took() -> None:
    sent = json.loads((RECORDINGS / "kube-1.36" / "rollback_patch.json").read_text())["request"]
    body = json.loads((RECORDINGS / "kube-1.36" / "deployment_get.json").read_text())["response"]["body"]
    sets = json.loads((RECORDINGS / "kube-1.36" / "replicasets_two_revisions.json").read_text())["response"]["body"]
    cluster = FakeCluster()
    cluster.add(body, *({"kind": "ReplicaSet", **raw} for raw in sets["items"]))
    target = Target("Deployment", "ref-rec", "chat")
    _, first = await revisions(target, cluster)
    ours = rollback_mutation(sent["path"], cluster.get("Deployment", "ref-rec", "chat"), first)
    assert ours.content_type == sent["headers"]["Content-Type"]
    written = {op["path"]: op["value"] for op in sent["body"]}["/spec/template"]
    assert {op["path"]: op["value"] for op in ours.body}["/spec/template"] == written

"""Restart: a workload by marking its template, a pod by deleting that one and no other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from actions.kinds.drain import Drain
from actions.kinds.pausing import Resume
from actions.kinds.restart import Restart
from actions.kinds.restart.action import delete_mutation, restart_mutation
from actions.planning.plan import STRATEGIC, Verdict
from actions.request import Target
from actions.running.progress import Result
from fleet.model.objects import PodDisruptionBudget
from tests.actions.plans import check, make_plan
from tests.actions.rolled import CHAT, CODER, chat, coder, owner, pod
from tests.actions.stage import SCOPE, settled
from tests.conftest import RECORDINGS

STAMP = "kubectl.kubernetes.io/restartedAt"
POD = Target("Pod", "serving", "chat-0", "uid-chat-0", SCOPE.cluster)
POD_PATH = "/api/v1/namespaces/serving/pods/chat-0"


@pytest.mark.parametrize("target", [CHAT, CODER])
async def test_a_workload_is_restarted_by_a_mark_on_its_template(target: Target) -> None:
    cluster = chat(gpus=12) if target is CHAT else coder()
    runner = cluster.runner()
    plan = await runner.executor.plan(Restart(target))
    (mutation,) = plan.steps[0].mutations
    before = cluster.get(target.kind, "serving", target.name)
    assert mutation.content_type == STRATEGIC
    assert mutation.body == {
        "metadata": {"resourceVersion": before["metadata"]["resourceVersion"]},
        "spec": {"template": {"metadata": {"annotations": {STAMP: "2026-09-21T14:13:20Z"}}}},
    }
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.CONVERGED
    after = cluster.get(target.kind, "serving", target.name)["spec"]["template"]
    assert after["metadata"]["annotations"] == {"model": "r2", STAMP: "2026-09-21T14:13:20Z"}
    assert after["spec"] == before["spec"]["template"]["spec"]
    assert plan.undo.request is None, "another restart would not bring the old pods back"


async def test_what_git_looks_after_does_not_matter_and_an_operator_does() -> None:
    cluster = chat(gpus=12)
    tracked = cluster.get("Deployment", "serving", "chat")
    tracked["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = "serving:apps/Deployment:serving/chat"
    cluster.add(tracked)
    assert check(await make_plan(Restart(CHAT), cluster.context()), "owner").verdict is Verdict.PASS
    tracked["metadata"]["ownerReferences"] = [owner("InferenceService", "llm")]
    cluster.add(tracked)
    assert check(await make_plan(Restart(CHAT), cluster.context()), "owner").verdict is Verdict.BLOCK


async def test_a_paused_deployment_is_resumed_first() -> None:
    plan = await make_plan(Restart(CHAT), chat(gpus=12, paused=True).context())
    assert check(plan, "rollout").verdict is Verdict.BLOCK
    assert [a.request for a in plan.alternatives] == [Resume(CHAT)]


async def test_on_delete_says_that_nothing_restarts_by_itself_and_never_converges_by_itself() -> None:
    cluster = coder(updateStrategy={"type": "OnDelete"}).with_rules(follow_timeout=0.1)
    runner = cluster.runner()
    plan = await runner.executor.plan(Restart(CODER))
    assert "OnDelete" in plan.steps[1].detail
    held = check(plan, "OnDelete")
    assert held.verdict is Verdict.WARN
    assert "no pod is replaced by this; coder-0, coder-1 keep what they run" in held.text
    assert [a.request for a in plan.alternatives] == [
        Restart(CODER.sibling("Pod", "coder-0", "uid-coder-0")),
        Restart(CODER.sibling("Pod", "coder-1", "uid-coder-1")),
    ]
    assert not [c.text for c in plan.checks if "take the GPUs" in c.text or "it has no pods" in c.text]
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.TIMED_OUT
    assert "coder-0, coder-1 still run the previous one" in outcome.text


async def test_on_delete_has_converged_once_each_pod_was_deleted_by_hand() -> None:
    cluster = coder(updateStrategy={"type": "OnDelete"})
    runner = cluster.runner()
    plan = await runner.executor.plan(Restart(CODER))
    for name in ("coder-0", "coder-1"):
        new = pod(name, of="coder")
        new["metadata"]["uid"] = f"uid-new-{name}"
        cluster.add(new)
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert (outcome.result, outcome.text) == (
        Result.CONVERGED,
        "every pod was replaced by hand and runs the new template",
    )


async def test_a_partition_above_all_pods_replaces_none() -> None:
    held = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    cluster = coder(updateStrategy=held).with_rules(follow_timeout=0.1)
    runner = cluster.runner()
    plan = await runner.executor.plan(Restart(CODER))
    assert "no pod is replaced, 2 keep their template" in check(plan, "partition").text
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.TIMED_OUT
    assert "partition 2" in outcome.text


async def test_somebody_who_pauses_the_rollout_meanwhile_does_not_end_it() -> None:
    def paused(obj: dict[str, Any]) -> dict[str, Any]:
        found = settled(obj)
        return found | {"spec": {**found["spec"], "paused": True}, "status": {**found["status"], "updatedReplicas": 0}}

    cluster = chat(gpus=12).with_rules(follow_timeout=0.1)
    cluster.react = paused
    runner = cluster.runner()
    outcome = await runner.wait(runner.start(await runner.executor.plan(Restart(CHAT)), "", "yes").id)
    assert outcome.result is Result.TIMED_OUT
    assert "its rollout was paused: 0 of 2 pods are of the new template" in outcome.text


async def test_a_pause_that_holds_nothing_back_is_not_what_is_missing() -> None:
    def paused(obj: dict[str, Any]) -> dict[str, Any]:
        found = settled(obj)
        counts = {"updatedReplicas": 2, "availableReplicas": 1}
        return found | {"spec": {**found["spec"], "paused": True}, "status": {**found["status"], **counts}}

    cluster = chat(gpus=12).with_rules(follow_timeout=0.1)
    cluster.react = paused
    runner = cluster.runner()
    outcome = await runner.wait(runner.start(await runner.executor.plan(Restart(CHAT)), "", "yes").id)
    assert outcome.result is Result.TIMED_OUT
    assert "its rollout was paused: 1 of 2 available" in outcome.text


async def test_a_pod_is_deleted_by_its_uid_and_the_dry_run_keeps_it() -> None:
    cluster = chat()
    runner = cluster.runner()
    plan = await runner.executor.plan(Restart(POD))
    (mutation,) = plan.steps[0].mutations
    assert (mutation.method, mutation.path) == ("DELETE", POD_PATH)
    assert mutation.body == {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "uid-chat-0"}}
    assert f"DRY DELETE {POD_PATH}" in cluster.asked
    assert cluster.get("Pod", "serving", "chat-0"), "the dry run has deleted nothing"
    assert mutation.dry().body["dryRun"] == ["All"], "the query of a DELETE with a body is not looked at"
    assert "chat-h2 starts another at once" in check(plan, "owner").text
    assert [a.request for a in plan.alternatives] == [Drain(POD)]
    # Its ReplicaSet has already started another when it is read.
    cluster.add(pod("chat-new"))
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.CONVERGED
    assert cluster.mutations()[0] == f"DELETE {POD_PATH}"
    assert ("Pod", "serving", "chat-0") not in cluster.objects


async def test_another_pod_of_the_name_is_left_alone() -> None:
    cluster = chat()
    runner = cluster.runner()
    plan = await runner.executor.plan(Restart(POD))
    another = pod("chat-0")
    another["metadata"]["uid"] = "uid-of-another"
    cluster.add(another)
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.CONFLICT
    assert cluster.get("Pod", "serving", "chat-0")["metadata"]["uid"] == "uid-of-another"


@pytest.mark.parametrize(
    ("owners", "labels", "verdict", "words"),
    [
        ([], {}, Verdict.BLOCK, "gone for good"),
        ([owner("StatefulSet", "coder")], {}, Verdict.PASS, "one of the same name"),
        ([owner("DaemonSet", "agent")], {}, Verdict.PASS, "on the same node"),
        (
            [owner("StatefulSet", "night-0")],
            {"leaderworkerset.sigs.k8s.io/name": "night", "leaderworkerset.sigs.k8s.io/group-index": "0"},
            Verdict.PASS,
            "its group of LeaderWorkerSet night starts again",
        ),
    ],
)
async def test_what_comes_after_a_pod_is_said(
    owners: list[dict[str, Any]], labels: dict[str, str], verdict: Verdict, words: str
) -> None:
    cluster = chat()
    found = cluster.get("Pod", "serving", "chat-0")
    found["metadata"]["ownerReferences"] = owners
    found["metadata"]["labels"] |= labels
    cluster.add(found)
    plan = await make_plan(Restart(POD), cluster.context())
    assert check(plan, "owner").verdict is verdict
    assert words in check(plan, "owner").text


async def test_a_budget_that_an_eviction_would_ask_is_named() -> None:
    cluster = chat()
    budget = PodDisruptionBudget("serving", "chat", "u", "1", {"app": "chat"}, 0, 2, 2, 2)
    cluster.snapshot = replace(cluster.snapshot, budgets=(budget,))
    plan = await make_plan(Restart(POD), cluster.context())
    assert check(plan, "budget").verdict is Verdict.WARN
    assert "PDB chat allows no disruption now" in check(plan, "budget").text


@pytest.mark.contract
def test_the_requests_are_those_that_a_real_server_took() -> None:
    def sent(name: str) -> Any:
        return json.loads((RECORDINGS / "kube-1.36" / f"{name}.json").read_text())["request"]

    theirs = sent("deployment_restart_patch_dryrun")
    when = theirs["body"]["spec"]["template"]["metadata"]["annotations"][STAMP]
    ours = restart_mutation(theirs["path"], {"metadata": {"resourceVersion": "1"}}, when)
    assert {key: value for key, value in ours.body.items() if key != "metadata"} == theirs["body"]
    assert ours.content_type == theirs["headers"]["Content-Type"]
    theirs = sent("delete_precondition_ok_dryrun")
    ours = delete_mutation(theirs["path"], {"metadata": {"name": "p", "uid": "u"}})
    assert ours.body.keys() == theirs["body"].keys()
    assert ours.body["preconditions"].keys() <= theirs["body"]["preconditions"].keys()

"""Unblock: a rollout that waits for GPUs takes a pod away first, and its strategy can be put back."""

from __future__ import annotations

import json

import pytest

from actions.kinds.unblock import Unblock
from actions.kinds.unblock.action import unblock_mutation, waiting_for_gpus
from actions.planning.plan import STRATEGIC, Change, Verdict
from actions.request import Target
from actions.running.progress import Result
from tests.actions.plans import check, make_plan
from tests.actions.rolled import CHAT, CHAT_PATH, chat, waiting
from tests.actions.stage import FakeCluster
from tests.conftest import RECORDINGS


def stuck() -> FakeCluster:
    """A new pod finds no GPU, and the old ones go on serving."""
    cluster = chat(gpus=8)
    rolling = cluster.get("Deployment", "serving", "chat")
    rolling["status"] |= {"replicas": 3, "updatedReplicas": 1}
    cluster.add(rolling, waiting("chat-new"))
    return cluster


async def test_a_rollout_that_waits_for_gpus_is_let_go_on_and_the_old_values_come_back() -> None:
    cluster = stuck()
    runner = cluster.runner()
    version = cluster.get("Deployment", "serving", "chat")["metadata"]["resourceVersion"]
    plan = await runner.executor.plan(Unblock(CHAT))
    (mutation,) = plan.steps[0].mutations
    assert (mutation.method, mutation.path, mutation.content_type) == ("PATCH", CHAT_PATH, STRATEGIC)
    assert mutation.body == {
        "metadata": {"resourceVersion": version},
        "spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}},
    }
    assert check(plan, "rollout").verdict is Verdict.PASS
    assert "1 new pod finds no GPU" in check(plan, "rollout").text
    assert "1 old pod ends first and frees its GPUs" in plan.steps[0].detail
    assert plan.changes == (Change("maxSurge", "25%", "0"), Change("maxUnavailable", "25%", "1"))
    assert Change("ready replicas of chat", "2", "1") in plan.impact
    assert (await runner.wait(runner.start(plan, "", "yes").id)).result is Result.CONVERGED
    assert plan.undo.request == Unblock(CHAT, "25%", "25%")
    back = await runner.executor.plan(plan.undo.request)
    assert back.verdict is Verdict.PASS
    assert (await runner.wait(runner.start(back, "", "yes").id)).result is Result.CONVERGED
    strategy = cluster.get("Deployment", "serving", "chat")["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}


async def test_a_rollout_that_waits_for_something_else_is_told_apart() -> None:
    cluster = chat()
    rolling = cluster.get("Deployment", "serving", "chat")
    rolling["status"]["updatedReplicas"] = 1
    cluster.add(rolling)
    assert "may not be what blocks it" in check(await make_plan(Unblock(CHAT), cluster.context()), "rollout").text
    assert "no rollout is under way" in check(await make_plan(Unblock(CHAT), chat().context()), "rollout").text


@pytest.mark.parametrize(
    ("request_", "strategy", "words"),
    [
        (Unblock(CHAT, 0, 0), {}, "both 0"),
        (Unblock(CHAT, "0%", 0), {}, "both 0"),
        (Unblock(CHAT), {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}, "already"),
        (Unblock(CHAT), {"type": "Recreate"}, "Recreate"),
    ],
)
async def test_what_could_not_be_or_would_change_nothing_is_blocked(
    request_: Unblock, strategy: dict[str, object], words: str
) -> None:
    cluster = chat(strategy=strategy or {"type": "RollingUpdate"})
    found = check(await make_plan(request_, cluster.context()), "strategy")
    assert found.verdict is Verdict.BLOCK
    assert words in found.text


@pytest.mark.contract
async def test_a_real_scheduler_and_a_real_server() -> None:
    pod = json.loads((RECORDINGS / "kube-1.36" / "pod_pending_insufficient_gpu.json").read_text())["response"]["body"]
    cluster = FakeCluster()
    cluster.add(pod)
    limits = {"resources": {"limits": {"nvidia.com/gpu": "4"}}}
    spec = {"selector": {"matchLabels": {"app": "tp4"}}, "template": {"spec": {"containers": [limits]}}}
    obj = {"metadata": {"namespace": "ref-rec"}, "spec": spec}
    assert await waiting_for_gpus(obj, cluster.context()) == (pod["metadata"]["name"],)
    sent = json.loads((RECORDINGS / "kube-1.36" / "deployment_strategy_unblock_patch.json").read_text())["request"]
    target = Target("Deployment", "ref-rec", "tp4")
    ours = unblock_mutation(sent["path"], {"metadata": {"resourceVersion": "1"}}, Unblock(target))
    assert ours.content_type == sent["headers"]["Content-Type"]
    assert ours.body["spec"] == sent["body"]["spec"]

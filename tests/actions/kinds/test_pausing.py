"""Pause and resume: one field, and what a resumed rollout does."""

from __future__ import annotations

import pytest

from actions.kinds.pausing import Pause, Resume
from actions.planning.plan import Change, Verdict
from actions.running.progress import Result
from fleet.sources.kube.errors import KubeError
from tests.actions.plans import check, make_plan
from tests.actions.rolled import CHAT, CHAT_PATH, CODER, chat, coder, template


async def test_pause_and_resume_take_each_other_back() -> None:
    cluster = chat(gpus=12)
    runner = cluster.runner()
    version = cluster.get("Deployment", "serving", "chat")["metadata"]["resourceVersion"]
    plan = await runner.executor.plan(Pause(CHAT))
    (mutation,) = plan.steps[0].mutations
    assert (mutation.method, mutation.path) == ("PATCH", CHAT_PATH)
    assert mutation.body == {"metadata": {"resourceVersion": version}, "spec": {"paused": True}}
    assert plan.changes == (Change("rollout", "goes on", "paused"),)
    assert (await runner.wait(runner.start(plan, "", "yes").id)).text == "paused"
    assert cluster.get("Deployment", "serving", "chat")["spec"]["paused"] is True
    assert plan.undo.request == Resume(CHAT)
    back = await runner.executor.plan(plan.undo.request)
    assert back.mutations[0].body["spec"] == {"paused": None}
    assert (await runner.wait(runner.start(back, "", "yes").id)).result is Result.CONVERGED
    assert "paused" not in cluster.get("Deployment", "serving", "chat")["spec"]
    assert back.undo.request == Pause(CHAT)


async def test_a_pause_that_somebody_ends_meanwhile_is_not_said_to_hold() -> None:
    cluster = chat(gpus=12)
    runner = cluster.runner()
    plan = await runner.executor.plan(Pause(CHAT))
    settled = cluster.react
    cluster.react = lambda obj: settled({**obj, "spec": {**obj["spec"], "paused": False}})
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert (outcome.result, outcome.text) == (Result.FAILED, "somebody else has resumed it since")


async def test_what_is_so_already_is_blocked() -> None:
    assert check(await make_plan(Pause(CHAT), chat(paused=True).context()), "rollout").verdict is Verdict.BLOCK
    assert check(await make_plan(Resume(CHAT), chat().context()), "rollout").verdict is Verdict.BLOCK


async def test_a_rollout_that_is_paused_in_the_middle_is_said_to_be() -> None:
    cluster = chat()
    halfway = cluster.get("Deployment", "serving", "chat")
    halfway["status"]["updatedReplicas"] = 1
    cluster.add(halfway)
    found = check(await make_plan(Pause(CHAT), cluster.context()), "rollout")
    assert found.verdict is Verdict.WARN
    assert "1 of 2 pods on the new template" in found.text


async def test_what_a_resume_sets_going_is_checked_as_a_rollout_is() -> None:
    cluster = chat(gpus=8, paused=True)
    edited = cluster.get("Deployment", "serving", "chat")
    edited["spec"]["template"] = template(3)
    cluster.add(edited)
    plan = await make_plan(Resume(CHAT), cluster.context())
    assert "template was changed while it was paused" in check(plan, "rollout").text
    assert "would stand still" in check(plan, "spare GPUs").text


async def test_only_deployments_are_paused() -> None:
    with pytest.raises(KubeError, match="a StatefulSet cannot be paused"):
        await make_plan(Pause(CODER), coder().context())

"""Rollouts on the simulated cluster, with its controllers and its scheduler; sixty times as fast."""

from __future__ import annotations

import asyncio
import copy
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actions.checks.spare_gpus import spare_gpus
from actions.follow.rollout import state_of
from actions.kinds.pausing import Pause, Resume
from actions.kinds.restart import Restart
from actions.kinds.rollback import RollBack
from actions.kinds.unblock import Unblock
from actions.kinds.unblock.action import waiting_for_gpus
from actions.planning.plan import MERGE, Mutation, Verdict
from actions.request import Target
from actions.revisions import Revision, current_of, revisions
from actions.running.progress import Result
from fleet.sources.kube.errors import NotFoundError
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.pods import project_pod
from tests.actions.plans import check
from tests.actions.simulated import Simulated, simulated

FAST = ("--speed", "60", "--pods", "12")
EMBED = Target("Deployment", "serving", "embed")
EMBED_PATH = "/apis/apps/v1/namespaces/serving/deployments/embed"
CODER = Target("StatefulSet", "serving", "coder-32b")


@asynccontextmanager
async def calm() -> AsyncIterator[Simulated]:
    """A cluster whose autoscalers are off: one that adds a replica during a rollout could take its last GPU."""
    async with simulated(*FAST) as it:
        for hpa in it.snapshot.autoscalers.values():
            path = await it.reads.path_of("HorizontalPodAutoscaler", hpa.namespace, hpa.name)
            workload = await it.raw(Target(hpa.target.kind, hpa.target.namespace, hpa.target.name))
            now = workload["spec"]["replicas"]
            bounds = {"spec": {"minReplicas": now, "maxReplicas": now}}
            await it.write(Mutation("PATCH", path, bounds, MERGE))
        yield it


async def running(it: Simulated, workload: Target) -> set[tuple[str, str]]:
    """Image and model revision of its pods."""
    raw = await it.reads.list_raw("Pod", workload.namespace, f"app.kubernetes.io/name={workload.name}")
    pods = [project_pod(pod, Interner()) for pod in raw]
    return {(pod.version.image, pod.version.revision) for pod in pods if pod.deleted is None}


def of(revision: Revision) -> set[tuple[str, str]]:
    """Return the value of ``running`` when all pods are of this revision."""
    return {(revision.version.image, revision.version.revision)}


@pytest.mark.parametrize("workload", [EMBED, CODER])
async def test_a_workload_goes_back_and_forth_between_its_revisions(workload: Target) -> None:
    async with calm() as it:
        newest, before = await revisions(workload, it.reads)
        assert of(newest) != of(before)
        assert await running(it, workload) == of(newest)
        outcome = await it.done(RollBack(workload))
        assert outcome.result is Result.CONVERGED
        assert await running(it, workload) == of(before)
        found = await revisions(workload, it.reads)
        current = current_of(found)
        assert current is not None
        assert (current.name, current.number) == (before.name, newest.number + 1)
        plan = await it.undo()
        assert plan.title.startswith(f"Undo “Roll back {workload.name} to revision {before.number}”")
        assert check(plan, "since then").verdict is Verdict.PASS
        assert (await it.do(plan)).result is Result.CONVERGED
        assert await running(it, workload) == of(newest)
        with pytest.raises(NotFoundError, match="nothing on this cluster"):
            await it.undo()


async def test_a_second_person_is_never_overwritten() -> None:
    async with simulated(*FAST) as it:
        plans = [await it.runner.executor.plan(request) for request in (RollBack(EMBED), Restart(EMBED), Pause(EMBED))]
        label = {"metadata": {"labels": {"team": "second"}}}
        await it.write(Mutation("PATCH", EMBED_PATH, label, MERGE))
        before = await it.raw(EMBED)
        for plan in plans:
            assert (await it.do(plan)).result is Result.CONFLICT
        assert (await it.raw(EMBED))["spec"] == before["spec"]


async def test_a_rollout_that_waits_for_gpus_is_foreseen_and_unblocked() -> None:
    async with calm() as it:
        deployment = await it.raw(EMBED)
        spec = deployment["spec"]["template"]["spec"]
        free = spare_gpus(it.snapshot, spec).places
        await it.write(Mutation("POST", EMBED_PATH.rpartition("/")[0], filler(deployment, free)))
        await it.until(lambda: not spare_gpus(it.snapshot, spec).places)
        plan = await it.runner.executor.plan(Restart(EMBED))
        assert "would stand still" in check(plan, "spare GPUs").text
        assert [a.request for a in plan.alternatives] == [Unblock(plan.target)]
        restarting = it.runner.start(plan, "", "test")

        async def waits() -> bool:
            return bool(await waiting_for_gpus(await it.raw(EMBED), it.context()))

        await it.until(waits)
        unblock = await it.runner.executor.plan(Unblock(EMBED))
        assert "it waits for GPUs" in check(unblock, "rollout").text
        assert (await it.do(unblock)).result is Result.CONVERGED
        assert (await it.runner.wait(restarting.id)).result is Result.CONVERGED
        back = await it.undo()
        assert back.request == Unblock(plan.target, "25%", "25%")
        assert (await it.do(back)).result is Result.CONVERGED
        assert (await it.raw(EMBED))["spec"]["strategy"] == deployment["spec"]["strategy"]


def filler(deployment: dict[str, Any], pods: int) -> dict[str, Any]:
    """Another Deployment of so many pods of this kind."""
    made = copy.deepcopy(deployment)
    labels = {"app": "filler"}
    made["metadata"] = {"name": "filler", "namespace": deployment["metadata"]["namespace"], "labels": labels}
    made["spec"] |= {"replicas": pods, "selector": {"matchLabels": labels}}
    made["spec"]["template"]["metadata"] = {"labels": labels}
    del made["status"]
    return made


async def test_a_pause_holds_a_rollout_and_a_resume_ends_it() -> None:
    async with calm() as it:
        newest, before = await revisions(EMBED, it.reads)
        rollback = await it.runner.executor.plan(RollBack(EMBED))
        assert (await it.done(Pause(EMBED))).ok
        blocked = await it.runner.executor.plan(RollBack(EMBED))
        assert blocked.blocks
        assert (await it.do(rollback)).result is Result.CONFLICT
        template = before.template
        await it.write(Mutation("PATCH", EMBED_PATH, {"spec": {"template": template}}, MERGE))
        assert await running(it, EMBED) == of(newest)

        async def seen() -> bool:
            return state_of(await it.raw(EMBED)).observed

        # Its controller writes once more after seeing the template, which would outdate an earlier plan.
        await it.until(seen)
        resume = await it.runner.executor.plan(Resume(EMBED))
        assert "its pods are replaced from now on" in check(resume, "rollout").text
        assert (await it.do(resume)).result is Result.CONVERGED
        assert await running(it, EMBED) == of(before)


async def test_a_pod_is_replaced_by_another() -> None:
    async with simulated(*FAST) as it:
        pod = next(p for p in it.snapshot.pods.values() if p.name.startswith("chat-8b-"))
        target = Target("Pod", pod.namespace, pod.name, pod.uid)
        ready = (await it.raw(Target("Deployment", "serving", "chat-8b")))["status"]["readyReplicas"]
        plan = await it.runner.executor.plan(Restart(target))
        assert (await it.raw(target))["metadata"].get("deletionTimestamp") is None, "a dry run deletes nothing"
        assert (await it.do(plan)).result is Result.CONVERGED
        with pytest.raises(NotFoundError):
            await it.raw(target)
        workload = await it.raw(Target("Deployment", "serving", "chat-8b"))
        # Its autoscaler may want more or fewer by now.
        assert workload["status"]["readyReplicas"] >= min(ready, workload["spec"]["replicas"])


@pytest.mark.real("kubectl")
async def test_kubectl_sees_what_was_done() -> None:
    async with calm() as it:
        assert (await it.done(RollBack(EMBED))).ok
        command = ["kubectl", "--kubeconfig", str(it.kubeconfig), "-n", "serving"]

        async def stdout_of(*words: str) -> str:
            done = await asyncio.to_thread(
                subprocess.run, [*command, *words], capture_output=True, check=True, text=True
            )
            return str(done.stdout)

        assert "successfully rolled out" in await stdout_of("rollout", "status", "deployment/embed", "--timeout=5s")
        found = await revisions(EMBED, it.reads)
        history = await stdout_of("rollout", "history", "deployment/embed")
        assert [line.split()[0] for line in history.splitlines()[2:] if line] == [str(r.number) for r in found[::-1]]
        events = await stdout_of(
            "get", "events", "--field-selector", "reason=Rollback", "-o", "jsonpath={.items[*].message}"
        )
        assert "Roll back embed to revision 1, by" in events

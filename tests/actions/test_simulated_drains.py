"""Drains on the simulated cluster, with its controllers, its router and its engines; twenty times as fast.

All act on one fleet, one after the other: a drained pod is replaced, and a node is given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from actions.drain.options import AtDeadline, Method
from actions.drain.wait import receives
from actions.kinds.cordon import Cordon, Uncordon
from actions.kinds.drain import Drain
from actions.kinds.drain_node import DrainNode
from actions.kinds.restore import Restore
from actions.planning.plan import Plan, Verdict
from actions.request import Target
from actions.running.progress import Result
from fleet.model.objects import Pod
from fleet.sources.kube.errors import NotFoundError
from tests.actions.plans import verdict
from tests.actions.simulated import Simulated, observed
from tests.simulator.api_process import Process, simulator

FAST = ("--speed", "20")
"""An action looks ten times a second: that is every two seconds of the simulated time."""
CHAT = Target("Deployment", "serving", "chat-70b")


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator(*FAST) as process:
        yield process


@pytest.fixture
async def it(fleet: Process) -> AsyncIterator[Simulated]:
    """The fleet as it is now, once none of its largest engines starts or ends."""
    async with observed(fleet) as it:
        await it.until(lambda: all(pod.ready and pod.deleted is None for pod in all_of(it, CHAT.name)))
        yield it


def all_of(it: Simulated, name: str) -> list[Pod]:
    """Pods whose names begin so, ready or not."""
    return [pod for pod in it.snapshot.pods.values() if pod.name.startswith(f"{name}-")]


def pods_of(it: Simulated, name: str) -> list[Pod]:
    """Ready pods whose names begin so."""
    return [pod for pod in all_of(it, name) if pod.ready]


def target(pod: Pod) -> Target:
    return Target("Pod", pod.namespace, pod.name, pod.uid)


def method(plan: Plan) -> str:
    return str(plan.facts["units"][0]["strategy"]["method"])


async def gone(it: Simulated, pod: Pod) -> bool:
    try:
        return bool((await it.raw(target(pod)))["metadata"]["uid"] != pod.uid)
    except NotFoundError:
        return True


async def ready(it: Simulated) -> int:
    status: dict[str, Any] = (await it.raw(CHAT))["status"]
    return int(status.get("readyReplicas", 0))


async def test_a_pod_is_drained_by_its_service_only_label_and_replaced(it: Simulated) -> None:
    pod, before = pods_of(it, "chat-70b")[0], await ready(it)
    plan = await it.runner.executor.plan(Drain(target(pod)))
    assert method(plan) == Method.LABEL
    assert not plan.blocks
    outcome = await it.do(plan)
    assert outcome.result is Result.CONVERGED, outcome
    assert await gone(it, pod)
    assert await ready(it) == before
    (action_run,) = it.runner.action_runs
    assert "0 requests left" in [progress.text for progress in action_run.progress]


async def test_a_pod_that_stays_with_its_requests_is_put_back(it: Simulated) -> None:
    pod = pods_of(it, "chat-70b")[0]
    plan = await it.runner.executor.plan(Drain(target(pod), deadline=0.0, at_deadline=AtDeadline.STOP))
    outcome = await it.do(plan)
    assert outcome.result is Result.TIMED_OUT, outcome
    assert not await receives(pod.namespace, pod.name, "chat-70b", it.reads)
    assert (await it.raw(target(pod)))["metadata"]["ownerReferences"], "its ReplicaSet still has it"
    assert isinstance(plan.undo.request, Restore)
    assert (await it.done(plan.undo.request)).ok
    assert await receives(pod.namespace, pod.name, "chat-70b", it.reads)


async def test_an_orphan_is_replaced_at_once_and_ended_at_last(it: Simulated) -> None:
    pod, before = pods_of(it, "chat-70b")[0], await ready(it)
    plan = await it.runner.executor.plan(Drain(target(pod), method=Method.ORPHAN, replacement_first=False))
    assert method(plan) == Method.ORPHAN
    assert (await it.do(plan)).ok
    assert await gone(it, pod)
    assert await ready(it) == before


async def test_two_drains_side_by_side_share_what_the_budget_allows(it: Simulated) -> None:
    first, second, _ = pods_of(it, "chat-70b")
    plans = [await it.runner.executor.plan(Drain(target(pod), replacement_first=False)) for pod in (first, second)]
    outcomes = await asyncio.gather(*(it.do(plan) for plan in plans))
    assert [outcome.result for outcome in outcomes] == [Result.CONVERGED] * 2, outcomes
    assert await gone(it, first)
    assert await gone(it, second)
    assert await ready(it) == 3


@pytest.mark.real("kubectl")
async def test_the_pods_of_a_node_are_those_that_kubectl_would_evict(it: Simulated) -> None:
    for node in it.snapshot.nodes:
        asked = DrainNode(Target("Node", "", node), delete_empty_dir=True, force=True)
        plan = await it.runner.executor.plan(asked)
        ours = {member["name"] for unit in plan.facts["units"] for member in unit["members"]}
        flags = ("--ignore-daemonsets", "--delete-emptydir-data", "--force", "--dry-run=server")
        command = ("kubectl", "--kubeconfig", str(it.kubeconfig), "drain", node, *flags)
        kubectl = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await kubectl.communicate()
        evicting = {
            line.split()[2].partition("/")[2] for line in out.decode().splitlines() if line.startswith("evicting")
        }
        assert ours == evicting, out.decode()
        assert ours


async def test_a_node_that_somebody_changes_meanwhile_is_planned_again(it: Simulated) -> None:
    node = Target("Node", "", next(iter(it.snapshot.nodes)))
    plan = await it.runner.executor.plan(Cordon(node))
    other = await it.runner.executor.plan(Cordon(node))
    assert (await it.do(other)).ok
    assert (await it.do(plan)).result is Result.CONFLICT
    again = await it.runner.executor.plan(Cordon(node))
    assert verdict(again, "node") is Verdict.WARN
    assert (await it.done(Uncordon(node))).ok


async def test_a_replacement_is_ready_before_the_pod_leaves(it: Simulated) -> None:
    pod = pods_of(it, "chat-8b")[0]
    had = len(all_of(it, "chat-8b"))
    known = {p.uid for p in it.snapshot.pods.values()}
    plan = await it.runner.executor.plan(Drain(target(pod)))
    assert not plan.blocks
    assert "start a replacement" in plan.steps[0].title
    outcome = await it.do(plan)
    assert outcome.ok, outcome
    assert await gone(it, pod)
    now = await it.reads.list_raw("Pod", pod.namespace, "app.kubernetes.io/name=chat-8b")
    wanted = (await it.raw(Target("Deployment", pod.namespace, "chat-8b")))["spec"]["replicas"]
    # Its autoscaler may have added replicas meanwhile; one of the former ones was replaced.
    assert len(now) == wanted
    assert len([p for p in now if p["metadata"]["uid"] not in known]) == 1 + wanted - had


async def test_a_node_is_cordoned_drained_and_opened_again(it: Simulated) -> None:
    node = next(p.node for p in pods_of(it, "embed"))
    victims = [p for p in it.snapshot.pods.values() if p.node == node and p.owner and p.owner.kind != "DaemonSet"]
    plan = await it.runner.executor.plan(DrainNode(Target("Node", "", node)))
    assert [c.about for c in plan.blocks] == ["emptyDir"]
    (allowed,) = [a.request for a in plan.alternatives]
    plan = await it.runner.executor.plan(allowed)
    outcome = await it.do(plan)
    assert outcome.result is Result.CONVERGED, outcome
    assert [await gone(it, pod) for pod in victims] == [True] * len(victims)
    spec = (await it.raw(Target("Node", "", node)))["spec"]
    assert spec["unschedulable"] is True
    assert isinstance(plan.undo.request, Uncordon)
    assert (await it.done(plan.undo.request)).ok
    assert "unschedulable" not in (await it.raw(Target("Node", "", node)))["spec"]


async def test_a_multi_host_engine_is_drained_as_one_whichever_of_its_pods_was_chosen(it: Simulated) -> None:
    group = pods_of(it, "night-72b")
    worker = next(p for p in group if p.labels["leaderworkerset.sigs.k8s.io/worker-index"] == "1")
    plan = await it.runner.executor.plan(Drain(target(worker), replacement_first=False))
    assert plan.title == "Drain group 0 of night-72b"
    assert len(group) == 2
    outcome = await it.do(plan)
    assert outcome.ok, outcome
    assert [await gone(it, pod) for pod in group] == [True, True]

"""Draining a node: kubectl's filters, budgets before anything is touched, engines as engines are drained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actions.kinds.cordon import Uncordon
from actions.kinds.drain_node import DrainNode
from actions.kinds.drain_node.action import DrainNodeAction
from actions.planning.plan import Verdict
from actions.request import Target
from actions.running.progress import Result
from fleet.sources.kube.errors import ConflictError, error_of_status
from tests.actions.objects import budget, node, pod, replica_set, service
from tests.actions.plans import check, make_plan
from tests.actions.pods import HandWork, PodCluster, chat
from tests.actions.stage import SCOPE, deployment

NODE = Target("Node", "", "node-1", "uid-node-1", SCOPE.cluster)
ASKED = DrainNode(NODE, delete_empty_dir=True)
LWS = "leaderworkerset.sigs.k8s.io/"


def bare(name: str, **metadata: Any) -> dict[str, Any]:
    """A pod without a controller, an emptyDir and a GPU."""
    made = pod(name)
    del made["metadata"]["ownerReferences"]
    made["metadata"] |= {"labels": {"app": name}, **metadata}
    made["spec"] = {"nodeName": "node-1", "containers": [{"name": "main", "image": "busybox"}]}
    return made


def owned(name: str, kind: str, owner: str) -> dict[str, Any]:
    """A pod of something that is no ReplicaSet."""
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": f"uid-{owner}", "controller": True}
    return bare(name, ownerReferences=[reference])


def two_workloads() -> PodCluster:
    """Three pods of one and two of another on node-1; another node has room for them."""
    cluster = chat()
    cluster.add(deployment("embed", 2), replica_set("embed", 2), service("embed", app="embed"))
    cluster.add(pod("embed-0", "embed"), pod("embed-1", "embed"), node("node-2", 64))
    cluster.requests |= {"embed-0": 10.0, "embed-1": 10.0}
    return cluster.settle()


async def test_the_filters_are_those_of_kubectl() -> None:
    cluster = chat(1)
    daemons = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "dcgm", "namespace": "serving"}}
    cluster.add(
        {**daemons, "spec": {}, "status": {}},
        owned("dcgm-x", "DaemonSet", "dcgm"),
        owned("lost-x", "DaemonSet", "lost"),
        bare("kube-proxy-node-1", annotations={"kubernetes.io/config.mirror": "1"}),
        bare("notebook"),
        {**bare("job-done"), "status": {"phase": "Succeeded"}},
        pod("elsewhere", node="node-2", labels={"serving": "on"}),
    )
    cluster.settle()
    plan = await make_plan(DrainNode(NODE), cluster.context())
    assert [c.about for c in plan.blocks] == ["emptyDir", "unmanaged"]
    assert "chat-0" in check(plan, "emptyDir").text
    assert "LLM pods nearly always do" in check(plan, "emptyDir").text
    assert "lost-x, notebook" in check(plan, "unmanaged").text
    left = check(plan, "left alone").text
    assert "dcgm-x (DaemonSet dcgm would start it again at once)" in left
    assert "kube-proxy-node-1 (a static pod of the kubelet)" in left
    evicted = [unit["name"] for unit in plan.facts["units"]]
    assert evicted == ["job-done"], "finished pods always go, and what is on another node stays"
    (allowed,) = [a.request for a in plan.alternatives]
    assert allowed == replace(ASKED, force=True)
    plan = await make_plan(allowed, cluster.context())
    assert {unit["name"] for unit in plan.facts["units"]} == {"job-done", "chat-0", "lost-x", "notebook"}
    assert not plan.blocks


async def test_it_is_cordoned_first_then_workloads_are_drained_side_by_side() -> None:
    cluster = two_workloads()
    plan = await make_plan(ASKED, cluster.context())
    assert plan.title == "Drain node node-1: 5 pods"
    assert plan.undo.request == Uncordon(NODE)
    assert check(plan, "spare GPUs").text == "there is room elsewhere for all 5 pods with GPUs"
    out: set[frozenset[str]] = set()

    def watched(now: PodCluster) -> None:
        out.add(frozenset(p["metadata"]["name"] for p in now.pods() if not now._served(p)))

    cluster.moved_on = watched
    execution = HandWork(cluster)
    outcome = await DrainNodeAction().execute(plan, execution)
    assert outcome.result is Result.CONVERGED
    assert outcome.text.startswith("5 of 5 pods gone; node-1 stays cordoned")
    assert cluster.mutations()[0] == "PATCH /api/v1/nodes/node-1"
    assert not [p for p in cluster.pods() if p["spec"]["nodeName"] == "node-1"]
    assert cluster.get("Node", "", "node-1")["spec"]["unschedulable"] is True
    assert any(any(n.startswith("chat") for n in names) and any(n.startswith("embed") for n in names) for names in out)
    assert not any(len([n for n in names if n.startswith("chat")]) > 1 for names in out), "of one workload in turn"
    counts = [(done, total) for at, _, done, total, _ in execution.said if at == 1]
    assert counts[-1] == (5, 5)
    assert any(text.startswith("2 of 5 pods gone; ") for text in execution.words)


async def test_requests_are_waited_for_before_a_pod_is_evicted() -> None:
    cluster = two_workloads()
    plan = await make_plan(ASKED, cluster.context())
    left: list[float] = []
    send = cluster.send

    async def watched(mutation: Any) -> Any:
        if mutation.path.endswith("/eviction"):
            left.append(cluster.requests[mutation.path.split("/")[-2]])
        return await send(mutation)

    cluster.send = watched  # type: ignore[method-assign]
    assert (await DrainNodeAction().execute(plan, HandWork(cluster))).ok
    assert left == [0.0] * 5


async def test_budgets_are_asked_for_every_pod_before_anything_is_touched() -> None:
    cluster = chat()
    cluster.add(budget(needed=2))
    cluster.settle()
    plan = await make_plan(ASKED, cluster.context())
    assert not cluster.mutations()
    dry = [line for line in cluster.asked if line.startswith("DRY POST")]
    assert len(dry) == 3
    found = check(plan, "budget")
    assert found.verdict is Verdict.WARN, "each may go, and not all of them"
    assert "allows 1 disruption" in found.text
    assert "3 are to go" in found.text


async def test_a_budget_that_needs_all_of_them_blocks_it() -> None:
    cluster = chat()
    cluster.add(budget(needed=3))
    cluster.settle()
    plan = await make_plan(ASKED, cluster.context())
    assert check(plan, "budget").verdict is Verdict.BLOCK


async def test_what_finds_no_gpu_elsewhere_is_told() -> None:
    cluster = chat()
    cluster.add(node("node-2", 5))
    cluster.settle()
    plan = await make_plan(ASKED, cluster.context())
    found = check(plan, "spare GPUs")
    assert found.verdict is Verdict.WARN
    assert "2 of 3 pods" in found.text
    assert check(plan, "last replica").verdict is Verdict.WARN
    assert plan.impact[0].after == "0"


async def test_after_a_failure_no_other_pod_is_touched() -> None:
    cluster = two_workloads()
    plan = await make_plan(ASKED, cluster.context())
    path = "/api/v1/namespaces/serving/pods/chat-0/eviction"
    cluster.fail[path] = error_of_status({"code": 500, "message": "This pod has more than one PodDisruptionBudget, x"})
    outcome = await DrainNodeAction().execute(plan, HandWork(cluster))
    assert outcome.result is Result.FAILED
    assert "node-1 stays cordoned" in outcome.text
    assert {"chat-1", "chat-2"} <= cluster.names()
    labels = [p["metadata"]["labels"].get("serving") for p in cluster.pods() if p["metadata"]["name"] == "chat-1"]
    assert labels == ["on"]


async def test_a_conflict_on_the_way_ends_it_as_a_conflict() -> None:
    cluster = two_workloads()
    plan = await make_plan(ASKED, cluster.context())
    cluster.add(pod("chat-1", labels={"serving": "canary"}))
    with pytest.raises(ConflictError):
        await DrainNodeAction().execute(plan, HandWork(cluster))
    assert "chat-1" in cluster.names()


async def test_a_node_that_changed_since_the_plan_is_a_conflict_and_nothing_goes() -> None:
    cluster = chat()
    plan = await make_plan(ASKED, cluster.context())
    cluster.add(node("node-1", 12))
    with pytest.raises(ConflictError):
        await DrainNodeAction().execute(plan, HandWork(cluster))
    assert len(cluster.mutations()) == 1
    assert len(cluster.names()) == 3


async def test_a_node_that_somebody_opens_again_is_not_drained() -> None:
    """An evicted pod could be scheduled on the node again."""
    cluster = chat()
    plan = await make_plan(ASKED, cluster.context())
    cluster.react = lambda obj: {**obj, "spec": {**obj["spec"], "unschedulable": False}}
    outcome = await DrainNodeAction().execute(plan, HandWork(cluster))
    assert outcome.result is Result.FAILED
    assert outcome.text == "somebody else has uncordoned node-1 since; nothing was taken out of service"
    assert len(cluster.mutations()) == 1
    assert len(cluster.names()) == 3


def group() -> PodCluster:
    """A multi-host engine with its leader on node-2 and two workers on node-1."""
    cluster = chat(1)
    labels = {f"{LWS}name": "deepseek", f"{LWS}group-index": "0"}
    for i, where in enumerate(("node-2", "node-1", "node-1")):
        member = owned(f"deepseek-0-{i}", "StatefulSet", "deepseek-0")
        member["metadata"]["labels"] = labels | {f"{LWS}worker-index": str(i), "serving": "on"}
        member["spec"] |= {"nodeName": where, "terminationGracePeriodSeconds": 60}
        member["spec"]["containers"] = [{"name": "vllm", "image": "vllm", "args": ["--model", "deepseek"]}]
        cluster.add(member)
    sts = {"apiVersion": "apps/v1", "kind": "StatefulSet", "status": {"readyReplicas": 3}}
    selector = {"matchLabels": {f"{LWS}name": "deepseek"}}
    metadata = {"name": "deepseek-0", "namespace": "serving", "uid": "uid-deepseek-0"}
    cluster.add({**sts, "metadata": metadata, "spec": {"replicas": 3, "selector": selector}})
    cluster.add(service("deepseek", **{f"{LWS}name": "deepseek", f"{LWS}worker-index": "0", "serving": "on"}))
    return cluster.settle()


async def test_the_pods_of_a_group_go_together() -> None:
    cluster = group()
    plan = await make_plan(ASKED, cluster.context())
    (found,) = [unit for unit in plan.facts["units"] if unit["name"] != "chat-0"]
    assert found["name"] == "group 0 of deepseek"
    assert found["front"]["name"] == "deepseek-0-0", "the leader takes the requests, on whichever node it is"
    assert [m["name"] for m in found["members"]] == ["deepseek-0-1", "deepseek-0-2"]
    execution = HandWork(cluster)
    assert (await DrainNodeAction().execute(plan, execution)).ok
    sent = [m.path.rpartition("/pods/")[2] for m in execution.sent if "deepseek" in m.path]
    assert sent == ["deepseek-0-0", "deepseek-0-1/eviction", "deepseek-0-2/eviction"]


async def test_a_budget_that_no_replacement_helps_is_told_to_end_the_drain_half_way() -> None:
    cluster = chat()
    cluster.add(budget(needed=2))
    cluster.settle()
    found = check(await make_plan(ASKED, cluster.context()), "budget")
    assert "after 1 the others would wait forever" in found.text
    cluster.add(node("node-2", 64))
    cluster.settle()
    found = check(await make_plan(ASKED, cluster.context()), "budget")
    assert "wait until replacements are ready" in found.text


async def test_a_group_that_starts_again_at_the_first_eviction_is_no_conflict() -> None:
    cluster = group()
    plan = await make_plan(ASKED, cluster.context())
    send = cluster.send

    async def restarts(mutation: Any) -> Any:
        answer = await send(mutation)
        if mutation.path.endswith("deepseek-0-1/eviction"):
            cluster.objects["Pod", "serving", "deepseek-0-2"]["metadata"]["uid"] = "uid-of-the-next"
        return answer

    cluster.send = restarts  # type: ignore[method-assign]
    assert (await DrainNodeAction().execute(plan, HandWork(cluster))).ok
    assert "deepseek-0-2" in cluster.names(), "the next one is left alone"

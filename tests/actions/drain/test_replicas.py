"""The second pod is never taken before the first is replaced, whoever owns them and whatever its status counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from actions.checks.owner import check_owner
from actions.drain.inspect import Inspection
from actions.drain.unit import DrainUnit, from_fact, to_fact
from actions.kinds.drain import Drain
from actions.kinds.drain.action import DrainAction
from actions.planning.plan import Plan, Verdict
from actions.request import Target
from actions.running.progress import Outcome, Result
from fleet.model.objects import Workload
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.errors import NotFoundError
from tests.actions.objects import Obj, owned_by, pod
from tests.actions.plans import check, make_plan
from tests.actions.pods import HandWork, PodCluster, chat
from tests.actions.stage import NOW

BOTH = Drain(Target("Pod", "serving", "chat-0", "uid-chat-0"), others=(Target("Pod", "serving", "chat-1"),))


@dataclass
class Owned(PodCluster):
    """A cluster whose pods belong to a top-level owner whose status has no replicas."""

    top: str = "InferenceService"
    readable: bool = True

    def _observed(self) -> Snapshot:
        seen = super()._observed()
        key = f"serving/{self.top}/chat"
        row = Workload(self.top, "serving", "chat", "uid-top", "1", NOW, 0)
        return replace(seen, workloads={key: row}, workload_of=dict.fromkeys(seen.pods, key))

    async def get_raw(self, kind: str, namespace: str, name: str) -> Obj:
        if kind == self.top:
            if not self.readable:
                raise NotFoundError(f"this server has no kind {kind}")
            return self.get(kind, namespace, name)
        return await super().get_raw(kind, namespace, name)


def _owner(kind: str, spec: Obj) -> Obj:
    metadata = {"name": "chat", "namespace": "serving", "uid": "uid-top"}
    return {"apiVersion": "x/v1", "kind": kind, "metadata": metadata, "spec": spec, "status": {"conditions": []}}


def _above_a_deployment(kind: str, *, readable: bool) -> Owned:
    """Pod → ReplicaSet → Deployment → the owner, as KServe makes it."""
    cluster = Owned(top=kind, readable=readable)
    plain = chat(2, requests=0.0)
    cluster.objects = plain.objects
    _deployment(cluster)["metadata"]["ownerReferences"] = [owned_by(kind, "chat", "uid-top")]
    cluster.add(_owner(kind, {"predictor": {"minReplicas": 2}}))
    cluster.settle()
    return cluster


def _above_the_pods(kind: str, *, readable: bool, spec: Obj) -> Owned:
    """Pod → the owner: it makes its pods itself."""
    cluster = Owned(top=kind, readable=readable)
    for obj in chat(2, requests=0.0).objects.values():
        if obj["kind"] not in {"Deployment", "ReplicaSet"}:
            cluster.add(obj)
    for found in cluster.pods():
        found["metadata"]["ownerReferences"] = [owned_by(kind, "chat", "uid-top")]
    cluster.add(_owner(kind, spec))
    cluster.settle()
    return cluster


def _deployment(cluster: PodCluster) -> Obj:
    return cluster.objects["Deployment", "serving", "chat-70b"]


Make = Callable[[], PodCluster]
CHAINS: dict[str, Make] = {
    "a Deployment": lambda: chat(2, requests=0.0),
    "an InferenceService": lambda: _above_a_deployment("InferenceService", readable=True),
    "an LLMInferenceService that cannot be read": lambda: _above_a_deployment("LLMInferenceService", readable=False),
    "a RayCluster": lambda: _above_the_pods("RayCluster", readable=True, spec={"workerGroupSpecs": [{"replicas": 2}]}),
    "a CloneSet": lambda: _above_the_pods("CloneSet", readable=True, spec={"replicas": 2}),
    "an operator's kind whose one replica is two pods": lambda: _above_the_pods(
        "ModelServer", readable=True, spec={"replicas": 1}
    ),
    "another group's StatefulSet": lambda: _above_the_pods("StatefulSet", readable=False, spec={"replicas": 2}),
    "a kind that cannot be read": lambda: _above_the_pods("ModelServer", readable=False, spec={}),
}


async def _drained(cluster: PodCluster) -> tuple[Plan, Outcome]:
    plan = await make_plan(BOTH, cluster.context())
    return plan, await DrainAction().execute(plan, HandWork(cluster))


@pytest.mark.parametrize("chain", CHAINS)
async def test_the_second_stays_while_nothing_takes_the_place_of_the_first(chain: str) -> None:
    cluster = CHAINS[chain]()
    cluster.placeable = False
    plan, outcome = await _drained(cluster)
    assert outcome.result is Result.TIMED_OUT
    assert "1 of 2 replicas ready" in outcome.text
    assert "chat-1" in cluster.names(), "the one that still serves"
    assert "chat-0" not in cluster.names()
    assert not [c for c in plan.checks if "is under way" in c.text], "and no rollout was made up"


@pytest.mark.parametrize("chain", CHAINS)
async def test_both_go_where_another_gets_ready_each_time(chain: str) -> None:
    cluster = CHAINS[chain]()
    fewest: list[int] = []

    def start_others(it: PodCluster) -> None:
        """Start missing pods in place of their controller."""
        template = next((p for p in it.pods() if p["metadata"].get("ownerReferences")), None)
        missing = 2 - sum(1 for p in it.pods() if not p["metadata"].get("deletionTimestamp"))
        if template is not None and not it.all_of("ReplicaSet"):
            for _ in range(missing):
                name = f"chat-new{len(it.made)}"
                new = pod(name, node="node-1", ready=False)
                new["metadata"]["ownerReferences"] = template["metadata"]["ownerReferences"]
                it.made[name] = it.clock
                it.add(new)
        ready = [p for p in it.pods() if not p["metadata"].get("deletionTimestamp")]
        fewest.append(sum(p["status"]["conditions"][0]["status"] == "True" for p in ready))

    cluster.moved_on = start_others
    _, outcome = await _drained(cluster)
    assert outcome.result is Result.CONVERGED, outcome.text
    assert {"chat-0", "chat-1"}.isdisjoint(cluster.names())
    assert min(fewest) == 1, "one of the two was ready at every moment"


async def test_a_status_that_nobody_has_written_since_is_not_believed() -> None:
    cluster = chat(2, requests=0.0)
    cluster.placeable = False

    def forget(it: PodCluster) -> None:
        _deployment(it)["status"]["readyReplicas"] = 2

    cluster.settle()
    plan = await make_plan(BOTH, cluster.context())
    execution = HandWork(cluster)
    written = PodCluster._replicate

    def silent(self: PodCluster, replicas: Obj) -> None:
        written(self, replicas)
        forget(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PodCluster, "_replicate", silent)
        outcome = await DrainAction().execute(plan, execution)
    assert outcome.result is Result.TIMED_OUT
    assert "chat-1" in cluster.names()


async def test_one_that_was_not_ready_is_replaced_before_the_one_that_is() -> None:
    cluster = chat(2, requests=0.0)
    cluster.objects["Pod", "serving", "chat-0"]["status"]["conditions"][0]["status"] = "False"
    cluster.placeable = False
    _, outcome = await _drained(cluster.settle())
    assert outcome.result is Result.TIMED_OUT
    assert "chat-1" in cluster.names()


async def test_where_the_workload_is_deleted_meanwhile_no_further_pod_is_touched() -> None:
    cluster = chat(2, requests=0.0)

    def deleted(it: PodCluster) -> None:
        if "chat-0" not in it.names():
            it.objects.pop(("Deployment", "serving", "chat-70b"), None)

    cluster.moved_on = deleted
    cluster.placeable = False
    _, outcome = await _drained(cluster)
    assert outcome.result is Result.FAILED
    assert "deleted meanwhile" in outcome.text
    assert "chat-1" in cluster.names()


async def test_the_plan_says_who_starts_another_and_who_owns_that() -> None:
    plan = await make_plan(BOTH, CHAINS["an InferenceService"]().context())
    assert "Deployment chat-70b of InferenceService chat starts another" in check(plan, "owner").text
    assert check(plan, "rollout").verdict is Verdict.PASS


async def _unit(cluster: PodCluster) -> DrainUnit:
    return await Inspection(cluster.context()).unit(cluster.get("Pod", "serving", "chat-0"))


async def test_a_group_is_counted_by_its_leaders_and_by_the_set_above_it() -> None:
    labels = {"leaderworkerset.sigs.k8s.io/name": "night"}
    cluster = PodCluster()
    for group in (0, 1):
        for index in (0, 1):
            name = f"night-{group}" if not index else f"night-{group}-{index}"
            place = {"group-index": str(group), "worker-index": str(index)}
            made = pod(name, labels=labels | {f"leaderworkerset.sigs.k8s.io/{k}": v for k, v in place.items()})
            above = ("StatefulSet", "night", "uid-sts") if not index else ("StatefulSet", f"night-{group}", "uid-w")
            made["metadata"]["ownerReferences"] = [owned_by(*above)]
            cluster.add(made)
    meta: dict[str, Any] = {"namespace": "serving", "name": "night"}
    owner = [owned_by("LeaderWorkerSet", "night", "uid-lws")]
    sets = {"kind": "StatefulSet", "metadata": {**meta, "uid": "uid-sts", "ownerReferences": owner}}
    cluster.add({**sets, "spec": {"replicas": 2}, "status": {"readyReplicas": 2}})
    group_set = {"kind": "LeaderWorkerSet", "metadata": {**meta, "uid": "uid-lws"}}
    cluster.add({**group_set, "spec": {"replicas": 2}, "status": {"readyReplicas": 2}})
    unit = await Inspection(cluster.context()).unit(cluster.get("Pod", "serving", "night-0"))
    assert unit.keeper == Target("LeaderWorkerSet", "serving", "night", "uid-lws")
    assert (len(unit.members), unit.ready) == (2, 2)


async def test_of_a_daemon_set_too_the_second_stays_until_the_first_is_ready_again() -> None:
    cluster = PodCluster()
    for i in (0, 1):
        made = pod(f"chat-{i}", labels={})
        made["metadata"]["ownerReferences"] = [owned_by("DaemonSet", "chat", "uid-ds")]
        cluster.add(made)
    meta = {"name": "chat", "namespace": "serving", "uid": "uid-ds"}
    selector = {"matchLabels": {"app": "chat-70b"}}
    status = {"desiredNumberScheduled": 2, "numberReady": 2}
    cluster.add({"kind": "DaemonSet", "metadata": meta, "spec": {"selector": selector}, "status": status})
    plan = await make_plan(BOTH, cluster.settle().context())
    outcome = await DrainAction().execute(plan, HandWork(cluster))
    assert outcome.result is Result.TIMED_OUT
    assert "chat-1" in cluster.names()


async def test_what_is_recorded_of_a_unit_is_the_unit() -> None:
    unit = await _unit(CHAINS["an InferenceService"]())
    assert unit.keeper is not None
    assert from_fact(to_fact(unit)) == unit


@pytest.mark.parametrize(
    ("kind", "name", "field", "where"),
    [
        ("InferenceService", "llama-predictor", "f:replicas", "spec.predictor.minReplicas and maxReplicas"),
        ("InferenceService", "llama-transformer", "f:template", "spec.transformer of InferenceService"),
        ("LLMInferenceService", "llama", "f:replicas", "spec.replicas of LLMInferenceService"),
        ("ModelServer", "llama", "f:replicas", "change ModelServer owner instead"),
    ],
)
def test_the_owner_that_overwrites_it_is_named_with_what_to_change_there(
    kind: str, name: str, field: str, where: str
) -> None:
    found = check_owner({"metadata": {"name": name, "ownerReferences": [owned_by(kind, "owner", "u")]}}, field=field)
    assert found.verdict is Verdict.BLOCK
    assert f"{kind} owner controls {name}" in found.text
    assert where in found.fix


@pytest.mark.parametrize(
    ("field", "where"), [("f:replicas", "spec.replicas"), ("f:template", "spec.leaderWorkerTemplate")]
)
def test_the_workers_of_a_multi_host_engine_are_changed_where_their_group_is(field: str, where: str) -> None:
    """The StatefulSet of the workers belongs to their leader, and nothing of a pod can be changed."""
    labels = {"leaderworkerset.sigs.k8s.io/name": "night"}
    metadata = {"name": "night-0", "labels": labels, "ownerReferences": [owned_by("Pod", "night-0", "u")]}
    found = check_owner({"metadata": metadata}, field=field)
    assert found.verdict is Verdict.BLOCK
    assert "LeaderWorkerSet night controls night-0" in found.text
    assert found.fix == f"change {where} of LeaderWorkerSet night instead"

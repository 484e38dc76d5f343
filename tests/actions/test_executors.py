"""A cluster and this machine are two executors of one protocol: neither sees what belongs to the other."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from actions.cluster import ClusterExecutor
from actions.kinds.local_down import LocalDown
from actions.kinds.scale import Scale
from actions.local.context import local_scope
from actions.local.executor import LocalExecutor
from actions.local.machine import Machine
from actions.local.steps import removing
from actions.planning.plan_context import Rules
from actions.request import LOCAL, LOCAL_SERVER, OtherClusterError, Target
from actions.running.action_run import ActionRun
from actions.running.executor import Executor
from actions.running.journal import Journal
from fleet.local.server import ServerState
from tests.actions.stage import NOW, SCOPE, FakeCluster, deployment

CHAT = Target("Deployment", "serving", "chat-70b")

HPA = {
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "chat", "namespace": "serving", "uid": "uid-hpa"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "chat-70b"}, "maxReplicas": 4},
}

KEPT = {"step", "status", "audit_id", "warning", "uid", "resource_version"}
"""Fields of an answer that both kinds of records have always had."""


class NoServers:
    async def poll(self) -> tuple[ServerState, ...]:
        return ()


def on_machine(folder: Path) -> LocalExecutor:
    return LocalExecutor(
        Machine(folder, {}, NoServers()), local_scope(os.getuid(), require_reason=False), Rules(follow_timeout=1.0)
    )


def on_cluster() -> ClusterExecutor:
    stage = FakeCluster()
    stage.add(deployment())
    return stage.executor


async def test_neither_plans_what_is_done_by_the_other(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="scale is an action on a cluster, not on this machine"):
        await on_machine(tmp_path).plan(Scale(CHAT, 6))
    with pytest.raises(TypeError, match="local-down is an action on this machine, not on a cluster"):
        await on_cluster().plan(LocalDown(Target(LOCAL_SERVER, LOCAL, "tiny")))


async def test_each_context_has_what_is_its_own_and_no_more(tmp_path: Path) -> None:
    here, there = on_machine(tmp_path).context(), on_cluster().context()
    assert here.machine.state == tmp_path
    assert {"reads", "dry_run", "past"}.isdisjoint(dir(here))
    assert not hasattr(there, "machine")
    assert (here.scope.context, here.snapshot.pods) == (LOCAL, {})


async def test_the_log_has_the_same_fields_of_what_either_did(tmp_path: Path) -> None:
    cluster, log = on_cluster(), FakeCluster()
    (tmp_path / "left").write_text("")
    both: tuple[Executor, ...] = (cluster, on_machine(tmp_path))
    plan = replace(await cluster.plan(Scale(CHAT, 6)), note=None)
    (mutation,) = plan.steps[0].mutations
    for executor, sent in zip(both, (mutation, removing(str(tmp_path / "left"), "it")), strict=True):
        await executor.begin(Journal(ActionRun(plan, "", NOW), log, lambda _: None)).send(sent)
    assert [event for event, _, _ in log.audited] == ["sending", "answered"] * 2
    answers = [content for event, _, content in log.audited if event == "answered"]
    assert [answer.keys() for answer in answers] == [KEPT, KEPT]
    assert [answer["status"] for answer in answers] == [200, 200]
    assert not (tmp_path / "left").exists()


async def test_what_is_of_another_place_is_planned_by_neither(tmp_path: Path) -> None:
    machine, cluster = on_machine(tmp_path), on_cluster()
    here, there = (executor.context().scope.cluster for executor in (machine, cluster))
    with pytest.raises(OtherClusterError, match=f"it is for {there}, and this is {here}"):
        await machine.plan(LocalDown(Target(LOCAL_SERVER, LOCAL, "tiny", cluster=there)))
    with pytest.raises(OtherClusterError, match=f"it is for {here}, and this is {there}"):
        await cluster.plan(Scale(replace(CHAT, cluster=here), 6))


async def test_every_target_in_a_plan_says_where_it_is() -> None:
    """Also those of its undo and of better alternatives, which the kind makes from its reads."""
    stage = FakeCluster()
    stage.add(deployment())
    stage.add(HPA)
    plan = await stage.executor.plan(Scale(CHAT, 6))
    assert plan.undo.request is not None
    assert plan.alternatives
    requests = (plan.request, plan.undo.request, *(other.request for other in plan.alternatives))
    assert {target.cluster for request in requests for target in request.targets} == {SCOPE.cluster}

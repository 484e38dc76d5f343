"""A cluster and this machine are two executors of one protocol: neither sees what belongs to the other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from actions.cluster import ClusterExecutor
from actions.executor import Executor
from actions.kinds.local_down import LocalDown
from actions.kinds.scale import Scale
from actions.local.context import local_scope
from actions.local.executor import LocalExecutor
from actions.local.machine import Machine
from actions.local.steps import removing
from actions.plan_context import Rules
from actions.request import LOCAL, LOCAL_SERVER, Target
from fleet.local.server import ServerState
from tests.actions.stage import FakeCluster, deployment

CHAT = Target("Deployment", "serving", "chat-70b")

KEPT = {"status", "audit_id", "warning", "uid", "resource_version"}
"""What records of both have had of an answer since there are any."""


class NoServers:
    async def look(self) -> tuple[ServerState, ...]:
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
    with pytest.raises(TypeError, match="scale is done on a cluster, and not on this machine"):
        await on_machine(tmp_path).plan(Scale(CHAT, 6))
    with pytest.raises(TypeError, match="local-down is done on this machine, and not on a cluster"):
        await on_cluster().plan(LocalDown(Target(LOCAL_SERVER, LOCAL, "tiny")))


async def test_each_context_has_what_is_its_own_and_no_more(tmp_path: Path) -> None:
    here, there = on_machine(tmp_path).context(), on_cluster().context()
    assert here.machine.state == tmp_path
    assert {"reads", "dry_run", "past"}.isdisjoint(dir(here))
    assert not hasattr(there, "machine")
    assert (here.scope.context, here.snapshot.pods) == (LOCAL, {})


async def test_the_log_has_the_same_fields_of_what_either_did(tmp_path: Path) -> None:
    cluster = on_cluster()
    (tmp_path / "left").write_text("")
    both: tuple[Executor, ...] = (cluster, on_machine(tmp_path))
    (mutation,) = (await cluster.plan(Scale(CHAT, 6))).steps[0].mutations
    answers = [
        await executor.send(sent)
        for executor, sent in zip(both, (mutation, removing(str(tmp_path / "left"), "it")), strict=True)
    ]
    assert [answer.record.keys() for answer in answers] == [KEPT, KEPT]
    assert [answer.record["status"] for answer in answers] == [200, 200]
    assert not (tmp_path / "left").exists()

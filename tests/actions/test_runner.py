"""The promises of the runner for any action: nothing unrecorded, nothing unexplained."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from actions.audit.errors import AuditError
from actions.audit.history import SentRequest
from actions.cluster import ClusterExecutor
from actions.kinds.scale import Scale
from actions.planning.plan_context import ClusterContext
from actions.planning.plan_json import recorded_plan
from actions.request import OtherClusterError, Target
from actions.running.action_run import ActionRun
from actions.running.progress import FailureCause, Result
from actions.running.runner import PlanRefusedError, Runner
from fleet.model.objects import ClusterId
from fleet.sources.kube.errors import ForbiddenError, KubeError, UnauthorizedError, UnreachableError
from tests.actions.stage import NOW, SCOPE, FakeCluster, deployment

CHAT = Target("Deployment", "serving", "chat-70b", "uid-chat-70b")
SCALE = "/apis/apps/v1/namespaces/serving/deployments/chat-70b/scale"


@pytest.fixture
def stage() -> FakeCluster:
    stage = FakeCluster()
    stage.add(deployment())
    return stage


def stuck(obj: dict[str, Any]) -> dict[str, Any]:
    """The controller sees the change and gets no further."""
    return {**obj, "status": {**obj["status"], "observedGeneration": obj["metadata"]["generation"]}}


async def test_without_an_audit_log_nothing_is_sent(stage: FakeCluster) -> None:
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    stage.audit_error = AuditError("the disk is full")
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.FAILED
    assert outcome.text.count("the disk is full") == 1
    assert not stage.mutations()


async def test_a_log_that_would_be_full_before_the_end_is_found_out_before_the_beginning(
    stage: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    monkeypatch.setattr(stage, "check", Mock(side_effect=AuditError("the disk is full")))
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert (outcome.result, outcome.text.count("the disk is full")) == (Result.FAILED, 1)
    assert not stage.mutations()
    assert [event for event, *_ in stage.audited] == ["intent", "result"]


ELSEWHERE = ClusterId("prod-us1", "https://us1")


async def test_an_object_of_another_cluster_is_not_planned_whatever_is_called_the_same_here(stage: FakeCluster) -> None:
    runner = stage.runner()
    for elsewhere in (ELSEWHERE, SCOPE.cluster._replace(server="https://moved"), SCOPE.cluster._replace(context="me")):
        with pytest.raises(OtherClusterError, match=f"it is for {elsewhere}, and this is prod-eu1 at https://eu1"):
            await runner.executor.plan(Scale(replace(CHAT, cluster=elsewhere), 6))
    assert not stage.asked, "the server was not even asked"
    plan = await runner.executor.plan(Scale(replace(CHAT, cluster=SCOPE.cluster), 6))
    assert plan.target.cluster == SCOPE.cluster


async def test_a_plan_of_another_cluster_is_never_sent_to_this_one(stage: FakeCluster) -> None:
    here, there = FakeCluster(), stage
    here.add(deployment())
    there.scope = replace(SCOPE, context=ELSEWHERE.context, server=ELSEWHERE.server)
    plan = await there.runner().executor.plan(Scale(CHAT, 6))
    assert plan.target.cluster == plan.scope.cluster == ELSEWHERE
    assert all(other.request.target.cluster == ELSEWHERE for other in plan.alternatives)
    with pytest.raises(PlanRefusedError, match="it is for prod-us1 at https://us1"):
        here.runner().start(plan, "", "--yes")
    with pytest.raises(OtherClusterError, match="it is for prod-us1 at https://us1"):
        await here.runner().executor.plan(plan.request)
    assert not here.mutations()
    assert not here.audited
    recorded = recorded_plan(plan)
    assert (recorded["scope"]["context"], recorded["scope"]["server"]) == ELSEWHERE
    assert "cluster" not in recorded["request"], "a request is taken back wherever its server is reached from"


async def test_that_a_person_has_looked_at_what_was_cut_off_is_recorded(stage: FakeCluster) -> None:
    await stage.runner().reviewed("a1")
    assert stage.audited == [("reviewed", "a1", {})]


async def test_a_plan_that_is_blocked_is_refused(stage: FakeCluster) -> None:
    stage.forbidden.add("patch deployments/scale")
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    with pytest.raises(PlanRefusedError, match="may not patch deployments/scale"):
        runner.start(plan, "", "--yes")
    assert not stage.mutations()


@pytest.mark.parametrize(("reason", "fits"), [("", False), ("because", False), ("INC-4471 thermal", True)])
async def test_a_reason_may_be_required(stage: FakeCluster, reason: str, fits: bool) -> None:
    runner = stage.with_rules(require_reason=True, reason_pattern=r"INC-\d+").runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    if fits:
        assert (await runner.wait(runner.start(plan, reason, "yes").id)).ok
    else:
        with pytest.raises(PlanRefusedError):
            runner.start(plan, reason, "yes")
        assert not stage.mutations()


async def test_a_request_without_an_answer_is_unknown_not_failed(stage: FakeCluster) -> None:
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    stage.fail[SCALE] = UnreachableError("the connection broke")
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.FAILED
    assert "whether the server did it is not known" in outcome.text
    (answered,) = [content for event, _, content in stage.audited if event == "answered"]
    assert answered["status"] == 0


async def test_stopping_leaves_what_was_done_and_says_so(stage: FakeCluster) -> None:
    stage.react = stuck
    sent = asyncio.Event()

    def changed(state: ActionRun) -> None:
        if state.latest is not None and state.latest.total:
            sent.set()

    runner = stage.runner(changed)
    plan = await runner.executor.plan(Scale(CHAT, 6))
    state = runner.start(plan, "", "yes")
    await sent.wait()
    runner.stop(state.id)
    outcome = await runner.wait(state.id)
    assert outcome.result is Result.STOPPED
    assert "set 6 replicas" in outcome.text
    assert outcome.remedy == "scale back to 4"
    assert stage.audited[-1][0] == "result"


async def test_a_workload_that_does_not_arrive_times_out(stage: FakeCluster) -> None:
    stage.react = stuck
    runner = stage.with_rules(follow_timeout=0.0).runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.TIMED_OUT
    assert "4 of 6" in outcome.text


async def test_several_run_side_by_side(stage: FakeCluster) -> None:
    stage.add(deployment("embed", 2))
    runner = stage.runner()
    plans = [
        await runner.executor.plan(Scale(CHAT, 6)),
        await runner.executor.plan(Scale(Target("Deployment", "serving", "embed"), 3)),
    ]
    states = [runner.start(plan, "", "yes") for plan in plans]
    assert [(await runner.wait(state.id)).result for state in states] == [Result.CONVERGED, Result.CONVERGED]
    assert [u.plan.target.name for u in runner.action_runs] == ["embed", "chat-70b"]
    await runner.close()


async def test_the_effect_is_measured_after_the_end_not_before(stage: FakeCluster) -> None:
    before = stage.snapshot
    later = replace(before, measured_at=NOW + 1.0)
    looked: list[float | None] = []

    def context() -> ClusterContext:
        # The source measures again while the action waits for it.
        looked.append(stage.snapshot.measured_at)
        if stage.audited and len(looked) > 20:
            stage.snapshot = later
        return stage.context()

    runner = Runner(ClusterExecutor(context, stage), stage, settle=30.0)
    plan = await runner.executor.plan(Scale(CHAT, 6))
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.before is not None
    assert outcome.after is not None
    assert (outcome.before.at, outcome.after.at) == (before.measured_at, later.measured_at)
    assert [event for event, _, _ in stage.audited][-2:] == ["result", "effect"], "the result does not wait for it"


async def test_stopping_while_it_measures_changes_nothing_of_how_it_ended(stage: FakeCluster) -> None:
    measuring = asyncio.Event()

    def context() -> ClusterContext:
        if stage.audited and stage.audited[-1][0] == "result":
            measuring.set()
        return stage.context()

    runner = Runner(ClusterExecutor(context, stage), stage, settle=30.0)
    plan = await runner.executor.plan(Scale(CHAT, 6))
    state = runner.start(plan, "", "yes")
    await measuring.wait()
    runner.stop(state.id)
    assert (await runner.wait(state.id)).ok


async def test_a_status_that_moved_on_is_no_conflict(stage: FakeCluster) -> None:
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    # As controllers do all the time: a new resourceVersion, the same generation.
    stage.add(stage.get("Deployment", "serving", "chat-70b"))
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.ok
    assert [event for event, _, _ in stage.audited].count("step") == 1
    assert stage.mutations().count(f"PATCH {SCALE}") == 2, "the first was refused, the second has the new version"


async def test_what_somebody_else_wrote_on_it_is_a_conflict_though_its_spec_is_the_same(stage: FakeCluster) -> None:
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    other = stage.get("Deployment", "serving", "chat-70b")
    other["metadata"]["labels"] = {"team": "second"}
    stage.add(other)
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.CONFLICT


async def test_a_request_that_found_no_connection_was_not_sent_and_that_is_known(stage: FakeCluster) -> None:
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    refused = UnreachableError("connection refused by https://eu1", reason="refused")
    refused.sent = False
    stage.fail[SCALE] = refused
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.FAILED
    assert outcome.text == "nothing was sent: connection refused by https://eu1"
    assert outcome.cause is FailureCause.UNREACHABLE
    (answered,) = [content for event, _, content in stage.audited if event == "answered"]
    assert answered["sent"] is False
    sent = SentRequest(0.0, "PATCH", SCALE, {}, 1.0, answered)
    assert not sent.unknown
    assert not sent.done


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (UnauthorizedError("Unauthorized", status=401), FailureCause.UNREACHABLE),
        (ForbiddenError("it is forbidden", status=403), FailureCause.FORBIDDEN),
        (UnreachableError("the connection broke"), FailureCause.OTHER),
    ],
)
async def test_why_nothing_was_done_is_told_to_programs(
    stage: FakeCluster, error: KubeError, cause: FailureCause
) -> None:
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 6))
    stage.fail[SCALE] = error
    assert (await runner.wait(runner.start(plan, "", "yes").id)).cause is cause

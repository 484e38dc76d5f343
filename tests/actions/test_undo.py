"""Undo: whose last action, on which cluster, and whether it is still in effect."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from actions.audit.history import RecordedAction
from actions.audit.log import AuditLog
from actions.audit.opened_logs import open_folder
from actions.audit.who import Who
from actions.catalogue import specs
from actions.kinds.pausing import Pause, Resume
from actions.kinds.restart import Restart
from actions.kinds.restore import Restore
from actions.kinds.rollback import RollBack
from actions.kinds.scale import Scale
from actions.planning.plan import Check, Plan, Verdict
from actions.request import Request, Target, to_json
from actions.running.progress import Result
from actions.running.runner import Runner
from actions.spec import ActionSpec
from actions.undo import last_undo, plan_undo
from fleet.model.objects import ClusterId
from fleet.sources.kube.errors import NotFoundError
from tests.actions.plans import check
from tests.actions.rolled import CHAT, chat, deployment, replica_set
from tests.actions.stage import SCOPE, FakeCluster

ME = Who("oncall@corp", ("sre",), "anna", "laptop", "")


class Recorded:
    """A cluster and the log of the actions on it."""

    def __init__(self, cluster: FakeCluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder

    async def do(self, request: Request | Plan, who: Who = ME) -> Result:
        """Plan it if it is not yet a plan, and execute it as some user."""
        runner = Runner(self.cluster.executor, AuditLog(self.folder, who), settle=0.0)
        plan = request if isinstance(request, Plan) else await runner.executor.plan(request)
        return (await runner.wait(runner.start(plan, "", "yes").id)).result

    @property
    def done(self) -> list[RecordedAction]:
        return list(open_folder(self.folder).actions)

    async def undo(self, who: Who = ME) -> Plan:
        return await plan_undo(self.done, who, self.cluster.executor)


@pytest.fixture
def log(tmp_path: Path) -> Recorded:
    return Recorded(chat(gpus=32), tmp_path / "audit")


def since(plan: Plan) -> Check:
    return check(plan, "since then")


def replicas(log: Recorded) -> int:
    return int(log.cluster.get("Deployment", "serving", "chat")["spec"]["replicas"])


async def test_the_last_action_is_taken_back_then_the_one_before(log: Recorded) -> None:
    assert await log.do(Scale(CHAT, 4)) is Result.CONVERGED
    assert await log.do(Pause(CHAT)) is Result.CONVERGED
    plan = await log.undo()
    assert plan.title == "Undo “Pause the rollout of chat”: resume the rollout of chat"
    assert plan.request == Resume(CHAT)
    assert since(plan).verdict is Verdict.PASS
    assert await log.do(plan) is Result.CONVERGED
    plan = await log.undo()
    assert plan.request == Scale(CHAT, 2), "not the resume: an undo is not undone"
    assert await log.do(plan) is Result.CONVERGED
    assert replicas(log) == 2
    with pytest.raises(NotFoundError, match="oncall@corp has done nothing on this cluster"):
        await log.undo()


async def test_what_another_person_did_is_left_to_them(log: Recorded) -> None:
    await log.do(Scale(CHAT, 4))
    await log.do(Scale(CHAT, 5), replace(ME, local_user="ben"))
    await log.do(Scale(CHAT, 6), replace(ME, identity="admin@corp"))
    plan = await log.undo()
    assert plan.request == Scale(CHAT, 2)
    assert since(plan).verdict is Verdict.WARN
    assert "now replicas 6 (it left 4)" in since(plan).text


async def test_what_was_done_on_another_cluster_is_left_there(log: Recorded) -> None:
    await log.do(Scale(CHAT, 4))
    assert last_undo(log.done, ME, ClusterId(SCOPE.context, "https://us2")) is None
    assert last_undo(log.done, ME, SCOPE.cluster) is not None


async def test_behind_one_server_the_actions_of_the_context_in_view_come_first(log: Recorded) -> None:
    """A proxy may serve many clusters, and distinguish them by the caller."""
    await log.do(Scale(CHAT, 4))
    other = chat(gpus=32)
    other.scope = replace(SCOPE, context="eu2-behind-the-same-proxy")
    here, there = log.cluster, other
    log.cluster = there
    await log.do(Pause(replace(CHAT, cluster=there.scope.cluster)))
    log.cluster = here
    plan = await log.undo()
    assert plan.request == Scale(CHAT, 2)
    assert [one.about for one in plan.checks].count("cluster") == 0
    assert await log.do(plan) is Result.CONVERGED
    # Nothing of this context is left. Only a person can tell whether the other name is the same cluster.
    plan = await log.undo()
    assert plan.request == Resume(CHAT)
    where = check(plan, "cluster")
    assert where.verdict is Verdict.WARN
    assert "the context eu2-behind-the-same-proxy" in where.text


async def test_what_is_gone_cannot_be_taken_back_and_that_is_said(log: Recorded) -> None:
    await log.do(Scale(CHAT, 4))
    log.cluster.objects.clear()
    with pytest.raises(NotFoundError, match=r"“Scale chat from 2 to 4” cannot be undone: .* is gone") as failed:
        await log.undo()
    assert failed.value.remedy == "Its object, or the state to go back to, is gone."


async def test_what_has_no_inverse_is_passed_over(log: Recorded) -> None:
    await log.do(Scale(CHAT, 4))
    await log.do(Restart(CHAT))
    assert (await log.undo()).request == Scale(CHAT, 2)


def changed_by_another(log: Recorded) -> None:
    obj = log.cluster.get("Deployment", "serving", "chat")
    obj["spec"]["minReadySeconds"] = 5
    log.cluster.add(obj)


async def test_what_the_server_refused_needs_no_undo(log: Recorded) -> None:
    plan = await log.cluster.runner().executor.plan(Scale(CHAT, 4))
    changed_by_another(log)
    assert await log.do(plan) is Result.CONFLICT
    assert last_undo(log.done, ME, SCOPE.cluster) is None


async def test_an_undo_that_was_refused_leaves_it_to_be_undone(log: Recorded) -> None:
    await log.do(Scale(CHAT, 4))
    plan = await log.undo()
    changed_by_another(log)
    assert await log.do(plan) is Result.CONFLICT
    assert (await log.undo()).undoes == plan.undoes


async def test_a_rollback_that_was_numbered_anew_still_stands(log: Recorded) -> None:
    await log.do(RollBack(CHAT))
    log.cluster.add(replica_set(1, number=3, earlier="1"))
    plan = await log.undo()
    assert plan.request == RollBack(CHAT, "chat-h2")
    assert since(plan).verdict is Verdict.PASS


async def test_a_target_that_was_made_anew_is_not_touched(log: Recorded) -> None:
    await log.do(Scale(CHAT, 4))
    another: dict[str, Any] = deployment()
    another["metadata"]["uid"] = "uid-of-another"
    log.cluster.add(another)
    with pytest.raises(NotFoundError, match="not the one that was chosen"):
        await log.undo()


async def test_what_was_not_recorded_in_full_is_not_sent_in_part(log: Recorded) -> None:
    audit = AuditLog(log.folder, ME)
    way_back = to_json(Restore(Target("Pod", "serving", "chat-0", "uid"), {"app": "sk-proj-A1b2C3d4E5"}))
    intent = {
        "title": "Drain chat-0",
        "scope": {"server": SCOPE.server},
        "undo": {"text": "put it back", "request": way_back},
    }
    audit.append("intent", "a1", intent)
    audit.append("sending", "a1", {"method": "PATCH", "path": "/api/v1/namespaces/serving/pods/chat-0"})
    audit.append("answered", "a1", {"status": 200})
    with pytest.raises(NotFoundError, match="looked like a secret"):
        await log.undo()


async def test_the_log_says_in_which_cluster_once_and_is_taken_back_as_it_always_was(log: Recorded) -> None:
    """A request has its cluster in memory alone: the log tells it in the scope, as ever."""
    assert await log.do(Scale(replace(CHAT, cluster=SCOPE.cluster), 4)) is Result.CONVERGED
    opened = open_folder(log.folder)
    assert opened.intact
    (action,) = opened.actions
    target = {"kind": CHAT.kind, "namespace": CHAT.namespace, "name": CHAT.name, "uid": action.intent.target["uid"]}
    assert action.intent.content["request"] == {"kind": "scale", "target": target, "replicas": 4}
    assert action.undo["request"] == {"kind": "scale", "target": target, "replicas": 2}
    assert (action.intent.scope["context"], action.intent.scope["server"]) == SCOPE.cluster
    # By another name of the same server, too.
    log.cluster.scope = replace(SCOPE, context="eu1-by-another-name")
    plan = await log.undo()
    assert plan.request == Scale(replace(CHAT, cluster=log.cluster.scope.cluster), 2)
    assert plan.target.cluster == log.cluster.scope.cluster
    assert await log.do(plan) is Result.CONVERGED
    assert replicas(log) == 2
    assert open_folder(log.folder).intact


@pytest.mark.parametrize("spec", tuple(specs()), ids=lambda spec: spec.request.kind)
def test_no_request_is_recorded_with_its_cluster(spec: ActionSpec) -> None:
    names = [each.name for each in fields(spec.request) if each.init]
    values = {name: CHAT if name == "target" else (CHAT,) if name == "others" else None for name in names}
    recorded = to_json(spec.request(**values))  # type: ignore[arg-type]
    assert recorded.keys() == {"kind", *names}
    targets = (recorded["target"], *recorded.get("others", ()))
    assert [target.keys() for target in targets] == [{"kind", "namespace", "name", "uid"}] * len(targets)

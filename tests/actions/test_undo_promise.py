"""The promise of undo and the effect of undo agree, no matter what was done before and since."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from actions.audit.log import AuditLog
from actions.audit.opened_logs import open_folder
from actions.audit.who import Who
from actions.kinds.pausing import Pause
from actions.kinds.restart import Restart
from actions.kinds.restore import Restore
from actions.kinds.scale import Scale
from actions.planning.plan import Plan, Undo
from actions.request import Request, Target
from actions.running.action_run import ActionRun
from actions.running.progress import Outcome, Result
from actions.running.runner import Runner
from actions.undo import plan_undo, why_not
from fleet.model.objects import Pod
from fleet.model.snapshot import Snapshot
from fleet.sources.kube.errors import NotFoundError
from tests.actions.rolled import CHAT, chat
from tests.actions.stage import FakeCluster

ME = Who("oncall@corp", ("sre",), "anna", "laptop", "")


class Session:
    """One person's session on a cluster, with its audit log."""

    def __init__(self, folder: Path) -> None:
        self.cluster: FakeCluster = chat(gpus=32)
        self.folder = folder
        self.runner = Runner(self.cluster.executor, AuditLog(folder, ME), settle=0.0)

    async def do(self, request: Request | Plan) -> str:
        plan = request if isinstance(request, Plan) else await self.runner.executor.plan(request)
        state = self.runner.start(plan, "", "yes")
        await self.runner.wait(state.id)
        return state.id

    async def undo(self) -> Plan:
        done = list(open_folder(self.folder).actions)
        return await plan_undo(done, ME, self.cluster.executor)

    def promised(self, id: str) -> str:  # noqa: A002 - the run's
        found = next(u for u in self.runner.action_runs if u.id == id)
        return why_not(found, self.runner.action_runs, self.cluster.context().snapshot)

    async def agrees(self) -> list[str]:
        """Return the promises for the session's actions, newest first; undo keeps them."""
        try:
            undone = (await self.undo()).undoes
        except NotFoundError:
            undone = ""
        texts = {u.id: self.promised(u.id) for u in self.runner.action_runs}
        assert [id for id, lack in texts.items() if not lack] == ([undone] if undone else [])  # noqa: A001
        return list(texts.values())


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "audit")


async def test_undo_is_promised_of_the_action_that_it_takes_back_and_of_no_other(session: Session) -> None:
    await session.do(Scale(CHAT, 4))
    assert await session.agrees() == [""]
    await session.do(Pause(CHAT))
    assert await session.agrees() == ["", "“Pause the rollout of chat” is undone before it"]
    await session.do(await session.undo())
    back, paused, scaled = await session.agrees()
    assert (back, paused, scaled) == (
        "it is itself an undo, and cannot be undone",
        "it was already undone",
        "",
    )
    await session.do(Restart(CHAT))
    assert (await session.agrees())[0] == "it cannot be undone"


async def test_undo_is_not_promised_of_what_never_reached_the_cluster(session: Session) -> None:
    plan = await session.runner.executor.plan(Scale(CHAT, 4))
    obj = session.cluster.get("Deployment", "serving", "chat")
    obj["spec"]["minReadySeconds"] = 5
    session.cluster.add(obj)
    await session.do(plan)
    assert await session.agrees() == ["nothing was done"]


def drained(*names: str) -> ActionRun:
    first, *others = [Target("Pod", "serving", name, f"uid-{name}") for name in names]
    plan = Plan(
        request=Scale(CHAT, 1),
        scope=chat().context().scope,
        title="Drain chat-0",
        made_at=1.0,
        steps=(),
        undo=Undo("restore the labels", Restore(first, {"app": "chat"}, tuple(others))),
    )
    return ActionRun(plan, "", 1.0, outcome=Outcome(Result.CONVERGED, "gone"), reached=True)


def seen(*names: str) -> Snapshot:
    pods = {
        f"serving/{n}": Pod("serving", n, f"uid-{n}", "", created=0.0, phase="", status="", ready=True, restarts=0)
        for n in ("other", *names)
    }
    return replace(chat().context().snapshot, pods=pods)


@pytest.mark.parametrize(
    ("there", "lack"),
    [((), "chat-0, chat-1 are gone"), (("chat-1",), ""), (("chat-0", "chat-1"), "")],
)
def test_undo_is_not_promised_of_a_drain_whose_pods_are_gone(there: tuple[str, ...], lack: str) -> None:
    done = drained("chat-0", "chat-1")
    assert why_not(done, [done], seen(*there)) == lack


def test_a_way_back_that_the_log_does_not_keep_is_not_promised() -> None:
    done = drained("chat-0")
    restore = Restore(Target("Pod", "serving", "chat-0", "uid-chat-0"), {"app": "sk-proj-A1b2C3d4E5"})
    done = replace(done, plan=replace(done.plan, undo=Undo("labels back", restore)))
    assert "looked like a secret" in why_not(done, [done], seen("chat-0"))

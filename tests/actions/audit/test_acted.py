"""An action that is really carried out, in the real log: to its end, and killed between any two of its steps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actions.audit.chain import verify
from actions.audit.history import ActionState, history, unfinished
from actions.audit.log import AuditLog
from actions.audit.opened_logs import open_folder
from actions.audit.reading import read_log, records
from actions.audit.who import Who
from actions.audit.words import summary
from actions.kinds.scale import Scale
from actions.request import Target
from actions.running.progress import Result
from actions.running.runner import Runner
from tests.actions.stage import FakeCluster, deployment

CHAT = Target("Deployment", "serving", "chat-70b", "uid-chat-70b")

KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from actions.audit.log import AuditLog
from actions.audit.who import Who
from tests.actions.audit.test_acted import scale
from tests.actions.stage import FakeCluster, deployment

class Killed(FakeCluster):
    left = 0
    def come(self, what):
        Killed.left -= 1
        if not Killed.left:
            os.kill(os.getpid(), signal.SIGKILL)
    async def send(self, mutation):
        self.come("before it is sent")
        with open(self.folder / "sent", "a") as file:
            print(mutation.method, mutation.path, file=file)
        answer = await super().send(mutation)
        self.come("before the answer is written down")
        return answer
    def append(self, event, action, content):
        self.come("before a record")
        self.log.append(event, action, content)
        self.come("after a record")

for moment in range(1, 40):
    folder = Path(sys.argv[1]) / str(moment)
    folder.mkdir()
    child = os.fork()
    if not child:
        Killed.left = moment
        stage = Killed()
        stage.folder, stage.log = folder, AuditLog(folder / "audit", Who.of_this_process("oncall@corp", ()))
        asyncio.run(scale(stage, stage))
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


async def scale(stage: FakeCluster, audit: AuditLog | FakeCluster) -> Result:
    """Scale a Deployment on the stage."""
    stage.add(deployment())
    runner = Runner(stage.executor, audit, settle=0.0)
    plan = await runner.executor.plan(Scale(CHAT, 6))
    outcome = await runner.wait(runner.start(plan, "INC-7 token=abc", "typed chat-70b").id)
    return outcome.result


async def test_an_action_and_its_record_agree(tmp_path: Path) -> None:
    stage = FakeCluster()
    log = AuditLog(tmp_path / "audit", Who.of_this_process("oncall@corp", ("sre",)))
    assert await scale(stage, log) is Result.CONVERGED
    opened = open_folder(tmp_path / "audit")
    assert opened.intact
    [action] = opened.actions
    assert (action.state, action.outcome, action.intent.kind) == (ActionState.ENDED, "converged", "scale")
    assert [f"{sent.method} {sent.path}" for sent in action.sent] == stage.mutations()
    assert all(sent.done for sent in action.sent)
    assert action.unsent == ()
    texts = {fact.label: fact.text for fact in summary(action)}
    assert texts["change"] == "replicas 4 → 6"
    assert texts["where"] == "prod-eu1 · serving/Deployment/chat-70b"
    assert texts["reason"] == "INC-7 token=[redacted]"
    assert action.undo["request"]["replicas"] == 4


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One folder for each moment at which the process was killed: ``audit``, and ``sent`` with what was really sent."""
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    moments = sorted(folder.iterdir(), key=lambda path: int(path.name))
    assert len(moments) > 12
    return moments[:-1]  # the last one was not killed


def test_a_kill_between_any_two_steps_leaves_a_log_that_says_what_is_known(killed: list[Path]) -> None:
    unknown = 0
    for moment in killed:
        log = moment / "audit"
        really = (moment / "sent").read_text().splitlines() if (moment / "sent").exists() else []
        assert verify(read_log(log)).intact, moment
        events = [record.event for record in records(read_log(log))]
        if "intent" not in events:
            assert really == []
            continue
        if "result" in events:
            assert unfinished(log) == []
            continue
        [action] = unfinished(log)
        assert action.title.startswith("Scale chat-70b")
        recorded = [f"{sent.method} {sent.path}" for sent in action.sent]
        # Everything sent was recorded before; at most the last recorded request was not sent.
        assert recorded[: len(really)] == really
        assert len(recorded) - len(really) <= 1
        planned = [f"{item['method']} {item['path']}" for item in action.intent.requests]
        assert recorded == planned[: len(recorded)]
        assert len(action.unsent) == len(planned) - len(recorded)
        # Only the last one can be unknown, and what was sent without an answer always is.
        assert not any(sent.unknown for sent in action.sent[:-1])
        text = "\n".join(fact.text for fact in summary(action))
        assert "before it recorded a result" in text
        if action.sent and action.sent[-1].unknown:
            unknown += 1
            assert "whether the server did it is not known" in text
        elif not action.sent:
            assert "the cluster is unchanged" in text
    assert unknown >= 4


def test_what_was_cut_off_is_history_for_the_next_console(killed: list[Path]) -> None:
    folder = next(moment / "audit" for moment in killed if (moment / "sent").exists())
    AuditLog(folder, Who.of_this_process("oncall@corp", ())).append("intent", "next", {"title": "Scale chat-70b to 4"})
    assert verify(read_log(folder)).intact
    assert [action.state for action in history(records(read_log(folder)))] == [
        ActionState.CUT_OFF,
        ActionState.UNDER_WAY,
    ]

"""Servers from start to end: up and down, side by side, and started again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from actions.kinds.local_down import LocalDown
from actions.kinds.local_restart import LocalRestart
from actions.kinds.local_up import LocalUp
from actions.planning.plan import Verdict
from actions.request import LOCAL, LOCAL_SERVER, Target
from actions.running.progress import Result
from fleet import guard
from fleet.local.errors import LocalError
from fleet.local.server import Phase
from tests.local.fakes import Open


async def test_up_serves_and_down_leaves_nothing(opened: Open) -> None:
    box = await opened()
    spec = box.spec()
    plan, outcome = await box.carried_out(box.up(spec))
    assert outcome.result is Result.CONVERGED, outcome.text
    assert plan.verdict is Verdict.WARN, "no GPU"
    assert any("shard 3 of 3" in text or "reading weights" in text or "ready" in text for text in box.said)
    state = await box.server()
    assert state.stage.phase is Phase.READY
    assert state.models == ("model",)
    assert state.record.ready is not None
    assert len(box.processes()) == 3
    assert len(box.shared) == 2
    _, outcome = await box.carried_out(box.down())
    assert outcome.result is Result.CONVERGED, outcome.text
    assert box.processes() == []
    assert not box.shared
    assert await box.watcher.poll() == ()
    assert [file.name for file in (box.servers / "tiny").iterdir()] == ["log"]
    assert "SIGINT process" in " ".join(box.sent)
    assert "SIGKILL" not in " ".join(box.sent)


async def test_two_side_by_side_and_one_goes(opened: Open) -> None:
    box = await opened()
    await asyncio.gather(*(box.carried_out(box.up(box.spec(name))) for name in ("one", "two")))
    assert [state.name for state in await box.watcher.poll()] == ["one", "two"]
    await box.carried_out(box.down("one"))
    (two,) = await box.watcher.poll()
    assert (two.name, two.stage.phase) == ("two", Phase.READY)
    assert len(box.processes()) == 3


async def test_an_old_plan_writes_nothing_over_a_server_that_was_started_meanwhile(opened: Open) -> None:
    box = await opened()
    runner = box.runner()
    old = await runner.executor.plan(box.up(box.spec()))
    await box.carried_out(box.up(box.spec()))
    before = (await box.server()).record
    outcome = await runner.wait(runner.start(old, "", "yes").id)
    await runner.close()
    assert outcome.result is Result.FAILED
    assert outcome.text == f"tiny was started meanwhile: it runs at {before.spec.url}"
    assert (await box.server()).record == before
    assert before.key, "whoever has its key goes on with it"
    assert len(box.processes()) == 3


async def test_of_two_that_start_the_same_server_at_once_one_does(opened: Open) -> None:
    box = await opened()
    runner = box.runner()
    plans = [await runner.executor.plan(box.up(box.spec())) for _ in range(2)]
    outcomes = await asyncio.gather(*(runner.wait(runner.start(plan, "", "yes").id) for plan in plans))
    await runner.close()
    assert sorted(outcome.result for outcome in outcomes) == [Result.CONVERGED, Result.FAILED]
    assert len(box.processes()) == 3


async def test_a_record_that_cannot_be_read_is_not_written_over(opened: Open) -> None:
    box = await opened()
    record = box.servers / "tiny" / "record.json"
    record.parent.mkdir(parents=True)
    record.write_text("{")
    _, outcome = await box.carried_out(box.up(box.spec()))
    assert outcome.result is Result.FAILED
    assert outcome.text == f"{record} cannot be read: its server may still be running"
    assert record.read_text() == "{"
    assert box.processes() == []


async def test_a_restart_shows_what_differs_and_its_undo_is_the_old_one(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec(env={"HF_TOKEN": "hf_abcdefghijklmnopqrstuvwx"})))
    before = (await box.server()).record
    key = before.key
    changed = replace(before.spec, max_model_len=128)
    plan, outcome = await box.carried_out(LocalRestart(Target(LOCAL_SERVER, LOCAL, "tiny"), changed))
    assert outcome.result is Result.CONVERGED, outcome.text
    assert [(c.what, c.before, c.after) for c in plan.changes] == [("max model len", "vLLM's own", "128")]
    assert "+--max-model-len 128" in plan.diff.splitlines()
    after = (await box.server()).record
    assert after.identity.pid != before.identity.pid
    assert after.spec == changed
    process = after.identity.process()
    assert process is not None
    assert process.environ()["HF_TOKEN"] == "hf_abcdefghijklmnopqrstuvwx", "a mask stands for what was kept"
    assert after.key == key, "whoever has its key goes on with it"
    undo = plan.undo.request
    assert isinstance(undo, LocalRestart)
    assert undo.spec == before.spec
    assert len(box.processes()) == 3


async def test_the_undo_of_down_starts_it_again(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    plan, _ = await box.carried_out(box.down())
    again = plan.undo.request
    assert isinstance(again, LocalUp)
    _, outcome = await box.carried_out(again)
    assert outcome.result is Result.CONVERGED, outcome.text


async def test_a_server_that_was_started_again_is_not_the_one_that_was_chosen(opened: Open) -> None:
    box = await opened()
    plan, _ = await box.carried_out(box.up(box.spec()))
    await box.carried_out(LocalRestart(Target(LOCAL_SERVER, LOCAL, "tiny"), (await box.server()).record.spec))
    with pytest.raises(LocalError, match="not the one that was chosen"):
        await box.runner().executor.plan(LocalDown(plan.target))
    with pytest.raises(LocalError, match="no server nobody"):
        await box.runner().executor.plan(box.down("nobody"))


async def test_read_only_starts_and_ends_nothing(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    runner = box.runner()
    plan = await runner.executor.plan(box.down())
    guard.lock()
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.FAILED
    assert "read-only" in outcome.text
    assert (await box.server()).stage.phase is Phase.READY
    await runner.close()

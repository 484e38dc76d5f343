"""Nodes from start to end: what is started, followed, taken down, and what is left when it misbehaves."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from actions.local.store import runtime
from actions.plan import Plan, Verdict
from actions.progress import Outcome, Result
from actions.request import LOCAL, LOCAL_NODE, LocalDown, LocalRestart, LocalUp, Request, Target
from actions.runner import RefusedError
from fleet import door
from fleet.local.errors import LocalError
from fleet.local.node import Phase
from fleet.local.record import read_records
from tests.local.fakes import SHARED, Box, a_box

Open = Callable[..., AbstractAsyncContextManager[Box]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Opens the machine of the test, as it shall behave."""
    async with AsyncExitStack() as stack:

        async def open_(**behaviour: Any) -> Box:
            return await stack.enter_async_context(a_box(tmp_path, **behaviour))

        yield open_


async def carried_out(box: Box, request: Request) -> tuple[Plan, Outcome]:
    runner = box.runner()
    plan = await runner.plan(request)
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    await runner.close()
    return plan, outcome


def down(name: str = "tiny", grace: float | None = None) -> LocalDown:
    return LocalDown(Target(LOCAL_NODE, LOCAL, name), grace)


def said(box: Box) -> list[str]:
    """Everything that was told while it went on."""
    return [state.latest.text for state in box.states if state.latest is not None]


def shared(box: Box) -> set[str]:
    """Names of the shared memory of every node that was started here."""
    started = {c["body"]["id"][:12] for event, _, c in box.audited if event == "sending" and c["method"] == "START"}
    return {file.name for file in SHARED.glob("psm_*") if file.name[4:16] in started}


def sent(box: Box) -> list[str]:
    return [f"{c['method']} {c['path']}" for event, _, c in box.audited if event == "sending"]


async def test_up_serves_and_down_leaves_nothing(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    spec = box.spec()
    plan, outcome = await carried_out(box, box.up(spec))
    assert outcome.result is Result.CONVERGED, outcome.text
    assert plan.verdict is Verdict.WARN, "no GPU"
    assert any("shard 3 of 3" in text or "reading weights" in text or "ready" in text for text in said(box))
    state = await box.node()
    assert state.stage.phase is Phase.READY
    assert state.models == ("model",)
    assert state.record.ready is not None
    assert len(box.processes()) == 3
    assert len(shared(box)) == 2
    _, outcome = await carried_out(box, down())
    assert outcome.result is Result.CONVERGED, outcome.text
    assert box.processes() == []
    assert not shared(box)
    assert await box.watcher.look() == ()
    assert [file.name for file in (box.nodes / "tiny").iterdir()] == ["log"]
    assert "SIGINT process" in " ".join(sent(box))
    assert "SIGKILL" not in " ".join(sent(box))


async def test_one_that_the_system_does_not_start_leaves_no_folder_for_sockets(
    opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def recorded(folder: Path) -> Path:
        made.append(runtime(folder))
        return made[-1]

    def full(*_: object, **__: object) -> None:
        raise LocalError("the process table is full")

    monkeypatch.setattr("actions.local.writer.runtime", recorded)
    monkeypatch.setattr("actions.local.writer.hold", full)
    box: Box = await opened()
    _, outcome = await carried_out(box, box.up(box.spec()))
    assert not outcome.ok
    assert "the process table is full" in outcome.text
    assert [folder.exists() for folder in made] == [False]


async def test_the_key_is_in_its_file_and_in_the_server_and_nowhere_else(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    plan, _ = await carried_out(box, box.up(box.spec(env={"HF_TOKEN": "hf_abcdefghijklmnopqrstuvwx"})))
    record = (await box.node()).record
    process = record.identity.process()
    assert process is not None
    assert process.environ()["VLLM_API_KEY"] == record.key
    assert process.environ()["HF_TOKEN"] == "hf_abcdefghijklmnopqrstuvwx"
    assert process.environ()["HF_HUB_OFFLINE"] == "1"
    secrets = {record.key, "hf_abcdefghijklmnopqrstuvwx"}
    seen = [" ".join(process.cmdline()), record.log.read_text(), repr([s for s in box.states if s.outcome])]
    seen += [(box.nodes / "tiny" / "record.json").read_text(), repr(plan.mutations)]
    assert not any(record.key in text for text in seen)
    # The request itself is redacted where it is recorded (actions.audit); its mutations never hold a secret.
    assert not any(secret in repr(plan.mutations) for secret in secrets)
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{record.spec.url}/v1/models"
        assert (await client.get(url)).status_code == 401
        assert (await client.get(url, headers={"Authorization": f"Bearer {record.key}"})).status_code == 200


async def test_one_that_is_busy_finishes_and_lets_nobody_in(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    await carried_out(box, box.up(box.spec()))
    record = (await box.node()).record
    busy = box.vllm.with_name("busy")
    busy.touch()
    headers = {"Authorization": f"Bearer {record.key}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=20) as client:
        first = asyncio.create_task(client.post(f"{record.spec.url}/v1/completions", json={}))
        runner = box.runner()
        await _told(lambda: _running(client, record.spec.url))
        plan = await runner.plan(down())
        assert "1 running and 0 waiting requests get 10 s; new ones are refused" in [c.text for c in plan.checks]
        ending = runner.start(plan, "", "yes")
        await _told(lambda: _answered(any("1 running" in text for text in said(box))))
        late = await client.post(f"{record.spec.url}/v1/completions", json={})
        assert late.status_code == 500
        assert not first.done()
        busy.unlink()
        assert (await first).status_code == 200
        outcome = await runner.wait(ending.id)
    assert outcome.result is Result.CONVERGED, outcome.text
    assert sent(box).count(f"SIGNAL SIGINT process {record.identity.pid}") == 1
    await runner.close()


async def test_one_that_closes_its_port_while_it_finishes_is_given_its_time(
    opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM 0.19: no metrics from the first signal on, and requests that go on for minutes."""
    monkeypatch.setattr("actions.local.finish.SILENT", 1)
    monkeypatch.setattr(
        "actions.local.finish.GIVEN", ((signal.SIGINT, 0.5), (signal.SIGTERM, 0.5), (signal.SIGKILL, 5.0))
    )
    box: Box = await opened(closes=True)
    await carried_out(box, box.up(box.spec()))
    record = (await box.node()).record
    busy = box.vllm.with_name("busy")
    busy.touch()
    headers = {"Authorization": f"Bearer {record.key}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=20) as client:
        first = asyncio.create_task(client.post(f"{record.spec.url}/v1/completions", json={}))
        runner = box.runner()
        await _told(lambda: _running(client, record.spec.url))
        ending = runner.start(await runner.plan(down()), "", "yes")
        await _told(lambda: _answered("its port is closed, what it has goes on" in said(box)))
        assert not first.done()
        busy.unlink()
        assert (await first).status_code == 200
        outcome = await runner.wait(ending.id)
    assert outcome.result is Result.CONVERGED, outcome.text
    assert [line for line in sent(box) if line.startswith("SIGNAL")] == [f"SIGNAL SIGINT process {record.identity.pid}"]
    await runner.close()


async def test_one_that_cannot_refuse_is_waited_for_and_then_asked(opened: Callable[..., Any]) -> None:
    box: Box = await opened(drains=False)
    await carried_out(box, box.up(box.spec()))
    record = (await box.node()).record
    assert not record.drains
    assert "--shutdown-timeout" not in record.argv
    _, outcome = await carried_out(box, down())
    assert outcome.result is Result.CONVERGED, outcome.text
    assert "it cannot be told to: new requests are still let in" in said(box)


async def test_the_grace_period_ends_and_what_does_not_listen_is_killed_whole(
    opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "actions.local.finish.GIVEN", ((signal.SIGINT, 0.5), (signal.SIGTERM, 0.5), (signal.SIGKILL, 5.0))
    )
    box: Box = await opened(deaf=True, daemon=True, deaf_workers=True, drains=False)
    await carried_out(box, box.up(box.spec()))
    assert len(box.processes()) == 3
    _, outcome = await carried_out(box, down(grace=3.0))
    assert outcome.result is Result.CONVERGED, outcome.text
    assert [word for line in sent(box) for word in line.split() if word.startswith("SIG") and word != "SIGNAL"] == [
        "SIGINT",
        "SIGTERM",
        "SIGKILL",
    ]
    assert box.processes() == []
    assert not shared(box), "the memory of killed workers is removed"


async def test_workers_that_it_leaves_behind_are_found_and_ended(
    opened: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "actions.local.finish.GIVEN", ((signal.SIGINT, 1.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5))
    )
    box: Box = await opened(leaves_workers=True, daemon=True)
    await carried_out(box, box.up(box.spec()))
    _, outcome = await carried_out(box, down())
    assert outcome.result is Result.CONVERGED, outcome.text
    assert box.processes() == []
    assert not shared(box)


async def test_a_killed_node_is_dead_with_what_is_left_of_it_and_down_clears_it(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    await carried_out(box, box.up(box.spec()))
    record = (await box.node()).record
    os.kill(record.identity.pid, signal.SIGKILL)
    state = await box.until(lambda state: not state.alive)
    assert state.reason is not None
    assert state.reason.id == "killed"
    assert "kill -9" in state.reason.text
    assert "2 of its processes still run" in state.reason.text
    plan, outcome = await carried_out(box, down())
    assert any("2 processes of it still run" in check.text for check in plan.checks)
    assert outcome.result is Result.CONVERGED, outcome.text
    assert box.processes() == []
    assert not shared(box)


async def test_shared_memory_of_one_that_was_killed_whole_is_removed(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    await carried_out(box, box.up(box.spec()))
    killed = box.processes()
    for process in killed:
        process.kill()
    psutil.wait_procs(killed, 10)
    assert len(shared(box)) == 2
    plan, outcome = await carried_out(box, down())
    assert plan.steps[0].detail == "nothing to do: it has died"
    assert outcome.result is Result.CONVERGED, outcome.text
    assert not shared(box)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "the GPU ran out of memory"),
        ("ValueError: No available memory for the cache blocks.", "no memory left for the KV cache"),
    ],
)
async def test_one_that_dies_while_loading_says_why(opened: Callable[..., Any], line: str, reason: str) -> None:
    box: Box = await opened(dies_of=line)
    _, outcome = await carried_out(box, box.up(box.spec()))
    assert outcome.result is Result.FAILED
    assert "it died while reading weights" in outcome.text
    assert reason in outcome.text
    assert line in outcome.text
    assert box.processes() == []


async def test_an_unknown_argument_is_named(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    _, outcome = await carried_out(box, box.up(box.spec(extra=("--no-such-flag",))))
    assert outcome.result is Result.FAILED
    assert "unrecognized arguments: --no-such-flag" in outcome.text


async def test_a_port_that_is_taken_forbids_it_and_one_that_is_stolen_is_said(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    spec = box.spec()
    runner = box.runner()
    plan = await runner.plan(box.up(spec))
    with socket.create_server((spec.host, spec.port)):
        outcome = await runner.wait(runner.start(plan, "", "yes").id)
        assert outcome.result is Result.FAILED
        assert "another process took its port" in outcome.text
        again = await runner.plan(box.up(replace(spec, name="other")))
        (blocked,) = again.blocks
        assert blocked.text.startswith(f"127.0.0.1:{spec.port} is taken")
        assert "is free" in blocked.fix
        with pytest.raises(RefusedError):
            runner.start(again, "", "yes")
    await runner.close()


async def test_stopping_to_follow_does_not_stop_the_node(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    hold = box.vllm.with_name("hold")
    hold.touch()
    runner = box.runner()
    plan = await runner.plan(box.up(box.spec()))
    state = runner.start(plan, "", "yes")
    loading = await _loading(box)
    assert (loading.stage.done, loading.stage.total) == (1, 3)
    runner.stop(state.id)
    assert (await runner.wait(state.id)).result is Result.STOPPED
    await runner.close()
    hold.unlink()
    ready = await box.until(lambda state: state.stage.phase is Phase.READY)
    assert ready.record.identity == loading.record.identity


async def test_one_that_is_loading_can_be_taken_down(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    box.vllm.with_name("hold").touch()
    runner = box.runner()
    plan = await runner.plan(box.up(box.spec()))
    state = runner.start(plan, "", "yes")
    await _loading(box)
    _, outcome = await carried_out(box, down())
    assert outcome.result is Result.CONVERGED, outcome.text
    assert (await runner.wait(state.id)).text == "somebody took it down while it was loading"
    await runner.close()
    assert box.processes() == []


async def test_two_side_by_side_and_one_goes(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    await asyncio.gather(*(carried_out(box, box.up(box.spec(name))) for name in ("one", "two")))
    assert [state.name for state in await box.watcher.look()] == ["one", "two"]
    await carried_out(box, down("one"))
    (two,) = await box.watcher.look()
    assert (two.name, two.stage.phase) == ("two", Phase.READY)
    assert len(box.processes()) == 3


async def test_a_name_that_runs_is_not_started_twice(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    await carried_out(box, box.up(box.spec()))
    plan = await box.runner().plan(box.up(box.spec()))
    assert [check.about for check in plan.blocks] == ["name"]


async def test_a_restart_shows_what_differs_and_its_undo_is_the_old_one(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    await carried_out(box, box.up(box.spec(env={"HF_TOKEN": "hf_abcdefghijklmnopqrstuvwx"})))
    before = (await box.node()).record
    key = before.key
    changed = replace(before.spec, max_model_len=128)
    plan, outcome = await carried_out(box, LocalRestart(Target(LOCAL_NODE, LOCAL, "tiny"), changed))
    assert outcome.result is Result.CONVERGED, outcome.text
    assert [(c.what, c.before, c.after) for c in plan.changes] == [("max model len", "vLLM's own", "128")]
    assert "+--max-model-len 128" in plan.diff.splitlines()
    after = (await box.node()).record
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


async def test_the_undo_of_down_starts_it_again(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    await carried_out(box, box.up(box.spec()))
    plan, _ = await carried_out(box, down())
    again = plan.undo.request
    assert isinstance(again, LocalUp)
    _, outcome = await carried_out(box, again)
    assert outcome.result is Result.CONVERGED, outcome.text


async def test_a_node_that_was_started_again_is_not_the_one_that_was_chosen(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    plan, _ = await carried_out(box, box.up(box.spec()))
    await carried_out(box, LocalRestart(Target(LOCAL_NODE, LOCAL, "tiny"), (await box.node()).record.spec))
    with pytest.raises(LocalError, match="not the one that was chosen"):
        await box.runner().plan(LocalDown(plan.target))
    with pytest.raises(LocalError, match="no node nobody"):
        await box.runner().plan(down("nobody"))


async def test_without_vllm_it_says_what_to_install(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    box.vllm.unlink()
    plan = await box.runner().plan(box.up(box.spec()))
    assert [(c.about, c.fix) for c in plan.blocks if c.about == "vLLM"] == [
        ("vLLM", "pip install 'quarterdeck[local]', or set vllm in the [local] section of the settings")
    ]


async def test_read_only_starts_and_ends_nothing(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    await carried_out(box, box.up(box.spec()))
    runner = box.runner()
    plan = await runner.plan(down())
    door.shut()
    outcome = await runner.wait(runner.start(plan, "", "yes").id)
    assert outcome.result is Result.FAILED
    assert "read-only" in outcome.text
    assert (await box.node()).stage.phase is Phase.READY
    await runner.close()


async def test_what_was_written_down_survives_the_one_who_wrote_it(opened: Callable[..., Any]) -> None:
    box: Box = await opened()
    await carried_out(box, box.up(box.spec()))
    ((record,), problems) = read_records(box.nodes)
    assert problems == ()
    assert psutil.Process(record.identity.pid).ppid() != os.getpid()
    assert record.identity.alive
    assert record.version == "0.32.0+cpu"


async def _loading(box: Box) -> Any:
    found: list[Any] = []

    async def loads() -> bool:
        found[:] = await box.watcher.look()
        return bool(found) and found[0].stage.phase is Phase.LOADING

    await _told(loads)
    return found[0]


async def _told(reached: Callable[[], Any]) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 20
    while not await reached():
        assert loop.time() < deadline, "it never came"
        await asyncio.sleep(0.02)


async def _answered(value: bool) -> bool:
    return value


async def _running(client: httpx.AsyncClient, url: str) -> bool:
    return 'running{engine="0",model_name="model"} 1' in (await client.get(f"{url}/metrics")).text

"""Ends of servers: their requests finish, and nothing is left of one, however it behaves or dies."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import uuid
from pathlib import Path

import httpx
import pytest

from actions.running.progress import Result
from fleet.local.server import Phase
from tests import plain
from tests.ending import until_ended
from tests.local.fakes import SHARED, Open
from tests.waiting import PATIENCE, until


async def test_one_that_is_busy_finishes_and_lets_nobody_in(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    record = (await box.server()).record
    busy = box.vllm.with_name("busy")
    busy.touch()
    headers = {"Authorization": f"Bearer {record.key}"}
    async with plain.client(headers=headers, timeout=20) as client:
        first = asyncio.create_task(client.post(f"{record.spec.url}/v1/completions", json={}))
        runner = box.runner()
        await _running(client, record.spec.url)
        plan = await runner.executor.plan(box.down())
        assert "1 running and 0 waiting requests get 10 s; new ones are refused" in [c.text for c in plan.checks]
        ending = runner.start(plan, "", "yes")
        await until(lambda: any(re.fullmatch(r"1 running, 0 waiting, \d+ s left for them", text) for text in box.said))
        late = await client.post(f"{record.spec.url}/v1/completions", json={})
        assert late.status_code == 500
        assert not first.done()
        busy.unlink()
        assert (await first).status_code == 200
        outcome = await runner.wait(ending.id)
    assert outcome.result is Result.CONVERGED, outcome.text
    assert box.sent.count(f"SIGNAL SIGINT process {record.identity.pid}") == 1
    await runner.close()


async def test_one_that_finishes_already_gets_its_time_from_who_takes_it_down_again(opened: Open) -> None:
    """A user comes back to a server whose end was begun by a console that has exited."""
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    record = (await box.server()).record
    busy = box.vllm.with_name("busy")
    busy.touch()
    headers = {"Authorization": f"Bearer {record.key}"}
    async with plain.client(headers=headers, timeout=20) as client:
        first = asyncio.create_task(client.post(f"{record.spec.url}/v1/completions", json={}))
        runner = box.runner()
        await _running(client, record.spec.url)
        os.kill(record.identity.pid, signal.SIGINT)
        async with asyncio.timeout(PATIENCE):
            while (await box.server()).stage.phase is not Phase.STOPPING:  # noqa: ASYNC110 - its log says so
                await asyncio.sleep(0.02)
        plan = await runner.executor.plan(box.down())
        assert "1 running and 0 waiting requests get 10 s; new ones are refused" in [c.text for c in plan.checks]
        ending = runner.start(plan, "", "yes")
        await until(lambda: any("1 running" in text for text in box.said))
        assert not first.done()
        busy.unlink()
        assert (await first).status_code == 200
        outcome = await runner.wait(ending.id)
    assert outcome.result is Result.CONVERGED, outcome.text
    assert not [line for line in box.sent if line.startswith("SIGNAL")]
    await runner.close()


async def test_one_that_closes_its_port_while_it_finishes_is_given_its_time(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM 0.19: no metrics from the first signal on, and requests that go on for minutes."""
    monkeypatch.setattr("actions.local.stop.SILENT", 1)
    monkeypatch.setattr(
        "actions.local.stop.GIVEN", ((signal.SIGINT, 0.5), (signal.SIGTERM, 0.5), (signal.SIGKILL, 5.0))
    )
    box = await opened(closes=True)
    await box.carried_out(box.up(box.spec()))
    record = (await box.server()).record
    busy = box.vllm.with_name("busy")
    busy.touch()
    headers = {"Authorization": f"Bearer {record.key}"}
    async with plain.client(headers=headers, timeout=20) as client:
        first = asyncio.create_task(client.post(f"{record.spec.url}/v1/completions", json={}))
        runner = box.runner()
        await _running(client, record.spec.url)
        ending = runner.start(await runner.executor.plan(box.down()), "", "yes")
        await until(lambda: any(text.startswith("its port is closed, its requests continue") for text in box.said))
        assert not first.done()
        busy.unlink()
        assert (await first).status_code == 200
        outcome = await runner.wait(ending.id)
    assert outcome.result is Result.CONVERGED, outcome.text
    assert [line for line in box.sent if line.startswith("SIGNAL")] == [f"SIGNAL SIGINT process {record.identity.pid}"]
    await runner.close()


async def test_one_that_cannot_refuse_is_waited_for_and_then_asked(opened: Open) -> None:
    box = await opened(drains=False)
    await box.carried_out(box.up(box.spec()))
    record = (await box.server()).record
    assert not record.drains
    assert "--shutdown-timeout" not in record.argv
    _, outcome = await box.carried_out(box.down())
    assert outcome.result is Result.CONVERGED, outcome.text
    assert "it cannot be told to: new requests are still accepted" in box.said


async def test_the_grace_period_ends_and_what_does_not_listen_is_killed_whole(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "actions.local.stop.GIVEN", ((signal.SIGINT, 0.5), (signal.SIGTERM, 0.5), (signal.SIGKILL, 5.0))
    )
    box = await opened(deaf=True, daemon=True, deaf_workers=True, drains=False)
    await box.carried_out(box.up(box.spec()))
    assert len(box.processes()) == 3
    _, outcome = await box.carried_out(box.down(grace=3.0))
    assert outcome.result is Result.CONVERGED, outcome.text
    assert [word for line in box.sent for word in line.split() if word.startswith("SIG") and word != "SIGNAL"] == [
        "SIGINT",
        "SIGTERM",
        "SIGKILL",
    ]
    assert box.processes() == []
    assert not box.shared, "the memory of killed workers is removed"


async def test_workers_that_it_leaves_behind_are_found_and_ended(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actions.local.stop.GIVEN", ((signal.SIGINT, 1.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5)))
    box = await opened(leaves_workers=True, daemon=True)
    await box.carried_out(box.up(box.spec()))
    _, outcome = await box.carried_out(box.down())
    assert outcome.result is Result.CONVERGED, outcome.text
    assert box.processes() == []
    assert not box.shared


async def test_a_killed_server_is_dead_with_what_is_left_of_it_and_down_clears_it(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    record = (await box.server()).record
    os.kill(record.identity.pid, signal.SIGKILL)
    state = await box.until(lambda state: not state.alive)
    assert state.reason is not None
    assert state.reason.id == "killed"
    assert "kill -9" in state.reason.text
    assert "2 of its processes still run" in state.reason.text
    plan, outcome = await box.carried_out(box.down())
    assert any("2 processes of it still run" in check.text for check in plan.checks)
    assert outcome.result is Result.CONVERGED, outcome.text
    assert box.processes() == []
    assert not box.shared


async def test_shared_memory_of_one_that_was_killed_whole_is_removed(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    killed = box.processes()
    for process in killed:
        process.kill()
    until_ended(killed)
    assert len(box.shared) == 2
    plan, outcome = await box.carried_out(box.down())
    assert plan.steps[0].detail == "nothing to do: it has died"
    assert outcome.result is Result.CONVERGED, outcome.text
    assert not box.shared


def names_in(folder: str) -> list[str]:
    """None if it is gone."""
    return [file.name for file in Path(folder).glob("*")]


async def test_one_that_was_killed_whole_while_it_loaded_leaves_nothing_either(opened: Open) -> None:
    box = await opened()
    box.vllm.with_name("hold").touch()
    runner = box.runner()
    plan = await runner.executor.plan(box.up(box.spec()))
    state = runner.start(plan, "", "yes")
    server = await box.loading()
    killed = box.processes()
    for process in killed:
        process.kill()
    until_ended(killed)
    await runner.wait(state.id)
    await runner.close()
    assert len(box.shared) == 2
    assert any(name.startswith("vllm_dist_") for name in names_in(server.record.runtime))
    _, outcome = await box.carried_out(box.down())
    assert outcome.result is Result.CONVERGED, outcome.text
    assert not box.shared
    assert names_in(server.record.runtime) == []
    assert [file.name for file in (box.servers / "tiny").iterdir()] == ["log"]


async def test_a_start_over_a_dead_one_clears_away_what_that_left(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    killed = box.processes()
    for process in killed:
        process.kill()
    until_ended(killed)
    left = box.shared
    assert len(left) == 2
    _, outcome = await box.carried_out(box.up(box.spec()))
    assert outcome.result is Result.CONVERGED, outcome.text
    assert len(box.shared) == 2
    assert not left & box.shared


async def test_a_start_over_a_dead_one_whose_workers_run_says_so(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    os.kill((await box.server()).record.identity.pid, signal.SIGKILL)
    await box.until(lambda state: not state.alive)
    _, outcome = await box.carried_out(box.up(box.spec()))
    assert outcome.result is Result.FAILED
    assert "2 processes of the dead tiny still run" in outcome.text
    _, outcome = await box.carried_out(box.down())
    assert outcome.result is Result.CONVERGED, outcome.text


async def test_shared_memory_that_may_be_its_is_told_of_and_left(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    strange = SHARED / f"torch_{os.getpid()}_{uuid.uuid4().hex[:8]}"
    other = SHARED / f"psm_{uuid.uuid4().hex[:12]}_other"
    try:
        strange.write_bytes(b"x")
        other.write_bytes(b"of another server")
        _, outcome = await box.carried_out(box.down())
        assert outcome.result is Result.CONVERGED
        assert str(strange) in outcome.text
        assert str(other) not in outcome.text
        assert strange.exists()
        assert other.exists()
    finally:
        strange.unlink()
        other.unlink()


async def test_one_that_is_loading_can_be_taken_down(opened: Open) -> None:
    box = await opened()
    box.vllm.with_name("hold").touch()
    runner = box.runner()
    plan = await runner.executor.plan(box.up(box.spec()))
    state = runner.start(plan, "", "yes")
    await box.loading()
    _, outcome = await box.carried_out(box.down())
    assert outcome.result is Result.CONVERGED, outcome.text
    assert (await runner.wait(state.id)).text == "it was stopped while it was loading"
    await runner.close()
    assert box.processes() == []


async def test_requests_that_the_grace_period_cut_are_told_of(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actions.local.stop.GIVEN", ((signal.SIGINT, 0.2), (signal.SIGKILL, 5.0)))
    box = await opened(drains=False)
    await box.carried_out(box.up(box.spec()))
    record = (await box.server()).record
    box.vllm.with_name("busy").touch()
    async with plain.client(base_url=record.spec.url, headers={"Authorization": f"Bearer {record.key}"}) as client:
        held = asyncio.create_task(client.post("/v1/completions", json={}))
        await _running(client, record.spec.url)
        _, outcome = await box.carried_out(box.down(grace=1.0))
        with pytest.raises(httpx.HTTPError):
            await held
    assert outcome.result is Result.CONVERGED, outcome.text
    assert "the grace period of 1 s was over: 1 request aborted" in outcome.text


async def test_who_stops_waiting_for_the_end_learns_how_far_it_got_and_not_how_to_start_again(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    record = (await box.server()).record
    box.vllm.with_name("busy").touch()
    async with plain.client(base_url=record.spec.url, headers={"Authorization": f"Bearer {record.key}"}) as client:
        held = asyncio.create_task(client.post("/v1/completions", json={}))
        await _running(client, record.spec.url)
        runner = box.runner()
        state = runner.start(await runner.executor.plan(box.down()), "", "yes")
        await until(lambda: any("1 running" in text for text in box.said))
        runner.stop(state.id)
        outcome = await runner.wait(state.id)
        await runner.close()
        box.vllm.with_name("busy").unlink()
        assert (await held).status_code == 200
    assert outcome.result is Result.STOPPED
    assert outcome.text.startswith("stopped waiting: tiny was told to stop (SIGINT), and does so by itself")
    assert outcome.remedy == "quarterdeck local down tiny continues"
    _, again = await box.carried_out(box.down())
    assert again.result is Result.CONVERGED, again.text


async def test_an_end_that_is_stopped_before_anything_was_sent_says_so(opened: Open) -> None:
    box = await opened(drains=False)
    await box.carried_out(box.up(box.spec()))
    record = (await box.server()).record
    box.vllm.with_name("busy").touch()
    async with plain.client(base_url=record.spec.url, headers={"Authorization": f"Bearer {record.key}"}) as client:
        held = asyncio.create_task(client.post("/v1/completions", json={}))
        await _running(client, record.spec.url)
        runner = box.runner()
        state = runner.start(await runner.executor.plan(box.down()), "", "yes")
        await until(lambda: any("1 running" in text for text in box.said))
        runner.stop(state.id)
        outcome = await runner.wait(state.id)
        await runner.close()
        box.vllm.with_name("busy").unlink()
        await held
    assert outcome.result is Result.STOPPED
    assert outcome.text == "stopped: nothing was sent to tiny, which continues as before"
    assert (await box.server()).stage.phase is Phase.READY


async def _running(client: httpx.AsyncClient, url: str) -> None:
    """Wait until the server has the one request."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if 'running{engine="0",model_name="model"} 1' in (await client.get(f"{url}/metrics")).text:
                return
            # Its own report: there is nothing else to await.
            await asyncio.sleep(0.02)

"""Starts of servers: the checks that forbid one, following one, and the report of a failed one."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from actions.local.store import runtime
from actions.running.progress import Result
from actions.running.runner import PlanRefusedError
from fleet.local.errors import LocalError
from fleet.local.record import read_records
from fleet.local.server import Phase
from tests import plain
from tests.local.fakes import Open


async def test_one_that_the_system_does_not_start_leaves_no_folder_for_sockets(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def recorded(folder: Path, temporary: str) -> Path:
        made.append(runtime(folder, temporary))
        return made[-1]

    def full(*_: object, **__: object) -> None:
        raise LocalError("the process table is full")

    monkeypatch.setattr("actions.local.executor.runtime", recorded)
    monkeypatch.setattr("actions.local.executor.hold", full)
    box = await opened()
    _, outcome = await box.carried_out(box.up(box.spec()))
    assert not outcome.ok
    assert "the process table is full" in outcome.text
    assert [folder.exists() for folder in made] == [False]


async def test_the_key_is_in_its_file_and_in_the_server_and_nowhere_else(opened: Open) -> None:
    box = await opened()
    plan, _ = await box.carried_out(box.up(box.spec(env={"HF_TOKEN": "hf_abcdefghijklmnopqrstuvwx"})))
    record = (await box.server()).record
    process = record.identity.process()
    assert process is not None
    assert process.environ()["VLLM_API_KEY"] == record.key
    assert process.environ()["HF_TOKEN"] == "hf_abcdefghijklmnopqrstuvwx"
    assert process.environ()["HF_HUB_OFFLINE"] == "1"
    secrets = {record.key, "hf_abcdefghijklmnopqrstuvwx"}
    seen = [" ".join(process.cmdline()), record.log.read_text(), repr([s for s in box.states if s.outcome])]
    seen += [(box.servers / "tiny" / "record.json").read_text(), repr(plan.mutations)]
    assert not any(record.key in text for text in seen)
    # The request itself is redacted where it is recorded (actions.audit); its mutations never hold a secret.
    assert not any(secret in repr(plan.mutations) for secret in secrets)
    async with plain.client() as client:
        url = f"{record.spec.url}/v1/models"
        assert (await client.get(url)).status_code == 401
        assert (await client.get(url, headers={"Authorization": f"Bearer {record.key}"})).status_code == 200


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "the GPU ran out of memory"),
        ("ValueError: No available memory for the cache blocks.", "no memory is left for the KV cache"),
    ],
)
async def test_one_that_dies_while_loading_says_why(opened: Open, line: str, reason: str) -> None:
    box = await opened(dies_of=line)
    _, outcome = await box.carried_out(box.up(box.spec()))
    assert outcome.result is Result.FAILED
    assert "it died while reading weights" in outcome.text
    assert reason in outcome.text
    assert line in outcome.text
    assert box.processes() == []


async def test_an_unknown_argument_is_named(opened: Open) -> None:
    box = await opened()
    _, outcome = await box.carried_out(box.up(box.spec(extra=("--no-such-flag",))))
    assert outcome.result is Result.FAILED
    assert "unrecognized arguments: --no-such-flag" in outcome.text


async def test_a_port_that_is_taken_forbids_it_and_one_that_is_stolen_is_said(opened: Open) -> None:
    box = await opened()
    spec = box.spec()
    runner = box.runner()
    plan = await runner.executor.plan(box.up(spec))
    with socket.create_server((spec.host, spec.port)):
        outcome = await runner.wait(runner.start(plan, "", "yes").id)
        assert outcome.result is Result.FAILED
        assert "another process took its port" in outcome.text
        again = await runner.executor.plan(box.up(replace(spec, name="other")))
        (blocked,) = again.blocks
        assert blocked.text.startswith(f"127.0.0.1:{spec.port} is taken")
        assert "is free" in blocked.fix
        with pytest.raises(PlanRefusedError):
            runner.start(again, "", "yes")
    await runner.close()


async def test_stopping_to_follow_does_not_stop_the_server(opened: Open) -> None:
    box = await opened()
    hold = box.vllm.with_name("hold")
    hold.touch()
    runner = box.runner()
    plan = await runner.executor.plan(box.up(box.spec()))
    state = runner.start(plan, "", "yes")
    loading = await box.loading()
    assert (loading.stage.done, loading.stage.total) == (1, 3)
    runner.stop(state.id)
    assert (await runner.wait(state.id)).result is Result.STOPPED
    await runner.close()
    hold.unlink()
    ready = await box.until(lambda state: state.stage.phase is Phase.READY)
    assert ready.record.identity == loading.record.identity


async def test_a_name_that_runs_is_not_started_twice(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    plan = await box.runner().executor.plan(box.up(box.spec()))
    assert [check.about for check in plan.blocks] == ["name"]


async def test_the_vllm_of_the_settings_that_is_not_there_is_named(opened: Open) -> None:
    box = await opened()
    box.vllm.unlink()
    plan = await box.runner().executor.plan(box.up(box.spec()))
    ((about, text),) = [(c.about, c.text) for c in plan.blocks if c.about == "vLLM"]
    assert (about, text) == ("vLLM", f"{box.vllm} is not a program that can be run: it is set in the configuration")


async def test_what_was_written_down_survives_the_one_who_wrote_it(opened: Open) -> None:
    box = await opened()
    await box.carried_out(box.up(box.spec()))
    ((record,), problems) = read_records(box.servers)
    assert problems == ()
    assert psutil.Process(record.identity.pid).ppid() != os.getpid()
    assert record.identity.alive
    assert (record.version, record.cpu) == ("0.32.0+cpu", True)

"""Watching servers: ownership of process and log, and the message about each."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import psutil
import pytest

from fleet.local.eta import PastStart, digest
from fleet.local.eta import to_json as start_to_json
from fleet.local.process import Identity, group, identify
from fleet.local.record import RECORD, STARTS
from fleet.local.server import Phase
from fleet.local.server_log import reason_of
from fleet.local.watch import LINES_SEARCHED, LINES_SHOWN, Watcher
from fleet.model.log_wording import Reason
from tests.ending import ending, until_ended
from tests.fleet.local.servers import BEGUN, record
from tests.fleet.local.watched import READY, SECRET, SHARDS, Endpoint, Serve, Servers

KILLED = "it ended without a message"


@pytest.fixture
def leader() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when its input does, and leaves a worker in its session."""
    script = "sleep 600 & echo started; read end"
    with ending(
        subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        identity = identify(process.pid)
        yield process
        for each in group(identity):
            psutil.Process(each.pid).kill()


async def test_without_a_folder_there_are_no_servers_and_nothing_is_wrong(servers: Servers) -> None:
    assert await servers.watcher.poll() == ()
    assert servers.watcher.problems == ()


async def test_one_that_loads_says_how_far_it_is_and_when_it_will_be_ready(servers: Servers, other: Identity) -> None:
    server = servers.add(record(identity=other, port=1), SHARDS)
    state = await servers.look()
    assert (state.stage.phase, state.stage.detail) == (Phase.LOADING, "shard 2 of 4")
    assert state.eta is None
    assert state.tail == (SHARDS.strip(),)
    start = PastStart("org/tiny", digest(server), {"starting": 90.0, "reading weights": 10.0, "compiling": 30.0})
    (servers.folder / STARTS).write_bytes(orjson.dumps(start_to_json(start)) + b"\n{half a li")
    servers.clock.now += 4
    assert (await servers.look()).eta == 4 + 30


async def test_what_a_log_gets_is_read_on_and_half_a_progress_bar_too(servers: Servers, other: Identity) -> None:
    server = servers.add(record(identity=other, port=1), None)
    state = await servers.look()
    assert (state.stage.phase, state.tail) == (Phase.STARTING, ())
    with server.log.open("ab") as log:
        log.write(b"\xff\xfe not text\nLoading safetensors checkpoint shards:  25% Completed | 1/4 [")
    state = await servers.look()
    assert state.stage.detail == "shard 1 of 4"
    assert state.tail == ("�� not text",)
    with server.log.open("ab") as log:
        log.write(b"00:01<00:03]\n" + "".join(f"line {number}\n" for number in range(LINES_SEARCHED)).encode())
    state = await servers.look()
    assert state.tail == tuple(f"line {number}" for number in range(LINES_SEARCHED - LINES_SHOWN, LINES_SEARCHED))


async def test_another_process_with_its_pid_is_not_the_server(servers: Servers, serve: Serve) -> None:
    endpoint = await serve(Endpoint(key=SECRET))
    me = identify(os.getpid())
    recycled = replace(me, started=me.started - 3600)
    servers.add(replace(record(identity=recycled, port=endpoint.port), keyed=True), SHARDS, key=SECRET)
    state = await servers.look()
    assert state.stage.phase is Phase.DEAD
    assert not state.alive
    assert endpoint.asked == []
    # The very same pid with the right time is.
    servers.add(record(uid="another", port=endpoint.port), READY)
    assert (await servers.look()).alive


async def test_one_that_has_ended_is_told_with_its_last_lines_and_its_reason(servers: Servers, gone: Identity) -> None:
    lines = [f"line {number}" for number in range(50)]
    lines += ["(EngineCore_DP0 pid=9) torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB."]
    lines += ["RuntimeError: Engine core initialization failed. See root cause above."]
    server = servers.add(record(identity=gone, port=1), SHARDS + "\n".join(lines) + "\n")
    state = await servers.look()
    assert [stage.phase for stage in state.stages] == [Phase.STARTING, Phase.LOADING, Phase.DEAD]
    assert state.reason is not None
    assert (state.reason.id, state.stage.detail) == ("cuda-oom", state.reason.text)
    assert state.tail == tuple(lines[-LINES_SHOWN:])
    assert state.stage.began == servers.clock.now
    # It ended once: neither a later check nor a removed log changes that.
    servers.clock.now += 60
    server.log.unlink()
    assert await servers.look() == state


async def test_one_that_died_while_it_loaded_and_nobody_looked_died_with_its_last_word(
    servers: Servers, gone: Identity, other: Identity
) -> None:
    server = servers.add(record(identity=gone, port=1), SHARDS)
    os.utime(server.log, (BEGUN + 8, BEGUN + 8))
    assert (await servers.look()).stage.began == BEGUN + 8
    # A server that was ready may have been silent for hours: the time when it was last seen is shown.
    server = servers.add(replace(record(uid="2", identity=gone, port=1), ready=BEGUN + 5), READY)
    os.utime(server.log, (BEGUN + 8, BEGUN + 8))
    state = await servers.look()
    assert (state.stage.began, state.end_seen) == (BEGUN + 8, False)
    # If it was seen alive, the time is known.
    server = servers.add(record(uid="3", identity=other, port=1), SHARDS)
    assert (await servers.look()).alive
    process = psutil.Process(other.pid)
    process.kill()
    until_ended([process])
    os.utime(server.log, (BEGUN + 8, BEGUN + 8))
    assert (await servers.look()).stage.began == servers.clock.now


async def test_one_without_a_log_was_killed(servers: Servers, gone: Identity) -> None:
    servers.add(record(identity=gone, port=1), None)
    state = await servers.look()
    assert state.reason is not None
    assert state.reason.text.startswith(KILLED)
    assert state.tail == ()


async def test_one_that_had_served_is_not_blamed_for_what_it_said_while_it_loaded(
    servers: Servers, gone: Identity
) -> None:
    servers.add(replace(record(identity=gone, port=1), ready=BEGUN + 30), "ValueError: x\n" + READY)
    state = await servers.look()
    assert state.reason is not None
    assert state.reason.id == "killed"


async def test_workers_that_outlive_the_server_are_said_until_they_end(
    servers: Servers, leader: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = identify(leader.pid)
    asked: list[int] = []

    def counted(lines: tuple[str, ...], *, was_ready: bool) -> Reason:
        asked.append(len(lines))
        return reason_of(lines, was_ready=was_ready)

    monkeypatch.setattr("fleet.local.watch.reason_of", counted)
    servers.add(record(identity=identity, port=1), SHARDS)
    assert (await servers.look()).alive
    assert leader.stdin is not None
    leader.stdin.close()
    leader.wait()
    state = await servers.look()
    assert state.reason is not None
    assert state.reason.text.endswith("; 1 of its processes still run")
    assert state.reason.remedy.startswith("stop it: that ends them; dmesg")
    await servers.look()
    assert len(asked) == 1, "the same log was read through again"
    with (servers.folder / "tiny" / "log").open("a") as log:
        log.write("OSError: [Errno 98] Address already in use\n")
    state = await servers.look()
    assert state.reason is not None
    assert (len(asked), state.reason.id) == (2, "port-taken")
    died, (worker,) = state.stage.began, group(identity)
    process = psutil.Process(worker.pid)
    process.kill()
    until_ended([process])
    servers.clock.now += 60
    state = await servers.look()
    assert state.reason is not None
    assert "still run" not in state.reason.text
    assert state.stage.began == died


async def test_a_record_that_is_spoilt_hides_no_other_and_is_said(servers: Servers, other: Identity) -> None:
    servers.add(record("b", identity=other, port=1), SHARDS)
    for name, content in {"a": b"{half a rec", "c": b"[]", "d": b'{"id": "x"}', "e": b"\xff"}.items():
        (servers.folder / name).mkdir()
        (servers.folder / name / RECORD).write_bytes(content)
    (servers.folder / "taken-down").mkdir()
    (servers.folder / STARTS).write_text("")
    assert [state.name for state in await servers.watcher.poll()] == ["b"]
    assert len(servers.watcher.problems) == 4
    for name, problem in zip("acde", servers.watcher.problems, strict=True):
        assert problem.startswith(f"{servers.folder / name / RECORD} cannot be read: ")


async def test_several_servers_are_told_by_name_each_with_its_own(
    servers: Servers, serve: Serve, other: Identity, gone: Identity
) -> None:
    endpoint = await serve(Endpoint())
    servers.add(record("c", port=endpoint.port), READY)
    servers.add(record("b", identity=gone, port=1), "")
    servers.add(record("a", identity=other, port=1), SHARDS)
    phases = {state.name: state.stage.phase for state in await servers.watcher.poll()}
    assert list(phases.items()) == [("a", Phase.LOADING), ("b", Phase.DEAD), ("c", Phase.READY)]


async def test_a_new_start_under_the_same_name_begins_anew(servers: Servers, gone: Identity, other: Identity) -> None:
    servers.add(record(identity=gone, port=1, uid="first"), SHARDS)
    assert (await servers.look()).stage.phase is Phase.DEAD
    servers.add(record(identity=other, port=1, uid="second"), "")
    state = await servers.look()
    assert (state.stage.phase, state.reason, state.tail) == (Phase.STARTING, None, ())


async def test_one_that_was_taken_down_is_forgotten(servers: Servers, gone: Identity) -> None:
    server = servers.add(record(identity=gone, port=1), SHARDS)
    assert len(await servers.watcher.poll()) == 1
    (Path(server.folder) / RECORD).unlink()
    assert await servers.watcher.poll() == ()


async def test_one_that_served_and_ended_unseen_ended_since_it_was_last_heard_of_at_every_look(
    servers: Servers, gone: Identity
) -> None:
    server = servers.add(replace(record(identity=gone), ready=BEGUN + 10), READY)
    os.utime(server.log, (BEGUN + 40, BEGUN + 40))
    for later in (0, 50, 500):
        servers.clock.now = BEGUN + 100 + later
        servers.watcher = Watcher(servers.folder, servers.clock)
        state = await servers.look()
        assert (state.stage.phase, state.stage.began, state.end_seen) == (Phase.DEAD, BEGUN + 40, False)


async def test_one_whose_end_was_seen_ended_then(servers: Servers, leader: subprocess.Popen[bytes]) -> None:
    servers.add(replace(record(identity=identify(leader.pid), port=1), ready=BEGUN + 10), READY)
    assert (await servers.look()).alive
    for each in group(identify(leader.pid))[1:]:
        psutil.Process(each.pid).kill()
    leader.kill()
    leader.wait()
    servers.clock.now += 7
    seen = servers.clock.now
    state = await servers.look()
    servers.clock.now += 100
    assert state.end_seen
    assert (await servers.look()).stage.began == seen


async def test_one_that_ended_without_a_word_on_a_full_disk_was_not_killed_for_memory(
    servers: Servers, gone: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers.add(record(identity=gone), SHARDS)
    monkeypatch.setattr("fleet.local.watch.LAST_OUTPUT", 1 << 62)
    reason = (await servers.look()).reason
    assert reason is not None
    assert reason.id == "disk-full"
    assert "memory" not in reason.text

"""Looking at nodes: whose process and whose log it is, and what is said of each."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import psutil
import pytest

from fleet.local.eta import Start, digest
from fleet.local.eta import to_json as start_to_json
from fleet.local.node import Phase, Reason
from fleet.local.process import Identity, group, identify
from fleet.local.reasons import reason_of
from fleet.local.record import RECORD, STARTS
from fleet.local.watching import KEPT, TOLD, Watcher
from tests.ending import ending
from tests.fleet.local.nodes import BEGUN, record
from tests.fleet.local.watched import READY, SECRET, SHARDS, Nodes, Serve, Server

KILLED = "it ended without a word"


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


async def test_without_a_folder_there_are_no_nodes_and_nothing_is_wrong(nodes: Nodes) -> None:
    assert await nodes.watcher.look() == ()
    assert nodes.watcher.problems == ()


async def test_one_that_loads_says_how_far_it_is_and_when_it_will_be_ready(nodes: Nodes, other: Identity) -> None:
    node = nodes.add(record(identity=other, port=1), SHARDS)
    state = await nodes.look()
    assert (state.stage.phase, state.stage.detail) == (Phase.LOADING, "shard 2 of 4")
    assert state.eta is None
    assert state.tail == (SHARDS.strip(),)
    start = Start("org/tiny", digest(node), {"starting": 90.0, "reading weights": 10.0, "compiling": 30.0})
    (nodes.folder / STARTS).write_bytes(orjson.dumps(start_to_json(start)) + b"\n{half a li")
    nodes.clock.now += 4
    assert (await nodes.look()).eta == 4 + 30


async def test_what_a_log_gets_is_read_on_and_half_a_progress_bar_too(nodes: Nodes, other: Identity) -> None:
    node = nodes.add(record(identity=other, port=1), None)
    state = await nodes.look()
    assert (state.stage.phase, state.tail) == (Phase.STARTING, ())
    with node.log.open("ab") as log:
        log.write(b"\xff\xfe not text\nLoading safetensors checkpoint shards:  25% Completed | 1/4 [")
    state = await nodes.look()
    assert state.stage.detail == "shard 1 of 4"
    assert state.tail == ("�� not text",)
    with node.log.open("ab") as log:
        log.write(b"00:01<00:03]\n" + "".join(f"line {number}\n" for number in range(KEPT)).encode())
    state = await nodes.look()
    assert state.tail == tuple(f"line {number}" for number in range(KEPT - TOLD, KEPT))


async def test_another_process_with_its_pid_is_not_the_node(nodes: Nodes, serve: Serve) -> None:
    server = await serve(Server(key=SECRET))
    me = identify(os.getpid())
    recycled = replace(me, started=me.started - 3600)
    nodes.add(replace(record(identity=recycled, port=server.port), keyed=True), SHARDS, key=SECRET)
    state = await nodes.look()
    assert state.stage.phase is Phase.DEAD
    assert not state.alive
    assert server.asked == []
    # The very same pid with the right time is.
    nodes.add(record(uid="another", port=server.port), READY)
    assert (await nodes.look()).alive


async def test_one_that_has_ended_is_told_with_its_last_lines_and_its_reason(nodes: Nodes, gone: Identity) -> None:
    lines = [f"line {number}" for number in range(50)]
    lines += ["(EngineCore_DP0 pid=9) torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 MiB."]
    lines += ["RuntimeError: Engine core initialization failed. See root cause above."]
    node = nodes.add(record(identity=gone, port=1), SHARDS + "\n".join(lines) + "\n")
    state = await nodes.look()
    assert [stage.phase for stage in state.stages] == [Phase.STARTING, Phase.LOADING, Phase.DEAD]
    assert state.reason is not None
    assert (state.reason.id, state.stage.detail) == ("cuda-oom", state.reason.text)
    assert state.tail == tuple(lines[-TOLD:])
    assert state.stage.began == nodes.clock.now
    # It ended once: neither a later look nor a log that is taken away changes that.
    nodes.clock.now += 60
    node.log.unlink()
    assert await nodes.look() == state


async def test_one_that_died_while_it_loaded_and_nobody_looked_died_with_its_last_word(
    nodes: Nodes, gone: Identity, other: Identity
) -> None:
    node = nodes.add(record(identity=gone, port=1), SHARDS)
    os.utime(node.log, (BEGUN + 8, BEGUN + 8))
    assert (await nodes.look()).stage.began == BEGUN + 8
    # One that had served may have been silent for hours: it was last heard of then, and that is said.
    node = nodes.add(replace(record(uid="2", identity=gone, port=1), ready=BEGUN + 5), READY)
    os.utime(node.log, (BEGUN + 8, BEGUN + 8))
    state = await nodes.look()
    assert (state.stage.began, state.end_seen) == (BEGUN + 8, False)
    # And of one that was seen alive it is known.
    node = nodes.add(record(uid="3", identity=other, port=1), SHARDS)
    assert (await nodes.look()).alive
    psutil.Process(other.pid).kill()
    psutil.wait_procs([psutil.Process(other.pid)], 10)
    os.utime(node.log, (BEGUN + 8, BEGUN + 8))
    assert (await nodes.look()).stage.began == nodes.clock.now


async def test_one_without_a_log_was_killed(nodes: Nodes, gone: Identity) -> None:
    nodes.add(record(identity=gone, port=1), None)
    state = await nodes.look()
    assert state.reason is not None
    assert state.reason.text.startswith(KILLED)
    assert state.tail == ()


async def test_one_that_had_served_is_not_blamed_for_what_it_said_while_it_loaded(nodes: Nodes, gone: Identity) -> None:
    nodes.add(replace(record(identity=gone, port=1), ready=BEGUN + 30), "ValueError: x\n" + READY)
    state = await nodes.look()
    assert state.reason is not None
    assert state.reason.id == "killed"


async def test_workers_that_outlive_the_node_are_said_until_they_end(
    nodes: Nodes, leader: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = identify(leader.pid)
    asked: list[int] = []

    def counted(lines: tuple[str, ...], *, was_ready: bool) -> Reason:
        asked.append(len(lines))
        return reason_of(lines, was_ready=was_ready)

    monkeypatch.setattr("fleet.local.watching.reason_of", counted)
    nodes.add(record(identity=identity, port=1), SHARDS)
    assert (await nodes.look()).alive
    assert leader.stdin is not None
    leader.stdin.close()
    leader.wait()
    state = await nodes.look()
    assert state.reason is not None
    assert state.reason.text.endswith("; 1 of its processes still run")
    assert state.reason.remedy.startswith("take it down: that ends them; dmesg")
    await nodes.look()
    assert len(asked) == 1, "the same log was read through again"
    with (nodes.folder / "tiny" / "log").open("a") as log:
        log.write("OSError: [Errno 98] Address already in use\n")
    state = await nodes.look()
    assert state.reason is not None
    assert (len(asked), state.reason.id) == (2, "port-taken")
    died, (worker,) = state.stage.began, group(identity)
    process = psutil.Process(worker.pid)
    process.kill()
    psutil.wait_procs([process], 10)
    nodes.clock.now += 60
    state = await nodes.look()
    assert state.reason is not None
    assert "still run" not in state.reason.text
    assert state.stage.began == died


async def test_a_record_that_is_spoilt_hides_no_other_and_is_said(nodes: Nodes, other: Identity) -> None:
    nodes.add(record("b", identity=other, port=1), SHARDS)
    for name, content in {"a": b"{half a rec", "c": b"[]", "d": b'{"id": "x"}', "e": b"\xff"}.items():
        (nodes.folder / name).mkdir()
        (nodes.folder / name / RECORD).write_bytes(content)
    (nodes.folder / "taken-down").mkdir()
    (nodes.folder / STARTS).write_text("")
    assert [state.name for state in await nodes.watcher.look()] == ["b"]
    assert len(nodes.watcher.problems) == 4
    for name, problem in zip("acde", nodes.watcher.problems, strict=True):
        assert problem.startswith(f"{nodes.folder / name / RECORD} cannot be read: ")


async def test_several_nodes_are_told_by_name_each_with_its_own(
    nodes: Nodes, serve: Serve, other: Identity, gone: Identity
) -> None:
    server = await serve(Server())
    nodes.add(record("c", port=server.port), READY)
    nodes.add(record("b", identity=gone, port=1), "")
    nodes.add(record("a", identity=other, port=1), SHARDS)
    phases = {state.name: state.stage.phase for state in await nodes.watcher.look()}
    assert list(phases.items()) == [("a", Phase.LOADING), ("b", Phase.DEAD), ("c", Phase.READY)]


async def test_a_new_start_under_the_same_name_begins_anew(nodes: Nodes, gone: Identity, other: Identity) -> None:
    nodes.add(record(identity=gone, port=1, uid="first"), SHARDS)
    assert (await nodes.look()).stage.phase is Phase.DEAD
    nodes.add(record(identity=other, port=1, uid="second"), "")
    state = await nodes.look()
    assert (state.stage.phase, state.reason, state.tail) == (Phase.STARTING, None, ())


async def test_one_that_was_taken_down_is_forgotten(nodes: Nodes, gone: Identity) -> None:
    node = nodes.add(record(identity=gone, port=1), SHARDS)
    assert len(await nodes.watcher.look()) == 1
    (Path(node.folder) / RECORD).unlink()
    assert await nodes.watcher.look() == ()


async def test_one_that_served_and_ended_unseen_ended_since_it_was_last_heard_of_at_every_look(
    nodes: Nodes, gone: Identity
) -> None:
    node = nodes.add(replace(record(identity=gone), ready=BEGUN + 10), READY)
    os.utime(node.log, (BEGUN + 40, BEGUN + 40))
    for later in (0, 50, 500):
        nodes.clock.now = BEGUN + 100 + later
        nodes.watcher = Watcher(nodes.folder, nodes.clock)
        state = await nodes.look()
        assert (state.stage.phase, state.stage.began, state.end_seen) == (Phase.DEAD, BEGUN + 40, False)


async def test_one_whose_end_was_seen_ended_then(nodes: Nodes, leader: subprocess.Popen[bytes]) -> None:
    nodes.add(replace(record(identity=identify(leader.pid), port=1), ready=BEGUN + 10), READY)
    assert (await nodes.look()).alive
    for each in group(identify(leader.pid))[1:]:
        psutil.Process(each.pid).kill()
    leader.kill()
    leader.wait()
    nodes.clock.now += 7
    seen = nodes.clock.now
    state = await nodes.look()
    nodes.clock.now += 100
    assert state.end_seen
    assert (await nodes.look()).stage.began == seen


async def test_one_that_ended_without_a_word_on_a_full_disk_was_not_killed_for_memory(
    nodes: Nodes, gone: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes.add(record(identity=gone), SHARDS)
    monkeypatch.setattr("fleet.local.watching.ROOM", 1 << 62)
    reason = (await nodes.look()).reason
    assert reason is not None
    assert reason.id == "disk-full"
    assert "memory" not in reason.text

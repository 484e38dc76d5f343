"""Looking at nodes: whose process, whose log and whose port it is, and what is said of each."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import psutil
import pytest
from aiohttp import web

from fleet.local.eta import Start, digest
from fleet.local.eta import to_json as start_to_json
from fleet.local.node import NodeState, Phase, Reason
from fleet.local.process import Identity, group, identify
from fleet.local.reasons import reason_of
from fleet.local.record import KEY, RECORD, STARTS, NodeRecord, to_json
from fleet.local.watching import HEALTH, KEPT, TOLD, Watcher
from tests.fleet.local.nodes import BEGUN, record

SHARDS = "Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:02<00:02,  1.02s/it]\n"
READY = "INFO:     Application startup complete.\n"
KILLED = "it ended without a word"
SECRET = "a-key-of-a-node"


@dataclass
class Clock:
    """The time that the watcher believes."""

    now: float = BEGUN + 100

    def __call__(self) -> float:
        return self.now


@dataclass
class Server:
    """Whatever answers at a port."""

    port: int = 0
    health: int = 200
    models: bytes = b'{"data": [{"id": "tiny-chat"}]}'
    key: str = ""
    asked: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    """Keys that it was shown, with the path."""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        authorization = request.headers.get("Authorization", "")
        if authorization:
            self.shown.append(f"{request.path} {authorization}")
        if request.path == "/health":
            return web.Response(status=self.health)
        allowed = not self.key or authorization == f"Bearer {self.key}"
        return web.Response(status=200 if allowed else 401, body=self.models)


Serve = Callable[[Server], Awaitable[Server]]


@dataclass
class Nodes:
    """A folder of nodes and who watches it."""

    folder: Path
    watcher: Watcher
    clock: Clock

    def add(self, node: NodeRecord, log: str | None = "", key: str = "") -> NodeRecord:
        """Write one down as actions/local does."""
        folder = self.folder / node.name
        folder.mkdir(parents=True, exist_ok=True)
        node = replace(node, folder=str(folder))
        (folder / RECORD).write_bytes(orjson.dumps(to_json(node)))
        if log is not None:
            node.log.write_text(log)
        if key:
            (folder / KEY).write_text(key)
        return node

    async def look(self) -> NodeState:
        """The only node."""
        (found,) = await self.watcher.look()
        return found


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Nodes]:
    clock = Clock()
    watcher = Watcher(tmp_path / "local", clock)
    yield Nodes(tmp_path / "local", watcher, clock)
    await watcher.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server in this very process."""
    async with AsyncExitStack() as stack:

        async def start(server: Server) -> Server:
            app = web.Application()
            app.router.add_get("/{path:.*}", server.answer)
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            server.port = runner.addresses[0][1]
            return server

        yield start


@pytest.fixture
def other() -> Iterator[Identity]:
    """A process that lives and listens nowhere, in a session of its own."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield identify(process.pid)
    process.kill()
    process.wait()


@pytest.fixture
def leader() -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends when its input does, and leaves a worker in its session."""
    script = "sleep 600 & echo started; read end"
    with subprocess.Popen(
        ["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        identity = identify(process.pid)
        yield process
        for each in group(identity):
            psutil.Process(each.pid).kill()


@pytest.fixture
def gone() -> Identity:
    """A process that has ended."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    identity = identify(process.pid)
    process.kill()
    process.wait()
    return identity


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


async def test_ready_is_who_answers_and_since_when_the_log_says(nodes: Nodes, serve: Serve) -> None:
    server = await serve(Server())
    node = nodes.add(record(port=server.port), SHARDS)
    server.health = 503
    assert (await nodes.look()).stage.phase is Phase.LOADING
    server.health = 200
    state = await nodes.look()
    assert (state.stage.phase, state.healthy, state.models) == (Phase.READY, True, ("tiny-chat",))
    assert state.record.ready == state.stage.began == nodes.clock.now
    assert state.eta is None
    # The log comes behind.
    node.log.write_text(SHARDS + READY)
    nodes.clock.now += 1
    later = await nodes.look()
    assert [stage.phase for stage in later.stages] == [Phase.STARTING, Phase.LOADING, Phase.READY]
    assert later.stage == state.stage


async def test_one_whose_log_is_ahead_of_its_port_starts_to_listen(nodes: Nodes, other: Identity) -> None:
    nodes.add(record(identity=other, port=1), SHARDS + READY)
    state = await nodes.look()
    assert (state.stage.phase, state.stage.detail) == (Phase.LOADING, "starts to listen")
    assert [stage.phase for stage in state.stages] == [Phase.STARTING, Phase.LOADING]
    assert (state.healthy, state.record.ready) == (False, None)


async def test_a_node_that_is_well_is_left_alone_for_a_while(nodes: Nodes, serve: Serve) -> None:
    server = await serve(Server())
    nodes.add(record(port=server.port), READY)
    for _ in range(3):
        assert (await nodes.look()).healthy
    assert server.asked == ["/health", "/v1/models"]
    nodes.clock.now += HEALTH
    assert (await nodes.look()).healthy
    assert server.asked == ["/health", "/v1/models", "/health"]


async def test_one_that_stops_answering_is_ready_and_says_so_until_it_answers(nodes: Nodes, serve: Serve) -> None:
    server = await serve(Server())
    nodes.add(record(port=server.port), READY)
    began = (await nodes.look()).stage.began
    nodes.clock.now += HEALTH
    server.health = 500
    state = await nodes.look()
    assert (state.stage.phase, state.stage.detail, state.healthy) == (Phase.READY, "does not answer", False)
    # One that is not well is asked at every look.
    server.health = 200
    state = await nodes.look()
    assert (state.stage.began, state.stage.detail, state.healthy) == (began, "", True)


async def test_one_that_was_ready_before_is_ready_though_its_log_is_gone(nodes: Nodes, serve: Serve) -> None:
    server = await serve(Server())
    nodes.add(replace(record(port=server.port), ready=BEGUN + 30), None)
    state = await nodes.look()
    assert (state.stage.phase, state.stage.began) == (Phase.READY, BEGUN + 30)
    assert state.models == ("tiny-chat",)


async def test_one_that_was_told_to_end_is_asked_nothing(nodes: Nodes, serve: Serve) -> None:
    server = await serve(Server())
    nodes.add(record(port=server.port), READY + "INFO:     Shutting down\n")
    state = await nodes.look()
    assert (state.stage.phase, state.eta) == (Phase.STOPPING, None)
    assert server.asked == []


@pytest.mark.parametrize("log", [SHARDS, SHARDS + READY], ids=["loads", "says that it is ready"])
@pytest.mark.parametrize("ready", [None, BEGUN + 30], ids=["never ready", "ready before"])
async def test_a_server_of_others_at_its_port_is_not_the_node_and_does_not_get_its_key(
    nodes: Nodes, serve: Serve, other: Identity, log: str, ready: float | None
) -> None:
    server = await serve(Server())
    node = replace(record(identity=other, port=server.port), keyed=True, ready=ready)
    nodes.add(node, log, key=SECRET)
    for _ in range(2):
        nodes.clock.now += HEALTH
        state = await nodes.look()
        assert (state.models, state.healthy) == ((), False)
    assert state.record.ready == ready
    assert state.stage.phase is (Phase.READY if ready else Phase.LOADING)
    assert (server.shown, set(server.asked)) == ([], {"/health"})


@pytest.mark.parametrize("models", [b"", b"<html>", b"[]", b"7", b'{"data": 7}', b'{"data": [{}]}', b'{"data": []}'])
async def test_one_that_lists_no_model_is_not_ready(nodes: Nodes, serve: Serve, models: bytes) -> None:
    server = await serve(Server(models=models))
    nodes.add(record(port=server.port), SHARDS)
    state = await nodes.look()
    assert (state.stage.phase, state.models) == (Phase.LOADING, ())


async def test_its_key_is_shown_where_it_is_asked_for_and_nowhere_else(nodes: Nodes, serve: Serve) -> None:
    server = await serve(Server(key=SECRET))
    nodes.add(replace(record(port=server.port), keyed=True), READY, key=SECRET + "\n")
    assert (await nodes.look()).models == ("tiny-chat",)
    assert server.shown == [f"/v1/models Bearer {SECRET}"]
    assert nodes.watcher.problems == ()


async def test_a_key_that_cannot_be_read_is_said_until_it_can(nodes: Nodes, serve: Serve) -> None:
    server = await serve(Server(key=SECRET))
    node = nodes.add(replace(record(port=server.port), keyed=True), SHARDS)
    state = await nodes.look()
    assert (state.stage.phase, state.models) == (Phase.LOADING, ())
    (problem,) = nodes.watcher.problems
    assert problem == "tiny: its API key cannot be read: No such file or directory"
    (Path(node.folder) / KEY).write_text(SECRET)
    assert (await nodes.look()).models == ("tiny-chat",)
    assert not nodes.watcher.problems


async def test_a_key_that_is_no_key_stops_no_look(nodes: Nodes, serve: Serve) -> None:
    server = await serve(Server(key=SECRET))
    node = nodes.add(replace(record(port=server.port), keyed=True), SHARDS)
    for content in (b"\xff\xfe", "schlüssel\n".encode(), b"two\nlines"):
        (Path(node.folder) / KEY).write_bytes(content)
        assert (await nodes.look()).models == ()
        assert nodes.watcher.problems == ("tiny: its API key cannot be read: the file holds no key",)
    assert server.shown == []


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

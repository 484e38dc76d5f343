"""Whether a node is ready: who answers at its port, what it serves, and to whom its key is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fleet.local.node import Phase
from fleet.local.process import Identity
from fleet.local.record import KEY
from fleet.local.watching import HEALTH, STRANGER
from tests.fleet.local.nodes import BEGUN, record
from tests.fleet.local.watched import READY, SECRET, SHARDS, Nodes, Serve, Server


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
    # A count of shards is told as long as there is one; the problem is told at once.
    assert state.stage.detail == ("shard 2 of 4" if not ready and log == SHARDS else STRANGER)
    (problem,) = nodes.watcher.problems
    assert problem.startswith("tiny: another process answers at its port: take it down")
    server.health = 503
    await nodes.look()
    assert nodes.watcher.problems == ()


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

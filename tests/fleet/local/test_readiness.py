"""Readiness of a server: the process that answers at its port, its models, and the recipients of its key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fleet.local.process import Identity
from fleet.local.record import KEY
from fleet.local.server import Phase
from fleet.local.watch import HEALTH_INTERVAL, PORT_TAKEN
from tests.fleet.local.servers import BEGUN, record
from tests.fleet.local.watched import READY, SECRET, SHARDS, Endpoint, Serve, Servers


async def test_ready_is_who_answers_and_since_when_the_log_says(servers: Servers, serve: Serve) -> None:
    endpoint = await serve(Endpoint())
    server = servers.add(record(port=endpoint.port), SHARDS)
    endpoint.health = 503
    assert (await servers.look()).stage.phase is Phase.LOADING
    endpoint.health = 200
    state = await servers.look()
    assert (state.stage.phase, state.healthy, state.models) == (Phase.READY, True, ("tiny-chat",))
    assert state.record.ready == state.stage.began == servers.clock.now
    assert state.eta is None
    # The log is delayed.
    server.log.write_text(SHARDS + READY)
    servers.clock.now += 1
    later = await servers.look()
    assert [stage.phase for stage in later.stages] == [Phase.STARTING, Phase.LOADING, Phase.READY]
    assert later.stage == state.stage


async def test_one_whose_log_is_ahead_of_its_port_starts_to_listen(servers: Servers, other: Identity) -> None:
    servers.add(record(identity=other, port=1), SHARDS + READY)
    state = await servers.look()
    assert (state.stage.phase, state.stage.detail) == (Phase.LOADING, "starting to listen")
    assert [stage.phase for stage in state.stages] == [Phase.STARTING, Phase.LOADING]
    assert (state.healthy, state.record.ready) == (False, None)


async def test_a_server_that_is_well_is_left_alone_for_a_while(servers: Servers, serve: Serve) -> None:
    endpoint = await serve(Endpoint())
    servers.add(record(port=endpoint.port), READY)
    for _ in range(3):
        assert (await servers.look()).healthy
    assert endpoint.asked == ["/health", "/v1/models"]
    servers.clock.now += HEALTH_INTERVAL
    assert (await servers.look()).healthy
    assert endpoint.asked == ["/health", "/v1/models", "/health"]


async def test_one_that_stops_answering_is_ready_and_says_so_until_it_answers(servers: Servers, serve: Serve) -> None:
    endpoint = await serve(Endpoint())
    servers.add(record(port=endpoint.port), READY)
    began = (await servers.look()).stage.began
    servers.clock.now += HEALTH_INTERVAL
    endpoint.health = 500
    state = await servers.look()
    assert (state.stage.phase, state.stage.detail, state.healthy) == (Phase.READY, "does not answer", False)
    # An unhealthy one is checked every time.
    endpoint.health = 200
    state = await servers.look()
    assert (state.stage.began, state.stage.detail, state.healthy) == (began, "", True)


async def test_one_that_was_ready_before_is_ready_though_its_log_is_gone(servers: Servers, serve: Serve) -> None:
    endpoint = await serve(Endpoint())
    servers.add(replace(record(port=endpoint.port), ready=BEGUN + 30), None)
    state = await servers.look()
    assert (state.stage.phase, state.stage.began) == (Phase.READY, BEGUN + 30)
    assert state.models == ("tiny-chat",)


async def test_one_that_was_told_to_end_is_asked_nothing(servers: Servers, serve: Serve) -> None:
    endpoint = await serve(Endpoint())
    servers.add(record(port=endpoint.port), READY + "INFO:     Shutting down\n")
    state = await servers.look()
    assert (state.stage.phase, state.eta) == (Phase.STOPPING, None)
    assert endpoint.asked == []


@pytest.mark.parametrize("log", [SHARDS, SHARDS + READY], ids=["loads", "says that it is ready"])
@pytest.mark.parametrize("ready", [None, BEGUN + 30], ids=["never ready", "ready before"])
async def test_a_server_of_others_at_its_port_is_not_the_server_and_does_not_get_its_key(
    servers: Servers, serve: Serve, other: Identity, log: str, ready: float | None
) -> None:
    endpoint = await serve(Endpoint())
    server = replace(record(identity=other, port=endpoint.port), keyed=True, ready=ready)
    servers.add(server, log, key=SECRET)
    for _ in range(2):
        servers.clock.now += HEALTH_INTERVAL
        state = await servers.look()
        assert (state.models, state.healthy) == ((), False)
    assert state.record.ready == ready
    assert state.stage.phase is (Phase.READY if ready else Phase.LOADING)
    assert (endpoint.shown, set(endpoint.asked)) == ([], {"/health"})
    # A count of shards is shown as long as there is one; the problem is shown at once.
    assert state.stage.detail == ("shard 2 of 4" if not ready and log == SHARDS else PORT_TAKEN)
    (problem,) = servers.watcher.problems
    assert problem.startswith("tiny: another process answers at its port: stop it")
    endpoint.health = 503
    await servers.look()
    assert servers.watcher.problems == ()


@pytest.mark.parametrize("models", [b"", b"<html>", b"[]", b"7", b'{"data": 7}', b'{"data": [{}]}', b'{"data": []}'])
async def test_one_that_lists_no_model_is_not_ready(servers: Servers, serve: Serve, models: bytes) -> None:
    endpoint = await serve(Endpoint(models=models))
    servers.add(record(port=endpoint.port), SHARDS)
    state = await servers.look()
    assert (state.stage.phase, state.models) == (Phase.LOADING, ())


async def test_its_key_is_shown_where_it_is_asked_for_and_nowhere_else(servers: Servers, serve: Serve) -> None:
    endpoint = await serve(Endpoint(key=SECRET))
    servers.add(replace(record(port=endpoint.port), keyed=True), READY, key=SECRET + "\n")
    assert (await servers.look()).models == ("tiny-chat",)
    assert endpoint.shown == [f"/v1/models Bearer {SECRET}"]
    assert servers.watcher.problems == ()


async def test_a_key_that_cannot_be_read_is_said_until_it_can(servers: Servers, serve: Serve) -> None:
    endpoint = await serve(Endpoint(key=SECRET))
    server = servers.add(replace(record(port=endpoint.port), keyed=True), SHARDS)
    state = await servers.look()
    assert (state.stage.phase, state.models) == (Phase.LOADING, ())
    (problem,) = servers.watcher.problems
    assert problem == "tiny: its API key cannot be read: No such file or directory"
    (Path(server.folder) / KEY).write_text(SECRET)
    assert (await servers.look()).models == ("tiny-chat",)
    assert not servers.watcher.problems


async def test_a_key_that_is_no_key_stops_no_look(servers: Servers, serve: Serve) -> None:
    endpoint = await serve(Endpoint(key=SECRET))
    server = servers.add(replace(record(port=endpoint.port), keyed=True), SHARDS)
    for content in (b"\xff\xfe", "schlüssel\n".encode(), b"two\nlines"):
        (Path(server.folder) / KEY).write_bytes(content)
        assert (await servers.look()).models == ()
        assert servers.watcher.problems == ("tiny: its API key cannot be read: the file contains no key",)
    assert endpoint.shown == []

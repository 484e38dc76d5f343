"""The switches that break the API server on purpose."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from simulator.api.faults import Faults
from tests.simulator.api_support import pod, serving

PODS = "/api/v1/pods"
FAULT = "/_simulator/fault"


@pytest.mark.parametrize("code", [401, 500, 503])
async def test_a_status_lasts_until_it_is_taken_back(code: int) -> None:
    async with serving() as server:
        server.api.faults = Faults(status=code)
        for _ in range(2):
            status, body, _ = await server.client.send(PODS)
            assert (status, body["code"]) == (code, code)
        server.api.faults = Faults()
        assert (await server.client.send(PODS))[0] == 200


async def test_too_many_requests_is_plain_text() -> None:
    async with serving() as server:
        server.api.faults = Faults(status=429, retry_after=7)
        status, body, headers = await server.client.send(PODS)
        assert (status, body) == (429, "Too many requests, please try again later.\n")
        assert headers["retry-after"] == "7"
        assert headers["content-type"].startswith("text/plain")


async def test_refused_connections_end_without_an_answer() -> None:
    async with serving() as server:
        server.api.faults = Faults(refuse=True)
        with pytest.raises(aiohttp.ClientConnectionError):
            await server.client.send(PODS)


async def test_a_hanging_server_never_answers_but_others_do() -> None:
    async with serving() as server:
        server.api.faults = Faults(hang=True, path="/api/v1/pods")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await server.client.send(PODS)
        assert (await server.client.send("/api/v1/nodes"))[0] == 200


async def test_latency_holds_answers_back() -> None:
    async with serving() as server:
        server.api.faults = Faults(latency=0.2)
        before = asyncio.get_running_loop().time()
        await server.client.send(PODS)
        assert asyncio.get_running_loop().time() - before >= 0.2


async def test_dropped_watches_break_off() -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        async with server.client.stream(PODS, watch="1") as stream:
            await stream.event()
            server.api.faults = Faults(drop_watches=True)
            with pytest.raises(aiohttp.ClientError):
                await stream.rest()
        async with server.client.stream(PODS, watch="1") as again:
            assert (await again.event())[0] == "ADDED"


async def test_compaction_makes_old_versions_gone() -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        server.store.put(pod("b"))
        server.api.faults = Faults(compact=True)
        async with server.client.stream(PODS, watch="1", resourceVersion="1001") as stream:
            kind, status = await stream.event()
        assert (kind, status["code"]) == ("ERROR", 410)


async def test_only_an_administrator_sets_faults_and_always_can() -> None:
    async with serving() as server:
        for user in ("oncall", "auditor", "nobody"):
            status, _, _ = await server.client.send(FAULT, user, method="POST", body={"status": 500})
            assert status == 403
        assert (await server.client.send(FAULT, method="POST", body={"status": 500}))[0] == 200
        assert (await server.client.send(PODS))[0] == 500
        assert (await server.client.send(FAULT, method="POST", body={}))[0] == 200
        assert (await server.client.send(PODS))[0] == 200


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"colour": 1}, "unknown field 'colour'; known are path, refuse, hang, latency"),
        ({"status": "500"}, "field 'status' must be a int"),
        ({"hang": 1}, "field 'hang' must be a bool"),
        ([], "a JSON object is needed"),
    ],
)
def test_faults_that_cannot_be_read(given: Any, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        Faults.parse(given)
    assert str(refused.value).startswith(message)


def test_a_whole_number_is_a_latency_too() -> None:
    assert Faults.parse({"latency": 1}).latency == 1

"""Logs and proxies."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.interfaces import LogLine
from tests.simulator.api_support import START, Server, pod, serving

LOG = "/api/v1/namespaces/llm/pods/a/log"


def write(server: Server, *texts: str, at: float = START) -> None:
    lines = server.world.lines.setdefault(("llm", "a", False), [])
    lines += [LogLine(at + number, text) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "one\ntwo\nthree\n"),
        ({"tailLines": "2"}, "two\nthree\n"),
        ({"tailLines": "0"}, ""),
        ({"limitBytes": "6"}, "one\ntw"),
        ({"sinceTime": "2026-09-21T14:13:22Z"}, "three\n"),
        ({"sinceSeconds": "9"}, "two\nthree\n"),
        ({"tailLines": "1", "timestamps": "true"}, "2026-09-21T14:13:22.000000000Z three\n"),
        ({"container": "vllm", "tailLines": "1"}, "three\n"),
    ],
)
async def test_the_part_of_a_log_that_is_asked_for(query: dict[str, str], text: str) -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        write(server, "one", "two", "three")
        server.world.clock.at = START + 10
        status, body, headers = await server.client.send(LOG, **query)
        assert (status, body) == (200, text)
        assert headers["content-type"].startswith("text/plain")


async def test_a_followed_log_goes_on_without_gap_or_repetition() -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        write(server, "one", "two")
        async with server.client.stream(LOG, follow="true", tailLines="1") as stream:
            assert await stream.line() == "two\n"
            write(server, "three", at=START + 1)  # at the very instant of "two"
            assert await stream.line() == "three\n"
            write(server, "four", "five", at=START + 2)
            assert [await stream.line(), await stream.line()] == ["four\n", "five\n"]
            server.world.lines.clear()
            assert await stream.line() == ""


async def test_the_log_before_the_last_restart() -> None:
    async with serving() as server:
        status = {
            "name": "vllm",
            "restartCount": 1,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1}},
        }
        server.store.put(pod("a", status={"phase": "Running", "containerStatuses": [status]}))
        server.world.lines["llm", "a", True] = [LogLine(START, "CUDA out of memory")]
        write(server, "one")
        assert (await server.client.send(LOG, previous="true"))[1] == "CUDA out of memory\n"
        assert (await server.client.send(LOG))[1] == "one\n"


WAITING = {"name": "vllm", "state": {"waiting": {"reason": "ContainerCreating"}}, "lastState": {}}
TWO = [{"name": "vllm"}, {"name": "proxy"}]


@pytest.mark.parametrize(
    ("changes", "query", "message"),
    [
        ({}, {"previous": "true"}, 'previous terminated container "vllm" in pod "a" not found'),
        ({}, {"container": "x"}, "container x is not valid for pod a"),
        ({}, {"tailLines": "-1"}, 'tailLines: invalid value "-1": must be an integer not below 0'),
        ({}, {"sinceTime": "now"}, "invalid sinceTime: 'now'"),
        (
            {"spec": {"containers": TWO}},
            {},
            "a container name must be specified for pod a, choose one of: [vllm proxy]",
        ),
        (
            {"status": {"phase": "Pending", "containerStatuses": [WAITING]}},
            {},
            'container "vllm" in pod "a" is waiting to start: ContainerCreating',
        ),
    ],
)
async def test_why_there_is_no_log(changes: dict[str, Any], query: dict[str, str], message: str) -> None:
    async with serving() as server:
        server.store.put(pod("a", **changes))
        write(server, "one")
        status, body, _ = await server.client.send(LOG, **query)
        assert (status, body["message"]) == (400, message)


async def test_there_is_no_log_of_no_pod() -> None:
    async with serving() as server:
        assert (await server.client.send(LOG))[0] == 404


def service(server: Server) -> None:
    server.store.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "chat", "namespace": "llm"},
            "spec": {"ports": [{"name": "web", "port": 80, "targetPort": "http"}]},
        }
    )
    server.store.put(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "chat-1",
                "namespace": "llm",
                "labels": {"kubernetes.io/service-name": "chat"},
            },
            "addressType": "IPv4",
            "endpoints": [
                {"addresses": ["127.77.0.3"], "conditions": {"ready": False}, "targetRef": {"name": "b"}},
                {"addresses": ["127.77.0.2"], "conditions": {"ready": True}, "targetRef": {"name": "a"}},
            ],
        }
    )


@pytest.mark.parametrize(
    "name",
    [
        "pods/a:8000",
        "pods/http:a:8000",
        "pods/a:http",
        "pods/a",
        "services/chat:web",
        "services/chat:80",
        "services/chat",
    ],
)
async def test_the_proxy_reaches_the_pod(name: str) -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        server.store.put(pod("b"))
        service(server)
        path = f"/api/v1/namespaces/llm/{name}/proxy/v1/models"
        status, body, _ = await server.client.send(path, limit="3")
        assert (status, body) == (200, "a answers GET /v1/models?limit=3")
        await server.client.send(path, method="POST", body={"n": 1})
        assert server.world.asked[-1] == ("llm", "a", 8000, "POST", "/v1/models", b'{"n": 1}')


@pytest.mark.parametrize(
    ("name", "code"),
    [("pods/a:9999", 503), ("pods/none:8000", 404), ("services/none", 404), ("services/chat:9", 503)],
)
async def test_the_proxy_says_whom_it_cannot_reach(name: str, code: int) -> None:
    async with serving() as server:
        server.store.put(pod("a"))
        service(server)
        status, body, _ = await server.client.send(f"/api/v1/namespaces/llm/{name}/proxy/")
        assert (status, body["kind"]) == (code, "Status")


async def test_a_service_without_ready_pods_has_no_endpoints() -> None:
    async with serving() as server:
        service(server)
        status, body, _ = await server.client.send("/api/v1/namespaces/llm/services/chat/proxy/")
        assert (status, body["message"]) == (503, 'no endpoints available for service "chat"')

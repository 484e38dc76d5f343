"""The request shown to the guard is the request that a server receives, byte for byte, for each client; nothing else is
sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
import requests

from fleet import guard
from fleet.guard import RefusedError, reads_only
from fleet.model.problem import SourceProblem
from fleet.net.http import client
from fleet.sources.alerts.api import JsonApi
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ForbiddenError
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.prometheus.session import Adapter
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.scrape.source import ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from tests.fleet.raw import wire

POD = "/api/v1/namespaces/a/pods/b:8000"

PLAIN = [
    "/metrics",
    "/",
    "/metrics?name[]=a&x=%2F..%2f",
    "/api/v1/query?query=up%7Ba%3D%22b%22%7D",
    "/api/v1/namespaces/a/pods/b%20c",
    "/a_b~c!$&'()*+,=:d",
]
ELSEWHERE = ["@127.0.0.1:1/evil?a=", ".evil.example/metrics", ":80/metrics", "metrics", "#/metrics", "\\evil"]
"""Strings that are no path, and would become part of the server's name if appended to it."""
UNCLEAR = [
    f"{POD}/proxy/../../x",
    f"{POD}/proxy/%2e%2e/x",
    f"{POD}/proxy/%2E./x",
    f"{POD}/proxy/..%2f..%2fx",
    f"{POD}/proxy/%252e%252e/x",
    f"{POD}/proxy/..;/x",
    f"{POD}/proxy/.",
    f"{POD}/%70roxy/metrics",
    f"{POD}//proxy/metrics",
    f"{POD}/proxy\\..\\x",
    f"{POD}/proxy%5cx",
    f"{POD}/proxy%00",
    f"{POD}/proxy%0d%0aX:%20y",
    f"{POD}/proxy%3fx",
    f"{POD}/proxy%zz",
    f"{POD}/pröxy",
    f"{POD}/proxy x",
    "//evil.example/metrics",
    "/metrics\r\nX: y",
    "/metrics?a=\r\nX:y",
    "/metrics#/../x",
]
BEYOND = [f"{POD}/proxymetrics", f"{POD}/proxy@x/metrics", f"{POD}/proxy:80/metrics", f"{POD}/exec?command=id"]
"""Plain, and nothing that is read."""

Send = Callable[[str, str, guard.Guard], Awaitable[None]]
"""Send a GET of base and path with this guard. Raises RefusedError if it is not sent."""


async def kube(base: str, path: str, guard: guard.Guard) -> None:
    asking = KubeClient(Access("c", "c", "u", "", base, {"server": base}, {}), guard=guard, environ={})
    try:
        await asking.get(path)
    except ForbiddenError as error:
        raise RefusedError(error.message) from error
    finally:
        await asking.close()


async def scrape(base: str, path: str, guard: guard.Guard) -> None:
    source = ScrapeSource(guard=guard)
    try:
        why = (await source.measure([ScrapeTarget("a", "b", base + path)], 0.0)).unreachable["a/b"]
    finally:
        await source.close()
    if "sent" in why or "proxy" in why:
        raise RefusedError(why)


async def prometheus(base: str, path: str, guard: guard.Guard) -> None:
    def send() -> None:
        endpoint = PrometheusEndpoint(base)
        with requests.Session() as session:
            session.mount("http://", Adapter(endpoint, guard))
            try:
                session.get(base + path, timeout=10)
            except SourceProblem as problem:
                if "sent" in problem.message or "proxy" in problem.message:
                    raise RefusedError(problem.message) from problem
            except requests.RequestException as error:
                raise RefusedError(str(error)) from error

    await asyncio.to_thread(send)


async def alerts(base: str, path: str, guard: guard.Guard) -> None:
    api = JsonApi(PrometheusEndpoint(base), guard)
    try:
        await asyncio.to_thread(api.get, path)
    except SourceProblem as problem:
        if "sent" in problem.message or "proxy" in problem.message:
            raise RefusedError(problem.message) from problem
    except requests.RequestException as error:
        raise RefusedError(str(error)) from error
    finally:
        api.close()


async def engine(base: str, path: str, guard: guard.Guard) -> None:
    async with client(10.0, guard) as asking:
        try:
            await asking.get(base + path)
        except httpx.InvalidURL as error:
            raise RefusedError(str(error)) from error


SENDERS = pytest.mark.parametrize("send", [kube, scrape, prometheus, alerts, engine])


@SENDERS
async def test_a_plain_url_arrives_as_the_guard_saw_it(send: Send) -> None:
    seen: list[str] = []

    def noted(method: str, url: str) -> None:
        reads_only(method, url)
        seen.append(url)

    async with wire() as found:
        for path in PLAIN:
            await send(found.url, path, noted)
    assert [f"{found.url}{target}" for target in found.asked] == seen
    assert len(seen) == len(PLAIN)


@SENDERS
@pytest.mark.parametrize("shut", [False, True], ids=["open", "read-only"])
async def test_what_has_two_readings_never_reaches_a_server_as_it_stands(send: Send, shut: bool) -> None:
    """Some clients make a path plain before their guard sees it; then that is what is judged, and what is sent."""
    if shut:
        guard.lock()
    seen: list[str] = []

    def noted(method: str, url: str) -> None:
        reads_only(method, url)
        seen.append(url)

    async with wire() as found:
        for path in [*UNCLEAR, *ELSEWHERE]:
            try:
                await send(found.url, path, noted)
            except RefusedError:
                continue
    assert [f"{found.url}{target}" for target in found.asked] == seen
    # What the libraries resolve by themselves is judged as resolved: none of it is the proxy.
    assert not [target for target in found.asked if "proxy" in target and shut]
    assert not [target for target in found.asked if {".", "%"} & set(target.partition("?")[0])]


@pytest.mark.parametrize("send", [kube, scrape])
@pytest.mark.parametrize("path", [*UNCLEAR, *ELSEWHERE, *BEYOND])
async def test_what_the_cluster_has_a_say_in_is_sent_as_it_stands_or_not_at_all(send: Send, path: str) -> None:
    async with wire() as found:
        with pytest.raises(RefusedError):
            await send(found.url, path, reads_only)
    assert found.lines == []


async def test_with_the_proxy_forbidden_no_way_of_writing_it_passes() -> None:
    guard.lock()
    async with wire() as found:
        for end in ("/proxy", "/proxy/", "/Proxy/metrics", "/proxy/metrics", "/proxymetrics", "/proxy@x", "/proxy:1/x"):
            with pytest.raises(RefusedError):
                await kube(found.url, POD + end, reads_only)
    assert found.lines == []


async def test_a_change_is_held_to_the_plain_form_too() -> None:
    async with wire() as found:
        access = Access("c", "c", "u", "", found.url, {"server": found.url}, {})
        asking = KubeClient(access, guard=guard.may_change, environ={})
        for path in (*UNCLEAR, *ELSEWHERE):
            with pytest.raises(ForbiddenError):
                await asking.send("DELETE", path)
        await asking.send("DELETE", "/api/v1/namespaces/a/pods/b")
        await asking.close()
    assert found.asked == ["/api/v1/namespaces/a/pods/b"]

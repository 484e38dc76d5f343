"""Requests before there is an HTTP client have the same result as with one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import trustme
from aiohttp import web

from fleet.net.early_requests import EarlyRequests
from fleet.sources.kube.client import ANY, KubeClient
from fleet.sources.kube.errors import KubeconfigError, KubeError, UnauthorizedError, UnreachableError
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.responses import Response
from fleet.sources.kube.session_renewal import Links
from fleet.sources.kube.source import KubernetesSource
from tests.fleet.sources.kube.api import PODS, Api, pod, reply, status
from tests.fleet.sources.kube.conftest import QUICK
from tests.fleet.sources.kube.tls import Tls, b64
from tests.fleet.sources.kube.users import answer
from tests.waiting import until

REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
ANSWERS: dict[str, tuple[int, Any, dict[str, str]]] = {
    "an object": (200, {"kind": "Pod"}, {}),
    "a page": (200, "<!doctype html><title>Sign in</title>", {}),
    "forbidden": (403, status(403, "Forbidden", "in words", details={"name": "x"}), {}),
    "a page that forbids": (403, "<!doctype html><title>Sign in</title>", {}),
    "not found": (404, "404 page not found\n", {}),
    "gone": (410, status(410, "Expired", "too old", metadata={"continue": "token"}), {}),
    "overload": (429, "Too many requests, please try again later.\n", {"Retry-After": "7"}),
    "a failure": (500, status(500, "InternalError", "in words"), {}),
    "a gateway": (502, "<html><h1>Bad Gateway</h1></html>", {}),
    "a redirect": (302, "moved", {"Location": "http://127.0.0.1:1/login"}),
    "who are you": (401, status(401, "Unauthorized", "in words"), {}),
}


@pytest.fixture
async def early() -> AsyncIterator[EarlyRequests]:
    asking = EarlyRequests(seconds=60.0)
    yield asking
    asking.end()


@pytest.fixture
def no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make everything fail that needs the HTTP client."""

    async def connected(self: Links, *_: object, **named: object) -> None:
        raise AssertionError("a session was made")

    monkeypatch.setattr(Links, "connected", connected)


async def outcome(asked: Coroutine[Any, Any, Response]) -> tuple[object, ...]:
    try:
        got = await asked
    except KubeError as error:
        lines = error.message, error.remedy, error.status, error.reason, error.retry_after, error.details
        return type(error), *lines, error.continue_token, getattr(error, "location", "")
    return got.status, got.body, got.content_type, got.headers["content-length"]


@pytest.mark.parametrize("accept", ["application/json", ANY])
@pytest.mark.parametrize("kind", ANSWERS)
async def test_every_answer_comes_to_the_same(api: Api, early: EarlyRequests, kind: str, accept: str) -> None:
    for _ in range(4):
        api.next(lambda _: True, reply(*ANSWERS[kind]))
    first, later = KubeClient(api.access(), early=early), KubeClient(api.access())
    assert await outcome(first.get(PODS, accept=accept)) == await outcome(later.get(PODS, accept=accept))
    assert (first.last_ok is None) == (later.last_ok is None)
    await first.close()
    await later.close()


@pytest.mark.usefixtures("no_session")
async def test_no_session_is_made_for_what_reads(api: Api, early: EarlyRequests) -> None:
    api.objects[PODS] = {("serving", "a"): pod("a")}
    user = {"token": "secret", "as": "jane", "as-groups": ["dev", "ops"]}
    client = KubeClient(api.access(user), early=early)
    assert (await client.get(PODS)).json()["items"]
    assert (await client.review(REVIEW, {}))["status"]["userInfo"]["username"] == "tester"
    assert client.requests == 2
    assert client.last_ok is not None
    await client.close()
    headers = api.requests[0].headers
    assert (headers["Authorization"], headers["Impersonate-User"]) == ("Bearer secret", "jane")


async def test_changes_are_not_asked_so(api: Api, early: EarlyRequests) -> None:
    client = KubeClient(api.access(), guard=lambda *_: None, early=early)
    with pytest.raises(KubeError):
        await client.send("DELETE", f"{PODS}/none")
    await client.close()
    assert [asked.method for asked in api.requests] == ["DELETE"]


async def test_who_cannot_be_reached_is_told_of_in_the_same_words(early: EarlyRequests) -> None:
    for server in ("http://127.0.0.1:1", "http://no-such-host.invalid:6443"):
        access = Access("c", "c", "u", "", server, {"server": server}, {})
        first, later = KubeClient(access, environ={}, early=early), KubeClient(access, environ={})
        assert await outcome(first.get("/version")) == await outcome(later.get("/version"))
        await first.close()
        await later.close()


@pytest.mark.usefixtures("no_session")
async def test_certificates_are_shown_and_asked_for(early: EarlyRequests) -> None:
    tls = Tls()
    await tls.start()
    certificate, key = tls.certificate("inline")
    user = {"client-certificate-data": b64(certificate), "client-key-data": b64(key)}
    access = tls.access(user, **{"certificate-authority-data": b64(tls.authority.cert_pem.bytes())})
    client = KubeClient(access, early=early)
    try:
        assert (await client.get("/version")).json() == {"gitVersion": "v1"}
        assert tls.subjects == ["inline"]
    finally:
        await client.close()
        await tls.stop()


async def test_an_untrusted_server_is_refused_in_the_same_words(early: EarlyRequests) -> None:
    tls = Tls()
    await tls.start()
    access = tls.access({}, **{"certificate-authority-data": b64(trustme.CA().cert_pem.bytes())})
    client = KubeClient(access, early=early)
    try:
        with pytest.raises(UnreachableError, match="is not trusted"):
            await client.get("/version")
    finally:
        await client.close()
        await tls.stop()
    assert tls.subjects == []


async def test_certificates_of_no_use_are_said_by_the_session(api: Api, early: EarlyRequests) -> None:
    server = f"https://127.0.0.1:{api.port}"
    settings = {"server": server, "certificate-authority-data": b64(b"nonsense")}
    client = KubeClient(Access("c", "c", "u", "", server, settings, {}), early=early)
    with pytest.raises(KubeconfigError, match="cannot be used"):
        await client.get("/version")
    await client.close()


async def test_a_plugin_is_run_once(api: Api, early: EarlyRequests, plugin: Callable[..., dict[str, Any]]) -> None:
    client = KubeClient(api.access(plugin(answer('{"token": f"t{number}"}'))), early=early)
    await client.get(PODS)
    await client.get(PODS)
    await client.close()
    assert [asked.headers["Authorization"] for asked in api.requests] == ["Bearer t1", "Bearer t1"]


async def test_through_a_proxy_the_client_asks(api: Api, early: EarlyRequests) -> None:
    through: list[str] = []

    async def proxied(request: web.Request) -> web.StreamResponse:
        through.append(str(request.url))
        return web.json_response({})

    runner = web.AppRunner(app := web.Application())
    app.router.add_route("*", "/{tail:.*}", proxied)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = "http://api.internal:6443"
    settings = {"server": server, "proxy-url": f"http://127.0.0.1:{runner.addresses[0][1]}"}
    client = KubeClient(Access("c", "c", "u", "", server, settings, {}), early=early)
    assert (await client.get("/version")).json() == {}
    await client.close()
    await runner.cleanup()
    assert through == ["http://api.internal:6443/version"]


async def test_a_renewed_token_is_for_the_session(api: Api, early: EarlyRequests) -> None:
    api.tokens = {"other"}
    client = KubeClient(api.access({"token": "wrong"}), early=early)
    with pytest.raises(UnauthorizedError):
        await client.get(PODS)
    await client.close()


async def test_lists_come_before_the_client_and_watches_with_it(cluster: Api, early: EarlyRequests) -> None:
    cluster.objects[PODS] = {("serving", "a"): pod("a")}
    source = KubernetesSource(cluster.access(), pace=QUICK, environ={}, early=early)
    await source.start()
    assert await source.wait_synced(20)
    assert [row.name for row in source.state().pods.values()] == ["a"]
    assert not any(asked.watch for asked in cluster.requests)
    # What happens before there is a watch is told by it.
    cluster.put(pod("b"))
    early.answered()
    await until(lambda: len(source.state().pods) == 2)
    assert any(asked.watch for asked in cluster.requests)
    await source.close()


async def test_who_is_closed_waits_for_nothing(cluster: Api, early: EarlyRequests) -> None:
    source = KubernetesSource(cluster.access(), pace=QUICK, environ={}, early=early)
    await source.start()
    await asyncio.wait_for(source.close(), 10)
    assert not early.open

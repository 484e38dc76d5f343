"""Every kind of answer of a server, or of a proxy in front of it; and the guard before the socket."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aiohttp import web

from fleet.sources.kube.client import ANY, KubeClient
from fleet.sources.kube.errors import (
    LONGEST_WAIT,
    ExpiredError,
    ForbiddenError,
    KubeconfigError,
    KubeError,
    NotFoundError,
    NotKubernetesError,
    ServerError,
    ThrottledError,
    UnauthorizedError,
    UnreachableError,
)
from fleet.sources.kube.kubeconfig import Access
from tests.fleet.sources.kube.api import Api, reply, status
from tests.waiting import until

PATH = "/api/v1/pods"


def any_request(request: web.Request) -> bool:
    return True


async def failure(api: Api, code: int, body: Any, headers: dict[str, str] | None = None) -> KubeError:
    api.next(any_request, reply(code, body, headers))
    client = KubeClient(api.access())
    try:
        with pytest.raises(KubeError) as caught:
            await client.get(PATH)
    finally:
        await client.close()
    return caught.value


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (401, "Unauthorized", UnauthorizedError),
        (403, "Forbidden", ForbiddenError),
        (404, "NotFound", NotFoundError),
        (410, "Expired", ExpiredError),
        (429, "TooManyRequests", ThrottledError),
        (500, "InternalError", ServerError),
        (504, "Timeout", ServerError),
        (400, "BadRequest", KubeError),
    ],
)
async def test_a_status_becomes_its_type(api: Api, code: int, reason: str, kind: type[KubeError]) -> None:
    error = await failure(api, code, status(code, reason, "in words", details={"name": "x"}))
    assert type(error) is kind
    assert (error.status, error.reason, error.message, error.details) == (code, reason, "in words", {"name": "x"})


async def test_overload_is_plain_text_with_retry_after(api: Api) -> None:
    error = await failure(api, 429, "Too many requests, please try again later.\n", {"Retry-After": "7"})
    assert isinstance(error, ThrottledError)
    assert (error.message, error.retry_after) == ("Too many requests, please try again later.", 7.0)


async def test_retry_after_from_the_status(api: Api) -> None:
    error = await failure(api, 504, status(504, "Timeout", "later", details={"retryAfterSeconds": 1}))
    assert error.retry_after == 1.0


async def test_an_unknown_path_is_plain_text(api: Api) -> None:
    error = await failure(api, 404, "404 page not found\n")
    assert isinstance(error, NotFoundError)


async def test_a_gateway_in_html(api: Api) -> None:
    error = await failure(api, 502, "<html><h1>Bad Gateway</h1></html>")
    assert isinstance(error, ServerError)
    assert error.message == "HTTP 502"


@pytest.mark.parametrize("code", [200, 403])
async def test_a_login_page_is_not_kubernetes(api: Api, code: int) -> None:
    error = await failure(api, code, "<!doctype html><title>Sign in</title>")
    assert isinstance(error, NotKubernetesError)
    assert "web page" in error.message or "text/html" in error.message
    assert "kubeconfig" in error.remedy


async def test_a_redirect_is_not_followed_with_the_token(api: Api) -> None:
    api.next(any_request, reply(302, "moved", {"Location": "http://127.0.0.1:1/login"}))
    client = KubeClient(api.access({"token": "secret"}))
    with pytest.raises(NotKubernetesError, match=r"redirects to http://127\.0\.0\.1:1/login"):
        await client.get(PATH)
    await client.close()
    assert len(api.requests) == 1


async def test_json_that_is_none(api: Api) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b'{"items": [', content_type="application/json")

    api.next(any_request, broken)
    client = KubeClient(api.access())
    answer = await client.get(PATH)
    with pytest.raises(NotKubernetesError, match="not JSON"):
        answer.json()
    await client.close()


async def unreachable(server: str) -> UnreachableError:
    client = KubeClient(Access("c", "c", "u", "", server, {"server": server}, {}))
    with pytest.raises(UnreachableError) as caught:
        await client.get("/version", timeout=0.3)
    await client.close()
    return caught.value


async def test_connection_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = await unreachable(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert error.reason == "refused"
    assert "refused" in error.message


async def test_no_such_host() -> None:
    error = await unreachable("http://no-such-host.invalid:6443")
    assert (error.reason, error.message.split(":")[0]) == ("dns", "no such host")


async def test_no_answer_in_time(api: Api) -> None:
    api.hang = True
    error = await unreachable(f"http://127.0.0.1:{api.port}")
    assert error.reason == "timeout"


async def test_https_to_a_port_that_does_not_speak_it(api: Api) -> None:
    error = await unreachable(f"https://127.0.0.1:{api.port}")
    assert error.reason == "tls"


async def test_cut_off_in_the_middle_of_the_answer(api: Api) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b"{")
        response.force_close()
        return response

    api.next(any_request, cut)
    client = KubeClient(api.access())
    with pytest.raises(UnreachableError) as caught:
        await client.get(PATH)
    await client.close()
    assert caught.value.reason == "broken"


async def test_what_is_said_of_an_answer_that_is_none_is_one_line() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: " + b"x" * 5000 + b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        server = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        client = KubeClient(Access("c", "c", "u", "", server, {"server": server}, {}))
        with pytest.raises(UnreachableError) as caught:
            await client.get(PATH)
        await client.close()
    assert caught.value.reason == "broken"
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400


async def test_the_guard_sees_every_request_before_the_socket(api: Api) -> None:
    class Refused(Exception):  # noqa: N818 -- what a guard raises is its own
        pass

    seen: list[tuple[str, str]] = []

    def guard(method: str, url: str) -> None:
        seen.append((method, url))
        if "secrets" in url:
            raise Refused

    client = KubeClient(api.access(), guard=guard)
    await client.get(PATH, {"limit": "1"})
    review = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    await client.review(review, {"kind": "SelfSubjectReview"})
    with pytest.raises(Refused):
        await client.get("/api/v1/secrets")
    with pytest.raises(Refused):
        async with client.stream("/api/v1/secrets"):
            pass
    await client.close()
    base = api.access().server
    assert seen[:2] == [("GET", f"{base}{PATH}?limit=1"), ("POST", base + review)]
    assert [asked.path for asked in api.requests] == [PATH, review]
    assert client.requests == 2


async def test_only_reviews_are_posted(api: Api) -> None:
    client = KubeClient(api.access())
    with pytest.raises(ValueError, match="not a review"):
        await client.review("/api/v1/namespaces/n/pods/p/eviction", {})
    await client.close()
    assert api.requests == []


async def test_no_more_than_so_many_at_once(api: Api) -> None:
    under_way, most, gate = 0, 0, asyncio.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await gate.wait()
        under_way -= 1
        return web.json_response({})

    api.next(any_request, held, times=20)
    client = KubeClient(api.access(), concurrency=3)
    tasks = [asyncio.create_task(client.get(PATH)) for _ in range(20)]
    await until(lambda: under_way == 3)
    gate.set()
    await asyncio.gather(*tasks)
    await client.close()
    assert most == 3


async def test_a_watch_takes_no_slot_once_it_stands(api: Api) -> None:
    client = KubeClient(api.access(), concurrency=1)
    async with client.stream(PATH, {"watch": "1", "resourceVersion": "100"}):
        await client.get(PATH)
    await client.close()


async def test_a_silent_stream_ends_after_its_longest_silence(api: Api) -> None:
    client = KubeClient(api.access())
    async with client.stream(PATH, {"watch": "1", "resourceVersion": "100"}, idle=0.05) as chunks:
        with pytest.raises(UnreachableError) as caught:
            async for _ in chunks:
                pass
    await client.close()
    assert caught.value.reason == "timeout"


async def test_last_ok_follows_good_answers_and_not_bad_ones(api: Api) -> None:
    client = KubeClient(api.access())
    api.next(any_request, reply(200, "<html>"))
    with pytest.raises(NotKubernetesError):
        await client.get(PATH)
    assert client.last_ok is None
    api.next(any_request, reply(403, status(403, "Forbidden", "no")))
    with pytest.raises(ForbiddenError):
        await client.get(PATH)
    assert client.last_ok is not None, "a refusal is an answer of the API server"
    await client.close()


async def test_what_is_asked_for_is_accepted(api: Api) -> None:
    api.next(any_request, reply(200, "text"))
    client = KubeClient(api.access())
    answer = await client.get(PATH, accept=ANY)
    await client.close()
    assert (answer.body, answer.content_type) == (b"text", "text/plain")
    assert api.requests[0].headers["Accept"] == ANY


async def test_a_closed_client_asks_nothing(api: Api) -> None:
    client = KubeClient(api.access())
    await client.close()
    with pytest.raises(UnreachableError):
        await client.get(PATH)
    assert api.requests == []


async def test_settings_of_a_wrong_type_are_said() -> None:
    server = "https://127.0.0.1:1"
    settings = {"server": server, "certificate-authority-data": True}
    client = KubeClient(Access("c", "c", "u", "", server, settings, {}))
    with pytest.raises(KubeconfigError, match="cannot be used"):
        await client.get("/version")
    await client.close()


async def test_what_found_no_connection_was_not_sent(api: Api) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for server in (f"http://127.0.0.1:{taken.getsockname()[1]}", "http://no-such-host.invalid:6443"):
            assert not (await unreachable(server)).sent
    assert not (await unreachable(f"https://127.0.0.1:{api.port}")).sent


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_what_was_cut_off_may_have_been_sent(api: Api, method: str) -> None:
    """A DELETE is tried again by the HTTP client itself, on a new connection: that one refuses, the first did not."""
    client = KubeClient(api.access(), guard=lambda *_: None)
    await client.get("/version")

    async def leave(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        await api.down()
        return web.Response()

    api.next(lambda request: request.method == method, leave)
    with pytest.raises(UnreachableError) as caught:
        await client.send(method, PATH, body={})
    await client.close()
    assert caught.value.sent


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("5", 5.0),
        ("86400", LONGEST_WAIT),
        ("1" * 400, LONGEST_WAIT),
        ("Fri, 31 Dec 2099 23:59:59 GMT", LONGEST_WAIT),
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
        ("-5", None),
        ("0", None),
        ("soon", None),
        ("", None),
    ],
)
async def test_a_server_may_ask_for_some_time_and_not_for_a_day(api: Api, asked: str, granted: float | None) -> None:
    error = await failure(api, 429, "too many requests", {"Retry-After": asked})
    assert error.retry_after == granted


async def test_a_status_may_not_ask_for_a_day_either(api: Api) -> None:
    details = {"retryAfterSeconds": 86400}
    assert (await failure(api, 429, status(429, "TooManyRequests", "m", details=details))).retry_after == LONGEST_WAIT

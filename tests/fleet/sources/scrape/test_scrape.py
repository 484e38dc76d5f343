"""The direct source over HTTP: its requests, and its handling of bad answers."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trustme
from aiohttp import web

from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity
from fleet.sources.scrape.source import ScrapeLimits, ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from tests.fleet.metrics.pages import V0_33, Load, vllm
from tests.fleet.metrics.rig import EPOCH, Rig, value
from tests.waiting import PATIENCE

PAGE = vllm(V0_33, {"0": Load()})
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """A server on loopback: its base URL."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def scraping(settings: ScrapeLimits | None = None, **options: object) -> AsyncIterator[ScrapeSource]:
    source = ScrapeSource(settings, **options)  # type: ignore[arg-type]
    try:
        yield source
    finally:
        await source.close()


async def test_it_sends_get_with_the_targets_headers() -> None:
    seen: list[tuple[str, str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append((request.method, request.path_qs, request.headers.get("Authorization", "")))
        return web.Response(text=PAGE)

    async with serving(answer) as url, scraping() as source:
        target = ScrapeTarget("llm", "p", f"{url}/m?x=1", headers={"Authorization": "Bearer t0ken"})
        m = await source.measure([target], EPOCH)
    assert seen == [("GET", "/m?x=1", "Bearer t0ken")]
    assert value(m, Quantity.RUNNING) == 3
    assert (m.requests, m.unreachable, m.source) == (1, {}, "scrape")


async def _html(request: web.Request) -> web.Response:
    return web.Response(text="<html>Sign in</html>", content_type="text/html")


async def _missing(request: web.Request) -> web.Response:
    return web.Response(status=404)


async def _forbidden(request: web.Request) -> web.Response:
    return web.Response(status=403, text="no")


async def _redirect(request: web.Request) -> web.Response:
    raise web.HTTPFound("https://login.example/")


async def _circle(request: web.Request) -> web.Response:
    raise web.HTTPTemporaryRedirect(request.path)


async def _slow(request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response(text=PAGE)


async def _broken(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100000"})
    await response.prepare(request)
    await response.write(PAGE[:1000].encode())
    assert request.transport is not None
    request.transport.close()
    return response


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (_html, "web page"),
        (_missing, "no metrics at this path, or they are switched off"),
        (_forbidden, "credentials"),
        (_redirect, "redirects to https://login.example/, which is another server"),
        (_circle, "in a loop"),
        (_slow, "within 2 s"),
        (_broken, "broke off"),
    ],
)
async def test_a_bad_answer_is_named_and_the_others_are_there(handler: Handler, words: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(text=PAGE) if request.path == "/good" else await handler(request)

    # Short only where nothing else must be there in time.
    limit = 2.0 if handler is _slow else PATIENCE
    async with serving(answer) as url, scraping(ScrapeLimits(timeout=limit)) as source:
        targets = [ScrapeTarget("llm", "good", f"{url}/good"), ScrapeTarget("llm", "bad", f"{url}/bad")]
        m = await source.measure(targets, EPOCH)
    assert [e.pod for e in m.engines] == ["good"]
    assert list(m.unreachable) == ["llm/bad"]
    assert words in m.unreachable["llm/bad"]


async def test_a_redirect_to_another_path_of_the_same_server_is_followed_with_what_was_sent() -> None:
    seen: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, request.headers.get("Authorization", "")))
        if request.path == "/metrics":
            raise web.HTTPTemporaryRedirect("/metrics/")
        return web.Response(text=PAGE)

    async with serving(answer) as url, scraping() as source:
        m = await source.measure([ScrapeTarget("llm", "p", f"{url}/metrics", {"Authorization": "Bearer t"})], EPOCH)
    assert seen == [("/metrics", "Bearer t"), ("/metrics/", "Bearer t")]
    assert m.unreachable == {}
    assert [e.pod for e in m.engines] == ["p"]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ('# HELP x y\nnv_inference_request_success{model="a"} 5.0\n', "Triton: not read yet"),
        ("python_info 1\nte_queue_size 2\n", "TEI: not read yet"),
        (
            'num_requests_running{model_name="m"} 1\ngpu_cache_usage_perc 0.1\n',
            "NVIDIA NIM: returns only metrics that are not read",
        ),
        ("ray_serve_num_http_requests_total 2\n", "Ray Serve LLM: returns only metrics that are not read"),
    ],
)
async def test_an_engine_that_is_not_read_is_named_and_not_missing(page: str, words: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=page)

    async with serving(answer) as url, scraping() as source:
        m = await source.measure([ScrapeTarget("llm", "p", f"{url}/metrics")], EPOCH)
    assert (m.unread, m.unreachable) == ({"llm/p": words}, {})


@pytest.mark.parametrize(
    ("page", "first"),
    [
        ("envoy_server_live 1\n", "envoy_server_live"),
        ('{"envoy.server.live",zone="a"} 1\nup 1\n', "envoy.server.live"),
        ('  {"envoy.server.live"} 1\n', "envoy.server.live"),
    ],
    ids=["plain", "a quoted name", "quoted names alone"],
)
async def test_metrics_of_nobody_known_are_named_by_how_they_begin(page: str, first: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=page)

    async with serving(answer) as url, scraping() as source:
        m = await source.measure([ScrapeTarget("llm", "p", f"{url}/metrics")], EPOCH)
    (problem,) = m.unreachable.values()
    assert problem.startswith(f"returns metrics, but none of a supported engine, gateway or GPU ({first} …): ")
    assert "switched off" in problem, "an engine that does not count answers so, too"


async def test_api_servers_of_one_pod_are_engines_of_their_own() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=PAGE)

    async with serving(answer) as url, scraping() as source:
        ports = ("8000", "8001")
        m = await source.measure(
            [ScrapeTarget("llm", "p", f"{url}/{port}", name=f"llm/p:{port}") for port in ports], EPOCH
        )
    assert [(e.pod, e.engine) for e in m.engines] == [("p", "0:8000"), ("p", "0:8001")]
    assert m.requests == 2


async def test_nobody_listening_is_said_so() -> None:
    async with serving(_missing) as url:
        pass
    async with scraping() as source:
        m = await source.measure([ScrapeTarget("", "", f"{url}/metrics")], EPOCH)
    assert m.unreachable == {f"{url}/metrics": "refuses the connection"}


async def test_without_a_pod_the_address_names_the_engine() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=PAGE)

    async with serving(answer) as url, scraping() as source:
        m = await source.measure([ScrapeTarget("", "", f"{url}/metrics")], EPOCH)
    assert m.engines[0].instance == url.removeprefix("http://")


async def test_the_guard_is_asked_before_each_request() -> None:
    asked: list[tuple[str, str]] = []

    def guard(method: str, url: str) -> None:
        asked.append((method, url))
        raise SourceProblem("not in this mode")

    async def answer(request: web.Request) -> web.Response:
        raise AssertionError("it was sent")

    async with serving(answer) as url, scraping(guard=guard) as source:
        m = await source.measure([ScrapeTarget("llm", "p", f"{url}/metrics")], EPOCH)
    assert asked == [("GET", f"{url}/metrics")]
    assert m.unreachable == {"llm/p": "not in this mode"}


async def test_no_more_requests_are_under_way_than_allowed() -> None:
    now = most = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return web.Response(text=PAGE)

    async with serving(answer) as url, scraping(ScrapeLimits(concurrency=3)) as source:
        m = await source.measure([ScrapeTarget("llm", f"p{i}", f"{url}/{i}") for i in range(12)], EPOCH)
    assert len(m.engines) == 12
    assert most == 3


async def test_a_thousand_targets_never_hold_the_loop_for_long() -> None:
    """Counted in targets per turn of the loop, not timed."""
    rig = Rig()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    m = await rig.tick({f"p{i}": PAGE for i in range(1000)})
    counting.cancel()
    assert len(m.engines) == 1000
    assert turns >= 10


async def test_duplicated_targets_are_asked_once() -> None:
    source = ScrapeSource()
    calls = 0

    async def fetch(path: str) -> bytes:
        nonlocal calls
        calls += 1
        return PAGE.encode()

    target = ScrapeTarget("llm", "p", "/proxy", fetch=fetch)
    m = await source.measure([target, replace(target)], EPOCH)
    assert (calls, m.requests, len(m.engines)) == (1, 1, 1)


@asynccontextmanager
async def serving_tls() -> AsyncIterator[str]:
    """Metrics over TLS alone: host:port."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=PAGE)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _either(address: str) -> ScrapeTarget:
    over_tls = ScrapeTarget("llm", "p", f"https://{address}/metrics", ssl=False)
    return ScrapeTarget("llm", "p", f"http://{address}/metrics", over_tls=over_tls)


async def test_who_speaks_tls_alone_is_asked_over_tls_and_the_next_time_at_once() -> None:
    asked: list[str] = []
    async with serving_tls() as address, scraping(guard=lambda _, url: asked.append(url)) as source:
        for _ in range(2):
            m = await source.measure([_either(address)], EPOCH)
            assert value(m, Quantity.RUNNING) == 3
            assert m.unreachable == {}
    # In clear text twice: what is no HTTP is asked again by the client that can say so.
    assert [url.partition(":")[0] for url in asked] == ["http", "http", "https", "https"]


@pytest.mark.parametrize(
    "expected",
    ["Client sent an HTTP request to an HTTPS server.", "The plain HTTP request was sent to HTTPS port"],
)
async def test_a_refusal_that_names_https_is_asked_over_tls(expected: str) -> None:
    asked: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=400, text=expected)

    async with serving(refuse) as url, scraping(guard=lambda _, url: asked.append(url)) as source:
        m = await source.measure([_either(url.removeprefix("http://"))], EPOCH)
    assert [url.partition(":")[0] for url in asked] == ["http", "https"]
    assert m.unreachable == {"llm/p": "requires HTTPS (400)"}, "what was said first is what is told"


async def test_who_answers_in_clear_text_is_never_asked_over_tls() -> None:
    asked: list[str] = []

    async def missing(request: web.Request) -> web.Response:
        return web.Response(status=404)

    async with serving(missing) as url, scraping(guard=lambda _, url: asked.append(url)) as source:
        await source.measure([_either(url.removeprefix("http://"))], EPOCH)
    assert [url.partition(":")[0] for url in asked] == ["http"]


@pytest.mark.parametrize("known", [True, False])
async def test_metrics_of_nobody_known_are_a_trouble_only_where_an_engine_is_known_to_be(*, known: bool) -> None:
    async def other(request: web.Request) -> web.Response:
        return web.Response(text="# TYPE http_requests_total counter\nhttp_requests_total 1\n")

    async with serving(other) as url, scraping() as source:
        m = await source.measure([ScrapeTarget("llm", "p", f"{url}/metrics", known=known)], EPOCH)
    assert bool(m.unreachable) is known
    assert bool(m.unread) is not known
    assert "http_requests_total" in (m.unreachable if known else m.unread)["llm/p"]


async def test_a_scrape_leaves_nothing_that_waits_for_the_collector() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=PAGE)

    async with serving(answer) as url, scraping() as source:
        targets = [ScrapeTarget("llm", f"p{i}", f"{url}/{i}") for i in range(20)]
        gc.collect()
        gc.disable()
        try:
            await source.measure(targets, EPOCH)
            assert left_in_cycles("fleet.", "httptools.") == {}
        finally:
            gc.enable()


def left_in_cycles(*packages: str) -> dict[str, int]:
    """Count the objects that only the collector of cycles finds, by type.

    The console collects rarely, and never the objects from its start, so a page per target would stay.
    """
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return dict(Counter(name for one in gc.garbage if (name := named(one)).startswith(packages)))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def named(one: object) -> str:
    return f"{type(one).__module__}.{type(one).__qualname__}"

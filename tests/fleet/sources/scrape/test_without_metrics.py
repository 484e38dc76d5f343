"""Servers that answer without metrics: the flag that may be why is named, and other releases' paths are tried."""

from __future__ import annotations

from aiohttp import web

from fleet.sources.scrape.target import ScrapeTarget
from tests.fleet.metrics.rig import EPOCH
from tests.fleet.sources.scrape.test_scrape import PAGE, _forbidden, _missing, scraping, serving


async def test_a_server_without_metrics_is_named_with_what_may_be_why() -> None:
    async with serving(_missing) as url, scraping() as source:
        hint = "SGLang runs without --enable-metrics"
        m = await source.measure([ScrapeTarget("llm", "p", f"{url}/metrics", hint=hint)], EPOCH)
    assert m.unreachable["llm/p"].endswith(f"or they are switched off: {hint}")


async def test_what_may_be_why_is_not_said_of_a_server_that_fails_otherwise() -> None:
    async with serving(_forbidden) as url, scraping() as source:
        m = await source.measure([ScrapeTarget("llm", "p", f"{url}/metrics", hint="it runs without")], EPOCH)
    assert "it runs without" not in m.unreachable["llm/p"]


async def test_metrics_at_the_path_of_another_release_are_found_and_looked_for_there_from_then_on() -> None:
    seen: list[str] = []
    there = {"/metrics"}

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(text=PAGE) if request.path in there else web.Response(status=404)

    async with serving(answer) as url, scraping() as source:
        target = ScrapeTarget("llm", "p", f"{url}/v1/metrics", elsewhere=(f"{url}/metrics",))
        for _ in range(2):
            assert [e.pod for e in (await source.measure([target], EPOCH)).engines] == ["p"]
        assert seen == ["/v1/metrics", "/metrics", "/metrics"]
        # It is upgraded.
        there.clear()
        there.add("/v1/metrics")
        assert (await source.measure([target], EPOCH)).unreachable == {}
        there.clear()
        found = await source.measure([target], EPOCH)
        assert "404" in found.unreachable["llm/p"]

"""Several Prometheus of one fleet: each has a part, none holds up another, and what none has is scraped."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from fleet.model.snapshot import Health
from fleet.sources.metrics_collector import MoreMetrics, Use
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.fake_prometheus import Fake
from tests.fleet.metrics.fake_prometheus import serving as answering
from tests.fleet.sources.measured import (
    ApiServer,
    engine,
    fleet,
    health,
    measuring,
    metrics,
    serving,
    settings,
)
from tests.ports import free_port
from tests.waiting import PATIENCE


def _store_of(name: str) -> Fake:
    """A Prometheus that has one engine: of the pod of this name."""
    labels = {"namespace": "serving", "pod": name, "job": "j", "model_name": "llama", "engine": "0"}
    seen = {"q": "stamp", "dialect": "vLLM", **labels}
    values = {"q": "requests_running", **labels}
    return Fake({"timestamp(": [(seen, f"{time.time() - 2:.3f}")], "num_requests_running": [(values, "3")]})


async def test_a_store_that_hangs_or_is_down_holds_up_no_other_and_its_engines_are_scraped() -> None:
    hung, asked = asyncio.Event(), asyncio.Event()

    async def hang(_: web.Request) -> web.Response | None:
        asked.set()
        await hung.wait()
        return web.Response(status=503)

    async with serving(metrics) as port, answering(_store_of("a")) as first, answering(Fake(reply=hang)) as second:
        endpoints = (PrometheusEndpoint(url=one.url, timeout=2 * PATIENCE) for one in (first, second))
        how = settings(port, endpoint=next(endpoints), also=(MoreMetrics("b", next(endpoints)),))
        async with measuring(ApiServer(), how) as found:
            await found.measure(fleet(engine("a"), engine("b", ip="127.0.0.1")), None, time.time())
            assert asked.is_set()
            assert found.latest is not None
            assert dict(zip((e.pod for e in found.latest.engines), found.latest.sources.engines, strict=True)) == {
                "a": "prometheus",
                "b": "scrape",
            }
            assert any(
                "only what no Prometheus has is scraped: engines (1)" in note for note in found.statuses()[-1].notes
            )
            hung.set()
            while health(found)["prometheus/b"] is Health.STARTING:
                await found.measure(fleet(engine("a")), None, time.time())
            assert health(found) == {
                "prometheus": Health.LIVE,
                "prometheus/b": Health.DOWN,
                "scrape": Health.OFF,
            }


async def test_stores_of_which_each_has_a_part_are_one_measurement() -> None:
    async with answering(_store_of("a")) as first, answering(_store_of("b")) as second:
        how = settings(
            free_port(),
            endpoint=PrometheusEndpoint(url=first.url),
            also=(MoreMetrics("b", PrometheusEndpoint(url=second.url)),),
            scrape=Use.NEVER,
        )
        async with measuring(ApiServer(), how) as found:
            state = fleet(engine("a"), engine("b", ip="127.0.0.2"))
            await found.measure(state, None, time.time())
            assert found.latest is not None
            assert [
                (e.pod, name) for e, name in zip(found.latest.engines, found.latest.sources.engines, strict=True)
            ] == [
                ("a", "prometheus"),
                ("b", "prometheus/b"),
            ]
            assert [store.name for store in await found.stores(state, time.time())] == ["prometheus", "prometheus/b"]

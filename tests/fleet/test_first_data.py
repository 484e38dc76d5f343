"""Early data: Prometheus is queried and pods are shown while the rest of the cluster is still being listed."""

from __future__ import annotations

import asyncio

from aiohttp import web

from fleet.model.quantity import Quantity
from fleet.model.snapshot import Health, Snapshot
from fleet.observer import Observer
from fleet.sources.kube.resources import all_resources
from fleet.sources.kube.source import KubernetesSource
from fleet.sources.metrics_collector import MetricsCollector, MetricsSettings, Use
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.scrape.collector import ScrapeCollectorSettings
from tests.fleet.metrics.fake_prometheus import RUNNING, SEEN, Fake, serving
from tests.fleet.rows import NOW
from tests.fleet.sources.kube.api import PODS, Api, is_list, pod
from tests.waiting import until

POD = "llm/p"
"""The first of all pods, and the one that Prometheus knows."""
ALL = 300


def described(snapshot: Snapshot) -> tuple[int, float, str]:
    """Pods, the load of the one that Prometheus knows, and how far the cluster is listed."""
    source = snapshot.of_objects
    assert source is not None
    return len(snapshot.pods), snapshot.by_pod.value(POD, Quantity.RUNNING), source.progress


async def nothing_of_the_past(request: web.Request) -> web.Response | None:
    empty = {"status": "success", "data": {"resultType": "matrix", "result": []}}
    return web.json_response(empty) if request.path.endswith("/query_range") else None


async def test_pods_and_numbers_are_there_page_by_page_and_say_that_they_are_not_all() -> None:
    shown: list[Snapshot] = []
    fake = Fake({"num_requests": [(SEEN, str(NOW)), (RUNNING, "3")]}, nothing_of_the_past)
    async with Api() as api, serving(fake):
        for resource in all_resources():
            if not resource.optional:
                api.objects.setdefault(resource.path(), {})
        for name in ["p", *(f"q-{number:03}" for number in range(ALL - 1))]:
            api.put(pod(name, "llm"))
        second, third = (api.hold(is_list(PODS, page=1)) for _ in range(2))
        kubernetes = KubernetesSource(api.access())
        settings = MetricsSettings(
            endpoint=PrometheusEndpoint(fake.url), scraping=ScrapeCollectorSettings(), scrape=Use.NEVER
        )
        observer = Observer(kubernetes, MetricsCollector(kubernetes.client, settings, NOW), refresh=0.05)
        running = asyncio.create_task(observer.run(shown.append))
        try:
            await until(lambda: bool(shown) and described(shown[-1]) == (25, 3.0, "25 of ~300 pods"))
            assert shown[-1].sources[0].health is Health.STARTING
            assert "not listed yet" in shown[-1].coverage.lack("pods")
            assert not [asked for asked in api.requests if asked.path == PODS and asked.watch]
            second.set()
            await until(lambda: described(shown[-1])[::2] == (150, "150 of ~300 pods"))
            third.set()
            await until(lambda: described(shown[-1]) == (ALL, 3.0, ""))
            await until(lambda: shown[-1].sources[0].health is Health.LIVE)
            assert shown[-1].coverage.knows_all("pods")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    counts = [len(snapshot.pods) for snapshot in shown]
    assert counts == sorted(counts), "nothing that was shown is taken away while the rest comes"

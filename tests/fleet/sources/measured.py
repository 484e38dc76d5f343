"""Inputs of measurements in tests: pods with engines, and an API server that answers for all others."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiohttp import web

from fleet.model.objects import ModelVersion, Pod, Service
from fleet.model.snapshot import Health
from fleet.net.bodies import Limit
from fleet.sources.kube.errors import ForbiddenError
from fleet.sources.kube.responses import Response
from fleet.sources.kube.state import KubeState
from fleet.sources.metrics_collector import MetricsCollector, MetricsSettings
from fleet.sources.scrape.collector import ScrapeCollectorSettings
from fleet.sources.scrape.source import ScrapeLimits
from tests.fleet.rows import NOW, deployment, kube, pod
from tests.ports import free_port
from tests.waiting import PATIENCE

LLAMA = ModelVersion(model="meta/llama", served_name="llama")
PAGE = b"""# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="llama"} 7.0
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="llama"} 100.0
"""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, also: str = "") -> AsyncIterator[int]:
    """An HTTP server on loopback (and on another address of it); its port."""
    server = web.Server(handler)
    runner = web.ServerRunner(server)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    if also:
        await web.TCPSite(runner, also, port).start()
    try:
        yield port
    finally:
        await runner.cleanup()


async def metrics(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(body=PAGE, content_type="text/plain")


class ApiServer:
    """The Kubernetes client as the sources use it: GETs of paths, answered by the test."""

    def __init__(self, answer: Callable[[str], bytes] | None = None) -> None:
        self.asked: list[str] = []
        self._answer = answer
        self.headers: dict[str, str] = {}

    async def get(
        self,
        path: str,
        *,
        accept: str,  # noqa: ARG002
        timeout: float,  # noqa: ASYNC109, ARG002
        limit: Limit | None = None,  # noqa: ARG002
    ) -> Response:
        self.asked.append(path)
        if self._answer is None:
            raise ForbiddenError('pods "a" is forbidden: cannot get resource "pods/proxy"', status=403)
        return Response(200, self._answer(path), "application/json", self.headers)


def fleet(*pods: Pod, services: tuple[Service, ...] = ()) -> KubeState:
    state = kube(pods, deployment())
    return replace(state, services={s.key: s for s in services}, synced=frozenset({"pods", "services"}))


def engine(name: str = "a", **more: Any) -> Pod:
    return pod(name, version=LLAMA, **({"ip": "127.0.0.1"} | more))


def settings(port: int, **more: object) -> MetricsSettings:
    scraping = ScrapeCollectorSettings(ports=(port,), scrape=ScrapeLimits(timeout=PATIENCE))
    return replace(MetricsSettings(scraping=scraping, timeout=PATIENCE), **more)  # type: ignore[arg-type]


@asynccontextmanager
async def measuring(api: ApiServer, how: MetricsSettings) -> AsyncIterator[MetricsCollector]:
    found = MetricsCollector(api, how, NOW)
    try:
        yield found
    finally:
        await found.close()


def health(measuring: MetricsCollector) -> dict[str, Health]:
    return {status.name: status.health for status in measuring.statuses()}


def problem(measuring: MetricsCollector, name: str) -> str:
    return next(f"{s.problem} | {s.remedy}" for s in measuring.statuses() if s.name == name)

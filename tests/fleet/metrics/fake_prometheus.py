"""A Prometheus API that answers what a test wants."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import orjson
from aiohttp import web

from fleet.model.measurement import Measurement
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint

LABELS = {"namespace": "llm", "pod": "p", "instance": "10.0.0.1:8000", "job": "j", "model_name": "chat", "engine": "0"}
RUNNING = {"__name__": "vllm:num_requests_running", **LABELS}
SEEN = {"q": "stamp", "dialect": "vLLM", **LABELS}
"""The part of an answer whose value is the time of the engine's newest sample."""


@dataclass
class Fake:
    """Answers queries with the vector whose key is part of the query, else with an empty one."""

    vectors: Mapping[str, list[tuple[dict[str, str], str]]] = field(default_factory=dict)
    reply: Callable[[web.Request], Awaitable[web.Response | None]] | None = None
    ahead: float = 0.0
    warnings: tuple[str, ...] = ()
    seen: list[web.Request] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append(request)
        answer = await self.reply(request) if self.reply else None
        if answer is not None:
            return answer
        query, now = request.query["query"], time.time() + self.ahead
        at = float(request.query.get("time", now))
        found = next((vector for part, vector in self.vectors.items() if part in query), [])
        result: Any = [{"metric": labels, "value": [at, value]} for labels, value in found]
        kind = "vector"
        if query == "time()":
            kind, result = "scalar", [at, str(at)]
        body: dict[str, Any] = {"status": "success", "data": {"resultType": kind, "result": result}}
        if self.warnings:
            body["warnings"] = self.warnings
        headers = {"Date": formatdate(now, usegmt=True)}
        return web.Response(body=orjson.dumps(body), content_type="application/json", headers=headers)


@asynccontextmanager
async def serving(fake: Fake, tls: ssl.SSLContext | None = None) -> AsyncIterator[Fake]:
    """Serve on loopback; the address is ``fake.url``."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", fake.handle)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    fake.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(endpoint: PrometheusEndpoint, **options: Any) -> AsyncIterator[PrometheusSource]:
    """A source that is closed at the end."""
    source = PrometheusSource(endpoint, **options)
    try:
        yield source
    finally:
        await source.close()


async def measure(fake: Fake, **endpoint: Any) -> Measurement:
    """One measurement of it, with these settings of the endpoint."""
    async with serving(fake), asking(PrometheusEndpoint(fake.url, **endpoint)) as source:
        return await source.measure()

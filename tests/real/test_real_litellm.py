"""A real LiteLLM proxy before a real llama.cpp server: our numbers compared with our requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest

from fleet.metrics.gateways.litellm import LITELLM
from fleet.model.measurement import GatewayId
from fleet.model.quantity import Family, Quantity
from fleet.sources.scrape.source import ScrapeLimits, ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from tests import plain
from tests.fleet.metrics.rig import EPOCH, gateway
from tests.ports import free_port
from tests.real.parts_install import installation
from tests.real.parts_servers import KEY, litellm, llama_cpp
from tests.waiting import PATIENCE

pytestmark = [
    pytest.mark.real("llama.cpp"),
    pytest.mark.real("litellm"),
]

TINY = GatewayId("local", "proxy-0", "LiteLLM", "tiny")


def of(model: str) -> GatewayId:
    """The row of a model."""
    return TINY._replace(model=model)


@dataclass
class Asked:
    """Requests to the proxy, and the number of answers by model and status."""

    client: httpx.AsyncClient
    statuses: Counter[tuple[str, int]]

    async def chat(self, model: str, *, stream: bool = False) -> int:
        """One request; the status of its answer."""
        body = {"model": model, "stream": stream, "max_tokens": 10, "messages": [{"role": "user", "content": "hello"}]}
        async with self.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            await answer.aread()
        self.statuses[model, answer.status_code] += 1
        return answer.status_code


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    environments = installation("llama.cpp"), installation("litellm")
    assert environments[0] is not None
    assert environments[1] is not None
    folder = tmp_path_factory.mktemp("litellm")
    nobody = f"http://127.0.0.1:{free_port()}/v1"
    with llama_cpp(environments[0], folder, slots=2) as engine:

        def deployment(name: str, base: str, number: int = 0) -> dict[str, object]:
            backend = {"model": "openai/tiny", "api_base": base, "api_key": "none", "max_retries": 0, "timeout": 30}
            return {"model_name": name, "litellm_params": backend, "model_info": {"id": f"{name}-{number}"}}

        config = {
            "model_list": [
                deployment("tiny", f"{engine}/v1"),
                deployment("saved", nobody),
                # Two, because the only deployment of a model is never put out.
                deployment("lost", nobody),
                deployment("lost", nobody, 1),
            ],
            "litellm_settings": {
                "callbacks": ["prometheus"],
                "fallbacks": [{"saved": ["tiny"]}],
                "num_retries": 0,
                "require_auth_for_metrics_endpoint": False,
            },
            # Failures put a deployment out for a minute: from then on requests for it are turned away.
            "router_settings": {"allowed_fails": 1, "cooldown_time": 60},
        }
        with litellm(environments[1], folder, config) as url:
            yield url


async def test_requests_failures_rejections_and_fallbacks_are_those_that_clients_saw(proxy: str) -> None:
    now = 0.0
    source = ScrapeSource(ScrapeLimits(timeout=PATIENCE), clock=lambda: now)
    target = ScrapeTarget("local", "proxy-0", f"{proxy}{LITELLM.product.path}")
    async with AsyncExitStack() as closing:
        closing.push_async_callback(source.close)
        headers = {"Authorization": f"Bearer {KEY}"}
        client = await closing.enter_async_context(plain.client(base_url=proxy, timeout=PATIENCE, headers=headers))
        idle = await source.measure([target], EPOCH)
        assert idle.unreachable == {}
        # The request for the metrics is the only one in flight, and is none of a client's.
        assert gateway(idle, Quantity.GATEWAY_IN_FLIGHT, of("")) == 0

        asked = Asked(client, Counter())
        for stream in (False, True, True):
            assert await asked.chat("tiny", stream=stream) == 200
        assert await asked.chat("saved") == 200
        for _ in range(5):
            await asked.chat("lost")
        assert await asked.chat("nosuch") == 400

        now = 10.0
        m = await source.measure([target], EPOCH + now)

        def count(quantity: Quantity, model: str) -> int:
            """Return the count since the first scrape: the rate times the elapsed time."""
            return round(gateway(m, quantity, of(model)) * now) if of(model) in m.gateways else 0

        def counted() -> int:
            return sum(count(Quantity.GATEWAY_REQUESTS, model) for model in ("tiny", "lost", "other"))

        # It counts behind its answers: until it has, what is missing is awaited.
        async with asyncio.timeout(PATIENCE):
            while counted() < asked.statuses.total():
                now += 0.001
                m = await source.measure([target], EPOCH + now)

        assert counted() == asked.statuses.total()
        # What a fallback saved stands under the name of the fallback.
        assert count(Quantity.GATEWAY_REQUESTS, "tiny") == 4
        assert count(Quantity.GATEWAY_RETRIES, "saved") == 1
        assert count(Quantity.GATEWAY_ERRORS, "tiny") == count(Quantity.GATEWAY_REJECTIONS, "tiny") == 0
        lost = {status: n for (model, status), n in asked.statuses.items() if model == "lost"}
        assert lost.keys() == {429, 500}, "a deployment that is down, and put out for it"
        assert count(Quantity.GATEWAY_ERRORS, "lost") == lost[500]
        assert count(Quantity.GATEWAY_REJECTIONS, "lost") == lost[429]
        assert round(m.gateway_histograms[Family.GATEWAY_TTFT][TINY].count * now) == 2
        assert round(m.gateway_histograms[Family.GATEWAY_E2E][TINY].count * now) == 4
        assert KEY not in repr(m)

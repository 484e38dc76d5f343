"""A real llama.cpp server: our numbers compared with our requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fleet.model.measurement import EngineId, Measurement
from fleet.model.quantity import Quantity
from fleet.sources.scrape.source import ScrapeLimits, ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from tests import plain
from tests.fleet.metrics.rig import value
from tests.real.parts_install import installation
from tests.real.parts_servers import llama_cpp
from tests.waiting import PATIENCE

pytestmark = pytest.mark.real("llama.cpp")

SLOTS = 2
PROMPTS = ["the quick brown fox", "the quick brown fox jumps over", "the quick brown fox jumps over the lazy dog"]
TOKENS = 20


class Scraper:
    """Scrapes one server with controlled time: rates are then exact counts."""

    def __init__(self, url: str) -> None:
        self.now = 0.0
        self.source = ScrapeSource(ScrapeLimits(timeout=PATIENCE), clock=lambda: self.now)
        self._target = ScrapeTarget("local", "tiny-0", f"{url}/metrics")

    async def scrape(self, after: float = 1.0) -> Measurement:
        """The measurement ``after`` so many seconds."""
        self.now += after
        return await self.source.measure([self._target], 1_795_000_000.0 + self.now)


@asynccontextmanager
async def scraping(url: str) -> AsyncIterator[Scraper]:
    """Closed at the end."""
    scraper = Scraper(url)
    try:
        yield scraper
    finally:
        await scraper.source.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    environment = installation_of_llama_cpp()
    with llama_cpp(environment, tmp_path_factory.mktemp("llama"), slots=SLOTS) as url:
        yield url


def installation_of_llama_cpp() -> Path:
    """The environment that the marker has made sure of."""
    found = installation("llama.cpp")
    assert found is not None
    return found


async def complete(client: httpx.AsyncClient, prompt: str, tokens: int) -> dict[str, Any]:
    """One completion of so many tokens, as the server reports it."""
    body = {"prompt": prompt, "max_tokens": tokens, "ignore_eos": True}
    answer = await client.post("/v1/completions", json=body)
    answer.raise_for_status()
    usage: dict[str, Any] = answer.json()["usage"]
    return usage


async def test_tokens_are_those_that_clients_were_told(server: str) -> None:
    async with scraping(server) as scraper, plain.client(base_url=server, timeout=PATIENCE) as client:
        idle = await scraper.scrape()
        assert idle.engines == (EngineId("local", "tiny-0", "", "0"),)
        assert idle.dialects == (("llama.cpp",),)
        assert (value(idle, Quantity.RUNNING), value(idle, Quantity.WAITING)) == (0, 0)
        found = [await complete(client, prompt, TOKENS) for prompt in PROMPTS]
        m = await scraper.scrape(after=10.0)
    cached = sum(usage["prompt_tokens_details"]["cached_tokens"] for usage in found)
    assert cached > 0, "prompts with the same beginning, and no cache"
    assert value(m, Quantity.GENERATION_TOKENS) * 10 == pytest.approx(TOKENS * len(PROMPTS))
    assert value(m, Quantity.PROMPT_TOKENS) * 10 == pytest.approx(sum(usage["prompt_tokens"] for usage in found))
    assert value(m, Quantity.PREFIX_QUERIES) == value(m, Quantity.PROMPT_TOKENS)
    assert value(m, Quantity.PREFIX_HITS) * 10 == pytest.approx(cached)


async def test_what_has_no_slot_waits(server: str) -> None:
    async with scraping(server) as scraper, plain.client(base_url=server, timeout=PATIENCE) as client:
        asked = [asyncio.create_task(complete(client, "on and on", 8000)) for _ in range(SLOTS + 3)]
        try:
            async with asyncio.timeout(PATIENCE):
                m = await scraper.scrape()
                while (value(m, Quantity.RUNNING), value(m, Quantity.WAITING)) != (SLOTS, 3):
                    assert not any(task.done() for task in asked), "over before they were all there"
                    m = await scraper.scrape()
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)


async def test_a_server_whose_metrics_are_off_is_named_and_why(tmp_path: Path) -> None:
    with llama_cpp(installation_of_llama_cpp(), tmp_path, slots=1, metrics=False) as url:
        async with scraping(url) as scraper:
            m = await scraper.scrape()
    assert m.engines == ()
    assert m.unreachable["local/tiny-0"] == "answers HTTP 501 Not Implemented: it was started without metrics"

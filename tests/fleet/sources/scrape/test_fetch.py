"""Connections of a large fleet: kept where there is room for them, closed where there is not."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from aiohttp import web

from fleet.sources.scrape import source as scrape_source
from fleet.sources.scrape.target import ScrapeTarget
from tests.fleet.metrics.rig import EPOCH
from tests.fleet.sources.scrape.test_scrape import PAGE, scraping, serving

LIMITED = """
import resource
from fleet.sources.scrape.fetch import room_for
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(room_for(2000), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limited(soft: int, hard: int) -> list[str]:
    """Return the output of a process with these limits."""
    program = LIMITED.format(soft=soft, hard=hard)
    return subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 4096, reason="the hard limit here is too low")
def test_the_soft_limit_on_files_is_raised_as_far_as_needed_and_no_further() -> None:
    assert limited(256, 4096) == ["True", "2256", "4096"]
    assert limited(3000, 4096) == ["True", "3000", "4096"]


def test_a_hard_limit_is_respected() -> None:
    assert limited(256, 512) == ["False", "256", "512"]


@pytest.mark.parametrize("room", [True, False])
async def test_connections_are_kept_only_where_there_is_room(monkeypatch: pytest.MonkeyPatch, room: bool) -> None:
    monkeypatch.setattr(scrape_source, "room_for", lambda _: room)
    peers: list[object] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(text=PAGE)

    async with serving(answer) as url, scraping() as source:
        for _ in range(3):
            found = await source.measure([ScrapeTarget("llm", "p", f"{url}/p")], EPOCH)
            assert len(found.engines) == 1
    assert len(set(peers)) == (1 if room else 3)


async def test_connections_of_many_targets_are_not_kept_and_those_of_few_are_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scrape_source, "_MOST_CONNECTIONS", 2)
    left: list[bool] = []

    async def answer(request: web.Request) -> web.Response:
        left.append(request.keep_alive)
        return web.Response(text=PAGE)

    async with serving(answer) as url, scraping() as source:
        for size in (2, 3, 1):
            left.clear()
            targets = [ScrapeTarget("llm", f"p{i}", f"{url}/{i}") for i in range(size)]
            assert len((await source.measure(targets, EPOCH)).engines) == size
            assert left == [size <= 2] * size


async def test_a_fleet_that_outgrows_the_room_is_still_scraped_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape_source, "room_for", lambda targets: targets <= 2)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=PAGE)

    async with serving(answer) as url, scraping() as source:
        for size in (2, 5, 5):
            targets = [ScrapeTarget("llm", f"p{i}", f"{url}/{i}") for i in range(size)]
            assert len((await source.measure(targets, EPOCH)).engines) == size

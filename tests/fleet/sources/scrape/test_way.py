"""The way to the engines: missing where none is ready, which is no fault of the source."""

from __future__ import annotations

from typing import Any

from fleet.model.objects import Container, Serving
from fleet.model.snapshot import Health
from fleet.sources.kube.errors import ClusterError
from fleet.sources.scrape.collector import ScrapeCollector, ScrapeCollectorSettings
from tests.fleet.rows import NOW, kube, pod

SILENT = "127.255.255.{}"
"""Addresses of this machine at which nothing listens."""


ENGINE: dict[str, Any] = {
    "serving": Serving("vLLM", "llama", (8000,)),
    "containers": (Container("vllm", "vllm:1", ports=(("http", 8000),)),),
}


class Refusing:
    """An API server whose proxy reaches no pod."""

    def __init__(self) -> None:
        self.asked = 0

    async def get(self, *_: Any, **__: Any) -> Any:
        self.asked += 1
        raise ClusterError("error trying to reach service")


async def test_pods_that_do_not_run_are_no_outage_of_what_scrapes_them() -> None:
    client = Refusing()
    collector = ScrapeCollector(client, ScrapeCollectorSettings(), NOW)

    async def health(at: float, *ready: bool) -> Health:
        engines = [
            pod(f"vllm-{number}", ready=one, ip=SILENT.format(number + 1), **ENGINE) for number, one in enumerate(ready)
        ]
        assert await collector.measure(kube(engines), NOW + at) is None
        return collector.keeper.status.health

    assert await health(0, False, False) is Health.OFF
    assert await health(1, False, False) is Health.OFF
    assert client.asked == 1
    # The first that is ready is asked at once, and its silence counts.
    assert await health(2, False, True) is Health.DOWN
    assert client.asked == 2
    assert await health(3, True, True) is Health.DOWN
    assert client.asked == 2
    await collector.close()

"""``python -m tests.benchmarks.several API…``: what it costs to observe several clusters at once, in one process.

Each has a source of objects, a collector of metrics and a builder of Snapshots of its own, as in the console; there is
no screen, which shows one of them. Every step is taken by all of them, and its CPU is that of the whole process
meanwhile. One line of JSON on stdout has the costs: CPU in milliseconds, the resident set in MiB. The fleets must be
``--still``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from dataclasses import asdict, dataclass

from console.cli.garbage_collector import collect_rarely, not_yet
from fleet.snapshot.builder import Builder
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.source import KubernetesSource
from fleet.sources.metrics_collector import MetricsCollector, MetricsSettings, Use
from tests.benchmarks.probe import SYNC_TIMEOUT, TIMES, cpu_of, warm
from tests.benchmarks.processes import rss_mib
from tests.benchmarks.result import CannotMeasureError


@dataclass(frozen=True, slots=True)
class ClusterCosts:
    """Costs of all clusters together."""

    first_sync: float
    unchanged: float
    new_numbers: float
    scraped: float
    rss: float


class Observed:
    """One cluster: its sources, and its Snapshots."""

    def __init__(self, api: str) -> None:
        self._api = api
        self._kube = KubernetesSource(Access("probe", "probe", "", "", api, {"server": api}, {}))
        settings = MetricsSettings(prometheus=Use.NEVER, scrape=Use.ALWAYS)
        self._metrics = MetricsCollector(self._kube.client, settings, time.time())
        self._builder = Builder()

    async def sync(self) -> None:
        """List everything. Raises CannotMeasureError if that takes too long."""
        await self._kube.start()
        if not await self._kube.wait_synced(SYNC_TIMEOUT):
            raise CannotMeasureError(f"the fleet of {self._api} is not there after {SYNC_TIMEOUT:g} s")

    async def measure(self) -> None:
        """Scrape all engines."""
        await self._metrics.measure(self._kube.state(), frozenset(), time.time())

    async def tick(self) -> None:
        """Build a Snapshot of what is known."""
        statuses = (*self._kube.statuses(), *self._metrics.statuses())
        self._builder.build(self._kube.state(), self._metrics.latest, statuses, time.time(), frozenset())

    async def close(self) -> None:
        await self._metrics.close()
        await self._kube.close()


async def costs(clusters: list[Observed], times: int) -> ClusterCosts:
    """All of them, one after the other."""

    async def tick() -> None:
        for one in clusters:
            await one.tick()

    async def measure() -> None:
        await asyncio.gather(*(one.measure() for one in clusters))

    async def sync() -> None:
        await asyncio.gather(*(one.sync() for one in clusters))

    try:
        first_sync = await cpu_of(sync)
        # One-time work is not part of any step.
        await measure()
        await tick()
        collect_rarely()
        scraped, new_numbers = [], []
        for _ in range(times):
            scraped.append(await cpu_of(measure))
            new_numbers.append(await cpu_of(tick))
        unchanged = [await cpu_of(tick) for _ in range(times)]
        rss = rss_mib(os.getpid())
    finally:
        for one in clusters:
            await one.close()
    median = statistics.median
    return ClusterCosts(first_sync, median(unchanged), median(new_numbers), median(scraped), rss)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.several")
    parser.add_argument("apis", nargs="+", metavar="API")
    parser.add_argument("--times", type=int, default=TIMES)
    options = parser.parse_args()
    not_yet()

    async def run() -> ClusterCosts:
        await warm(options.apis[0])
        return await costs([Observed(api) for api in options.apis], options.times)

    print(json.dumps(asdict(asyncio.run(run()))))


if __name__ == "__main__":
    main()

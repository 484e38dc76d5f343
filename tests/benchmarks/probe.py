"""``python -m tests.benchmarks.probe API [PROMETHEUS]``: what one fleet costs, in a process of its own, once.

The parts of the console stand here as they do in the program (a source of objects, a collector of metrics, the builder
of Snapshots, the app with its fleet screen), but nothing happens by the clock: each step is taken alone, and its CPU is
that of the whole process meanwhile. One line of JSON on stdout has the costs: CPU in milliseconds, the resident set in
MiB. The fleet must be ``--still``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
import urllib.request
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

from textual.pilot import Pilot

from console.cli.garbage_collector import collect_rarely, not_yet
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.source import KubernetesSource
from fleet.sources.metrics_collector import MetricsCollector, MetricsSettings, Use
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.benchmarks.drawing import SIZE, Console, common_terminal, press
from tests.benchmarks.fleet.server import TOUCH_AFTER
from tests.benchmarks.processes import rss_mib
from tests.benchmarks.result import CannotMeasureError, percentile
from tests.benchmarks.sides import ScreenSide, latencies
from tests.waiting import until

TIMES = 5
"""Each step is taken so often, and its median counts."""
KEYS = 40
SETTLES = 0.15
"""Seconds after which what was shown is on the terminal; waiting costs nothing."""
SYNC_TIMEOUT = 180.0
BY_NAME, BY_WAITING = "N", "W"


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of one fleet; ``…_screen`` is the part of a tick that the screen uses. None for costs that could not be
    measured.
    """

    first_sync: float
    unchanged: float
    unchanged_screen: float
    one_pod: float
    one_pod_screen: float
    new_numbers: float
    new_numbers_screen: float
    scraped: float
    asked: float | None
    ordered: float
    key_to_paint: float
    rss: float


class Probe:
    """The console, taken apart."""

    def __init__(self, api: str, times: int) -> None:
        self._api = api
        self._times = times
        self._kube = KubernetesSource(Access("probe", "probe", "", "", api, {"server": api}, {}))
        settings = MetricsSettings(prometheus=Use.NEVER, scrape=Use.ALWAYS)
        self._metrics = MetricsCollector(self._kube.client, settings, time.time())
        self._builder = Builder()
        self._app = Console()

    async def costs(self, prometheus: str, keys: int) -> Costs:
        """All of them, one after the other."""
        try:
            first_sync = await cpu_of(self._sync)
            async with self._app.run_test(size=SIZE, headless=False) as pilot:
                await pilot.pause(SETTLES)
                # One-time work is not part of any step.
                await self._measure()
                await self._tick(pilot)
                collect_rarely()
                frames, scraped, new_numbers = await self._measurements(pilot)
                unchanged = [await self._tick(pilot) for _ in range(self._times)]
                one_pod = [await self._one_pod(pilot) for _ in range(self._times)]
                ordered = [await self._order(pilot) for _ in range(self._times)]
                asked = await self._asking(prometheus) if prometheus else None
                rss = rss_mib(os.getpid())
            delays = await latencies(ScreenSide(frames), keys)
        finally:
            await self._metrics.close()
            await self._kube.close()
        return Costs(
            first_sync,
            *_medians(unchanged),
            *_medians(one_pod),
            *_medians(new_numbers),
            statistics.median(scraped),
            asked,
            statistics.median(ordered),
            percentile(delays, 0.99),
            rss,
        )

    async def _sync(self) -> None:
        await self._kube.start()
        if not await self._kube.wait_synced(SYNC_TIMEOUT):
            raise CannotMeasureError(f"the fleet is not there after {SYNC_TIMEOUT:g} s")

    async def _measurements(self, pilot: Pilot[None]) -> tuple[list[Snapshot], list[float], list[_Tick]]:
        """Measurements, each with the tick that shows it."""
        frames, scraped, ticks = [], [], []
        for _ in range(self._times):
            scraped.append(await cpu_of(self._measure))
            ticks.append(await self._tick(pilot))
            assert self._app.desk is not None
            assert self._app.desk.snapshot is not None
            frames.append(self._app.desk.snapshot)
        return frames[-2:], scraped, ticks

    async def _measure(self) -> None:
        """A scrape of all engines."""
        await self._metrics.measure(self._kube.state(), self._in_view(), time.time())

    async def _tick(self, pilot: Pilot[None]) -> _Tick:
        """Build a Snapshot of the known state, and draw it."""
        focus = self._in_view()
        begun = time.process_time()
        statuses = (*self._kube.statuses(), *self._metrics.statuses())
        snapshot = self._builder.build(self._kube.state(), self._metrics.latest, statuses, time.time(), focus)
        built = time.process_time()
        self._app.deliver(snapshot)
        await pilot.pause(SETTLES)
        shown = time.process_time()
        return _Tick((shown - begun) * 1e3, (shown - built) * 1e3)

    async def _one_pod(self, pilot: Pilot[None]) -> _Tick:
        """The same after the watch has reported a restarted pod: its cost is included."""
        pods = self._kube.state().pods
        await asyncio.to_thread(_get, f"{self._api}/touch")

        async def hear() -> None:
            # Polling until then would cost more than the change.
            await asyncio.sleep(1.2 * TOUCH_AFTER)
            await until(lambda: self._kube.state().pods is not pods)

        heard = await cpu_of(hear)
        tick = await self._tick(pilot)
        return _Tick(heard + tick.cpu, tick.screen)

    async def _order(self, pilot: Pilot[None]) -> float:
        """Press a key that sorts the fleet by a column; before it, uncounted, one that sorts it by name."""
        await self._press(pilot, BY_NAME)
        return await cpu_of(lambda: self._press(pilot, BY_WAITING))

    async def _press(self, pilot: Pilot[None], key: str) -> None:
        written = self._app.bytes_written
        press(self._app, key)
        await pilot.pause(SETTLES)
        if self._app.bytes_written == written:
            raise CannotMeasureError(f"the key {key} changed nothing on the screen")

    async def _asking(self, prometheus: str) -> float:
        """Measurements through Prometheus, after a first one, which asks more."""
        source = PrometheusSource(PrometheusEndpoint(url=prometheus, timeout=60.0))
        pods = self._in_view()
        try:
            await source.measure(pods)
            return statistics.median([await cpu_of(lambda: source.measure(pods)) for _ in range(self._times)])
        finally:
            await source.close()

    def _in_view(self) -> frozenset[str]:
        """The pods whose own percentiles the screen has requested."""
        session = self._app.session
        return session.focused[-1] if session.focused else frozenset()


class _Tick(NamedTuple):
    """Milliseconds of CPU: all of it, and what the screen used."""

    cpu: float
    screen: float


async def cpu_of(do: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds of CPU that this process used meanwhile, all threads."""
    begun = time.process_time()
    await do()
    return (time.process_time() - begun) * 1e3


def _medians(ticks: Sequence[_Tick]) -> _Tick:
    return _Tick(statistics.median(tick.cpu for tick in ticks), statistics.median(tick.screen for tick in ticks))


def _get(url: str) -> None:
    urllib.request.urlopen(url, timeout=10).close()  # noqa: S310 - loopback


async def warm(api: str) -> None:
    """Import and connect once, so that this is not counted in the first sync."""
    client = KubeClient(Access("probe", "probe", "", "", api, {"server": api}, {}))
    await client.get("/version")
    await client.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.probe")
    parser.add_argument("api")
    parser.add_argument("prometheus", nargs="?", default="")
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--keys", type=int, default=KEYS)
    options = parser.parse_args()
    common_terminal()
    # As the console does: with Python's own thresholds every step would look for cycles among all objects of the fleet.
    not_yet()

    async def run() -> Costs:
        await warm(options.api)
        return await Probe(options.api, options.times).costs(options.prometheus, options.keys)

    print(json.dumps(asdict(asyncio.run(run()))))


if __name__ == "__main__":
    main()

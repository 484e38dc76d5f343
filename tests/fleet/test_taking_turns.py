"""Prometheus and the direct scrape alternate: the source of each number, and numbers without a source."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from aiohttp import web

from fleet.metrics.expressions import PRESENT, STAMP
from fleet.metrics.promql import TAG
from fleet.model.measurement import Measurement
from fleet.model.objects import Pod
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Health, SourceStatus
from fleet.sources import metrics_collector
from fleet.sources.kube.state import KubeState
from fleet.sources.metrics_collector import MetricsCollector, MetricsSettings, Use
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.scrape.collector import ScrapeCollectorSettings
from fleet.sources.scrape.source import ScrapeLimits
from fleet.sources.scrape.targets import Endpoint, Via
from tests.fleet.metrics.fake_prometheus import SEEN, Fake
from tests.fleet.metrics.fake_prometheus import serving as serving_prometheus
from tests.fleet.rows import NOW
from tests.fleet.sources.measured import PAGE, ApiServer, engine, fleet, serving
from tests.waiting import PATIENCE

DCGM = b"""# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",Hostname="n1",namespace="serving",pod="a"} 55
"""
LITELLM = b"""# TYPE litellm_in_flight_requests gauge
litellm_in_flight_requests 4.0
"""
GPU_2 = {"UUID": "GPU-2", "Hostname": "n1", "gpu": "0"}
CARDS = [({"__name__": "DCGM_FI_DEV_GPU_UTIL", **GPU_2}, "40"), ({TAG: STAMP, **GPU_2}, str(NOW))]
THERE = ({"__name__": "DCGM_FI_DEV_GPU_TEMP", TAG: PRESENT}, "1")
SERVING = ({**SEEN, "namespace": "serving", "pod": "a"}, str(NOW))
GPUS = {"timestamp(DCGM": CARDS, PRESENT: [THERE]}
ENGINES = {"vllm": [SERVING]}
BOTH = {"timestamp(DCGM": CARDS, "vllm": [SERVING, THERE]}


@dataclass
class Stage:
    """A pod that serves and one that exports GPUs, on one port, and a Prometheus; each can be silenced."""

    prometheus: Fake = field(default_factory=Fake)
    silent: bool = False
    scraped: list[str] = field(default_factory=list)
    state: KubeState = field(default_factory=fleet)
    measuring: MetricsCollector = field(init=False)
    now: float = NOW
    port: int = 0

    async def pods(self, request: web.BaseRequest) -> web.StreamResponse:
        self.scraped.append(request.path)
        if self.silent:
            return web.Response(status=503)
        page = {"/dcgm": DCGM, "/litellm": LITELLM}.get(request.path, PAGE)
        return web.Response(body=page, content_type="text/plain")

    async def measure(self, after: float = 2.0) -> Measurement | None:
        """Measure ``after`` seconds later on the console's clock."""
        self.now += after
        await self.measuring.measure(self.state, None, self.now)
        return self.measuring.latest

    def status(self, name: str) -> SourceStatus:
        return next(status for status in self.measuring.statuses() if status.name == name)


def exporter(port: int) -> Pod:
    annotations = {"prometheus.io/port": str(port), "prometheus.io/path": "/dcgm"}
    return engine("dcgm", labels={"app": "nvidia-dcgm-exporter"}, annotations=annotations)


def litellm(port: int) -> Pod:
    annotations = {"prometheus.io/port": str(port), "prometheus.io/path": "/litellm"}
    return engine("gate", labels={"app": "litellm"}, annotations=annotations)


@asynccontextmanager
async def staged(fake: Fake, scrape: Use = Use.AUTO) -> AsyncIterator[Stage]:
    stage = Stage(fake)
    async with serving(stage.pods) as port, serving_prometheus(fake):
        stage.port = port
        stage.state = fleet(engine(), exporter(port))
        scraping = ScrapeCollectorSettings(ports=(port,), via=Via.POD_IP, scrape=ScrapeLimits(timeout=2.0))
        endpoint = PrometheusEndpoint(fake.url, timeout=10.0)
        stage.measuring = MetricsCollector(
            ApiServer(), MetricsSettings(endpoint=endpoint, scraping=scraping, scrape=scrape), NOW
        )
        try:
            yield stage
        finally:
            await stage.measuring.close()


class Switch:
    """A reply of a Prometheus that can be switched off."""

    def __init__(self) -> None:
        self.off = False

    async def __call__(self, _: web.Request) -> web.Response | None:
        return web.Response(status=503) if self.off else None


def gpus(measurement: Measurement | None) -> list[str]:
    assert measurement is not None
    return [gpu.uuid for gpu in measurement.gpus]


async def test_gpus_that_prometheus_does_not_have_are_scraped_and_the_engines_are_not() -> None:
    async with staged(Fake(ENGINES)) as stage:
        found = await stage.measure()
        assert found is not None
        assert (found.source, len(found.engines), gpus(found)) == ("prometheus", 1, ["GPU-1"])
        assert found.gpu_table.columns[Quantity.GPU_UTIL][0] == 0.55
        assert found.gpu_interval == 5.0
        assert stage.scraped == ["/dcgm"]
        assert stage.status("scrape").health is Health.LIVE
        assert "is scraped: GPUs (1)" in stage.status("scrape").notes[0]


async def test_gateways_that_prometheus_does_not_have_are_scraped_and_what_it_has_is_not() -> None:
    async with staged(Fake(BOTH)) as stage:
        stage.state = fleet(engine(), exporter(stage.port), litellm(stage.port))
        found = await stage.measure()
        assert found is not None
        assert (found.source, len(found.engines), gpus(found)) == ("prometheus", 1, ["GPU-2"])
        assert [(row.pod, row.dialect) for row in found.gateways] == [("gate", "LiteLLM")]
        assert list(found.gateway_table.columns[Quantity.GATEWAY_IN_FLIGHT]) == [3.0]
        assert stage.scraped == ["/litellm"]
        assert "is scraped: gateways (1)" in stage.status("scrape").notes[0]


async def test_gpus_that_prometheus_has_are_not_scraped() -> None:
    async with staged(Fake(BOTH)) as stage:
        assert gpus(await stage.measure()) == ["GPU-2"]
        assert stage.scraped == []
        assert stage.status("scrape") == replace(stage.status("scrape"), health=Health.OFF, problem="")


async def test_engines_are_scraped_and_the_gpus_are_those_of_prometheus_where_it_has_only_them() -> None:
    async with staged(Fake(GPUS)) as stage:
        stage.state = fleet(engine())
        found = await stage.measure()
        assert found is not None
        assert (found.source, len(found.engines), gpus(found)) == ("scrape", 1, ["GPU-2"])


async def test_gpus_that_cannot_be_scraped_are_no_outage_beside_a_prometheus_that_has_the_engines() -> None:
    async with serving_prometheus(Fake(ENGINES)) as fake:
        endpoint = PrometheusEndpoint(fake.url, timeout=10.0)
        measuring = MetricsCollector(ApiServer(), MetricsSettings(endpoint=endpoint), NOW)
        try:
            await measuring.measure(fleet(engine(), engine("dcgm", labels={"app": "dcgm-exporter"})), None, NOW)
        finally:
            await measuring.close()
        _, scrape = measuring.statuses()
        assert scrape.health is Health.OFF
        assert "pods/proxy" in f"{scrape.problem} {scrape.remedy}"


async def test_what_was_scraped_before_prometheus_came_back_never_returns() -> None:
    switch = Switch()
    async with staged(Fake(ENGINES, reply=switch)) as stage:
        switch.off = True
        found = await stage.measure()
        assert found is not None
        assert found.source == "scrape"
        switch.off = False
        # It is queried in the background while it fails: the number of rounds depends on the machine.
        async with asyncio.timeout(PATIENCE):
            while (found := await stage.measure(after=5.0)) is None or found.source != "prometheus":
                pass
        assert stage.status("scrape").health is Health.LIVE
        # Now neither answers: the last numbers are Prometheus', not those that were scraped five minutes ago.
        stage.silent = switch.off = True
        stage.state = fleet(engine())
        found = await stage.measure()
        assert stage.status("scrape").health is Health.DOWN
        assert found is not None
        assert [e.model for e in found.engines] == ["chat"]


def _engines_to_scrape(but: Sequence[Endpoint] = ()) -> list[Endpoint]:
    gc.collect()
    found = [each for each in gc.get_objects() if isinstance(each, Endpoint) and each.pod.name == "a"]
    return [each for each in found if not any(each is one for one in but)]


async def test_nothing_is_kept_of_how_engines_are_scraped_once_prometheus_has_them() -> None:
    switch, of_others = Switch(), _engines_to_scrape()
    async with staged(Fake(ENGINES, reply=switch)) as stage:
        switch.off = True
        await stage.measure()
        assert _engines_to_scrape(of_others)
        switch.off = False
        async with asyncio.timeout(PATIENCE):
            while (found := await stage.measure(after=5.0)) is None or found.source != "prometheus":
                pass
        assert stage.status("scrape").notes == ("only what no Prometheus has is scraped: GPUs (1)",)
        assert not _engines_to_scrape(of_others)


async def test_where_nobody_answers_the_last_numbers_grow_old() -> None:
    async with staged(Fake(), Use.ALWAYS) as stage:
        stage.state = fleet(engine())
        first = await stage.measure()
        stage.silent = True
        # Longer than a silent target's values are kept by the scrape itself.
        assert await stage.measure(after=400.0) is first


async def test_where_nobody_ever_answered_nothing_is_known() -> None:
    async with staged(Fake(), Use.ALWAYS) as stage:
        stage.state, stage.silent = fleet(engine()), True
        assert await stage.measure() is None


async def test_a_prometheus_that_was_away_takes_over_when_its_window_has_no_gap() -> None:
    switch = Switch()
    async with staged(Fake(BOTH, reply=switch)) as stage:
        assert (await stage.measure()) is not None
        switch.off = True
        async with asyncio.timeout(PATIENCE):
            while stage.status("prometheus").health is not Health.DOWN:
                await stage.measure()
            await stage.measure(after=80.0)
            switch.off = False
            while stage.status("prometheus").health is not Health.LIVE:
                stage.measuring.refresh()
                await stage.measure(after=0.0)
        assert "until the gap has left" in stage.status("prometheus").notes[0]
        sources = [found.source for _ in range(20) if (found := await stage.measure(after=5.0)) is not None]
        assert sources == ["scrape"] * 11 + ["prometheus"] * 9


async def test_a_first_answer_that_takes_its_time_is_not_waited_for() -> None:
    release = asyncio.Event()

    async def slow(_: web.Request) -> web.Response | None:
        await release.wait()
        return None

    async with staged(Fake(ENGINES, reply=slow)) as stage:
        # The source itself says how long it waits: a machine may pause for longer than that.
        assert stage.measuring._patience() == metrics_collector.PATIENCE <= 3.0
        async with asyncio.timeout(PATIENCE):
            found = await stage.measure()
        assert found is not None
        assert found.source == "scrape"
        assert stage.measuring.settles_in() > 0, "a single Snapshot waits for it"
        release.set()
        found = await stage.measure()
        assert found is not None
        assert found.source == "prometheus"
        assert stage.measuring.settles_in() == 0


async def test_a_prometheus_that_loses_its_engines_is_told_from_one_that_never_had_any() -> None:
    fake = Fake(ENGINES)
    async with staged(fake) as stage:
        await stage.measure()
        fake.vectors = {}
        await stage.measure()
        assert stage.status("prometheus").health is Health.DEGRADED
        assert "have ended" in stage.status("prometheus").problem


async def test_the_key_that_refreshes_does_not_wait_for_a_backoff() -> None:
    switch = Switch()
    switch.off = True
    fake = Fake(ENGINES, reply=switch)
    async with staged(fake, Use.NEVER) as stage:
        await stage.measure()
        asked = len(fake.seen)
        await stage.measure(after=0.1)
        await stage.measure(after=0.1)
        assert len(fake.seen) == asked
        switch.off = False
        stage.measuring.refresh()
        assert stage.measuring.due(stage.state, stage.now)
        async with asyncio.timeout(PATIENCE):
            while stage.status("prometheus").health is not Health.LIVE:
                await stage.measure(after=0.0)


async def test_a_clock_that_is_set_back_does_not_stop_the_measuring() -> None:
    async with staged(Fake(ENGINES)) as stage:
        await stage.measure()
        assert not stage.measuring.due(stage.state, stage.now)
        assert stage.measuring.due(stage.state, stage.now - 600)

"""Numbers of this machine: its servers over loopback, its GPUs from NVML, joined by process id."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web

from fleet.local.collector import LocalMeasuring
from fleet.local.gpus import GpuProcess, GpuReading, LocalGpu
from fleet.local.process import Identity
from fleet.local.server import ServerState
from fleet.local.source import LocalSource
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Health, Join, Snapshot
from fleet.snapshot.builder import Builder
from fleet.sources.metrics_collector import MetricsSettings
from tests.fleet.local.servers import dead, record, state
from tests.fleet.local.test_source import Watched

GPU = LocalGpu(0, "GPU-0", "NVIDIA L4", 24 << 30, 20 << 30, 4 << 30, 0.5, 61.0, 70.0, 1.755e9, throttle=("power cap",))
NOBODY = 2**22 + 1
"""More than any pid of this system."""


@asynccontextmanager
async def engine(running: int) -> AsyncIterator[int]:
    """The port of an engine that has so many requests."""

    async def metrics(_: web.Request) -> web.Response:
        labels = '{model_name="tiny-chat",engine="0"}'
        lines = [f"vllm:num_requests_running{labels} {running}", f"vllm:num_requests_waiting{labels} 0"]
        return web.Response(text="\n".join(["# TYPE vllm:num_requests_running gauge", *lines, ""]))

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def measured(servers: Sequence[ServerState], reading: GpuReading) -> tuple[Snapshot, LocalMeasuring]:
    """One Snapshot of these servers and GPUs, by the ways that the console takes."""
    source = LocalSource(Watched(*servers), gpus=lambda: reading)
    await source.poll()
    kube = source.state()
    (host,) = kube.nodes
    (status,) = source.statuses()
    now = status.since + 1.0
    measuring = LocalMeasuring(lambda: source.servers, MetricsSettings(), now, host=host, gpus=lambda: reading)
    assert measuring.due(kube, now)
    await measuring.measure(kube, frozenset(), now)
    await measuring.close()
    snapshot = Builder().build(kube, measuring.latest, (status, *measuring.statuses()), now, frozenset())
    return snapshot, measuring


async def test_two_servers_at_one_address_each_have_their_own_numbers() -> None:
    async with engine(3) as one, engine(7) as two:
        snapshot, _ = await measured((state(record("a", port=one)), state(record("b", port=two))), GpuReading())
    assert snapshot.by_pod.value("local/a", Quantity.RUNNING) == 3
    assert snapshot.by_pod.value("local/b", Quantity.RUNNING) == 7
    assert snapshot.unmatched == ()
    assert not snapshot.gpus


async def test_a_gpu_belongs_to_the_server_whose_process_holds_memory_on_it() -> None:
    gpu = replace(GPU, processes=(GpuProcess(NOBODY, 9), GpuProcess(os.getpid(), 5)))
    free = replace(GPU, index=1, uuid="GPU-1", throttle=None, temperature=None)
    async with engine(1) as port:
        snapshot, _ = await measured((state(record(port=port)),), GpuReading((gpu, free)))
    assert snapshot.gpus_of == {"local/tiny": ("GPU-0",)}
    (host,) = snapshot.nodes
    assert snapshot.gpus_on == {host: ("GPU-0", "GPU-1")}
    values = {
        Quantity.GPU_UTIL: 0.5,
        Quantity.GPU_MEMORY_USED: 20 << 30,
        Quantity.GPU_MEMORY_TOTAL: 24 << 30,
        Quantity.GPU_TEMPERATURE: 61.0,
        Quantity.GPU_POWER: 70.0,
        Quantity.SM_CLOCK: 1755.0,
    }
    assert {q: snapshot.by_gpu.value("GPU-0", q) for q in values} == values
    assert snapshot.throttle_reasons == {"GPU-0": ("power cap",)}
    missing = snapshot.by_gpu.value("GPU-1", Quantity.GPU_TEMPERATURE)
    assert missing != missing
    assert snapshot.by_pod.value("local/tiny", Quantity.GPU_UTIL) == 0.5


async def test_processes_that_are_no_server_of_ours_leave_the_gpu_without_a_pod() -> None:
    gpu = replace(GPU, processes=(GpuProcess(NOBODY, 9),))
    async with engine(1) as port:
        snapshot, _ = await measured((state(record(port=port)),), GpuReading((gpu,)))
    assert not snapshot.gpus_of
    assert (Join.GPU_WITHOUT_POD, "GPU-0") in {(unmatched.join, unmatched.key) for unmatched in snapshot.unmatched}


async def test_gpus_are_measured_where_no_server_runs() -> None:
    snapshot, measuring = await measured((dead(record(identity=Identity(NOBODY, 0.0))),), GpuReading((GPU,)))
    assert snapshot.by_gpu.value("GPU-0", Quantity.GPU_POWER) == 70.0
    assert not snapshot.engines
    assert {s.name: s.health for s in measuring.statuses()} == {
        "prometheus": Health.OFF,
        "scrape": Health.OFF,
        "gpus": Health.LIVE,
    }


async def test_a_machine_without_gpus_says_so_and_is_no_trouble() -> None:
    snapshot, measuring = await measured((), GpuReading(problem="no NVIDIA driver on this machine"))
    assert measuring.latest is None
    status = snapshot.source("gpus")
    assert status is not None
    assert (status.health, status.problem) == (Health.OFF, "no NVIDIA driver on this machine")


async def test_a_server_that_was_taken_down_leaves_no_numbers() -> None:
    async with engine(4) as port:
        watched = Watched(state(record(port=port)))
        source = LocalSource(watched, gpus=GpuReading)
        await source.poll()
        now = source.statuses()[0].since + 1.0
        measuring = LocalMeasuring(lambda: source.servers, MetricsSettings(), now, host="here", gpus=GpuReading)
        await measuring.measure(source.state(), None, now)
        assert measuring.latest is not None
        assert len(measuring.latest.engines) == 1
        watched.servers = ()
        await source.poll()
        await measuring.measure(source.state(), None, now + 2)
        assert measuring.latest is None
        await measuring.close()


async def test_nvml_is_read_off_the_loop() -> None:
    loops: list[bool] = []

    def read() -> GpuReading:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            loops.append(False)
        else:
            loops.append(True)
        return GpuReading()

    source = LocalSource(Watched(), gpus=read)
    await source.poll()
    measuring = LocalMeasuring(lambda: (), MetricsSettings(), 0.0, host="here", gpus=read)
    await measuring.measure(source.state(), None, 1.0)
    await measuring.close()
    assert loops == [False, False]

"""Metrics of this machine: its servers are scraped directly, and its GPUs are read through NVML. There is no Prometheus
here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NoReturn

from fleet.dataclass import dataclass
from fleet.local.gpus import MEGA, GpuReading, LocalGpu, read_gpus
from fleet.local.kube_rows import NAMESPACE
from fleet.local.process import owners
from fleet.local.server import ServerState
from fleet.metrics.growing_columns import GrowingColumns
from fleet.model.measurement import GpuId, Measurement
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Health, SourceStatus
from fleet.net.bodies import Limit
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.state import KubeState
from fleet.sources.metrics_collector import MetricsCollector, MetricsSettings, Use
from fleet.sources.scrape.targets import Via
from fleet.sources.status import StatusKeeper

NAME: Final = "gpus"


class LocalMeasuring(MetricsCollector):
    """The metrics of this machine's servers and of its GPUs. ``servers`` gives the servers as they were last seen."""

    def __init__(
        self,
        servers: Callable[[], Sequence[ServerState]],
        settings: MetricsSettings,
        now: float,
        *,
        host: str,
        gpus: Callable[[], GpuReading] = read_gpus,
    ) -> None:
        scraping = replace(settings.scraping, via=Via.POD_IP, path="/metrics")
        direct = replace(settings, prometheus=Use.NEVER, endpoint=None, also=(), scrape=Use.ALWAYS, scraping=scraping)
        super().__init__(_NoServer(), direct, now)
        self._servers = servers
        self._host = host
        self._read = gpus
        self._gpus = StatusKeeper(NAME, Health.STARTING, now)

    async def measure(self, state: KubeState, pods: frozenset[str] | None, now: float) -> None:
        """Measure the servers. If NVML fails, only its numbers are missing, not those of the servers."""
        before = self.latest
        await super().measure(state, pods, now)
        reading, holders = await asyncio.to_thread(self._measure_gpus, tuple(self._servers()))
        self._judge(reading, now)
        running = any(pod.phase == "Running" for pod in state.pods.values())
        # Leftovers of stopped servers are not measurements of this machine.
        base = self.latest if self.latest is not None and (running or self.latest is not before) else None
        if base is None and not reading.gpus:
            self.latest = None if not running else self.latest
            return
        settings = self._settings
        base = base or Measurement("scrape", now, settings.window, settings.refresh)
        self.latest = with_gpus(base, reading.gpus, holders, self._host, now)

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return the status of every collector, and of NVML."""
        return (*super().statuses(), self._gpus.status)

    def _measure_gpus(self, servers: tuple[ServerState, ...]) -> tuple[GpuReading, dict[int, str]]:
        """Read the GPUs and, where processes hold GPU memory, the servers that these belong to. Blocks."""
        reading = self._read()
        pids = {process.pid for gpu in reading.gpus for process in gpu.processes}
        return reading, owners(pids, {state.record.identity: state.name for state in servers if state.alive})

    def _judge(self, reading: GpuReading, now: float) -> None:
        """Report the health of NVML: a machine without GPUs lacks nothing; one with GPUs that do not answer does."""
        health = Health.LIVE
        if reading.problem:
            health = Health.DEGRADED if reading.gpus else Health.OFF
        self._gpus.report(health, now, problem=reading.problem, remedy=reading.remedy, endpoint="NVML")


def with_gpus(
    measurement: Measurement, gpus: Sequence[LocalGpu], holders: dict[int, str], host: str, now: float
) -> Measurement:
    """Return the measurement with a row for each GPU, as read at ``now``; ``host`` is the node that holds them.

    A GPU belongs to the server whose processes have most memory on it. If no server's process has any (processes in
    another pid namespace cannot be attributed), it belongs to none.
    """
    columns: GrowingColumns[GpuId] = GrowingColumns()
    for gpu in gpus:
        holder = _holder(gpu, holders)
        row = columns.grow((_id(gpu, holder, host),), measurement.at - now)
        for quantity, value in _values(gpu):
            if value is not None:
                columns.put(quantity, row, value)
    return replace(
        measurement,
        gpus=tuple(columns.ids),
        gpu_table=columns.table(),
        gpu_interval=measurement.interval,
        throttle_reasons={gpu.uuid: gpu.throttle for gpu in gpus if gpu.throttle is not None},
    )


def _holder(gpu: LocalGpu, holders: dict[int, str]) -> str:
    memory: dict[str, int] = {}
    for process in gpu.processes:
        name = holders.get(process.pid)
        if name is not None:
            memory[name] = memory.get(name, 0) + process.memory
    return max(memory, key=lambda name: memory[name], default="")


def _id(gpu: LocalGpu, holder: str, host: str) -> GpuId:
    return GpuId(
        uuid=gpu.uuid,
        instance_id="",
        node=host,
        ordinal=str(gpu.index),
        namespace=NAMESPACE if holder else "",
        pod=holder,
        model=gpu.name,
    )


def _values(gpu: LocalGpu) -> tuple[tuple[Quantity, float | None], ...]:
    return (
        (Quantity.GPU_UTIL, gpu.utilisation),
        (Quantity.GPU_MEMORY_USED, float(gpu.memory_used) if gpu.memory_total else None),
        (Quantity.GPU_MEMORY_TOTAL, float(gpu.memory_total) or None),
        (Quantity.GPU_TEMPERATURE, gpu.temperature),
        (Quantity.GPU_POWER, gpu.power),
        (Quantity.SM_CLOCK, gpu.sm_clock / MEGA if gpu.sm_clock is not None else None),
    )


@dataclass(frozen=True, slots=True)
class _NoServer:
    """Placeholder for a cluster's API server: nothing here is reached through one."""

    async def get(
        self,
        path: str,
        *,
        accept: str,
        timeout: float,  # noqa: ASYNC109 -- as Getter has it
        limit: Limit | None = None,
    ) -> NoReturn:
        """Raises KubeconfigError."""
        del accept, timeout, limit
        raise KubeconfigError(f"this machine has no API server for {path}")

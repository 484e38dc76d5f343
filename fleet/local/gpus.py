"""The GPUs of this machine, as NVML reports them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that has memory on a GPU."""

    pid: int
    memory: int
    """Bytes; 0 where the driver does not say."""


@dataclass(frozen=True, slots=True)
class LocalGpu:
    """One GPU at one moment. None is what the driver does not report."""

    index: int
    uuid: str
    name: str
    memory_total: int
    """Bytes."""
    memory_used: int
    memory_free: int
    utilisation: float | None = None
    """Ratio 0-1."""
    temperature: float | None = None
    """°C."""
    power: float | None = None
    """W."""
    power_limit: float | None = None
    sm_clock: float | None = None
    """Hz."""
    throttle: tuple[str, ...] = ()
    """What lowers its clocks now, in words."""
    processes: tuple[GpuProcess, ...] = ()


@dataclass(frozen=True, slots=True)
class GpuReading:
    """All GPUs at one moment, or why there are none."""

    gpus: tuple[LocalGpu, ...] = ()
    driver: str = ""
    cuda: str = ""
    """The newest CUDA version that the driver knows: ``13.0``."""
    problem: str = ""
    """Empty where they could be read; else why not, in words."""
    remedy: str = ""


def read_gpus() -> GpuReading:
    """Ask NVML once. Never raises: a machine without GPUs is an answer. Blocks for milliseconds."""
    raise NotImplementedError

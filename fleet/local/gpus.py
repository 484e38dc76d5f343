"""The GPUs of this machine, as NVML reports them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import field
from types import ModuleType
from typing import Any, Final, TypeVar

from fleet.dataclass import dataclass
from fleet.metrics.gpus.clock_reasons import throttle_reasons

T = TypeVar("T")

INSTALL: Final = "pip install 'quarterdeck[local]' (it includes nvidia-ml-py)"
MILLI: Final = 1e-3
"""NVML counts power in milliwatts."""
MEGA: Final = 1e6
"""NVML counts clocks in MHz."""


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that has memory on a GPU."""

    pid: int
    memory: int
    """Bytes; 0 if the driver does not report it."""


@dataclass(frozen=True, slots=True)
class LocalGpu:
    """One GPU at one moment. A value that the driver does not report is None."""

    index: int
    uuid: str
    name: str
    memory_total: int
    """Bytes; 0 if the GPU shares the machine's memory or the driver does not report it."""
    memory_used: int
    memory_free: int
    utilisation: float | None = None
    """Ratio 0-1."""
    temperature: float | None = None
    """°C."""
    power: float | None = None
    """W."""
    sm_clock: float | None = None
    """Hz."""
    throttle: tuple[str, ...] | None = None
    """Reasons for lowered clocks, in words; empty for none."""
    processes: tuple[GpuProcess, ...] = ()


@dataclass(frozen=True, slots=True)
class GpuReading:
    """All GPUs at one moment, or why there are none."""

    gpus: tuple[LocalGpu, ...] = ()
    driver: str = ""
    cuda: str = ""
    """The newest CUDA version that the driver supports: ``13.0``."""
    problem: str = ""
    """Empty where they could be read; else why not, in words."""
    remedy: str = ""


def read_gpus() -> GpuReading:
    """Read the GPUs through NVML once. Never raises: a machine without GPUs is a valid answer. Blocks for
    milliseconds.
    """
    try:
        import pynvml
    except ImportError:
        return GpuReading(problem="the GPUs of this machine cannot be read: nvidia-ml-py is missing", remedy=INSTALL)
    # NVML is thread-safe, but must not be initialised twice concurrently.
    with _NVML.lock:
        try:
            if _NVML.begun is not pynvml:
                pynvml.nvmlInit()
                _NVML.begun = pynvml
            return _read(pynvml)
        except pynvml.NVMLError as error:
            _NVML.begun = None
            return _no_reading(pynvml, error)


@dataclass(slots=True)
class _Begun:
    """The pynvml initialised in this process: once is enough, and it costs most of the time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    begun: ModuleType | None = None


_NVML: Final = _Begun()


def _no_reading(nvml: Any, error: Exception) -> GpuReading:
    if isinstance(error, nvml.NVMLError_LibraryNotFound | nvml.NVMLError_DriverNotLoaded):
        return GpuReading(problem="no NVIDIA driver on this machine")
    remedy = "run nvidia-smi, which uses the same driver"
    if isinstance(error, nvml.NVMLError_LibRmVersionMismatch):
        remedy = "the driver was updated while it was loaded: reboot, or reload it"
    return GpuReading(problem=f"the NVIDIA driver does not answer: {error}", remedy=remedy)


def _read(nvml: Any) -> GpuReading:
    """Read all GPUs. A lost GPU is named, and the others are still read."""
    gpus, lost = [], []
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            gpus.append(_gpu(nvml, index, nvml.nvmlDeviceGetHandleByIndex(index)))
        except nvml.NVMLError as error:
            if isinstance(error, nvml.NVMLError_Uninitialized):
                raise
            lost.append(f"GPU {index} cannot be read: {error}")
    version = _answer_or_none(nvml, nvml.nvmlSystemGetCudaDriverVersion)
    return GpuReading(
        tuple(gpus),
        driver=_text(_answer_or_none(nvml, nvml.nvmlSystemGetDriverVersion) or ""),
        # 13000 is 13.0, 12080 is 12.8.
        cuda=f"{version // 1000}.{version % 1000 // 10}" if version else "",
        problem="; ".join(lost),
        remedy="check nvidia-smi and the kernel log (XID)" if lost else "",
    )


def _gpu(nvml: Any, index: int, handle: Any) -> LocalGpu:
    """One GPU. Raises NVMLError where not even its name can be read."""

    def ask(question: Callable[..., T], *rest: Any) -> T | None:
        return _answer_or_none(nvml, question, handle, *rest)

    memory = ask(nvml.nvmlDeviceGetMemoryInfo)
    use = ask(nvml.nvmlDeviceGetUtilizationRates)
    power = ask(nvml.nvmlDeviceGetPowerUsage)
    clock = ask(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM)
    # Drivers before 535 only have the old name.
    reasons = ask(nvml.nvmlDeviceGetCurrentClocksEventReasons)
    if reasons is None:
        reasons = ask(nvml.nvmlDeviceGetCurrentClocksThrottleReasons)
    sliced = ask(nvml.nvmlDeviceGetMigMode)
    name = _text(nvml.nvmlDeviceGetName(handle))
    heat = ask(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU)
    return LocalGpu(
        index=index,
        uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
        name=f"{name} (MIG)" if sliced is not None and sliced[0] else name,
        memory_total=memory.total if memory is not None else 0,
        memory_used=memory.used if memory is not None else 0,
        memory_free=memory.free if memory is not None else 0,
        utilisation=use.gpu / 100 if use is not None else None,
        temperature=float(heat) if heat is not None else None,
        power=power * MILLI if power is not None else None,
        sm_clock=clock * MEGA if clock is not None else None,
        throttle=throttle_reasons(reasons) if reasons is not None else None,
        processes=_processes(
            [
                *(ask(nvml.nvmlDeviceGetComputeRunningProcesses) or ()),
                *(ask(nvml.nvmlDeviceGetGraphicsRunningProcesses) or ()),
            ]
        ),
    )


def _processes(found: Iterable[Any]) -> tuple[GpuProcess, ...]:
    """Each process once: one that computes and draws is in both lists, and one on two MIG instances twice in one."""
    memory: dict[int, int] = {}
    for process in found:
        memory[process.pid] = max(memory.get(process.pid, 0), process.usedGpuMemory or 0)
    return tuple(GpuProcess(pid, size) for pid, size in memory.items())


def _answer_or_none(nvml: Any, question: Callable[..., T], *about: Any) -> T | None:
    """Return an answer; None if this GPU or driver does not support it. Raises NVMLError for a lost GPU."""
    try:
        return question(*about)
    except (
        nvml.NVMLError_NotSupported,
        nvml.NVMLError_Unknown,
        nvml.NVMLError_NoPermission,
        nvml.NVMLError_FunctionNotFound,
        nvml.NVMLError_NotFound,
        # NVML expects an array of the size that it has just reported.
        nvml.NVMLError_InsufficientSize,
    ):
        return None


def _text(value: str | bytes) -> str:
    """Old versions of the library give bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value

"""NVML as a test wants it: the real library's names and error classes, and answers that the test sets."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml
import pytest

GIB = 1 << 30


@dataclass
class FakeGpu:
    """One GPU; an answer that is an NVMLError is raised."""

    uuid: str = "GPU-0"
    name: str | bytes = "NVIDIA H100 80GB HBM3"
    answers: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        whole = {
            "nvmlDeviceGetUUID": self.uuid,
            "nvmlDeviceGetName": self.name,
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=80 * GIB, used=60 * GIB, free=19 * GIB),
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=87, memory=40),
            "nvmlDeviceGetPowerUsage": 651_500,
            "nvmlDeviceGetClockInfo": 1_755,
            "nvmlDeviceGetCurrentClocksEventReasons": 0,
            "nvmlDeviceGetCurrentClocksThrottleReasons": 0,
            "nvmlDeviceGetMigMode": pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED),
            "nvmlDeviceGetTemperature": 64,
            "nvmlDeviceGetComputeRunningProcesses": [],
            "nvmlDeviceGetGraphicsRunningProcesses": [],
        }
        self.answers = whole | self.answers


class FakeNvml(ModuleType):
    """Stands in for pynvml; counts how often it was initialised."""

    def __init__(self, *gpus: FakeGpu, refuses: Exception | None = None) -> None:
        super().__init__("pynvml")
        self.gpus = list(gpus)
        self.refuses = refuses
        self.begun = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("nvmlDeviceGet"):
            return self._about(name)
        if name.startswith(("NVML", "NVMLError")):
            return getattr(pynvml, name)
        raise AttributeError(name)

    def nvmlInit(self) -> None:  # noqa: N802 -- its name
        self.begun += 1
        if self.refuses is not None:
            raise self.refuses

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802 -- its name
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> FakeGpu:  # noqa: N802 -- its name
        return self.gpus[index]

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802 -- its name
        return "580.95.05"

    def nvmlSystemGetCudaDriverVersion(self) -> int:  # noqa: N802 -- its name
        return 13_000

    @staticmethod
    def _about(name: str) -> Callable[..., Any]:
        def ask(gpu: FakeGpu, *rest: Any) -> Any:
            del rest
            answer = gpu.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


def held(pid: int, memory: int | None) -> SimpleNamespace:
    """A process on a GPU, as NVML lists it."""
    return SimpleNamespace(pid=pid, usedGpuMemory=memory)


def error(code: int) -> pynvml.NVMLError:
    """The error class that the real library has for this code."""
    return pynvml.NVMLError(code)


def install(monkeypatch: pytest.MonkeyPatch, *gpus: FakeGpu, refuses: Exception | None = None) -> FakeNvml:
    """Put a fake in the real one's place for this test."""
    fake = FakeNvml(*gpus, refuses=refuses)
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake

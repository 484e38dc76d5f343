"""GPUs of this machine as NVML reports them, and the messages when it reports nothing."""

from __future__ import annotations

import sys

import pynvml
import pytest

from fleet.local.gpus import GpuProcess, read_gpus
from tests.fleet.local.fake_nvml import GIB, FakeGpu, error, held, install

NOT_SUPPORTED = pynvml.NVML_ERROR_NOT_SUPPORTED


def test_all_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = {"nvmlDeviceGetComputeRunningProcesses": [held(41, 58 * GIB), held(42, None)]}
    install(monkeypatch, FakeGpu(answers=processes))
    reading = read_gpus()
    assert (reading.driver, reading.cuda, reading.problem) == ("580.95.05", "13.0", "")
    (gpu,) = reading.gpus
    assert (gpu.index, gpu.uuid, gpu.name) == (0, "GPU-0", "NVIDIA H100 80GB HBM3")
    assert (gpu.memory_total, gpu.memory_used, gpu.memory_free) == (80 * GIB, 60 * GIB, 19 * GIB)
    assert (gpu.utilisation, gpu.temperature, gpu.sm_clock) == (0.87, 64.0, 1.755e9)
    assert gpu.power == pytest.approx(651.5)
    assert gpu.throttle == ()
    assert gpu.processes == (GpuProcess(41, 58 * GIB), GpuProcess(42, 0))


def test_what_the_driver_does_not_report_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ("nvmlDeviceGetUUID", "nvmlDeviceGetName")
    silent = {name: error(NOT_SUPPORTED) for name in FakeGpu().answers if name not in kept}
    silent["nvmlDeviceGetPowerUsage"] = error(pynvml.NVML_ERROR_UNKNOWN)
    install(monkeypatch, FakeGpu(answers=silent))
    (gpu,) = read_gpus().gpus
    assert (gpu.utilisation, gpu.temperature, gpu.power, gpu.sm_clock) == (None,) * 4
    assert gpu.throttle is None
    assert (gpu.memory_total, gpu.memory_used, gpu.memory_free, gpu.processes) == (0, 0, 0, ())


def test_reasons_of_throttling_in_words_also_from_an_old_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    old = {
        "nvmlDeviceGetCurrentClocksEventReasons": error(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND),
        "nvmlDeviceGetCurrentClocksThrottleReasons": 0x44 | 0x1,
    }
    install(monkeypatch, FakeGpu(answers=old))
    assert read_gpus().gpus[0].throttle == ("power cap", "thermal (hardware)")


def test_a_gpu_in_slices_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, FakeGpu(answers={"nvmlDeviceGetMigMode": [1, 1]}), FakeGpu("GPU-1", b"NVIDIA L4"))
    assert [gpu.name for gpu in read_gpus().gpus] == ["NVIDIA H100 80GB HBM3 (MIG)", "NVIDIA L4"]


def test_a_process_that_is_listed_twice_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    both = {
        "nvmlDeviceGetComputeRunningProcesses": [held(7, 3 * GIB)],
        "nvmlDeviceGetGraphicsRunningProcesses": [held(7, None), held(8, GIB)],
    }
    install(monkeypatch, FakeGpu(answers=both))
    assert read_gpus().gpus[0].processes == (GpuProcess(7, 3 * GIB), GpuProcess(8, GIB))


def test_a_lost_gpu_is_named_and_the_others_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = FakeGpu("GPU-0", answers={"nvmlDeviceGetName": error(pynvml.NVML_ERROR_GPU_IS_LOST)})
    install(monkeypatch, lost, FakeGpu("GPU-1"))
    reading = read_gpus()
    assert [gpu.uuid for gpu in reading.gpus] == ["GPU-1"]
    assert reading.problem == "GPU 0 cannot be read: GPU is lost"
    assert reading.remedy


def test_begins_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch, FakeGpu())
    read_gpus()
    read_gpus()
    assert fake.begun == 1


def test_begins_again_after_the_driver_went_away(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = install(monkeypatch, FakeGpu())
    assert read_gpus().gpus
    fake.gpus[0].answers["nvmlDeviceGetMemoryInfo"] = error(pynvml.NVML_ERROR_UNINITIALIZED)
    assert "does not answer" in read_gpus().problem
    fake.gpus[0] = FakeGpu()
    assert read_gpus().gpus
    assert fake.begun == 2


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED])
def test_no_driver(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    install(monkeypatch, refuses=error(code))
    assert read_gpus().problem == "no NVIDIA driver on this machine"


def test_a_driver_that_was_updated_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, refuses=error(pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH))
    reading = read_gpus()
    assert "mismatch" in reading.problem
    assert "reboot" in reading.remedy


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    reading = read_gpus()
    assert reading.gpus == ()
    assert "nvidia-ml-py" in reading.problem
    assert "quarterdeck[local]" in reading.remedy


def test_this_machine_gives_an_answer_whatever_it_has() -> None:
    reading = read_gpus()
    assert bool(reading.gpus) or bool(reading.problem)
    assert all(gpu.uuid and gpu.name for gpu in reading.gpus)

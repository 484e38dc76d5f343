"""GPUs warm up, throttle and report as real ones do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator import dcgm
from simulator.gpu import GPU_IDLE, H100, HW_THERMAL_SLOWDOWN, L40S, SW_THERMAL_SLOWDOWN, Gpu
from tests.simulator.fleet_support import parse, value


def worked(gpu: Gpu, seconds: int, activity: float, prefill: float) -> Gpu:
    for _ in range(seconds):
        gpu.advance(1.0, activity, prefill)
    return gpu


def test_an_idle_gpu_is_cool_and_slow() -> None:
    gpu = worked(Gpu(H100, "n", 0), 60, 0.0, 0.0)
    assert gpu.power == H100.idle_power
    assert gpu.temperature < 40
    assert gpu.clock < 500
    assert gpu.reasons == GPU_IDLE


def test_temperature_follows_the_work_with_inertia() -> None:
    gpu = Gpu(H100, "n", 0)
    start = gpu.temperature
    worked(gpu, 5, 1.0, 0.3)
    soon = gpu.temperature
    worked(gpu, 120, 1.0, 0.3)
    late = gpu.temperature
    assert start < soon < start + 0.5 * (late - start)
    assert 50 < late < H100.throttle_at
    worked(gpu, 10, 0.0, 0.0)
    assert start + 5 < gpu.temperature < late
    assert gpu.slowdown == 1.0


def test_prefill_draws_more_power_than_decode() -> None:
    prefill, decode = worked(Gpu(H100, "n", 0), 30, 1.0, 0.9), worked(Gpu(H100, "n", 1), 30, 1.0, 0.0)
    assert prefill.power > decode.power > H100.idle_power
    assert prefill.tensor > 5 * decode.tensor
    assert decode.dram > prefill.dram


def test_a_gpu_without_cooling_throttles() -> None:
    gpu = Gpu(L40S, "n", 0)
    gpu.cooling = 0.25
    worked(gpu, 180, 1.0, 0.3)
    assert gpu.temperature > L40S.throttle_at
    assert gpu.clock < 0.7 * L40S.sm_clock
    assert gpu.slowdown > 1.4
    assert gpu.reasons & SW_THERMAL_SLOWDOWN
    assert gpu.thermal_violation > 60
    assert gpu.reasons & HW_THERMAL_SLOWDOWN or gpu.temperature < L40S.throttle_at + 4


def test_a_hung_gpu_is_busy_and_draws_little() -> None:
    gpu = Gpu(H100, "n", 0)
    for _ in range(60):
        gpu.advance(1.0, 1.0, 0.0, spinning=True)
    assert gpu.activity > 0.99
    assert gpu.power < 0.2 * H100.max_power


def test_energy_is_power_over_time() -> None:
    gpu = worked(Gpu(H100, "n", 0), 30, 1.0, 0.0)
    before = gpu.energy
    worked(gpu, 10, 1.0, 0.0)
    assert gpu.energy - before == pytest.approx(10 * gpu.power, rel=0.01)


def test_the_exporter_names_labels_and_units() -> None:
    gpu = worked(Gpu(H100, "gpu-h100-0", 1), 60, 0.9, 0.2)
    gpu.holder = ("serving", "chat-0", "vllm")
    gpu.memory_used = 75_000.0
    gpu.xid = 79
    text = dcgm.render([Gpu(H100, "gpu-h100-0", 0), gpu])
    line = next(line for line in text.splitlines() if line.startswith('DCGM_FI_DEV_GPU_UTIL{gpu="1"'))
    assert line == (
        f'DCGM_FI_DEV_GPU_UTIL{{gpu="1",UUID="{gpu.uuid}",pci_bus_id="00000000:20:00.0",device="nvidia1",'
        'modelName="NVIDIA H100 80GB HBM3",Hostname="gpu-h100-0",DCGM_FI_DRIVER_VERSION="570.172.08",'
        'namespace="serving",pod="chat-0",container="vllm"} 90'
    )
    assert "# TYPE DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION counter" in text
    assert value(text, "DCGM_FI_DEV_FB_USED", gpu="1") == 75_000
    total = sum(value(text, f"DCGM_FI_DEV_FB_{part}", gpu="1") for part in ("USED", "FREE", "RESERVED"))
    assert total == H100.memory
    assert value(text, "DCGM_FI_PROF_GR_ENGINE_ACTIVE", gpu="1") == pytest.approx(0.9, abs=1e-6)
    assert value(text, "DCGM_FI_DEV_XID_ERRORS", gpu="1") == 79
    assert value(text, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", gpu="1") == pytest.approx(gpu.energy * 1000, abs=1)
    idle = next(s for s in parse(text) if s.name == "DCGM_FI_DEV_GPU_UTIL" and s.labels["gpu"] == "0")
    assert "pod" not in idle.labels


def test_mig_instances_share_a_uuid_and_have_no_utilisation() -> None:
    model = replace(H100, memory=40448)
    parts = [worked(Gpu(model, "mig", 0, "3g.40gb", n), 30, 0.5, 0.1) for n in (1, 2)]
    text = dcgm.render(parts)
    names = {sample.name for sample in parse(text)}
    assert "DCGM_FI_DEV_GPU_UTIL" not in names
    active = [s for s in parse(text) if s.name == "DCGM_FI_PROF_GR_ENGINE_ACTIVE"]
    assert {(s.labels["GPU_I_PROFILE"], s.labels["GPU_I_ID"]) for s in active} == {("3g.40gb", "1"), ("3g.40gb", "2")}
    assert len({s.labels["UUID"] for s in active}) == 1

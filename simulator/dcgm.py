"""A node's dcgm-exporter page: the fields of its default and DCP counter files, and the throttling ones.

Format and labels: NVIDIA/dcgm-exporter, internal/pkg/rendermetrics; fields: etc/dcp-metrics-included.csv.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from simulator.data import text
from simulator.gpu import Gpu

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
RESERVED = 600
"""MiB of framebuffer reserved by the driver."""
_NOT_ON_MIG = ("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_MEM_COPY_UTIL", "DCGM_FI_DEV_ENC_UTIL", "DCGM_FI_DEV_DEC_UTIL")
"""Fields that the driver does not report for a MIG instance."""


def render(gpus: Sequence[Gpu], share: float = 1.0) -> str:
    """The page of the exporter on the node that has these GPUs (or MIG instances); of its counters a ``share``, as of
    the engines' (``EngineServer.metrics``): seconds throttled per real second are then a share of time.
    """
    shown = [(_labels(gpu), _values(gpu, share), bool(gpu.mig_profile)) for gpu in gpus]
    parts = []
    for head, name, value in _fields():
        lines = [
            f"{name}{{{labels}}} {value.format_map(values)}\n"
            for labels, values, mig in shown
            if not (mig and name in _NOT_ON_MIG)
        ]
        parts += [head, *lines] if lines else []
    return "".join(parts)


@cache
def _fields() -> list[tuple[str, str, str]]:
    """HELP and TYPE lines, name, and the value's format of each field."""
    lines = text("dcgm.txt").splitlines()
    return [
        (f"{about}\n{kind}\n", *sample.split(" ", 1))  # type: ignore[misc]
        for about, kind, sample in zip(lines[::3], lines[1::3], lines[2::3], strict=True)
    ]


def _values(gpu: Gpu, share: float) -> dict[str, float]:
    return {
        "sm_clock": gpu.clock,
        "memory_clock": gpu.model.memory_clock,
        "temperature": gpu.temperature,
        "memory_temperature": gpu.temperature + 6,
        "power": gpu.power,
        "energy": gpu.energy * share * 1e3,
        "gpu_util": gpu.activity * 100,
        "memory_util": gpu.dram * 80,
        "xid": gpu.xid,
        "power_violation": gpu.power_violation * share * 1e9,
        "thermal_violation": gpu.thermal_violation * share * 1e9,
        "reasons": gpu.reasons,
        "memory_free": gpu.model.memory - gpu.memory_used - RESERVED,
        "memory_used": gpu.memory_used,
        "memory_reserved": RESERVED,
        "active": gpu.activity,
        "sm_active": gpu.activity * 0.8,
        "tensor_active": gpu.tensor,
        "dram_active": gpu.dram,
    }


def _labels(gpu: Gpu) -> str:
    labels = {
        "gpu": str(gpu.index),
        "UUID": gpu.uuid,
        "pci_bus_id": gpu.pci_bus_id,
        "device": f"nvidia{gpu.index}",
        "modelName": gpu.model.name,
    }
    if gpu.mig_profile:
        labels |= {"GPU_I_PROFILE": gpu.mig_profile, "GPU_I_ID": str(gpu.mig_id)}
    labels |= {"Hostname": gpu.node, "DCGM_FI_DRIVER_VERSION": "570.172.08"}
    if gpu.holder:
        labels |= dict(zip(("namespace", "pod", "container"), gpu.holder, strict=True))
    return ",".join(f'{key}="{value}"' for key, value in labels.items())

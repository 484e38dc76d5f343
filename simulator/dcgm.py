"""A node's dcgm-exporter page: the fields of its default and DCP counter files, and the throttling ones.

Format and labels: NVIDIA/dcgm-exporter, internal/pkg/rendermetrics; fields: etc/dcp-metrics-included.csv.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulator.gpu import Gpu

DRIVER_VERSION = "570.172.08"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Field:
    """A DCGM field as the exporter shows it."""

    name: str
    kind: str
    help: str
    value: Callable[[Gpu], float]
    on_mig: bool = True
    """Whether the driver reports it for a MIG instance."""


FIELDS = (
    Field("DCGM_FI_DEV_SM_CLOCK", "gauge", "SM clock frequency (in MHz).", lambda g: g.clock),
    Field("DCGM_FI_DEV_MEM_CLOCK", "gauge", "Memory clock frequency (in MHz).", lambda g: g.model.memory_clock),
    Field("DCGM_FI_DEV_MEMORY_TEMP", "gauge", "Memory temperature (in C).", lambda g: g.temperature + 6),
    Field("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C).", lambda g: g.temperature),
    Field("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W).", lambda g: g.power),
    Field(
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "counter",
        "Total energy consumption since boot (in mJ).",
        lambda g: g.energy * 1e3,
    ),
    Field("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "counter", "Total number of PCIe retries.", lambda _: 0),
    Field("DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %).", lambda g: g.activity * 100, on_mig=False),
    Field("DCGM_FI_DEV_MEM_COPY_UTIL", "gauge", "Memory utilization (in %).", lambda g: g.dram * 80, on_mig=False),
    Field("DCGM_FI_DEV_ENC_UTIL", "gauge", "Encoder utilization (in %).", lambda _: 0, on_mig=False),
    Field("DCGM_FI_DEV_DEC_UTIL", "gauge", "Decoder utilization (in %).", lambda _: 0, on_mig=False),
    Field("DCGM_FI_DEV_XID_ERRORS", "gauge", "Value of the last XID error encountered.", lambda g: g.xid),
    Field(
        "DCGM_FI_DEV_POWER_VIOLATION",
        "counter",
        "Throttling duration due to power constraints (in ns).",
        lambda g: g.power_violation * 1e9,
    ),
    Field(
        "DCGM_FI_DEV_THERMAL_VIOLATION",
        "counter",
        "Throttling duration due to thermal constraints (in ns).",
        lambda g: g.thermal_violation * 1e9,
    ),
    Field("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "gauge", "Current clock event reasons (bitmask).", lambda g: g.reasons),
    Field(
        "DCGM_FI_DEV_FB_FREE",
        "gauge",
        "Framebuffer memory free (in MiB).",
        lambda g: g.model.memory - g.memory_used - 600,
    ),
    Field("DCGM_FI_DEV_FB_USED", "gauge", "Framebuffer memory used (in MiB).", lambda g: g.memory_used),
    Field("DCGM_FI_DEV_FB_RESERVED", "gauge", "Framebuffer memory reserved (in MiB).", lambda _: 600),
    Field(
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
        "counter",
        "Number of remapped rows for uncorrectable errors",
        lambda _: 0,
    ),
    Field(
        "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS",
        "counter",
        "Number of remapped rows for correctable errors",
        lambda _: 0,
    ),
    Field("DCGM_FI_DEV_ROW_REMAP_FAILURE", "gauge", "Whether remapping of rows has failed", lambda _: 0),
    Field(
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        "gauge",
        "Ratio of time the graphics engine is active.",
        lambda g: g.activity,
    ),
    Field(
        "DCGM_FI_PROF_SM_ACTIVE",
        "gauge",
        "The ratio of cycles an SM has at least 1 warp assigned.",
        lambda g: g.activity * 0.8,
    ),
    Field(
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
        "gauge",
        "Ratio of cycles the tensor (HMMA) pipe is active.",
        lambda g: g.tensor,
    ),
    Field(
        "DCGM_FI_PROF_DRAM_ACTIVE",
        "gauge",
        "Ratio of cycles the device memory interface is active sending or receiving data.",
        lambda g: g.dram,
    ),
)


def render(gpus: Sequence[Gpu]) -> str:
    """The page of the exporter on the node that has these GPUs (or MIG instances)."""
    labels = [_labels(gpu) for gpu in gpus]
    parts = []
    for field in FIELDS:
        lines = [
            f"{field.name}{{{label}}} {_number(field, gpu)}\n"
            for gpu, label in zip(gpus, labels, strict=True)
            if field.on_mig or not gpu.mig_profile
        ]
        if lines:
            parts.append(f"# HELP {field.name} {field.help}\n# TYPE {field.name} {field.kind}\n")
            parts += lines
    return "".join(parts)


def _labels(gpu: Gpu) -> str:
    labels = [
        ("gpu", str(gpu.index)),
        ("UUID", gpu.uuid),
        ("pci_bus_id", gpu.pci_bus_id),
        ("device", f"nvidia{gpu.index}"),
        ("modelName", gpu.model.name),
    ]
    if gpu.mig_profile:
        labels += [("GPU_I_PROFILE", gpu.mig_profile), ("GPU_I_ID", str(gpu.mig_id))]
    labels += [("Hostname", gpu.node), ("DCGM_FI_DRIVER_VERSION", DRIVER_VERSION)]
    if gpu.holder:
        labels += zip(("namespace", "pod", "container"), gpu.holder, strict=True)
    return ",".join(f'{key}="{value}"' for key, value in labels)


def _number(field: Field, gpu: Gpu) -> str:
    """Ratios with the exporter's six decimals, everything else in whole units."""
    value = field.value(gpu)
    return f"{value:.6f}" if field.name.startswith("DCGM_FI_PROF_") else str(round(value))

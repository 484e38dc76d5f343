"""AMD's device-metrics-exporter, 1.0 to 1.5: ``docs/configuration/metricslist.md`` of its source.

Names are its fields in lower case, with the configured prefix (``amd_`` in AMD's own examples). Activity is 0-100,
memory in MB of 1024 x 1024 bytes, power in watts. On a partitioned card only the first partition (``gpu_partition_id``
0) reports sensors; the others report 0, which is not a measurement: they are dropped. ``gpu_uuid`` is an optional
label, ``serial_number`` always there.
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, GpuLabels, Match, Metric, MetricType, Op, Pick, Proof, Rule
from fleet.metrics.product import Product
from fleet.model.quantity import Quantity

_INSTALL = """\
helm repo add exporter https://rocm.github.io/device-metrics-exporter
helm install device-metrics-exporter exporter/device-metrics-exporter-charts -n kube-amd-gpu --create-namespace"""
_MIB = 1024.0 * 1024.0
_PERCENT = 0.01
_SENSORS = Match("gpu_partition_id", Op.MATCHES, "|0|[Nn]/?[Aa]")


def _of_card(*names: str, scale: float = 1.0, where: tuple[Match, ...] = ()) -> Rule:
    """A sensor of the whole card, newest name first."""
    return Rule(tuple(Metric(name, where=(_SENSORS, *where), scale=scale) for name in names))


def _clock(kind: str) -> Rule:
    """MI300 reports the clock of each of its dies: the first one's."""
    return _of_card("gpu_clock", where=(Match("clock_type", Op.MATCHES, f"{kind}|GPU_CLOCK_TYPE_{kind.upper()}"),))


AMD = Dialect(
    product=Product(
        "AMD device-metrics-exporter",
        images=("rocm/device-metrics-exporter", "device-metrics-exporter"),
        apps=("device-metrics-exporter", "amdgpu-metrics-exporter"),
        prefixes=("gpu_", "amd_gpu_"),
        port=5000,
        path="/metrics",
        vendor="AMD",
        install=_INSTALL,
    ),
    proof=Proof.DOCUMENTATION,
    versions="1.0 to 1.5",
    prefixes=("gpu_", "amd_gpu_"),
    gpu=GpuLabels(
        uuid=("gpu_uuid", "serial_number"),
        node=("hostname",),
        ordinal=("gpu_id",),
        instance=("gpu_partition_id",),
        profile=("gpu_compute_partition_type",),
        model=("card_model",),
        whole=tuple(("gpu_partition_id", said) for said in ("0", "NA", "N/A")),
    ),
    present=(Quantity.GPU_MEMORY_TOTAL, Quantity.GPU_UTIL),
    rules={
        Quantity.GPU_UTIL: _of_card("gpu_gfx_activity", scale=_PERCENT),
        # The memory controller's activity: the nearest to the share of time that memory was busy.
        Quantity.DRAM_ACTIVE: _of_card("gpu_umc_activity", scale=_PERCENT),
        Quantity.GPU_MEMORY_USED: Rule((Metric("gpu_used_vram", scale=_MIB),)),
        Quantity.GPU_MEMORY_TOTAL: Rule((Metric("gpu_total_vram", scale=_MIB),)),
        # MI2xx has no hot-spot sensor.
        Quantity.GPU_TEMPERATURE: _of_card("gpu_junction_temperature", "gpu_edge_temperature"),
        Quantity.GPU_MEMORY_TEMPERATURE: _of_card("gpu_memory_temperature"),
        Quantity.GPU_POWER: _of_card("gpu_power_usage", "gpu_package_power", "gpu_average_package_power"),
        Quantity.SM_CLOCK: _clock("system"),
        Quantity.MEMORY_CLOCK: _clock("memory"),
        # Each is the share of the last interval under one cause, and they overlap.
        Quantity.THROTTLE: Rule(
            tuple(
                Metric(f"gpu_violation_{cause}_residency_percentage", where=(_SENSORS,), scale=_PERCENT)
                for cause in ("ppt", "socket_thermal", "vr_thermal", "hbm_thermal", "processor_hot")
            ),
            pick=Pick.MAX,
        ),
        Quantity.HEAT_THROTTLE: Rule(
            tuple(
                Metric(f"gpu_violation_{cause}_residency_percentage", where=(_SENSORS,), scale=_PERCENT)
                for cause in ("socket_thermal", "vr_thermal", "hbm_thermal")
            ),
            pick=Pick.MAX,
        ),
        Quantity.MEMORY_ERRORS: _of_card("gpu_ecc_uncorrect_total"),
        Quantity.MEMORY_ERROR_RATE: Rule((Metric("gpu_ecc_uncorrect_total", MetricType.COUNTER, where=(_SENSORS,)),)),
        Quantity.PCIE_REPLAYS: Rule((Metric("pcie_replay_count", MetricType.COUNTER, where=(_SENSORS,)),)),
    },
)

"""dcgm-exporter's metric names (1.x to 4.x): units as in its ``etc/default-counters.csv``.

``*_UTIL`` are 0-100, ``PROF_*`` 0-1, framebuffer in MiB, violations in nanoseconds. MIG instances have no ``GPU_UTIL``.
"""

from __future__ import annotations

from fleet.metrics.dialect import IMPLAUSIBLE, Dialect, LabelProduct, Match, Metric, MetricType, Op, Pick, Proof, Rule
from fleet.metrics.gpus.clock_reasons import REASONS
from fleet.metrics.product import Product
from fleet.model.quantity import Quantity

_MIB = 1024.0 * 1024.0
_PERCENT = 0.01
_NANOSECONDS = 1e-9
_WHOLE_GPU = (Match("GPU_I_ID", Op.EQUAL, ""),)


def _gauge(*names: str, scale: float = 1.0, where: tuple[Match, ...] = ()) -> Rule:
    return Rule(tuple(Metric(name, where=where, scale=scale) for name in names))


def _counter(*names: str) -> Rule:
    """The rates of counters that count different things: the largest, since one error may raise several."""
    return Rule(tuple(Metric(name, MetricType.COUNTER) for name in names), pick=Pick.MAX)


_SERIOUS = "46|48|62|64|74|79|95|109|110|119|120|136|140|143|14[4-9]|150|151|155|156|158"
"""XIDs of the hardware, as the labels of the counts have them."""


def _counted_xids(how: Op) -> Metric:
    """The code of an error of which an exporter counts some within its window."""
    return Metric(
        "DCGM_EXP_XID_ERRORS_COUNT",
        where=(Match("xid", how, _SERIOUS),),
        products=(LabelProduct(("xid",)),),
        valid=(1.0, IMPLAUSIBLE),
        once=True,
    )


# FB_TOTAL is not a default counter, so usually only the parts exist; FB_RESERVED only since 4.4.
_TOTAL = Rule(
    (
        Metric("DCGM_FI_DEV_FB_TOTAL", scale=_MIB),
        Metric("DCGM_FI_DEV_FB_USED", scale=_MIB),
        Metric("DCGM_FI_DEV_FB_FREE", scale=_MIB),
        Metric("DCGM_FI_DEV_FB_RESERVED", scale=_MIB, optional=True),
    ),
    pick=Pick.WHOLE,
)

_INSTALL = """\
helm repo add gpu-helm-charts https://nvidia.github.io/dcgm-exporter/helm-charts
helm install dcgm-exporter gpu-helm-charts/dcgm-exporter -n gpu-operator --create-namespace"""

DCGM = Dialect(
    product=Product(
        "dcgm-exporter",
        apps=("dcgm-exporter",),
        prefixes=("DCGM_", "dcgm_"),
        port=9400,
        path="/metrics",
        vendor="NVIDIA",
        install=_INSTALL,
        naming_pods="DCGM_EXPORTER_KUBERNETES=true, hostPath /var/lib/kubelet/pod-resources",
    ),
    proof=Proof.DOCUMENTATION,
    versions="1.x to 4.x",
    # The second is its name before DCGM 4.
    masks={"DCGM_FI_DEV_CLOCKS_EVENT_REASONS": REASONS, "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": REASONS},
    # Its default-counters.csv.
    opt_in={
        "DCGM_FI_PROF_": "the exporter's list of counters (-f) includes it, and its pod may profile (SYS_ADMIN)",
        "DCGM_EXP_": "the exporter's list of counters (-f) includes it",
    },
    present=(Quantity.GPU_TEMPERATURE, Quantity.GPU_MEMORY_USED),
    rules={
        Quantity.GPU_UTIL: _gauge("DCGM_FI_DEV_GPU_UTIL", "dcgm_gpu_utilization", scale=_PERCENT, where=_WHOLE_GPU),
        # For a MIG instance, graphics engine activity is the nearest equivalent.
        Quantity.SM_ACTIVE: _gauge("DCGM_FI_PROF_SM_ACTIVE", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"),
        Quantity.DRAM_ACTIVE: _gauge("DCGM_FI_PROF_DRAM_ACTIVE"),
        Quantity.TENSOR_ACTIVE: _gauge("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
        Quantity.GPU_MEMORY_USED: _gauge("DCGM_FI_DEV_FB_USED", "dcgm_fb_used", scale=_MIB),
        Quantity.GPU_MEMORY_TOTAL: _TOTAL,
        Quantity.GPU_TEMPERATURE: _gauge("DCGM_FI_DEV_GPU_TEMP", "dcgm_gpu_temp"),
        Quantity.GPU_MEMORY_TEMPERATURE: _gauge("DCGM_FI_DEV_MEMORY_TEMP", "dcgm_memory_temp"),
        Quantity.GPU_POWER: _gauge("DCGM_FI_DEV_POWER_USAGE", "dcgm_power_usage"),
        Quantity.SM_CLOCK: _gauge("DCGM_FI_DEV_SM_CLOCK", "dcgm_sm_clock"),
        Quantity.MEMORY_CLOCK: _gauge("DCGM_FI_DEV_MEM_CLOCK", "dcgm_memory_clock"),
        # The last code ever seen: it never goes back to 0 while the driver is loaded. Where errors are counted, a later
        # one does not hide those of the hardware.
        Quantity.XID: Rule(
            (
                _counted_xids(Op.MATCHES),
                Metric("DCGM_FI_DEV_XID_ERRORS"),
                Metric("dcgm_xid_errors"),
                _counted_xids(Op.NOT_MATCHES),
            )
        ),
        # The two overlap, so the share of time under either is at least the larger.
        Quantity.THROTTLE: Rule(
            tuple(
                Metric(name, MetricType.COUNTER, scale=_NANOSECONDS)
                for name in ("DCGM_FI_DEV_POWER_VIOLATION", "DCGM_FI_DEV_THERMAL_VIOLATION")
            ),
            pick=Pick.MAX,
        ),
        Quantity.HEAT_THROTTLE: Rule(
            (Metric("DCGM_FI_DEV_THERMAL_VIOLATION", MetricType.COUNTER, scale=_NANOSECONDS),)
        ),
        Quantity.ROW_REMAP_FAILED: _gauge("DCGM_FI_DEV_ROW_REMAP_FAILURE"),
        Quantity.ROW_REMAP_PENDING: _gauge("DCGM_FI_DEV_ROW_REMAP_PENDING"),
        # Volatile: the driver counts from 0 after a reset. Remapped rows are counted for the life of the card.
        Quantity.MEMORY_ERRORS: _gauge("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"),
        Quantity.MEMORY_ERROR_RATE: _counter(
            "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS"
        ),
        Quantity.PCIE_REPLAYS: _counter("DCGM_FI_DEV_PCIE_REPLAY_COUNTER"),
        # What a CRC error costs is sent again: it is among the first.
        Quantity.LINK_ERRORS: _counter(
            "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL"
        ),
        Quantity.FABRIC_STATE: _gauge("DCGM_FI_DEV_FABRIC_MANAGER_STATUS"),
        Quantity.FABRIC_HEALTH: _gauge("DCGM_FI_DEV_FABRIC_HEALTH_MASK"),
    },
)

"""GPUs: the effect of the engine's work on their activity, power, temperature and clocks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

AMBIENT = 27.0
"""Air temperature in the racks, °C."""
IDLE_SM_CLOCK = 345.0
COOLING_SECONDS = 25.0
"""Time constant of a heat sink: how long a GPU takes for 63 % of the way to its new temperature."""
SLOWDOWN_MARGIN = 8.0
"""Range in °C above the throttle temperature over which clocks drop linearly to the slowest."""

# NVML clocks event reasons (nvml.h, nvmlClocksEventReason*)
GPU_IDLE = 0x1
SW_POWER_CAP = 0x4
SW_THERMAL_SLOWDOWN = 0x20
HW_THERMAL_SLOWDOWN = 0x40


@dataclass(frozen=True, slots=True)
class GpuModel:
    """A GPU product: memory in MiB, power in W, clocks in MHz, temperatures in °C."""

    name: str
    memory: int
    idle_power: float
    max_power: float
    sm_clock: float
    memory_clock: float
    throttle_at: float
    degrees_per_watt: float
    """Temperature rise over the air per watt, with intact cooling."""


H100 = GpuModel("NVIDIA H100 80GB HBM3", 81559, 70.0, 700.0, 1980.0, 2619.0, 87.0, 0.068)
A100 = GpuModel("NVIDIA A100-SXM4-80GB", 81920, 55.0, 400.0, 1410.0, 1593.0, 85.0, 0.11)
L40S = GpuModel("NVIDIA L40S", 46068, 35.0, 350.0, 2520.0, 9001.0, 88.0, 0.13)
GPUS = {"H100": H100, "A100": A100, "L40S": L40S, "H100 3g.40gb": replace(H100, memory=40448)}


@dataclass(slots=True)
class Gpu:
    """One GPU, or one MIG instance of it, of a node."""

    model: GpuModel
    node: str
    index: int
    mig_profile: str = ""
    mig_id: int = -1
    """The instance's profile and id; empty and -1 for a whole GPU."""
    holder: tuple[str, str, str] | None = None
    """Namespace, pod and container that the device plugin gave it to."""
    cooling: float = 1.0
    """Share of the heat that the cooling still carries away; below 1 something blocks it."""
    memory_used: float = 0.0
    """MiB."""
    activity: float = 0.0
    """Share of time in which a kernel ran, 0-1."""
    tensor: float = 0.0
    dram: float = 0.0
    power: float = 0.0
    temperature: float = 0.0
    clock: float = IDLE_SM_CLOCK
    """Clock of the SMs, MHz."""
    energy: float = 0.0
    """Joules since boot."""
    thermal_violation: float = 0.0
    """Seconds throttled because of heat, as of power in the next, since boot."""
    power_violation: float = 0.0
    reasons: int = GPU_IDLE
    """Bits of NVML's clocks event reasons."""
    xid: int = 0
    """The last XID error; it stays until the driver is reloaded."""
    lost: bool = False
    """True once it fell off the bus: nothing can use it."""

    def __post_init__(self) -> None:
        self.power = self.model.idle_power
        self.temperature = self._equilibrium()
        # a node has been up for some weeks
        self.energy = self.model.max_power * 0.5 * 86400 * (20 + self.index)

    @property
    def uuid(self) -> str:
        """UUID as NVML has it, the same for every MIG instance of a GPU."""
        digest = hashlib.sha256(f"{self.node}/{self.index}".encode()).hexdigest()
        return f"GPU-{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"

    @property
    def pci_bus_id(self) -> str:
        """PCI address."""
        return f"00000000:{0x0F + 0x11 * self.index:02X}:00.0"

    @property
    def slowdown(self) -> float:
        """Factor by which work is slower than at full clock."""
        return self.model.sm_clock / self.clock if self.reasons & (SW_THERMAL_SLOWDOWN | HW_THERMAL_SLOWDOWN) else 1.0

    def advance(self, seconds: float, activity: float, prefill: float, *, spinning: bool = False) -> None:
        """Simulate `seconds` in which kernels ran for a share `activity` of the time, a share `prefill` in prefill.

        Prefill is bound by the tensor cores, decode by memory bandwidth; prefill draws nearly full power. With
        `spinning` the kernels only wait for each other, as in a hung collective: busy, and hardly warm.
        """
        model = self.model
        blend = min(1.0, seconds / 2)
        self.activity += (activity - self.activity) * blend
        decode = 0.1 * activity if spinning else max(0.0, activity - prefill)
        self.tensor += (0.62 * prefill + 0.06 * decode - self.tensor) * blend
        self.dram += (0.35 * prefill + 0.68 * decode - self.dram) * blend
        share = (0.97 * prefill + 0.62 * decode) * (self.clock / model.sm_clock if activity > 0.02 else 1.0)
        self.power = model.idle_power + (model.max_power - model.idle_power) * min(1.0, share)
        self.energy += self.power * seconds
        self.temperature += (self._equilibrium() - self.temperature) * min(1.0, seconds / COOLING_SECONDS)
        self._set_clock(seconds)

    def _equilibrium(self) -> float:
        return AMBIENT + self.power * self.model.degrees_per_watt / self.cooling

    def _set_clock(self, seconds: float) -> None:
        model = self.model
        above = self.temperature - model.throttle_at
        if above > 0:
            self.clock = model.sm_clock * (1 - 0.65 * min(1.0, above / SLOWDOWN_MARGIN))
            self.reasons = SW_THERMAL_SLOWDOWN | (HW_THERMAL_SLOWDOWN if above > SLOWDOWN_MARGIN / 2 else 0)
            self.thermal_violation += seconds
        elif self.power > 0.97 * model.max_power:
            self.clock = model.sm_clock * 0.93
            self.reasons = SW_POWER_CAP
            self.power_violation += seconds
        elif self.activity > 0.02:
            self.clock = model.sm_clock
            self.reasons = 0
        else:
            self.clock = IDLE_SM_CLOCK
            self.reasons = GPU_IDLE

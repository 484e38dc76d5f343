"""A machine with GPUs for NVIDIA's own binding: a driver library that is built from nvml.c and answers from a file."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30


@dataclass(frozen=True)
class Gpu:
    """One GPU. Bytes, ratio, °C, W, Hz; ``processes``: pid → bytes."""

    uuid: str = "GPU-0"
    name: str = "NVIDIA L4"
    total: int = 24 * GIB
    used: int = GIB
    utilisation: float = 0.0
    temperature: int = 40
    power: float = 30.0
    clock: float = 2.04e9
    reasons: int = 0
    processes: Mapping[int, int] | None = None


@dataclass(frozen=True)
class Driver:
    """The library in ``folder``. What runs with ``environ`` sees its GPUs."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        """Environment for processes that should see the GPUs."""
        return {"LD_LIBRARY_PATH": str(self.folder), "NVML_STATE": str(self.folder / "state")}

    def has(self, *gpus: Gpu, version: str = "580.95.05", cuda: int = 13000) -> None:
        """Give the machine these GPUs from now on."""
        lines = [f"driver {version} {cuda}"]
        for gpu in gpus:
            held = ",".join(f"{pid}:{size}" for pid, size in (gpu.processes or {}).items()) or "-"
            numbers = (gpu.total, gpu.used, round(gpu.utilisation * 100), gpu.temperature)
            rates = (round(gpu.power * 1000), round(gpu.clock / 1e6), gpu.reasons)
            lines.append(" ".join(map(str, ("gpu", gpu.uuid, *numbers, *rates, held, gpu.name))))
        (self.folder / "state").write_text("\n".join(lines) + "\n")


def build(folder: Path) -> Driver:
    """Compile the library into a new folder."""
    folder.mkdir()
    source, library = Path(__file__).with_name("nvml.c"), folder / "libnvidia-ml.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, source], check=True)
    return Driver(folder)

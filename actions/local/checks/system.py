"""Checks of the machine itself: ending logins, shared memory, the disk."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from actions.planning.plan import Check, Verdict
from fleet.local.fit.memory import GIB, gib
from fleet.local.spec import LaunchSpec

LOGIND = (Path("/etc/systemd/logind.conf"), Path("/etc/systemd/logind.conf.d"), Path("/run/systemd/logind.conf.d"))
SHARED = GIB
"""Bytes of /dev/shm per rank that several ranks want for talking to each other."""
OTHERS = {
    "AMD (ROCm)": ("rocm", "kfd"),
    "Intel (XPU)": ("xpu", ""),
    "Gaudi": ("gaudi", "accel/accel0"),
    "TPU": ("tpu", "accel0"),
    "Neuron": ("neuron", "neuron0"),
}
"""Accelerators unknown to NVML: the marker of vLLM builds for them, and their device in /dev."""
DISK = GIB
"""Bytes that logs and compiled graphs may take."""


def check_session(files: tuple[Path, ...] = LOGIND, runs: Path = Path("/run/systemd/system")) -> Check:
    """Check whether the login manager ends a user's processes at logout (logind.conf(5))."""
    about = "session"
    kills = False
    if runs.exists():
        for file in [found for path in files for found in (sorted(path.glob("*.conf")) if path.is_dir() else [path])]:
            try:
                values = re.findall(r"^\s*KillUserProcesses\s*=\s*(\w+)", file.read_text(), re.MULTILINE)
            except OSError:
                continue
            kills = values[-1].lower() in ("yes", "true", "1", "on") if values else kills
    if kills:
        what = "logind ends all your processes when you log out (KillUserProcesses=yes), the server too"
        return Check(about, Verdict.WARN, what, "loginctl enable-linger, and start it from: systemd-run --user --scope")
    return Check(about, Verdict.PASS, "in its own session: it continues when this terminal closes")


def other_accelerator(version: str, devices: Path = Path("/dev")) -> str:
    """Return the accelerator, not NVIDIA's, that a vLLM of this version would use here; empty for none known."""
    mark = version.partition("+")[2].lower()
    marked = next((name for name, (word, _) in OTHERS.items() if word in mark), "")
    there = (name for name, (_, device) in OTHERS.items() if device and (devices / device).exists())
    return marked or next(there, "")


def check_shared(ranks: int, free: int | None) -> Check | None:
    """Shared memory for ranks that talk to each other; None for one alone. ``free`` in bytes, None for unknown."""
    if ranks < 2 or free is None or free >= ranks * SHARED:
        return None
    what = f"{gib(free)} of shared memory for {ranks} ranks: NCCL may end with a bus error"
    return Check("shared memory", Verdict.WARN, what, "make /dev/shm larger (in a container: --shm-size)")


def free_shared() -> int | None:
    """Free bytes of /dev/shm; None where there is none."""
    try:
        return shutil.disk_usage("/dev/shm").free  # noqa: S108 - looked at
    except OSError:
        return None


def check_disk(folder: Path) -> Check | None:
    """Room for logs; None where there is enough."""
    place = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    free = shutil.disk_usage(place).free
    if free >= DISK:
        return None
    return Check("disk", Verdict.WARN, f"{gib(free)} free at {place}: its log and compiled graphs are written there")


def cpu_flags(info: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The instruction sets of the CPU as Linux names them; empty where it is not known, or not an x86."""
    try:
        with info.open(errors="replace") as lines:
            line = next((line for line in lines if line.startswith("flags")), "")
    except OSError:
        return frozenset()
    return frozenset(line.partition(":")[2].split())


def check_fp8_on_cpu(spec: LaunchSpec, flags: frozenset[str]) -> Check | None:
    """Check for an fp8 KV cache on a CPU, which needs AVX-512 or AMX (vLLM, cpu_attn.py) and otherwise fails a minute
    after the start.
    """
    if not flags or not spec.kv_cache_dtype.startswith("fp8") or flags & {"avx512f", "amx_tile"}:
        return None
    what = "an fp8 KV cache on a CPU needs AVX-512 or AMX, and this one has neither"
    return Check("KV cache", Verdict.BLOCK, what, "omit --kv-cache-dtype")

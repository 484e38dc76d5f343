"""The local machine, as planning and starting see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from fleet.dataclass import dataclass
from fleet.local.gpus import GpuReading, read_gpus
from fleet.local.server import ServerState


@dataclass(frozen=True, slots=True)
class KvRules:
    """Version-dependent rules by which vLLM reserves room in the KV cache; the defaults are the newest."""

    hybrid: bool = True
    """True if on GPUs it separates layers with a window from those without (0.10); otherwise all keep every token."""
    hybrid_on_cpu: bool = True
    chunked: bool = True
    """True if layers that keep a chunk (Llama 4) are separated too, unless a variable disables that."""
    in_flight: bool = True
    """True if it counts all batches that are under way at once; else one of them."""
    spare: bool = True
    """True if it keeps one block back."""


NEWEST: Final = KvRules()


@dataclass(frozen=True, slots=True)
class Installed:
    """The vLLM that would be started."""

    executable: str
    version: str = ""
    """Empty if unknown."""
    drains: bool = False
    """True if it has ``--shutdown-timeout``: on SIGINT it refuses new requests and finishes its current ones."""
    benches: bool = False
    """True if it has ``vllm bench serve``."""
    cpu: bool = False
    """True for a build for CPUs: it needs no GPU, and uses none."""
    quiet: bool = False
    """True if it has ``--disable-access-log-for-endpoints``: health checks do not fill its log."""
    utilization: float = 0.9
    """Default of ``--gpu-memory-utilization``: 0.9 for long, 0.92 lately."""
    kv: KvRules = NEWEST
    silent: bool = False
    """True if it did not report its version in time."""


Reading = Callable[[int, int], None]
"""Called on the planning loop with the bytes of weights read for their checksums, and the total; zeros afterwards."""


def unheard(read: int, size: int) -> None:
    """A Reading that does nothing."""


class Servers(Protocol):
    """fleet.local.watch.Watcher."""

    async def poll(self) -> tuple[ServerState, ...]:
        """All servers as they are now, by name."""
        ...


@dataclass(frozen=True, slots=True)
class Machine:
    """``state`` is this program's state folder, ``executable`` the one in the settings (empty: searched for)."""

    state: Path
    environ: Mapping[str, str]
    servers: Servers
    executable: str = ""
    grace: float = 300.0
    """Seconds given to running requests, unless a request overrides it."""
    gpus: Callable[[], GpuReading] = read_gpus
    reading: Reading = unheard
    asking: Callable[[str], None] = lambda _: None
    """Called with the reason, in words, while planning waits."""

"""This machine, as planning and starting see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from fleet.dataclass import dataclass
from fleet.local.gpus import GpuReading, read_gpus
from fleet.local.server import ServerState


@dataclass(frozen=True, slots=True)
class KvRules:
    """The rules by which a version of vLLM reserves room in the KV cache; the newest by default."""

    hybrid: bool = True
    """True if on GPUs it keeps layers with a window apart from those without (0.10); else all keep every token."""
    hybrid_on_cpu: bool = True
    chunked: bool = True
    """Layers that keep a chunk (Llama 4) are kept apart, too, unless a variable says otherwise."""
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
    """Empty where it does not say."""
    drains: bool = False
    """True if it knows ``--shutdown-timeout``: on SIGINT it refuses new requests and finishes those it has."""
    benches: bool = False
    """True if it knows ``vllm bench serve``."""
    cpu: bool = False
    """True for a build for CPUs: it needs no GPU, and uses none."""
    quiet: bool = False
    """True if it knows ``--disable-access-log-for-endpoints``: looks at its health do not fill its log."""
    utilization: float = 0.9
    """Default of ``--gpu-memory-utilization``: 0.9 for long, 0.92 lately."""
    kv: KvRules = NEWEST
    silent: bool = False
    """True if it was asked for its version and did not answer in time."""


Reading = Callable[[int, int], None]
"""Told, on the planning loop, how many bytes of weights were read for their checksums, and of how many; zeros after."""


def unheard(read: int, size: int) -> None:
    """A Reading to which nobody listens."""


class Servers(Protocol):
    """fleet.local.watch.Watcher."""

    async def look(self) -> tuple[ServerState, ...]:
        """All servers as they are now, by name."""
        ...


@dataclass(frozen=True, slots=True)
class Machine:
    """``state`` is this program's state folder, ``executable`` what the settings name (empty: found by itself)."""

    state: Path
    environ: Mapping[str, str]
    servers: Servers
    executable: str = ""
    grace: float = 300.0
    """Seconds that a server gets for its running requests, unless a request says otherwise."""
    gpus: Callable[[], GpuReading] = read_gpus
    reading: Reading = unheard
    asking: Callable[[str], None] = lambda _: None
    """Told, in words, of what is waited for while a plan is made."""

"""A server of this machine at one moment: how far it is, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fleet.local.record import ServerRecord


class Phase(StrEnum):
    """Where a server is. The order of the members is that of a start."""

    STARTING = "starting"
    DOWNLOADING = "downloading"
    LOADING = "reading weights"
    COMPILING = "compiling"
    CAPTURING = "capturing graphs"
    READY = "ready"
    STOPPING = "stopping"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Stage:
    """One phase of a start. Times are Unix seconds."""

    phase: Phase
    began: float
    detail: str = ""
    """What it says of it: ``shard 3 of 30``."""
    done: float = 0.0
    total: float = 0.0
    """0 where it has no count."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a server died, in words."""

    id: str
    """``cuda-oom``, ``port-taken`` …; ``unknown`` where the log does not say."""
    text: str
    """What happened and what it means, one sentence."""
    remedy: str = ""
    line: str = ""
    """The line of the log that says so."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """What is known of a server now."""

    record: ServerRecord
    at: float
    """Unix time."""
    stage: Stage
    stages: tuple[Stage, ...] = ()
    """The phases of this start so far, in order, the last one being ``stage`` until it is ready."""
    eta: float | None = None
    """Seconds until it is ready, from earlier starts; None where there is nothing to go by."""
    reason: Reason | None = None
    """Of a dead one."""
    tail: tuple[str, ...] = ()
    """The last lines of its log, oldest first."""
    end_seen: bool = True
    """Of a dead one: somebody saw it end. Else ``stage.began`` is when it was last heard of, and it ended since."""
    healthy: bool | None = None
    """Of a ready one: what /health said last; None where it was not asked yet."""
    models: tuple[str, ...] = ()
    """What /v1/models lists, once it is ready."""

    @property
    def name(self) -> str:
        """What the server is called."""
        return self.record.name

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self.stage.phase is not Phase.DEAD

    @property
    def serves(self) -> bool:
        """Whether it may have requests: it is ready, or was, and now finishes those that it has."""
        stopping = self.stage.phase is Phase.STOPPING and self.record.ready is not None
        return self.stage.phase is Phase.READY or stopping

    @property
    def elapsed(self) -> float:
        """Seconds since it was started; to being ready, once it is."""
        return (self.record.ready or self.at) - self.record.begun

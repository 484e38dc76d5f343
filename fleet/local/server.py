"""A server on this machine at one moment: its progress, and what went wrong."""

from __future__ import annotations

from enum import StrEnum

from fleet.dataclass import dataclass
from fleet.local.record import ServerRecord
from fleet.model.log_wording import Reason


class Phase(StrEnum):
    """The phases of a server, in the order of a start."""

    STARTING = "starting"
    DOWNLOADING = "downloading"
    LOADING = "reading weights"
    COMPILING = "compiling"
    CAPTURING = "capturing graphs"
    READY = "ready"
    STOPPING = "stopping"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class StartStage:
    """One phase of a start. Times are Unix seconds."""

    phase: Phase
    began: float
    detail: str = ""
    """Detail of the phase: ``shard 3 of 30``."""
    done: float = 0.0
    total: float = 0.0
    """0 where it has no count."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """The present state of a server."""

    record: ServerRecord
    at: float
    """Unix time."""
    stage: StartStage
    stages: tuple[StartStage, ...] = ()
    """The phases of this start so far, in order, the last one being ``stage`` until it is ready."""
    eta: float | None = None
    """Seconds until it is ready, from earlier starts; None if there are none."""
    reason: Reason | None = None
    """The reason of a dead one."""
    tail: tuple[str, ...] = ()
    """The last lines of its log, oldest first."""
    end_seen: bool = True
    """False for a dead server whose end was not observed: ``stage.began`` is the last sign of life, and it ended
    later.
    """
    healthy: bool | None = None
    """Last answer of /health of a ready server; None before the first one."""
    models: tuple[str, ...] = ()
    """Models of /v1/models, once it is ready."""

    @property
    def name(self) -> str:
        """Name of the server."""
        return self.record.name

    @property
    def alive(self) -> bool:
        """True if its process runs."""
        return self.stage.phase is not Phase.DEAD

    @property
    def serves(self) -> bool:
        """True if it may have requests: it is ready, or it was and now finishes its requests."""
        stopping = self.stage.phase is Phase.STOPPING and self.record.ready is not None
        return self.stage.phase is Phase.READY or stopping

    @property
    def elapsed(self) -> float:
        """Seconds since it was started; to being ready, once it is."""
        return (self.record.ready or self.at) - self.record.begun

"""The answer of an engine so far."""

from __future__ import annotations

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """The state of an answer so far. The last piece has ``done``. Times in seconds."""

    text: str
    """All text so far, preceded by the model's reasoning if the engine returns that separately."""
    elapsed: float
    """Time since the prompt was sent."""
    ttft: float | None = None
    """Time until the first token came."""
    tokens: int = 0
    """Output tokens so far: as the server counts them once it is done, before that one per chunk."""
    rate: float | None = None
    """Output tokens per second since the first one."""
    done: bool = False
    stopped: str = ""
    """The reason why it ended: ``stop``, ``length``."""

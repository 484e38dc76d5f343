"""How long starts took, for the next one's ETA."""

from __future__ import annotations

from pathlib import Path

import orjson

from fleet.local.errors import LocalError
from fleet.local.eta import start_of, to_json
from fleet.local.record import STARTS
from fleet.local.server import ServerState

KEPT = 200
"""Starts that are remembered; the oldest go."""


def remember(folder: Path, state: ServerState) -> None:
    """Write down a start that has become ready; ``folder`` is where servers are recorded. Raises LocalError."""
    file = folder / STARTS
    line = orjson.dumps(to_json(start_of(state)))
    try:
        lines = file.read_bytes().splitlines() if file.exists() else []
        file.write_bytes(b"\n".join([*lines[-KEPT + 1 :], line]) + b"\n")
    except OSError as error:
        raise LocalError(f"{file} cannot be written: {error.strerror or error}") from error

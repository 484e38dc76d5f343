"""Reasons that the logs of containers give why they ended, in the words of every engine that is known."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from fleet.metrics.registry import ENGINES
from fleet.model.ending import printable
from fleet.model.log_reader import READY, LogReader

_UNTOLD: Final = frozenset({"unknown", "killed", "stopped"})
"""Ids of reasons that a log does not give."""


def reason_in(end: str) -> tuple[str, str]:
    """Id of the reason that the end of a log gives, and its line; empty where it gives none."""
    return _reason_in(end, ENGINES.version)


@lru_cache(1024)
def _reason_in(end: str, version: int) -> tuple[str, str]:
    lines = end.splitlines()
    reason = _reader(version).reason_of(lines, was_ready=any(READY in line for line in lines))
    return ("", "") if reason.id in _UNTOLD else (reason.id, printable(reason.line))


@lru_cache(8)
def _reader(version: int) -> LogReader:
    del version
    return LogReader(member.log for member in ENGINES)

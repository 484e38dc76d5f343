"""Worst first, without rows that jump: a row moves when its state changed or its score moved by a margin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fleet.model.snapshot import Severity

RANKS = {severity: rank for rank, severity in enumerate(Severity)}
"""The order in which severities are listed, the worst first."""


class Standing(NamedTuple):
    """What a row is ordered by: severity, then ``score`` (the higher the worse), then ``name``."""

    key: str
    severity: Severity
    score: float
    name: str


class WorstFirst:
    """Keeps for each row the score that it is ordered by, until the real one is more than ``margin`` away from it.

    The order of a tick is thus a total one (no cycles) and yet small changes move nothing. ``margin`` is relative
    (0.2: a fifth of the larger of the two), with ``floor`` as the smallest difference that counts, in the unit of the
    score. NaN counts as 0.
    """

    def __init__(self, margin: float = 0.2, floor: float = 1.0) -> None:
        self._margin = margin
        self._floor = floor
        self._held: dict[str, tuple[Severity, float]] = {}

    def order(self, rows: Iterable[Standing]) -> list[str]:
        """The keys, worst first. Keeps only what it needs for these rows."""
        held: dict[str, tuple[Severity, float]] = {}
        sortable: list[tuple[int, float, str, str]] = []
        for key, severity, score, name in rows:
            score = score if score == score else 0.0
            before = self._held.get(key)
            if before is not None and before[0] is severity and not self._moved(before[1], score):
                score = before[1]
            held[key] = (severity, score)
            sortable.append((RANKS[severity], -score, name, key))
        self._held = held
        sortable.sort()
        return [key for _, _, _, key in sortable]

    def _moved(self, before: float, now: float) -> bool:
        return abs(now - before) > max(self._floor, self._margin * max(abs(before), abs(now)))

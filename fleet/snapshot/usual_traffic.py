"""Usual traffic of workloads: the median of ten minutes of normal numbers.

Only numbers near the median are learned, so that an incident does not become normal while it is investigated. A level
that lasts for an hour becomes the new normal: the load has changed.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import field
from typing import Final

from fleet.dataclass import dataclass
from fleet.model.before import TRAFFIC, Traffic, TrafficPoint, traffic_columns
from fleet.model.frame import Column, Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State

STEP: Final = 15.0
"""Seconds between two numbers that are learned."""
LEARNED: Final = 40
"""Numbers that the median is taken of: ten minutes."""
LEAST: Final = 4
"""Numbers that a median needs at least."""
NEAR: Final = 1.5
"""Factor, up or down, by which a number may differ from the usual and still be learned."""
CHANGED: Final = 240
"""Numbers in a row that were too different, after which they are the new normal: an hour."""


@dataclass(slots=True)
class _Learned:
    """The numbers of one kind at one workload."""

    numbers: deque[float] = field(default_factory=lambda: deque(maxlen=LEARNED))
    strange: int = 0
    """Numbers in a row that were not learned."""
    learned: int = 0
    usual: float = math.nan

    def learn(self, number: float) -> bool:
        """True if the usual may be another now."""
        if not math.isnan(self.usual) and not self.usual / NEAR <= number <= self.usual * NEAR:
            self.strange += 1
            if self.strange < CHANGED:
                return False
            self.numbers.clear()
        self.strange = 0
        self.numbers.append(number)
        self.learned += 1
        count = len(self.numbers)
        if count < LEAST:
            known, self.usual = not math.isnan(self.usual), math.nan
            return known
        if count < LEARNED or not self.learned % LEAST:
            self.usual = sorted(self.numbers)[count // 2]
            return True
        return False


class UsualTraffic:
    """Learns the usual traffic of each workload, from Snapshot to Snapshot, and keeps the last two points of it."""

    def __init__(self) -> None:
        self._learned: dict[str, tuple[_Learned, ...]] = {}
        self._index: Mapping[str, int] = {}
        self._columns: Mapping[Quantity, Column] = {}
        self._slot = -1
        self._found: Mapping[str, Traffic] = {}
        self._points: tuple[TrafficPoint, ...] = ()

    @property
    def points(self) -> tuple[TrafficPoint, ...]:
        """The traffic of all workloads at the two steps before this one, and in it: the same object within a step."""
        return self._points

    def at(self, by_workload: Frame, now: float) -> Mapping[str, Traffic]:
        """Return workload key → its usual traffic; the same mapping while nothing in it changes."""
        slot = math.floor(now / STEP)
        if slot == self._slot or by_workload.columns is self._columns:
            return self._found
        # Points that are further apart are no course.
        self._points = self._points if slot == self._slot + 1 else ()
        self._slot, self._columns = slot, by_workload.columns
        changed = by_workload.index is not self._index
        if changed:
            kept, self._index = self._learned, by_workload.index
            self._learned = {key: kept.get(key) or tuple(_Learned() for _ in Traffic._fields) for key in self._index}
        columns = traffic_columns(by_workload)
        self._points = (*self._points, TrafficPoint(now, by_workload.index, columns))[-3:]
        # Nothing is learned of what no engine has.
        there = [at for at, quantity in enumerate(TRAFFIC) if quantity in by_workload.columns]
        for kind, numbers in (([one[at] for one in self._learned.values()], columns[at]) for at in there):
            for state, one, number in zip(by_workload.states, kind, numbers, strict=True):
                if number == number and state < State.STALE and one.learn(number):
                    changed = True
        if not changed:
            return self._found
        found = {key: Traffic(*(one.usual for one in learned)) for key, learned in self._learned.items()}
        if found != self._found:
            self._found = found
        return self._found

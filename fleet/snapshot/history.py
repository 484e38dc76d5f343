"""Short histories for the strips: the last quarter of an hour, a point every 15 s.

A point is a reference to the columns of a Snapshot, so recording copies nothing and a fleet of any size costs one small
array per quantity and point.
"""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict
from collections.abc import Mapping

from fleet.dataclass import dataclass
from fleet.model.frame import Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.snapshot.differences import are_same

STEP = 15.0
POINTS = 60
"""A quarter of an hour, as wide as a strip can usefully be."""

KEPT = (
    Quantity.RUNNING,
    Quantity.WAITING,
    Quantity.KV_USAGE,
    Quantity.GENERATION_TOKENS,
    Quantity.TTFT_P95,
    Quantity.ITL_P95,
    Quantity.GPU_UTIL,
)
"""The quantities that some screen draws over time."""


@dataclass(frozen=True, slots=True)
class Point:
    """The values of one step: per frame its index (shared while the keys stay the same) and its columns."""

    parts: tuple[tuple[Mapping[str, int], Mapping[Quantity, array[float]]], ...]

    def value(self, key: str, quantity: Quantity) -> float:
        """NaN for what is not there."""
        for index, columns in self.parts:
            row = index.get(key)
            if row is not None and quantity in columns:
                return columns[quantity][row]
        return math.nan


class RecentHistory:
    """The points of the last quarter of an hour; Snapshots look at it through a HistoryView that ends at their time."""

    def __init__(self, step: float = STEP, points: int = POINTS) -> None:
        self.step = step
        self._points: OrderedDict[int, Point] = OrderedDict()
        self._limit = points
        self._of: tuple[object, ...] = ()
        self._last = Point(())
        """The last point, and what it was made of."""
        self.backfilled = 0

    def record(self, at: float, frames: tuple[Frame, ...]) -> HistoryView:
        """Note the values at ``at`` (Unix seconds); within one step the latest counts. Returns the view up to it."""
        slot = math.floor(at / self.step)
        kept = (frame.columns.get(quantity) for frame in frames for quantity in KEPT)
        of = (*kept, *(part for frame in frames for part in (frame.index, frame.states)))
        if not are_same(of, self._of):
            self._of, self._last = of, Point(tuple((frame.index, columns_kept(frame)) for frame in frames))
        if self._points.get(slot) is not self._last:
            self._points[slot] = self._last
            self._trim()
        return HistoryView(self, slot)

    def backfill(self, at: float, values: Mapping[Quantity, Mapping[str, float]]) -> None:
        """Fill a step that was before the console's time, from a source that remembers. What is there stays."""
        slot = math.floor(at / self.step)
        if slot in self._points:
            return
        parts = tuple(
            ({key: i for i, key in enumerate(series)}, {quantity: array("d", series.values())})
            for quantity, series in values.items()
        )
        self.backfilled += 1
        self._points[slot] = Point(parts)
        self._points = OrderedDict(sorted(self._points.items()))
        self._trim()

    def point_at(self, slot: int) -> Point | None:
        """The point of a step, None for a gap."""
        return self._points.get(slot)

    @property
    def first_slot(self) -> int:
        """The oldest step that is kept, 0 for none."""
        return next(iter(self._points), 0)

    def _trim(self) -> None:
        while len(self._points) > self._limit:
            self._points.popitem(last=False)


@dataclass(frozen=True, slots=True)
class HistoryView:
    """A history as one Snapshot sees it."""

    history: RecentHistory
    slot: int

    @property
    def step(self) -> float:
        return self.history.step

    @property
    def backfilled(self) -> int:
        return self.history.backfilled

    def strip(self, key: str, quantity: Quantity, points: int) -> tuple[float, ...]:
        out = []
        for slot in range(max(self.slot - points + 1, self.history.first_slot), self.slot + 1):
            point = self.history.point_at(slot)
            out.append(math.nan if point is None else point.value(key, quantity))
        start = next((i for i, v in enumerate(out) if not math.isnan(v)), len(out))
        return tuple(out[start:])


def columns_kept(frame: Frame) -> dict[Quantity, array[float]]:
    """The columns worth keeping; a row whose source is silent is a gap, not a flat line."""
    doubtful = max(frame.states, default=State.FRESH) >= State.STALE
    silent = [i for i, state in enumerate(frame.states) if state >= State.STALE] if doubtful else []
    kept = {}
    for quantity in KEPT:
        column = frame.columns.get(quantity)
        if column is None:
            continue
        values = column.values
        if silent:
            values = array("d", values)
            for i in silent:
                values[i] = math.nan
        kept[quantity] = values
    return kept

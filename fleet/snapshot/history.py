"""Short histories for the strips: the last quarter of an hour, a point every 15 s.

The newest point is a reference to the columns of a Snapshot: recording a tick copies nothing. When its step is over, it
becomes one array of single precision per quantity, in rows that a key keeps while any point may have its number: a
quarter of an hour of five thousand pods is 8 MiB, however many of them come and go.
"""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from fleet.dataclass import dataclass
from fleet.model.differences import are_same
from fleet.model.frame import Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.snapshot.history_rows import HistoryRows

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

_Point: TypeAlias = "Mapping[Quantity, array[float]]"
"""The values of a step that is over, by the rows of the history; a row behind the end of an array has none."""

_NONE = array("f")


@dataclass(frozen=True, slots=True)
class _Open:
    """The values of the step that is not over yet: per frame its index and its columns."""

    slot: int
    parts: tuple[tuple[Mapping[str, int], Mapping[Quantity, array[float]]], ...] = ()

    def value(self, key: str, quantity: Quantity) -> float:
        """Return the value; NaN if there is none."""
        for index, columns in self.parts:
            row = index.get(key)
            if row is not None and quantity in columns:
                return columns[quantity][row]
        return math.nan


class RecentHistory:
    """The points of the last quarter of an hour; Snapshots look at it through a HistoryView that ends at their time."""

    def __init__(self, step: float = STEP, points: int = POINTS) -> None:
        self.step = step
        self._points: OrderedDict[int, _Point] = OrderedDict()
        """The steps that are over."""
        self._limit = points
        self._rows = HistoryRows(points)
        self._of: tuple[object, ...] = ()
        self._open: _Open | None = None
        """The newest step, and the inputs of its values."""
        self._kept = 0
        """Number of times that the steps that are over became others."""
        self._read: tuple[object, Sequence[array[float]]] | None = None
        """The columns that were read last, and of which steps."""
        self.backfilled = 0
        """Number of steps filled from before the console's start."""

    @property
    def rows(self) -> int:
        """Number of rows: tests count what pods that come and go leave behind."""
        return self._rows.count

    def record(self, at: float, frames: tuple[Frame, ...]) -> HistoryView:
        """Note the values at ``at`` (Unix seconds); within one step the latest counts. Returns the view up to it."""
        slot = math.floor(at / self.step)
        kept = (frame.columns.get(quantity) for frame in frames for quantity in KEPT)
        of = (*kept, *(part for frame in frames for part in (frame.index, frame.states)))
        if self._open is not None and self._open.slot != slot:
            self._close(self._open)
        if self._open is None or self._open.slot != slot or not are_same(of, self._of):
            self._of = of
            self._open = _Open(slot, tuple((frame.index, columns_kept(frame)) for frame in frames))
        return HistoryView(self, slot)

    def backfill(self, at: float, values: Mapping[Quantity, Mapping[str, float]]) -> None:
        """Fill a step from before the console's start, from a source that remembers. Existing steps are kept."""
        slot = math.floor(at / self.step)
        if slot in self._points or (self._open is not None and self._open.slot == slot):
            return
        self.backfilled += 1
        row = self._rows.row_of
        self._keep(slot, ((quantity, map(row, series), series.values()) for quantity, series in values.items()))
        self._points = OrderedDict(sorted(self._points.items()))
        self._rows.passing(slot)

    def strip(self, key: str, quantity: Quantity, slots: range) -> list[float]:
        """Return the values of some steps, NaN where there are none."""
        row, last, columns = self._rows.known(key), self._open, self._columns(quantity, slots)
        out = [column[row] if 0 <= row < len(column) else math.nan for column in columns]
        if last is not None and last.slot in slots:
            out[last.slot - slots.start] = last.value(key, quantity)
        return out

    def _columns(self, quantity: Quantity, slots: range) -> Sequence[array[float]]:
        """Return the values of the steps that are over, an empty array where there are none: strips are mostly read of
        one quantity, for one object after the other.
        """
        of = (self._kept, quantity, slots)
        read = self._read
        if read is None or read[0] != of:
            points: Iterable[_Point] = [self._points.get(slot, {}) for slot in slots]
            read = self._read = of, [point.get(quantity, _NONE) for point in points]
        return read[1]

    def forget(self) -> None:
        """Clear everything: the objects that follow are different ones."""
        self._points.clear()
        self._rows = HistoryRows(self._limit)
        self._open, self._of = None, ()
        self._kept += 1

    @property
    def first_slot(self) -> int:
        """The oldest step that is kept, 0 for none."""
        return next(iter(self._points), self._open.slot if self._open is not None else 0)

    def _close(self, last: _Open) -> None:
        """Keep a step that is over."""
        present = [index for index, _ in last.parts]
        placed = self._rows.place(last.slot, present)
        self._keep(
            last.slot,
            (
                (quantity, rows, values)
                for rows, (_, columns) in zip(placed, last.parts, strict=True)
                for quantity, values in columns.items()
            ),
        )

    def _keep(self, slot: int, found: Iterable[tuple[Quantity, Iterable[int], Iterable[float]]]) -> None:
        point: dict[Quantity, array[float]] = {}
        for quantity, rows, values in found:
            placed = list(rows)
            column = point.setdefault(quantity, array("f"))
            column.extend(array("f", [math.nan]) * (self._rows.count - len(column)))
            for row, value in zip(placed, values, strict=True):
                column[row] = value
        self._points[slot] = point
        while len(self._points) > self._limit:
            self._points.popitem(last=False)
        self._kept += 1


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
        out = self.history.strip(
            key, quantity, range(max(self.slot - points + 1, self.history.first_slot), self.slot + 1)
        )
        if out and out[0] == out[0]:
            return tuple(out)
        start = next((i for i, v in enumerate(out) if not math.isnan(v)), len(out))
        return tuple(out[start:])


def columns_kept(frame: Frame) -> dict[Quantity, array[float]]:
    """Return the columns to keep; a row whose source is silent is a gap, not a flat line."""
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

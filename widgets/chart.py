"""A chart with axes: curves and their bands, gaps as gaps, marks on the time axis, and a pointer that reads values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.model.quantity import Unit
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit
from widgets.raster import Raster
from widgets.values import number_text, unit_text

AXIS = 9
"""Cells of the labels at the left, with the axis."""
_BELOW = 2
"""Lines below the curves: the axis with its marks, and the times."""
_TICKS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800)
"""Seconds between two labels of the time axis."""
_APART = 12
"""Cells that two of them are apart at least."""
_MINUTE, _DAY = 60, 86_400


class Drawn(NamedTuple):
    """A curve drawn over the whole width; a dotted one is distinguishable without colours."""

    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    role: Role = Role.TREND
    dotted: bool = False


class Mark(NamedTuple):
    """Something that happened, on the time axis."""

    at: float
    glyph: str
    role: Role


@dataclass(frozen=True, slots=True)
class ChartModel:
    """The contents of a chart. Times are Unix seconds; the scale goes from 0 to ``top``."""

    unit: Unit
    start: float
    end: float
    top: float
    drawn: tuple[Drawn, ...]
    marks: tuple[Mark, ...] = ()
    pointer: float = math.nan
    """The time that is read; NaN for none."""


def nice_top(values: Sequence[float], least: float, unit: Unit = Unit.COUNT) -> float:
    """The end of a scale: 1, 2 or 5 times a power of ten, not below ``least``, so that it seldom changes.

    Of bytes it is so many of the unit that they are written in.
    """
    highest = max((value for value in values if math.isfinite(value)), default=0.0)
    if unit is Unit.BYTES:
        power = 1024.0 ** max(0, math.floor(math.log(max(highest, least, 1.0), 1024)))
        return power * nice_top([highest / power], least / power)
    top = least
    while top < highest:
        size = 10.0 ** math.floor(math.log10(top) + 1e-9)
        top = next(size * step for step in (2, 5, 10) if size * step > top * (1 + 1e-9))
    return top


def chart_lines(model: ChartModel, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The chart in exactly ``height`` lines; none where there is no room for one."""
    across, down = width - AXIS, height - _BELOW
    if across < _APART or down < 2:
        return []
    cells = _cells(model, across, down, glyphs)
    labels = _labels(model, down)
    bar = "|" if glyphs.ascii else "│"
    tick = "+" if glyphs.ascii else "┤"
    lines = []
    for y, row in enumerate(cells):
        label = labels.get(y, "")
        edge = Span(fit(label, AXIS - 2, "right", glyphs.ellipsis) + " " + (tick if label else bar), Role.DIM)
        runs = groupby(row, key=lambda cell: cell[1])
        lines.append(Line((edge, *(Span("".join(text for text, _ in run), role) for role, run in runs))))
    return [*lines, _axis(model, across, glyphs), _times(model, across)]


def time_at(model: ChartModel, width: int, x: int) -> float:
    """Return the time of a column of the chart; NaN outside it."""
    across = width - AXIS
    if across < _APART or not AXIS <= x < width:
        return math.nan
    return model.start + (x - AXIS) / (across - 1) * (model.end - model.start)


def _column(model: ChartModel, at: float, across: int) -> int:
    """The column of a time, which may be outside."""
    length = model.end - model.start
    return round((at - model.start) / length * (across - 1)) if length > 0 else across - 1


def _cells(model: ChartModel, across: int, down: int, glyphs: Glyphs) -> list[list[tuple[str, Role]]]:
    """Each cell with its role: the first curve over the others, curves over bands, and the pointer behind them all."""
    cells = [[(" ", Role.TEXT)] * across for _ in range(down)]
    pointer = -1 if math.isnan(model.pointer) else _column(model, model.pointer, across)
    for drawn in reversed(model.drawn):
        if drawn.low and drawn.high:
            _shade(cells, _spread(drawn.low, across), _spread(drawn.high, across), model.top, glyphs)
    if 0 <= pointer < across:
        for row in cells:
            row[pointer] = ("|" if glyphs.ascii else "┊", Role.KEY)
    for drawn in reversed(model.drawn):
        raster = Raster(across, down, glyphs, "o" if drawn.dotted else "*")
        heights = [_row(value, model.top, raster.height) for value in _spread(drawn.values, raster.width)]
        raster.curve(heights, dotted=drawn.dotted)
        for y, text in enumerate(raster.rows()):
            for x, glyph in enumerate(text):
                if glyph != " ":
                    cells[y][x] = (glyph, Role.STRONG if x == pointer else drawn.role)
    return cells


def _shade(
    cells: list[list[tuple[str, Role]]], low: Sequence[float], high: Sequence[float], top: float, glyphs: Glyphs
) -> None:
    shade = (":" if glyphs.ascii else "░", Role.DIM)
    for x, (below, above) in enumerate(zip(low, high, strict=True)):
        bottom, upper = _row(below, top, len(cells)), _row(above, top, len(cells))
        if bottom is not None and upper is not None:
            for y in range(upper, bottom + 1):
                cells[y][x] = shade


def _row(value: float, top: float, rows: int) -> int | None:
    """The row of a value, from the top; None for a gap."""
    if math.isnan(value):
        return None
    return rows - 1 - round(min(1.0, max(0.0, value / top)) * (rows - 1))


def _spread(values: Sequence[float], points: int) -> list[float]:
    """Return the values resampled from edge to edge: interpolated linearly, with gaps kept.

    If there are more values than points, the highest of each share is kept, so that no short peak is lost.
    """
    count = len(values)
    if count == 0:
        return [math.nan] * points
    if count > points:
        shares = (values[i * count // points : (i + 1) * count // points] for i in range(points))
        return [max((v for v in share if not math.isnan(v)), default=math.nan) for share in shares]
    return [_interpolated(values, x / max(1, points - 1) * (count - 1)) for x in range(points)]


def _interpolated(values: Sequence[float], place: float) -> float:
    index, part = int(place), place % 1
    if part == 0:
        return values[index]
    here, there = values[index], values[index + 1]
    if math.isnan(here) or math.isnan(there):
        # An isolated value is visible, too.
        return here if part < 0.5 else there
    return here + (there - here) * part


def _labels(model: ChartModel, down: int) -> dict[int, str]:
    """Row → its value in words, as many as have room, on round numbers."""
    mantissa = model.top / 10 ** math.floor(math.log10(model.top) + 1e-9)
    fine = 4 if round(mantissa) == 2 else 5
    parts = next((parts for parts in (fine, 2) if down >= 2 * parts + 1 and (down > 12 or parts == 2)), 1)
    unit = unit_text(model.unit)
    found = {}
    for i in range(parts + 1):
        value = model.top * i / parts
        row = _row(value, model.top, down)
        if row is not None:
            found[row] = number_text(value, model.unit) + (unit if len(unit) < 3 else "")
    return found


def _axis(model: ChartModel, across: int, glyphs: Glyphs) -> Line:
    cells = [(glyphs.horizontal, Role.DIM)] * across
    for column, _ in _time_labels(model, across):
        cells[column] = ("+" if glyphs.ascii else "┬", Role.DIM)
    for mark in model.marks:
        column = _column(model, mark.at, across)
        if 0 <= column < across:
            cells[column] = (mark.glyph, mark.role)
    corner = Span(" " * (AXIS - 1) + ("+" if glyphs.ascii else "└"), Role.DIM)
    runs = groupby(cells, key=lambda cell: cell[1])
    return Line((corner, *(Span("".join(text for text, _ in run), role) for role, run in runs)))


def _times(model: ChartModel, across: int) -> Line:
    text = [" "] * (AXIS + across)
    for column, label in _time_labels(model, across):
        start = AXIS + column - len(label) // 2
        if start + len(label) <= len(text):
            text[start : start + len(label)] = label
    return Line((Span("".join(text), Role.DIM),))


def _time_labels(model: ChartModel, across: int) -> list[tuple[int, str]]:
    """Columns and labels on round times (UTC); a day's begin is its date."""
    length = model.end - model.start
    if length <= 0:
        return []
    step = next((s for s in _TICKS if s / length * across >= _APART), _TICKS[-1])
    first = math.ceil(model.start / step) * step
    times = [first + step * i for i in range(int((model.end - first) // step) + 1)]
    return [(_column(model, at, across), _clock(at)) for at in times]


def _clock(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%b %d" if at % _DAY == 0 else "%H:%M")

"""One quantity over time, on a fixed scale, in dots."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fleet.dataclass import dataclass
from fleet.model.quantity import Unit
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit, plain
from widgets.raster import Raster
from widgets.strip_chart import ChartScale, height, resample
from widgets.values import WORDS, age_text, number_text, unit_text


@dataclass(frozen=True, slots=True)
class PlotModel:
    """Contents of a plot."""

    title: str
    unit: Unit
    values: tuple[float, ...]
    """Oldest first, NaN for gaps, evenly spaced; the last one is now, or the moment in view."""
    scale: ChartScale
    span: float
    """Seconds from the first value to the last."""
    threshold: float = math.nan
    """An objective, drawn as a dashed line; NaN for none."""
    stale: int = 0
    """Number of stale values at the end."""
    is_past: bool = False
    """True if the last value is of a moment in view, and not of now."""


_AXIS = 7
"""Cells of the labels at the left."""


def plot_lines(model: PlotModel, width: int, lines: int, glyphs: Glyphs) -> list[Line]:
    """The plot in ``lines`` lines: title, curve with its axis, time. Just the title where there is no room."""
    newest = next((value for value in reversed(model.values) if not math.isnan(value)), math.nan)
    blank = " " if model.unit in WORDS else ""
    shown = glyphs.missing if math.isnan(newest) else number_text(newest, model.unit) + blank + unit_text(model.unit)
    role = Role.STALE if model.stale else Role.STRONG
    head = Line((Span(f" {model.title} ", Role.HEAD), Span(shown, role)))
    across, down = width - _AXIS - 1, lines - 2
    if across < 4 or down < 1:
        return [head][:lines]
    cells = _cells(model, across, down, glyphs)
    fresh = across - math.ceil(across * model.stale / max(1, len(model.values)))
    limit = _limit_row(model, down)
    out = [head]
    for y, row in enumerate(cells):
        value = model.scale.high if y == 0 else model.scale.low if y == down - 1 else math.nan
        label = "" if math.isnan(value) else number_text(value, model.unit)
        if y == limit:
            row = "".join((glyphs.horizontal if x % 2 else " ") if cell == " " else cell for x, cell in enumerate(row))
            label = number_text(model.threshold, model.unit)
        out.append(
            Line(
                (
                    Span(fit(label, _AXIS - 1, "right", glyphs.ellipsis) + " ", Role.DIM),
                    Span(row[:fresh], Role.TREND),
                    Span(row[fresh:], Role.STALE),
                )
            )
        )
    back, end = ("before", "then") if model.is_past else ("ago", "now")
    start = f"{age_text(model.span)} {back}"
    out.append(plain(" " * _AXIS + start + end.rjust(max(len(end) + 1, across - len(start))), Role.DIM))
    return out


def _spread(values: Sequence[float], points: int) -> list[float]:
    """Return the values over the whole width: if there are few, each is held until the next, as the time axis goes from
    edge to edge.
    """
    count = len(values)
    return [values[i * count // points] for i in range(points)] if 0 < count < points else resample(values, points)


def _cells(model: PlotModel, across: int, down: int, glyphs: Glyphs) -> list[str]:
    raster = Raster(across, down, glyphs)
    top = raster.height - 1
    values = _spread(model.values, raster.width)
    raster.curve([None if math.isnan(v) else top - round(height(v, model.scale) * top) for v in values])
    return raster.rows()


def _limit_row(model: PlotModel, down: int) -> int | None:
    if math.isnan(model.threshold) or not model.scale.low <= model.threshold <= model.scale.high:
        return None
    return down - 1 - round(height(model.threshold, model.scale) * (down - 1))

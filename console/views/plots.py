"""Plots of one object's last quarter of an hour, side by side if there is room."""

from __future__ import annotations

import math

from console.views.layout import head, side_by_side
from fleet.model.in_past import is_past
from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from widgets.chart import nice_top
from widgets.line import BLANK, Line
from widgets.plot import PlotModel, plot_lines
from widgets.strip_chart import ChartScale

POINTS = 60
HEIGHT = 7
"""Lines of a plot: title, five of curve, time."""
_LEAST = 36
"""Width in cells below which two plots are not side by side."""

_PLOTS: tuple[tuple[str, Quantity, float], ...] = (
    ("waiting", Quantity.WAITING, 10),
    ("KV cache", Quantity.KV_USAGE, 1),
    ("TTFT p95", Quantity.TTFT_P95, 1),
    ("ITL p95", Quantity.ITL_P95, 0.1),
    ("generated", Quantity.GENERATION_TOKENS, 1000),
    ("running", Quantity.RUNNING, 32),
)
"""Title, quantity, and the least that the scale reaches up to."""


def plot_model(snapshot: Snapshot, key: str, title: str, quantity: Quantity, least: float) -> PlotModel:
    """One quantity over the last quarter of an hour; times that the console has not seen are gaps."""
    values = snapshot.history.strip(key, quantity, POINTS)
    values = (math.nan,) * (POINTS - len(values)) + values
    top = 1.0 if quantity is Quantity.KV_USAGE else nice_top(values, least)
    unit, span = MEANINGS[quantity].unit, snapshot.history.step * (POINTS - 1)
    return PlotModel(title, unit, values, ChartScale(0, top), span, is_past=is_past(snapshot))


def plot_block(snapshot: Snapshot, key: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Return all plots of an object, in one or two columns; nothing if nothing was measured."""
    models = [plot_model(snapshot, key, *plot) for plot in _PLOTS]
    if all(math.isnan(value) for model in models for value in model.values):
        return []
    lines = [head("15 minutes before" if is_past(snapshot) else "last 15 minutes")]
    if width < 2 * _LEAST:
        for model in models:
            lines += [*plot_lines(model, width, HEIGHT, glyphs), BLANK]
        return lines[:-1]
    half = width // 2
    for left, right in zip(models[::2], models[1::2], strict=True):
        one, other = plot_lines(left, half, HEIGHT, glyphs), plot_lines(right, half, HEIGHT, glyphs)
        lines += [*side_by_side(one, other, half, width - half), BLANK]
    return lines[:-1]

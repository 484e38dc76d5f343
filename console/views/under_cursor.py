"""Details of the row under the cursor, in the free lines below the table: its reason, its plots, and its past."""

from __future__ import annotations

import math
from collections.abc import Sequence

from console.views.load import latency_lines, phase_lines
from console.views.plots import plot_model
from console.views.root_words import root_reason
from console.views.subject import assessment_of
from console.views.timeline import clock, event_text
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from fleet.timeline.entry import Entry, Weight
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import BLANK, Line, Span, fit_spans, width_of
from widgets.plot import PlotModel, plot_lines
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted, untrusted_line, untrusted_name
from widgets.values import WORDS, number_text, unit_text

HEIGHTS = (28, 20, 14, 11, 8)
"""Lines of the block: the most that there is room for, so that it seldom changes its shape."""
_HAPPENED = {28: 8, 20: 5, 14: 4, 11: 3, 8: 2}
"""Height of the block → lines for events."""
_PLOT = 28
"""Cells of a plot, at least."""
_HIGHEST = 8
"""Lines of the plots, at most: a curve says no more in twice as many."""
_MOST = 6
_PLOTS: tuple[tuple[str, Quantity, float], ...] = (
    ("waiting", Quantity.WAITING, 10),
    ("KV cache", Quantity.KV_USAGE, 1),
    ("TTFT p95", Quantity.TTFT_P95, 1),
    ("generated", Quantity.GENERATION_TOKENS, 1000),
    ("GPU", Quantity.GPU_UTIL, 1),
    ("running", Quantity.RUNNING, 32),
)
_SIGNS = {Weight.PLAIN: Role.ACCENT, Weight.GOOD: Role.OK, Weight.BAD: Role.WARNING}


def height_of(free: int) -> int:
    """Return the height of the block if so many lines are free, one of them as a separator; 0 if there is no room."""
    return next((height for height in HEIGHTS if height < free), 0)


def under_cursor_lines(
    snapshot: Snapshot, key: str, entries: Sequence[Entry], width: int, height: int, glyphs: Glyphs, *, plots: bool
) -> list[Line]:
    """Return the block in ``height`` lines (of HEIGHTS); none if the object is gone. ``plots``: False if they are shown
    elsewhere.
    """
    pod, workload = snapshot.pods.get(key), snapshot.workloads.get(key)
    found = pod or workload
    if found is None:
        return []
    count = _HAPPENED.get(height, 2)
    room = height - count - 1
    drawn = _plots(snapshot, key, width, min(room, _HIGHEST), glyphs) if plots else []
    times = _times(snapshot, key, width, room - len(drawn), glyphs) if plots else []
    happened = _happened(snapshot, entries, width, height - 1 - len(drawn) - len(times), glyphs)
    title = _title(snapshot, key, found.name, width, glyphs)
    lines = [title, *drawn, *times, *happened]
    # It is at the bottom: missing lines are left out above.
    return [BLANK] * (height - len(lines)) + lines


def _title(snapshot: Snapshot, key: str, name: str, width: int, glyphs: Glyphs) -> Line:
    standing, reason = assessment_of(snapshot, key), root_reason(snapshot, key)
    spans = (
        Span(glyphs.horizontal * 2 + " ", Role.DIM),
        severity_span(standing.severity, glyphs),
        Span(f" {untrusted_name(name)} ", Role.STRONG),
        *((Span(f" {untrusted(reason)} ", severity_role(standing.severity)),) if reason else ()),
    )
    used = sum(width_of(span.text) for span in spans)
    end = (Span(glyphs.horizontal * max(0, width - used), Role.DIM),)
    return Line(fit_spans((*spans, *end), width, "left", glyphs.ellipsis))


def _plots(snapshot: Snapshot, key: str, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Return the plots that have values, as many as fit side by side."""
    models = [plot_model(snapshot, key, *plot) for plot in _PLOTS]
    models = [model for model in models if any(not math.isnan(value) for value in model.values)]
    models = models[: min(_MOST, max(1, width // _PLOT))]
    if not models or height < 4:
        return []
    if all(_is_flat(model) for model in models):
        # Nothing but zeros: its lines are better used for what happened.
        heads = tuple(span for model in models for span in _head(model).spans)
        return [Line(fit_spans(heads, width, "left", glyphs.ellipsis))]
    each = width // len(models)
    blocks = [[_head(model), *plot_lines(model, each - 1, height, glyphs)[1:]] for model in models]
    return [
        Line(tuple(span for line in lines for span in fit_spans(line.spans, each, "left", glyphs.ellipsis)))
        for lines in zip(*blocks, strict=True)
    ]


def _is_flat(model: PlotModel) -> bool:
    """True if no value is above the lowest of its scale."""
    return all(math.isnan(value) or value <= model.scale.low for value in model.values)


def _times(snapshot: Snapshot, key: str, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Return the latencies of its requests and the phases that they spend their time in, as far as they fit."""
    frame = snapshot.by_pod if key in snapshot.pods else snapshot.by_workload
    latencies = latency_lines(snapshot, frame, key, width, glyphs)
    # Where no request was finished, there are no phases either, and no need to report it.
    blocks = (latencies, phase_lines(frame, key, width, glyphs)) if latencies else ()
    lines: list[Line] = []
    for block in blocks:
        if block and len(lines) + 1 + len(block) < height:
            lines += [BLANK, *block]
    return [*lines, BLANK] if lines else []


def _head(model: PlotModel) -> Line:
    """Return the head of a plot: its name and highest value, in the format of the row."""
    highest = max(value for value in model.values if not math.isnan(value))
    blank = " " if model.unit in WORDS else ""
    text = number_text(highest, model.unit) + blank + unit_text(model.unit)
    return Line((Span(f" {model.title} ", Role.HEAD), Span(f"up to {text}", Role.DIM)))


def _happened(snapshot: Snapshot, entries: Sequence[Entry], width: int, count: int, glyphs: Glyphs) -> list[Line]:
    signs = {Weight.PLAIN: glyphs.starting, Weight.GOOD: glyphs.ok, Weight.BAD: glyphs.warning}
    lines = []
    for entry in list(entries)[-count:][::-1]:
        spans = (
            Span(f" {clock(entry.at, snapshot.at)} ", Role.DIM),
            Span(f"{signs[entry.weight]} ", _SIGNS[entry.weight]),
            Span(untrusted_line(event_text(entry))),
        )
        lines.append(Line(fit_spans(spans, width, "left", glyphs.ellipsis)))
    return lines

"""The page of one plot: its title, the chart, the reading at the pointer, and events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from console.views.plot_parts import CurvePart, parts_line
from console.views.plot_quantities import SPANS, Plotted
from console.views.timeline import clock, event_text, place
from console.views.timeline import span as span_text
from fleet.dataclass import dataclass
from fleet.model.curve import Curve, TimeRange
from fleet.model.snapshot import Snapshot
from fleet.timeline.entry import Entry, Weight
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.chart import ChartModel, Drawn, Mark, chart_lines, nice_top
from widgets.line import BLANK, Line, Span, fit_spans, folded, spans_width
from widgets.untrusted import untrusted, untrusted_line, untrusted_name
from widgets.values import WORDS, age_text, number_text, unit_text

KEPT_POINTS = 60
"""Points of the strips that the console keeps itself."""
_UTC = 7
"""Cells for the clock that the axis has."""
_ENTRIES = 5
"""Most lines for events."""
_LOW = 10
"""Height in lines below which the curve has what the texts can do without."""
_TALL = 18
"""Height in lines from which some are for events."""
_ORDER = (Weight.PLAIN, Weight.GOOD, Weight.BAD)
_ROLES = {Weight.PLAIN: Role.ACCENT, Weight.GOOD: Role.OK, Weight.BAD: Role.WARNING}


@dataclass(frozen=True, slots=True)
class Layer:
    """One curve of a plot and its name; ``before`` is how many seconds earlier it was measured."""

    name: str
    curve: Curve | None
    before: float = 0.0


@dataclass(frozen=True, slots=True)
class PlotPage:
    """Everything that the page of a plot shows."""

    names: tuple[str, ...]
    """The objects: one, or two that are compared."""
    plot: Plotted
    span: str
    range: TimeRange
    layers: tuple[Layer, ...]
    entries: tuple[Entry, ...] = ()
    pointer: float = math.nan
    state: str = ""
    """Source of the numbers, or why there are none."""
    is_problem: bool = False
    number: str = ""
    """Place among the quantities: ``3/15``."""


def kept_curve(snapshot: Snapshot, key: str, plot: Plotted, wanted: TimeRange) -> Curve | None:
    """Return the console's own observations of a quantity, over the range; None if there are none."""
    strip, step = snapshot.history.strip(key, plot.quantity, KEPT_POINTS), snapshot.history.step
    if all(math.isnan(value) for value in strip):
        return None
    newest = math.floor(snapshot.at / step) * step
    values = [math.nan] * wanted.points
    for back, value in enumerate(reversed(strip)):
        at = newest - back * step
        if wanted.start - wanted.step / 2 <= at <= wanted.end + wanted.step and not math.isnan(value):
            index = wanted.index(at)
            # The highest of several values in one step is kept, so that no short peak is lost.
            values[index] = value if math.isnan(values[index]) else max(values[index], value)
    found = Curve(plot.quantity, wanted, tuple(values))
    return None if math.isnan(found.since) else found


def chart_model(page: PlotPage, glyphs: Glyphs) -> ChartModel:
    """The chart of a page: the first layer over the others, and the band of the first alone."""
    drawn = []
    for number, layer in enumerate(page.layers):
        if layer.curve is not None:
            band = (layer.curve.low, layer.curve.high) if number == 0 else ((), ())
            role = Role.TREND if number == 0 else Role.ACCENT
            drawn.append(Drawn(layer.curve.values, *band, role=role, dotted=number > 0))
    every = [value for one in drawn for value in (*one.values, *one.high)]
    top = nice_top(every, page.plot.least, page.plot.unit)
    signs = _signs(glyphs)
    # Of several marks in one column the last one shows: the most important.
    weighed = sorted(page.entries, key=lambda entry: _ORDER.index(entry.weight))
    marks = tuple(Mark(entry.at, signs[entry.weight], _ROLES[entry.weight]) for entry in weighed)
    return ChartModel(page.plot.unit, page.range.start, page.range.end, top, tuple(drawn), marks, page.pointer)


def plot_lines(page: PlotPage, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """The page in ``height`` lines."""
    happened = _happened(page, width, glyphs) if height >= _TALL else []
    head = [_title(page, width, glyphs), _legend(page, width, glyphs), *[Line()] * (height >= _LOW)]
    reading = _reading(page, width, glyphs)
    is_drawn = any(layer.curve is not None for layer in page.layers)
    if height < _LOW and (is_drawn or not page.is_problem) and len(reading) > 1:
        # In a low terminal the curve is more than where its numbers are from.
        reading = [Line(fit_spans((*reading[0].spans, Span(glyphs.ellipsis)), width, "left", glyphs.ellipsis))]
    below = [*reading, *happened]
    chart = chart_lines(chart_model(page, glyphs), width, height - len(head) - len(below), glyphs)
    return [*head, *chart, *below][:height]


def _signs(glyphs: Glyphs) -> Mapping[Weight, str]:
    return {Weight.PLAIN: glyphs.starting, Weight.GOOD: glyphs.ok, Weight.BAD: glyphs.warning}


def _title(page: PlotPage, width: int, glyphs: Glyphs) -> Line:
    names = f" {glyphs.between} ".join(untrusted_name(name) for name in page.names)
    left = (Span(f" {page.plot.title}", Role.STRONG), Span(f" {page.number}  ", Role.DIM), Span(names))
    spans: list[Span] = []
    for number, name in enumerate(SPANS, 1):
        spans += [Span(f" {number} ", Role.KEY), Span(name, Role.STRONG if name == page.span else Role.DIM)]
    if spans_width((*left, *spans)) > width - _UTC:
        # The object matters more than the names of the other ranges.
        spans = [Span(f" 1 to {len(SPANS)} ", Role.KEY), Span(page.span, Role.STRONG)]
    right = (*spans, Span("  UTC ", Role.DIM))
    room = width - spans_width(right)
    return Line((*fit_spans(left, room, "left", glyphs.ellipsis), *right)) if room > 20 else Line(left)


def _legend(page: PlotPage, width: int, glyphs: Glyphs) -> Line:
    """Each curve with its newest value and its range."""
    parts = []
    for number, layer in enumerate(page.layers):
        sign = ("* " if number == 0 else "o ") if glyphs.ascii else ("━ " if number == 0 else "┅ ")
        before = (Span(f" {sign}", Role.TREND if number == 0 else Role.ACCENT),)
        name = Span(untrusted(layer.name))
        known = [v for v in layer.curve.values if not math.isnan(v)] if layer.curve is not None else []
        if not known:
            parts.append(CurvePart(before, name, (Span(f" {glyphs.missing}  ", Role.DIM),)))
            continue
        value = (Span(" "), Span(_value(page.plot, known[-1]), Role.STRONG), Span("  "))
        extent = (Span(f"{_value(page.plot, min(known))} to {_value(page.plot, max(known))}  ", Role.DIM),)
        band = _band(page.plot, layer.curve, glyphs) if number == 0 and layer.curve is not None else ()
        parts.append(CurvePart(before, name, value, (extent, band)))
    return parts_line((), parts, width, glyphs.ellipsis)


def _band(plot: Plotted, curve: Curve, glyphs: Glyphs) -> tuple[Span, ...]:
    """Return the words for the shaded band of a curve; nothing for none."""
    shade = ":" if glyphs.ascii else "░"
    if curve.is_peak:
        return (Span(f" {shade} {'then' if curve.is_recorded else 'mean'} to peak  ", Role.DIM),)
    if curve.low and plot.band:
        low, high = (str(edge).rpartition("_")[2] for edge in plot.band)
        return (Span(f" {shade} {low} to {high}  ", Role.DIM),)
    return ()


def _value(plot: Plotted, value: float) -> str:
    blank = " " if plot.unit in WORDS else ""
    return number_text(value, plot.unit) + blank + unit_text(plot.unit)


def _reading(page: PlotPage, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the reading at the pointer; without one, the source of the numbers."""
    if math.isnan(page.pointer):
        role = Role.UNKNOWN if page.is_problem else Role.DIM
        return [Line((Span(f" {text}", role),)) for text in folded(untrusted_line(page.state), width - 2)] or [BLANK]
    index = page.range.index(page.pointer)
    parts = []
    for number, layer in enumerate(page.layers):
        value = layer.curve.values[index] if layer.curve is not None else math.nan
        name = untrusted(layer.name) if len(page.layers) > 1 else ""
        text = glyphs.missing if math.isnan(value) else _value(page.plot, value)
        details: tuple[tuple[Span, ...], ...] = ()
        band = layer.curve if layer.curve is not None and layer.curve.low and layer.curve.high else None
        if number == 0 and band is not None and not math.isnan(band.low[index]):
            lower, upper = _value(page.plot, band.low[index]), _value(page.plot, band.high[index])
            details = ((Span(f"  peak {upper}" if band.is_peak else f"  {lower} to {upper}", Role.DIM),),)
        parts.append(
            CurvePart((Span(" "),), Span(name, Role.DIM), (Span(" " if name else ""), Span(text, Role.STRONG)), details)
        )
    head = (Span(f" {clock(page.pointer, page.range.end)} ", Role.KEY),)
    return [parts_line(head, parts, width, glyphs.ellipsis)]


def _happened(page: PlotPage, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the latest events in the range; with a pointer, the nearest."""
    entries: Iterable[Entry] = page.entries
    if not math.isnan(page.pointer):
        entries = sorted(sorted(entries, key=lambda e: abs(e.at - page.pointer))[:_ENTRIES], key=lambda e: e.at)
    lines = []
    signs = _signs(glyphs)
    for entry in list(entries)[-_ENTRIES:][::-1]:
        role = _ROLES[entry.weight]
        spans = (
            Span(f" {clock(entry.at, page.range.end)} ", Role.DIM),
            Span(f"{signs[entry.weight]} ", role),
            Span(untrusted_line(event_text(entry))),
            Span(f"  {untrusted(place(entry.about))}", Role.DIM),
        )
        lines.append(Line(fit_spans(spans, width, "left", glyphs.ellipsis)))
    return lines


def source_text(page_range: TimeRange, window: float) -> str:
    """Return how a store was queried, in words."""
    step = page_range.step
    if step > window:
        return f"metrics store, every {span_text(step)}: each point is of the {span_text(step)} before it"
    return f"metrics store, every {span_text(step)}, rates and percentiles over {span_text(window)}"


def recorded_text(curve: Curve, now: float) -> str:
    """Return the resolution and start of a curve from the console's recording, in words."""
    since = f" since {clock(curve.since, now)} UTC" if not math.isnan(curve.since) else ""
    every = f"every {span_text(curve.range.step)} as measured then"
    lost = ""
    if curve.is_peak and curve.apart:
        lost = f"; a peak shorter than {span_text(curve.apart)} may be missing"
    elif curve.apart > curve.range.step:
        lost = f"; its older part has a measurement every {span_text(curve.apart)} left"
    return f"kept by the console{since}, {every}: no metrics store answers here{lost}"


def kept_text(snapshot: Snapshot, curve: Curve | None) -> str:
    """Return how far back the console's own numbers reach."""
    if curve is None:
        return "there is no recording of it"
    return f"kept here: since {clock(curve.since, snapshot.at)} UTC, {age_text(snapshot.at - curve.since)} ago"

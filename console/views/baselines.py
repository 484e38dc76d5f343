"""The numbers of an object next to those of this hour on other days, or of its last calm hour."""

from __future__ import annotations

from typing import Final

from console.views.layout import LABEL, head
from console.views.timeline import clock
from fleet.model.baseline import Baseline, Baselines, Then
from fleet.model.counting import count
from fleet.model.frame import Frame
from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit, folded
from widgets.untrusted import untrusted_line
from widgets.values import WORDS, number_text, unit_text

Q = Quantity
COMPARED: Final = (
    ("waiting", Q.WAITING),
    ("KV cache", Q.KV_USAGE),
    ("TTFT p95", Q.TTFT_P95),
    ("ITL p95", Q.ITL_P95),
    ("requests", Q.REQUESTS),
    ("generated", Q.GENERATION_TOKENS),
    ("errors", Q.ERROR_RATIO),
)
"""The quantities that are compared, and their names."""
QUANTITIES: Final = tuple(quantity for _, quantity in COMPARED)
_SOURCES: Final = {"prometheus": "the metrics store", "recorder": "the console's own recording"}
_BY_NUMBERS: Final = "calm by its queue, KV cache, preemptions, errors and scrape results"
"""Basis of a calm hour of a store, which knows no findings."""
_VALUE: Final = 11


def baseline_lines(
    snapshot: Snapshot, frame: Frame, key: str, found: Baselines | None, width: int, glyphs: Glyphs
) -> list[Line]:
    """Return a line for each quantity with a baseline, and the basis of these; nothing before there is an answer."""
    if found is None:
        return []
    known = [(name, quantity, found.of[quantity]) for name, quantity in COMPARED if quantity in found.of]
    if not known:
        problem = found.problem or "it had no calm hour"
        return [head("usual", untrusted_line(f"nothing to compare with: {problem}"))]
    times = [then for then in Then if any(one.then is then for _, _, some in known for one in some)]
    titles = "".join(fit(title, _VALUE, "right", glyphs.ellipsis) for title in ("now", *times))
    lines = [Line((Span(" USUAL", Role.HEAD), Span(" " * (LABEL - 2) + titles, Role.HEAD)))]
    for name, quantity, some in known:
        spans = [Span(f"   {fit(name, LABEL, 'left', '…')} ", Role.DIM)]
        value = frame.value(key, quantity)
        spans.append(Span(_value(value, quantity, glyphs), Role.STRONG))
        by_then = {one.then: one.value for one in some}
        spans += [Span(_value(by_then.get(then, float("nan")), quantity, glyphs)) for then in times]
        lines.append(Line(tuple(spans)))
    every = {one.then: one for _, _, some in known for one in some}
    remark = "; ".join(_stands_on(every[then], snapshot.at) for then in times)
    return [*lines, *(Line((Span(f"   {part}", Role.DIM),)) for part in folded(remark, width - 4))]


def _stands_on(one: Baseline, now: float) -> str:
    span = f"{clock(one.start, now)} to {clock(one.end, now)} UTC"
    text = f"{one.then}: {span}, {count(one.points, 'measurement')}, by {_SOURCES.get(one.source, one.source)}"
    return f"{text} ({_BY_NUMBERS})" if one.then is Then.CALM and one.source == "prometheus" else text


def _value(value: float, quantity: Quantity, glyphs: Glyphs) -> str:
    unit = MEANINGS[quantity].unit
    if value != value:
        return fit(glyphs.missing, _VALUE, "right", glyphs.ellipsis)
    text = number_text(value, unit) + ("" if unit in WORDS else unit_text(unit))
    return fit(text, _VALUE, "right", glyphs.ellipsis)

"""The load and speed of one object (pod, engine, workload): lines for its page."""

from __future__ import annotations

from collections.abc import Sequence

from console.views.layout import LABEL, head, labelled, packed, pairs
from console.views.number_cells import role_of
from fleet.model.frame import Frame
from fleet.model.quantity import MEANINGS, Quantity
from fleet.model.reading import Reading, State
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.bar import bar_spans
from widgets.line import Line, Span, fit, folded, spans_width, width_of
from widgets.values import WORDS, age_text, number_text, reading_text, seconds_text, unit_text

Q = Quantity

_BAR = 24
_COUNTS = (
    ("running", Q.RUNNING),
    ("waiting", Q.WAITING),
    ("for capacity", Q.WAITING_CAPACITY),
    ("deferred", Q.WAITING_DEFERRED),
    ("finished", Q.REQUESTS),
    ("errors", Q.ERROR_RATIO),
)
_LATENCIES = (
    ("time to first token", (Q.TTFT_P50, Q.TTFT_P95, Q.TTFT_P99)),
    ("between tokens", (Q.ITL_P50, Q.ITL_P95, Q.ITL_P99)),
    ("in the queue", (Q.QUEUE_P50, Q.QUEUE_P95, Q.QUEUE_P99)),
    ("whole request", (Q.E2E_P50, Q.E2E_P95, Q.E2E_P99)),
)
_OPTIONAL = frozenset({Q.WAITING_CAPACITY, Q.WAITING_DEFERRED, Q.SPEC_ACCEPTANCE, Q.SLEEP_LEVEL})
"""Quantities that not every version or configuration of an engine has: they are not marked as missing."""


def value_span(frame: Frame, key: str, quantity: Quantity, glyphs: Glyphs) -> Span:
    """A reading with its unit and, when stale, its age."""
    reading = frame.get(key, quantity)
    unit = MEANINGS[quantity].unit
    text, role = reading_text(reading, unit, glyphs=glyphs, with_unit=unit not in WORDS, with_age=True)
    if unit in WORDS and reading.known:
        text = f"{text} {unit_text(unit)}"
    return Span(text, role if role is not Role.TEXT else role_of(quantity, reading))


def has_load(frame: Frame, key: str) -> bool:
    """True if anything of its requests is measured now."""
    return any(frame.get(key, q).known for q in (Q.RUNNING, Q.WAITING, Q.KV_USAGE, Q.REQUESTS, Q.GENERATION_TOKENS))


def load_lines(frame: Frame, key: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Requests, KV cache and tokens of one object."""

    def values(label: str, *wanted: tuple[str, Quantity]) -> list[Line]:
        there = [(n, q) for n, q in wanted if q not in _OPTIONAL or frame.get(key, q).known]
        return packed(label, ((name, value_span(frame, key, quantity, glyphs)) for name, quantity in there), width)

    return [
        *values("requests", *_COUNTS),
        labelled("KV cache", *_kv(frame, key, glyphs)),
        *values(
            "",
            ("prefix hits", Q.PREFIX_HIT_RATIO),
            ("preempted", Q.PREEMPTIONS),
            ("drafts accepted", Q.SPEC_ACCEPTANCE),
            ("sleep level", Q.SLEEP_LEVEL),
        ),
        *values("tokens", ("prompt", Q.PROMPT_TOKENS), ("generated", Q.GENERATION_TOKENS)),
    ]


def _kv(frame: Frame, key: str, glyphs: Glyphs) -> tuple[Span, ...]:
    used, capacity = frame.get(key, Q.KV_USAGE), frame.get(key, Q.KV_CAPACITY)
    role = role_of(Q.KV_USAGE, used)
    spans = [
        *bar_spans(used.value, _BAR, Role.BAR if role is Role.TEXT else role, glyphs),
        Span(" "),
        value_span(frame, key, Q.KV_USAGE, glyphs),
    ]
    if used.known and capacity.known:
        unit = MEANINGS[Q.KV_CAPACITY].unit
        tokens = f"{number_text(used.value * capacity.value, unit)} of {number_text(capacity.value, unit)} tokens"
        spans.append(Span(f"   {tokens}", Role.STALE if used.state is State.STALE else Role.TEXT))
    return tuple(spans)


def method_text(snapshot: Snapshot) -> str:
    """Return the source of percentiles and rates, in words."""
    how = {
        "prometheus": "Prometheus, from merged histogram buckets, interpolated within a bucket",
        "scrape": "the engines' own histograms, merged, interpolated within a bucket",
    }.get(snapshot.method)
    return f"over {age_text(snapshot.window)}, by {how}" if how else "no source of metrics answers"


def latency_lines(snapshot: Snapshot, frame: Frame, key: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Return percentiles p50, p95 and p99, with their window and method; nothing if no request finished."""
    if not any(frame.get(key, quantity).known for _, quantities in _LATENCIES for quantity in quantities):
        return []
    label = LABEL + 6
    titles = "".join(fit(title, 9, "right", "") for title in ("p50", "p95", "p99"))
    lead = (Span(" LATENCY", Role.HEAD), Span(" " * (label - 4) + titles, Role.HEAD), Span("   "))
    method = method_text(snapshot)
    beside = spans_width(lead) + width_of(method) <= width
    lines = [Line((*lead, Span(method if beside else "", Role.DIM)))]
    for name, quantities in _LATENCIES:
        spans = [Span(f"   {fit(name, label, 'left', '…')} ", Role.DIM)]
        for quantity in quantities:
            text, role = value_span(frame, key, quantity, glyphs)
            spans.append(Span(fit(text, 9, "right", glyphs.ellipsis), role))
        lines.append(Line(tuple(spans)))
    if not beside:
        lines += [Line((Span(f"   {part}", Role.DIM),)) for part in folded(method, width - 4)]
    return lines


_PHASES = (
    ("queue", Q.QUEUE_MEAN, Role.WARNING),
    ("prefill", Q.PREFILL_MEAN, Role.ACCENT),
    ("decode", Q.DECODE_MEAN, Role.BAR),
)


def phase_lines(frame: Frame, key: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Return the time of a mean request as one proportional bar, and the seconds of each phase."""
    readings = [(name, frame.get(key, quantity), role) for name, quantity, role in _PHASES]
    title = head("where the time goes", "mean of the requests finished in the window")
    if not any(reading.known for _, reading, _ in readings):
        return [title, labelled("", Span("no request was finished", Role.DIM))]
    words = pairs((name, _seconds(reading, role, glyphs)) for name, reading, role in readings)
    return [
        title,
        labelled("", *_proportions(readings, max(10, min(72, width - LABEL - 8)), glyphs)),
        labelled("", *words),
    ]


def _seconds(reading: Reading, role: Role, glyphs: Glyphs) -> Span:
    if not reading.known:
        return Span(glyphs.missing, Role.DIM)
    return Span(seconds_text(reading.value), Role.STALE if reading.state is State.STALE else role)


def _proportions(readings: Sequence[tuple[str, Reading, Role]], width: int, glyphs: Glyphs) -> list[Span]:
    """Return the parts of one bar, marked by letters as well as colours: q for queue, p for prefill, d for decode."""
    total = sum(reading.value for _, reading, _ in readings if reading.known)
    spans: list[Span] = []
    used = 0.0
    drawn = 0
    for name, reading, role in readings:
        if not reading.known or total <= 0:
            continue
        used += reading.value
        size = round(used / total * width) - drawn
        drawn += size
        if size:
            body = name[0] + glyphs.bar[-1] * (size - 1)
            spans.append(Span(body, role))
    return spans

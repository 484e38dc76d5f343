"""The GPUs of an object: one line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from console.views.layout import head
from console.views.load import value_span
from console.views.subject import assessment_of
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit, spans_width, width_of
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted

_NAME = 24


class _Column(NamedTuple):
    title: str
    width: int
    quantity: Quantity
    priority: int
    """Rank of importance: where not all fit, those with a high number are left out."""


_COLUMNS = (
    _Column("util", 6, Quantity.GPU_UTIL, 0),
    _Column("SM", 6, Quantity.SM_ACTIVE, 1),
    _Column("DRAM", 6, Quantity.DRAM_ACTIVE, 2),
    _Column("memory", 9, Quantity.GPU_MEMORY_USED, 0),
    _Column("of", 9, Quantity.GPU_MEMORY_TOTAL, 4),
    _Column("temp", 7, Quantity.GPU_TEMPERATURE, 0),
    _Column("power", 7, Quantity.GPU_POWER, 0),
    _Column("clock", 9, Quantity.SM_CLOCK, 3),
    _Column("throttled", 10, Quantity.THROTTLE, 0),
    _Column("XID", 5, Quantity.XID, 0),
)


def gpu_lines(snapshot: Snapshot, gpus: Sequence[str], absent: str, width: int, glyphs: Glyphs) -> list[Line]:
    """A table of GPUs, and under it what is to be said of those that are not in it (``absent``, may be empty)."""
    if not gpus and not absent:
        return []
    if not gpus:
        return [head("GPUs", absent)]
    columns = _fitting(width)
    titles = "".join(fit(column.title, column.width, "right", "") for column in columns)
    lines = [Line((Span(fit(" GPUS", _NAME, "left", ""), Role.HEAD), Span(titles, Role.HEAD)))]
    for key in gpus:
        lines += _gpu(snapshot, key, columns, width, glyphs)
    if absent:
        lines.append(Line((Span(f"   {absent}", Role.UNKNOWN),)))
    if read := dict.fromkeys(name for key in gpus if (name := snapshot.measured_by.get(key))):
        lines.append(Line((Span(f"   from {', '.join(read)}", Role.DIM),)))
    return lines


def _fitting(width: int) -> tuple[_Column, ...]:
    columns: tuple[_Column, ...] = _COLUMNS
    while _NAME + sum(column.width for column in columns) > width and (least := max(c.priority for c in columns)):
        columns = tuple(column for column in columns if column.priority < least)
    return columns


def _gpu(snapshot: Snapshot, key: str, columns: Sequence[_Column], width: int, glyphs: Glyphs) -> list[Line]:
    """One GPU; what is wrong with it stands beside it, or below where there is no room."""
    gpu, standing = snapshot.gpus[key], assessment_of(snapshot, key)
    name = untrusted(f"{gpu.node} {gpu.ordinal}{f' {gpu.profile}' if gpu.profile else ''}")
    spans = [
        Span("   "),
        severity_span(standing.severity, glyphs),
        Span(" " + fit(name, _NAME - 5, "left", glyphs.ellipsis)),
    ]
    for column in columns:
        text, role = value_span(snapshot.by_gpu, key, column.quantity, glyphs)
        spans.append(Span(fit(text, column.width, "right", glyphs.ellipsis), role))
    if not standing.reason:
        return [Line(tuple(spans))]
    reason = Span(untrusted(standing.reason), severity_role(standing.severity))
    if spans_width(spans) + 2 + width_of(reason.text) <= width:
        return [Line((*spans, Span("  "), reason))]
    return [Line(tuple(spans)), Line((Span("     "), reason))]

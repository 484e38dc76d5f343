"""The GPUs of an object: one line each."""

from __future__ import annotations

from collections.abc import Sequence

from console.views.layout import head
from console.views.subject import assessment_of, gpu_severity
from console.views.value_columns import ValueColumn, fitting, titles, values
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit, spans_width, width_of
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted

_NAME = 24


_COLUMNS = (
    ValueColumn("util", 6, Quantity.GPU_UTIL, 0),
    ValueColumn("SM", 6, Quantity.SM_ACTIVE, 1),
    ValueColumn("DRAM", 6, Quantity.DRAM_ACTIVE, 2),
    ValueColumn("memory", 9, Quantity.GPU_MEMORY_USED, 0),
    ValueColumn("of", 9, Quantity.GPU_MEMORY_TOTAL, 4),
    ValueColumn("temp", 7, Quantity.GPU_TEMPERATURE, 0),
    ValueColumn("power", 7, Quantity.GPU_POWER, 0),
    ValueColumn("clock", 9, Quantity.SM_CLOCK, 3),
    ValueColumn("throttled", 10, Quantity.THROTTLE, 0),
    ValueColumn("XID", 5, Quantity.XID, 0),
)


def gpu_lines(snapshot: Snapshot, gpus: Sequence[str], absent: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Return a table of GPUs, and a note on missing ones below (``absent``, may be empty)."""
    if not gpus and not absent:
        return []
    if not gpus:
        return [head("GPUs", absent)]
    columns = fitting(_COLUMNS, width - _NAME)
    lines = [Line((Span(fit(" GPUS", _NAME, "left", ""), Role.HEAD), Span(titles(columns), Role.HEAD)))]
    for key in gpus:
        lines += _gpu(snapshot, key, columns, width, glyphs)
    if absent:
        lines.append(Line((Span(f"   {absent}", Role.UNKNOWN),)))
    if read := dict.fromkeys(name for key in gpus if (name := snapshot.measured_by.get(key))):
        lines.append(Line((Span(f"   from {', '.join(read)}", Role.DIM),)))
    return lines


def _gpu(snapshot: Snapshot, key: str, columns: Sequence[ValueColumn], width: int, glyphs: Glyphs) -> list[Line]:
    """Return one GPU; what is wrong with it is beside it, or below if there is no room."""
    gpu, standing = snapshot.gpus[key], assessment_of(snapshot, key)
    name = untrusted(f"{gpu.node} {gpu.ordinal}{f' {gpu.profile}' if gpu.profile else ''}")
    spans = [
        Span("   "),
        severity_span(gpu_severity(snapshot, key), glyphs),
        Span(" " + fit(name, _NAME - 5, "left", glyphs.ellipsis)),
        *values(snapshot.by_gpu, key, columns, glyphs),
    ]
    if not standing.reason:
        return [Line(tuple(spans))]
    reason = Span(untrusted(standing.reason), severity_role(standing.severity))
    if spans_width(spans) + 2 + width_of(reason.text) <= width:
        return [Line((*spans, Span("  "), reason))]
    return [Line(tuple(spans)), Line((Span("     "), reason))]

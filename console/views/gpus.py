"""The GPUs of an object: one line each."""

from __future__ import annotations

from collections.abc import Sequence

from console.views.layout import head
from console.views.load import value_span
from console.views.subject import assessment_of
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span, fit
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted

_COLUMNS: tuple[tuple[str, int, Quantity], ...] = (
    ("util", 6, Quantity.GPU_UTIL),
    ("SM", 6, Quantity.SM_ACTIVE),
    ("DRAM", 6, Quantity.DRAM_ACTIVE),
    ("memory", 9, Quantity.GPU_MEMORY_USED),
    ("of", 9, Quantity.GPU_MEMORY_TOTAL),
    ("temp", 7, Quantity.GPU_TEMPERATURE),
    ("power", 7, Quantity.GPU_POWER),
    ("clock", 9, Quantity.SM_CLOCK),
    ("throttled", 10, Quantity.THROTTLE),
    ("XID", 5, Quantity.XID),
)


def gpu_lines(snapshot: Snapshot, gpus: Sequence[str], wanted: int, glyphs: Glyphs) -> list[Line]:
    """A table of GPUs. ``wanted`` is how many there should be: those without metrics are counted, not left out."""
    if not gpus and not wanted:
        return []
    titles = "".join(fit(title, width, "right", "") for title, width, _ in _COLUMNS)
    lines = [Line((Span(fit(" GPUS", 24, "left", ""), Role.HEAD), Span(titles, Role.HEAD)))]
    for key in gpus:
        gpu, standing = snapshot.gpus[key], assessment_of(snapshot, key)
        name = untrusted(f"{gpu.node} {gpu.ordinal}{f' {gpu.profile}' if gpu.profile else ''}")
        spans = [
            Span("   "),
            severity_span(standing.severity, glyphs),
            Span(" " + fit(name, 19, "left", glyphs.ellipsis)),
        ]
        for _, width, quantity in _COLUMNS:
            text, role = value_span(snapshot.by_gpu, key, quantity, glyphs)
            spans.append(Span(fit(text, width, "right", glyphs.ellipsis), role))
        if standing.reason:
            spans.append(Span(f"  {untrusted(standing.reason)}", severity_role(standing.severity)))
        lines.append(Line(tuple(spans)))
    if len(gpus) < wanted:
        lines.append(Line((Span(f"   {wanted - len(gpus)} of {wanted} GPUs have no metrics", Role.UNKNOWN),)))
    return lines if len(lines) > 1 else [head("GPUs")]

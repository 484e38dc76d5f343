"""Details of one object, beside the table on a wide screen."""

from __future__ import annotations

from console.views.layout import sections
from console.views.load import latency_lines, load_lines, phase_lines
from console.views.plots import plot_block
from console.views.root_words import root_reason
from console.views.subject import assessment_of
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.line import Line, Span
from widgets.severity import severity_role, severity_span
from widgets.untrusted import untrusted, untrusted_name


def glance_lines(snapshot: Snapshot, key: str, width: int, glyphs: Glyphs) -> list[Line]:
    """Load, latency, phases and plots of a pod or a workload, a blank column away from the table."""
    pod, workload = snapshot.pods.get(key), snapshot.workloads.get(key)
    if pod is None and workload is None:
        return []
    frame = snapshot.by_pod if pod is not None else snapshot.by_workload
    standing = assessment_of(snapshot, key)
    name = pod.name if pod is not None else workload.name if workload is not None else key
    title = Line(
        (
            Span("  "),
            severity_span(standing.severity, glyphs),
            Span(f" {untrusted_name(name)}", Role.STRONG),
            Span(f"  {untrusted(root_reason(snapshot, key))}", severity_role(standing.severity)),
        )
    )
    inner = width - 1
    lines = sections(
        load_lines(frame, key, inner, glyphs),
        latency_lines(snapshot, frame, key, inner, glyphs),
        phase_lines(frame, key, inner, glyphs),
        plot_block(snapshot, key, inner, glyphs),
    )
    return [title, Line(), *(Line((Span(" "), *line.spans)) for line in lines)]

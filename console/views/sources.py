"""The sources, one by one: start of the state, problem, remedy."""

from __future__ import annotations

from console.views.layout import head, labelled, sections, wrapped
from console.views.load import method_text
from console.views.severity_since import clock, coarse
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.header import health_span
from widgets.line import Line, Span
from widgets.untrusted import untrusted
from widgets.values import age_text


def source_lines(snapshot: Snapshot, width: int, glyphs: Glyphs) -> list[Line]:
    """Return a section for each source, and the origin of the numbers on the screens."""
    cluster = snapshot.cluster
    measured = "never measured"
    if snapshot.measured_at is not None:
        # More pods are scraped less often: numbers that do not move for a while are not a hung console.
        ago = age_text(coarse(max(0.0, snapshot.at - snapshot.measured_at)))
        measured = f"measured {clock(snapshot.measured_at)}, {ago} ago; :refresh measures now"
    about = [
        head("cluster"),
        labelled("server", Span(untrusted(cluster.server)), Span(f"   {untrusted(cluster.version)}", Role.DIM)),
        *wrapped("identity", untrusted(" · ".join((cluster.user, *cluster.groups))), width),
        *wrapped("numbers", f"{method_text(snapshot)}; {measured}", width),
    ]
    return sections(about, *(_source(source, snapshot.at, width, glyphs) for source in snapshot.sources))


def _source(source: SourceStatus, now: float, width: int, glyphs: Glyphs) -> list[Line]:
    glyph = health_span(source.health, glyphs)
    title = [Span(" "), glyph, Span(f" {source.name}", Role.STRONG), Span(f"  {source.health.value}", glyph.role)]
    if source.health is not Health.OFF:
        title.append(Span(f" since {clock(source.since)}", Role.DIM))
    lines = [Line(tuple(title))]
    if source.progress:
        lines.append(labelled("so far", Span(source.progress)))
    if source.endpoint:
        lines.append(labelled("endpoint", Span(untrusted(source.endpoint))))
    if source.last_ok is not None and source.health is not Health.LIVE:
        lines.append(labelled("last answer", Span(f"{clock(source.last_ok)}, {age_text(now - source.last_ok)} ago")))
    lines += wrapped("problem", untrusted(source.problem), width, glyph.role)
    lines += wrapped("what to do", untrusted(source.remedy), width)
    for i, note in enumerate(source.notes):
        lines += wrapped("" if i else "notes", untrusted(note), width, Role.DIM)
    return lines

"""Contents of the header, updated coarsely so that an idle screen stays still: minutes, and ages only if they
matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from console.views.layout import followed
from console.views.listed_sources import is_listed, is_outage
from console.views.production import is_production
from console.views.severity_since import clock, coarse
from fleet.model.snapshot import Health, Snapshot, SourceStatus
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.header import HeaderModel, SourceBadge, health_span
from widgets.line import Line, Span, fit_spans, spans_width
from widgets.untrusted import untrusted

OLD = 30.0
"""Seconds after which the age of a live source is worth saying."""


def header_model(
    snapshot: Snapshot | None,
    context: str,
    namespace: str,
    *,
    read_only: bool,
    production: Sequence[str] = (),
    under_way: int = 0,
    may_act: bool = True,
    moment: str = "",
) -> HeaderModel:
    """The header for a Snapshot; before the first one: where the console looks.

    ``production`` are the shell patterns of contexts and clusters that are marked as such, ``under_way`` the number of
    actions that are not over, ``moment`` the words for a moment of the past, which stand for its clock and mode.
    """
    if snapshot is None:
        marked = is_production(production, context, "")
        return HeaderModel(cluster=context, namespace=namespace, read_only=read_only, production=marked)
    cluster = snapshot.cluster
    return HeaderModel(
        cluster=cluster.context or cluster.cluster or context,
        namespace=cluster.namespace,
        identity=cluster.user,
        # Of the past all is read-only, which the words for the moment say.
        read_only=read_only or (cluster.read_only and not moment),
        may_act=may_act,
        under_way=under_way,
        production=is_production(production, cluster.context or context, cluster.cluster),
        sources=tuple(_badges(snapshot, past=bool(moment))),
        clock="" if moment else clock(snapshot.at),
        notice=moment,
    )


def _badges(snapshot: Snapshot, *, past: bool) -> Iterator[SourceBadge]:
    """Yield the sources; of a moment of the past those that lacked something then: what was live is not so now."""
    for source in snapshot.sources:
        if is_listed(source) and not (past and source.health is Health.LIVE):
            yield _badge(source, snapshot.at)


def _badge(source: SourceStatus, now: float) -> SourceBadge:
    if source.health is Health.LIVE:
        age = math.nan if source.last_ok is None else now - source.last_ok
        return SourceBadge(source.name, source.health, coarse(age) if age >= OLD else math.nan)
    return SourceBadge(source.name, source.health, coarse(now - source.since), source.progress)


_OUTAGES = 4
"""Lines for problems of the sources; the screen of sources has all of them."""
_TALL = 20
"""Height of a screen from which there may be several such lines."""


def outages(snapshot: Snapshot, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Return, for each source that is down or relevantly degraded: since when, what is wrong, what to do. As many lines
    as a screen of this height has room for, and several where there are no rows: an empty table does not repeat them.
    """
    lines: list[Line] = []
    of_objects = snapshot.of_objects
    for source in sorted(filter(is_outage, snapshot.sources), key=lambda one: one is not of_objects):
        glyph = health_span(source.health, glyphs)
        since = f" {source.name} {source.health.value} since {clock(source.since)}: "
        words = untrusted(source.problem) or "does not answer"
        if source.remedy:
            words += f" {glyphs.right} {untrusted(source.remedy)}"
        lines += followed((Span(" "), glyph, Span(since, glyph.role)), words, Role.TEXT, width - 1, 3)
    most = _OUTAGES if height >= _TALL or not snapshot.workloads else 1
    return lines if len(lines) <= most else [*lines[: most - 1], _going_on(lines[most - 1], width, glyphs)]


def _going_on(line: Line, width: int, glyphs: Glyphs) -> Line:
    """Return the last line that there is room for, with where the rest is."""
    rest = (Span(f" {glyphs.ellipsis} ", Role.DIM), Span(":sources", Role.KEY))
    room = min(spans_width(line.spans), max(0, width - 1 - spans_width(rest)))
    return Line((*fit_spans(line.spans, room, "left", glyphs.ellipsis), *rest))

"""The fleet as a plain table: for a pipe, a dumb terminal, a ticket. Worst first, in ASCII if the encoding requires
it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from console.report.sheets.fleet import fleet_sheet
from console.report.sheets.sheet import Sheet, sheet_lines
from console.views.empty_table import unknown_pods
from console.views.listed_sources import is_listed
from console.views.subject import is_free_gpu
from fleet.model.counting import count
from fleet.model.snapshot import Join, Snapshot, SourceStatus
from themes.glyphs import Glyphs
from widgets.untrusted import untrusted, untrusted_name
from widgets.values import age_text

NARROWEST = 80
LOOSE_NAMED = 3
"""Joins of a kind that are named one by one; ``--json`` has them all."""


def table(snapshot: Snapshot, width: int | None, glyphs: Glyphs, *, production: bool = False) -> Iterator[str]:
    """Yield lines of at most ``width`` cells (80 at least; None: nothing is cut); the first one mentions
    ``production``.
    """
    sheet = with_surroundings(fleet_sheet(snapshot, glyphs), snapshot, glyphs, production=production)
    return sheet_lines(sheet, None if width is None else max(width, NARROWEST), glyphs)


def with_surroundings(sheet: Sheet, snapshot: Snapshot, glyphs: Glyphs, *, production: bool = False) -> Sheet:
    """Return a table of the fleet with its origin above it, and failed joins below it."""
    head = tuple(_head(snapshot, glyphs, production=production))
    return replace(sheet, head=head, foot=tuple(_unmatched(snapshot, glyphs)))


def _unmatched(snapshot: Snapshot, glyphs: Glyphs) -> Iterator[str]:
    """Yield failed joins: the first of each kind, and the number of others."""
    if snapshot.free_gpus:
        free, total = (sum(counts) for counts in zip(*snapshot.free_gpus.values(), strict=True))
        yield f"{free} of {total} GPU{'s are' if total > 1 else ' is'} free"
    elif snapshot.gpus and not snapshot.is_machine and (lack := snapshot.coverage.lack("nodes", "pods")):
        yield f"{glyphs.unknown} which GPUs are free is not known: {untrusted(lack)}"
    for join in Join:
        found = [
            unmatched
            for unmatched in snapshot.unmatched
            if unmatched.join is join and not is_free_gpu(snapshot, unmatched)
        ]
        for unmatched in found[:LOOSE_NAMED]:
            yield f"{glyphs.unknown} {join}: {untrusted_name(unmatched.key)} {untrusted(unmatched.detail)}"
        if len(found) > LOOSE_NAMED:
            yield f"{glyphs.unknown} {join}: {len(found) - LOOSE_NAMED} more"


def _head(snapshot: Snapshot, glyphs: Glyphs, *, production: bool) -> Iterator[str]:
    cluster = snapshot.cluster
    between = f" {glyphs.between} "
    place = untrusted(cluster.context or cluster.server or "no cluster")
    who = untrusted(cluster.user or "nobody")
    mode = ("PRODUCTION, " if production else "") + ("read-only" if cluster.read_only else "read-write")
    at = datetime.fromtimestamp(snapshot.at, UTC)
    pods = "pods not known" if unknown_pods(snapshot) else count(len(snapshot.pods), "pod")
    yield between.join((f"{place} as {who}", mode, pods, f"{at:%F %T} UTC"))
    for source in filter(is_listed, snapshot.sources):
        yield _source(source, snapshot.at, between)
    if snapshot.method:
        yield f"rates and percentiles over {snapshot.window:g}s, from {snapshot.method}"


def _source(source: SourceStatus, now: float, between: str) -> str:
    parts = [f"{source.name}: {source.health}"]
    if source.problem:
        parts += [f"for {age_text(now - source.since)}", untrusted(source.problem)]
    return between.join(parts)

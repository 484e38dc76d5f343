"""One Snapshot for a command that prints and ends."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from console.cli import exit_codes, interruptible
from console.cli.output import columns, glyphs_of
from console.cli.progress import waiting_for, with_progress
from console.config.settings import Settings
from console.report.table import table
from console.views.production import is_production
from fleet.model.snapshot import ACKNOWLEDGEMENTS, Health, Snapshot

if TYPE_CHECKING:
    from fleet.observer import Observer

WAIT = 30.0
"""Seconds that the sources get, by default."""


def snapshot_within(settings: Settings, wait: float, *, looks_back: bool = False) -> tuple[Snapshot, int]:
    """Return a Snapshot that is as complete as ``wait`` seconds allow, and its exit code.

    ``looks_back``: include a source's last quarter of an hour.
    """
    snapshot = interruptible.run(observe(settings, wait, looks_back=looks_back))
    if any_answered(snapshot):
        # A denied list must not look like a fleet without pods.
        seen = bool(snapshot.workloads) or snapshot.coverage.knows_any("pods", snapshot.cluster.namespace)
        return snapshot, exit_codes.OK if seen else exit_codes.PROBLEM
    # No server: there is no usable kubeconfig, which is wrong input rather than an outage.
    return snapshot, exit_codes.UNREACHABLE if snapshot.cluster.server else exit_codes.USAGE


async def observe(
    settings: Settings,
    wait: float,
    *,
    looks_back: bool = False,
    beside: float | None = None,
    then: Callable[[Observer, Snapshot], Awaitable[None]] | None = None,
) -> Snapshot:
    """Start the sources, wait until they have delivered, run ``then``, stop them.

    ``beside``: seconds for the further sources, if the command is about them.
    """
    from console.wiring.sources import observer, source_of

    source = source_of(settings, settings.cluster.context, settings.cluster.namespace)
    observing = observer(settings, source, time.time())
    observing.focus(None)
    last = partial(then, observing) if then is not None else None
    looking = observing.once(wait, looks_back=looks_back, beside=beside, then=last)
    return await with_progress(lambda: waiting_for(observing.statuses()), looking)


def any_answered(snapshot: Snapshot) -> bool:
    """True if a source with fleet data answered: local reads always do."""
    heard = (source for source in snapshot.sources if source.name != ACKNOWLEDGEMENTS)
    return any(source.health in (Health.LIVE, Health.DEGRADED) for source in heard)


def explain(snapshot: Snapshot) -> list[str]:
    """Return the problems of the sources and their remedies, for stderr."""
    return [
        f"{source.name}: {source.problem}" + (f"\n  {source.remedy}" if source.remedy else "")
        for source in snapshot.sources
        if source.problem and source.health is not Health.OFF
    ]


def print_table(snapshot: Snapshot, settings: Settings) -> None:
    """The fleet on stdout, as wide as the terminal; uncut where that is none."""
    glyphs = glyphs_of(settings.ui.glyphs)
    for line in table(snapshot, columns(), glyphs, production=production_of(settings, snapshot)):
        print(line)


def production_of(settings: Settings, snapshot: Snapshot) -> bool:
    """True if this cluster is marked as production."""
    return is_production(settings.cluster.production, snapshot.cluster.context, snapshot.cluster.cluster)

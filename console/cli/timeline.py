"""``quarterdeck timeline [OBJECT]``: what happened, as far back as the cluster and the console's own records show."""

from __future__ import annotations

import argparse
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from console.cli import exit_codes, find_object, interruptible
from console.cli.dispatch import Invocation, say
from console.cli.output import glyphs_of, write_sheet
from console.cli.progress import with_progress
from console.report.sheets.sheet import Sheet
from console.report.sheets.timeline import NOTHING, timeline_sheet
from console.views.timeline import place
from fleet.model.objects import ObjectRef
from fleet.sources.kube.errors import (
    ClusterError,
    ForbiddenError,
    KubeconfigError,
    KubeError,
    NotFoundError,
    ServerError,
    UnreachableError,
)
from fleet.timeline.timeline import Timeline

if TYPE_CHECKING:
    from fleet.sources.kube.client import KubeClient
    from fleet.sources.kube.state import KubeState
    from fleet.sources.store import NamedStore

EVERY = 5.0
"""Seconds between two looks of --watch."""
READING = "reading what happened"
HOURS = 6.0
"""Default length of the timeline in hours."""


def run(invocation: Invocation) -> int:
    """Exit 0 with a timeline, 1 if nothing is known of the object, 2 for bad input, 3 if no source answers."""
    return interruptible.run(_run(invocation))


async def _run(invocation: Invocation) -> int:
    from console.wiring.contexts import is_machine
    from fleet.sources.kube.client import KubeClient
    from fleet.sources.kube.kubeconfig import load_access

    settings = invocation.load().settings
    cluster = settings.cluster
    if is_machine(settings, cluster.context, invocation.environ):
        return await _of_this_machine(invocation)
    try:
        access = load_access(cluster.kubeconfig or None, cluster.context or None, invocation.environ)
        client = KubeClient(access, environ=invocation.environ)
    except KubeconfigError as error:
        _explain(error)
        return exit_codes.USAGE
    try:
        return await _print_entries(
            invocation, partial(_ask, invocation, client), client.access.context, client.access.server
        )
    except ClusterError as error:
        _explain(error)
        return exit_codes.UNREACHABLE
    finally:
        await client.close()


async def _of_this_machine(invocation: Invocation) -> int:
    """Print the timeline of the servers started here."""
    from console.wiring.local_timeline import local_timeline_sources
    from console.wiring.sources import source_of
    from fleet.local.source import LocalSource
    from fleet.timeline.timeline import ask

    settings = invocation.load().settings
    source = source_of(settings, settings.cluster.context, "", invocation.environ)
    assert isinstance(source, LocalSource)  # noqa: S101  the context is this machine

    async def look() -> Timeline:
        now = time.time()
        await source.poll()
        sources = local_timeline_sources(settings, invocation.environ, source)
        return await ask(sources, _since(invocation, now), now)

    try:
        return await _print_entries(invocation, look, settings.cluster.context, source.host)
    finally:
        await source.close()


async def _print_entries(
    invocation: Invocation, look: Callable[[], Awaitable[Timeline]], context: str, server: str
) -> int:
    """Print once, or keep printing new entries."""
    options = invocation.options
    if not options.watch:
        timeline = await with_progress(lambda: READING, look())
        return _print_timeline(timeline, invocation, context, server)
    from console.cli.watch import again, watch

    async def sheet() -> Sheet:
        found, _ = _narrowed(await look(), options)
        return timeline_sheet(found) if found is not None else NOTHING

    return await watch(again(sheet, EVERY, READING), options.form, glyphs_of(invocation.load().settings.ui.glyphs))


def _since(invocation: Invocation, now: float) -> float:
    since: float | None = invocation.options.since
    return now - HOURS * 3600 if since is None else since


async def _ask(invocation: Invocation, client: KubeClient) -> Timeline:
    """Return the timeline. Raises ClusterError if no source answers; unreadable parts are gaps.

    If the API server is gone, the other sources still have the past.
    """
    from console.config.sections import settings_in
    from console.wiring.sources import measuring_settings
    from console.wiring.timeline import TimelineContext, timeline_sources
    from fleet.sources.metrics_collector import MetricsCollector
    from fleet.timeline.timeline import ask

    gone: KubeError | None = None
    try:
        await client.get("/version")
    except (ForbiddenError, NotFoundError):
        pass
    except (UnreachableError, ServerError) as error:
        gone = error
    now = time.time()
    settings = settings_in(invocation.load().settings, client.access.context)
    metrics = MetricsCollector(client, measuring_settings(settings, invocation.environ), now)

    async def stores() -> Sequence[NamedStore]:
        return await metrics.stores(await _services(client), now)

    past = TimelineContext(settings, invocation.environ, client, settings.cluster.namespace, stores)
    try:
        found = await ask(timeline_sources(past), _since(invocation, now), now, past.namespace)
        if gone is not None and not found.entries:
            raise gone
        return found
    finally:
        await metrics.close()


async def _services(client: KubeClient) -> KubeState:
    """The services of the cluster, among which there may be a Prometheus; none where they may not be listed."""
    from fleet.json_fields import mappings
    from fleet.model.snapshot import Cluster
    from fleet.net.bodies import limits
    from fleet.sources.kube.interner import Interner
    from fleet.sources.kube.project.services import project_service
    from fleet.sources.kube.resources import SERVICES
    from fleet.sources.kube.state import KubeState

    found, interner = {}, Interner()
    with suppress(KubeError):
        document = (await client.get(SERVICES.path(), limit=limits().kubernetes_list)).json()
        rows = [
            project_service(raw, interner) for raw in mappings(document if isinstance(document, dict) else {}, "items")
        ]
        found = {row.key: row for row in rows}
    return KubeState(0, Cluster(), synced=frozenset({SERVICES.qualified}), services=found)


def _print_timeline(timeline: Timeline, invocation: Invocation, context: str, server: str) -> int:
    options = invocation.options
    narrowed, ref = _narrowed(timeline, options)
    if narrowed is None:
        return exit_codes.PROBLEM
    timeline = narrowed
    glyphs = glyphs_of(invocation.load().settings.ui.glyphs)

    def document() -> str:
        from console.report.timeline import to_json

        return to_json(timeline, context, server, ref)

    write_sheet(options.form, timeline_sheet(timeline), document, glyphs)
    if not timeline.entries and options.form in ("", "table", "wide"):
        say("nothing is known to have happened in that time; --since goes further back")
    for gap in timeline.gaps:
        say(f"not available: {gap.what}\n{gap.problem}")
    return exit_codes.OK


def _narrowed(timeline: Timeline, options: argparse.Namespace) -> tuple[Timeline | None, ObjectRef | None]:
    """Return the part about the requested object, and the object; None if it does not exist, which is reported."""
    if not options.object:
        return timeline, None
    kind, name = find_object.parse(options.object)
    found = timeline.find(kind, name, getattr(options, "namespace", None) or "")
    if len(found) != 1:
        say(_not_one(options.object, found))
        return None, None
    return timeline.narrowed_to(found[0]), found[0]


def _not_one(typed: str, found: tuple[ObjectRef, ...]) -> str:
    if not found:
        return f"nothing is known to have happened to {typed} then\n  Check the name, or go further back with --since."
    return f"{typed} is more than one: {', '.join(map(place, found))}; say which with -n and KIND/NAME"


def _explain(error: ClusterError) -> None:
    say(error.message + (f"\n{error.remedy}" if error.remedy else ""))

"""``quarterdeck timeline [OBJECT]``: what happened, as far back as the cluster and our own records still tell."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from console.cli import exits, interruptible, named, streams
from console.cli.dispatch import Invocation, say
from console.views.timeline import lines, place
from fleet.model.objects import ObjectRef
from fleet.sources.kube.errors import ForbiddenError, KubeconfigError, KubeError, NotFoundError
from fleet.timeline.timeline import Timeline
from themes.look import choose_glyphs

if TYPE_CHECKING:
    from fleet.sources.kube.client import KubeClient
    from fleet.sources.kube.state import KubeState
    from fleet.sources.store import NamedStore

HOURS = 6.0
"""How far back it looks unless the command line says otherwise."""


def run(invocation: Invocation) -> int:
    """Exit 0 with a timeline, 1 where nothing of the object is known, 2 for bad input, 3 where nobody answers."""
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
        return exits.USAGE
    try:
        timeline = await _ask(invocation, client)
    except (KubeError, KubeconfigError) as error:
        _explain(error)
        return exits.UNREACHABLE
    finally:
        await client.close()
    return _tell(timeline, invocation, client.access.context, client.access.server)


async def _of_this_machine(invocation: Invocation) -> int:
    """Tell of the servers that were started here."""
    from console.wiring.local_timeline import local_timeline_sources
    from console.wiring.sources import source_of
    from fleet.local.source import LocalSource
    from fleet.timeline.timeline import ask

    settings = invocation.load().settings
    source = source_of(settings, settings.cluster.context, "", invocation.environ)
    assert isinstance(source, LocalSource)  # noqa: S101  the context is this machine
    now = time.time()
    try:
        await source.look()
        sources = local_timeline_sources(settings, invocation.environ, source)
        timeline = await ask(sources, _since(invocation, now), now)
    finally:
        await source.close()
    return _tell(timeline, invocation, settings.cluster.context, source.host)


def _since(invocation: Invocation, now: float) -> float:
    since: float | None = invocation.options.since
    return now - HOURS * 3600 if since is None else since


async def _ask(invocation: Invocation, client: KubeClient) -> Timeline:
    """Raises KubeError and KubeconfigError where nobody answers; what may not be read is a gap of the timeline."""
    from console.config.sections import settings_in
    from console.wiring.sources import measuring_settings
    from console.wiring.timeline import TimelineContext, timeline_sources
    from fleet.sources.metrics import MetricsCollector
    from fleet.timeline.timeline import ask

    with suppress(ForbiddenError, NotFoundError):
        await client.get("/version")
    now = time.time()
    settings = settings_in(invocation.load().settings, client.access.context)
    metrics = MetricsCollector(client, measuring_settings(settings, invocation.environ), now)

    async def stores() -> Sequence[NamedStore]:
        return await metrics.stores(await _services(client), now)

    past = TimelineContext(settings, invocation.environ, client, settings.cluster.namespace, stores)
    try:
        return await ask(timeline_sources(past), _since(invocation, now), now, past.namespace)
    finally:
        await metrics.close()


async def _services(client: KubeClient) -> KubeState:
    """The services of the cluster, among which there may be a Prometheus; none where they may not be listed."""
    from fleet.model.snapshot import Cluster
    from fleet.net.bodies import limits
    from fleet.sources.kube.project.fields import Interner, mappings
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


def _tell(timeline: Timeline, invocation: Invocation, context: str, server: str) -> int:
    options, ref = invocation.options, None
    if options.object:
        kind, name = named.parse(options.object)
        found = timeline.find(kind, name, getattr(options, "namespace", None) or "")
        if len(found) != 1:
            say(_not_one(options.object, found))
            return exits.PROBLEM
        ref = found[0]
        timeline = timeline.narrowed_to(ref)
    if options.json:
        from console.report.timeline import to_json

        streams.document(to_json(timeline, context, server, ref))
    else:
        glyphs = choose_glyphs(os.environ, sys.stdout.encoding, invocation.load().settings.ui.glyphs)
        # What goes into a pipe is for another program, or for later: it is not cut.
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
        for line in lines(timeline, width, glyphs):
            print(line)
        if not timeline.entries:
            say("nothing is known to have happened then; --since looks further back")
    for gap in timeline.gaps:
        say(f"not told: {gap.what}\n{gap.problem}")
    return exits.OK


def _not_one(typed: str, found: tuple[ObjectRef, ...]) -> str:
    if not found:
        return f"nothing that is known happened to {typed} then\n  Check the name, or look further back with --since."
    return f"{typed} is more than one: {', '.join(map(place, found))}; say which with -n and KIND/NAME"


def _explain(error: KubeError | KubeconfigError) -> None:
    say(error.message + (f"\n{error.remedy}" if error.remedy else ""))

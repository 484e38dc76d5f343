"""Sources of the past of a cluster. Heavy imports: never imported before the first frame."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeAlias

from actions.audit.redaction import redacted
from actions.audit.timeline import AuditTimeline
from console.config.settings import Settings
from console.wiring.audit_folder import audit_logs
from console.wiring.memory import recordings_folder
from fleet.dataclass import dataclass
from fleet.json_fields import mapping, text
from fleet.metrics.dialect import Match, Op
from fleet.model.objects import ClusterId
from fleet.recorder.cluster_recordings import file_of
from fleet.recorder.recorded_past import RecordedPast, RecordingsTimeline
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import ClusterError
from fleet.sources.kube.probe import OLDEST
from fleet.sources.kube.state import KubeState
from fleet.sources.prometheus.products import PROMETHEUS
from fleet.sources.store import NamedStore, Store
from fleet.timeline.cluster.helm import HelmTimeline
from fleet.timeline.cluster.source import ClusterTimeline
from fleet.timeline.metrics.source import MetricsTimeline
from fleet.timeline.source import TimelineSource


@dataclass(frozen=True, slots=True)
class TimelineContext:
    """The surroundings that a source of the past may be made of."""

    settings: Settings
    environ: Mapping[str, str]
    client: KubeClient
    namespace: str
    """The selected namespace, empty for all."""
    stores: Callable[[], Awaitable[Sequence[NamedStore]]]
    """Stores that answer PromQL, by their names; none where none does. Raises SourceProblem."""
    live: Callable[[], KubeState] | None = None
    """Returns the rows that the console has by now, where it observes the cluster."""

    async def store(self, name: str = PROMETHEUS.section) -> Store | None:
        """The store of a name; None where it is not there. Raises SourceProblem."""
        return next((one.store for one in await self.stores() if one.name == name), None)


Makes: TypeAlias = Callable[[TimelineContext], Iterator[TimelineSource]]
"""Makes the sources of one kind: none where it has no use."""


def _cluster(past: TimelineContext) -> Iterator[TimelineSource]:
    fallback = [*past.settings.cluster.namespaces, past.client.access.namespace or "default"]
    yield ClusterTimeline(past.client, redacted, namespace=past.namespace, fallback=fallback)


def _helm(past: TimelineContext) -> Iterator[TimelineSource]:
    if past.settings.read_only:
        # An auditor's console never requests Secrets, not even their metadata.
        return
    fallback = [*past.settings.cluster.namespaces, past.client.access.namespace or "default"]
    yield HelmTimeline(past.client, namespace=past.namespace, fallback=fallback)


def _audit(past: TimelineContext) -> Iterator[TimelineSource]:
    access = past.client.access
    yield AuditTimeline(audit_logs(past.settings, past.environ), ClusterId.of(access.context, access.server))


def _recorder(past: TimelineContext) -> Iterator[TimelineSource]:
    access, client = past.client.access, past.client

    async def uid() -> str:
        try:
            answer = await client.get(OLDEST)
        except ClusterError:
            return ""
        return text(mapping(answer.json(), "metadata"), "uid")

    file = file_of(recordings_folder(past.environ), access.context, access.server)
    yield RecordingsTimeline(_kept(file), uid, time.time, past.live)


@lru_cache(maxsize=4)
def _kept(path: Path) -> RecordedPast:
    """The same for the same file: it remembers what it has read."""
    return RecordedPast(path)


def _metrics(past: TimelineContext) -> Iterator[TimelineSource]:
    prometheus = past.settings.prometheus
    yield MetricsTimeline(past.store, of_this_cluster(past.settings), prometheus.cluster_label)
    for name, more in prometheus.also.items():
        find = partial(past.store, f"{PROMETHEUS.section}/{name}")
        within = (Match(more.cluster_label, Op.EQUAL, more.cluster),) if more.cluster else ()
        yield MetricsTimeline(find, within, more.cluster_label)


def of_this_cluster(settings: Settings) -> tuple[Match, ...]:
    """The labels that all series of this cluster have in a store of several."""
    prometheus = settings.prometheus
    return (Match(prometheus.cluster_label, Op.EQUAL, prometheus.cluster),) if prometheus.cluster else ()


SOURCES: tuple[Makes, ...] = (_cluster, _helm, _metrics, _audit, _recorder)
"""A line for each kind."""


def timeline_sources(past: TimelineContext) -> tuple[TimelineSource, ...]:
    """All that are of use here."""
    return tuple(source for make in SOURCES for source in make(past))

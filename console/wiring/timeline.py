"""Sources of the past of a cluster. Imports what is heavy: never imported before the first frame."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from actions.audit.redaction import redacted
from actions.audit.timeline import AuditTimeline
from console.config.settings import Settings
from console.wiring.audit_folder import audit_logs
from fleet.dataclass import dataclass
from fleet.metrics.dialect import Match, Op
from fleet.model.objects import ClusterId
from fleet.sources.kube.client import KubeClient
from fleet.sources.store import Store
from fleet.timeline.cluster.helm import HelmTimeline
from fleet.timeline.cluster.source import ClusterTimeline
from fleet.timeline.metrics.source import MetricsTimeline
from fleet.timeline.source import TimelineSource


@dataclass(frozen=True, slots=True)
class Past:
    """The surroundings that a source of the past may be made of."""

    settings: Settings
    environ: Mapping[str, str]
    client: KubeClient
    namespace: str
    """The one in view, empty for all."""
    store: Callable[[], Awaitable[Store | None]]
    """Store that answers PromQL, where any does. Raises SourceProblem."""


Makes: TypeAlias = Callable[[Past], TimelineSource | None]
"""Makes a source; None where it has no use."""


def _cluster(past: Past) -> TimelineSource:
    fallback = [*past.settings.cluster.namespaces, past.client.access.namespace or "default"]
    return ClusterTimeline(past.client, redacted, namespace=past.namespace, fallback=fallback)


def _helm(past: Past) -> TimelineSource:
    fallback = [*past.settings.cluster.namespaces, past.client.access.namespace or "default"]
    return HelmTimeline(past.client, namespace=past.namespace, fallback=fallback)


def _audit(past: Past) -> TimelineSource:
    access = past.client.access
    return AuditTimeline(audit_logs(past.settings, past.environ), ClusterId.of(access.context, access.server))


def _metrics(past: Past) -> TimelineSource:
    return MetricsTimeline(past.store, of_this_cluster(past.settings), past.settings.prometheus.cluster_label)


def of_this_cluster(settings: Settings) -> tuple[Match, ...]:
    """The labels that all series of this cluster have in a store of several."""
    prometheus = settings.prometheus
    return (Match(prometheus.cluster_label, Op.EQUAL, prometheus.cluster),) if prometheus.cluster else ()


SOURCES: tuple[Makes, ...] = (_cluster, _helm, _metrics, _audit)
"""A line for each."""


def timeline_sources(past: Past) -> tuple[TimelineSource, ...]:
    """All that are of use here."""
    return tuple(source for make in SOURCES if (source := make(past)) is not None)

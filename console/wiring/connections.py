"""Connections of contexts, from the settings: a cluster, this machine, or nothing reachable."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from console.config.sections import settings_in
from console.config.settings import Settings
from console.session.cluster_reader import ClusterReader
from console.session.connection import Connection, OnActionChange
from console.session.reader import NoReader, ObjectReader
from console.wiring import sources
from console.wiring.contexts import not_a_cluster
from console.wiring.facts import Source
from console.wiring.memory import Memory
from console.wiring.past_numbers import PastNumbers
from fleet.model.snapshot import Cluster, Snapshot
from fleet.net.early_requests import EarlyRequests
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.no_cluster import AbsentKubernetes
from fleet.sources.kube.reads import KubeReads
from fleet.sources.kube.source import KubernetesSource

if TYPE_CHECKING:
    from actions.running.runner import Runner
    from console.session.local.watcher import SharedWatcher
    from fleet.model.alerts import MonitoringRule
    from fleet.monitoring.faults import Examined
    from fleet.timeline.source import TimelineSource


def connect(
    settings: Settings,
    context: str,
    namespace: str,
    environ: Mapping[str, str],
    servers: Callable[[], SharedWatcher],
    memory: Memory,
    early: EarlyRequests | None = None,
    here: Settings | None = None,
) -> Connection:
    """Return the connection for ``context``; ``here``: the settings for this machine, if they differ.

    Call it with a running event loop.
    """
    source = sources.source_of(settings, context, namespace, environ, servers=servers, early=early)
    if isinstance(source, KubernetesSource):
        return ClusterConnection(settings, source, context, environ, memory, early)
    if isinstance(source, AbsentKubernetes):
        status = source.statuses()[0]
        return unreachable(settings, KubeconfigError(status.problem, status.remedy), context, namespace, environ)
    from console.session.local.reader import LocalReader

    def past() -> Sequence[TimelineSource]:
        from console.wiring.local_timeline import local_timeline_sources

        return local_timeline_sources(here or settings, environ, source)

    return NoCluster(settings, source, context, environ, LocalReader(source, past), not_a_cluster(context))


def unreachable(
    settings: Settings, why: KubeconfigError, context: str, namespace: str, environ: Mapping[str, str]
) -> Connection:
    """Return a connection to a cluster that cannot be addressed, with the reason ``why``."""
    source = AbsentKubernetes(why, context, namespace)
    return NoCluster(settings, source, context, environ, NoReader(why.message, why.remedy), why)


class ClusterConnection:
    """The connection to the API server of a cluster."""

    is_local = is_absent = False

    def __init__(
        self,
        settings: Settings,
        source: KubernetesSource,
        context: str,
        environ: Mapping[str, str],
        memory: Memory,
        early: EarlyRequests | None = None,
    ) -> None:
        self._source = source
        self._environ = environ
        self._reads = KubeReads(source.client)
        here = source.state().cluster
        self.context, self.cluster = here.context or context, here.id
        self._settings = settings_in(settings, here.context)
        self.observer = sources.observer(
            settings, source, time.time(), environ, memory.recorder(here), memory.history(self.cluster), early
        )
        numbers = PastNumbers(self._settings, self.observer.metrics, source.state, environ)
        self.reader: ObjectReader = ClusterReader(
            self._reads, settings.cluster.namespaces, self._past, numbers, self._examine
        )

    async def _examine(self, rules: Sequence[MonitoringRule]) -> Examined:
        from console.wiring.timeline import of_this_cluster
        from fleet.monitoring.examination import examine

        now = time.time()
        store = await self.observer.metrics.store(self._source.state(), now)
        return await examine(store, rules, now, of_this_cluster(self._settings))

    def _past(self) -> tuple[Sequence[TimelineSource], str]:
        # Rarely used, so imported on demand.
        from console.wiring.timeline import TimelineContext, timeline_sources

        source, metrics = self._source, self.observer.metrics
        past = TimelineContext(
            self._settings,
            self._environ,
            source.client,
            source.cluster.namespace,
            lambda: metrics.stores(source.state(), time.time()),
            source.state,
        )
        return timeline_sources(past), past.namespace

    def reads(self) -> KubeReads:
        return self._reads

    async def identify(self) -> Cluster:
        return await self._source.identify()

    def runner(self, newest: Callable[[], Snapshot], changed: OnActionChange) -> Runner:
        from console.wiring.actions import runner

        past, refresh = self.observer.metrics.latency, self.observer.wake
        return runner(self._settings, self._source, newest, changed, self._environ, past, refresh)


class NoCluster:
    """The connection if there is no cluster to read or change; ``why`` says why."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        context: str,
        environ: Mapping[str, str],
        reader: ObjectReader,
        why: KubeconfigError,
    ) -> None:
        self._why = why
        self.is_absent = isinstance(source, AbsentKubernetes)
        self.is_local = not self.is_absent
        here = source.state().cluster
        self.context, self.cluster = here.context or context, here.id
        self.observer = sources.observer(settings, source, time.time(), environ)
        self.reader = reader

    def reads(self) -> NoReturn:
        raise KubeconfigError(self._why.message, self._why.remedy)

    async def identify(self) -> Cluster:
        self.reads()

    def runner(self, newest: Callable[[], Snapshot], changed: OnActionChange) -> NoReturn:
        del newest, changed
        self.reads()

"""Assembly of the sources from the settings. Heavy imports: never imported before the first frame."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from console.config.fields import EndpointSettings
from console.config.sections import settings_in
from console.config.settings import Settings
from console.report.crash import keep
from console.wiring.contexts import is_machine
from console.wiring.facts import InView, Source, fact_sources
from console.wiring.profiles import profile_choice
from fleet.net.early_requests import EarlyRequests
from fleet.observer import Observer
from fleet.snapshot.builder import Builder
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.kubeconfig import load_access
from fleet.sources.kube.no_cluster import AbsentKubernetes
from fleet.sources.kube.source import KubernetesSource
from fleet.sources.metrics_collector import MetricsCollector, MetricsSettings, MoreMetrics, Use
from fleet.sources.prometheus.trust import Trust
from fleet.sources.protocol import MetricsSource
from fleet.sources.scrape.collector import ScrapeCollectorSettings
from fleet.sources.scrape.pod_access import PodAccess
from fleet.sources.scrape.source import ScrapeLimits
from fleet.sources.scrape.targets import Via

if TYPE_CHECKING:
    # Modules for this machine are only imported if it is selected: most consoles show a cluster.
    from console.session.local.watcher import SharedWatcher
    from fleet.recorder.protocol import Recorder
    from fleet.snapshot.history import RecentHistory
    from fleet.sources.prometheus.transport import PrometheusEndpoint


def source_of(
    settings: Settings,
    context: str,
    namespace: str,
    environ: Mapping[str, str] = os.environ,
    servers: Callable[[], SharedWatcher] | None = None,
    early: EarlyRequests | None = None,
) -> Source:
    """Return the source that ``context`` names: this machine, or as in ``kubernetes``. ``servers`` returns a shared
    watcher.

    This machine has one namespace, which is always selected. Call it with a running event loop.
    """
    if not is_machine(settings, context, environ):
        return kubernetes(settings, context, namespace, environ, early)
    from console.session.local.watcher import SharedWatcher
    from fleet.local.source import LocalSource

    if servers is not None:
        return LocalSource(servers(), context=context)
    own = SharedWatcher(settings, environ)
    return LocalSource(own, context=context, closing=own.close)


def kubernetes(
    settings: Settings,
    context: str,
    namespace: str,
    environ: Mapping[str, str] = os.environ,
    early: EarlyRequests | None = None,
) -> KubernetesSource | AbsentKubernetes:
    """Return the cluster of ``context`` (empty: the current one), or a placeholder if it cannot be addressed.

    Call it with a running event loop.
    """
    try:
        access = load_access(settings.cluster.kubeconfig or None, context or None, environ)
        return KubernetesSource(
            access, namespace=namespace, namespaces=settings.cluster.namespaces, environ=environ, early=early
        )
    except KubeconfigError as error:
        return AbsentKubernetes(error, context, namespace)


def observer(
    settings: Settings,
    source: Source,
    now: float,
    environ: Mapping[str, str] = os.environ,
    recorder: Recorder | None = None,
    history: RecentHistory | None = None,
    early: EarlyRequests | None = None,
) -> Observer:
    """Return an Observer of this cluster, its metrics and its further sources, not yet started.

    ``history``: the known part of its last quarter of an hour.
    """
    settings = settings_in(settings, source.state().cluster.context)
    metrics = measuring_settings(settings, environ)
    measuring: MetricsSource
    if isinstance(source, KubernetesSource | AbsentKubernetes):
        measuring = MetricsCollector(source.client, metrics, now, early)
    else:
        from fleet.local.collector import LocalMeasuring

        measuring = LocalMeasuring(lambda: source.servers, metrics, now, host=source.host)
    in_view = InView(settings, environ, source, measuring, now)
    return Observer(
        source,
        measuring,
        lambda: fact_sources(in_view),
        refresh=settings.ui.refresh,
        read_only=settings.read_only,
        report=lambda error: keep(error, sys.argv[1:]),
        recorder=recorder,
        builder=Builder(history, profile_choice(settings.diagnosis)),
    )


def measuring_settings(settings: Settings, environ: Mapping[str, str] = os.environ) -> MetricsSettings:
    """The settings of the metrics sources."""
    prometheus, scrape = settings.prometheus, settings.scrape
    return MetricsSettings(
        prometheus=Use(prometheus.enabled),
        endpoint=_endpoint(prometheus, environ) if prometheus.url else None,
        trust=Trust(frozenset(prometheus.services), frozenset(prometheus.namespaces)),
        within={prometheus.cluster_label: prometheus.cluster} if prometheus.cluster else {},
        also=tuple(
            MoreMetrics(name, _endpoint(more, environ), {more.cluster_label: more.cluster} if more.cluster else {})
            for name, more in prometheus.also.items()
        ),
        timeout=prometheus.timeout,
        window=prometheus.window,
        scrape=Use(scrape.enabled),
        scraping=ScrapeCollectorSettings(
            ports=scrape.ports or (8000,),
            path=scrape.path,
            via=None if scrape.via == "auto" else Via(scrape.via),
            access=PodAccess(
                token_file=scrape.bearer_token_file,
                namespaces=frozenset(scrape.bearer_namespaces),
                ca_file=scrape.ca_file,
                cleartext=scrape.bearer_cleartext,
            ),
            scrape=ScrapeLimits(
                window=prometheus.window,
                interval=settings.ui.refresh,
                timeout=scrape.timeout,
                concurrency=scrape.concurrency,
            ),
        ),
        refresh=settings.ui.refresh,
    )


def _endpoint(prometheus: EndpointSettings, environ: Mapping[str, str]) -> PrometheusEndpoint:
    # Only if one is configured: most are discovered.
    from console.wiring.endpoints import endpoint

    return endpoint(prometheus, environ=environ)

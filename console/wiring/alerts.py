"""The sources of alerts from the settings: Alertmanagers, and rule evaluators. A cluster may have any number."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from console.wiring.endpoints import endpoint
from console.wiring.redaction import Redacting
from fleet.model.problem import NothingToAskError, SourceProblem
from fleet.net.bodies import limits
from fleet.sources.alerts.alertmanager import AlertmanagerSource, DiscoveredAlertmanager, Finds
from fleet.sources.alerts.rules import RulesSource
from fleet.sources.alerts.search import SYNCED, Search
from fleet.sources.kube.source import KubernetesSource
from fleet.sources.metrics_collector import Use
from fleet.sources.prometheus.products import ALERTMANAGER, RULES
from fleet.sources.prometheus.services import Services
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.prometheus.trust import Trust

if TYPE_CHECKING:
    from console.config.settings import Settings
    from console.wiring.facts import InView


def alertmanagers(in_view: InView) -> Iterator[AlertmanagerSource]:
    """Yield the configured or discovered one, and those that the configuration names in addition."""
    settings, plain = in_view.settings.alertmanager, Redacting().text
    use = Use(settings.enabled)
    if use is Use.NEVER or in_view.is_machine:
        return
    name, expected = ALERTMANAGER.section, bool(settings.url) or use is Use.ALWAYS
    if settings.url:
        find = _finder(endpoint(settings, ALERTMANAGER, in_view.environ))
        yield AlertmanagerSource(name, find, plain=plain, within=_cluster_label(in_view), expected=expected)
    else:
        trust = Trust(frozenset(settings.services), frozenset(in_view.settings.prometheus.namespaces))
        objects, services = in_view.objects, None
        if isinstance(objects, KubernetesSource):
            services = Services(objects.client, ALERTMANAGER, trust, settings.timeout, limits().alerts)
        search = Search(
            objects, services, lambda: _prometheus(in_view), timeout=settings.timeout, wanted=use is Use.ALWAYS
        )
        yield AlertmanagerSource(name, search, plain=plain, within=_cluster_label(in_view), expected=expected)
    for other, one in settings.also.items():
        find = _finder(endpoint(one, ALERTMANAGER, in_view.environ))
        yield AlertmanagerSource(f"{name}/{other}", find, plain=plain, within=_cluster_label(in_view), expected=True)


def rules(in_view: InView) -> Iterator[RulesSource]:
    """Yield the configured rule evaluator, else the Prometheus of the numbers; and those named in addition."""
    settings, plain = in_view.settings.rules, Redacting().text
    use = Use(settings.enabled)
    if use is Use.NEVER or in_view.is_machine:
        return
    name, expected = RULES.section, bool(settings.url) or use is Use.ALWAYS
    if settings.url:
        yield RulesSource(
            name,
            _finder(endpoint(settings, RULES, in_view.environ)),
            plain=plain,
            within=_cluster_label(in_view),
            expected=expected,
        )
    else:

        async def find() -> DiscoveredAlertmanager:
            try:
                prometheus = await _prometheus(in_view)
            except SourceProblem as problem:
                # The metrics source already reports it.
                raise NothingToAskError(problem.message, problem.remedy) from problem
            if prometheus is None:
                raise NothingToAskError("there is no Prometheus to read rules from", "name one: [rules] url")
            return DiscoveredAlertmanager(prometheus)

        yield RulesSource(name, find, plain=plain, within=_cluster_label(in_view), expected=expected)
    for other, one in settings.also.items():
        find_it = _finder(endpoint(one, RULES, in_view.environ))
        yield RulesSource(f"{name}/{other}", find_it, plain=plain, within=_cluster_label(in_view), expected=True)


def _cluster_label(in_view: InView) -> tuple[str, str]:
    """The label of the clusters, and this one's value of it, as with the series."""
    prometheus = in_view.settings.prometheus
    return prometheus.cluster_label, prometheus.cluster


async def _prometheus(in_view: InView) -> PrometheusEndpoint | None:
    """Return the Prometheus of the numbers. Raises SourceProblem if it was discovered and may not be used."""
    await in_view.objects.wait_synced(SYNCED)
    store = await in_view.metrics.store(in_view.objects.state(), time.time())
    return store.endpoint if isinstance(store, PrometheusSource) else None


def _finder(where: PrometheusEndpoint) -> Finds:
    async def find() -> DiscoveredAlertmanager:
        return DiscoveredAlertmanager(where)

    return find


def configured_alertmanagers(settings: Settings, environ: Mapping[str, str]) -> Iterator[PrometheusEndpoint]:
    """The Alertmanagers that the configuration names, with their credentials."""
    every = (settings.alertmanager, *settings.alertmanager.also.values())
    return (endpoint(one, ALERTMANAGER, environ) for one in every if one.url)

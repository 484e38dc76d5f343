"""The sources of alerts as the settings say: Alertmanagers, and what evaluates rules. A cluster has any number."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from console.wiring.endpoints import endpoint
from console.wiring.redaction import Redacting
from fleet.net.bodies import limits
from fleet.sources.alerts.alertmanager import AlertmanagerSource, Finds, Found
from fleet.sources.alerts.rules import RulesSource
from fleet.sources.alerts.search import SYNCED, Search
from fleet.sources.kube.source import KubernetesSource
from fleet.sources.metrics import Use
from fleet.sources.problem import NothingToAskError, SourceProblem
from fleet.sources.prometheus.products import ALERTMANAGER, RULES
from fleet.sources.prometheus.services import Services
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.prometheus.trust import Trust

if TYPE_CHECKING:
    from console.config.settings import Settings
    from console.wiring.sources import Surroundings


def alertmanagers(around: Surroundings) -> Iterator[AlertmanagerSource]:
    """The one that is configured or found, and those that the configuration names besides."""
    settings, plain = around.settings.alertmanager, Redacting().text
    use = Use(settings.enabled)
    if use is Use.NEVER or around.on_machine:
        return
    name, expected = ALERTMANAGER.section, bool(settings.url) or use is Use.ALWAYS
    if settings.url:
        find = _finder(endpoint(settings, ALERTMANAGER, around.environ))
        yield AlertmanagerSource(name, find, plain=plain, within=_cluster_label(around), expected=expected)
    else:
        trust = Trust(frozenset(settings.services), frozenset(around.settings.prometheus.namespaces))
        objects, services = around.objects, None
        if isinstance(objects, KubernetesSource):
            services = Services(objects.client, ALERTMANAGER, trust, settings.timeout, limits().alerts)
        search = Search(
            objects, services, lambda: _prometheus(around), timeout=settings.timeout, wanted=use is Use.ALWAYS
        )
        yield AlertmanagerSource(name, search, plain=plain, within=_cluster_label(around), expected=expected)
    for other, one in settings.also.items():
        find = _finder(endpoint(one, ALERTMANAGER, around.environ))
        yield AlertmanagerSource(f"{name}/{other}", find, plain=plain, within=_cluster_label(around), expected=True)


def rules(around: Surroundings) -> Iterator[RulesSource]:
    """The configured evaluator of rules, else the Prometheus of the numbers; and those that are named besides."""
    settings, plain = around.settings.rules, Redacting().text
    use = Use(settings.enabled)
    if use is Use.NEVER or around.on_machine:
        return
    name, expected = RULES.section, bool(settings.url) or use is Use.ALWAYS
    if settings.url:
        yield RulesSource(
            name,
            _finder(endpoint(settings, RULES, around.environ)),
            plain=plain,
            within=_cluster_label(around),
            expected=expected,
        )
    else:

        async def find() -> Found:
            try:
                prometheus = await _prometheus(around)
            except SourceProblem as problem:
                # The source of the numbers says it already.
                raise NothingToAskError(problem.problem, problem.remedy) from problem
            if prometheus is None:
                raise NothingToAskError("there is no Prometheus whose rules could be read", "name one: [rules] url")
            return Found(prometheus)

        yield RulesSource(name, find, plain=plain, within=_cluster_label(around), expected=expected)
    for other, one in settings.also.items():
        find_it = _finder(endpoint(one, RULES, around.environ))
        yield RulesSource(f"{name}/{other}", find_it, plain=plain, within=_cluster_label(around), expected=True)


def _cluster_label(around: Surroundings) -> tuple[str, str]:
    """The label of the clusters, and this one's value of it, as with the series."""
    prometheus = around.settings.prometheus
    return prometheus.cluster_label, prometheus.cluster


async def _prometheus(around: Surroundings) -> PrometheusEndpoint | None:
    """The Prometheus of the numbers. Raises SourceProblem for one that was found and may not be asked."""
    await around.objects.wait_synced(SYNCED)
    store = await around.metrics.store(around.objects.state(), time.time())
    return store.endpoint if isinstance(store, PrometheusSource) else None


def _finder(where: PrometheusEndpoint) -> Finds:
    async def find() -> Found:
        return Found(where)

    return find


def configured_alertmanagers(settings: Settings, environ: Mapping[str, str]) -> Iterator[PrometheusEndpoint]:
    """The Alertmanagers that the configuration names, with their credentials."""
    every = (settings.alertmanager, *settings.alertmanager.also.values())
    return (endpoint(one, ALERTMANAGER, environ) for one in every if one.url)

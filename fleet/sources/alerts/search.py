"""Search for an Alertmanager if none is configured. Finding none is no error unless one is required."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from fleet.model.problem import NothingToAskError, SourceProblem
from fleet.sources.alerts.alertmanager import DiscoveredAlertmanager
from fleet.sources.alerts.api import JsonApi
from fleet.sources.alerts.places import Place, named, places
from fleet.sources.prometheus.products import ALERTMANAGER
from fleet.sources.prometheus.trust import Sorted, adoption, offer
from fleet.workers import Workers

if TYPE_CHECKING:
    from fleet.sources.kube.state import KubeState
    from fleet.sources.prometheus.services import Services
    from fleet.sources.prometheus.transport import PrometheusEndpoint
    from fleet.sources.protocol import ObjectSource

SYNCED = 3.0
"""Seconds to wait for the first list of the cluster: before it, the Services are unknown."""
REMEDY = "name one with --alertmanager URL (or [alertmanager] url); through the API server it needs `get` on its proxy"


class Search:
    """Queries Prometheus first, then tries the Services; the first that answers is used.

    ``prometheus`` returns the one that the numbers come from. ``services`` is None if there is no API server.
    """

    def __init__(
        self,
        objects: ObjectSource,
        services: Services | None,
        prometheus: Callable[[], Awaitable[PrometheusEndpoint | None]],
        *,
        timeout: float,
        wanted: bool,
    ) -> None:
        self._objects = objects
        self._services = services
        self._prometheus = prometheus
        self._timeout = timeout
        self._wanted = wanted

    async def __call__(self) -> DiscoveredAlertmanager:
        await self._objects.wait_synced(SYNCED)
        state, worker = self._objects.state(), Workers(1, "find-alertmanager")
        loop = asyncio.get_running_loop()
        try:
            found, elsewhere = await self._find_endpoints(state, worker)
            among = await self._services.sort(state) if self._services is not None else Sorted((), ())
            notes = (*elsewhere, *(offer(one, ALERTMANAGER.section) for one in among.offered))
            trusted = [self._services.endpoint(one.proxy_path) for one in among.trusted] if self._services else []
            tried: list[str] = []
            for endpoint in (*found, *trusted):
                problem = await loop.run_in_executor(worker, _try, endpoint)
                if not problem:
                    return DiscoveredAlertmanager(endpoint, notes)
                tried.append(problem)
        finally:
            worker.shutdown(cancel_futures=True)
        raise self._none(among, tried, notes)

    async def _find_endpoints(self, state: KubeState, worker: Workers) -> tuple[list[PrometheusEndpoint], list[str]]:
        """Return the endpoints that Prometheus sends to, and notes on those that are not contacted."""
        try:
            prometheus = await self._prometheus()
            if prometheus is None:
                return [], []
            loop = asyncio.get_running_loop()
            raw = await loop.run_in_executor(worker, _sends_to, replace(prometheus, timeout=self._timeout))
        except SourceProblem:
            # Not every store has that API, and an unavailable one is reported by itself.
            return [], []
        found = list(places(named(raw), state, prometheus))
        elsewhere = [
            f"Prometheus sends alerts to {url}, which is not queried because it is unknown; if it can be reached "
            "from here, name it with --alertmanager"
            for url, place in found
            if place is None
        ]
        return list(self._endpoints(place for _, place in found if place is not None)), elsewhere

    def _endpoints(self, among: Iterator[Place]) -> Iterator[PrometheusEndpoint]:
        for place in among:
            if place.url:
                yield replace(place.endpoint, timeout=self._timeout)
            elif self._services is not None:
                yield self._services.endpoint(place.path)

    def _none(self, among: Sorted, tried: list[str], notes: tuple[str, ...]) -> SourceProblem:
        problem, remedy = "no Alertmanager is configured, and none was found", REMEDY
        if tried:
            problem = f"an Alertmanager was found, but does not answer: {tried[0]}"
        elif among.offered:
            problem = f"found {among.offered[0]}, which is not queried: only its name suggests that it can be trusted"
            remedy = adoption(among.offered[0], ALERTMANAGER.section)
        elif notes:
            problem = notes[0]
        return SourceProblem(problem, remedy) if self._wanted else NothingToAskError(problem, remedy)


def _sends_to(prometheus: PrometheusEndpoint) -> object:
    api = JsonApi(prometheus)
    try:
        return api.get("/api/v1/alertmanagers")
    finally:
        api.close()


def _try(endpoint: PrometheusEndpoint) -> str:
    """Query its status; return what is wrong with it, empty for nothing."""
    api = JsonApi(endpoint)
    try:
        api.get("/api/v2/status")
    except SourceProblem as problem:
        return problem.message
    finally:
        api.close()
    return ""

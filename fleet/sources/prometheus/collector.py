"""Queries to Prometheus: the configured one, else one discovered among the cluster's Services."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fleet.imports import imported
from fleet.metrics.pod_roles import none_is_read
from fleet.metrics.registry import ENGINES
from fleet.model.measurement import Measurement
from fleet.model.past import Latency, Past
from fleet.model.problem import SourceProblem
from fleet.model.snapshot import Health
from fleet.net.bodies import limits
from fleet.sources.kube.state import KubeState
from fleet.sources.prometheus.discovery import Candidate, Discovery, find
from fleet.sources.prometheus.products import PROMETHEUS
from fleet.sources.prometheus.services import Services
from fleet.sources.prometheus.transport import PrometheusEndpoint
from fleet.sources.prometheus.trust import Trust, adoption, offer
from fleet.sources.scrape.collector import Getter
from fleet.sources.status import StatusKeeper, unforeseen

if TYPE_CHECKING:
    # Imported only if there is a Prometheus: most first values are scraped, and must not wait for it.
    from fleet.sources.prometheus.source import PrometheusSource

LOOK_AGAIN = 60.0
"""Seconds between searches where no Prometheus was found."""
AWAY = 2.0
"""Scrape intervals that Prometheus may be away without a gap in its window that rates would show."""
BACKOFF = (2.0, 5.0, 10.0, 30.0)
"""Seconds to the next attempt after the first, second … failure in a row."""


class PrometheusCollector:
    """One Prometheus API, found and kept."""

    def __init__(
        self,
        client: Getter,
        endpoint: PrometheusEndpoint | None,
        window: float,
        timeout: float,
        now: float,
        trust: Trust | None = None,
        within: Mapping[str, str] | None = None,
        name: str = PROMETHEUS.section,
    ) -> None:
        self.name = name
        self._services = Services(client, PROMETHEUS, trust or Trust(), timeout, limits().prometheus)
        self._within = within
        self._look_for_own = float("-inf")
        """Time from which it is looked again for the cluster in view, in a store of several."""
        self._others: tuple[str, ...] = ()
        """The other clusters of the store, once it is limited to the one in view."""
        self._offered: tuple[Candidate, ...] = ()
        """Discovered by name, but not queried: nothing establishes trust in them."""
        self._configured = endpoint
        self._window = window
        self._source: PrometheusSource | None = None
        self._searching = asyncio.Lock()
        self._failures = 0
        self._not_before = float("-inf")
        self._engines_seen = False
        self.whole_from = float("-inf")
        """Console time (Unix) from which its window has no gap from an outage."""
        # An unconfigured Prometheus is not missed until the cluster's services have been searched.
        self.keeper = StatusKeeper(name, Health.OFF if endpoint is None else Health.STARTING, now)

    async def measure(
        self, state: KubeState, pods: frozenset[str] | None, now: float, *, wanted: bool
    ) -> Measurement | None:
        """One measurement; None where there is no Prometheus, it does not answer, or its turn has not come."""
        if now < self._not_before:
            return None
        try:
            source = self._source or await self._find(state, now, wanted=wanted)
            if source is None:
                return None
            measurement = await source.measure(pods)
            if len(source.clusters) > 1 and not source.within and await self._finds_own(source, state, now):
                measurement = await source.measure(pods)
        except SourceProblem as problem:
            await self._failed(problem, now)
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the source must say so and be asked again
            await self._failed(unforeseen(error), now)
            return None
        away = now - self.keeper.status.since if self._failures else 0.0
        self._failures = 0
        if away > AWAY * measurement.interval:
            # It may have been down rather than unreachable: then it has not scraped anything either.
            self.whole_from = now + measurement.window
        self._report(measurement, state, source.endpoint.shown, now)
        return measurement

    async def _finds_own(self, source: PrometheusSource, state: KubeState, now: float) -> bool:
        """Limit a store of several clusters to the one in view, if its series show which that is."""
        if now < self._look_for_own:
            return False
        self._look_for_own = now + LOOK_AGAIN
        # Needed only where a store holds several.
        from fleet.metrics.identity import CLUSTER_LABEL
        from fleet.metrics.promql import equal_to
        from fleet.metrics.registry import GPUS
        from fleet.sources.prometheus.own_cluster import own_cluster, question

        own = own_cluster(await source.query(question(source.dialects, GPUS)), state.pods)
        if own:
            self._others = tuple(one for one in source.clusters if one != own)
            source.within = equal_to({CLUSTER_LABEL: own})
        return bool(own)

    async def _failed(self, problem: SourceProblem, now: float) -> None:
        """Report the failure, and wait longer with every consecutive one."""
        self._not_before = now + BACKOFF[min(self._failures, len(BACKOFF) - 1)]
        self._failures += 1
        shown = self._source.endpoint.shown if self._source is not None else ""
        self.keeper.report(Health.DOWN, now, problem=problem.message, remedy=problem.remedy, endpoint=shown)
        if self._configured is None and self._failures > len(BACKOFF):
            await self._forget()

    @property
    def failing(self) -> bool:
        """The last attempt failed."""
        return self._failures > 0

    def refresh(self) -> None:
        """Query at the next measurement, whatever the back-off."""
        self._not_before = float("-inf")

    def switch_off(self, now: float) -> None:
        """Not to be used."""
        if self.keeper.status.health is not Health.OFF:
            self.keeper.report(Health.OFF, now)

    async def close(self) -> None:
        """Close the connections."""
        await self._forget()

    def _report(self, measurement: Measurement, state: KubeState, endpoint: str, now: float) -> None:
        """A pod that is not ready owes no metrics: its target being down is no trouble of the source."""
        notes = tuple(
            f"{target}: {why}"
            for target, why in sorted(measurement.unreachable.items())
            if target not in state.pods or state.pods[target].ready
        )
        problem = remedy = ""
        if self._engines_seen and not measurement.engines:
            problem = "the series of all its engines have ended: it no longer reaches them"
            remedy = "check its Targets page and its service discovery"
        elif not measurement.engines and none_is_read(state.pods.values()):
            notes = (*notes, "it has no series of a supported engine, as there is none in the cluster")
        elif not measurement.engines:
            problem = f"it answers, but has no series of a supported engine ({', '.join(m.name for m in ENGINES)})"
            remedy = "let it scrape the engines' /metrics (a PodMonitor or the prometheus.io/scrape annotation)"
        elif notes:
            problem, remedy = notes[0], "check its Targets page"
        self._engines_seen = self._engines_seen or bool(measurement.engines)
        if now < self.whole_from:
            notes = (*notes, "it was unavailable: its rates are too low until the gap has left the window")
        self.keeper.report(
            Health.DEGRADED if problem else Health.LIVE,
            now,
            problem=problem,
            remedy=remedy,
            endpoint=endpoint,
            notes=(*notes, *measurement.notes, *self._left_out(), *map(offer, self._offered)),
            requests=measurement.requests,
            certificates=() if self._source is None else self._source.certificates,
        )

    def _left_out(self) -> tuple[str, ...]:
        """Return which clusters of a store are not read, in words."""
        if self._source is None or not self._others:
            return ()
        from fleet.sources.prometheus.remarks import some

        own = ", ".join(match.value for match in self._source.within)
        text = f"it holds several clusters: {own} is read, in which it scrapes these pods, and not {some(self._others)}"
        return (f'{text}; to fix that: [prometheus] cluster = "{own}"',)

    async def remembered(self, end: float, seconds: float, step: float) -> list[Past]:
        """Return Prometheus' data of the ``seconds`` before ``end`` (its clock); empty if it has none."""
        if self._source is None:
            return []
        from fleet.sources.prometheus.past import past

        try:
            return await past(self._source, end - seconds, end, step, self._window)
        except SourceProblem:
            return []

    async def store(self, state: KubeState, now: float, *, wanted: bool) -> PrometheusSource | None:
        """Return the current Prometheus, discovered now if necessary. Raises SourceProblem if it may not be used."""
        found = self._source
        if found is None and now >= self._not_before:
            found = await self._find(state, now, wanted=wanted)
        if found is None and self._offered:
            raise SourceProblem(self.keeper.status.problem, self.keeper.status.remedy)
        return found

    async def latency(self, namespace: str, pods: str, seconds: float) -> Latency:
        """Raises SourceProblem, also where there is no Prometheus."""
        if self._source is None:
            raise SourceProblem("there is no Prometheus with a history")
        from fleet.sources.prometheus.past import latency

        return await latency(self._source, namespace, pods, seconds)

    async def _find(self, state: KubeState, now: float, *, wanted: bool) -> PrometheusSource | None:
        """Run one search at a time: concurrent callers get the first one's result."""
        async with self._searching:
            return self._source or await self._search(state, now, wanted=wanted)

    async def _search(self, state: KubeState, now: float, *, wanted: bool) -> PrometheusSource | None:
        if self._configured is not None:
            self._source = await self._asked_at(self._configured)
            return self._source
        if "services" not in state.synced and not state.services:
            return None
        self._not_before = now + LOOK_AGAIN
        found = await self._services.sort(state)
        self._offered = found.offered
        discovery = await find(found.trusted, lambda one: self._services.endpoint(one.proxy_path))
        if discovery.endpoint is None:
            self._report_none(discovery, now, wanted=wanted)
            return None
        self._not_before = float("-inf")
        self._source = await self._asked_at(discovery.endpoint)
        return self._source

    async def _asked_at(self, endpoint: PrometheusEndpoint) -> PrometheusSource:
        await asyncio.to_thread(imported, "fleet.sources.prometheus.source")
        from fleet.sources.prometheus.source import PrometheusSource

        return PrometheusSource(endpoint, window=self._window, within=self._within)

    def _report_none(self, discovery: Discovery, now: float, *, wanted: bool) -> None:
        """Report that none is usable: quietly if none was found, unless one is required; always if one was found and
        refuses.
        """
        tried = tuple(f"{attempt.candidate}: {attempt.problem}" for attempt in discovery.attempts)
        problem = "no Prometheus among the cluster's services"
        remedy = (
            "name one with --prometheus URL (or [prometheus] url); through the API server it needs `get` on "
            "services/proxy"
        )
        if self._offered:
            problem = f"found {self._offered[0]}, which is not queried: only its name suggests that it can be trusted"
            remedy = adoption(self._offered[0])
        if tried:
            problem = f"found {discovery.attempts[0].candidate}, which does not answer: {discovery.attempts[0].problem}"
        self.keeper.report(
            Health.DOWN if wanted or tried else Health.OFF,
            now,
            problem=problem,
            remedy=remedy,
            notes=(*tried, *map(offer, self._offered)),
        )

    async def _forget(self) -> None:
        source, self._source, self._others = self._source, None, ()
        self._look_for_own = float("-inf")
        if source is not None:
            await source.close()

"""Asking Prometheus: the one that is configured, else the one that is found among the cluster's services."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.kube.state import KubeState
from fleet.metrics.problem import SourceProblem
from fleet.metrics.prometheus import PrometheusSource
from fleet.metrics.scrape import Guard
from fleet.metrics.transport import PrometheusEndpoint
from fleet.model.measurement import Measurement
from fleet.model.objects import Service
from fleet.model.snapshot import Health
from fleet.scraping import Getter
from fleet.status import StatusKeeper

LOOK_AGAIN = 60.0
"""Seconds between searches where no Prometheus was found."""
BACKOFF = (2.0, 5.0, 10.0, 30.0)
"""Seconds to the next attempt after the first, second … failure in a row."""


class Asking:
    """One Prometheus API, found and kept."""

    def __init__(
        self,
        client: Getter,
        endpoint: PrometheusEndpoint | None,
        window: float,
        timeout: float,
        now: float,
        guard: Guard | None = None,
    ) -> None:
        self._client = client
        self._configured = endpoint
        self._window = window
        self._timeout = timeout
        self._guard = guard
        self._source: PrometheusSource | None = None
        self._failures = 0
        self._not_before = float("-inf")
        self._searched: Mapping[str, Service] | None = None
        self.keeper = StatusKeeper("prometheus", Health.STARTING, now)

    async def measure(
        self, state: KubeState, pods: frozenset[str] | None, now: float, *, wanted: bool
    ) -> Measurement | None:
        """One measurement; None where there is no Prometheus, it does not answer, or its turn has not come."""
        if now < self._not_before:
            return None
        source = self._source or await self._find(state, now, wanted=wanted)
        if source is None:
            return None
        try:
            measurement = await source.measure(pods)
        except SourceProblem as problem:
            self._not_before = now + BACKOFF[min(self._failures, len(BACKOFF) - 1)]
            self._failures += 1
            self.keeper.report(
                Health.DOWN, now, problem=problem.problem, remedy=problem.remedy, endpoint=source.endpoint.shown
            )
            if self._configured is None and self._failures > len(BACKOFF):
                await self._forget()
            return None
        self._failures = 0
        self._report(measurement, source.endpoint.shown, now)
        return measurement

    def off(self, now: float) -> None:
        """Not to be used."""
        if self.keeper.status.health is not Health.OFF:
            self.keeper.report(Health.OFF, now)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._forget()

    def _report(self, measurement: Measurement, endpoint: str, now: float) -> None:
        notes = tuple(f"{target}: {why}" for target, why in sorted(measurement.unreachable.items()))
        problem = remedy = ""
        if not measurement.engines:
            problem = "it answers, but has no series of a serving engine (vllm:*)"
            remedy = "let it scrape the engines' /metrics (a PodMonitor or the prometheus.io/scrape annotation)"
        elif notes:
            problem, remedy = notes[0], "look at its Targets page"
        self.keeper.report(
            Health.DEGRADED if problem else Health.LIVE,
            now,
            problem=problem,
            remedy=remedy,
            endpoint=endpoint,
            notes=notes,
            requests=measurement.requests,
        )

    async def _find(self, state: KubeState, now: float, *, wanted: bool) -> PrometheusSource | None:
        if self._configured is not None:
            self._source = PrometheusSource(self._configured, window=self._window, guard=self._guard)
            return self._source
        if "services" not in state.synced and not state.services:
            return None
        self._not_before = now + LOOK_AGAIN
        return None

    async def _forget(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            await source.close()

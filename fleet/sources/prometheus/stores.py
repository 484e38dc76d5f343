"""The metrics stores of one fleet, side by side: each is queried on its own task and has its own status.

Several Prometheus may each scrape a part of a cluster, or one the engines and another the GPUs. A slow or failed store
delays no other: its last answer ages meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from fleet.metrics.merged_measurement import LastMeasurement
from fleet.model.measurement import Measurement
from fleet.model.past import Latency, Past
from fleet.model.problem import SourceProblem
from fleet.model.reading import LOOKBACK
from fleet.model.snapshot import SourceStatus
from fleet.sources.kube.state import KubeState
from fleet.sources.prometheus.collector import PrometheusCollector
from fleet.sources.store import NamedStore


class QueriedStore:
    """One store, queried one request after the other, and its last answer."""

    def __init__(self, collector: PrometheusCollector) -> None:
        self.collector = collector
        self.last: Measurement | None = None
        self._attempt: asyncio.Task[Measurement | None] | None = None

    @property
    def is_awaited(self) -> bool:
        """True if a query is pending and the previous one did not fail."""
        return self._attempt is not None and not self.collector.failing

    async def ask(
        self, state: KubeState, pods: frozenset[str] | None, now: float, *, wanted: bool, patience: float | None
    ) -> bool:
        """Query, and wait up to ``patience`` seconds (None: until it answers or fails); return whether it has answered.

        A pending query is not repeated.
        """
        if self._attempt is None:
            measuring = self.collector.measure(state, pods, now, wanted=wanted)
            self._attempt = asyncio.create_task(measuring, name=f"ask {self.collector.name}")
        await asyncio.wait({self._attempt}, timeout=0.0 if self.collector.failing else patience)
        if not self._attempt.done():
            return False
        attempt, self._attempt = self._attempt, None
        found = await attempt
        self.last = found or self.last
        return found is not None

    async def close(self) -> None:
        """Stop querying, and close every connection."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.gather(self._attempt, return_exceptions=True)
        await self.collector.close()


class Stores:
    """The stores of a fleet, in order of declaration."""

    def __init__(self, collectors: Sequence[PrometheusCollector]) -> None:
        self._stores = [QueriedStore(one) for one in collectors]

    @property
    def are_several(self) -> bool:
        """True if there is more than one."""
        return len(self._stores) > 1

    @property
    def are_awaited(self) -> bool:
        """True if an answer is still pending."""
        return any(store.is_awaited for store in self._stores)

    @property
    def whole_from(self) -> float:
        """Console time (Unix) from which no window has a gap from an outage of its store."""
        return max(store.collector.whole_from for store in self._stores)

    async def ask(
        self, state: KubeState, pods: frozenset[str] | None, now: float, *, wanted: bool, patience: float | None
    ) -> tuple[LastMeasurement, ...]:
        """Query each, and return their answers; if one is still pending, its previous answer."""
        answered = await asyncio.gather(
            *(store.ask(state, pods, now, wanted=wanted, patience=patience) for store in self._stores)
        )
        return tuple(
            LastMeasurement(store.collector.name, store.last)
            for store, has_answered in zip(self._stores, answered, strict=True)
            # With a single store nothing is duplicated: it has the whole fleet, as does its temporary replacement.
            if store.last is not None and (has_answered or (self.are_several and store.is_awaited))
        )

    def before_failing(self, now: float) -> tuple[LastMeasurement, ...]:
        """Return the last answers of stores that have failed since, until these are too old to use."""
        return tuple(
            LastMeasurement(store.collector.name, store.last, failed_since=True)
            for store in self._stores
            if store.last is not None
            and store.collector.failing
            and now - store.last.at + store.last.clock_skew <= LOOKBACK
        )

    def refresh(self) -> None:
        """Query at the next measurement, whatever the back-off."""
        for store in self._stores:
            store.collector.refresh()

    def switch_off(self, now: float) -> None:
        """None is to be used."""
        for store in self._stores:
            store.collector.switch_off(now)

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return the status of each."""
        return tuple(store.collector.keeper.status for store in self._stores)

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(store.close() for store in self._stores))

    async def reachable(self, state: KubeState, now: float, *, wanted: bool) -> tuple[NamedStore, ...]:
        """Return the stores that are or would be queried, in order of declaration. Raises SourceProblem if the only one
        found may not be used.
        """
        found, refused = [], None
        for store in self._stores:
            try:
                source = await store.collector.store(state, now, wanted=wanted)
            except SourceProblem as problem:
                refused = problem
                continue
            if source is not None:
                found.append(NamedStore(store.collector.name, source, source.within))
        if refused is not None and not found:
            raise refused
        return tuple(found)

    async def remembered(self, latest: Measurement, seconds: float, step: float) -> list[Past]:
        """Return the ``seconds`` before ``latest``: for each object from the store that it is read from, dated by the
        clock of ``latest``. Percentiles of a model that several stores have a part of are left out.
        """
        if not self.are_several:
            return await self._stores[0].collector.remembered(latest.at, seconds, step)
        names = [store.collector.name for store in self._stores]
        found = await asyncio.gather(*(self._remembered(store, latest, seconds, step) for store in self._stores))
        by_store = {name: entries for name, entries in zip(names, found, strict=True) if entries}
        owners = _Owners(latest)
        return [
            entry
            for name, entries in by_store.items()
            for entry in entries
            if (owners.of(entry) or {next(iter(by_store))}) == {name}
        ]

    async def latency(self, latest: Measurement | None, namespace: str, pods: str, seconds: float) -> Latency:
        """Raises SourceProblem, also where there is no store, or several have a part of these pods."""
        names = _read_from(latest, namespace, pods) if latest is not None else set()
        if len(names) > 1:
            raise SourceProblem(f"the requests of these pods are in several stores: {', '.join(sorted(names))}")
        asked = next((one for one in self._stores if one.collector.name in names), self._stores[0])
        return await asked.collector.latency(namespace, pods, seconds)

    async def _remembered(self, store: QueriedStore, latest: Measurement, seconds: float, step: float) -> list[Past]:
        if store.last is None:
            return []
        ahead = store.last.clock_skew - latest.clock_skew
        found = await store.collector.remembered(latest.at + ahead, seconds, step)
        if not ahead:
            return found
        return [one._replace(points=tuple((at - ahead, value) for at, value in one.points)) for one in found]


class _Owners:
    """The names of the stores that the rows of a measurement are read from."""

    def __init__(self, latest: Measurement) -> None:
        self._processes: dict[tuple[str, str, str], set[str]] = {}
        self._models: dict[tuple[str, str], set[str]] = {}
        for engine, name in zip(latest.engines, latest.sources.engines, strict=False):
            self._processes.setdefault((engine.namespace, engine.pod, engine.instance), set()).add(name)
            self._models.setdefault((engine.namespace, engine.model), set()).add(name)
        self._gpus = {gpu.key: {name} for gpu, name in zip(latest.gpus, latest.sources.gpus, strict=False)}

    def of(self, entry: Past) -> set[str]:
        """Return the stores that have a part of it; none if it is not measured now."""
        if entry.gpu:
            return self._gpus.get(entry.gpu, set())
        group = entry.group
        if group.pod or group.instance:
            return self._processes.get((group.namespace, group.pod, group.instance), set())
        return self._models.get((group.namespace, group.model), set())


def _read_from(latest: Measurement, namespace: str, pods: str) -> set[str]:
    """The names of the stores that the engines of some pods are read from; ``pods``: a regular expression of names."""
    return {
        name
        for engine, name in zip(latest.engines, latest.sources.engines, strict=False)
        if engine.namespace == namespace and re.fullmatch(pods, engine.pod)
    }

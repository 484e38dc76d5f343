"""Numbers of a scrape that a case changes: engines by their pod, GPUs by their UUID."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, GpuId, HistogramKey, Measurement, Table
from fleet.model.quantity import Family, Quantity
from tests.eval.tape import INTERVAL, WINDOW

Q = Quantity
_WORK = (Q.RUNNING, Q.PROMPT_TOKENS, Q.GENERATION_TOKENS, Q.LATEST_TOKENS, Q.REQUESTS, Q.HTTP_REQUESTS, Q.KV_USAGE)
"""Quantities that grow with an engine's share of the requests."""
_TOKENS = frozenset({Q.PROMPT_TOKENS, Q.GENERATION_TOKENS})
Id = TypeVar("Id", EngineId, GpuId)


class Numbers:
    """One measurement, open to changes."""

    def __init__(self, measurement: Measurement, at: float) -> None:
        self._made = replace(measurement, at=at)
        self._engines = _copied(measurement.engine_table)
        self._gpus = _copied(measurement.gpu_table)
        self._histograms = {family: dict(found) for family, found in measurement.histograms.items()}
        self._engine_ids, self._gpu_ids = list(measurement.engines), list(measurement.gpus)
        self._engine_ages = array("d", measurement.engine_table.ages)
        self._gpu_ages = array("d", measurement.gpu_table.ages)
        self._gone: set[str] = set()
        self._gone_gpus: set[str] = set()
        self.unreachable: dict[str, str] = {}
        self.reasons = dict(measurement.throttle_reasons)

    @property
    def pods(self) -> Sequence[str]:
        """Keys of the pods that are measured."""
        return list(dict.fromkeys(f"{one.namespace}/{one.pod}" for one in self._engine_ids))

    def rows(self, pod: str) -> list[int]:
        """Rows of the engines of a pod."""
        return [at for at, one in enumerate(self._engine_ids) if f"{one.namespace}/{one.pod}" == pod]

    def get(self, pod: str, quantity: Quantity) -> float:
        """Return the sum of a pod's engines; NaN if it is not measured."""
        column = self._engines.get(quantity)
        return math.nan if column is None else math.fsum(column[row] for row in self.rows(pod))

    def set(self, pod: str, values: Mapping[Quantity, float]) -> None:
        """A pod's engines have these. Whoever waits waits for capacity where nothing else is said, and where engines
        tell why; an engine that makes so many tokens makes them between the last two scrapes, too.
        """
        if not _TOKENS.isdisjoint(values) and Q.LATEST_TOKENS not in values:
            values = {**values, Q.LATEST_TOKENS: self._tokens(pod, values)}
        if (
            Q.WAITING in values
            and Q.WAITING_CAPACITY not in values
            and not math.isnan(self.get(pod, Q.WAITING_CAPACITY))
        ):
            values = {**values, Q.WAITING_CAPACITY: values[Q.WAITING], Q.WAITING_DEFERRED: 0.0}
        for quantity, value in values.items():
            column = self._engines.setdefault(quantity, array("d", [math.nan]) * len(self._engine_ids))
            for row in self.rows(pod):
                column[row] = value

    def scale(self, pod: str, factors: Mapping[Quantity, float]) -> None:
        """A pod's engines have so many times as much."""
        for quantity, factor in factors.items():
            column = self._engines.get(quantity)
            for row in self.rows(pod) if column is not None else ():
                column[row] *= factor  # type: ignore[index] # there is one, or there are no rows

    def blend(self, pod: str, values: Mapping[Quantity, float], share: float) -> None:
        """Rates over a window of which a share is after the change; between two scrapes once both are after it."""
        latest = self.get(pod, Q.LATEST_TOKENS)
        if share >= INTERVAL / WINDOW:
            latest = self._tokens(pod, values)
        for quantity, value in values.items():
            before = self.get(pod, quantity)
            share = 1.0 if math.isnan(before) else share
            self.set(pod, {quantity: value * share + (0.0 if math.isnan(before) else before) * (1 - share)})
        if not _TOKENS.isdisjoint(values):
            self.set(pod, {Q.LATEST_TOKENS: latest})

    def _tokens(self, pod: str, values: Mapping[Quantity, float]) -> float:
        """The tokens per second of a pod that has these values, and else its own."""
        made = (values.get(one, self.get(pod, one)) for one in _TOKENS)
        return math.fsum(one for one in made if not math.isnan(one))

    def load(self, pod: str, factor: float) -> None:
        """A pod gets so many times as many requests."""
        self.scale(pod, dict.fromkeys(_WORK, factor))
        usage = self.get(pod, Q.KV_USAGE)
        if usage > 0.9:
            self.set(pod, {Q.KV_USAGE: 0.9})
        for quantity in (Q.RUNNING, Q.WAITING):
            count = self.get(pod, quantity)
            if not math.isnan(count):
                # Who gets less has nobody waiting.
                self.set(pod, {quantity: 0.0 if quantity is Q.WAITING and factor < 1 else float(round(count))})

    def stretch(self, pod: str, factors: Mapping[Family, float]) -> None:
        """Times of a pod's requests are so many times as long."""
        for family, factor in factors.items():
            for group, histogram in self._histograms.get(family, {}).items():
                if f"{group.namespace}/{group.pod}" == pod:
                    self._histograms[family][group] = _stretched(histogram, factor)

    def set_all(self, those: Iterable[str], values: Mapping[Quantity, float]) -> None:
        """The engines of several pods have these."""
        for pod in those:
            self.set(pod, values)

    def load_all(self, those: Iterable[str], factor: float) -> None:
        """Several pods get so many times as many requests."""
        for pod in those:
            self.load(pod, factor)

    def silence(self, pod: str, why: str = "") -> None:
        """Stop the measurements of a pod's engines; ``why`` is the error if they are asked."""
        self._gone.add(pod)
        if why:
            self.unreachable[pod] = why

    def age(self, pod: str, seconds: float) -> None:
        """Make the values of a pod's engines so old."""
        for row in self.rows(pod):
            self._engine_ages[row] = seconds

    def copy_engine(self, like: str, pod: str) -> None:
        """A pod is measured as another is."""
        namespace, _, name = pod.partition("/")
        for row in self.rows(like):
            self._engine_ids.append(self._engine_ids[row]._replace(namespace=namespace, pod=name))
            self._engine_ages.append(self._engine_ages[row])
            for column in self._engines.values():
                column.append(column[row])
        for found in self._histograms.values():
            for group, histogram in list(found.items()):
                if f"{group.namespace}/{group.pod}" == like:
                    found[group._replace(namespace=namespace, pod=name)] = histogram

    def skew(self, seconds: float) -> None:
        """The clock of who measures is so far ahead of the console's."""
        self._made = replace(self._made, at=self._made.at + seconds, clock_skew=seconds)

    def gpus_of(self, pod: str) -> list[str]:
        """Keys of the GPUs that a pod holds."""
        return [one.key for one in self._gpu_ids if f"{one.namespace}/{one.pod}" == pod]

    def gpus_on(self, node: str) -> list[str]:
        """Keys of the GPUs of a node."""
        return [one.key for one in self._gpu_ids if one.node == node]

    def set_gpu(self, key: str, values: Mapping[Quantity, float]) -> None:
        """A GPU has these."""
        row = next(at for at, one in enumerate(self._gpu_ids) if one.key == key)
        for quantity, value in values.items():
            column = self._gpus.setdefault(quantity, array("d", [math.nan]) * len(self._gpu_ids))
            column[row] = value

    def silence_gpus(self, *those: str) -> None:
        """Stop the measurements of these GPUs."""
        self._gone_gpus.update(those)

    def hold(self, pod: str, gpus: Iterable[str]) -> None:
        """Make a pod hold these GPUs; with an empty key, nobody does."""
        namespace, _, name = pod.partition("/")
        wanted = frozenset(gpus)
        self._gpu_ids = [
            one._replace(namespace=namespace, pod=name) if one.key in wanted else one for one in self._gpu_ids
        ]

    def measurement(self) -> Measurement:
        """Return the current measurement."""
        engines = [at for at, one in enumerate(self._engine_ids) if f"{one.namespace}/{one.pod}" not in self._gone]
        gpus = [at for at, one in enumerate(self._gpu_ids) if one.key not in self._gone_gpus]
        dialects = [*self._made.dialects, *[("vLLM",)] * (len(self._engine_ids) - len(self._made.dialects))]
        kept = frozenset(self._group(self._engine_ids[at]) for at in engines)
        return replace(
            self._made,
            engines=tuple(self._engine_ids[at] for at in engines),
            engine_table=_taken(self._engines, self._engine_ages, engines),
            dialects=tuple(dialects[at] for at in engines),
            gpus=tuple(self._gpu_ids[at] for at in gpus),
            gpu_table=_taken(self._gpus, self._gpu_ages, gpus),
            histograms={
                family: {group: one for group, one in found.items() if group in kept}
                for family, found in self._histograms.items()
            },
            means={},
            unreachable=self.unreachable,
            throttle_reasons={key: why for key, why in self.reasons.items() if key not in self._gone_gpus},
        )

    @staticmethod
    def _group(one: EngineId) -> HistogramKey:
        return HistogramKey(one.namespace, one.model, one.pod, one.engine, one.instance)


Shape = Callable[[Numbers, float], None]
"""Changes the numbers of a scrape at a Unix time."""


def _copied(table: Table) -> dict[Quantity, array[float]]:
    return {quantity: array("d", column) for quantity, column in table.columns.items()}


def _taken(columns: Mapping[Quantity, array[float]], ages: array[float], rows: Sequence[int]) -> Table:
    taken = {quantity: array("d", [column[at] for at in rows]) for quantity, column in columns.items()}
    return Table(taken, array("d", [ages[at] for at in rows]))


def _stretched(histogram: Histogram, factor: float) -> Histogram:
    """The same observations, each so many times as long."""
    edges, counts = histogram.edges, histogram.counts
    finite = [(0.0, 0.0), *((edge, count) for edge, count in zip(edges, counts, strict=True) if edge != math.inf)]
    found = []
    for edge, count in zip(edges, counts, strict=True):
        found.append(count if edge == math.inf else _at(finite, edge / factor))
    return Histogram(edges, tuple(found), histogram.total * factor)


def _at(points: Sequence[tuple[float, float]], x: float) -> float:
    for (left, low), (right, high) in pairwise(points):
        if x <= right:
            return low + (high - low) * (x - left) / (right - left)
    return points[-1][1]

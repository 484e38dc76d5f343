"""``causes``: what it costs to diagnose a fleet, as a share of the rest of building its Snapshots, in the same run.

Every engine is measured anew at each tick, and every number is another. Sick pods have four causes at once (a cache
that is full and preempts, a long queue, answers that are errors) and are spread over the workloads: hardly two of them
are one incident. Each pod has a GPU that is well. Histograms are those that a store of metrics gives of so large a
fleet: of each model, in four families. The first tick is not counted.
"""

from __future__ import annotations

import itertools
import random
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import NamedTuple, ParamSpec, TypeVar
from unittest.mock import patch

from fleet.diagnosis.assessment.metrics_scan import CachedScan
from fleet.diagnosis.diagnosis import Diagnosis
from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, GpuId, HistogramKey, Measurement
from fleet.model.quantity import Family, Quantity
from fleet.model.snapshot import Health, SourceStatus
from fleet.snapshot.builder import Builder
from fleet.snapshot.departures import Departures
from fleet.snapshot.empty_services import EmptyServices
from fleet.snapshot.usual_traffic import UsualTraffic
from fleet.sources.kube.state import KubeState
from tests.benchmarks.collecting import collected_rarely
from tests.benchmarks.effort import Effort
from tests.benchmarks.result import Report, Result
from tests.fleet.recorder.fleet import FAMILIES, fleet, histogram
from tests.fleet.rows import engine, measurement

P = ParamSpec("P")
R = TypeVar("R")

IDS = ("causes",)
PODS = 5_000
SICK = (0, 50, 300)
TICKS = 31
TICK = 2.0
"""Seconds between measurements."""
BUDGET = 0.25
_REMEMBER = (UsualTraffic, Departures, EmptyServices)
"""The stateful rules: they remember earlier values for the causes."""
BEGAN = 1_795_942_800.0
_DRAWN = 4
_SECONDS = 1.0
"""Seconds that a round takes for each number of sick pods: for the plan."""
_RANGES = {
    Quantity.RUNNING: ((4.0, 12.0), (20.0, 60.0)),
    Quantity.WAITING: ((0.0, 0.0), (60.0, 140.0)),
    Quantity.KV_USAGE: ((0.2, 0.8), (0.96, 1.0)),
    Quantity.PROMPT_TOKENS: ((80.0, 120.0), (80.0, 120.0)),
    Quantity.GENERATION_TOKENS: ((300.0, 500.0), (300.0, 500.0)),
    Quantity.REQUESTS: ((1.0, 9.0), (1.0, 9.0)),
    Quantity.PREEMPTIONS: ((0.0, 0.05), (1.0, 4.0)),
    Quantity.ERROR_RATIO: ((0.0, 0.01), (0.1, 0.5)),
    Quantity.PREFIX_HIT_RATIO: ((0.3, 0.7), (0.3, 0.7)),
}
"""Range of each number for a healthy pod, and for a sick one."""
_GPUS = {
    Quantity.GPU_UTIL: (0.5, 1.0),
    Quantity.GPU_MEMORY_USED: (6e10, 7e10),
    Quantity.GPU_TEMPERATURE: (50.0, 70.0),
    Quantity.GPU_POWER: (400.0, 600.0),
    Quantity.THROTTLE: (0.0, 0.04),
    Quantity.XID: (0.0, 0.0),
}


def seconds(effort: Effort) -> float:
    return effort.rounds() * len(SICK) * effort.seconds(_SECONDS)


def run(effort: Effort) -> list[Report]:
    """One fleet after the other, a Builder of its own each."""
    found = []
    for sick in SICK:
        rounds = [_round(effort.pods(PODS), sick and effort.pods(sick)) for _ in range(effort.rounds())]
        shares, what = tuple(one.diagnosis / one.rest for one in rounds), f"{PODS} pods, {sick} sick"
        found += [
            Result("causes", f"CPU of diagnosis / of the rest, {what}", shares, "×", BUDGET),
            Result("causes", f"CPU of diagnosis per tick, {what}", tuple(1e3 * one.diagnosis for one in rounds), "ms"),
        ]
    return list(found)


class _Tick(NamedTuple):
    """CPU seconds of a tick, in the mean."""

    diagnosis: float
    rest: float


def _round(pods: int, sick: int) -> _Tick:
    """Build the Snapshots of one fleet."""
    state, builder, clock = fleet(pods), Builder(), _Clock()
    statuses = (SourceStatus("kubernetes", Health.LIVE, BEGAN, BEGAN),)
    whole = diagnosed = 0.0
    with clock.running(), collected_rarely():
        for tick, (now, measured) in enumerate(measurements(state, sick, TICKS + 1)):
            clock.seconds, began = 0.0, time.process_time()
            builder.build(state, measured, statuses, now, frozenset())
            if tick:
                whole += time.process_time() - began
                diagnosed += clock.seconds
    return _Tick(diagnosed / TICKS, (whole - diagnosed) / TICKS)


class _Clock:
    """Adds up the CPU seconds of the search for causes, and of making incidents of them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        with ExitStack() as stack:
            for of, name in (*((one, "at") for one in _REMEMBER), (CachedScan, "of"), (Diagnosis, "incidents_at")):
                stack.enter_context(patch.object(of, name, self._timed(getattr(of, name))))
            yield

    def _timed(self, method: Callable[P, R]) -> Callable[P, R]:
        def timed(*args: P.args, **named: P.kwargs) -> R:
            began = time.process_time()
            try:
                return method(*args, **named)
            finally:
                self.seconds += time.process_time() - began

        return timed


def measurements(state: KubeState, sick: int, count: int) -> Iterator[tuple[float, Measurement]]:
    """(Unix time, every number of the fleet), one measurement after the other; the numbers come again after a while."""
    rng = random.Random(1)
    rows = list(state.pods.values())
    engines = [engine(row.name, f"model-{row.owner.name}" if row.owner else "") for row in rows]
    gpus = [GpuId(f"GPU-{row.name}", "", row.node, "0", row.namespace, row.name) for row in rows]
    ill = {number * len(rows) // sick for number in range(sick)}
    plain = measurement(
        {one: dict.fromkeys(_RANGES, 0.0) for one in engines}, gpus={one: dict.fromkeys(_GPUS, 0.0) for one in gpus}
    )
    drawn = [
        (
            {one: _drawn(rng, (ranges[at in ill] for at in range(len(rows)))) for one, ranges in _RANGES.items()},
            {one: _drawn(rng, (of for _ in rows)) for one, of in _GPUS.items()},
        )
        for _ in range(_DRAWN)
    ]
    histograms = list(itertools.islice(_histograms(rng, engines), _DRAWN))
    for tick in range(count):
        engine_columns, gpu_columns = map(_anew, drawn[tick % _DRAWN])
        yield (
            BEGAN + tick * TICK,
            replace(
                plain,
                at=BEGAN + tick * TICK,
                engine_table=replace(plain.engine_table, columns=engine_columns),
                gpu_table=replace(plain.gpu_table, columns=gpu_columns),
                histograms={family: dict(groups) for family, groups in histograms[tick % _DRAWN].items()},
            ),
        )


def _drawn(rng: random.Random, ranges: Iterable[tuple[float, float]]) -> array[float]:
    return array("d", (rng.uniform(least, greatest) for least, greatest in ranges))


def _histograms(
    rng: random.Random, engines: Sequence[EngineId]
) -> Iterator[Mapping[Family, Mapping[HistogramKey, Histogram]]]:
    models = [HistogramKey("serving", model) for model in dict.fromkeys(one.model for one in engines)]
    while True:
        yield {family: {model: histogram(rng) for model in models} for family in FAMILIES}


def _anew(columns: Mapping[Quantity, array[float]]) -> dict[Quantity, array[float]]:
    """The same numbers in new columns: a measurement does not share objects with earlier ones."""
    return {quantity: array("d", values) for quantity, values in columns.items()}

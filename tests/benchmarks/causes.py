"""``causes``: what it costs to diagnose a fleet, as a share of the rest of building its Snapshots, in the same run.

Every engine is measured anew at each tick, and every number is another. Sick pods have four causes at once (a cache
that is full and preempts, a long queue, answers that are errors) and are spread over the workloads: hardly two of them
are one incident. There are no histograms, which would only make the rest dearer. The first tick is not counted.
"""

from __future__ import annotations

import random
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import ParamSpec, TypeVar
from unittest.mock import patch

from fleet.diagnosis.diagnosis import Diagnosis
from fleet.diagnosis.screening import Kept
from fleet.model.measurement import Measurement
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Health, SourceStatus
from fleet.snapshot.builder import Builder
from fleet.sources.kube.state import KubeState
from tests.benchmarks.effort import Effort
from tests.benchmarks.result import Report, Result
from tests.fleet.recorder.fleet import fleet
from tests.fleet.rows import engine, measurement

P = ParamSpec("P")
R = TypeVar("R")

IDS = ("causes",)
PODS = 5_000
SICK = (0, 50, 300)
TICKS = 30
TICK = 2.0
"""Seconds between measurements."""
BUDGET = 0.25
BEGAN = 1_795_942_800.0
_SECONDS = 3.0
"""That a round takes for each number of sick pods: for the plan."""
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
"""From where to where the number of a pod is that is well, and of one that is sick."""


def seconds(effort: Effort) -> float:
    return effort.rounds() * len(SICK) * effort.seconds(_SECONDS)


def run(effort: Effort) -> list[Report]:
    """One fleet after the other, a Builder of its own each."""
    found = []
    for sick in SICK:
        shares = tuple(_round(effort.pods(PODS), sick and effort.pods(sick)) for _ in range(effort.rounds()))
        found.append(Result("causes", f"CPU of diagnosis / of the rest, {PODS} pods, {sick} sick", shares, "×", BUDGET))
    return list(found)


def _round(pods: int, sick: int) -> float:
    """The share."""
    state, builder, clock = fleet(pods), Builder(), _Clock()
    statuses = (SourceStatus("kubernetes", Health.LIVE, BEGAN, BEGAN),)
    whole = diagnosed = 0.0
    with clock.running():
        for tick, (now, measured) in enumerate(measurements(state, sick, TICKS + 1)):
            clock.seconds, began = 0.0, time.process_time()
            builder.build(state, measured, statuses, now, frozenset())
            if tick:
                whole += time.process_time() - began
                diagnosed += clock.seconds
    return diagnosed / (whole - diagnosed)


class _Clock:
    """Adds up the CPU seconds of what looks for causes, and of what makes incidents of them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        with ExitStack() as stack:
            for of, name in ((Kept, "of"), (Diagnosis, "incidents_at")):
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
    """(Unix time, every engine's numbers), one measurement after the other."""
    rng = random.Random(1)
    engines = [engine(row.name, f"model-{row.owner.name}" if row.owner else "") for row in state.pods.values()]
    ill = {number * len(engines) // sick for number in range(sick)}
    plain = measurement({one: dict.fromkeys(_RANGES, 0.0) for one in engines})
    for tick in range(count):
        columns = {
            quantity: array("d", (rng.uniform(*ranges[at in ill]) for at in range(len(engines))))
            for quantity, ranges in _RANGES.items()
        }
        at = BEGAN + tick * TICK
        yield at, replace(plain, at=at, engine_table=replace(plain.engine_table, columns=columns))

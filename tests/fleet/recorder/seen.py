"""Data of sources, tick after tick, for recordings."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from fleet.model.histogram import Histogram
from fleet.model.measurement import HistogramKey, Measurement
from fleet.model.objects import Pod, Workload
from fleet.model.quantity import Family, Quantity
from fleet.model.snapshot import Health, SourceStatus
from fleet.recorder.moment import Moment
from fleet.sources.kube.state import KubeState
from tests.fleet.rows import deployment, engine, kube, measurement, node, pod

BEGAN = 1_795_942_800.0
STEP = 15.0


class Plain:
    """Nothing is a secret."""

    def words(self, command: tuple[str, ...]) -> tuple[str, ...]:
        return command

    def text(self, text: str) -> str:
        return text


def statuses(health: Health = Health.LIVE, requests: int = 3) -> tuple[SourceStatus, ...]:
    return (SourceStatus("kubernetes", health, BEGAN, BEGAN, requests=requests),)


def measured(number: int, pods: int = 3) -> Measurement:
    """Numbers that move a little from one to the next, and histograms."""
    rng = random.Random(number // 7)
    rows = {
        engine(f"chat-{i}"): {Quantity.RUNNING: float(rng.randrange(9) + number % 3), Quantity.KV_USAGE: rng.random()}
        for i in range(pods)
    }
    edges = (0.1, 1.0, float("inf"))
    histograms = {
        Family.TTFT: {HistogramKey("serving", "llama"): Histogram(edges, (1.0, 2.0 + number, 3.0 + number), 9.5)}
    }
    return replace(measurement(rows), at=BEGAN + number * STEP, histograms=histograms, notes=("a note",))


def state(number: int, pods: int = 3) -> KubeState:
    """Pods come and go, and restart."""
    found = [_pod(i, number // 4 if i == 0 else 0) for i in range(pods + number // 5 % 2)]
    return replace(kube(found, _deployment(pods), [_NODE]), synced=_SYNCED)


@cache
def _pod(number: int, restarts: int) -> Pod:
    """Unchanged rows are the same objects, as sources give them."""
    return pod(f"chat-{number}", restarts=restarts)


@cache
def _deployment(pods: int) -> Sequence[Workload]:
    return deployment(desired=pods)


_NODE = node("node-1")
_SYNCED = frozenset({"pods"})


def moments(ticks: int, pods: int = 3) -> Iterator[tuple[float, Moment]]:
    """(Unix time, what was said) of each tick; an unchanged state is the same object, as sources give it."""
    last: KubeState | None = None
    for number in range(ticks):
        fresh = state(number, pods)
        if last is None or fresh.pods != last.pods:
            last = fresh if last is None else replace(fresh, nodes=last.nodes, workloads=last.workloads)
        health = Health.DOWN if number % 11 == 10 else Health.LIVE
        yield BEGAN + number * STEP, Moment(last, statuses(health, number), measured(number, pods))

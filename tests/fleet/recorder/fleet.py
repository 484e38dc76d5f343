"""A fleet of any size in which every number is another at each tick, for what keeping it costs and takes."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace

from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, HistogramKey, Measurement
from fleet.model.quantity import Family, Quantity
from fleet.sources.kube.state import KubeState
from tests.fleet.rows import deployment, engine, kube, measurement, node, pod

WORKLOAD_OF = 20
"""Pods."""
_COLUMNS = (
    Quantity.RUNNING,
    Quantity.WAITING,
    Quantity.KV_USAGE,
    Quantity.KV_CAPACITY,
    Quantity.PROMPT_TOKENS,
    Quantity.GENERATION_TOKENS,
    Quantity.REQUESTS,
    Quantity.PREEMPTIONS,
    Quantity.PREFIX_HITS,
    Quantity.PREFIX_QUERIES,
    Quantity.ERROR_RATIO,
    Quantity.PREFIX_HIT_RATIO,
)
FAMILIES = (Family.TTFT, Family.ITL, Family.E2E, Family.QUEUE)
EDGES = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0)
"""Bucket bounds of vLLM's time to first token, and beyond."""
_EDGES = (*EDGES, float("inf"))


def fleet(pods: int, restarts: int = 0) -> KubeState:
    """Deployments of twenty pods, all ready; the first pod has restarted so often."""
    names = [f"chat-{number // WORKLOAD_OF}" for number in range(pods)]
    found = [
        pod(f"{name}-{number}", name, restarts=0 if number else restarts, node=f"node-{number // 8}", ip=_ip(number))
        for number, name in enumerate(names)
    ]
    counts = {"ready": WORKLOAD_OF, "updated": WORKLOAD_OF, "available": WORKLOAD_OF}
    tops = [row for name in dict.fromkeys(names) for row in deployment(name, desired=WORKLOAD_OF, **counts)]
    return kube(found, tops, [node(f"node-{number}") for number in range(-(-pods // 8))])


def _ip(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def scraped(state: KubeState, began: float, step: float) -> Iterator[tuple[float, Measurement]]:
    """(Unix time, every engine's numbers and histograms), a measurement after the other, without an end."""
    rng = random.Random(1)
    engines = [engine(row.name, f"model-{row.owner.name}" if row.owner else "") for row in state.pods.values()]
    groups = [HistogramKey("serving", one.model, one.pod, one.engine, one.instance) for one in engines]
    plain = measurement({one: dict.fromkeys(_COLUMNS, 0.0) for one in engines})
    at = began
    while True:
        yield at, _measured(plain, engines, groups, rng, at)
        at += step


def _measured(
    plain: Measurement, engines: Sequence[EngineId], groups: Sequence[HistogramKey], rng: random.Random, at: float
) -> Measurement:
    def column(quantity: Quantity) -> array[float]:
        whole = quantity in (Quantity.RUNNING, Quantity.WAITING, Quantity.KV_CAPACITY)
        return array("d", (rng.randrange(60) if whole else rng.random() * 100 for _ in engines))

    columns = {quantity: column(quantity) for quantity in _COLUMNS}
    table = replace(plain.engine_table, columns=columns, ages=array("d", (rng.random() for _ in engines)))
    histograms = {family: {group: histogram(rng) for group in groups} for family in FAMILIES}
    return replace(plain, at=at, engine_table=table, histograms=histograms)


def histogram(rng: random.Random) -> Histogram:
    """Half of its buckets were hit, as those of one engine are within a minute."""
    first, total = rng.randrange(8), 0.0
    counts = []
    for place in range(len(_EDGES)):
        total += rng.randrange(40) / 60 if first <= place < first + len(_EDGES) // 2 else 0.0
        counts.append(total)
    return Histogram(_EDGES, tuple(counts), total * 0.7)

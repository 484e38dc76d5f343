"""The strips before the console's start: Prometheus' past, in the form of the history."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from fleet.model.past import Past, Points
from fleet.model.quantity import MEANINGS, Combine, Quantity
from fleet.snapshot.topology import Topology

Step = Mapping[Quantity, Mapping[str, float]]
"""Quantity → key → value at one time."""


class _Line(NamedTuple):
    """One line of the past: its object, and a pod's workload (empty for none)."""

    quantity: Quantity
    key: str
    workload: str
    points: Points


def steps(
    remembered: Iterable[Past], topology: Topology, step: float, clock_skew: float = 0.0
) -> Iterator[tuple[float, Step]]:
    """Yield the time of a step (Unix seconds, the console's clock) and its values, for pods and their workloads.

    Yields them one at a time: for five thousand pods all steps at once would take a hundred times the memory that is
    kept.

    ``clock_skew`` is how many seconds the clock that dates ``remembered`` is ahead of the console's.

    Workloads combine their pods as a Snapshot does; percentiles come from the model of a workload that serves it alone,
    because percentiles of pods cannot be combined.
    """
    lines = list(_lines(remembered, topology))
    places: dict[int, dict[float, int]] = {}
    """Place of the value of each step, by the times that many lines share."""
    for line in lines:
        times = line.points.times
        if id(times) not in places:
            slots = (math.floor((at - clock_skew) / step) * step for at in times)
            places[id(times)] = {slot: place for place, slot in enumerate(slots)}
    for slot in sorted(set().union(*places.values())):
        yield slot, _step(lines, [places[id(line.points.times)].get(slot, -1) for line in lines])


def _lines(remembered: Iterable[Past], topology: Topology) -> Iterator[_Line]:
    for entry in remembered:
        pod = topology.pod_of(entry.group) if entry.group.pod or entry.group.instance else ""
        alone = _only_workload(topology, entry) if entry.group.model and not pod else ""
        if pod:
            yield _Line(entry.quantity, pod, topology.workload_of.get(pod, ""), Points.of(entry.points))
        elif alone:
            yield _Line(entry.quantity, alone, "", Points.of(entry.points))


def _step(lines: Iterable[_Line], places: Iterable[int]) -> Step:
    out: dict[Quantity, dict[str, float]] = defaultdict(dict)
    parts: dict[tuple[Quantity, str], list[float]] = defaultdict(list)
    for line, place in zip(lines, places, strict=True):
        if place < 0 or math.isnan(value := line.points.values[place]):
            continue
        out[line.quantity][line.key] = value
        if line.workload:
            parts[line.quantity, line.workload].append(value)
    for (quantity, workload), values in parts.items():
        how = MEANINGS[quantity].to_group
        total = math.fsum(values)
        out[quantity][workload] = total if how in (Combine.SUM, Combine.WHOLE) else total / len(values)
    return out


def _only_workload(topology: Topology, entry: Past) -> str:
    model = topology.models.get(f"{entry.group.namespace}/{entry.group.model}")
    if model is None or len(model.workloads) != 1 or len(topology.served[model.workloads[0]]) > 1:
        # If a workload has several models, one model's percentile is not the workload's.
        return ""
    return model.workloads[0]

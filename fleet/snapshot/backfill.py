"""The strips before the console's own time: what Prometheus remembers, as the history would have kept it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from fleet.model.quantity import MEANINGS, Combine, Quantity
from fleet.snapshot.topology import Topology
from fleet.sources.prometheus.past import Past

Step = dict[Quantity, dict[str, float]]


def steps(remembered: Iterable[Past], topology: Topology, step: float, clock_skew: float = 0.0) -> dict[float, Step]:
    """Time of a step (Unix seconds, the console's clock) → quantity → key → value, for pods and their workloads.

    ``clock_skew`` is how many seconds the clock that dates ``remembered`` is ahead of the console's.

    Workloads combine their pods as a Snapshot does; percentiles come from the model of a workload that serves it
    alone, because percentiles of pods cannot be combined.
    """
    out: dict[float, Step] = defaultdict(lambda: defaultdict(dict))
    parts: dict[tuple[float, Quantity, str], list[float]] = defaultdict(list)
    for entry in remembered:
        pod = topology.pod_of(entry.group) if entry.group.pod or entry.group.instance else ""
        workload = topology.workload_of.get(pod, "")
        alone = _only_workload(topology, entry) if entry.group.model and not pod else ""
        for at, value in entry.points:
            slot = math.floor((at - clock_skew) / step) * step
            if pod:
                out[slot][entry.quantity][pod] = value
                parts[slot, entry.quantity, workload].append(value)
            elif alone:
                out[slot][entry.quantity][alone] = value
    for (slot, quantity, workload), values in parts.items():
        how = MEANINGS[quantity].to_group
        total = math.fsum(values)
        out[slot][quantity][workload] = total if how in (Combine.SUM, Combine.WHOLE) else total / len(values)
    return {slot: {quantity: dict(values) for quantity, values in found.items()} for slot, found in out.items()}


def _only_workload(topology: Topology, entry: Past) -> str:
    model = topology.models.get(f"{entry.group.namespace}/{entry.group.model}")
    if model is None or len(model.workloads) != 1 or len(topology.served[model.workloads[0]]) > 1:
        # Of a workload with several models, one model's percentile is not its own.
        return ""
    return model.workloads[0]

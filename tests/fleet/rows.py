"""Rows for tests of the rooms that build on the model: as few words as a test needs."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fleet.model.histogram import Histogram
from fleet.model.measurement import EngineId, GpuId, HistogramKey, Measurement, Table
from fleet.model.objects import Node, Owner, Pod, Workload
from fleet.model.quantity import Family, Quantity
from fleet.model.snapshot import Cluster, Health, SourceStatus
from fleet.sources.kube.state import KubeState

NOW = 1_795_220_000.0
LIVE = SourceStatus("kubernetes", Health.LIVE, since=NOW)
_MEANS = {Quantity.QUEUE_MEAN, Quantity.PREFILL_MEAN, Quantity.DECODE_MEAN, Quantity.ANSWERS_MEAN}


def pod(name: str, workload: str = "chat", **more: Any) -> Pod:
    """A ready pod of Deployment ``workload`` in namespace ``serving`` (through ReplicaSet ``<workload>-1``)."""
    fields: dict[str, Any] = {
        "namespace": "serving",
        "name": name,
        "uid": f"uid-{name}",
        "resource_version": "1",
        "created": NOW - 3600,
        "phase": "Running",
        "status": "Running",
        "ready": True,
        "restarts": 0,
        "owner": Owner("ReplicaSet", f"{workload}-1", f"uid-rs-{workload}"),
    }
    return Pod(**(fields | more))


def deployment(name: str = "chat", desired: int = 1, **more: Any) -> list[Workload]:
    """A Deployment and its ReplicaSet."""
    fields: dict[str, Any] = {
        "namespace": "serving",
        "resource_version": "1",
        "created": NOW - 7200,
        "desired": desired,
    }
    top = Workload(kind="Deployment", name=name, uid=f"uid-{name}", **(fields | more))
    owner = Owner("Deployment", name, f"uid-{name}")
    return [top, Workload(kind="ReplicaSet", name=f"{name}-1", uid=f"uid-rs-{name}", owner=owner, **fields)]


def node(name: str, gpus: int = 8, **more: Any) -> Node:
    """A ready node with GPUs."""
    fields: dict[str, Any] = {
        "uid": f"uid-{name}",
        "resource_version": "1",
        "created": NOW - 9000,
        "ready": "True",
        "gpus": {"nvidia.com/gpu": gpus},
    }
    return Node(name=name, **(fields | more))


def kube(
    pods: Sequence[Pod] = (),
    workloads: Sequence[Workload] = (),
    nodes: Sequence[Node] = (),
    generation: int = 1,
) -> KubeState:
    """Return the state that the Kubernetes source would give."""
    return KubeState(
        generation,
        Cluster(context="test"),
        pods={p.key: p for p in pods},
        workloads={w.key: w for w in workloads if w.kind != "ReplicaSet"},
        links={w.key: w for w in workloads if w.kind == "ReplicaSet"},
        nodes={n.name: n for n in nodes},
    )


def engine(pod_name: str, model: str = "llama", number: str = "0", **more: Any) -> EngineId:
    """An engine as the metrics of a pod in ``serving`` name it."""
    return EngineId(**({"namespace": "serving", "pod": pod_name, "model": model, "engine": number} | more))


def measurement(
    engines: Mapping[EngineId, Mapping[Quantity, float]] | None = None,
    histograms: Mapping[Family, Mapping[HistogramKey, Histogram]] | None = None,
    gpus: Mapping[GpuId, Mapping[Quantity, float]] | None = None,
    **more: Any,
) -> Measurement:
    """A measurement at NOW over 60 s, scraped every 5 s, with these values and NaN for all others.

    The mean of a phase is that of one request per second.
    """
    engines = engines or {}
    means = {quantity for values in engines.values() for quantity in values} & _MEANS
    fields: dict[str, Any] = {"source": "scrape", "at": NOW, "window": 60.0, "interval": 5.0}
    return Measurement(
        engines=tuple(engines),
        engine_table=table({e: {q: v for q, v in row.items() if q not in _MEANS} for e, row in engines.items()}),
        means={mean: _one_per_second(engines.values(), mean) for mean in means},
        gpus=tuple(gpus or ()),
        gpu_table=table(gpus or {}),
        histograms=histograms or {},
        **(fields | more),
    )


def _one_per_second(rows: Iterable[Mapping[Quantity, float]], mean: Quantity) -> tuple[array[float], array[float]]:
    seconds = array("d", (row.get(mean, math.nan) for row in rows))
    return seconds, array("d", (math.nan if math.isnan(one) else 1.0 for one in seconds))


def table(rows: Mapping[Any, Mapping[Quantity, float]]) -> Table:
    """Return a table of these rows, measured just now."""
    quantities = set().union(*rows.values())
    return Table(
        {q: array("d", [values.get(q, math.nan) for values in rows.values()]) for q in quantities},
        array("d", [0.0]) * len(rows),
    )

"""What a Prometheus remembers from before the console was started: for the strips, in three range queries."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from fleet.metrics.dialect import Kind, Match, Op
from fleet.metrics.identity import MODEL_LABELS, NAMESPACE_LABELS, POD_LABELS, UUID_LABELS, first
from fleet.metrics.promql import TAG, selector, tagged, within
from fleet.metrics.registry import ENGINES, GPUS
from fleet.model.measurement import Group
from fleet.model.quantity import QUANTILES, Family, Quantity
from fleet.sources.prometheus.source import PrometheusSource

_OF_PODS = {
    Quantity.RUNNING: "sum",
    Quantity.WAITING: "sum",
    Quantity.KV_USAGE: "max",
}
_OF_MODELS = (Quantity.TTFT_P95, Quantity.ITL_P95)
_NAMED = (*NAMESPACE_LABELS, *POD_LABELS, "instance")
_GPU_KEY = (*UUID_LABELS, "GPU_I_ID")


class Past(NamedTuple):
    """One quantity of a pod (``group.pod`` or ``group.instance``), a model (``group.model``) or a GPU (``gpu``)."""

    quantity: Quantity
    points: tuple[tuple[float, float], ...]
    """(Unix time, value), oldest first; times without a value are left out."""
    group: Group = Group("")
    gpu: str = ""
    """``GpuId.key``."""


async def past(source: PrometheusSource, start: float, end: float, step: float, window: float) -> list[Past]:
    """Running, waiting, KV use and tokens/s by pod; TTFT and ITL p95 by model; utilisation by GPU.

    ``start`` and ``end`` are Unix times of the server's clock, ``step`` and ``window`` (of the rates) seconds.
    Raises SourceProblem.
    """
    span = f"[{round(max(window, step))}s]"
    with within(source.within):
        texts = _pods(span), _models(span), _gpus()
    pods, models, gpus = await asyncio.gather(*(source.range(text, start, end, step) for text in texts))
    return [
        *(Past(Quantity(tag), points, group=_pod(labels)) for tag, labels, points in _series(pods)),
        *(Past(Quantity(tag), points, group=_model(labels)) for tag, labels, points in _series(models)),
        *(Past(Quantity.GPU_UTIL, points, gpu=_gpu(labels)) for _, labels, points in _series(gpus)),
    ]


_SPELLINGS = 2
"""How many of the labels that may name a pod are asked for: the others are of exporters without histograms of requests,
and each makes the query longer."""


class Latency(NamedTuple):
    """What requests waited for, in seconds; NaN for not known."""

    ttft_p95: float
    itl_p95: float


async def latency(source: PrometheusSource, namespace: str, pods: str, seconds: float) -> Latency:
    """Percentiles over all requests that some pods served in the last ``seconds``, those that are gone by now too.

    ``pods`` is a regular expression that their whole names match. Raises SourceProblem.
    """
    with within(source.within):
        text = _latency(namespace, pods, f"[{round(seconds)}s]")
    result = await source.query(text)
    found = {series["metric"].get(TAG, ""): float(series["value"][1]) for series in result}
    return Latency(found.get(Quantity.TTFT_P95, math.nan), found.get(Quantity.ITL_P95, math.nan))


def _latency(namespace: str, pods: str, span: str) -> str:
    parts = []
    for quantity in _OF_MODELS:
        family, q = QUANTILES[quantity]
        grown = (
            # Where the exporter's own pod is named too, the first of the labels is the workload's.
            f"increase({selector(name, (*ENGINES.exclude, *_whose(i, namespace, pods)))}{span})"
            for name in _buckets(family)
            for i in range(_SPELLINGS)
        )
        # A target that two jobs scrape counts twice in every bucket, which leaves the percentile as it is.
        parts.append(tagged(quantity, f"histogram_quantile({q:g}, sum by (le) ({' or '.join(grown)}))"))
    return " or ".join(parts)


def _whose(i: int, namespace: str, pods: str) -> tuple[Match, ...]:
    """The pods by the i-th label that may name them, and only where no label before it does."""
    return (
        *(Match(label, Op.EQUAL, "") for label in POD_LABELS[:i]),
        Match(POD_LABELS[i], Op.MATCHES, pods),
        Match(NAMESPACE_LABELS[i], Op.EQUAL, namespace),
    )


def _pods(span: str) -> str:
    # The inner max counts a target once that two jobs scrape.
    inner = ", ".join((*_NAMED, *MODEL_LABELS, "engine"))
    parts = []
    for quantity, combine in _OF_PODS.items():
        names = (name for metric in ENGINES.rules[quantity].metrics for name in ENGINES.spellings(metric.name))
        gauges = " or ".join(selector(name, ENGINES.exclude) for name in names)
        parts.append(tagged(quantity, f"{combine} by ({', '.join(_NAMED)}) (max by ({inner}) ({gauges}))"))
    rates = " or ".join(
        f"rate({selector(name, ENGINES.exclude)}{span})"
        for name in ENGINES.names_of(Quantity.GENERATION_TOKENS, Kind.COUNTER)
    )
    tokens = f"sum by ({', '.join(_NAMED)}) (max by ({inner}) ({rates}))"
    return " or ".join((*parts, tagged(Quantity.GENERATION_TOKENS, tokens)))


def _models(span: str) -> str:
    labels = ", ".join(("le", *NAMESPACE_LABELS, *MODEL_LABELS))
    parts = []
    for quantity in _OF_MODELS:
        family, q = QUANTILES[quantity]
        rates = " or ".join(f"rate({selector(name, ENGINES.exclude)}{span})" for name in _buckets(family))
        parts.append(tagged(quantity, f"histogram_quantile({q:g}, sum by ({labels}) ({rates}))"))
    return " or ".join(parts)


def _buckets(family: Family) -> Iterator[str]:
    for base in ENGINES.families[family]:
        yield from ENGINES.spellings(f"{base}_bucket")


def _gpus() -> str:
    """The utilisation of whole GPUs, of the metrics that give it as a gauge."""
    key = ", ".join(_GPU_KEY)
    metrics = [metric for metric in GPUS.rules[Quantity.GPU_UTIL].metrics if metric.kind is Kind.GAUGE]
    return " or ".join(f"max by ({key}) ({selector(m.name, m.where)}) * {m.scale:g}" for m in metrics)


def _series(result: Iterable[Any]) -> Iterator[tuple[str, Mapping[str, str], tuple[tuple[float, float], ...]]]:
    for series in result:
        values = ((float(at), float(value)) for at, value in series["values"])
        points = tuple((at, value) for at, value in values if math.isfinite(value))
        if points:
            yield series["metric"].get(TAG, ""), series["metric"], points


def _pod(labels: Mapping[str, str]) -> Group:
    namespace, pod = first(labels, NAMESPACE_LABELS), first(labels, POD_LABELS)
    return Group(namespace, pod=pod, instance="" if namespace and pod else labels.get("instance", ""))


def _model(labels: Mapping[str, str]) -> Group:
    return Group(first(labels, NAMESPACE_LABELS), model=first(labels, MODEL_LABELS))


def _gpu(labels: Mapping[str, str]) -> str:
    uuid, instance = first(labels, UUID_LABELS), labels.get("GPU_I_ID", "")
    return f"{uuid}/{instance}" if instance else uuid

"""The fleet's past before the console's start, from Prometheus: for the strips, in three range queries."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from fleet.metrics.dialect import Dialect, Match, MetricType, Op
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.identity import NAMESPACE_LABELS, POD_LABELS, first, gpu_key, gpu_key_labels
from fleet.metrics.promql import TAG, limited_to, scaled, selector, tagged
from fleet.metrics.registry import ENGINES, GPUS
from fleet.model.measurement import HistogramKey
from fleet.model.past import Latency, Past, Points
from fleet.model.quantity import QUANTILES, Family, Quantity
from fleet.sources.prometheus.source import PrometheusSource

_OF_PODS = {
    Quantity.RUNNING: "sum",
    Quantity.WAITING: "sum",
    Quantity.KV_USAGE: "max",
}
_OF_MODELS = (Quantity.TTFT_P95, Quantity.ITL_P95)
_NAMED = (*NAMESPACE_LABELS, *POD_LABELS, "instance")


async def past(source: PrometheusSource, start: float, end: float, step: float, window: float) -> list[Past]:
    """Running, waiting, KV use and tokens/s by pod; TTFT and ITL p95 by model; utilisation by GPU.

    ``start`` and ``end`` are Unix times of the server's clock, ``step`` and ``window`` (of the rates) seconds.
    Raises SourceProblem.
    """
    span = f"[{round(max(window, step))}s]"
    with limited_to(source.within):
        texts = _pods(source.dialects, span), _models(source.dialects, span), _gpus()

    async def asked(text: str, read: Callable[[Iterable[Any]], list[Past]]) -> list[Past]:
        return await source.read_range(read, text, start, end, step) if text else []

    found = await asyncio.gather(*map(asked, texts, (_of_pods, _of_models, _of_gpus)))
    return list(chain.from_iterable(found))


def _of_pods(result: Iterable[Any]) -> list[Past]:
    return [Past(Quantity(tag), points, group=_pod(labels)) for tag, labels, points in _series(result)]


def _of_models(result: Iterable[Any]) -> list[Past]:
    return [Past(Quantity(tag), points, group=_model(labels)) for tag, labels, points in _series(result)]


def _of_gpus(result: Iterable[Any]) -> list[Past]:
    return [Past(Quantity.GPU_UTIL, points, gpu=_gpu(labels)) for _, labels, points in _series(result)]


_SPELLINGS = 2
"""Number of pod labels that are queried: the others belong to exporters without request histograms, and each makes the
query longer.
"""


async def latency(source: PrometheusSource, namespace: str, pods: str, seconds: float) -> Latency:
    """Return percentiles over all requests that some pods served in the last ``seconds``, including pods that are gone.

    ``pods`` is a regular expression that matches their whole names. Raises SourceProblem.
    """
    with limited_to(source.within):
        text = _latency(source.dialects, namespace, pods, f"[{round(seconds)}s]")
    result = await source.query(text) if text else []
    found = {series["metric"].get(TAG, ""): float(series["value"][1]) for series in result}
    return Latency(found.get(Quantity.TTFT_P95, math.nan), found.get(Quantity.ITL_P95, math.nan))


def _latency(engines: DialectSet, namespace: str, pods: str, span: str) -> str:
    parts = []
    for quantity in _OF_MODELS:
        family, q = QUANTILES[quantity]
        for per_second, found in _buckets(engines, family).items():
            grown = (
                # Where the exporter's own pod is named too, the first of the labels is the workload's.
                f"increase({selector(name, (*member.where, *_pod_matches(i, namespace, pods)))}{span})"
                for member, name in found
                for i in range(_SPELLINGS)
            )
            # A target scraped by two jobs counts twice in every bucket, which leaves the percentile unchanged.
            quantile = f"histogram_quantile({q:g}, sum by (le) ({' or '.join(grown)}))"
            parts.append(tagged(quantity, scaled(quantile, 1 / per_second)))
    return " or ".join(parts)


def _pod_matches(i: int, namespace: str, pods: str) -> tuple[Match, ...]:
    """The pods by the i-th label that may name them, and only where no label before it does."""
    return (
        *(Match(label, Op.EQUAL, "") for label in POD_LABELS[:i]),
        Match(POD_LABELS[i], Op.MATCHES, pods),
        Match(NAMESPACE_LABELS[i], Op.EQUAL, namespace),
    )


def _pods(engines: DialectSet, span: str) -> str:
    # The inner max counts a target scraped by two jobs once.
    inner = ", ".join((*_NAMED, *engines.model_labels, *engines.rank_labels))
    parts = []
    for quantity, combine in _OF_PODS.items():
        found = _selectors(engines, quantity, MetricType.GAUGE)
        gauges = " or ".join(scaled(gauge, scale) for gauge, scale in found)
        if gauges:
            parts.append(tagged(quantity, f"{combine} by ({', '.join(_NAMED)}) (max by ({inner}) ({gauges}))"))
    counters = _selectors(engines, Quantity.GENERATION_TOKENS, MetricType.COUNTER)
    rates = " or ".join(scaled(f"rate({counter}{span})", scale) for counter, scale in counters)
    if rates:
        tokens = f"sum by ({', '.join(_NAMED)}) (max by ({inner}) ({rates}))"
        parts.append(tagged(Quantity.GENERATION_TOKENS, tokens))
    return " or ".join(parts)


def _selectors(engines: DialectSet, quantity: Quantity, kind: MetricType) -> Iterator[tuple[str, float]]:
    """Yield the selectors of a quantity in this way, and the factor from their unit to the canonical one."""
    for member in engines:
        rule = member.rules.get(quantity)
        for metric in rule.metrics if rule is not None else ():
            if metric.kind is kind:
                for name in member.spellings(metric.name):
                    yield selector(name, (*metric.where, *member.where)), metric.scale


def _models(engines: DialectSet, span: str) -> str:
    labels = ", ".join(("le", *NAMESPACE_LABELS, *engines.model_labels))
    parts = []
    for quantity in _OF_MODELS:
        family, q = QUANTILES[quantity]
        for per_second, found in _buckets(engines, family).items():
            rates = " or ".join(f"rate({selector(name, member.where)}{span})" for member, name in found)
            quantile = f"histogram_quantile({q:g}, sum by ({labels}) ({rates}))"
            parts.append(tagged(quantity, scaled(quantile, 1 / per_second)))
    return " or ".join(parts)


def _buckets(engines: DialectSet, family: Family) -> dict[float, list[tuple[Dialect, str]]]:
    """The names of the buckets by how many of the units of their ``le`` a second has."""
    found: dict[float, list[tuple[Dialect, str]]] = defaultdict(list)
    for member in engines:
        for base in member.families.get(family, ()):
            for name in member.spellings(f"{base}_bucket"):
                found[member.per_second.get(base, 1.0)].append((member, name))
    return found


def _gpus() -> str:
    """The utilisation of whole GPUs, of the metrics that give it as a gauge."""
    key = ", ".join(gpu_key_labels(GPUS))
    found = _selectors(GPUS, Quantity.GPU_UTIL, MetricType.GAUGE)
    return " or ".join(scaled(f"max by ({key}) ({gauge})", scale) for gauge, scale in found)


def _series(result: Iterable[Any]) -> Iterator[tuple[str, Mapping[str, str], Points]]:
    # Nearly all series have the same times: they are kept once.
    shared: dict[bytes, array[float]] = {}
    for series in result:
        times, values = array("d"), array("d")
        for at, text in series["values"]:
            value = float(text)
            if math.isfinite(value):
                times.append(float(at))
                values.append(value)
        if times:
            yield (
                series["metric"].get(TAG, ""),
                series["metric"],
                Points(shared.setdefault(times.tobytes(), times), values),
            )


def _pod(labels: Mapping[str, str]) -> HistogramKey:
    namespace, pod = first(labels, NAMESPACE_LABELS), first(labels, POD_LABELS)
    return HistogramKey(namespace, pod=pod, instance="" if namespace and pod else labels.get("instance", ""))


def _model(labels: Mapping[str, str]) -> HistogramKey:
    return HistogramKey(first(labels, NAMESPACE_LABELS), model=first(labels, ENGINES.model_labels))


def _gpu(labels: Mapping[str, str]) -> str:
    uuid, instance = gpu_key(labels, GPUS.gpu)
    return f"{uuid}/{instance}" if instance else uuid

"""The quantities that can be plotted: a row for each, with its names for ``:plot``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from fleet.metrics.registry import GATEWAYS
from fleet.model.quantity import GATEWAY_QUANTITIES, GPU_QUANTITIES, MEANINGS, Quantity, Unit
from fleet.model.snapshot import Snapshot

Q = Quantity


class Plotted(NamedTuple):
    """One plot."""

    name: str
    title: str
    quantity: Quantity
    least: float
    """The least that its scale reaches up to."""
    band: tuple[Quantity, Quantity] | None = None
    peaks: bool = False
    """True if a short peak of it matters."""

    @property
    def unit(self) -> Unit:
        return MEANINGS[self.quantity].unit

    @property
    def of_gpus(self) -> bool:
        """True if it is measured of GPUs, not of engines."""
        return self.quantity in GPU_QUANTITIES

    @property
    def of_gateways(self) -> bool:
        """True if gateways count it, before a model."""
        return self.quantity in GATEWAY_QUANTITIES


def _at_gateways(family: str) -> tuple[Quantity, Quantity]:
    return Q(f"gateway_{family}_p50"), Q(f"gateway_{family}_p99")


PLOTTED: tuple[Plotted, ...] = (
    Plotted("waiting", "requests waiting", Q.WAITING, 10, peaks=True),
    Plotted("running", "requests running", Q.RUNNING, 10, peaks=True),
    Plotted("kv", "KV cache in use", Q.KV_USAGE, 1, peaks=True),
    Plotted("ttft", "time to first token p95", Q.TTFT_P95, 0.1, (Q.TTFT_P50, Q.TTFT_P99)),
    Plotted("itl", "inter-token latency p95", Q.ITL_P95, 0.01, (Q.ITL_P50, Q.ITL_P99)),
    Plotted("tokens", "tokens generated", Q.GENERATION_TOKENS, 100),
    Plotted("prompt", "prompt tokens", Q.PROMPT_TOKENS, 100),
    Plotted("requests", "requests finished", Q.REQUESTS, 1),
    Plotted("errors", "errors", Q.ERROR_RATIO, 0.01),
    Plotted("queue", "time in the queue p95", Q.QUEUE_P95, 0.1, (Q.QUEUE_P50, Q.QUEUE_P99)),
    Plotted("e2e", "whole request p95", Q.E2E_P95, 1, (Q.E2E_P50, Q.E2E_P99)),
    Plotted("prefill", "mean prefill time", Q.PREFILL_MEAN, 0.1),
    Plotted("decode", "mean decode time", Q.DECODE_MEAN, 1),
    Plotted("preemptions", "preemptions", Q.PREEMPTIONS, 1),
    Plotted("prefix", "prefix-cache hits", Q.PREFIX_HIT_RATIO, 1),
    Plotted("gpu", "GPU utilisation", Q.GPU_UTIL, 1, peaks=True),
    Plotted("memory", "GPU memory in use", Q.GPU_MEMORY_USED, 2.0**30, peaks=True),
    Plotted("temperature", "GPU temperature", Q.GPU_TEMPERATURE, 100),
    Plotted("power", "GPU power", Q.GPU_POWER, 100, peaks=True),
    Plotted("clock", "SM clock", Q.SM_CLOCK, 1000),
    Plotted("throttled", "share of time throttled", Q.THROTTLE, 1),
    Plotted("in-flight", "requests in gateways", Q.GATEWAY_IN_FLIGHT, 10, peaks=True),
    Plotted("gateway-queue", "requests waiting in gateways", Q.GATEWAY_QUEUED, 10, peaks=True),
    Plotted("arrivals", "requests to gateways", Q.GATEWAY_REQUESTS, 1),
    Plotted("rejected", "rejected by gateways", Q.GATEWAY_REJECTIONS, 1),
    Plotted("gateway-errors", "failed at gateways", Q.GATEWAY_ERRORS, 1),
    Plotted("retries", "retried by gateways", Q.GATEWAY_RETRIES, 1),
    Plotted("gateway-ttft", "time to first token at gateways p95", Q.GATEWAY_TTFT_P95, 0.1, _at_gateways("ttft")),
    Plotted("gateway-e2e", "whole request at gateways p95", Q.GATEWAY_E2E_P95, 1, _at_gateways("e2e")),
)

SPANS: Mapping[str, float] = {"15m": 900.0, "1h": 3600.0, "6h": 21_600.0, "24h": 86_400.0, "7d": 604_800.0}
"""Spans of a plot, in seconds."""
EARLIER: tuple[tuple[str, float], ...] = (
    ("", 0.0),
    ("an hour ago", 3600.0),
    ("yesterday", 86_400.0),
    ("a week ago", 604_800.0),
)
"""The moments that can be laid over it, in seconds before."""


def plotted_of(snapshot: Snapshot, key: str) -> tuple[Plotted, ...]:
    """Return the plots that an object can have; empty for none. Those of a node cover all its GPUs."""
    whole = snapshot.everything
    if key in whole.gpus or whole.gpus_on.get(key):
        return tuple(plot for plot in PLOTTED if plot.of_gpus)
    if (model := whole.models.get(key)) is not None:
        gpus = any((one := whole.workloads.get(part)) is not None and one.gpus > 0 for part in model.workloads)
        before = {whole.gateways[row].dialect for row in whole.gateways_of.get(key, ())}
        return tuple(
            plot
            for plot in PLOTTED
            if (GATEWAYS.exposes(before, plot.quantity) if plot.of_gateways else gpus or not plot.of_gpus)
        )
    pod, workload = whole.pods.get(key), whole.workloads.get(key)
    if pod is None and workload is None:
        return ()
    gpus = (pod.gpus if pod is not None else workload.gpus if workload is not None else 0) > 0
    serves = (whole.workload_of.get(key, "") if pod is not None else key) in whole.model_of
    return tuple(plot for plot in PLOTTED if not plot.of_gateways and (gpus if plot.of_gpus else serves))


def found(plots: tuple[Plotted, ...], name: str) -> int | None:
    """The place of a plot by its name, the begin of it, or the name of its quantity; None for none."""
    wanted = name.strip().lower()
    for at, plot in enumerate(plots):
        if wanted in (plot.name, str(plot.quantity)):
            return at
    return next((at for at, plot in enumerate(plots) if wanted and plot.name.startswith(wanted)), None)


def names() -> Iterator[str]:
    """Yield the names for ``:plot``."""
    return (plot.name for plot in PLOTTED)

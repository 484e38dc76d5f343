"""Pages of engines and GPU exporters as templates: laid out once, filled in a tenth of a millisecond."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

RUNNING = 730
"""Requests running in every engine, and one more at every other scrape: a number that nothing else on a screen is."""
_WORKLOAD, _MODEL = "chat-8b", "llama-3.1-8b"
_COUNTERS = ("_total", "_bucket", "_count", "_sum")
_STEPS = 500
"""A counter grows by the five-hundredth part of its first value with each scrape."""
_SLIM = ("vllm:time_to_first_token_seconds", "vllm:inter_token_latency_seconds")
_GAUGES: dict[str, tuple[str, Callable[[int], int]]] = {
    "vllm:num_requests_running": ("%d.0", lambda turn: RUNNING + turn % 2),
    "vllm:num_requests_waiting": ("%d.0", lambda turn: turn * 7 % 23),
    "vllm:kv_cache_usage_perc": ("0.%02d", lambda turn: 10 + turn * 13 % 80),
    "DCGM_FI_DEV_GPU_UTIL": ("%d", lambda turn: 20 + turn * 11 % 79),
    "DCGM_FI_DEV_GPU_TEMP": ("%d", lambda turn: 50 + turn * 5 % 30),
    "DCGM_FI_DEV_POWER_USAGE": ("%d.5", lambda turn: 300 + turn * 17 % 380),
}
"""Name → the format of its value, and its value at the n-th scrape."""


@dataclass(frozen=True, slots=True)
class Template:
    """A page whose numbers depend on the number of scrapes; all tuples are in the order of the moving lines."""

    layout: str
    first: tuple[int, ...]
    growth: tuple[int, ...]
    gauges: tuple[tuple[int, Callable[[int], int]], ...]
    """Gauges among the moving lines: their indexes, with their functions of the tick."""

    def render(self, turn: int) -> bytes:
        """The page at the ``turn``-th scrape."""
        values = [first + growth * turn for first, growth in zip(self.first, self.growth, strict=True)]
        for line, gauge in self.gauges:
            values[line] = gauge(turn)
        return (self.layout % tuple(values)).encode()


def template(page: str) -> Template:
    """The template of a page: its counters grow, the gauges that every reader shows move, all else stays."""
    lines: list[str] = []
    first: list[int] = []
    growth: list[int] = []
    gauges: list[tuple[int, Callable[[int], int]]] = []
    for line in page.splitlines():
        name, _, value = line.rpartition(" ")
        family = name.partition("{")[0]
        if line.startswith("#"):
            lines.append(line.replace("%", "%%"))
        elif family in _GAUGES:
            form, gauge = _GAUGES[family]
            gauges.append((len(first), gauge))
            first.append(0)
            growth.append(0)
            lines.append(f"{name.replace('%', '%%')} {form}")
        elif family.endswith(_COUNTERS) and float(value) > 0:
            start = int(float(value))
            first.append(start)
            growth.append(-(-start // _STEPS))
            lines.append(f"{name.replace('%', '%%')} %d.0")
        else:
            lines.append(line.replace("%", "%%"))
    return Template("\n".join(lines) + "\n", tuple(first), tuple(growth), tuple(gauges))


@cache
def _simulated() -> tuple[str, str]:
    """Return the page of an engine that has served for some minutes, and that of its GPU exporter."""
    # Only the process that serves needs the simulator.
    from tests.simulator.fleet_support import Watched, is_ready, only

    watched = Watched(blueprint=only(_WORKLOAD))
    watched.run(300)
    pod = next(pod for pod in watched.pods(_WORKLOAD) if is_ready(pod))
    return watched.page(pod), watched.dcgm(pod["spec"]["nodeName"])


@cache
def engine(model: str, *, slim: bool) -> Template:
    """The page of an engine with this model.

    A ``slim`` one lacks the histograms beyond TTFT and ITL and what is not vLLM's: a sixth of the series, for fleets
    that a Prometheus on this machine could not hold otherwise.
    """
    lines = _simulated()[0].splitlines()
    if slim:
        lines = [line for line in lines if line.startswith("vllm:") and "_created" not in line]
        histograms = {line.partition("_bucket")[0] for line in lines if "_bucket" in line} - set(_SLIM)
        lines = [line for line in lines if not line.startswith(tuple(f"{name}_" for name in sorted(histograms)))]
    return template("\n".join(lines).replace(_MODEL, model))


def gpus(node: str, pods: Sequence[tuple[str, str]]) -> Template:
    """The page of a node's GPU exporter: one GPU for each of these pods (namespace, name)."""
    lines = []
    for line in _simulated()[1].splitlines():
        if line.startswith("#"):
            lines.append(line)
        elif '{gpu="0"' in line:
            name, value = line.partition("{")[0], line.rpartition(" ")[2]
            lines += [
                f'{name}{{gpu="{number}",UUID="GPU-{node}-{number}",device="nvidia{number}",'
                f'modelName="NVIDIA H100 80GB HBM3",Hostname="{node}",namespace="{namespace}",pod="{pod}",'
                f'container="vllm"}} {value}'
                for number, (namespace, pod) in enumerate(pods)
            ]
    return template("\n".join(lines))

"""Expositions of engines and GPU exporters for tests: what releases of vLLM from 0.6 to 0.33 and DCGM answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

SHORT = (0.1, 0.5, 1.0, 2.5)
LONG = (*SHORT, 10.0, 60.0)


@dataclass(frozen=True)
class Load:
    """Counters of an engine. ``latencies`` are observations per bucket of LONG and beyond, not cumulative."""

    running: int = 3
    waiting: int = 2
    kv: float = 0.25
    prompt: float = 1000.0
    generation: float = 5000.0
    finished: Mapping[str, float] = field(default_factory=lambda: {"stop": 40.0, "length": 2.0})
    preemptions: float = 1.0
    hits: float = 300.0
    queries: float = 900.0
    latencies: Sequence[float] = (5, 10, 20, 4, 2, 1, 0)
    http: Mapping[tuple[str, str], float] = field(default_factory=lambda: {("/v1/completions", "2xx"): 40.0})
    start: float = 1_795_220_000.0


@dataclass(frozen=True)
class Release:
    """Metric names of one release, without ``vllm:``; if a quantity has several, all are exposed."""

    version: str
    kv: tuple[str, ...]
    itl: tuple[str, ...]
    prefix_cache: tuple[str, ...] = ()
    engine_label: bool = True
    queue: tuple[str, ...] = ("request_queue_time_seconds",)
    edges: tuple[float, ...] = LONG
    capacity: Mapping[str, str] = field(default_factory=lambda: {"num_gpu_blocks": "512", "block_size": "16"})
    reasons: bool = False
    sleep: bool = False
    preemptions: bool = True
    throughput: bool = False
    """The averages that V0 computed itself."""
    hit_rate: bool = False
    swapped: bool = False
    prefix: str = "vllm:"
    errors: bool = False
    """finished_reason has ``error``."""


V0_6 = Release(
    "0.6.4",
    kv=("gpu_cache_usage_perc", "cpu_cache_usage_perc"),
    itl=("time_per_output_token_seconds",),
    engine_label=False,
    queue=("request_queue_time_seconds", "time_in_queue_requests"),
    edges=SHORT,
    throughput=True,
    hit_rate=True,
    swapped=True,
)
V0_8 = Release(
    "0.8.5",
    kv=("gpu_cache_usage_perc",),
    itl=("time_per_output_token_seconds",),
    prefix_cache=("gpu_prefix_cache",),
)
V0_10 = Release(
    "0.10.2",
    kv=("kv_cache_usage_perc", "gpu_cache_usage_perc"),
    itl=("inter_token_latency_seconds", "time_per_output_token_seconds"),
    prefix_cache=("prefix_cache", "gpu_prefix_cache"),
)
V0_12 = replace(
    V0_10,
    version="0.12",
    kv=("kv_cache_usage_perc",),
    itl=("inter_token_latency_seconds",),
    prefix_cache=("prefix_cache",),
    sleep=True,
)
V0_20 = replace(V0_12, version="0.20", reasons=True, errors=True)
V0_33 = replace(
    V0_20,
    version="0.33",
    capacity={"num_gpu_blocks": "512", "block_size": "16", "kv_cache_size_tokens": "8000"},
)
RELEASES = (V0_6, V0_8, V0_10, V0_12, V0_20, V0_33)


class Page:
    """Lines of an exposition."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, name: str, value: float | str, **labels: str) -> None:
        """One sample, its labels in alphabetical order as prometheus_client has them."""
        inside = ",".join(f'{label}="{text}"' for label, text in sorted(labels.items()))
        self.lines.append(f"{name}{{{inside}}} {value}" if inside else f"{name} {value}")

    def family(self, name: str, kind: str) -> None:
        """HELP and TYPE."""
        self.lines += [f"# HELP {name} Said of {name}.", f"# TYPE {name} {kind}"]

    def histogram(self, name: str, edges: Sequence[float], counts: Sequence[float], **labels: str) -> None:
        """Cumulative buckets; the observations beyond the last edge are in +Inf alone."""
        self.family(name, "histogram")
        total = 0.0
        for edge, count in zip((*edges, float("inf")), (*counts[: len(edges)], sum(counts[len(edges) :])), strict=True):
            total += count
            self.add(f"{name}_bucket", total, le="+Inf" if edge == float("inf") else f"{edge}", **labels)
        self.add(f"{name}_count", total, **labels)
        self.add(f"{name}_sum", total * 0.75, **labels)

    @property
    def text(self) -> str:
        """The body."""
        return "\n".join((*self.lines, ""))


def vllm(release: Release, loads: Mapping[str, Load], model: str = "chat") -> str:
    """A process that serves one model with an engine per entry (data-parallel rank → its load)."""
    page = Page()
    for rank, load in loads.items():
        labels = {"model_name": model} | ({"engine": rank} if release.engine_label else {})
        _engine(page, release, load, labels)
    for rank in loads:
        config = dict(release.capacity) | ({"engine": rank} if release.engine_label else {})
        page.add(f"{release.prefix}cache_config_info", 1.0, cache_dtype="auto", **config)
    first = next(iter(loads.values()))
    page.family("http_requests_total", "counter")
    for (handler, status), count in first.http.items():
        page.add("http_requests_total", count, handler=handler, method="POST", status=status)
    page.add("process_start_time_seconds", first.start)
    return page.text


def _engine(page: Page, release: Release, load: Load, labels: Mapping[str, str]) -> None:
    prefix = release.prefix

    def one(name: str, value: float, kind: str = "gauge", **more: str) -> None:
        page.family(prefix + name.removesuffix("_total"), kind)
        page.add(prefix + name, value, **labels, **more)
        if kind == "counter":
            page.add(prefix + name.removesuffix("_total") + "_created", load.start, **labels, **more)

    one("num_requests_running", load.running)
    one("num_requests_waiting", load.waiting)
    if release.swapped:
        one("num_requests_swapped", 7)
    if release.reasons:
        one("num_requests_waiting_by_reason", load.waiting, reason="capacity")
        one("num_requests_waiting_by_reason", 0, reason="deferred")
    if release.sleep:
        for state in ("awake", "weights_offloaded", "discard_all"):
            one("engine_sleep_state", float(state == "awake"), sleep_state=state)
    for at, name in enumerate(release.kv):
        one(name, load.kv if at == 0 else 0.99)
    if release.throughput:
        one("avg_prompt_throughput_toks_per_s", 11.0)
        one("avg_generation_throughput_toks_per_s", 22.0)
    if release.hit_rate:
        one("gpu_prefix_cache_hit_rate", 0.4)
    for at, name in enumerate(release.prefix_cache):
        # The old spelling is made to differ, so that adding the two up or taking the wrong one shows.
        one(f"{name}_queries_total", load.queries * (1 + at), "counter")
        one(f"{name}_hits_total", load.hits * (1 + 2 * at), "counter")
    if release.preemptions:
        one("num_preemptions_total", load.preemptions, "counter")
    one("prompt_tokens_total", load.prompt, "counter")
    one("generation_tokens_total", load.generation, "counter")
    page.family(f"{prefix}request_success_total", "counter")
    reasons = {"stop": 0.0, "length": 0.0, "abort": 0.0} | ({"error": 0.0} if release.errors else {})
    for reason, count in (reasons | dict(load.finished)).items():
        page.add(f"{prefix}request_success_total", count, finished_reason=reason, **labels)
    page.histogram(f"{prefix}iteration_tokens_total", (8.0, 64.0), (9, 9, 9), **labels)
    for at, name in enumerate(release.itl):
        observed = load.latencies if at == 0 else [count * 3 for count in reversed(load.latencies)]
        page.histogram(prefix + name, release.edges, observed, **labels)
    for name in (
        "time_to_first_token_seconds",
        "e2e_request_latency_seconds",
        *release.queue,
        "request_prefill_time_seconds",
        "request_decode_time_seconds",
    ):
        page.histogram(prefix + name, release.edges, load.latencies, **labels)


@dataclass(frozen=True)
class Card:
    """A GPU (or MIG instance) and who holds it."""

    ordinal: int = 0
    utilisation: float = 80.0
    temperature: float = 61.0
    used: float = 70000.0
    free: float = 11000.0
    pod: str = ""
    instance: str = ""
    profile: str = ""
    throttled: float = 0.0
    """Nanoseconds under the power cap so far."""
    xid: int = 0
    mask: int | None = None

    @property
    def uuid(self) -> str:
        """UUID as NVML formats it."""
        return f"GPU-{self.ordinal:08d}"


BLANK = 9223372036854775794


def dcgm(cards: Sequence[Card], node: str = "gpu-node-1", host: str = "Hostname", namespace: str = "llm") -> str:
    """A dcgm-exporter of one node: ``host`` is how it spells the label of its host name."""
    page = Page()
    for card in cards:
        labels = {
            "gpu": str(card.ordinal),
            "UUID": card.uuid,
            "device": f"nvidia{card.ordinal}",
            "modelName": "NVIDIA H100 80GB HBM3",
            host: node,
        }
        if card.instance:
            labels |= {"GPU_I_ID": card.instance, "GPU_I_PROFILE": card.profile}
        if card.pod:
            labels |= {"namespace": namespace, "pod": card.pod, "container": "engine"}
        mig = bool(card.instance)
        page.add("DCGM_FI_DEV_GPU_UTIL", 0 if mig else card.utilisation, **labels)
        page.add("DCGM_FI_PROF_GR_ENGINE_ACTIVE", card.utilisation / 100, **labels)
        page.add("DCGM_FI_PROF_DRAM_ACTIVE", 0.5, **labels)
        page.add("DCGM_FI_DEV_FB_USED", card.used, **labels)
        page.add("DCGM_FI_DEV_FB_FREE", card.free, **labels)
        page.add("DCGM_FI_DEV_GPU_TEMP", card.temperature, **labels)
        page.add("DCGM_FI_DEV_MEMORY_TEMP", BLANK, **labels)
        page.add("DCGM_FI_DEV_POWER_USAGE", 412.5, **labels)
        page.add("DCGM_FI_DEV_SM_CLOCK", 1755, **labels)
        page.add("DCGM_FI_DEV_XID_ERRORS", card.xid, **labels)
        page.add("DCGM_FI_DEV_POWER_VIOLATION", card.throttled, **labels)
        page.add("DCGM_FI_DEV_THERMAL_VIOLATION", BLANK, **labels)
        if card.mask is not None:
            page.add("DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", card.mask, **labels)
    return page.text

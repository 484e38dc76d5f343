"""The canonical vocabulary: every quantity the console knows, its unit, and how it is combined.

Units are seconds, bytes, ratio 0-1, tokens/s, requests/s, °C, W, MHz. Dialects (fleet/metrics) map the names that
engines and exporters use, across their versions, to these.
"""

from __future__ import annotations

from enum import StrEnum

from fleet.dataclass import dataclass


class Unit(StrEnum):
    COUNT = ""
    RATIO = "ratio"
    SECONDS = "s"
    BYTES = "bytes"
    TOKENS = "tokens"
    TOKENS_PER_SECOND = "tokens/s"
    PER_SECOND = "/s"
    CELSIUS = "°C"
    WATTS = "W"
    MEGAHERTZ = "MHz"


class Combine(StrEnum):
    """The rule by which values of several engines (or GPUs) become that of their pod, workload or model."""

    SUM = "sum"
    """Sum of the known values: an engine without the value does not hide those of the others."""
    WHOLE = "whole"
    """The sum where all are known, else missing: part of a total is a wrong total."""
    MEAN = "mean"
    MAX = "max"
    MIN = "min"
    RATIO = "ratio"
    """Sum of the numerators over the sum of the denominators; ratios are never averaged."""
    QUANTILE = "quantile"
    """Percentile of merged histogram buckets; percentiles are never averaged."""


class Quantity(StrEnum):
    """Names as in ``snapshot --json``."""

    # engines: gauges
    RUNNING = "requests_running"
    WAITING = "requests_waiting"
    WAITING_CAPACITY = "requests_waiting_capacity"
    WAITING_DEFERRED = "requests_waiting_deferred"
    KV_FETCHING = "requests_waiting_for_kv_transfer"
    KV_USAGE = "kv_cache_usage"
    KV_CAPACITY = "kv_cache_capacity_tokens"
    SLEEP_LEVEL = "sleep_level"
    ENGINE_HEALTHY = "engine_healthy"
    KV_TIER_HEALTHY = "kv_tier_healthy"
    SLEEP_OPERATIONS = "sleep_operations_in_flight"
    # engines: rates over the window
    PROMPT_TOKENS = "prompt_tokens_per_second"
    GENERATION_TOKENS = "generation_tokens_per_second"
    LATEST_TOKENS = "latest_tokens_per_second"
    REQUESTS = "requests_per_second"
    REQUEST_ERRORS = "request_errors_per_second"
    REQUESTS_CUT = "requests_cut_off_per_second"
    REQUESTS_ABORTED = "requests_aborted_per_second"
    PREEMPTIONS = "preemptions_per_second"
    ENGINE_REJECTIONS = "engine_rejections_per_second"
    KV_TRANSFER_FAILURES = "kv_transfer_failures_per_second"
    KV_TIER_FAILURES = "kv_tier_failures_per_second"
    PREFIX_HITS = "prefix_cache_hit_tokens_per_second"
    PREFIX_QUERIES = "prefix_cache_query_tokens_per_second"
    SPEC_ACCEPTED = "spec_accepted_tokens_per_second"
    SPEC_DRAFTED = "spec_draft_tokens_per_second"
    HTTP_REQUESTS = "http_requests_per_second"
    HTTP_ERRORS = "http_errors_per_second"
    HTTP_REFUSALS = "http_refusals_per_second"
    # engines: ratios of rates
    ERROR_RATIO = "error_ratio"
    PREFIX_HIT_RATIO = "prefix_cache_hit_ratio"
    SPEC_ACCEPTANCE = "spec_acceptance_ratio"
    # engines: latency
    TTFT_P50 = "ttft_p50"
    TTFT_P95 = "ttft_p95"
    TTFT_P99 = "ttft_p99"
    ITL_P50 = "itl_p50"
    ITL_P95 = "itl_p95"
    ITL_P99 = "itl_p99"
    E2E_P50 = "e2e_p50"
    E2E_P95 = "e2e_p95"
    E2E_P99 = "e2e_p99"
    QUEUE_P50 = "queue_p50"
    QUEUE_P95 = "queue_p95"
    QUEUE_P99 = "queue_p99"
    QUEUE_MEAN = "queue_mean"
    PREFILL_MEAN = "prefill_mean"
    DECODE_MEAN = "decode_mean"
    ANSWERS_MEAN = "answers_per_request"
    # gateways
    GATEWAY_IN_FLIGHT = "gateway_requests_in_flight"
    GATEWAY_QUEUED = "gateway_requests_queued"
    GATEWAY_REQUESTS = "gateway_requests_per_second"
    GATEWAY_REJECTIONS = "gateway_rejections_per_second"
    GATEWAY_ERRORS = "gateway_errors_per_second"
    GATEWAY_RETRIES = "gateway_retries_per_second"
    GATEWAY_BREAKERS = "gateway_breakers_open"
    GATEWAY_ENDPOINTS = "gateway_endpoints_ready"
    GATEWAY_STALE = "gateway_endpoints_stale"
    GATEWAY_INDEX_LOOKUPS = "gateway_index_lookups_per_second"
    GATEWAY_INDEX_ADMISSIONS = "gateway_index_admissions_per_second"
    GATEWAY_INDEX_ERRORS = "gateway_index_errors_per_second"
    GATEWAY_UNMATCHED = "gateway_unmatched_revisions_per_second"
    GATEWAY_PREFILL_LOAD = "gateway_prefill_saturation"
    GATEWAY_DECODE_LOAD = "gateway_decode_saturation"
    GATEWAY_TTFT_P50 = "gateway_ttft_p50"
    GATEWAY_TTFT_P95 = "gateway_ttft_p95"
    GATEWAY_TTFT_P99 = "gateway_ttft_p99"
    GATEWAY_E2E_P50 = "gateway_e2e_p50"
    GATEWAY_E2E_P95 = "gateway_e2e_p95"
    GATEWAY_E2E_P99 = "gateway_e2e_p99"
    # GPUs
    GPU_UTIL = "gpu_utilisation"
    SM_ACTIVE = "sm_active"
    DRAM_ACTIVE = "dram_active"
    TENSOR_ACTIVE = "tensor_active"
    GPU_MEMORY_USED = "gpu_memory_used"
    GPU_MEMORY_TOTAL = "gpu_memory_total"
    GPU_TEMPERATURE = "gpu_temperature"
    GPU_MEMORY_TEMPERATURE = "gpu_memory_temperature"
    GPU_POWER = "gpu_power"
    SM_CLOCK = "sm_clock"
    MEMORY_CLOCK = "memory_clock"
    XID = "last_xid"
    THROTTLE = "throttled_share"
    HEAT_THROTTLE = "heat_throttled_share"
    ROW_REMAP_FAILED = "row_remap_failed"
    ROW_REMAP_PENDING = "row_remap_pending"
    MEMORY_ERRORS = "uncorrected_memory_errors"
    MEMORY_ERROR_RATE = "uncorrected_memory_errors_per_second"
    PCIE_REPLAYS = "pcie_replays_per_second"
    LINK_ERRORS = "gpu_link_errors_per_second"
    FABRIC_STATE = "fabric_manager_state"
    FABRIC_HEALTH = "fabric_health_mask"


class Family(StrEnum):
    """Latency histograms: seconds."""

    TTFT = "ttft"
    ITL = "itl"
    E2E = "e2e"
    QUEUE = "queue"
    GATEWAY_TTFT = "gateway_ttft"
    GATEWAY_E2E = "gateway_e2e"


@dataclass(frozen=True, slots=True)
class Meaning:
    """The meaning of a quantity: a sentence, its unit and how it combines upwards (engine → pod → workload, model)."""

    text: str
    unit: Unit
    to_pod: Combine
    to_group: Combine


_S, _M, _X, _R, _Q = Combine.SUM, Combine.MEAN, Combine.MAX, Combine.RATIO, Combine.QUANTILE
_W, _N = Combine.WHOLE, Combine.MIN
_U = Unit

MEANINGS: dict[Quantity, Meaning] = {
    Quantity.RUNNING: Meaning("requests in execution batches", _U.COUNT, _S, _S),
    Quantity.WAITING: Meaning("requests waiting to be scheduled", _U.COUNT, _S, _S),
    Quantity.WAITING_CAPACITY: Meaning("requests waiting for capacity", _U.COUNT, _S, _S),
    Quantity.WAITING_DEFERRED: Meaning("requests deferred (LoRA budget, KV transfer)", _U.COUNT, _S, _S),
    Quantity.KV_FETCHING: Meaning("requests waiting for KV blocks from another engine", _U.COUNT, _S, _S),
    Quantity.KV_USAGE: Meaning("KV-cache blocks in use; a pod shows its fullest engine", _U.RATIO, _X, _M),
    Quantity.KV_CAPACITY: Meaning("tokens that the KV cache holds", _U.TOKENS, _W, _W),
    Quantity.SLEEP_LEVEL: Meaning("0 awake, 1 weights offloaded, 2 all discarded", _U.COUNT, _X, Combine.MIN),
    Quantity.ENGINE_HEALTHY: Meaning("1 if all ranks report healthy, 0 if one does not", _U.COUNT, _N, _N),
    Quantity.KV_TIER_HEALTHY: Meaning("1 if the KV cache behind the engine is healthy", _U.COUNT, _N, _N),
    Quantity.SLEEP_OPERATIONS: Meaning(
        "operations under way that put the engine to sleep or wake it", _U.COUNT, _S, _S
    ),
    Quantity.PROMPT_TOKENS: Meaning("prompt tokens processed, cached ones included", _U.TOKENS_PER_SECOND, _S, _S),
    Quantity.GENERATION_TOKENS: Meaning("tokens generated", _U.TOKENS_PER_SECOND, _S, _S),
    Quantity.LATEST_TOKENS: Meaning(
        "tokens read and generated between the last two scrapes", _U.TOKENS_PER_SECOND, _S, _S
    ),
    Quantity.REQUESTS: Meaning("requests finished, for any reason", _U.PER_SECOND, _S, _S),
    Quantity.REQUEST_ERRORS: Meaning("requests finished by an engine error", _U.PER_SECOND, _S, _S),
    Quantity.REQUESTS_CUT: Meaning("requests finished because their answer reached its limit", _U.PER_SECOND, _S, _S),
    Quantity.REQUESTS_ABORTED: Meaning("requests that their client gave up", _U.PER_SECOND, _S, _S),
    Quantity.PREEMPTIONS: Meaning("requests preempted for lack of KV blocks", _U.PER_SECOND, _S, _S),
    Quantity.ENGINE_REJECTIONS: Meaning(
        "requests that the engine rejected because its queue was full", _U.PER_SECOND, _S, _S
    ),
    Quantity.KV_TRANSFER_FAILURES: Meaning("failed or expired KV transfers between engines", _U.PER_SECOND, _S, _S),
    Quantity.KV_TIER_FAILURES: Meaning(
        "failed reads and writes of the KV cache behind the engine", _U.PER_SECOND, _S, _S
    ),
    Quantity.PREFIX_HITS: Meaning("prompt tokens found in the prefix cache", _U.TOKENS_PER_SECOND, _S, _S),
    Quantity.PREFIX_QUERIES: Meaning("prompt tokens looked up in the prefix cache", _U.TOKENS_PER_SECOND, _S, _S),
    Quantity.SPEC_ACCEPTED: Meaning("draft tokens accepted", _U.TOKENS_PER_SECOND, _S, _S),
    Quantity.SPEC_DRAFTED: Meaning("draft tokens proposed", _U.TOKENS_PER_SECOND, _S, _S),
    Quantity.HTTP_REQUESTS: Meaning("HTTP requests to the inference endpoints", _U.PER_SECOND, _S, _S),
    Quantity.HTTP_ERRORS: Meaning("HTTP 5xx answers of the inference endpoints", _U.PER_SECOND, _S, _S),
    Quantity.HTTP_REFUSALS: Meaning("HTTP 4xx answers of the inference endpoints", _U.PER_SECOND, _S, _S),
    Quantity.ERROR_RATIO: Meaning("5xx answers of the inference endpoints / all of them", _U.RATIO, _R, _R),
    Quantity.PREFIX_HIT_RATIO: Meaning("prefix-cache tokens hit / queried", _U.RATIO, _R, _R),
    Quantity.SPEC_ACCEPTANCE: Meaning("draft tokens accepted / proposed", _U.RATIO, _R, _R),
    Quantity.TTFT_P50: Meaning("time to first token, median", _U.SECONDS, _Q, _Q),
    Quantity.TTFT_P95: Meaning("time to first token, 95th percentile", _U.SECONDS, _Q, _Q),
    Quantity.TTFT_P99: Meaning("time to first token, 99th percentile", _U.SECONDS, _Q, _Q),
    Quantity.ITL_P50: Meaning("inter-token latency, median", _U.SECONDS, _Q, _Q),
    Quantity.ITL_P95: Meaning("inter-token latency, 95th percentile", _U.SECONDS, _Q, _Q),
    Quantity.ITL_P99: Meaning("inter-token latency, 99th percentile", _U.SECONDS, _Q, _Q),
    Quantity.E2E_P50: Meaning("end-to-end request latency, median", _U.SECONDS, _Q, _Q),
    Quantity.E2E_P95: Meaning("end-to-end request latency, 95th percentile", _U.SECONDS, _Q, _Q),
    Quantity.E2E_P99: Meaning("end-to-end request latency, 99th percentile", _U.SECONDS, _Q, _Q),
    Quantity.QUEUE_P50: Meaning("time in the engine's queue, median", _U.SECONDS, _Q, _Q),
    Quantity.QUEUE_P95: Meaning("time in the engine's queue, 95th percentile", _U.SECONDS, _Q, _Q),
    Quantity.QUEUE_P99: Meaning("time in the engine's queue, 99th percentile", _U.SECONDS, _Q, _Q),
    Quantity.QUEUE_MEAN: Meaning("mean time in the queue of the requests finished", _U.SECONDS, _R, _R),
    Quantity.PREFILL_MEAN: Meaning("mean prefill time of the requests finished", _U.SECONDS, _R, _R),
    Quantity.DECODE_MEAN: Meaning("mean decode time of the requests finished", _U.SECONDS, _R, _R),
    Quantity.ANSWERS_MEAN: Meaning("mean number of answers that a request asks for (n)", _U.COUNT, _R, _R),
    Quantity.GATEWAY_IN_FLIGHT: Meaning("requests that gateways have accepted and not answered yet", _U.COUNT, _S, _S),
    Quantity.GATEWAY_QUEUED: Meaning("requests queued in gateways", _U.COUNT, _S, _S),
    Quantity.GATEWAY_REQUESTS: Meaning("requests to gateways", _U.PER_SECOND, _S, _S),
    Quantity.GATEWAY_REJECTIONS: Meaning("requests that gateways rejected (429, 503)", _U.PER_SECOND, _S, _S),
    Quantity.GATEWAY_ERRORS: Meaning("requests that gateways answered with an error (5xx)", _U.PER_SECOND, _S, _S),
    Quantity.GATEWAY_RETRIES: Meaning("requests that gateways retried", _U.PER_SECOND, _S, _S),
    Quantity.GATEWAY_BREAKERS: Meaning(
        "servers behind an open circuit breaker, by each gateway's own count", _U.COUNT, _S, _S
    ),
    Quantity.GATEWAY_ENDPOINTS: Meaning("engines that an endpoint picker may choose from", _U.COUNT, _S, _S),
    Quantity.GATEWAY_STALE: Meaning("engines of which an endpoint picker has no recent metrics", _U.COUNT, _X, _X),
    Quantity.GATEWAY_INDEX_LOOKUPS: Meaning("lookups in a router's index of prefix caches", _U.PER_SECOND, _S, _S),
    Quantity.GATEWAY_INDEX_ADMISSIONS: Meaning(
        "KV blocks that a router's index of prefix caches learned of", _U.PER_SECOND, _S, _S
    ),
    Quantity.GATEWAY_INDEX_ERRORS: Meaning(
        "errors of a router's connections to the engines' cache events", _U.PER_SECOND, _S, _S
    ),
    Quantity.GATEWAY_UNMATCHED: Meaning(
        "requests for which no pair of prefill and decode engines of one revision was found", _U.PER_SECOND, _S, _S
    ),
    Quantity.GATEWAY_PREFILL_LOAD: Meaning(
        "how full the engines that compute prompts are, by an endpoint picker", _U.RATIO, _X, _X
    ),
    Quantity.GATEWAY_DECODE_LOAD: Meaning(
        "how full the engines that generate tokens are, by an endpoint picker", _U.RATIO, _X, _X
    ),
    Quantity.GATEWAY_TTFT_P50: Meaning("time to first token at gateways, median", _U.SECONDS, _Q, _Q),
    Quantity.GATEWAY_TTFT_P95: Meaning("time to first token at gateways, 95th percentile", _U.SECONDS, _Q, _Q),
    Quantity.GATEWAY_TTFT_P99: Meaning("time to first token at gateways, 99th percentile", _U.SECONDS, _Q, _Q),
    Quantity.GATEWAY_E2E_P50: Meaning("request latency at gateways, median", _U.SECONDS, _Q, _Q),
    Quantity.GATEWAY_E2E_P95: Meaning("request latency at gateways, 95th percentile", _U.SECONDS, _Q, _Q),
    Quantity.GATEWAY_E2E_P99: Meaning("request latency at gateways, 99th percentile", _U.SECONDS, _Q, _Q),
    Quantity.GPU_UTIL: Meaning("share of time that some kernel ran", _U.RATIO, _M, _M),
    Quantity.SM_ACTIVE: Meaning("share of SMs with a warp resident (or graphics engine active)", _U.RATIO, _M, _M),
    Quantity.DRAM_ACTIVE: Meaning("share of time that device memory was busy", _U.RATIO, _M, _M),
    Quantity.TENSOR_ACTIVE: Meaning("share of time that the tensor pipe was busy", _U.RATIO, _M, _M),
    Quantity.GPU_MEMORY_USED: Meaning("device memory in use", _U.BYTES, _W, _W),
    Quantity.GPU_MEMORY_TOTAL: Meaning("device memory in all", _U.BYTES, _W, _W),
    Quantity.GPU_TEMPERATURE: Meaning("GPU temperature; of several the hottest", _U.CELSIUS, _X, _X),
    Quantity.GPU_MEMORY_TEMPERATURE: Meaning("device-memory temperature; of several the hottest", _U.CELSIUS, _X, _X),
    Quantity.GPU_POWER: Meaning("power drawn", _U.WATTS, _W, _W),
    Quantity.SM_CLOCK: Meaning("SM clock; of several the slowest", _U.MEGAHERTZ, Combine.MIN, Combine.MIN),
    Quantity.MEMORY_CLOCK: Meaning("memory clock; of several the slowest", _U.MEGAHERTZ, Combine.MIN, Combine.MIN),
    Quantity.XID: Meaning("last XID code, sticky; 0 for none", _U.COUNT, _X, _X),
    Quantity.THROTTLE: Meaning("share of the window spent throttled (power or thermal)", _U.RATIO, _X, _X),
    Quantity.HEAT_THROTTLE: Meaning("share of the window spent throttled because of heat", _U.RATIO, _X, _X),
    Quantity.ROW_REMAP_FAILED: Meaning("1 if a broken row of device memory could not be replaced", _U.COUNT, _X, _X),
    Quantity.ROW_REMAP_PENDING: Meaning("1 if a broken row is replaced at the next reset", _U.COUNT, _X, _X),
    Quantity.MEMORY_ERRORS: Meaning("uncorrectable memory errors since the last reset", _U.COUNT, _S, _S),
    Quantity.MEMORY_ERROR_RATE: Meaning("new uncorrectable memory errors", _U.PER_SECOND, _S, _S),
    Quantity.PCIE_REPLAYS: Meaning("PCIe packets sent again", _U.PER_SECOND, _S, _S),
    Quantity.LINK_ERRORS: Meaning("errors of NVLink: CRC, replay, recovery", _U.PER_SECOND, _S, _S),
    Quantity.FABRIC_STATE: Meaning("state of the fabric manager: 3 running, 4 failed", _U.COUNT, _X, _X),
    Quantity.FABRIC_HEALTH: Meaning("health of the GPU's fabric, as NVML's packed fields", _U.COUNT, _X, _X),
}

RATIOS: dict[Quantity, tuple[Quantity, Quantity]] = {
    Quantity.ERROR_RATIO: (Quantity.HTTP_ERRORS, Quantity.HTTP_REQUESTS),
    Quantity.PREFIX_HIT_RATIO: (Quantity.PREFIX_HITS, Quantity.PREFIX_QUERIES),
    Quantity.SPEC_ACCEPTANCE: (Quantity.SPEC_ACCEPTED, Quantity.SPEC_DRAFTED),
}
"""Ratio → (numerator, denominator), both rates that add up."""

QUANTILES: dict[Quantity, tuple[Family, float]] = {
    Quantity(f"{family}_p{digits}"): (family, q)
    for family in Family
    for digits, q in (("50", 0.50), ("95", 0.95), ("99", 0.99))
}
"""Percentile → (histogram family, quantile 0-1)."""

_ORDER = tuple(Quantity)
GPU_QUANTITIES: tuple[Quantity, ...] = _ORDER[_ORDER.index(Quantity.GPU_UTIL) :]
OF_CARD: frozenset[Quantity] = frozenset(
    {
        Quantity.GPU_POWER,
        Quantity.MEMORY_ERRORS,
        Quantity.MEMORY_ERROR_RATE,
        Quantity.PCIE_REPLAYS,
        Quantity.LINK_ERRORS,
    }
)
"""Quantities of a whole card, of those that are summed: where it is split, its exporter repeats them for each part."""
GATEWAY_QUANTITIES: tuple[Quantity, ...] = _ORDER[
    _ORDER.index(Quantity.GATEWAY_IN_FLIGHT) : _ORDER.index(Quantity.GPU_UTIL)
]
ENGINE_QUANTITIES: tuple[Quantity, ...] = _ORDER[: _ORDER.index(Quantity.GATEWAY_IN_FLIGHT)]

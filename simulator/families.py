"""Which metric families a vLLM server exposes, by version.

The first table is vLLM 0.32's, in the order in which it exposes them. The older dialects are made of it: what they
lack, what they call otherwise, and where their buckets end. Names and dates of the changes: vLLM's release history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Family:
    """A metric family: `name` as exposed, `key` of its value among an engine's readings."""

    name: str
    kind: str
    key: str
    help: str
    label: str = ""
    values: tuple[str, ...] = ()
    """The label that tells several series of the family apart, and its values; none if there is one series."""
    max_edge: float = float("inf")
    """Where the buckets end."""
    engine_label: bool = True


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one version of vLLM spells its metrics."""

    version: str
    families: tuple[Family, ...]


CURRENT = (
    Family(
        "vllm:estimated_flops_per_gpu_total",
        "counter",
        "estimated_flops_per_gpu",
        "Estimated number of floating point operations per GPU (for Model Flops Utilization calculations).",
    ),
    Family(
        "vllm:estimated_read_bytes_per_gpu_total",
        "counter",
        "estimated_read_bytes_per_gpu",
        "Estimated number of bytes read from memory per GPU (for Model Flops Utilization calculations).",
    ),
    Family(
        "vllm:estimated_write_bytes_per_gpu_total",
        "counter",
        "estimated_write_bytes_per_gpu",
        "Estimated number of bytes written to memory per GPU (for Model Flops Utilization calculations).",
    ),
    Family(
        "vllm:num_requests_running", "gauge", "num_requests_running", "Number of requests in model execution batches."
    ),
    Family("vllm:num_requests_waiting", "gauge", "num_requests_waiting", "Number of requests waiting to be processed."),
    Family(
        "vllm:num_requests_waiting_by_reason",
        "gauge",
        "num_requests_waiting_by_reason",
        (
            "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for "
            "scheduling capacity; 'deferred' = deferred by transient constraints (LoRA budget, KV "
            "transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting."
        ),
        "reason",
        (
            "capacity",
            "deferred",
        ),
    ),
    Family(
        "vllm:engine_sleep_state",
        "gauge",
        "engine_sleep_state",
        (
            "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is "
            "awake; weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2."
        ),
        "sleep_state",
        (
            "awake",
            "weights_offloaded",
            "discard_all",
        ),
    ),
    Family("vllm:kv_cache_usage_perc", "gauge", "kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage."),
    Family(
        "vllm:prefix_cache_queries_total",
        "counter",
        "prefix_cache_queries",
        "Prefix cache queries, in terms of number of queried tokens.",
    ),
    Family(
        "vllm:prefix_cache_hits_total",
        "counter",
        "prefix_cache_hits",
        "Prefix cache hits, in terms of number of cached tokens.",
    ),
    Family(
        "vllm:external_prefix_cache_queries_total",
        "counter",
        "external_prefix_cache_queries",
        (
            "External prefix cache queries from KV connector cross-instance cache sharing, in terms "
            "of number of queried tokens."
        ),
    ),
    Family(
        "vllm:external_prefix_cache_hits_total",
        "counter",
        "external_prefix_cache_hits",
        (
            "External prefix cache hits from KV connector cross-instance cache sharing, in terms of "
            "number of cached tokens."
        ),
    ),
    Family(
        "vllm:mm_cache_queries_total",
        "counter",
        "mm_cache_queries",
        "Multi-modal cache queries, in terms of number of queried items.",
    ),
    Family(
        "vllm:mm_cache_hits_total",
        "counter",
        "mm_cache_hits",
        "Multi-modal cache hits, in terms of number of cached items.",
    ),
    Family(
        "vllm:num_preemptions_total", "counter", "num_preemptions", "Cumulative number of preemption from the engine."
    ),
    Family("vllm:prompt_tokens_total", "counter", "prompt_tokens", "Number of prefill tokens processed."),
    Family(
        "vllm:prompt_tokens_by_source_total",
        "counter",
        "prompt_tokens_by_source",
        "Number of prompt tokens by source.",
        "source",
        (
            "local_compute",
            "local_cache_hit",
            "external_kv_transfer",
        ),
    ),
    Family(
        "vllm:prompt_tokens_cached_total",
        "counter",
        "prompt_tokens_cached",
        "Number of cached prompt tokens (local + external).",
    ),
    Family(
        "vllm:prompt_tokens_cached_by_source_total",
        "counter",
        "prompt_tokens_cached_by_source",
        (
            "Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host "
            "(offloaded to DRAM), disk, p2p (transferred from another vLLM instance) or "
            "external_unspecified. Counted at admission; sums to vllm:prefix_cache_hits + "
            "vllm:external_prefix_cache_hits."
        ),
        "source",
        (
            "device",
            "host",
            "p2p",
            "disk",
            "external_unspecified",
        ),
    ),
    Family("vllm:generation_tokens_total", "counter", "generation_tokens", "Number of generation tokens processed."),
    Family(
        "vllm:request_success_total",
        "counter",
        "request_success",
        "Count of successfully processed requests.",
        "finished_reason",
        (
            "stop",
            "length",
            "abort",
            "error",
            "repetition",
        ),
    ),
    Family(
        "vllm:admission_rejections_total",
        "counter",
        "admission_rejections",
        "Number of admission attempts rejected by a queue limit, by reason.",
        "reason",
        (
            "max_num_queued_reqs",
            "max_num_queued_tokens",
        ),
    ),
    Family("vllm:request_prompt_tokens", "histogram", "request_prompt_tokens", "Number of prefill tokens processed."),
    Family(
        "vllm:request_generation_tokens",
        "histogram",
        "request_generation_tokens",
        "Number of generation tokens processed.",
    ),
    Family(
        "vllm:iteration_tokens_total", "histogram", "iteration_tokens", "Histogram of number of tokens per engine_step."
    ),
    Family(
        "vllm:request_max_num_generation_tokens",
        "histogram",
        "request_max_num_generation_tokens",
        "Histogram of maximum number of requested generation tokens.",
    ),
    Family("vllm:request_params_n", "histogram", "request_params_n", "Histogram of the n request parameter."),
    Family(
        "vllm:request_params_max_tokens",
        "histogram",
        "request_params_max_tokens",
        "Histogram of the max_tokens request parameter.",
    ),
    Family(
        "vllm:time_to_first_token_seconds",
        "histogram",
        "time_to_first_token",
        "Histogram of time to first token in seconds.",
    ),
    Family(
        "vllm:inter_token_latency_seconds",
        "histogram",
        "inter_token_latency",
        "Histogram of inter-token latency in seconds.",
    ),
    Family(
        "vllm:request_time_per_output_token_seconds",
        "histogram",
        "request_time_per_output_token",
        "Histogram of time_per_output_token_seconds per request.",
    ),
    Family(
        "vllm:e2e_request_latency_seconds",
        "histogram",
        "e2e_request_latency",
        "Histogram of e2e request latency in seconds.",
    ),
    Family(
        "vllm:request_queue_time_seconds",
        "histogram",
        "request_queue_time",
        "Histogram of time spent in WAITING phase for request.",
    ),
    Family(
        "vllm:request_inference_time_seconds",
        "histogram",
        "request_inference_time",
        "Histogram of time spent in RUNNING phase for request.",
    ),
    Family(
        "vllm:request_prefill_time_seconds",
        "histogram",
        "request_prefill_time",
        "Histogram of time spent in PREFILL phase for request.",
    ),
    Family(
        "vllm:request_decode_time_seconds",
        "histogram",
        "request_decode_time",
        "Histogram of time spent in DECODE phase for request.",
    ),
    Family(
        "vllm:request_num_preemptions",
        "histogram",
        "request_num_preemptions",
        "Histogram of the number of times a request was preempted.",
    ),
    Family(
        "vllm:request_prefill_kv_computed_tokens",
        "histogram",
        "request_prefill_kv_computed_tokens",
        "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
    ),
)

_BY_KEY = {family.key: family for family in CURRENT}


def _old(key: str, **changes: object) -> Family:
    return replace(_BY_KEY[key], **changes)  # type: ignore[arg-type]


_TPOT = _old("inter_token_latency", name="vllm:time_per_output_token_seconds")
_KV = _old(
    "kv_cache_usage_perc", name="vllm:gpu_cache_usage_perc", help="GPU KV-cache usage. 1 means 100 percent usage."
)

V0_10 = (
    *(
        replace(family, values=("stop", "length", "abort")) if family.key == "request_success" else family
        for family in CURRENT
        if family.key
        not in {
            "estimated_flops_per_gpu",
            "estimated_read_bytes_per_gpu",
            "estimated_write_bytes_per_gpu",
            "num_requests_waiting_by_reason",
            "engine_sleep_state",
            "external_prefix_cache_queries",
            "external_prefix_cache_hits",
            "mm_cache_queries",
            "mm_cache_hits",
            "prompt_tokens_by_source",
            "prompt_tokens_cached",
            "prompt_tokens_cached_by_source",
            "admission_rejections",
            "request_time_per_output_token",
            "request_num_preemptions",
            "request_prefill_kv_computed_tokens",
        }
    ),
    _KV,
    _old("prefix_cache_queries", name="vllm:gpu_prefix_cache_queries_total"),
    _old("prefix_cache_hits", name="vllm:gpu_prefix_cache_hits_total"),
    _TPOT,
)

V0_6 = tuple(
    replace(family, engine_label=False)
    for family in (
        _old("num_requests_running"),
        Family("vllm:num_requests_swapped", "gauge", "zero", "Number of requests swapped to CPU."),
        _old("num_requests_waiting"),
        _KV,
        Family("vllm:cpu_cache_usage_perc", "gauge", "zero", "CPU KV-cache usage. 1 means 100 percent usage."),
        Family("vllm:gpu_prefix_cache_hit_rate", "gauge", "prefix_hit_rate", "GPU prefix cache block hit rate."),
        _old("num_preemptions"),
        _old("prompt_tokens"),
        _old("generation_tokens"),
        _old("iteration_tokens"),
        _old("time_to_first_token", max_edge=10.0),
        replace(_TPOT, max_edge=2.5),
        *(
            _old(key, max_edge=60.0)
            for key in (
                "e2e_request_latency",
                "request_queue_time",
                "request_inference_time",
                "request_prefill_time",
                "request_decode_time",
            )
        ),
        _old("request_prompt_tokens"),
        _old("request_generation_tokens"),
        _old("request_max_num_generation_tokens"),
        _old("request_params_n"),
        _old("request_params_max_tokens"),
        _old("request_success", values=("stop", "length", "abort")),
    )
)

DIALECTS = {
    dialect.version: dialect
    for dialect in (Dialect("0.32.0", CURRENT), Dialect("0.10.2", V0_10), Dialect("0.6.4", V0_6))
}

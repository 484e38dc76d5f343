"""vLLM's metric names, 0.6 to 0.33, V0 and V1 engine.

Names, units and the releases that renamed them: vLLM's own ``vllm/engine/metrics.py`` (V0) and
``vllm/v1/metrics/loggers.py`` (V1). A Python ``Counter("x")`` is exposed as ``x_total``. ``*_perc`` are ratios 0-1.

Not read, on purpose: ``*_created`` (Unix times), ``num_requests_swapped`` and ``cpu_cache_usage_perc`` (V0's swap has
no successor), ``request_time_per_output_token_seconds`` (a mean per request with zeros for one-token replies, which is
not the inter-token latency).
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, LabelProduct, Match, Metric, MetricType, Op, Pick, Proof, Rule
from fleet.metrics.engines.vllm_flags import VLLM_FLAGS
from fleet.metrics.engines.vllm_log import VLLM_LOG
from fleet.metrics.product import MetricsSwitch, Product, Ranks
from fleet.model.quantity import Family, Quantity

_C = MetricType.COUNTER


def _equal(label: str, value: str) -> Match:
    return Match(label, Op.EQUAL, value)


# Without /v1/models and the like: health checks and consoles poll them, and they would dilute every error ratio.
_INFERENCE = Match("handler", Op.MATCHES, "/v1/(chat/)?completions|/v1/(responses|messages|embeddings)")
_SLEEP = ("sleep_state", (("awake", 0.0), ("weights_offloaded", 1.0), ("discard_all", 2.0)))

# Only where all layers keep a whole sequence is a block of the pool ``block_size`` tokens. Layers with a sliding window
# or a state (Mamba, linear attention) have blocks and groups of their own, and the product is off by any factor
# (vLLM issues 40691, 42966, 51163). A release without one of these labels has no such layers to tell of.
_PLAIN = (
    Match("mamba_block_size", Op.MATCHES, "|None"),
    Match("mamba_cache_mode", Op.MATCHES, "|None|none"),
    Match("mamba_page_size_padded", Op.MATCHES, "|None"),
    Match("sliding_window", Op.MATCHES, "|None"),
    Match("is_attention_free", Op.MATCHES, "|None|False"),
)
_FAILED_TRANSFERS = (
    "nixl_num_failed_transfers",
    "nixl_num_kv_expired_reqs",
    "mooncake_num_failed_transfers",
    "mooncake_num_failed_recvs",
)
_FAILED_TIER = (
    "lmcache_mp_l1_allocation_failure_total",
    "lmcache_mp_l1_read_failure_total",
    "lmcache_mp_l2_prefetch_failure_total",
    "lmcache:remote_ping_errors_total",
)

VLLM = Dialect(
    product=Product(
        "vLLM",
        programs=(
            ("vllm", "serve"),
            ("vllm.entrypoints.openai.api_server",),
            ("vllm.entrypoints.api_server",),
            ("vllm.entrypoints.cli.main", "serve"),
        ),
        switch=MetricsSwitch(lost_by="--disable-log-stats"),
        flags=VLLM_FLAGS,
        positional=True,
        followers=(("multi-node-serving.sh",),),
        images=("vllm/vllm-openai", "vllm-openai", "/vllm", "llm-d-cuda", "llm-d-xpu", "llm-d-rocm", "rhaiis"),
        prefixes=("vllm:", "vllm_"),
        port=None,
        model_variables=("VLLM_MODEL",),
        variables=("VLLM_",),
        # The entry point of newer images is `vllm serve`.
        entrypoints=("vllm",),
        ranks=Ranks(
            switches=("--data-parallel-multi-port-external-lb", "-dpm"),
            sizes=("--data-parallel-size-local", "-dpl", "--data-parallel-size", "-dp"),
            own=("--data-parallel-rank", "-dpn"),
        ),
    ),
    proof=Proof.PROGRAM,
    versions="0.6 to 0.33",
    log=VLLM_LOG,
    # Its documentation of metrics and arguments.
    opt_in={
        "vllm:kv_block_": "the engine runs with --kv-cache-metrics",
        "vllm:estimated_": "the engine runs with --enable-mfu-metrics",
        "vllm:spec_decode_": "the engine runs with a speculative configuration",
        "vllm:lora_requests_info": "the engine runs with LoRA (--enable-lora)",
    },
    # Ray Serve prefixes the name; which of its releases sanitise the colon differs (ray issues 52719, 59071).
    prefixes=("vllm:", "vllm_", "ray_vllm_", "ray_vllm:"),
    present=(Quantity.RUNNING, Quantity.WAITING, Quantity.KV_USAGE),
    # The production-stack router also exposes these names, with the engine's address in the label server.
    where=(_equal("server", ""),),
    # Its other labels are measured at each start (num_gpu_blocks), or the same everywhere.
    settings={
        "vllm:cache_config_info": (
            "gpu_memory_utilization",
            "block_size",
            "cache_dtype",
            "enable_prefix_caching",
            "prefix_caching_hash_algo",
            "num_gpu_blocks_override",
            "sliding_window",
            "swap_space",
            "cpu_offload_gb",
            "calculate_kv_scales",
        )
    },
    rules={
        Quantity.RUNNING: Rule((Metric("vllm:num_requests_running"),)),
        Quantity.WAITING: Rule((Metric("vllm:num_requests_waiting"),)),
        Quantity.WAITING_CAPACITY: Rule(
            (Metric("vllm:num_requests_waiting_by_reason", where=(_equal("reason", "capacity"),)),)
        ),
        Quantity.WAITING_DEFERRED: Rule(
            (Metric("vllm:num_requests_waiting_by_reason", where=(_equal("reason", "deferred"),)),)
        ),
        # 0.32, only where KV blocks come from another engine. The third stage waits for capacity, like any request.
        Quantity.KV_FETCHING: Rule(
            (
                Metric(
                    "vllm:num_requests_kv_fetch_by_stage",
                    weights=("stage", (("waiting_to_start", 1.0), ("in_progress", 1.0))),
                ),
            )
        ),
        # With --enable-fault-tolerance.
        Quantity.ENGINE_HEALTHY: Rule((Metric("vllm:engine_healthy"),)),
        # LMCache in the engine's process; its documentation has both names.
        Quantity.KV_TIER_HEALTHY: Rule((Metric("lmcache:lmcache_is_healthy"), Metric("lmcache:is_healthy"))),
        # 0.9.2 renamed it; both until 0.10.2, the old one alone before, hidden in 0.11, gone in 0.12.
        Quantity.KV_USAGE: Rule((Metric("vllm:kv_cache_usage_perc"), Metric("vllm:gpu_cache_usage_perc"))),
        Quantity.KV_CAPACITY: Rule(
            (
                Metric(
                    "vllm:cache_config_info",
                    products=(
                        LabelProduct(("kv_cache_size_tokens",)),
                        LabelProduct(("num_gpu_blocks", "block_size"), _PLAIN),
                    ),
                ),
            )
        ),
        Quantity.SLEEP_LEVEL: Rule((Metric("vllm:engine_sleep_state", weights=_SLEEP),)),
        # 0.32, of the API server: it names no rank.
        Quantity.SLEEP_OPERATIONS: Rule(
            (
                Metric(
                    "vllm:sleep_mode_operations_in_flight",
                    weights=("operation", (("sleep", 1.0), ("release_kv_cache_memory", 1.0), ("wake", 1.0))),
                ),
            )
        ),
        # The gauges are averages that V0 up to 0.6.6 computed itself.
        Quantity.PROMPT_TOKENS: Rule(
            (Metric("vllm:prompt_tokens_total", _C), Metric("vllm:avg_prompt_throughput_toks_per_s"))
        ),
        Quantity.GENERATION_TOKENS: Rule(
            (Metric("vllm:generation_tokens_total", _C), Metric("vllm:avg_generation_throughput_toks_per_s"))
        ),
        Quantity.LATEST_TOKENS: Rule(
            (Metric("vllm:generation_tokens_total", _C), Metric("vllm:prompt_tokens_total", _C)),
            pick=Pick.SUM,
            latest=True,
        ),
        # Despite its name: all finished requests, for any reason, without rejected requests and disconnects.
        Quantity.REQUESTS: Rule((Metric("vllm:request_success_total", _C),)),
        Quantity.REQUEST_ERRORS: Rule(
            (Metric("vllm:request_success_total", _C, where=(_equal("finished_reason", "error"),)),)
        ),
        Quantity.REQUESTS_CUT: Rule(
            (Metric("vllm:request_success_total", _C, where=(_equal("finished_reason", "length"),)),)
        ),
        # Only those that the engine itself ends: 0.32 counts no client that disconnects (vLLM issue 31503).
        Quantity.REQUESTS_ABORTED: Rule(
            (Metric("vllm:request_success_total", _C, where=(_equal("finished_reason", "abort"),)),)
        ),
        Quantity.PREEMPTIONS: Rule((Metric("vllm:num_preemptions_total", _C),)),
        # 0.32; it names no rank.
        Quantity.ENGINE_REJECTIONS: Rule((Metric("vllm:admission_rejections_total", _C),)),
        # Of each connector: what failed, and what the other engine never fetched.
        Quantity.KV_TRANSFER_FAILURES: Rule(
            tuple(Metric(f"vllm:{name}_total", _C) for name in _FAILED_TRANSFERS), pick=Pick.SUM
        ),
        # LMCache, in the engine's process or on the same page.
        Quantity.KV_TIER_FAILURES: Rule(tuple(Metric(name, _C) for name in _FAILED_TIER), pick=Pick.SUM),
        Quantity.PREFIX_HITS: Rule(
            (Metric("vllm:prefix_cache_hits_total", _C), Metric("vllm:gpu_prefix_cache_hits_total", _C))
        ),
        Quantity.PREFIX_QUERIES: Rule(
            (Metric("vllm:prefix_cache_queries_total", _C), Metric("vllm:gpu_prefix_cache_queries_total", _C))
        ),
        # V0 has no counters for these two; it exposes -1 if prefix caching is disabled.
        Quantity.PREFIX_HIT_RATIO: Rule((Metric("vllm:gpu_prefix_cache_hit_rate"),)),
        Quantity.SPEC_ACCEPTANCE: Rule((Metric("vllm:spec_decode_draft_acceptance_rate"),)),
        Quantity.SPEC_ACCEPTED: Rule((Metric("vllm:spec_decode_num_accepted_tokens_total", _C),)),
        Quantity.SPEC_DRAFTED: Rule((Metric("vllm:spec_decode_num_draft_tokens_total", _C),)),
        Quantity.HTTP_REQUESTS: Rule((Metric("http_requests_total", _C, where=(_INFERENCE,)),), per_process=True),
        Quantity.HTTP_ERRORS: Rule(
            (Metric("http_requests_total", _C, where=(_INFERENCE, _equal("status", "5xx"))),),
            per_process=True,
            zero_beside=Quantity.HTTP_REQUESTS,
        ),
        Quantity.HTTP_REFUSALS: Rule(
            (Metric("http_requests_total", _C, where=(_INFERENCE, _equal("status", "4xx"))),),
            per_process=True,
            zero_beside=Quantity.HTTP_REQUESTS,
        ),
    },
    families={
        Family.TTFT: ("vllm:time_to_first_token_seconds",),
        # 0.10.2 renamed it: the same measurement; both until 0.11.1.
        Family.ITL: ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"),
        Family.E2E: ("vllm:e2e_request_latency_seconds",),
        # time_in_queue_requests: V0, seconds despite its name.
        Family.QUEUE: ("vllm:request_queue_time_seconds", "vllm:time_in_queue_requests"),
    },
    phases={
        Quantity.QUEUE_MEAN: ("vllm:request_queue_time_seconds", "vllm:time_in_queue_requests"),
        Quantity.PREFILL_MEAN: ("vllm:request_prefill_time_seconds",),
        Quantity.DECODE_MEAN: ("vllm:request_decode_time_seconds",),
        Quantity.ANSWERS_MEAN: ("vllm:request_params_n",),
    },
)

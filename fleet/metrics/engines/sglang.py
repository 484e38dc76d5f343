"""SGLang's metric names (``--enable-metrics``), 0.4 to 0.5.23: ``sglang/srt/observability/metrics_collector.py``.

Two kinds of processes write them. Each scheduler has its ranks as labels (``dp_rank`` with data-parallel attention, and
the reporting ``tp_rank``, which is 0 for the first of them only); the tokenizer manager's counts (tokens, requests,
latencies) have no rank, and go into the row of the first. With ``--enable-metrics-for-all-schedulers`` every
tensor-parallel rank repeats the numbers of its data-parallel one.

With priority scheduling a queue is counted as a whole under ``priority=""`` and again per priority.

Not read, on purpose: ``gen_throughput`` (an average that SGLang computes itself; the counters show the same),
``num_aborted_requests_total`` (includes clients that disconnected, so it does not count errors), ``kv_transfer_*_ms``.
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, Match, Metric, MetricType, Op, Pick, Proof, Rule
from fleet.metrics.flags import Flags
from fleet.metrics.product import MetricsSwitch, Product
from fleet.model.log_wording import LogWording
from fleet.model.quantity import Family, Quantity

_C = MetricType.COUNTER
_ALL_PRIORITIES = (Match("priority", Op.EQUAL, ""),)
_INFERENCE = Match(
    "endpoint", Op.MATCHES, "/generate|/encode|/v1/(chat/)?completions|/v1/(responses|messages|embeddings)"
)
_5XX = Match("status_code", Op.MATCHES, "5..")


def _realtime(mode: str) -> Metric:
    """Counted while requests run; the totals move only when one ends."""
    return Metric("sglang:realtime_tokens_total", _C, where=(Match("mode", Op.MATCHES, mode),))


SGLANG = Dialect(
    product=Product(
        "SGLang",
        programs=(("sglang.launch_server",), ("sglang", "serve")),
        images=("lmsysorg/sglang", "/sglang"),
        prefixes=("sglang:", "sglang_"),
        switch=MetricsSwitch(needs="--enable-metrics"),
        flags=Flags(
            keys=("--api-key",),
            harmless=(
                "tp-size",
                "pp-size",
                "dp-size",
                "mem-fraction-static",
                "context-length",
                "max-running-requests",
                "chunked-prefill-size",
            ),
        ),
        port=30000,
        variables=("SGLANG_",),
    ),
    log=LogWording(reasons={"no-kv-room": r"Not enough memory[^\n]{0,40}increase --mem-fraction-static"}),
    proof=Proof.RECORDING,
    versions="0.4 to 0.5.23",
    # Stores and gateways that forbid colons in names use the second.
    prefixes=("sglang:", "sglang_"),
    opt_in={"sglang:": "the engine runs with --enable-metrics"},
    present=(Quantity.RUNNING, Quantity.WAITING, Quantity.KV_USAGE),
    rank_labels=("dp_rank",),
    repeated_by=("tp_rank", "pp_rank", "moe_ep_rank"),
    rules={
        Quantity.RUNNING: Rule((Metric("sglang:num_running_reqs", where=_ALL_PRIORITIES),)),
        Quantity.WAITING: Rule((Metric("sglang:num_queue_reqs", where=_ALL_PRIORITIES),)),
        # Queues of disaggregated engines; that for room on the decoding one (prealloc) is for capacity.
        Quantity.KV_FETCHING: Rule(
            (
                Metric("sglang:num_decode_transfer_queue_reqs"),
                Metric("sglang:num_prefill_bootstrap_queue_reqs"),
                Metric("sglang:num_prefill_inflight_queue_reqs"),
            ),
            pick=Pick.SUM,
        ),
        Quantity.KV_USAGE: Rule((Metric("sglang:token_usage"),)),
        Quantity.KV_CAPACITY: Rule((Metric("sglang:max_total_num_tokens"),)),
        Quantity.PROMPT_TOKENS: Rule(
            (_realtime("prefill_compute|prefill_cache"), Metric("sglang:prompt_tokens_total", _C))
        ),
        Quantity.GENERATION_TOKENS: Rule((_realtime("decode"), Metric("sglang:generation_tokens_total", _C))),
        Quantity.LATEST_TOKENS: Rule((_realtime("decode|prefill_compute|prefill_cache"),), latest=True),
        Quantity.REQUESTS: Rule((Metric("sglang:num_requests_total", _C),)),
        Quantity.REQUESTS_ABORTED: Rule((Metric("sglang:num_aborted_requests_total", _C),)),
        Quantity.PREEMPTIONS: Rule((Metric("sglang:num_retracted_requests_total", _C),)),
        Quantity.KV_TRANSFER_FAILURES: Rule(
            (
                Metric("sglang:num_transfer_failed_reqs_total", _C),
                Metric("sglang:num_bootstrap_failed_reqs_total", _C),
            ),
            pick=Pick.SUM,
        ),
        # Either one series ("total") or one per tier that holds them, never both of the same request.
        # Absent does not mean 0: releases without it also have hits, which the gauge below shows.
        Quantity.PREFIX_HITS: Rule((Metric("sglang:cached_tokens_total", _C),)),
        Quantity.PREFIX_QUERIES: Rule((Metric("sglang:prompt_tokens_total", _C),)),
        # Of the last batches: for releases without the counters of cached tokens.
        Quantity.PREFIX_HIT_RATIO: Rule((Metric("sglang:cache_hit_rate"),)),
        Quantity.SPEC_ACCEPTANCE: Rule((Metric("sglang:spec_accept_rate"),)),
        Quantity.HTTP_REQUESTS: Rule(
            (Metric("sglang:http_responses_total", _C, where=(_INFERENCE,)),), per_process=True
        ),
        Quantity.HTTP_ERRORS: Rule(
            (Metric("sglang:http_responses_total", _C, where=(_INFERENCE, _5XX)),),
            per_process=True,
            zero_beside=Quantity.HTTP_REQUESTS,
        ),
    },
    families={
        Family.TTFT: ("sglang:time_to_first_token_seconds",),
        # 0.4.6 renamed it.
        Family.ITL: ("sglang:inter_token_latency_seconds", "sglang:time_per_output_token_seconds"),
        Family.E2E: ("sglang:e2e_request_latency_seconds",),
        # 0.5.6 renamed it.
        Family.QUEUE: ("sglang:queue_time_seconds", "sglang:queue_time_s"),
    },
    phases={Quantity.QUEUE_MEAN: ("sglang:queue_time_seconds", "sglang:queue_time_s")},
)

"""Faults as the world shows them: what exporters answer from the moment at which something is wrong.

Each is a workload of its own, of three replicas with a GPU each, so that all of them fit into one Prometheus. The first
replica has the fault; texts follow the releases and products that are named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fleet.metrics.pages import BLANK, V0_6, V0_8, V0_33, Card, Load, Release, dcgm, vllm

Numbers = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault, and the first line that it must give. ``cause`` is empty for what only looks alarming."""

    cause: str
    about: str = "pod"
    """``pod``, ``gpu`` or ``workload``: of the first replica."""
    engine: Callable[[float, str], str] | None = None
    """Seconds and model → the page of the first replica's engine; None for one that is well."""
    others: Callable[[float, str], str] | None = None
    """The page of the other replicas; None for engines that are well."""
    gpu: Callable[[float], Numbers] = field(default=lambda _: {})
    """Seconds → names of its exporter and their values, added to those of a GPU that is well."""
    gateway: Callable[[float, str], str] | None = None
    """The page of a gateway in front of the model; ADDRESS is that of the first replica."""
    card: Card = field(default_factory=Card)


def working(t: float, **changes: Any) -> Load:
    """An engine at steady work for so many seconds."""
    steady: dict[str, Any] = {
        "waiting": 0,
        "kv": 0.4,
        "prompt": float(int(400 * t)),
        "generation": float(int(300 * t)),
        "finished": {"stop": float(int(6 * t))},
        "preemptions": 0.0,
        "hits": float(int(100 * t)),
        "queries": float(int(400 * t)),
        "latencies": [float(int(t * share)) for share in (3, 20, 13, 6, 2, 0, 0)],
        "http": {("/v1/completions", "2xx"): float(int(6 * t))},
    }
    return replace(Load(), **(steady | changes))


def page(t: float, model: str, release: Release = V0_33, **changes: Any) -> str:
    """The page of such an engine."""
    return vllm(release, {"0": working(t, **changes)}, model)


def hung(release: Release = V0_33, **changes: Any) -> Callable[[float, str], str]:
    """An engine whose counters stand still."""
    return lambda _, model: page(500.0, model, release, **changes)


def more(lines: str, **changes: Any) -> Callable[[float, str], str]:
    """An engine at work, with lines of its own: ``{t}`` is a counter that grows by one a second."""
    return lambda t, model: (
        page(t, model, **changes) + lines.format(t=int(t), labels=f'engine="0",model_name="{model}"', model=model)
    )


def sglang(t: float, model: str, *, steps: float | None = None, lines: str = "") -> str:
    """The page of an SGLang scheduler and its tokenizer at work."""
    own = f'dp_rank="0",model_name="{model}",tp_rank="0"'
    decoded = 300 * t if steps is None else steps
    return (
        f"sglang:num_running_reqs{{{own}}} 5\nsglang:num_queue_reqs{{{own}}} 0\nsglang:token_usage{{{own}}} 0.4\n"
        f'sglang:realtime_tokens_total{{{own},mode="decode"}} {decoded:.0f}\n'
        f'sglang:realtime_tokens_total{{{own},mode="prefill_compute"}} {decoded:.0f}\n'
        + lines.format(t=int(t), own=own, model=model)
    )


def llama_cpp(t: float, model: str, *, steps: float | None = None) -> str:
    """The page of llama.cpp's server in the middle of one long answer: tokens are counted when it ends."""
    del model
    return (
        "llamacpp:requests_processing 2\nllamacpp:requests_deferred 0\nllamacpp:prompt_tokens_total 700\n"
        f"llamacpp:tokens_predicted_total 1000\nllamacpp:n_decode_total {50 * t if steps is None else steps:.0f}\n"
    )


def ranks(t: float, model: str) -> str:
    """The page of a process of two data-parallel ranks, of which the second stands still."""
    return vllm(V0_33, {"0": working(t), "1": working(500.0)}, model)


_PICKER = """\
llm_d_epp_ready_endpoints{{name="{model}-pool"}} {ready}
llm_d_epp_flow_control_stale_endpoints{{detector="utilization"}} {stale}
llm_d_epp_request_total{{model_name="{model}",target_model_name="{model}"}} {asked}
llm_d_epp_flow_control_requests_total{{outcome="RejectedCapacity",inference_pool="{model}-pool"}} {rejected}
"""


def picker(*, ready: int = 3, stale: int = 0, rejected: float = 0.0) -> Callable[[float, str], str]:
    """The page of llm-d's endpoint picker."""
    return lambda t, model: _PICKER.format(
        model=model, ready=ready, stale=stale, asked=int(20 * t), rejected=int(rejected * t)
    )


def old_picker(t: float, model: str) -> str:
    """The page of an endpoint picker of the first generation, whose requests fail."""
    labels = f'model_name="{model}",target_model_name="{model}"'
    return (
        f'inference_pool_ready_pods{{name="{model}-pool"}} 3\n'
        f"inference_model_request_total{{{labels}}} {int(20 * t)}\n"
        f'inference_model_request_error_total{{{labels},error_code="ModelServerError"}} {int(8 * t)}\n'
    )


def sglang_router(t: float, model: str) -> str:
    """The page of SGLang's router that has given up a server."""
    return (
        f'smg_worker_health{{worker="http://ADDRESS:8000"}} 0\nsmg_worker_cb_state{{worker="http://ADDRESS:8000"}} 1\n'
        f'smg_router_requests_total{{model="{model}"}} {int(20 * t)}\n'
    )


def litellm(t: float, model: str) -> str:
    """The page of LiteLLM's proxy, where a third of the answers are errors."""
    name = "litellm_proxy_total_requests_metric_total"
    return (
        "litellm_in_flight_requests 4\n"
        f'{name}{{requested_model="{model}",status_code="200"}} {int(20 * t)}\n'
        f'{name}{{requested_model="{model}",status_code="500"}} {int(10 * t)}\n'
    )


def frontend(t: float, model: str) -> str:
    """The page of Dynamo's frontend while requests migrate from a dying worker."""
    return (
        f'dynamo_frontend_active_requests{{model="{model}"}} 4\n'
        f'dynamo_frontend_requests_total{{model="{model}",status="success",error_type=""}} {int(20 * t)}\n'
        f'dynamo_frontend_model_migration_total{{model="{model}",migration_type="ongoing_request"}} {int(8 * t)}\n'
    )


def stack_router(t: float, model: str) -> str:
    """The page of production-stack's router, where a third of the requests fail."""
    return (
        f'vllm:healthy_pods_total{{server="http://ADDRESS:8000"}} 1\n'
        f'vllm:num_incoming_requests_total{{model="{model}"}} {int(20 * t)}\n'
        f'vllm:request_errors_total{{server="http://ADDRESS:8000",model="{model}",error_type="Timeout"}} {int(7 * t)}\n'
    )


_KV = 'vllm:num_requests_kv_fetch_by_stage{{{labels},stage="in_progress"}} 9\n'
_IDLE = {"running": 0, "waiting": 0}
_DEFERRED = (
    'vllm:num_requests_waiting_by_reason{{{labels},reason="capacity"}} 0\n'
    'vllm:num_requests_waiting_by_reason{{{labels},reason="deferred"}} 9\n'
)
PLAIN = replace(V0_33, reasons=False)
"""A release that does not say why requests wait: the pages that do have those lines of their own."""


def stalled(lines: str, **changes: Any) -> Callable[[float, str], str]:
    """An engine in which nothing runs or moves, with lines of its own."""
    return lambda t, model: (
        page(500.0, model, PLAIN, running=0, **changes)
        + lines.format(t=int(t), labels=f'engine="0",model_name="{model}"', model=model)
    )


def slow_frontend(t: float, model: str) -> str:
    """The page of an engine that is quick, behind an API server that is not."""
    labels = f'engine="0",model_name="{model}"'
    text = page(t, model, latencies=[0, 0, 0, 6.0 * int(t), 0, 0, 0])
    kept = "\n".join(line for line in text.splitlines() if "request_queue_time" not in line)
    phases = {"queue": 0.01, "prefill": 0.1, "decode": 2.0}
    return (
        kept
        + "\n"
        + "".join(
            f"vllm:request_{phase}_time_seconds_sum{{{labels}}} {seconds * 6 * int(t)}\n"
            f"vllm:request_{phase}_time_seconds_count{{{labels}}} {6 * int(t)}\n"
            for phase, seconds in phases.items()
        )
    )


def flows(lines: str, **changes: Any) -> Callable[[float, str], str]:
    """An engine at work, of a release that does not say why requests wait, with lines of its own."""
    return lambda t, model: (
        page(t, model, PLAIN, **changes)
        + lines.format(t=int(t), labels=f'engine="0",model_name="{model}"', model=model)
    )


FAULTS: Mapping[str, Fault] = {
    "hangs": Fault(cause="engine-stuck", engine=hung()),
    "hangs-0-6": Fault(cause="engine-stuck", engine=hung(V0_6), others=lambda t, m: page(t, m, V0_6)),
    "hangs-0-8": Fault(cause="engine-stuck", engine=hung(V0_8), others=lambda t, m: page(t, m, V0_8)),
    "hangs-in-ray": Fault(cause="engine-stuck", engine=hung(replace(V0_33, prefix="ray_vllm_"))),
    "hangs-underscored": Fault(cause="engine-stuck", engine=hung(replace(V0_33, prefix="vllm_"))),
    "sglang-hangs": Fault(cause="engine-stuck", engine=lambda t, m: sglang(t, m, steps=9000), others=sglang),
    "llama-cpp-hangs": Fault(cause="engine-stuck", engine=lambda t, m: llama_cpp(t, m, steps=50), others=llama_cpp),
    "rank-hangs": Fault(cause="rank-stuck", engine=ranks),
    "takes-nothing": Fault(cause="engine-takes-nothing", engine=hung(PLAIN, running=0, waiting=7)),
    "blocks-do-not-come": Fault(cause="kv-transfer-stalled", engine=stalled(_KV + _DEFERRED, waiting=9)),
    "blocks-do-not-come-sglang": Fault(
        cause="kv-transfer-stalled",
        engine=lambda t, m: sglang(
            t, m, steps=9000, lines="sglang:num_decode_transfer_queue_reqs{{{own}}} 6\n"
        ).replace("} 5\n", "} 0\n"),
        others=sglang,
    ),
    "adapters-wait": Fault(cause="requests-wait-for-input", engine=stalled(_DEFERRED, waiting=9)),
    "nixl-fails": Fault(
        cause="kv-transfers-fail", engine=more("vllm:nixl_num_failed_transfers_total{{{labels}}} {t}\n")
    ),
    "nixl-expires": Fault(
        cause="kv-transfers-fail", engine=more("vllm:nixl_num_kv_expired_reqs_total{{{labels}}} {t}\n")
    ),
    "mooncake-fails": Fault(
        cause="kv-transfers-fail", engine=more("vllm:mooncake_num_failed_recvs_total{{{labels}}} {t}\n")
    ),
    "sglang-transfer-fails": Fault(
        cause="kv-transfers-fail",
        engine=lambda t, m: sglang(t, m, lines="sglang:num_transfer_failed_reqs_total{{{own}}} {t}\n"),
        others=sglang,
    ),
    "sglang-retracts": Fault(
        cause="kv-cache-preempts",
        engine=lambda t, m: sglang(t, m, lines="sglang:num_retracted_requests_total{{{own}}} {t}\n"),
        others=sglang,
    ),
    "sglang-5xx": Fault(
        cause="errors",
        engine=lambda t, m: sglang(
            t,
            m,
            lines='sglang:http_responses_total{{endpoint="/generate",status_code="500"}} {t}\n'
            'sglang:http_responses_total{{endpoint="/generate",status_code="200"}} {t}\n',
        ),
        others=sglang,
    ),
    "tier-down": Fault(
        cause="kv-tier-unhealthy", engine=more('lmcache:lmcache_is_healthy{{model_name="{model}",worker_id="0"}} 0\n')
    ),
    "rank-dead": Fault(cause="rank-unhealthy", engine=more('vllm:engine_healthy{{engine="0"}} 0\n')),
    "queue-limit": Fault(
        cause="engine-rejects-requests",
        engine=more('vllm:admission_rejections_total{{model_name="{model}",reason="max_num_queued_reqs"}} {t}\n'),
    ),
    "cache-full": Fault(
        cause="kv-cache-full",
        about="workload",
        engine=lambda t, m: page(t, m, PLAIN, kv=0.98, waiting=9),
        others=lambda t, m: page(t, m, PLAIN, kv=0.98, waiting=9),
    ),
    "half-fails": Fault(
        cause="errors",
        engine=lambda t, m: page(
            t, m, http={("/v1/completions", "2xx"): 6.0 * int(t), ("/v1/completions", "5xx"): 6.0 * int(t)}
        ),
    ),
    "slow-frontend": Fault(cause="api-server-saturated", about="workload", engine=slow_frontend, others=slow_frontend),
    "off-the-bus": Fault(cause="gpu-lost", about="gpu", engine=hung(), card=Card(xid=79)),
    "gsp-timeout": Fault(cause="gpu-hardware-xid", about="gpu", card=Card(xid=119)),
    "nvlink-xid": Fault(cause="gpu-link-broken", about="gpu", card=Card(xid=145)),
    "row-remap": Fault(cause="gpu-memory-failed", about="gpu", gpu=lambda _: {"DCGM_FI_DEV_ROW_REMAP_FAILURE": 1}),
    "double-bit": Fault(
        cause="gpu-memory-failed", about="gpu", gpu=lambda t: {"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": int(t / 2)}
    ),
    "rows-remapped": Fault(
        cause="gpu-memory-failed",
        about="gpu",
        gpu=lambda t: {"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": 7 + int(t / 2)},
    ),
    "double-bit-before": Fault(
        cause="gpu-memory-error", about="gpu", gpu=lambda _: {"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 2}
    ),
    "remap-pending": Fault(cause="gpu-memory-error", about="gpu", gpu=lambda _: {"DCGM_FI_DEV_ROW_REMAP_PENDING": 1}),
    "pcie-replays": Fault(
        cause="gpu-link-errors", about="gpu", gpu=lambda t: {"DCGM_FI_DEV_PCIE_REPLAY_COUNTER": int(3 * t)}
    ),
    "nvlink-replays": Fault(
        cause="gpu-link-errors", about="gpu", gpu=lambda t: {"DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL": int(t)}
    ),
    "fabric": Fault(cause="gpu-fabric-down", about="gpu", gpu=lambda _: {"DCGM_FI_DEV_FABRIC_MANAGER_STATUS": 4}),
    "slowdown": Fault(cause="gpu-throttled-by-hardware", about="gpu", card=Card(mask=0x48)),
    "slowdown-new-name": Fault(
        cause="gpu-throttled-by-hardware", about="gpu", gpu=lambda _: {"DCGM_FI_DEV_CLOCKS_EVENT_REASONS": 0x40}
    ),
    "heat": Fault(cause="gpu-throttled-by-heat", about="gpu", card=Card(mask=0x20, temperature=86.0)),
    "power-brake": Fault(cause="gpu-power-brake", about="gpu", card=Card(mask=0x80)),
    "hot": Fault(cause="gpu-hot", about="gpu", card=Card(temperature=90.0)),
    "no-endpoints": Fault(cause="picker-sees-no-engine", about="workload", gateway=picker(ready=0)),
    "blind-picker": Fault(cause="picker-blind", about="workload", gateway=picker(stale=2)),
    "picker-rejects": Fault(cause="requests-turned-away", about="workload", gateway=picker(rejected=4.0)),
    "picker-fails": Fault(cause="gateway-errors", about="workload", gateway=old_picker),
    "router-gives-up": Fault(cause="gateway-breaker-open", about="workload", gateway=sglang_router),
    "proxy-fails": Fault(cause="gateway-errors", about="workload", gateway=litellm),
    "migrations": Fault(cause="gateway-retries", about="workload", gateway=frontend),
    "stack-fails": Fault(cause="gateway-errors", about="workload", gateway=stack_router),
    # What looks alarming, and is not.
    "power-cap": Fault(cause="", card=Card(mask=0x4)),
    "old-xid": Fault(cause="", card=Card(xid=43)),
    "blank-counters": Fault(
        cause="",
        gpu=lambda _: {"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": BLANK, "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": BLANK},
    ),
    "rows-of-long-ago": Fault(cause="", gpu=lambda _: {"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": 12}),
    "packed": Fault(cause="", engine=lambda t, m: page(t, m, kv=0.97)),
    "blocks-flow": Fault(cause="", engine=flows(_KV + _DEFERRED, waiting=9), others=flows(_KV + _DEFERRED, waiting=9)),
    "long-answers-llama-cpp": Fault(cause="", engine=llama_cpp, others=llama_cpp),
    "one-long-prompt": Fault(cause="", engine=lambda t, m: page(t, m, running=1)),
    "picker-well": Fault(cause="", gateway=picker()),
    "fabric-unsupported": Fault(cause="", gpu=lambda _: {"DCGM_FI_DEV_FABRIC_MANAGER_STATUS": 0}),
    "idle": Fault(cause="", engine=hung(PLAIN, running=0), others=hung(PLAIN, running=0)),
}


def gpus_of(name: str, fault: Fault, t: float) -> str:
    """The page of the exporter on the node of a fault: a GPU for each of its three replicas."""
    cards = [replace(fault.card if i == 0 else Card(), ordinal=i, pod=f"{name}-{i}") for i in range(3)]
    text = dcgm(cards, node=f"node-{name}", namespace="serving").replace('UUID="GPU-', f'UUID="{name}-GPU-')
    labels = f'gpu="0",UUID="{name}-GPU-00000000",Hostname="node-{name}",namespace="serving",pod="{name}-0"'
    lines = []
    for metric, value in fault.gpu(t).items():
        base, _, own = metric.rstrip("}").partition("{")
        lines.append(f"{base}{{{labels}{',' if own else ''}{own}}} {value}\n")
    return text + "".join(lines)

"""Pages of products other than vLLM and DCGM, in as few lines as their dialects need."""

from __future__ import annotations

from collections.abc import Mapping

_SCHEDULER = 'engine_type="unified",model_name="tiny",moe_ep_rank="0",pp_rank="0"'


def scheduler(dp: int, tp: int, running: int, decoded: int, retracted: int = 0, priority: str = "") -> str:
    """Return the page of one scheduler: data-parallel rank ``dp``, reported by tensor-parallel rank ``tp``."""
    labels = f'dp_rank="{dp}",tp_rank="{tp}",{_SCHEDULER}' + priority
    return f"""\
sglang:num_running_reqs{{{labels}}} {running}
sglang:num_queue_reqs{{{labels}}} {running + 1}
sglang:token_usage{{{labels}}} 0.25
sglang:max_total_num_tokens{{{labels}}} 4096
sglang:realtime_tokens_total{{{labels},mode="decode"}} {decoded}
sglang:num_retracted_requests_total{{{labels}}} {retracted}
sglang:queue_time_seconds_bucket{{{labels},le="0.1"}} {decoded / 20}
sglang:queue_time_seconds_bucket{{{labels},le="+Inf"}} {decoded / 10}
sglang:queue_time_seconds_count{{{labels}}} {decoded / 10}
"""


def tokenizer(streamed: int, whole: int) -> str:
    """Return the page of the tokenizer's manager: streams, and answers in one piece."""
    page = ""
    for text, count in (("true", streamed), ("false", whole)):
        labels = f'is_streaming="{text}",model_name="tiny"'
        page += f"""\
sglang:prompt_tokens_total{{{labels}}} {10 * count}
sglang:generation_tokens_total{{{labels}}} {5 * count}
sglang:num_requests_total{{{labels}}} {count}
sglang:time_to_first_token_seconds_bucket{{{labels},le="0.1"}} {count / 2}
sglang:time_to_first_token_seconds_bucket{{{labels},le="1.0"}} {count}
sglang:time_to_first_token_seconds_bucket{{{labels},le="+Inf"}} {count}
sglang:time_to_first_token_seconds_count{{{labels}}} {count}
"""
    return page


def card(partition: int = 0, kind: str = "spx", prefix: str = "", uuid: str = "", pod: str = "chat-0") -> str:
    """One card, or a part of one, as the exporter's documentation has it."""
    labels = (
        f'card_model="AMD Instinct MI300X",gpu_compute_partition_type="{kind}",gpu_id="{partition}",'
        f'gpu_partition_id="{partition}",hostname="amd-1",serial_number="692251001234",'
        f'pod="{pod}",namespace="llm",container="engine"' + (f',gpu_uuid="{uuid}"' if uuid else "")
    )
    sensor = 0 if partition else 1
    lines = {
        "gpu_gfx_activity": 87 * sensor,
        "gpu_umc_activity": 40 * sensor,
        "gpu_power_usage": 650 * sensor,
        "gpu_package_power": 651 * sensor,
        "gpu_junction_temperature": 71 * sensor,
        "gpu_memory_temperature": 55 * sensor,
        "gpu_used_vram": 150000,
        "gpu_total_vram": 196592,
        "gpu_violation_ppt_residency_percentage": 30 * sensor,
        "gpu_violation_hbm_thermal_residency_percentage": 12 * sensor,
    }
    page = "".join(f"{prefix}{name}{{{labels}}} {value}\n" for name, value in lines.items())
    clocks = (("data", 14, 22), ("system", 0, 2100), ("system", 1, 1900), ("memory", 8, 1300), ("video", 9, 29))
    for called, index, megahertz in clocks if not partition else ():
        page += f'{prefix}gpu_clock{{clock_index="{index}",clock_type="{called}",{labels}}} {megahertz}\n'
    return page


def litellm(answers: Mapping[tuple[str, str, str], int], in_flight: int = 1) -> str:
    """A proxy's counters: (requested model, status, team) → requests."""
    text = f"litellm_in_flight_requests {in_flight}\n"
    for (model, status, team), count in answers.items():
        labels = f'requested_model="{model}",status_code="{status}",team="{team}",user_email="a@b"'
        text += f"litellm_proxy_total_requests_metric_total{{{labels}}} {count}\n"
    return text


SGLANG_ROUTER = """\
smg_worker_health{worker="http://10.0.0.1:8000"} 1
smg_worker_health{worker="http://10.0.0.2:8000"} 1
smg_worker_requests_active{worker="http://10.0.0.1:8000"} 8
smg_router_requests_total{model="tiny",endpoint="chat",streaming="true"} %d
smg_router_requests_total{model="tiny",endpoint="chat",streaming="false"} %d
smg_http_rate_limit_total{result="allowed"} %d
smg_http_rate_limit_total{result="rejected"} %d
"""
"""Template with placeholders: streams, other requests, allowed, rejected."""

"""Metrics that an engine or exporter has only where something is switched on: beginnings of names, and what that is.

vLLM's documentation of metrics and of its arguments; dcgm-exporter's default-counters.csv.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OPT_IN: Final[Mapping[str, str]] = {
    "vllm:kv_block_": "the engine runs with --kv-cache-metrics",
    "vllm:estimated_": "the engine runs with --enable-mfu-metrics",
    "vllm:spec_decode_": "the engine runs with a speculative configuration",
    "vllm:lora_requests_info": "the engine runs with LoRA (--enable-lora)",
    "sglang:": "the engine runs with --enable-metrics",
    "llamacpp:": "the server runs with --metrics",
    "DCGM_FI_PROF_": "the exporter's list of counters (-f) has it, and its pod may profile (SYS_ADMIN)",
    "DCGM_EXP_": "the exporter's list of counters (-f) has it",
}

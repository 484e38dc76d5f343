"""The type of KV cache manager: from arguments, variables, device and version; unknown otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest

from actions.local.checks.kv_manager import managed
from actions.local.checks.memory import MemoryNeed, check_on_cpu, check_on_gpus, with_manager
from actions.local.machine import Installed, KvRules
from actions.planning.plan import Verdict
from fleet.local.fit.architecture import Architecture, architecture
from fleet.local.fit.kv_cache_groups import Manager
from fleet.local.fit.memory import GIB
from fleet.local.gpus import LocalGpu
from fleet.local.spec import LaunchSpec

NEW: Final = Installed("vllm", "0.32.0")
SPEC: Final = LaunchSpec("n", "m")
GEMMA: Final[dict[str, Any]] = {
    "model_type": "gemma3_text",
    "num_hidden_layers": 62,
    "num_attention_heads": 32,
    "num_key_value_heads": 16,
    "head_dim": 128,
    "hidden_size": 5376,
    "sliding_window": 1024,
    "max_position_embeddings": 131072,
}
LLAMA4: Final[dict[str, Any]] = {
    "model_type": "llama4_text",
    "num_hidden_layers": 48,
    "num_attention_heads": 40,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 131072,
}
HYBRID: Final[dict[str, Any]] = {
    "model_type": "qwen3_next",
    "num_hidden_layers": 48,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "head_dim": 256,
    "full_attention_interval": 4,
    "max_position_embeddings": 262144,
}


def shape(config: dict[str, Any]) -> Architecture:
    found = architecture(config)
    assert found is not None
    return found


def gpu(total: int, name: str = "NVIDIA H100") -> LocalGpu:
    return LocalGpu(0, "GPU-0", name, total, 0, total)


def need(config: dict[str, Any], weights: int = GIB) -> MemoryNeed:
    return MemoryNeed(shape(config), weights, "headers", estimated=False, dtype=2.0)


@pytest.mark.parametrize(
    ("extra", "gpus", "tokens"),
    [
        ((), (), 2048),
        ((), (gpu(24 * GIB),), 2 * 2048),
        ((), (gpu(80 * GIB),), 2 * 8192),
        ((), (gpu(80 * GIB, "NVIDIA A100-SXM4-80GB"),), 2 * 2048),
        ((), (gpu(180 * GIB),), 2 * 16384),
        (("--no-async-scheduling",), (gpu(80 * GIB),), 8192),
        (("--max-num-batched-tokens", "32K"), (), 32768),
        (("--max-num-batched-tokens=512",), (gpu(80 * GIB),), 1024),
        (("--max_num_batched_tokens", "512"), (), 512),
        (("--performance-mode", "throughput"), (), 4096),
        (("--no-enable-chunked-prefill",), (), 131072),
    ],
)
def test_tokens_that_are_computed_at_once(extra: tuple[str, ...], gpus: tuple[LocalGpu, ...], tokens: int) -> None:
    assert managed(replace(SPEC, extra=extra), shape(GEMMA), NEW, {}, gpus).manager.in_flight == tokens


def test_few_short_sequences_are_fewer_tokens_at_once() -> None:
    assert managed(replace(SPEC, max_num_seqs=2, max_model_len=100), shape(GEMMA), NEW, {}).manager.in_flight == 200


def test_blocks_are_those_of_the_device_unless_they_are_given() -> None:
    assert managed(SPEC, shape(GEMMA), NEW, {}).manager.block == 128
    assert managed(SPEC, shape(GEMMA), NEW, {}, [gpu(80 * GIB)]).manager.block == 16
    assert managed(replace(SPEC, extra=("--block-size", "32")), shape(GEMMA), NEW, {}).manager.block == 32


def test_kinds_are_not_kept_apart_where_vllm_does_not() -> None:
    assert managed(SPEC, shape(GEMMA), NEW, {}).manager.hybrid
    off = replace(SPEC, extra=("--disable-hybrid-kv-cache-manager",))
    assert not managed(off, shape(GEMMA), NEW, {}).manager.hybrid
    old = replace(NEW, kv=KvRules(hybrid=True, hybrid_on_cpu=False, in_flight=False, spare=False))
    assert not managed(SPEC, shape(GEMMA), old, {}).manager.hybrid
    assert managed(SPEC, shape(GEMMA), old, {}, [gpu(80 * GIB)]).manager == Manager(True, 16, 8192, 0)


def test_chunks_are_kept_apart_by_newer_versions_unless_a_variable_says_otherwise() -> None:
    variable = "VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE"
    older = replace(NEW, kv=KvRules(chunked=False))
    assert managed(SPEC, shape(LLAMA4), NEW, {}).manager.hybrid
    assert not managed(SPEC, shape(LLAMA4), NEW, {variable: "0"}).manager.hybrid
    assert not managed(SPEC, shape(LLAMA4), older, {}).manager.hybrid
    assert managed(SPEC, shape(LLAMA4), older, {variable: "1"}).manager.hybrid
    assert managed(SPEC, shape(GEMMA), older, {}).manager.hybrid


@pytest.mark.parametrize(
    "extra",
    [
        ("--speculative-config", '{"method": "ngram"}'),
        ("--speculative-config.method", "ngram"),
        ("--hf-overrides", "{}"),
        ("--hf_overrides={}",),
        ("--num-gpu-blocks-override", "10"),
        ("--cpu-offload-gb", "4"),
        ("--config", "vllm.yaml"),
    ],
)
def test_arguments_that_change_it_make_it_unknown_and_are_named(extra: tuple[str, ...]) -> None:
    found = managed(replace(SPEC, extra=extra), shape(GEMMA), NEW, {})
    assert extra[0].split("=")[0].replace("_", "-") in found.unknown


def test_numbers_of_an_unknown_width_are_unknown() -> None:
    assert (
        "turboquant_4bit_nc"
        in managed(replace(SPEC, kv_cache_dtype="turboquant_4bit_nc"), shape(GEMMA), NEW, {}).unknown
    )
    assert not managed(replace(SPEC, kv_cache_dtype="fp8_e5m2"), shape(GEMMA), NEW, {}).unknown


def test_a_model_with_windows_that_does_not_fit_is_refused_with_what_does() -> None:
    spec = replace(SPEC, extra=("--disable-hybrid-kv-cache-manager",))
    card = [gpu(80 * GIB)]
    windows = with_manager(need(GEMMA, 30 * GIB), SPEC, NEW, {}, card)
    assert check_on_gpus(windows, SPEC, card, NEW)[0].verdict is Verdict.PASS
    together = with_manager(need(GEMMA, 30 * GIB), spec, NEW, {}, card)
    check, table = check_on_gpus(together, spec, card, NEW)
    assert check.verdict is Verdict.BLOCK
    assert "52 layers for every token" in {row[0]: row[1] for row in table.rows}["sliding window"]


def test_a_batch_that_the_window_must_hold_decides_on_the_cpu() -> None:
    spec = replace(SPEC, extra=("--max-num-batched-tokens", "131072"))
    small = with_manager(need(GEMMA), SPEC, NEW, {})
    large = with_manager(need(GEMMA), spec, NEW, {})
    assert check_on_cpu(small, SPEC, 64 * GIB, 14 * GIB, "given")[0].verdict is Verdict.PASS
    check, _ = check_on_cpu(large, spec, 64 * GIB, 14 * GIB, "given")
    assert check.verdict is Verdict.BLOCK
    assert "needs" in check.text


def test_a_hybrid_model_is_never_said_to_fit_nor_not_to() -> None:
    card = [gpu(80 * GIB)]
    check, table = check_on_gpus(with_manager(need(HYBRID), SPEC, NEW, {}, card), SPEC, card, NEW)
    assert check.verdict is Verdict.WARN
    assert "not known" in check.text
    assert "Mamba" in check.text
    assert ("KV cache per token", "not known") in [row[:2] for row in table.rows]
    check, _ = check_on_cpu(with_manager(need(HYBRID), SPEC, NEW, {}), SPEC, 64 * GIB, 4 * GIB, "given")
    assert check.verdict is Verdict.WARN


def test_weights_that_are_too_large_are_refused_whatever_the_kv_cache_is() -> None:
    card = [gpu(80 * GIB)]
    check, _ = check_on_gpus(with_manager(need(HYBRID, 90 * GIB), SPEC, NEW, {}, card), SPEC, card, NEW)
    assert check.verdict is Verdict.BLOCK


def test_windows_of_unknown_layers_fit_where_all_tokens_of_all_layers_would() -> None:
    config = {**GEMMA, "model_type": "qwen2", "use_sliding_window": True, "max_window_layers": 10}
    spec = replace(SPEC, max_model_len=4096)
    card = [gpu(80 * GIB)]
    assert check_on_gpus(with_manager(need(config), spec, NEW, {}, card), spec, card, NEW)[0].verdict is Verdict.PASS
    long = replace(SPEC, max_model_len=131072)
    check, _ = check_on_gpus(with_manager(need(config, 30 * GIB), long, NEW, {}, card), long, card, NEW)
    assert check.verdict is Verdict.WARN

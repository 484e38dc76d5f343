"""The KV cache in groups, against what vLLM 0.32 wrote into its log for tiny models of these shapes (1 GiB, CPU)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from fleet.local.fit.attention import Attention, attention
from fleet.local.fit.kv_cache_groups import Manager, groups_of

GIB: Final = 1 << 30
ON_CPU: Final = Manager(block=128)
GEMMA3: Final = Attention(4, 22, 512)
"""26 layers, one KV head of 256."""


def tokens(kinds: Attention, token_bytes: int, length: int, manager: Manager = ON_CPU, space: int = GIB) -> int:
    return groups_of(kinds, token_bytes, 1, manager).tokens(space, length)


@pytest.mark.parametrize(
    ("kinds", "token_bytes", "length", "manager", "logged"),
    [
        (GEMMA3, 1024, 32768, ON_CPU, 175_677),
        (GEMMA3, 1024, 32768, Manager(block=128, in_flight=32768), 37_324),
        (GEMMA3, 1024, 32768, Manager(block=128, hybrid=False), 40_320),
        # Mistral, 4 layers with 2 heads of 64 that all slide.
        (Attention(0, 4, 1024), 512, 32768, ON_CPU, 5_368_709),
        # Phi-3, 6 layers with 4 heads of 64, all of which slide.
        (Attention(0, 6, 2047), 1024, 4096, ON_CPU, 169_425),
        # Gemma 2, 7 layers with 2 heads of 64: two groups of 4, one of them with a layer of padding.
        (Attention(3, 4, 1024), 512, 8192, ON_CPU, 377_016),
        # DeepSeek V2, 4 layers with a latent of 576, in blocks of 16.
        (Attention(4), 1152, 4096, Manager(block=16), 233_008),
        # Llama 4, 8 layers with 2 heads of 64.
        (Attention(2, chunked=6, chunk=512), 512, 32768, ON_CPU, 849_479),
    ],
)
def test_it_holds_what_vllm_said_that_it_holds(
    kinds: Attention, token_bytes: int, length: int, manager: Manager, logged: int
) -> None:
    assert tokens(kinds, token_bytes, length, manager) == logged


def test_a_sequence_that_takes_all_blocks_but_the_spare_one_fits_and_a_longer_one_does_not() -> None:
    groups = groups_of(Attention(4), 1024, 1, ON_CPU)
    whole = 2048 * 128
    assert groups.longest(GIB, whole) == whole - 128
    assert groups.needed(whole - 128) == GIB
    assert groups.needed(whole - 127) > GIB
    assert groups_of(Attention(4), 1024, 1, Manager(block=128, spare=0)).longest(GIB) == whole


def test_a_window_is_per_sequence_and_the_tokens_computed_at_once_come_on_top() -> None:
    slides = groups_of(Attention(0, 4, 1024), 1024, 1, Manager(block=16, in_flight=2048))
    held = 16 * 4 * 1024 * (-(-(1023 + 2048) // 16) + 1 + 1)
    assert slides.needed(1 << 20) == held
    assert slides.needed(1 << 30) == held
    assert slides.needed(512) < held
    assert slides.longest(held - 1, 1 << 20) < 1 << 20
    wider = groups_of(Attention(0, 4, 1024), 1024, 1, Manager(block=16, in_flight=8192))
    assert wider.needed(1 << 20) > 2 * held


def test_groups_are_equally_large_and_layers_that_fill_them_up_cost_as_much() -> None:
    # gpt-oss with a drafter: 12 and 13 layers are two groups of 13, not of 12.
    near = groups_of(Attention(13, 12, 128), 1024, 1, Manager(block=16))
    assert near.block_bytes == 13 * 16 * 1024
    # 4 and 7 are groups of 4: 7 sliding layers need two of them, one layer of which is padding.
    far = groups_of(Attention(4, 7, 128), 1024, 1, Manager(block=16))
    assert (far.block_bytes, far.full, [each[0] for each in far.bounded]) == (4 * 16 * 1024, 1, [2])


def test_stages_of_a_pipeline_have_their_part_of_each_group() -> None:
    assert groups_of(Attention(6, 30, 512), 1024, 2, Manager(block=16)).block_bytes == 3 * 16 * 1024


def test_nothing_fits_into_nothing() -> None:
    groups = groups_of(GEMMA3, 1024, 1, ON_CPU)
    assert (groups.tokens(-5.0, 100), groups.longest(-5.0), groups.longest(1.0)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("expected", "kinds"),
    [
        ({}, Attention(12)),
        ({"layer_types": ["full_attention"] * 12, "sliding_window": 4096}, Attention(12)),
        ({"layer_types": ["sliding_attention", "full_attention"] * 6, "sliding_window": 128}, Attention(6, 6, 128)),
        ({"model_type": "mistral", "sliding_window": None}, Attention(12)),
        ({"model_type": "mistral", "sliding_window": 4096}, Attention(0, 12, 4096)),
        ({"model_type": "mistral"}, Attention(0, 12, 4096)),
        ({"model_type": "phi3", "sliding_window": 2047}, Attention(0, 12, 2047)),
        ({"model_type": "qwen2", "sliding_window": 32768, "max_window_layers": 28}, Attention(12)),
        ({"model_type": "qwen2", "sliding_window": 32768, "use_sliding_window": False}, Attention(12)),
        ({"model_type": "gemma3_text", "sliding_window": 512}, Attention(2, 10, 512)),
        ({"model_type": "gemma3_text", "sliding_window": 512, "sliding_window_pattern": 3}, Attention(4, 8, 512)),
        ({"model_type": "gemma2"}, Attention(6, 6, 4096)),
        ({"model_type": "cohere2", "sliding_window": 4096}, Attention(3, 9, 4097)),
        ({"model_type": "exaone4", "sliding_window": 4096, "sliding_window_pattern": "LLLG"}, Attention(3, 9, 4096)),
        ({"model_type": "llama4_text"}, Attention(3, chunked=9, chunk=8192)),
        ({"model_type": "llama4_text", "attention_chunk_size": None}, Attention(12)),
        (
            {"model_type": "llama4_text", "attention_chunk_size": 64, "no_rope_layers": [1] * 11 + [0]},
            Attention(1, chunked=11, chunk=64),
        ),
        ({"model_type": "deepseek_v3", "kv_lora_rank": 512, "v_head_dim": 128}, Attention(12)),
    ],
)
def test_which_layers_keep_which_tokens(expected: Mapping[str, Any], kinds: Attention) -> None:
    assert attention(expected, 12) == kinds


@pytest.mark.parametrize(
    "expected",
    [
        {"layer_types": ["linear_attention"] * 9 + ["full_attention"] * 3},
        {"layers_block_type": ["mamba"] * 11 + ["attention"]},
        {"model_type": "qwen3_next", "full_attention_interval": 4},
        {"model_type": "jamba", "attn_layer_period": 8, "mamba_d_state": 16},
        {"model_type": "nemotron_h", "hybrid_override_pattern": "M-M*"},
        {"model_type": "bamba", "attn_layer_indices": [9], "mamba_n_heads": 8},
        {"model_type": "lfm2", "conv_L_cache": 3},
        {"model_type": "deepseek_v32", "kv_lora_rank": 512, "index_topk": 2048},
        {"model_type": "minicpm3", "kv_lora_rank": 256},
        {"model_type": "longcat_flash", "kv_lora_rank": 512},
        {"model_type": "gemma3n_text", "num_kv_shared_layers": 10, "sliding_window": 512},
        {"model_type": "gemma4_text", "global_head_dim": 512, "sliding_window": 512},
        {"model_type": "openelm", "num_key_value_heads": [3, 3, 4]},
        {"model_type": "mimo_v2", "head_dim": 192, "v_head_dim": 128},
        {"model_type": "whisper", "is_encoder_decoder": True},
        {"layer_types": ["of tomorrow"] * 12},
    ],
)
def test_what_is_not_known_says_so(expected: Mapping[str, Any]) -> None:
    found = attention(expected, 12)
    assert found.unknown
    assert not found.at_most


@pytest.mark.parametrize(
    "expected",
    [
        {"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 6},
        {"layer_types": ["sliding_attention"] * 12},
    ],
)
def test_windows_of_unknown_layers_are_no_more_than_all_tokens_of_all(expected: Mapping[str, Any]) -> None:
    found = attention(expected, 12)
    assert found.unknown
    assert (found.full, found.at_most) == (12, True)

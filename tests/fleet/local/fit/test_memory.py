"""The arithmetic of memory, on worked numbers. GB are 1e9 bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fleet.local.fit.architecture import Architecture, architecture
from fleet.local.fit.memory import Shape, divisors, pool, sizes, weight_bytes
from tests.fleet.local.fit.models import DEEPSEEK_V3, LLAMA_8B, LLAMA_70B

GB = 1e9


def shape_of(config: Mapping[str, Any]) -> Architecture:
    found = architecture(config)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("config", "kib"), [(LLAMA_8B, 128), (LLAMA_70B, 320), ({**LLAMA_70B, "num_hidden_layers": 126}, 504)]
)
def test_kv_per_token(config: Mapping[str, Any], kib: int) -> None:
    assert sizes(shape_of(config), 0, Shape()).groups.token_bytes == kib * 1024


def test_mla_keeps_its_latent_on_every_gpu() -> None:
    arch = shape_of(DEEPSEEK_V3)
    assert sizes(arch, 0, Shape()).groups.token_bytes / 1024 == pytest.approx(68.6, abs=0.05)
    assert sizes(arch, 0, Shape(tensor_parallel=8)).groups.token_bytes == 61 * 576 * 2


@pytest.mark.parametrize(
    ("config", "weights", "gpus", "tokens", "sequences"),
    [(LLAMA_70B, 141, 4, 412_000, 100), (LLAMA_70B, 38, 1, 94_600, 23), (LLAMA_8B, 16, 1, 404_000, 98)],
)
def test_worked_pools(config: Mapping[str, Any], weights: float, gpus: int, tokens: int, sequences: int) -> None:
    each = sizes(shape_of(config), weights * GB, Shape(tensor_parallel=gpus))
    found = each.groups.tokens(pool(80 * GB, 0.9, each, overhead=3 * GB), 4096)
    assert found == pytest.approx(tokens, rel=0.003)
    assert found // 4096 == sequences


def test_kv_heads_are_replicated_where_there_are_more_gpus() -> None:
    arch = shape_of(LLAMA_8B)
    assert (
        sizes(arch, 0, Shape(tensor_parallel=8)).groups.token_bytes
        == sizes(arch, 0, Shape(tensor_parallel=16)).groups.token_bytes
    )
    assert sizes(arch, 0, Shape(kv_bytes=1)).groups.token_bytes == 64 * 1024


def test_what_config_json_leaves_out() -> None:
    arch = shape_of({"num_hidden_layers": 2, "num_attention_heads": 4, "hidden_size": 64})
    assert (arch.kv_heads, arch.head_dim, arch.parameters) == (4, 16, 0)
    assert architecture({"hidden_size": 64}) is None
    assert shape_of(LLAMA_8B).parameters == pytest.approx(8.03e9, rel=0.01)


def test_weights_by_dtype() -> None:
    assert weight_bytes({"F32": 400}, 400, "", 2.0) == 200
    assert weight_bytes({"BF16": 200, "I32": 50}, 250, "", 2.0) == 250
    assert weight_bytes({"BF16": 200}, 200, "fp8", 2.0) == 100
    assert weight_bytes({}, 77, "fp8", 2.0) == 77


def test_divisors() -> None:
    assert divisors(12, 8) == [1, 2, 3, 4, 6]


@pytest.mark.parametrize(
    ("expected", "longest", "bound"),
    [
        ({}, 4096, 4096),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, 8192, 8192),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 4}}, 16384, 16384),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, 4096, 4096),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}, 4096, 4096),
        ({"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0}}}, 32768, 32768),
        ({"rope_scaling": {"type": "linear", "factor": 8.0}, "model_type": "gemma3_text"}, 4096, 4096),
        # Versions before scaled what it was trained on by themselves, so they take up to that.
        ({"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 2048}}, 4096, 8192),
        ({"rope_scaling": {"type": "longrope"}, "original_max_position_embeddings": 1024}, 1024, 4096),
        ({"model_max_length": 9000}, 4096, 9000),
        ({"rope_scaling": {"type": "linear", "factor": None}}, 4096, 4096),
        ({"rope_scaling": "linear"}, 4096, 4096),
        ({"rope_scaling": {"type": "linear", "factor": 1e308}}, 4096, 4096),
        ({"rope_scaling": {"type": "linear", "factor": float("inf")}}, 4096, 4096),
        ({"rope_scaling": {"type": "linear", "factor": float("nan")}}, 4096, 4096),
        ({"rope_scaling": {"type": "linear", "factor": -2}}, 4096, 4096),
    ],
)
def test_how_long_a_sequence_may_be(expected: Mapping[str, Any], longest: int, bound: int) -> None:
    arch = shape_of({**LLAMA_8B, **expected})
    assert (arch.longest, arch.bound) == (longest, bound)

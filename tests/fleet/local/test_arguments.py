"""A command line of ``vllm serve`` is taken apart as vLLM itself would read it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.local.arguments import lifted, parse_arguments
from fleet.local.spec import LaunchSpec, serve_arguments
from fleet.local.vllm_arguments import length


@pytest.mark.parametrize(
    ("words", "fields", "extra"),
    [
        ("org/m", {"model": "org/m"}, ()),
        ("--model org/m", {"model": "org/m"}, ()),
        ("--model=org/m --port=80", {"model": "org/m", "port": 80}, ()),
        ("m --max_model_len 32K", {"model": "m", "max_model_len": 32768}, ()),
        ("m --max-model-len=1.5k", {"model": "m", "max_model_len": 1500}, ()),
        ("m --max-model-len auto", {"model": "m"}, ("--max-model-len", "auto")),
        ("m --max-model-len -1", {"model": "m"}, ("--max-model-len", "-1")),
        (
            "m -tp 4 -pp=2 -q fp8",
            {"model": "m", "tensor_parallel_size": 4, "pipeline_parallel_size": 2, "quantization": "fp8"},
            (),
        ),
        (
            "m --served-model-name a b --dtype half",
            {"model": "m", "served_model_name": ("a", "b"), "dtype": "half"},
            (),
        ),
        ("m --enable-prefix-caching", {"model": "m", "enable_prefix_caching": True}, ()),
        ("m --no-enable-prefix-caching", {"model": "m", "enable_prefix_caching": False}, ()),
        ("m --enable-prefix-caching=False", {"model": "m", "enable_prefix_caching": False}, ()),
        ("--enable_prefix_caching m", {"model": "m", "enable_prefix_caching": True}, ()),
        ("--trust-remote-code --enforce-eager m", {"model": "m"}, ("--trust-remote-code", "--enforce-eager")),
        (
            "--enable-chunked-prefill False m --seed 3",
            {"model": "m"},
            ("--enable-chunked-prefill", "False", "--seed", "3"),
        ),
        ("m --lora-modules a=b c=d", {"model": "m"}, ("--lora-modules", "a=b", "c=d")),
        ("m -O3 --seed -1", {"model": "m"}, ("-O3", "--seed", "-1")),
        (
            "m --gpu-memory-utilization .85 --port 99999",
            {"model": "m", "gpu_memory_utilization": 0.85},
            ("--port", "99999"),
        ),
        ("m --compilation-config.mode 3", {"model": "m"}, ("--compilation-config.mode", "3")),
        ("m --dtype a --dtype b", {"model": "m", "dtype": "b"}, ()),
    ],
)
def test_each_way_to_write_it(words: str, fields: dict[str, Any], extra: tuple[str, ...]) -> None:
    assert parse_arguments(words.split()) == (fields, extra)


def test_json_stays_whole() -> None:
    text = '{"rope_type": "yarn", "factor": 4.0}'
    found = parse_arguments(["m", "--rope-scaling", text, "--hf-overrides=" + text])
    assert found.extra == ("--rope-scaling", text, "--hf-overrides=" + text)


SPECS = st.builds(
    LaunchSpec,
    name=st.just("n"),
    model=st.sampled_from(["org/m", "/models/m"]),
    host=st.sampled_from(["127.0.0.1", "0.0.0.0"]),
    port=st.integers(1, 65535),
    served_model_name=st.lists(st.sampled_from(["a", "b c"]), max_size=2).map(tuple),
    revision=st.sampled_from(["", "main"]),
    tensor_parallel_size=st.integers(1, 8),
    pipeline_parallel_size=st.integers(1, 4),
    gpu_memory_utilization=st.sampled_from([0.0, 0.5, 1.0]),
    max_model_len=st.integers(0, 10**6),
    max_num_seqs=st.integers(0, 512),
    quantization=st.sampled_from(["", "fp8"]),
    kv_cache_dtype=st.sampled_from(["", "fp8_e4m3"]),
    dtype=st.sampled_from(["", "bfloat16"]),
    enable_prefix_caching=st.sampled_from([None, True, False]),
    extra=st.sampled_from([(), ("--seed", "1"), ("--enforce-eager",)]),
)


@given(SPECS)
def test_what_stands_among_the_others_is_put_in_its_place(spec: LaunchSpec) -> None:
    words = serve_arguments(spec)[2:]
    assert lifted(LaunchSpec("n", spec.model, extra=words)) == spec


def test_another_model_among_the_others_is_left_to_the_checks() -> None:
    spec = LaunchSpec("n", "org/m", extra=("--model", "org/other", "--dtype", "half"))
    assert lifted(spec) == spec


@given(SPECS)
def test_what_is_started_is_read_back(spec: LaunchSpec) -> None:
    fields, extra = parse_arguments(serve_arguments(spec)[1:])
    assert LaunchSpec("n", **fields, extra=extra) == spec


@given(st.lists(st.text(max_size=12), max_size=8))
def test_what_has_no_field_keeps_its_order_whatever_is_written(words: list[str]) -> None:
    extra = parse_arguments(words).extra
    rest = iter(words)
    assert all(word in rest for word in extra)


@pytest.mark.parametrize("text", ["", "K", "-3", "1.5", "0", "1e3", "8192 "])
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(ValueError):
        length(text)

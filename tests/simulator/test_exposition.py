"""A simulated engine's /metrics page says what a real one's says, in the same words."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from simulator.engine import EngineSpec
from simulator.engine_server import EngineServer
from simulator.exposition import number
from simulator.request import Request
from tests.simulator.fleet_support import parse, value

RECORDING = Path(__file__).parents[3] / "shared/recordings/vllm-0.32/metrics-under-load-2.txt"
SPEC = EngineSpec(
    max_model_len=1024,
    num_blocks=1024,
    step_base=0.01,
    step_per_seq=1e-4,
    step_per_kv_token=0.0,
    prefill_rate=10_000,
)


def server(version: str = "0.32.0", spec: EngineSpec = SPEC) -> EngineServer:
    return EngineServer(spec, version=version, model_name="tiny", root="/models/tiny", started=1_795_220_343.0)


def busy(version: str = "0.32.0") -> EngineServer:
    target = server(version)
    for n in range(40):
        at = 1_795_220_343.0 + n * 0.05
        target.engine.submit(Request(at, 200, 100, 100 if n % 2 else 400, prefix=0, prefix_tokens=64))
    target.engine.advance(1_795_220_345.0)
    return target


def shape(text: str) -> set[object]:
    """Names, labels and bucket edges without the values that differ between any two servers."""
    found: set[object] = {line for line in text.splitlines() if line.startswith("#")}
    for sample in parse(text):
        labels = dict(sample.labels)
        if sample.name in {"vllm:cache_config_info", "python_info"}:
            labels = dict.fromkeys(labels, "")
        found.add((sample.name, tuple(sorted(labels.items()))))
    return found


@pytest.mark.contract
def test_every_family_label_and_bucket_of_a_real_server_is_there() -> None:
    if not RECORDING.exists():
        pytest.skip("the recordings are not beside the checkout")
    assert shape(busy().metrics()) == shape(RECORDING.read_text())


@pytest.mark.contract
def test_families_come_in_the_order_of_a_real_server() -> None:
    if not RECORDING.exists():
        pytest.skip("the recordings are not beside the checkout")
    types = [line for line in RECORDING.read_text().splitlines() if line.startswith("# TYPE")]
    assert [line for line in busy().metrics().splitlines() if line.startswith("# TYPE")] == types


def test_the_numbers_are_the_engine_s() -> None:
    target = busy()
    stats, text = target.engine.stats, target.metrics()
    running, waiting, kv_usage = target.engine.shown
    assert running > 0
    assert value(text, "vllm:num_requests_running") == running
    assert value(text, "vllm:num_requests_waiting") == waiting
    assert value(text, "vllm:num_requests_waiting_by_reason", reason="capacity") == waiting
    assert value(text, "vllm:kv_cache_usage_perc") == kv_usage > 0
    assert value(text, "vllm:generation_tokens_total") == stats.generation_tokens > 0
    assert value(text, "vllm:prefix_cache_hits_total") == stats.prefix_hits > 0
    hits = value(text, "vllm:prompt_tokens_by_source_total", source="local_cache_hit")
    computed = value(text, "vllm:prompt_tokens_by_source_total", source="local_compute")
    assert hits + computed == value(text, "vllm:prompt_tokens_total")
    assert value(text, "vllm:time_to_first_token_seconds_count") == stats.time_to_first_token.count
    assert math.isclose(value(text, "vllm:time_to_first_token_seconds_sum"), stats.time_to_first_token.sum)
    assert value(text, "vllm:time_to_first_token_seconds_bucket", le="+Inf") == stats.time_to_first_token.count
    below = sum(stats.inter_token_latency.counts[:2])
    assert value(text, "vllm:inter_token_latency_seconds_bucket", le="0.025") == below


def test_a_page_asked_for_again_shows_what_happened_since() -> None:
    target = busy()
    before = target.metrics()
    target.engine.advance(1_795_220_375.0)
    after = target.metrics()
    done = value(after, "vllm:e2e_request_latency_seconds_count")
    assert done == 40 > value(before, "vllm:e2e_request_latency_seconds_count")
    assert value(after, "vllm:request_success_total", finished_reason="length") == 20
    assert value(after, "vllm:request_success_total", finished_reason="stop") == 20
    handler = "/v1/chat/completions"
    assert value(after, "http_requests_total", handler=handler) == 40
    assert value(after, "http_request_duration_seconds_count", handler=handler) == 40
    assert value(after, "vllm:num_requests_running") == 0


def test_histograms_are_cumulative() -> None:
    text = busy().metrics()
    buckets: dict[str, list[float]] = {}
    for sample in parse(text):
        if sample.name.endswith("_bucket") and "handler" not in sample.labels:
            buckets.setdefault(sample.name, []).append(sample.value)
    assert len(buckets) == 17
    for values in buckets.values():
        assert values == sorted(values)


@pytest.mark.parametrize(
    ("number_", "text"),
    [
        (120, "120.0"),
        (0.3, "0.3"),
        (0, "0.0"),
        (True, "1.0"),
        (999_999, "999999.0"),
        (1_234_567, "1.234567e+06"),
        (1_790_000_000, "1.79e+09"),
        (1795220307.22, "1.79522030722e+09"),
        (29_000_000_000, "2.9e+10"),
        (math.inf, "+Inf"),
    ],
)
def test_numbers_are_printed_as_prometheus_client_prints_them(number_: float, text: str) -> None:
    assert number(number_) == text


def test_label_values_are_escaped() -> None:
    target = EngineServer(SPEC, version="0.32.0", model_name='say "hi"\n\\', root="", started=0.0)
    assert r'vllm:num_requests_running{engine="0",model_name="say \"hi\"\n\\"} 0.0' in target.metrics()


def test_vllm_0_6_speaks_its_own_dialect() -> None:
    text = busy("0.6.4").metrics()
    names = {sample.name for sample in parse(text)}
    assert {"vllm:gpu_cache_usage_perc", "vllm:num_requests_swapped", "vllm:cpu_cache_usage_perc"} <= names
    assert "vllm:time_per_output_token_seconds_count" in names
    assert not names & {
        "vllm:kv_cache_usage_perc",
        "vllm:inter_token_latency_seconds_count",
        "vllm:prefix_cache_hits_total",
        "vllm:num_requests_waiting_by_reason",
    }
    running = next(s for s in parse(text) if s.name == "vllm:num_requests_running")
    assert running.labels == {"model_name": "tiny"}
    edges = [s.labels["le"] for s in parse(text) if s.name == "vllm:e2e_request_latency_seconds_bucket"]
    assert edges[-2:] == ["60.0", "+Inf"]
    assert [s.labels["le"] for s in parse(text) if s.name == "vllm:time_per_output_token_seconds_bucket"][-2:] == [
        "2.5",
        "+Inf",
    ]


def test_vllm_0_10_exposes_both_spellings_with_one_value() -> None:
    text = busy("0.10.2").metrics()
    for old, new in (
        ("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"),
        ("vllm:gpu_prefix_cache_hits_total", "vllm:prefix_cache_hits_total"),
        ("vllm:time_per_output_token_seconds_sum", "vllm:inter_token_latency_seconds_sum"),
    ):
        assert value(text, old, engine="0") == value(text, new, engine="0") > 0
    assert {s.labels["finished_reason"] for s in parse(text) if s.name == "vllm:request_success_total"} == {
        "stop",
        "length",
        "abort",
    }


@pytest.mark.parametrize("version", ["0.6.4", "0.10.2", "0.32.0"])
def test_no_series_appears_twice(version: str) -> None:
    names = [(s.name, tuple(sorted(s.labels.items()))) for s in parse(busy(version).metrics())]
    assert len(names) == len(set(names))


def test_a_sleeping_engine_says_so() -> None:
    target = server()
    target.engine.asleep = True
    text = target.metrics()
    assert value(text, "vllm:engine_sleep_state", sleep_state="awake") == 0
    assert value(text, "vllm:engine_sleep_state", sleep_state="weights_offloaded") == 1

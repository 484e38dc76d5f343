"""Dynamo's workers, which serve their engine's metrics in addition to their own, and its frontend."""

from __future__ import annotations

import math

import pytest

from fleet.model.histogram import quantile
from fleet.model.measurement import EngineId, GatewayId, HistogramKey
from fleet.model.quantity import Family, Quantity
from tests.fleet.metrics.recorded import Page, percentile, read, replay, seconds_between
from tests.fleet.metrics.rig import gateway, value

RECORDED = "dynamo-1.6.1"
FRONT = GatewayId("llm", "p", "Dynamo frontend", "tiny")


@pytest.mark.contract
async def test_the_recording_of_a_worker() -> None:
    first, second = (read(RECORDED, f"worker1-metrics-{when}.txt") for when in ("under-load-1", "after-load"))
    m = await replay(first, second)
    assert m.engines == (EngineId("llm", "p", "tiny", "0"),)
    assert m.dialects == (("vLLM", "Dynamo"),)
    m = await replay(first)
    # Its engine's own numbers: what the worker has accepted is more than what runs.
    assert value(m, Quantity.RUNNING) == first.sum("vllm:num_requests_running") == 4
    assert value(m, Quantity.WAITING) == first.sum("vllm:num_requests_waiting") == 5
    assert value(m, Quantity.KV_USAGE) == first.sum("vllm:kv_cache_usage_perc") == 0.19921875
    m = await replay(first, second)
    ended = "dynamo_component_request_duration_seconds_count"
    rate = (second.sum(ended, dynamo_endpoint="generate") - first.sum(ended, dynamo_endpoint="generate")) / 10
    assert value(m, Quantity.REQUESTS) == pytest.approx(rate) == pytest.approx(2.5)
    ttft = "vllm:time_to_first_token_seconds"
    found = quantile(0.5, m.histograms[Family.TTFT][HistogramKey("llm", "tiny", "p", "0")]).value
    assert found == pytest.approx(percentile(0.5, first.buckets(ttft), second.buckets(ttft)))


@pytest.mark.contract
async def test_the_recording_of_the_frontend() -> None:
    first, second = (read(RECORDED, f"frontend-metrics-under-load-{n}.txt") for n in (1, 2))
    m = await replay(first, second)
    assert {row.model for row in m.gateways} >= {"tiny", "unknown_model"}
    assert (
        gateway(m, Quantity.GATEWAY_IN_FLIGHT, FRONT)
        == second.sum("dynamo_frontend_active_requests", model="tiny")
        == 19
    )
    assert gateway(m, Quantity.GATEWAY_QUEUED, FRONT) == 0
    killed = read(RECORDED, "frontend-metrics-worker2-killed.txt")
    apart = seconds_between(RECORDED)
    m = await replay(second, killed, seconds=apart)
    of_model = "dynamo_frontend_requests_total"
    assert gateway(m, Quantity.GATEWAY_REQUESTS, FRONT) == pytest.approx(killed.sum(of_model, model="tiny") / apart)
    # 2 internal and 6 unavailable; the 28 cancelled by clients do not count.
    errors = killed.sum(of_model, model="tiny", error_type="internal|unavailable")
    assert gateway(m, Quantity.GATEWAY_ERRORS, FRONT) == pytest.approx(errors / apart) == pytest.approx(8 / apart)
    assert gateway(m, Quantity.GATEWAY_REJECTIONS, FRONT) == 0
    assert gateway(m, Quantity.GATEWAY_RETRIES, FRONT) == pytest.approx(6 / apart)
    ttft = "dynamo_frontend_time_to_first_token_seconds"
    found = quantile(0.95, m.gateway_histograms[Family.GATEWAY_TTFT][FRONT]).value
    buckets = [page.buckets(ttft, model="tiny") for page in (second, killed)]
    assert found == pytest.approx(percentile(0.95, *buckets))


def worker(engine: str, ended: int) -> str:
    """A worker with its own metrics and those of an engine."""
    own = 'dynamo_component="backend",dynamo_namespace="ns",worker_id="ab"'
    return (
        f'dynamo_component_inflight_requests{{{own},dynamo_endpoint="generate"}} 9\n'
        f'dynamo_component_inflight_requests{{{own},dynamo_endpoint="clear"}} 1\n'
        f'dynamo_component_request_duration_seconds_count{{{own},dynamo_endpoint="generate"}} {ended}\n'
        f'dynamo_component_request_duration_seconds_count{{{own},dynamo_endpoint="clear"}} {5 * ended}\n{engine}'
    )


async def test_a_worker_runs_one_engine_whose_numbers_go_before_its_own() -> None:
    engine = (
        'sglang:num_running_reqs{model_name="tiny",model="tiny",dp_rank="0",tp_rank="0",dynamo_component="backend"} 4\n'
        'sglang:num_queue_reqs{model_name="tiny",model="tiny",dp_rank="0",tp_rank="0",dynamo_component="backend"} 5\n'
    )
    m = await replay(worker(engine, 0), worker(engine, 20))
    assert m.engines == (EngineId("llm", "p", "tiny", "0"),)
    assert m.dialects == (("SGLang", "Dynamo"),)
    assert value(m, Quantity.RUNNING) == 4
    assert value(m, Quantity.REQUESTS) == pytest.approx(2)


async def test_a_worker_whose_engine_says_nothing_is_read_for_what_it_says_itself() -> None:
    m = await replay(worker("", 0), worker("", 20))
    assert m.engines == (EngineId("llm", "p", "", "0"),)
    assert value(m, Quantity.RUNNING) == 9
    assert value(m, Quantity.REQUESTS) == pytest.approx(2)
    assert math.isnan(value(m, Quantity.WAITING))


async def test_a_frontends_errors_are_not_those_of_its_clients() -> None:
    def front(ended: int, broken: int, left: int) -> Page:
        text = 'endpoint="chat_completions",model="tiny",request_type="stream"'
        return Page(
            'dynamo_frontend_active_requests{model="tiny"} 7\n'
            f'dynamo_frontend_requests_total{{{text},status="success",error_type=""}} {ended}\n'
            f'dynamo_frontend_requests_total{{{text},status="error",error_type="unavailable"}} {broken}\n'
            f'dynamo_frontend_requests_total{{{text},status="error",error_type="cancelled"}} {left}\n'
        )

    m = await replay(front(0, 0, 0), front(100, 20, 30))
    assert gateway(m, Quantity.GATEWAY_IN_FLIGHT, FRONT) == 7
    assert gateway(m, Quantity.GATEWAY_REQUESTS, FRONT) == pytest.approx(15)
    assert gateway(m, Quantity.GATEWAY_ERRORS, FRONT) == pytest.approx(2)
    assert gateway(m, Quantity.GATEWAY_RETRIES, FRONT) == 0

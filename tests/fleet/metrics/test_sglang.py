"""SGLang: ranks, repeated numbers, priorities, and what has no rank."""

from __future__ import annotations

import math

import pytest

from fleet.model.histogram import quantile
from fleet.model.measurement import EngineId, HistogramKey
from fleet.model.quantity import Family, Quantity
from tests.fleet.metrics.product_pages import scheduler, tokenizer
from tests.fleet.metrics.recorded import percentile, read, replay
from tests.fleet.metrics.rig import value

RECORDED = "sglang-collector-0.5.23"


@pytest.mark.contract
async def test_the_recording() -> None:
    page = read(RECORDED, "metrics-collector-only.txt")
    ranks = 'dp_rank="0",engine_type="unified",model_name="tiny",moe_ep_rank="0",pp_rank="0",tp_rank="0"'
    busy = page.text.replace(f"sglang:num_running_reqs{{{ranks}}} 0.0", f"sglang:num_running_reqs{{{ranks}}} 7.0")
    assert busy != page.text
    m = await replay(
        "\n".join(line for line in busy.splitlines() if "_total" not in line and "_bucket" not in line), busy
    )
    assert m.engines == (EngineId("llm", "p", "tiny", "0"),)
    assert value(m, Quantity.RUNNING) == 7
    assert value(m, Quantity.WAITING) == page.sum("sglang:num_queue_reqs")
    assert value(m, Quantity.KV_USAGE) == page.sum("sglang:token_usage")
    assert value(m, Quantity.PROMPT_TOKENS) == pytest.approx(page.sum("sglang:prompt_tokens_total") / 10)
    assert value(m, Quantity.GENERATION_TOKENS) == pytest.approx(page.sum("sglang:generation_tokens_total") / 10)
    assert value(m, Quantity.REQUESTS) == pytest.approx(page.sum("sglang:num_requests_total") / 10)
    assert value(m, Quantity.PREEMPTIONS) == pytest.approx(page.sum("sglang:num_retracted_requests_total") / 10)
    assert value(m, Quantity.PREFIX_HITS) == pytest.approx(page.sum("sglang:cached_tokens_total") / 10)
    names = {
        Family.TTFT: "sglang:time_to_first_token_seconds",
        Family.ITL: "sglang:inter_token_latency_seconds",
        Family.E2E: "sglang:e2e_request_latency_seconds",
        Family.QUEUE: "sglang:queue_time_seconds",
    }
    for family, name in names.items():
        histogram = m.histograms[family][HistogramKey("llm", "tiny", "p", "0")]
        assert histogram.edges == tuple(page.buckets(name))
        assert quantile(0.95, histogram).value == pytest.approx(percentile(0.95, {}, page.buckets(name)))


async def test_data_parallel_ranks_are_engines_whichever_rank_speaks_for_them() -> None:
    ranks = ((0, 0), (1, 4))
    before = "".join(scheduler(dp, tp, 3 + dp, 100) for dp, tp in ranks) + tokenizer(10, 10)
    after = "".join(scheduler(dp, tp, 3 + dp, 600 + 100 * dp) for dp, tp in ranks) + tokenizer(60, 30)
    m = await replay(before, after)
    assert m.engines == tuple(EngineId("llm", "p", "tiny", str(rank)) for rank in (0, 1))
    assert [value(m, Quantity.RUNNING, row) for row in (0, 1)] == [3, 4]
    assert [value(m, Quantity.WAITING, row) for row in (0, 1)] == [4, 5]
    assert [value(m, Quantity.KV_CAPACITY, row) for row in (0, 1)] == [4096, 4096]
    # What the ranks count while they generate, not what the tokenizer counts at the end.
    assert [value(m, Quantity.GENERATION_TOKENS, row) for row in (0, 1)] == pytest.approx([50, 60])
    # The tokenizer's numbers are the process's: once, in its first row.
    assert value(m, Quantity.REQUESTS, 0) == pytest.approx(7)
    assert math.isnan(value(m, Quantity.REQUESTS, 1))
    assert set(m.histograms[Family.TTFT]) == {HistogramKey("llm", "tiny", "p", "0")}
    assert set(m.histograms[Family.QUEUE]) == {
        HistogramKey("llm", "tiny", "p", "0"),
        HistogramKey("llm", "tiny", "p", "1"),
    }


async def test_what_every_scheduler_repeats_counts_once() -> None:
    def page(decoded: int) -> str:
        return "".join(scheduler(dp, tp, 3, decoded, decoded // 10) for dp in (0, 1) for tp in (2 * dp, 2 * dp + 1))

    m = await replay(page(100), page(600))
    assert [value(m, Quantity.RUNNING, row) for row in (0, 1)] == [3, 3]
    assert [value(m, Quantity.GENERATION_TOKENS, row) for row in (0, 1)] == pytest.approx([50, 50])
    assert [value(m, Quantity.PREEMPTIONS, row) for row in (0, 1)] == pytest.approx([5, 5])
    assert m.histograms[Family.QUEUE][HistogramKey("llm", "tiny", "p", "1")].count == pytest.approx(5)


async def test_a_queue_is_counted_as_a_whole_and_not_once_more_by_priority() -> None:
    parts = (("", 5), ("0", 3), ("7", 2))
    page = "".join(scheduler(0, 0, running, 10, priority=f',priority="{found}"') for found, running in parts)
    m = await replay(page)
    assert value(m, Quantity.RUNNING) == 5
    assert value(m, Quantity.WAITING) == 6


async def test_streams_and_whole_answers_are_one_histogram() -> None:
    m = await replay(scheduler(0, 0, 1, 0) + tokenizer(0, 0), scheduler(0, 0, 1, 0) + tokenizer(60, 40))
    histogram = m.histograms[Family.TTFT][HistogramKey("llm", "tiny", "p", "0")]
    assert histogram.count == pytest.approx(10)
    assert quantile(0.75, histogram).value == pytest.approx(0.1 + 0.9 * 0.5)
    assert value(m, Quantity.PROMPT_TOKENS) == pytest.approx(100)


async def test_the_spelling_without_a_colon_and_the_names_of_old_releases() -> None:
    page = (
        'sglang_num_running_reqs{model_name="tiny",tp_rank="0"} 2\n'
        'sglang_time_per_output_token_seconds_bucket{model_name="tiny",le="0.1"} %d\n'
        'sglang_time_per_output_token_seconds_bucket{model_name="tiny",le="+Inf"} %d\n'
        'sglang_generation_tokens_total{model_name="tiny"} %d\n'
    )
    m = await replay(page % (1, 1, 0), page % (11, 21, 500))
    assert value(m, Quantity.RUNNING) == 2
    assert value(m, Quantity.GENERATION_TOKENS) == pytest.approx(50)
    assert m.histograms[Family.ITL][HistogramKey("llm", "tiny", "p", "0")].counts == pytest.approx((1, 2))


async def test_queues_of_disaggregated_engines_are_transfers_and_failed_ones_are_counted() -> None:
    page = (
        scheduler(0, 0, 1, 0)
        + 'sglang:num_decode_transfer_queue_reqs{dp_rank="0",model_name="tiny"} 4\n'
        + 'sglang:num_decode_prealloc_queue_reqs{dp_rank="0",model_name="tiny"} 50\n'
        + 'sglang:num_transfer_failed_reqs_total{dp_rank="0",model_name="tiny"} %d\n'
        + 'sglang:num_bootstrap_failed_reqs_total{dp_rank="0",model_name="tiny"} %d\n'
    )
    m = await replay(page % (0, 0), page % (5, 10))
    assert value(m, Quantity.KV_FETCHING) == 4
    assert value(m, Quantity.KV_TRANSFER_FAILURES) == pytest.approx(1.5)


async def test_5xx_of_the_inference_endpoints_are_errors_and_polls_are_no_requests() -> None:
    page = scheduler(0, 0, 1, 0) + (
        'sglang:http_responses_total{endpoint="/v1/chat/completions",method="POST",status_code="200"} %d\n'
        'sglang:http_responses_total{endpoint="/generate",method="POST",status_code="503"} %d\n'
        'sglang:http_responses_total{endpoint="/health",method="GET",status_code="503"} %d\n'
    )
    m = await replay(page % (0, 0, 0), page % (80, 20, 500))
    assert value(m, Quantity.HTTP_REQUESTS) == pytest.approx(10)
    assert value(m, Quantity.HTTP_ERRORS) == pytest.approx(2)

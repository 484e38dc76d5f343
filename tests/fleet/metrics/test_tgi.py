"""Text Generation Inference: no model, counters without _total, and a request that is counted when it comes in."""

from __future__ import annotations

import math

import pytest

from fleet.model.histogram import quantile
from fleet.model.measurement import EngineId, HistogramKey
from fleet.model.quantity import Family, Quantity
from tests.fleet.metrics.recorded import replay
from tests.fleet.metrics.rig import value


def page(ended: int, overloaded: int = 0, broken: int = 0) -> str:
    """A server that has answered so many requests of 20 tokens in and 50 out, turned some away and broken some off."""
    failures = {"overloaded": overloaded, "generation": broken}
    return (
        f"tgi_batch_current_size 4\ntgi_queue_size 2\ntgi_batch_max_total_tokens 65536\n"
        f"tgi_request_count {2 * ended}\ntgi_request_success {ended}\n"
        + "".join(f'tgi_request_failure{{err="{err}"}} {count}\n' for err, count in failures.items() if count)
        + f"tgi_request_input_length_sum {20 * ended}\ntgi_request_input_length_count {ended}\n"
        f"tgi_request_generated_tokens_sum {50 * ended}\ntgi_request_generated_tokens_count {ended}\n"
        f'tgi_request_duration_bucket{{le="0.5"}} {ended / 2}\ntgi_request_duration_bucket{{le="1"}} {ended}\n'
        f'tgi_request_duration_bucket{{le="+Inf"}} {ended}\n'
        f"tgi_request_queue_duration_sum {ended / 4}\ntgi_request_queue_duration_count {ended}\n"
        f"tgi_request_mean_time_per_token_duration_sum {ended}\n"
    )


async def test_what_ended_is_counted_and_not_what_came_in() -> None:
    m = await replay(page(10, broken=1), page(110, 30, 11))
    assert m.engines == (EngineId("llm", "p", "", "0"),)
    assert [value(m, q) for q in (Quantity.RUNNING, Quantity.WAITING, Quantity.KV_CAPACITY)] == [4, 2, 65536]
    assert value(m, Quantity.REQUESTS) == pytest.approx(10 + 3 + 1)
    assert value(m, Quantity.REQUEST_ERRORS) == pytest.approx(1)
    assert value(m, Quantity.PROMPT_TOKENS) == pytest.approx(200)
    assert value(m, Quantity.GENERATION_TOKENS) == pytest.approx(500)
    histogram = m.histograms[Family.E2E][HistogramKey("llm", "", "p", "0")]
    assert quantile(0.75, histogram).value == pytest.approx(0.75)
    sums, counts = m.means[Quantity.QUEUE_MEAN]
    assert sums[0] / counts[0] == pytest.approx(0.25)


async def test_no_failure_yet_is_no_error_and_the_mean_per_token_is_no_inter_token_latency() -> None:
    m = await replay(page(10), page(110))
    assert value(m, Quantity.REQUEST_ERRORS) == 0
    assert value(m, Quantity.REQUESTS) == pytest.approx(10)
    assert Family.ITL not in m.histograms
    assert math.isnan(value(m, Quantity.KV_USAGE))

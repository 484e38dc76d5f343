"""llama.cpp's server: no labels at all, tokens in two counters."""

from __future__ import annotations

import math

import pytest

from fleet.model.measurement import EngineId
from fleet.model.quantity import Quantity
from tests.fleet.metrics.recorded import read, replay
from tests.fleet.metrics.rig import value

RECORDED = "llama.cpp-b11434"
IDLE = """\
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 700
llamacpp:prompt_tokens_cached_total 300
llamacpp:tokens_predicted_total 1000
llamacpp:n_tokens_max 979
llamacpp:predicted_tokens_seconds 61.03
llamacpp:requests_processing 2
llamacpp:requests_deferred 4
"""
LATER = (
    IDLE.replace("_total 700", "_total 1200").replace("_total 300", "_total 400").replace("_total 1000", "_total 1600")
)


@pytest.mark.contract
async def test_the_recording() -> None:
    idle, loaded = read(RECORDED, "metrics-idle.txt"), read(RECORDED, "metrics-under-load-1.txt")
    after = read(RECORDED, "metrics-after-load.txt")
    m = await replay(idle, loaded)
    assert m.engines == (EngineId("llm", "p", "", "0"),)
    assert m.dialects == (("llama.cpp",),)
    assert value(m, Quantity.RUNNING) == loaded.sum("llamacpp:requests_processing") == 2
    assert value(m, Quantity.WAITING) == loaded.sum("llamacpp:requests_deferred") == 4
    m = await replay(idle, after)
    computed, cached = (after.sum(f"llamacpp:prompt_tokens{part}_total") for part in ("", "_cached"))
    assert value(m, Quantity.PROMPT_TOKENS) == pytest.approx((computed + cached) / 10) == pytest.approx(435.8)
    assert value(m, Quantity.PREFIX_HITS) == pytest.approx(cached / 10) == pytest.approx(147.0)
    assert value(m, Quantity.PREFIX_QUERIES) == pytest.approx(435.8)
    assert value(m, Quantity.GENERATION_TOKENS) == pytest.approx(after.sum("llamacpp:tokens_predicted_total") / 10)
    assert value(m, Quantity.SPEC_DRAFTED) == 0
    assert m.histograms == {}


async def test_the_numbers_of_a_server_without_labels_are_those_of_its_pods_one_engine() -> None:
    m = await replay(IDLE, LATER)
    assert m.engines == (EngineId("llm", "p", "", "0"),)
    assert [value(m, q) for q in (Quantity.RUNNING, Quantity.WAITING)] == [2, 4]
    assert value(m, Quantity.PROMPT_TOKENS) == pytest.approx(60)
    assert value(m, Quantity.PREFIX_HITS) == pytest.approx(10)
    assert value(m, Quantity.GENERATION_TOKENS) == pytest.approx(60)
    assert math.isnan(value(m, Quantity.KV_USAGE))


async def test_a_build_without_the_counter_of_cached_tokens_tells_those_that_it_computed() -> None:
    pages = ["".join(line for line in page.splitlines(True) if "cached" not in line) for page in (IDLE, LATER)]
    m = await replay(*pages)
    assert value(m, Quantity.PROMPT_TOKENS) == pytest.approx(50)
    assert math.isnan(value(m, Quantity.PREFIX_HITS))


async def test_an_old_build_says_how_full_its_cache_is() -> None:
    m = await replay(IDLE + "llamacpp:kv_cache_usage_ratio 0.25\n")
    assert value(m, Quantity.KV_USAGE) == 0.25


async def test_steps_show_that_it_moves_while_tokens_are_counted_at_the_end_of_a_request() -> None:
    pages = [f"{IDLE}llamacpp:n_decode_total {steps}\n" for steps in (100, 400, 400)]
    moving = await replay(*pages[:2])
    assert value(moving, Quantity.GENERATION_TOKENS) == 0
    assert value(moving, Quantity.LATEST_TOKENS) == pytest.approx(30)
    assert value(await replay(*pages), Quantity.LATEST_TOKENS) == 0
    assert math.isnan(value(await replay(IDLE, LATER), Quantity.LATEST_TOKENS))

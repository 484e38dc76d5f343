"""The names of vLLM across its versions, and the rules without which the numbers are wrong."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fleet.metrics.engines.vllm import VLLM
from fleet.model.histogram import quantile
from fleet.model.measurement import EngineId, HistogramKey, Measurement
from fleet.model.quantity import Family, Quantity
from fleet.model.reading import Bound
from tests.fleet.metrics.pages import (
    LONG,
    RELEASES,
    SHORT,
    V0_6,
    V0_8,
    V0_10,
    V0_12,
    V0_20,
    V0_33,
    Load,
    Release,
    vllm,
)
from tests.fleet.metrics.rig import Rig, value

BEFORE = Load()
AFTER = replace(
    BEFORE,
    prompt=2000.0,
    generation=5500.0,
    finished={"stop": 45.0, "length": 7.0},
    preemptions=2.0,
    hits=400.0,
    queries=1100.0,
    latencies=(5, 20, 30, 9, 5, 1, 0),
    http={("/v1/completions", "2xx"): 50.0},
)
GROUP = HistogramKey("llm", "chat", "p", "0")
by_release = pytest.mark.parametrize("release", RELEASES, ids=lambda r: r.version)


async def _measured(release: Release, before: Load = BEFORE, after: Load = AFTER) -> Measurement:
    rig = Rig()
    await rig.tick({"p": vllm(release, {"0": before})}, after=10.0)
    return await rig.tick({"p": vllm(release, {"0": after})})


@by_release
async def test_every_release_tells_the_same_story(release: Release) -> None:
    m = await _measured(release)
    assert m.engines == (EngineId("llm", "p", "chat", "0"),)
    assert value(m, Quantity.RUNNING) == 3
    assert value(m, Quantity.WAITING) == 2
    assert value(m, Quantity.KV_USAGE) == 0.25
    assert value(m, Quantity.PROMPT_TOKENS) == pytest.approx(100)
    assert value(m, Quantity.GENERATION_TOKENS) == pytest.approx(50)
    assert value(m, Quantity.REQUESTS) == pytest.approx(1.0)
    assert value(m, Quantity.PREEMPTIONS) == pytest.approx(0.1)
    assert value(m, Quantity.HTTP_REQUESTS) == pytest.approx(1.0)
    assert set(m.histograms) == set(VLLM.families)
    for family in VLLM.families:
        histogram = m.histograms[family][GROUP]
        assert histogram.edges == (*(SHORT if release is V0_6 else LONG), math.inf)
        assert histogram.counts[:4] == pytest.approx((0.0, 1.0, 2.0, 2.5))
        # In (0.1, 0.5], (0.5, 1], (1, 2.5], and beyond: 10, 10, 5 and 3 observations in 10 s.
        assert histogram.count == pytest.approx(2.8)
    sums, counts = m.means[Quantity.DECODE_MEAN]
    assert sums[0] / counts[0] == pytest.approx(0.75)


@pytest.mark.parametrize("release", [V0_8, V0_10, V0_12, V0_20, V0_33], ids=lambda r: r.version)
async def test_prefix_cache_counters_are_taken_under_their_newest_name(release: Release) -> None:
    m = await _measured(release)
    assert value(m, Quantity.PREFIX_HITS) == pytest.approx(10)
    assert value(m, Quantity.PREFIX_QUERIES) == pytest.approx(20)


async def test_the_v0_engine_gives_its_hit_rate_as_a_ratio() -> None:
    m = await _measured(V0_6)
    assert value(m, Quantity.PREFIX_HIT_RATIO) == 0.4
    assert math.isnan(value(m, Quantity.PREFIX_HITS))


async def test_a_hit_rate_of_minus_one_is_none() -> None:
    page = vllm(V0_6, {"0": BEFORE}).replace('hit_rate{model_name="chat"} 0.4', 'hit_rate{model_name="chat"} -1')
    assert math.isnan(value(await Rig().tick({"p": page}), Quantity.PREFIX_HIT_RATIO))


async def test_throughput_gauges_stand_in_only_where_there_are_no_counters() -> None:
    page = vllm(V0_6, {"0": BEFORE})
    assert math.isnan(value(await Rig().tick({"p": page}), Quantity.GENERATION_TOKENS))
    without = "\n".join(line for line in page.splitlines() if "_tokens_total{" not in line) + "\n"
    m = await Rig().tick({"p": without})
    assert value(m, Quantity.PROMPT_TOKENS) == 11
    assert value(m, Quantity.GENERATION_TOKENS) == 22


@pytest.mark.parametrize(
    ("release", "tokens"), [(V0_6, 8192), (V0_10, 8192), (V0_33, 8000)], ids=lambda x: getattr(x, "version", "")
)
async def test_kv_capacity(release: Release, tokens: int) -> None:
    assert value(await _measured(release), Quantity.KV_CAPACITY) == tokens


async def test_kv_capacity_of_a_config_that_says_none_is_missing() -> None:
    release = replace(V0_12, capacity={"num_gpu_blocks": "None", "block_size": "16"})
    assert math.isnan(value(await _measured(release), Quantity.KV_CAPACITY))


async def test_data_parallel_ranks_are_engines_of_their_own() -> None:
    rig = Rig()
    await rig.tick({"p": vllm(V0_33, {"0": BEFORE, "3": BEFORE})}, after=10.0)
    m = await rig.tick({"p": vllm(V0_33, {"0": AFTER, "3": replace(BEFORE, running=9)})})
    assert [e.engine for e in m.engines] == ["0", "3"]
    assert [value(m, Quantity.RUNNING, i) for i in (0, 1)] == [3, 9]
    assert [value(m, Quantity.KV_CAPACITY, i) for i in (0, 1)] == [8000, 8000]
    assert value(m, Quantity.GENERATION_TOKENS, 0) == pytest.approx(50)
    assert value(m, Quantity.GENERATION_TOKENS, 1) == 0
    assert set(m.histograms[Family.TTFT]) == {GROUP, GROUP._replace(engine="3")}
    # The HTTP counters are the process': once, in its first engine's row.
    assert value(m, Quantity.HTTP_REQUESTS, 0) == pytest.approx(1.0)
    assert math.isnan(value(m, Quantity.HTTP_REQUESTS, 1))


@pytest.mark.parametrize(("state", "level"), [("awake", 0), ("weights_offloaded", 1), ("discard_all", 2)])
async def test_sleep_level(state: str, level: int) -> None:
    page = vllm(V0_33, {"0": BEFORE})
    for name in ("awake", "weights_offloaded", "discard_all"):
        page = page.replace(
            f'sleep_state="{name}"}} {float(name == "awake")}', f'sleep_state="{name}"}} {float(name == state)}'
        )
    assert value(await Rig().tick({"p": page}), Quantity.SLEEP_LEVEL) == level


async def test_ray_sanitises_and_prefixes_the_names() -> None:
    m = await _measured(replace(V0_33, prefix="ray_vllm_"))
    assert value(m, Quantity.GENERATION_TOKENS) == pytest.approx(50)
    assert GROUP in m.histograms[Family.ITL]


async def test_the_label_model_serves_where_model_name_is_not() -> None:
    page = vllm(V0_33, {"0": BEFORE}).replace("model_name=", "model=")
    assert (await Rig().tick({"p": page})).engines == (EngineId("llm", "p", "chat", "0"),)


# The ten rules of the reference, each by its number.


async def test_rule_1_engines_are_known_by_names_and_the_routers_copies_are_not_engines() -> None:
    router = (
        'vllm:num_requests_running{server="http://10.0.0.1:8000"} 4\n'
        'vllm:num_requests_waiting{server="http://10.0.0.1:8000"} 4\n'
    )
    m = await Rig().tick({"p": vllm(V0_33, {"0": BEFORE}) + router, "router": router})
    assert m.engines == (EngineId("llm", "p", "chat", "0"),)
    assert value(m, Quantity.RUNNING) == 3
    assert "none of a supported engine" in m.unreachable["llm/router"]


def test_rule_2_counters_are_read_under_the_name_with_total() -> None:
    assert {metric.name for _, metric in VLLM.counters() if not metric.name.endswith("_total")} == set()


async def test_rule_3_iteration_tokens_total_is_a_histogram_and_no_counter() -> None:
    assert not any("iteration_tokens" in name for name in VLLM.names())


async def test_rule_4_perc_is_a_ratio() -> None:
    assert value(await _measured(V0_33, after=replace(AFTER, kv=1.0)), Quantity.KV_USAGE) == 1.0


async def test_rule_5_requests_are_all_that_finished_and_errors_those_of_the_engine() -> None:
    finished = {"stop": 45.0, "length": 7.0, "abort": 3.0, "error": 2.0}
    m = await _measured(V0_33, after=replace(AFTER, finished=finished))
    assert value(m, Quantity.REQUESTS) == pytest.approx(1.5)
    assert value(m, Quantity.REQUEST_ERRORS) == pytest.approx(0.2)


async def test_rule_6_below_the_lowest_edge_a_percentile_is_at_most_that_edge() -> None:
    m = await _measured(V0_33, after=replace(AFTER, latencies=(105, 10, 20, 4, 2, 1, 0)))
    p99 = quantile(0.99, m.histograms[Family.QUEUE][GROUP])
    assert (p99.bound, p99.edge) == (Bound.AT_MOST, 0.1)
    assert p99.value == pytest.approx(0.099)


@pytest.mark.parametrize("spelling", ["1.0", "1", "1e0"])
async def test_rule_7_edges_are_numbers_however_they_are_spelt(spelling: str) -> None:
    rig = Rig()
    for load in (BEFORE, AFTER):
        m = await rig.tick({"p": vllm(V0_33, {"0": load}).replace('le="1.0"', f'le="{spelling}"')}, after=10.0)
    assert m.histograms[Family.TTFT][GROUP].edges == (*LONG, math.inf)


async def test_rule_8_created_series_are_not_read() -> None:
    assert not any(name.endswith("_created") for name in VLLM.names())


async def test_rule_9_a_missing_series_is_not_zero() -> None:
    m = await _measured(V0_8)
    for quantity in (Quantity.SPEC_ACCEPTED, Quantity.SLEEP_LEVEL, Quantity.WAITING_CAPACITY, Quantity.REQUEST_ERRORS):
        assert math.isnan(value(m, quantity))


async def test_rule_9_but_no_5xx_beside_http_requests_is_no_error() -> None:
    assert value(await _measured(V0_33), Quantity.HTTP_ERRORS) == 0.0
    without = replace(AFTER, http={("/v1/models", "2xx"): 5.0})
    m = await _measured(V0_33, before=without, after=without)
    assert math.isnan(value(m, Quantity.HTTP_REQUESTS))
    assert math.isnan(value(m, Quantity.HTTP_ERRORS))


async def test_rule_9_the_first_error_counts() -> None:
    http = {("/v1/completions", "2xx"): 50.0, ("/v1/completions", "5xx"): 4.0, ("/health", "5xx"): 9.0}
    m = await _measured(V0_33, after=replace(AFTER, http=http))
    assert value(m, Quantity.HTTP_ERRORS) == pytest.approx(0.4)
    assert value(m, Quantity.HTTP_REQUESTS) == pytest.approx(1.4)


async def test_rule_10_a_process_with_two_models_has_an_engine_row_for_each() -> None:
    page = vllm(V0_33, {"0": BEFORE}, model="chat") + vllm(V0_33, {"0": replace(BEFORE, running=8)}, model="embed")
    m = await Rig().tick({"p": page})
    assert [(e.model, value(m, Quantity.RUNNING, i)) for i, e in enumerate(m.engines)] == [("chat", 3), ("embed", 8)]


async def test_tokens_that_stand_still_are_told_by_the_next_scrape_and_not_when_the_window_is_empty() -> None:
    rig = Rig()
    loads = [replace(BEFORE, prompt=1000.0, generation=1000.0 + made) for made in (0, 200, 400, 400)]
    found = [await rig.tick({"p": vllm(V0_33, {"0": load})}, after=10.0) for load in loads]
    latest = [value(m, Quantity.LATEST_TOKENS) for m in found]
    assert math.isnan(latest[0]), "one answer tells no gain"
    assert latest[1:] == pytest.approx([20, 20, 0])
    assert value(found[-1], Quantity.GENERATION_TOKENS) > 0
    reborn = await rig.tick({"p": vllm(V0_33, {"0": replace(BEFORE, prompt=0.0, generation=30.0)})})
    assert value(reborn, Quantity.LATEST_TOKENS) == pytest.approx(3), "since its restart"


async def test_kv_transfers_admission_and_health_are_read_where_a_release_has_them() -> None:
    def page(failed: int, rejected: int) -> str:
        labels = 'engine="0",model_name="chat"'
        stages = {"waiting_to_start": 4, "in_progress": 3, "completed_waiting": 9}
        return (
            vllm(V0_33, {"0": BEFORE})
            + "".join(f'vllm:num_requests_kv_fetch_by_stage{{{labels},stage="{s}"}} {n}\n' for s, n in stages.items())
            + f"vllm:nixl_num_failed_transfers_total{{{labels}}} {failed}\n"
            + f"vllm:nixl_num_kv_expired_reqs_total{{{labels}}} {2 * failed}\n"
            + f'vllm:admission_rejections_total{{model_name="chat",reason="max_num_queued_reqs"}} {rejected}\n'
            + f'vllm:admission_rejections_total{{model_name="chat",reason="max_num_queued_tokens"}} {rejected}\n'
            + 'vllm:engine_healthy{engine="0"} 0\n'
            + 'lmcache:lmcache_is_healthy{model_name="chat",worker_id="0"} 1\n'
        )

    rig = Rig()
    await rig.tick({"p": page(0, 0)}, after=10.0)
    m = await rig.tick({"p": page(5, 10)})
    assert m.engines == (EngineId("llm", "p", "chat", "0"),)
    assert value(m, Quantity.KV_FETCHING) == 7, "blocks that have come wait for capacity like any request"
    assert value(m, Quantity.KV_TRANSFER_FAILURES) == pytest.approx(1.5)
    assert value(m, Quantity.ENGINE_REJECTIONS) == pytest.approx(2)
    assert (value(m, Quantity.ENGINE_HEALTHY), value(m, Quantity.KV_TIER_HEALTHY)) == (0, 1)

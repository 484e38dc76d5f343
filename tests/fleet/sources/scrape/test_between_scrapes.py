"""Memory of the direct source between scrapes, and the ages that it reports."""

from __future__ import annotations

import math
from array import array

import pytest

from fleet.model.quantity import Family, Quantity
from fleet.sources.scrape.source import ScrapeLimits
from tests.fleet.metrics.pages import V0_33, Card, Load, dcgm, vllm
from tests.fleet.metrics.rig import EPOCH, REFUSED, Rig, gpu, value

PAGE = vllm(V0_33, {"0": Load()})


async def test_a_silent_target_keeps_its_values_with_their_age_and_is_dropped_in_the_end() -> None:
    rig = Rig()
    await rig.tick({"p": PAGE}, after=10.0)
    m = await rig.tick({"p": REFUSED}, after=40.0)
    assert m.unreachable == {"llm/p": "answers HTTP 503"}
    assert value(m, Quantity.RUNNING) == 3
    assert list(m.engine_table.ages) == [10.0]
    assert list((await rig.tick({"p": OSError(113, "No route to host")}, after=300.0)).engine_table.ages) == [50.0]
    m = await rig.tick()
    assert m.engines == ()
    assert m.unreachable == {"llm/p": "cannot be reached (No route to host)"}


async def test_a_target_that_is_gone_is_forgotten() -> None:
    rig = Rig()
    await rig.tick({"p": PAGE, "q": PAGE})
    assert [e.pod for e in (await rig.tick({"q": PAGE})).engines] == ["q"]
    m = await rig.tick({"p": PAGE, "q": PAGE})
    assert math.isnan(value(m, Quantity.GENERATION_TOKENS, 0))
    assert value(m, Quantity.GENERATION_TOKENS, 1) == 0


async def test_a_restart_is_marked_and_counted_from_zero() -> None:
    rig = Rig()
    for load in (Load(generation=5000), Load(generation=5100), Load(generation=30, latencies=(0, 0, 0, 0, 0, 0, 0))):
        m = await rig.tick({"p": vllm(V0_33, {"0": load}), "q": PAGE}, after=10.0)
    assert m.engine_table.reset == {0}
    assert value(m, Quantity.GENERATION_TOKENS) == pytest.approx((100 + 30) / 20)
    (histogram,) = (h for g, h in m.histograms[Family.TTFT].items() if g.pod == "p")
    assert list(histogram.counts) == [0.0] * 7


async def test_the_window_is_at_least_four_intervals() -> None:
    rig = Rig(ScrapeLimits(window=60, interval=5))
    assert (await rig.tick({"p": PAGE}, after=30.0)).window == 60
    assert (await rig.tick({"p": PAGE}, after=30.0)).interval == 30.0
    for _ in range(5):
        m = await rig.tick({"p": PAGE}, after=30.0)
    assert (m.interval, m.window) == (30.0, 120.0)


async def test_before_a_whole_window_is_known_it_says_over_what_the_rates_are() -> None:
    rig = Rig(ScrapeLimits(window=60, interval=5))
    await rig.tick({"p": PAGE})
    assert (await rig.tick({"p": PAGE})).window == 5.0
    assert (await rig.tick({"p": PAGE})).window == 10.0


async def test_a_pause_is_no_scrape_interval_and_old_values_are_as_old_as_they_are() -> None:
    rig = Rig(ScrapeLimits(window=60, interval=5))
    await rig.tick({"p": PAGE})
    await rig.tick({"p": PAGE}, after=90.0)
    rig.source.pause()
    m = await rig.tick({"p": REFUSED})
    assert (m.interval, list(m.engine_table.ages)) == (5.0, [90.0])


async def test_what_is_forgotten_comes_back_from_nowhere() -> None:
    rig = Rig()
    await rig.tick({"p": PAGE}, after=90.0)
    rig.source.forget()
    m = await rig.tick({"p": REFUSED})
    assert (m.engines, m.interval) == ((), 5.0)


async def test_samples_that_say_their_time_are_as_old_as_they_say() -> None:
    stamped = "\n".join(
        f"{line} {int((EPOCH - 25) * 1000)}" if line and not line.startswith("#") else line
        for line in PAGE.splitlines()
    )
    assert list((await Rig().tick({"p": stamped + "\n"})).engine_table.ages) == [25.0]


async def test_nan_and_infinite_gauges_are_missing() -> None:
    labels = '{engine="0",model_name="chat"}'
    page = PAGE.replace(f"kv_cache_usage_perc{labels} 0.25", f"kv_cache_usage_perc{labels} NaN")
    page = page.replace(f"num_requests_waiting{labels} 2", f"num_requests_waiting{labels} +Inf")
    m = await Rig().tick({"p": page})
    assert math.isnan(value(m, Quantity.KV_USAGE))
    assert math.isnan(value(m, Quantity.WAITING))
    assert value(m, Quantity.RUNNING) == 3


async def test_samples_that_the_target_itself_calls_days_old_are_there_with_their_age() -> None:
    days = 3 * 86_400.0
    stamped = "".join(
        f"{line} {round((EPOCH - days) * 1000)}\n" if line and not line.startswith("#") else f"{line}\n"
        for line in PAGE.splitlines()
    )
    m = await Rig().tick({"p": stamped})
    assert value(m, Quantity.RUNNING) == 3
    assert list(m.engine_table.ages) == [pytest.approx(days, abs=1)]


async def test_the_counts_of_a_histogram_are_one_block_of_numbers() -> None:
    rig = Rig()
    for generation, latencies in ((0, (0, 0, 0, 0, 0, 0, 0)), (50, (1, 2, 1, 0, 0, 0, 0))):
        page = vllm(V0_33, {"0": Load(generation=generation, latencies=latencies)})
        m = await rig.tick({"p": page}, after=10.0)
    (histogram,) = m.histograms[Family.TTFT].values()
    assert list(histogram.counts) == pytest.approx([0.1, 0.3, 0.4, 0.4, 0.4, 0.4, 0.4])
    # As objects, those of a fleet come and go by ten thousands at each scrape, and leave holes everywhere in the heap.
    assert isinstance(histogram.counts, array)


class TestGpuExporters:
    """An exporter collects every 15 or 30 seconds by itself, so that its page is not asked for at every scrape."""

    async def test_one_that_answered_just_now_is_not_asked_and_its_values_grow_old(self) -> None:
        rig = Rig()
        await rig.tick({"dcgm": _gpu_page(50.0), "p": PAGE}, after=2.0)
        m = await rig.tick({"dcgm": _gpu_page(51.0), "p": PAGE}, after=2.0)
        assert (gpu(m, Quantity.GPU_TEMPERATURE), m.requests) == (51.0, 2)
        found = []
        for degrees in (52.0, 53.0, 54.0, 55.0):
            m = await rig.tick({"dcgm": _gpu_page(degrees), "p": PAGE}, after=2.0)
            found.append((gpu(m, Quantity.GPU_TEMPERATURE), list(m.gpu_table.ages), m.requests))
            assert list(m.engine_table.ages) == [0.0]
        assert found == [(51.0, [2.0], 1), (51.0, [4.0], 1), (54.0, [0.0], 2), (54.0, [2.0], 1)]

    async def test_one_that_does_not_answer_is_asked_every_time(self) -> None:
        rig = Rig()
        for degrees in (50.0, 51.0):
            await rig.tick({"dcgm": _gpu_page(degrees)}, after=5.0)
        for age in (5.0, 7.0):
            m = await rig.tick({"dcgm": REFUSED}, after=2.0)
            assert m.unreachable == {"llm/dcgm": "answers HTTP 503"}
            assert list(m.gpu_table.ages) == [age]
        m = await rig.tick({"dcgm": _gpu_page(60.0)})
        assert (m.unreachable, gpu(m, Quantity.GPU_TEMPERATURE)) == ({}, 60.0)

    async def test_all_are_asked_where_a_person_wants_new_numbers(self) -> None:
        rig = Rig()
        for degrees in (50.0, 51.0):
            await rig.tick({"dcgm": _gpu_page(degrees)}, after=2.0)
        rig.source.refresh()
        assert gpu(await rig.tick({"dcgm": _gpu_page(52.0)}, after=2.0), Quantity.GPU_TEMPERATURE) == 52.0
        assert gpu(await rig.tick({"dcgm": _gpu_page(53.0)}), Quantity.GPU_TEMPERATURE) == 52.0

    async def test_rates_come_with_the_second_scrape_however_soon(self) -> None:
        rig = Rig()
        await rig.tick({"dcgm": _gpu_page(50.0)}, after=1.0)
        m = await rig.tick({"dcgm": _gpu_page(50.0)})
        assert gpu(m, Quantity.THROTTLE) == 0.0


def _gpu_page(degrees: float) -> str:
    return dcgm([Card(temperature=degrees)])

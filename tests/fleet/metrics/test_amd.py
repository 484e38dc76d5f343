"""AMD's exporter: units, clocks distinguished by a label, partitions, and identities without a UUID."""

from __future__ import annotations

import math

import pytest

from fleet.model.measurement import GpuId, Measurement
from fleet.model.quantity import Quantity
from tests.fleet.metrics.product_pages import card
from tests.fleet.metrics.rig import Rig, gpu

MIB = 1024 * 1024


async def _scrape(page: str) -> Measurement:
    return await Rig().tick({"exporter": page})


@pytest.mark.parametrize("prefix", ["", "amd_"])
async def test_units_are_the_canonical_ones(prefix: str) -> None:
    m = await _scrape(card(prefix=prefix))
    assert m.gpus == (GpuId("692251001234", "", "amd-1", "0", "llm", "chat-0", "AMD Instinct MI300X", "spx"),)
    assert gpu(m, Quantity.GPU_UTIL) == pytest.approx(0.87)
    assert gpu(m, Quantity.DRAM_ACTIVE) == pytest.approx(0.40)
    assert gpu(m, Quantity.GPU_POWER) == 650
    assert gpu(m, Quantity.GPU_TEMPERATURE) == 71
    assert gpu(m, Quantity.GPU_MEMORY_TEMPERATURE) == 55
    assert gpu(m, Quantity.GPU_MEMORY_USED) == 150000 * MIB
    assert gpu(m, Quantity.GPU_MEMORY_TOTAL) == 196592 * MIB
    assert gpu(m, Quantity.THROTTLE) == pytest.approx(0.30)


async def test_each_clock_is_the_one_of_its_kind() -> None:
    m = await _scrape(card())
    assert gpu(m, Quantity.SM_CLOCK) == 2100
    assert gpu(m, Quantity.MEMORY_CLOCK) == 1300


async def test_a_part_of_a_card_that_has_no_sensors_is_not_cold_and_idle() -> None:
    m = await _scrape("".join(card(part, "cpx", pod=f"small-{part}") for part in (0, 1)))
    assert [(one.key, one.pod) for one in m.gpus] == [("692251001234", "small-0"), ("692251001234/1", "small-1")]
    assert [gpu(m, Quantity.GPU_POWER, row) for row in (0,)] == [650]
    for quantity in (Quantity.GPU_UTIL, Quantity.GPU_POWER, Quantity.GPU_TEMPERATURE, Quantity.THROTTLE):
        assert math.isnan(gpu(m, quantity, 1))
    assert gpu(m, Quantity.GPU_MEMORY_USED, 1) == 150000 * MIB


async def test_where_a_uuid_is_exported_it_names_the_card() -> None:
    assert (await _scrape(card(uuid="cb3b0000-0000-1000"))).gpus[0].uuid == "cb3b0000-0000-1000"


async def test_an_mi200_tells_its_average_power_and_the_temperature_of_its_edge() -> None:
    page = "".join(
        line
        for line in card().splitlines(keepends=True)
        if not line.startswith(("gpu_power", "gpu_package", "gpu_junction"))
    )
    labels = next(line for line in page.splitlines() if "gpu_used_vram" in line).partition("{")[2].partition("}")[0]
    m = await _scrape(f"{page}gpu_average_package_power{{{labels}}} 410\ngpu_edge_temperature{{{labels}}} 48\n")
    assert (gpu(m, Quantity.GPU_POWER), gpu(m, Quantity.GPU_TEMPERATURE)) == (410, 48)

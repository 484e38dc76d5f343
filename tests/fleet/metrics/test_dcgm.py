"""GPU exporters: units, blanks, MIG, old names, throttling."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from fleet.metrics import identity
from fleet.metrics.curve_queries import each_query, instant
from fleet.metrics.gpus.clock_reasons import throttle_reasons
from fleet.metrics.registry import GPUS
from fleet.model.curve import CurveQuestion, Series, TimeRange
from fleet.model.measurement import GpuId, Measurement
from fleet.model.quantity import Quantity
from fleet.sources.scrape.source import ScrapeSource
from fleet.sources.scrape.target import ScrapeTarget
from tests.fleet.metrics.pages import BLANK, Card, dcgm
from tests.fleet.metrics.rig import EPOCH, Rig, gpu

MIB = 1024 * 1024


def _gpu_id(labels: dict[str, str], *, exported: bool = False) -> GpuId:
    return identity.gpu_id(labels, GPUS.gpu, identity.exporter_pods(GPUS), exported=exported)


async def _two(before: Card, after: Card) -> Measurement:
    rig = Rig()
    await rig.tick({"exporter": dcgm([before])}, after=10.0)
    return await rig.tick({"exporter": dcgm([after])})


async def test_units_are_the_canonical_ones() -> None:
    m = await Rig().tick({"exporter": dcgm([Card(pod="chat-0")])})
    assert m.gpus == (GpuId("GPU-00000000", "", "gpu-node-1", "0", "llm", "chat-0", "NVIDIA H100 80GB HBM3", ""),)
    assert gpu(m, Quantity.GPU_UTIL) == pytest.approx(0.8)
    assert gpu(m, Quantity.SM_ACTIVE) == pytest.approx(0.8)
    assert gpu(m, Quantity.DRAM_ACTIVE) == 0.5
    assert gpu(m, Quantity.GPU_MEMORY_USED) == 70000 * MIB
    assert gpu(m, Quantity.GPU_MEMORY_TOTAL) == 81000 * MIB
    assert gpu(m, Quantity.GPU_TEMPERATURE) == 61
    assert gpu(m, Quantity.GPU_POWER) == 412.5
    assert gpu(m, Quantity.SM_CLOCK) == 1755


async def test_reserved_memory_belongs_to_the_total() -> None:
    page = dcgm([Card()])
    line = next(line for line in page.splitlines() if "FB_FREE" in line)
    reserved = line.replace("FB_FREE", "FB_RESERVED").rpartition(" ")[0] + " 559\n"
    m = await Rig().tick({"exporter": page + reserved})
    assert gpu(m, Quantity.GPU_MEMORY_TOTAL) == 81559 * MIB


async def test_blanks_are_missing_not_huge() -> None:
    m = await Rig().tick({"exporter": dcgm([replace(Card(), temperature=BLANK, used=BLANK)])})
    for quantity in (
        Quantity.GPU_TEMPERATURE,
        Quantity.GPU_MEMORY_USED,
        Quantity.GPU_MEMORY_TOTAL,
        Quantity.GPU_MEMORY_TEMPERATURE,
    ):
        assert math.isnan(gpu(m, quantity))


async def test_the_share_of_time_throttled_comes_from_nanoseconds_and_ignores_blank_counters() -> None:
    m = await _two(Card(throttled=1e9), Card(throttled=4.5e9))
    assert gpu(m, Quantity.THROTTLE) == pytest.approx(0.35)


async def test_a_gpu_without_violation_counters_has_no_throttled_share() -> None:
    m = await _two(Card(throttled=BLANK), Card(throttled=BLANK))
    assert math.isnan(gpu(m, Quantity.THROTTLE))


async def test_the_xid_stays() -> None:
    m = await Rig().tick({"exporter": dcgm([Card(xid=79), Card(ordinal=1)])})
    assert [gpu(m, Quantity.XID, row) for row in (0, 1)] == [79, 0]


async def test_counters_of_memory_links_and_fabric_are_totals_and_rates() -> None:
    def page(errors: int, replays: int) -> str:
        labels = 'gpu="0",UUID="GPU-00000000",Hostname="gpu-node-1"'
        numbers = {
            "DCGM_FI_DEV_ROW_REMAP_FAILURE": 1,
            "DCGM_FI_DEV_ROW_REMAP_PENDING": 1,
            "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": errors,
            "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": 40 + errors,
            "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": replays,
            "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL": replays,
            "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL": BLANK,
            "DCGM_FI_DEV_FABRIC_MANAGER_STATUS": 4,
        }
        return dcgm([Card()]) + "".join(f"{name}{{{labels}}} {value}\n" for name, value in numbers.items())

    rig = Rig()
    await rig.tick({"exporter": page(1, 0)}, after=10.0)
    m = await rig.tick({"exporter": page(3, 30)})
    found = {
        one: gpu(m, one)
        for one in (
            Quantity.ROW_REMAP_FAILED,
            Quantity.ROW_REMAP_PENDING,
            Quantity.MEMORY_ERRORS,
            Quantity.MEMORY_ERROR_RATE,
            Quantity.PCIE_REPLAYS,
            Quantity.LINK_ERRORS,
            Quantity.FABRIC_STATE,
        )
    }
    assert list(found.values()) == pytest.approx([1, 1, 3, 0.2, 3, 3, 4])


async def test_mig_instances_are_gpus_of_their_own_without_utilisation() -> None:
    cards = [Card(instance=i, profile="1g.10gb", pod=f"small-{i}", utilisation=40.0) for i in ("7", "8")]
    m = await Rig().tick({"exporter": dcgm(cards)})
    assert [g.key for g in m.gpus] == ["GPU-00000000/7", "GPU-00000000/8"]
    assert [(g.pod, g.profile) for g in m.gpus] == [("small-7", "1g.10gb"), ("small-8", "1g.10gb")]
    assert math.isnan(gpu(m, Quantity.GPU_UTIL))
    assert gpu(m, Quantity.SM_ACTIVE) == pytest.approx(0.4)


async def test_sm_active_is_preferred_where_it_is_exported() -> None:
    page = dcgm([Card()])
    line = next(line for line in page.splitlines() if "GR_ENGINE" in line)
    better = line.replace("GR_ENGINE_ACTIVE", "SM_ACTIVE").rpartition(" ")[0] + " 0.6\n"
    m = await Rig().tick({"exporter": page + better})
    assert gpu(m, Quantity.SM_ACTIVE) == 0.6


@pytest.mark.parametrize("spelling", ["Hostname", "hostname", "node"])
async def test_the_node_is_found_under_its_spellings(spelling: str) -> None:
    m = await Rig().tick({"exporter": dcgm([Card()], node="n7", host=spelling)})
    assert m.gpus[0].node == "n7"


async def test_where_the_exporters_pod_is_known_so_is_its_node_whatever_it_calls_its_host() -> None:
    page = dcgm([Card()]).encode()

    async def fetch(path: str) -> bytes:
        return page

    source = ScrapeSource()
    for node in ("n1", "n2"):
        target = ScrapeTarget("gpu-operator", "exporter", "/metrics", fetch=fetch, node=node)
        assert [gpu.node for gpu in (await source.measure([target], EPOCH)).gpus] == [node]


async def test_the_names_of_the_first_exporters() -> None:
    page = (
        'dcgm_gpu_temp{gpu="0",uuid="GPU-1",pod_name="chat-0",pod_namespace="llm"} 55\n'
        'dcgm_gpu_utilization{gpu="0",uuid="GPU-1",pod_name="chat-0",pod_namespace="llm"} 30\n'
    )
    m = await Rig().tick({"exporter": page})
    assert m.gpus == (GpuId("GPU-1", "", "", "0", "llm", "chat-0"),)
    assert gpu(m, Quantity.GPU_UTIL) == pytest.approx(0.3)


async def test_reasons_of_lowered_clocks_are_words() -> None:
    m = await Rig().tick({"exporter": dcgm([Card(mask=0x4 | 0x20), Card(ordinal=1, mask=0x1), Card(ordinal=2)])})
    assert m.throttle_reasons == {"GPU-00000000": ("power cap", "thermal (software)"), "GPU-00000001": ()}
    assert throttle_reasons(math.nan) == throttle_reasons(BLANK) == ()


SCRAPED = {"UUID": "GPU-1", "gpu": "0", "Hostname": "n1", "namespace": "monitoring", "pod": "x-dcgm-exporter-abc"}


def test_exported_labels_name_the_workload() -> None:
    labels = SCRAPED | {"exported_namespace": "llm", "exported_pod": "chat-0"}
    assert _gpu_id(labels, exported=True)[4:6] == ("llm", "chat-0")


@pytest.mark.parametrize("exported", [True, False])
def test_the_exporters_own_pod_holds_no_gpu(exported: bool) -> None:
    assert _gpu_id(SCRAPED, exported=exported)[4:6] == ("", "")


def test_a_free_gpu_of_an_exporter_with_another_name_is_free_where_labels_are_exported() -> None:
    assert _gpu_id(SCRAPED | {"pod": "gpu-metrics-7"}, exported=True)[4:6] == ("", "")


def test_honoured_labels_name_the_workload() -> None:
    assert _gpu_id(SCRAPED | {"namespace": "llm", "pod": "chat-0"})[4:6] == ("llm", "chat-0")


def without(page: str, *names: str) -> str:
    return "".join(line for line in page.splitlines(keepends=True) if not any(name in line for name in names))


@pytest.mark.parametrize(
    ("missing", "extra", "total"),
    [
        ((), None, 81000),
        (("FB_FREE",), None, None),
        (("FB_USED",), None, None),
        (("FB_FREE",), 81920, 81920),
        ((), 81920, 81920),
        (("FB_FREE", "FB_USED"), 81920, 81920),
    ],
)
async def test_the_total_is_what_the_exporter_calls_it_or_the_sum_of_all_its_parts(
    missing: tuple[str, ...], extra: float | None, total: float | None
) -> None:
    page = dcgm([Card()])
    line = next(line for line in page.splitlines() if "FB_FREE" in line).rpartition(" ")[0]
    page = without(page, *missing)
    if extra is not None:
        page += line.replace("FB_FREE", "FB_TOTAL") + f" {extra:g}\n"
    found = gpu(await Rig().tick({"exporter": page}), Quantity.GPU_MEMORY_TOTAL)
    assert (None if math.isnan(found) else found / MIB) == total


async def test_a_card_that_pods_share_in_time_is_one_gpu_with_its_own_numbers() -> None:
    pods = ("chat-0", "chat-1", "chat-2")
    m = await Rig().tick({"exporter": "".join(dcgm([Card(pod=pod)]) for pod in pods)})
    assert [g.key for g in m.gpus] == ["GPU-00000000"]
    assert m.gpus[0].holders == tuple(("llm", pod) for pod in pods)
    assert gpu(m, Quantity.GPU_POWER) == 412.5
    assert gpu(m, Quantity.GPU_MEMORY_TOTAL) == 81000 * MIB


async def test_a_gpu_is_one_where_some_of_its_series_lack_the_pod() -> None:
    named, unnamed = dcgm([Card(pod="chat-0")]), dcgm([Card(xid=79)])
    page = without(named, "XID", "GPU_TEMP") + "".join(
        line + "\n" for line in unnamed.splitlines() if "XID" in line or "GPU_TEMP" in line
    )
    m = await Rig().tick({"exporter": page})
    assert [(g.key, g.holders) for g in m.gpus] == [("GPU-00000000", (("llm", "chat-0"),))]
    assert gpu(m, Quantity.XID) == 79
    assert gpu(m, Quantity.GPU_TEMPERATURE) == 61
    assert gpu(m, Quantity.GPU_MEMORY_USED) == 70000 * MIB


def test_a_query_counts_what_is_of_a_whole_card_once_for_all_its_parts() -> None:
    series = Series("llm", "chat-0")
    power, memory = (instant(one, series, 60.0) for one in (Quantity.GPU_POWER, Quantity.GPU_MEMORY_USED))
    assert "GPU_I_ID" not in power
    assert power.startswith("sum (max by (UUID,")
    assert "GPU_I_ID" in memory, "its parts have a memory each"
    each = each_query(CurveQuestion(Quantity.GPU_POWER, series, TimeRange(60.0, 15.0, 5), 60.0))
    assert "GPU_I_ID" in each

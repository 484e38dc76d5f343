"""Decoding of answers into rows: labels that distinguish engines, GPUs named once, long answers in parts."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Sequence

import orjson
import pytest
from aiohttp import web

from fleet.metrics.answers import Labels, Sample
from fleet.metrics.engine_numbers import EngineNumbers
from fleet.metrics.engine_rows import EngineRows, EngineSeries
from fleet.metrics.engines.vllm import VLLM
from fleet.metrics.expressions import DIALECT, GONE, STAMP
from fleet.metrics.gpu_answers import Gpus
from fleet.metrics.promql import TAG
from fleet.model.measurement import Table
from fleet.model.problem import SourceProblem
from fleet.model.quantity import Quantity
from fleet.sources.prometheus import answer
from tests.fleet.metrics.fake_prometheus import LABELS, SEEN, Fake, measure

AT = 1_795_220_000.0
GPU = {"UUID": "GPU-1", "Hostname": "n1", "gpu": "0"}


def _seen(tag: str = STAMP, **labels: str) -> Sample:
    return {DIALECT: "vLLM", **LABELS, **labels}, AT - 5, tag


def _labels(found: Sequence[Sample]) -> list[Labels]:
    return [{**labels, TAG: tag} if tag else labels for labels, _, tag in found]


def _values(found: Sequence[Sample]) -> list[float]:
    return [value for _, value, _ in found] + [math.nan]


def _engines(*seen: Sample) -> EngineRows:
    return EngineSeries(_labels(seen)).rows(_values(seen))


def _numbers(rows: EngineRows, *found: Sample) -> Table:
    ages = array("d", [0.0]) * len(rows.ids)
    return EngineNumbers(rows.placing, _labels(found)).read(_values(found), ages, {})[0]


def _gpus(found: Sequence[Sample]) -> tuple[Gpus, Table]:
    gpus = Gpus(_labels(found))
    return gpus, gpus.read(_values(found), AT)[0]


def test_engines_with_addresses_of_their_own_are_known_by_them() -> None:
    engines = _engines(_seen(), _seen(pod="q", instance="10.0.0.2:8000"))
    assert engines.series.key == ("instance", "model_name", "engine")
    key = {"model_name": "chat", "engine": "0"}
    numbers = [({**key, "instance": f"10.0.0.{n}:8000"}, 10.0 * n, "generation_tokens_per_second") for n in (1, 2, 3)]
    assert [engine.pod for engine in engines.ids] == ["p", "q"]
    assert list(_numbers(engines, *numbers).columns[Quantity.GENERATION_TOKENS]) == [10, 20]


@pytest.mark.parametrize(
    ("other", "needed"),
    [({"pod": "q"}, "pod"), ({"namespace": "b"}, "namespace"), ({"job": "again"}, "job")],
)
def test_a_shared_address_takes_the_label_that_tells(other: dict[str, str], needed: str) -> None:
    engines = _engines(_seen(), _seen(**other))
    assert set(engines.series.key) == {needed, "instance", "model_name", "engine"}


def test_an_engine_that_ended_at_an_address_keeps_its_rates_from_the_one_that_is_there_now() -> None:
    engines = _engines(_seen(), _seen(GONE, pod="before"))
    assert "pod" in engines.series.key
    assert [engine.pod for engine in engines.ids] == ["p"]
    before = {name: LABELS[name] for name in engines.series.key} | {"pod": "before"}
    assert not _numbers(engines, (before, 9.0, "generation_tokens_per_second")).columns


def test_a_gauge_that_names_no_model_is_about_the_engine_of_its_process() -> None:
    engines = _engines(_seen(), _seen(engine="1"))
    info = {"__name__": "vllm:cache_config_info", "instance": LABELS["instance"], "engine": "1"}
    table = _numbers(engines, ({**info, "num_gpu_blocks": "10", "block_size": "16"}, 1.0, ""))
    column = table.columns[Quantity.KV_CAPACITY]
    assert math.isnan(column[0])
    assert column[1] == 160


def test_a_gpu_that_pods_share_is_one_gpu_that_all_of_them_hold() -> None:
    found: list[Sample] = [({**GPU, "exported_pod": pod}, AT - 7, STAMP) for pod in ("a", "b")]
    found.append(({"UUID": "GPU-1", "__name__": "DCGM_FI_DEV_GPU_TEMP"}, 61.0, ""))
    gpus, table = _gpus(found)
    assert [[pod for _, pod in gpu.holders] for gpu in gpus.ids] == [["a", "b"]]
    assert list(table.columns[Quantity.GPU_TEMPERATURE]) == [61]
    assert list(table.ages) == [7]


def test_a_gpu_whose_pod_only_some_series_name_is_one_gpu_held_by_that_pod() -> None:
    seen: list[Sample] = [(GPU, AT, STAMP), ({**GPU, "exported_pod": "a"}, AT - 3, STAMP)]
    gpus, table = _gpus([*seen, ({"UUID": "GPU-1", "__name__": "DCGM_FI_DEV_XID_ERRORS"}, 79.0, "")])
    assert [[pod for _, pod in gpu.holders] for gpu in gpus.ids] == [["a"]]
    assert list(table.columns[Quantity.XID]) == [79]


def test_exporters_of_one_store_may_be_scraped_with_and_without_their_own_labels() -> None:
    """One keeps the workload's pod (honor_labels); of the other, that is renamed, and a plain pod is its own."""

    def card(uuid: str, **labels: str) -> Sample:
        return {"UUID": uuid, "Hostname": "n1", "gpu": uuid[-1], **labels}, AT, STAMP

    own = {"namespace": "gpu-operator", "pod": "exporter-x"}
    gpus, _ = _gpus(
        [
            card("GPU-1", namespace="serving", pod="chat-0"),
            card("GPU-2", exported_namespace="serving", exported_pod="chat-1", **own),
            card("GPU-3", **own),
        ]
    )
    assert [gpu.holders for gpu in gpus.ids] == [(("serving", "chat-0"),), (("serving", "chat-1"),), ()]


@pytest.mark.parametrize("spelling", ["UUID", "uuid", "gpu_uuid"])
def test_numbers_find_their_gpu_however_its_uuid_is_spelt(spelling: str) -> None:
    whose = {"Hostname": "n1", "gpu": "0"}
    found: list[Sample] = [({**whose, spelling: "GPU-1"}, AT, STAMP), (whose, AT, STAMP)]
    found += [({spelling: "GPU-1", "__name__": "dcgm_gpu_temp"}, 50.0, ""), ({"__name__": "dcgm_gpu_temp"}, 9.0, "")]
    gpus, table = _gpus(found)
    assert [gpu.uuid for gpu in gpus.ids] == ["GPU-1"]
    assert list(table.columns[Quantity.GPU_TEMPERATURE]) == [50]
    assert gpus.example == {spelling: "GPU-1", "__name__": "dcgm_gpu_temp"}


@pytest.mark.parametrize(
    ("labels", "tokens"),
    [
        ({}, 160),
        ({"sliding_window": "None", "mamba_block_size": "None", "mamba_cache_mode": "none"}, 160),
        ({"mamba_block_size": "8576", "mamba_cache_mode": "all"}, None),
        ({"sliding_window": "1024"}, None),
        ({"sliding_window": "1024", "kv_cache_size_tokens": "9000"}, 9000),
    ],
)
def test_blocks_make_a_capacity_only_where_every_layer_keeps_whole_sequences(
    labels: dict[str, str], tokens: float | None
) -> None:
    engines = _engines(_seen())
    info = {"__name__": "vllm:cache_config_info", "instance": LABELS["instance"], "engine": "0"}
    table = _numbers(engines, ({**info, "num_gpu_blocks": "10", "block_size": "16", **labels}, 1.0, ""))
    column = table.columns.get(Quantity.KV_CAPACITY)
    assert (None if column is None or math.isnan(column[0]) else column[0]) == tokens
    assert set(labels) <= set(VLLM.value_labels()), "Prometheus is asked for every label that decides"


async def test_a_long_answer_is_the_same_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = '"result":[ },{"metric":{ \\ é'
    pods = [f"pod-{number}" for number in range(50)] + [odd]
    fake = Fake({"timestamp(vllm": [(SEEN | {"pod": pod}, str(time.time())) for pod in pods]}, warnings=("late",))
    monkeypatch.setattr(answer, "_SLICE", 300)
    m = await measure(fake)
    assert sorted(engine.pod for engine in m.engines) == sorted(pods)
    assert m.notes == ("late",)


async def test_a_part_that_is_broken_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(request: web.Request) -> web.Response | None:
        if request.query["query"] == "time()":
            return None
        result = [{"metric": SEEN, "value": [1, "1"]}] * 20
        body = orjson.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})
        return web.Response(body=body.replace(b'"engine":"0"', b'"engine":?', 2))

    monkeypatch.setattr(answer, "_SLICE", 300)
    with pytest.raises(SourceProblem, match="not Prometheus'"):
        await measure(Fake(reply=broken))

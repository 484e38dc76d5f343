"""Provenance of the numbers of a row, and the query that is copied to get the same number elsewhere."""

from __future__ import annotations

import subprocess
from dataclasses import replace

from console.commands.command import ScreenId
from console.config.options import Options
from console.views.provenance import provenance_of, row_of
from fleet.metrics.ingredients import metrics_behind
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from tests.console.screens.desk import desk
from tests.console.screens.worst import WORST, healthy
from tests.fleets import make_snapshot

SNAPSHOT = make_snapshot()


def scraped(pod: str) -> Snapshot:
    """The same fleet, read by the console itself, with a pod that answers at a port of its own."""
    found = SNAPSHOT.pods[pod]
    answers = replace(
        found, ip="10.0.0.7", phase="Running", annotations={"prometheus.io/port": "9400", "prometheus.io/path": "/m"}
    )
    serving = replace(answers, serving=replace(answers.serving, engine="vLLM"))
    return replace(SNAPSHOT, method="scrape", measured_by={}, pods={**SNAPSHOT.pods, pod: serving})


async def test_a_row_lists_its_numbers_with_their_source_and_enter_copies_the_query() -> None:
    pod = healthy(SNAPSHOT)
    async with desk(SNAPSHOT) as d:
        d.grid.move_to(pod)
        await d.press("number_sign")
        assert d.screen.where is ScreenId.NUMBERS
        name = SNAPSHOT.pods[pod].name
        assert f"numbers of {name}" in d.text
        row = d.line_with("KV cache in use ")
        value = SNAPSHOT.by_pod.value(pod, Quantity.KV_USAGE)
        assert f" {value:.0%} " in row
        assert " prometheus " in row
        d.grid.move_to("kv")
        await d.press("enter")
        assert "kv_cache_usage_perc{" in d.app.clipboard
        assert f'"{name}"' in d.app.clipboard
        assert "label_replace" not in d.app.clipboard, "a number, and no tags"
        shown = "".join(line.strip() for line in d.lines)
        assert d.app.clipboard[:300] in shown, "the whole query is below the table"
        await d.press("escape")
        assert d.fleet.grid.cursor == pod


async def test_the_number_that_a_table_is_sorted_by_is_two_keys_away() -> None:
    async with desk(SNAPSHOT) as d:
        d.grid.move_to(WORST)
        await d.press("T", "ctrl+g")
        assert d.screen.where is ScreenId.NUMBERS
        assert d.grid.cursor == "ttft"
        await d.press("ctrl+g")
        assert d.app.clipboard.startswith("histogram_quantile(0.95")
        await d.press("down")
        await d.deliver(replace(SNAPSHOT, sequence=SNAPSHOT.sequence + 1))
        assert d.grid.cursor == "itl", "from then on the cursor is the person's"


async def test_of_a_gpu_it_is_the_number_of_that_gpu() -> None:
    gpu = next(iter(SNAPSHOT.gpus))
    async with desk(SNAPSHOT) as d:
        await d.press("o")
        d.grid.move_to(gpu)
        await d.press("H", "ctrl+g", "ctrl+g")
        assert f"numbers of {SNAPSHOT.gpus[gpu].node} GPU {SNAPSHOT.gpus[gpu].ordinal}" in d.text
        assert SNAPSHOT.gpus[gpu].uuid in d.app.clipboard
        assert "GPU_TEMP" in d.app.clipboard


async def test_where_nothing_is_measured_it_says_so_and_what_has_no_number_opens_nothing() -> None:
    async with desk(SNAPSHOT, options=Options(read_only=True)) as d:
        await d.command("sources")
        await d.press("ctrl+g")
        assert "there is no query for this: nothing is under the cursor" in d.screen.message_text


def test_what_is_read_directly_says_which_metrics_and_where_and_copies_what_reads_them() -> None:
    pod = healthy(SNAPSHOT)
    snapshot = scraped(pod)
    numbers = provenance_of(snapshot, pod)
    kv = next(one for one in numbers if one.key == row_of(numbers, Quantity.KV_USAGE))
    assert kv.source == "scrape"
    assert kv.shown == "vllm:kv_cache_usage_perc, vllm:gpu_cache_usage_perc at http://10.0.0.7:9400/m"
    namespace, name = pod.split("/")
    path = f"/api/v1/namespaces/{namespace}/pods/{name}:9400/proxy/m"
    wanted = "'^(vllm:kv_cache_usage_perc|vllm:gpu_cache_usage_perc)'"
    assert kv.query == f"kubectl --context prod-eu1 get --raw {path} | grep -E {wanted}"


async def test_the_message_names_a_command_a_command_and_a_query_a_query() -> None:
    pod = healthy(SNAPSHOT)
    for snapshot, copied in ((SNAPSHOT, "copied its query: "), (scraped(pod), "copied its command: kubectl ")):
        async with desk(snapshot) as d:
            d.grid.move_to(pod)
            await d.press("#")
            await d.press("enter")
            assert d.screen.message_text.startswith(copied)


def test_the_pattern_finds_the_metric_and_not_its_neighbours() -> None:
    pod = healthy(SNAPSHOT)
    numbers = provenance_of(scraped(pod), pod)
    waiting = next(one for one in numbers if one.key == "waiting")
    page = 'vllm:num_requests_waiting{a="b"} 3\n# HELP vllm:num_requests_waiting x\nvllm:num_requests_running 2\n'
    grep = waiting.query.partition("|")[2].strip()
    found = subprocess.run(["sh", "-c", grep], input=page, capture_output=True, text=True, check=True)
    assert found.stdout == 'vllm:num_requests_waiting{a="b"} 3\n'


def test_the_metrics_of_percentiles_and_ratios_are_those_they_are_made_of() -> None:
    assert metrics_behind(Quantity.TTFT_P95, ["vLLM"]) == ("vllm:time_to_first_token_seconds",)
    assert metrics_behind(Quantity.PREFIX_HIT_RATIO, ["vLLM"])[:1] == ("vllm:prefix_cache_hits_total",)
    assert not metrics_behind(Quantity.SLEEP_LEVEL, ["TGI"])

"""Sources of the numbers, and the joins between them that could not be made."""

from __future__ import annotations

from dataclasses import replace

from fleet.model.snapshot import GpuUse, Health, Join, SourceStatus, Unmatched
from tests.console.screens.desk import SIZES, desk
from tests.console.screens.worst import healthy
from tests.fleets import NOW, make_snapshot, ticked


async def test_sources_tell_since_when_what_is_wrong_and_what_to_do() -> None:
    down = SourceStatus(
        "prometheus",
        Health.DOWN,
        NOW - 300,
        NOW - 300,
        "401 Unauthorized",
        "write a new token to the file of bearer_token_file",
        "https://prometheus.example.com",
        ("3 targets do not answer",),
    )
    snapshot = make_snapshot()
    async with desk(replace(snapshot, sources=(snapshot.sources[0], down))) as d:
        await d.command("sources")
        assert "since 14:08" in d.line_with("■ prometheus  down")
        assert "14:08, 5m ago" in d.line_with("last answer")
        assert "401 Unauthorized" in d.line_with("problem")
        assert "bearer_token_file" in d.line_with("what to do")
        assert "3 targets do not answer" in d.text
        assert await d.deliver(replace(snapshot, sources=(snapshot.sources[0], down), sequence=2)) == 0


async def test_a_first_look_says_how_far_it_has_come_until_it_is_whole() -> None:
    snapshot = make_snapshot()
    part = SourceStatus("kubernetes", Health.STARTING, NOW - 3, progress="1,500 of ~5,000 pods")
    async with desk(replace(snapshot, sources=(part,)), size=(160, 40)) as d:
        assert "1,500 of ~5,000 pods" in d.lines[0]
        await d.command("sources")
        assert "1,500 of ~5,000 pods" in d.line_with("so far")
        await d.deliver(replace(snapshot, sequence=2))
        assert "5,000 pods" not in d.text


async def test_joins_that_could_not_be_made_are_listed() -> None:
    snapshot = make_snapshot()
    pod = healthy(snapshot)
    unmatched = (*snapshot.unmatched, Unmatched(Join.POD_WITHOUT_METRICS, pod, "port 8000 is closed"))
    async with desk(replace(snapshot, unmatched=unmatched), size=(190, 40)) as d:
        assert "3 could not be joined" in d.lines[2]
        assert "pod without metrics" in d.line_with(pod[-9:])
        await d.command("joins")
        assert "instance 10.0.9.9:8000 is no pod's address" in d.line_with("metrics without a pod")
        assert "port 8000 is closed" in d.line_with("pod without metrics")


@SIZES
async def test_why_an_object_could_not_be_joined_is_read_whole(size: tuple[int, int]) -> None:
    snapshot = make_snapshot()
    pod = healthy(snapshot)
    both = {
        Join.POD_WITHOUT_METRICS: "ready, but no engine metrics name it",
        Join.POD_WITHOUT_GPU_METRICS: "holds 4, no GPU metrics name it",
    }
    unmatched = (*(Unmatched(join, pod, why) for join, why in both.items()), *snapshot.unmatched)
    async with desk(replace(snapshot, unmatched=unmatched), size=size) as d:
        await d.command("joins")
        row = d.line_with(pod[-6:])
        assert "pod without any metrics" in row
        whole = ", ".join(both.values())
        assert whole in (row if size[0] >= 120 else d.lines[-2])
        assert d.text.count(whole) == 1
        await d.press("down")
        assert whole not in d.lines[-2]
        d.screen.say("a message")
        await d.settle()
        assert "a message" in d.lines[-2], "before what is cut"


async def test_hidden_screens_draw_nothing_and_catch_up_when_they_come_back() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        grid = d.fleet.grid
        await d.command("sources")
        drawn = grid.lines_drawn
        for i in range(5):
            await d.deliver(ticked(snapshot, seed=i))
        assert grid.lines_drawn == drawn
        await d.press("escape")
        assert grid.lines_drawn > drawn


async def test_a_free_gpu_is_no_trouble() -> None:
    snapshot = make_snapshot()
    gpu = next(iter(snapshot.gpus))
    free = {**snapshot.gpus, gpu: snapshot.gpus[gpu]._replace(pod="", namespace="")}
    unmatched = (Unmatched(Join.GPU_WITHOUT_POD, gpu, "free"),)
    async with desk(replace(snapshot, gpus=free, gpu_use={gpu: GpuUse.FREE}, unmatched=unmatched)) as d:
        assert "joined" not in d.text


async def test_the_sources_say_how_old_the_numbers_are_and_how_to_measure_at_once() -> None:
    snapshot = make_snapshot()
    async with desk(replace(snapshot, measured_at=snapshot.at - 13)) as d:
        await d.command("sources")
        assert "10s ago; :refresh measures now" in " ".join(d.text.split())

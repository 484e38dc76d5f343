"""Drawing of the fleet screen: at every size, with names from outside, in ASCII, and its header."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from console.config.options import Options
from fleet.model.objects import ModelVersion
from fleet.model.snapshot import Assessment
from tests.console.screens.desk import desk
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot
from themes.glyphs import ASCII
from themes.look import Look


async def test_read_only_is_in_the_header() -> None:
    async with desk(make_snapshot()) as d:
        assert "read-write" in d.lines[0]
    async with desk(make_snapshot(), options=Options(read_only=True)) as d:
        assert "READ-ONLY" in d.lines[0]


async def test_production_is_in_the_header_as_configured() -> None:
    for patterns, marked in ((("prod-*",), True), (("live-*",), False)):
        async with desk(make_snapshot(), options=Options(production=patterns)) as d:
            assert ("PRODUCTION" in d.lines[0]) is marked


async def test_80_by_24_keeps_what_a_person_needs() -> None:
    async with desk(make_snapshot(), size=(80, 24)) as d:
        for title in ("READY", "WAIT", "KV %", "TTFT95", "GPU%", "°C"):
            assert title in d.lines[3]
        assert "OOMKilled ×17" in next(line for line in d.lines[4:] if "-00015-" in line)
        await d.press("right")
        assert "TOK/S" in d.lines[3]
        assert "ITL95" in d.lines[3]


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40)])
@pytest.mark.parametrize("desired", [6, 20, 363, 3630])
async def test_how_many_are_ready_of_how_many_is_never_cut(size: tuple[int, int], desired: int) -> None:
    snapshot = make_snapshot()
    large = replace(snapshot.workloads[WORST], desired=desired, ready=desired - 1)
    async with desk(replace(snapshot, workloads={**snapshot.workloads, WORST: large}), size=size) as d:
        assert f" {desired - 1}/{desired} " in d.lines[4]
        assert size[0] < 80 or "REASON" in d.lines[3]
        assert d.lines[3].index("READY") + len("READY") == d.lines[4].index(f"/{desired}") + len(f"/{desired}")


async def test_a_workload_that_is_scaled_beyond_the_column_widens_it() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        large = replace(snapshot.workloads[WORST], desired=120)
        await d.deliver(replace(snapshot, workloads={**snapshot.workloads, WORST: large}))
        assert " 5/120 " in d.lines[4]
        await d.press("Y")
        assert "READY" in d.lines[3]


@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40), (250, 70)])
async def test_every_size_shows_the_worst_first(size: tuple[int, int]) -> None:
    async with desk(make_snapshot(), size=size) as d:
        assert len(d.lines) == size[1]
        assert all(len(line) == size[0] for line in d.lines)
        assert "■ mixtral" in d.lines[1]
        assert "■" in d.lines[4]


async def test_a_wide_screen_shows_what_is_under_the_cursor_beside_the_table() -> None:
    async with desk(make_snapshot(), size=(250, 70)) as d:
        assert "WHERE THE TIME GOES" in d.text
        await d.press("down")
        pod = d.grid.cursor
        assert pod is not None
        assert d.text.count(pod.rpartition("/")[2]) >= 2


async def test_a_storm_of_resizes_ends_in_a_whole_screen() -> None:
    async with desk(make_snapshot()) as d:
        for width, height in ((40, 10), (250, 70), (1, 1), (80, 24), (3, 200), (120, 40)):
            await d.pilot.resize_terminal(width, height)
        await d.settle()
        assert "■ mixtral-8x22b: OOMKilled" in d.lines[1]
        assert "help" in d.lines[39]


async def test_names_from_outside_do_nothing() -> None:
    evil = "[red]\x1b[31mq\x1b]0;title\x07w\u202een"
    snapshot = make_snapshot()
    workload = replace(snapshot.workloads[WORST], version=ModelVersion(image=f"x/y:{evil}"))
    models = {k: replace(m, name=evil) for k, m in snapshot.models.items()}
    pods = {k: replace(p, name=evil, node=evil) for k, p in snapshot.pods.items()}
    reasons = {k: Assessment(a.severity, evil) for k, a in snapshot.assessments.items()}
    changed = replace(
        snapshot, models=models, pods=pods, assessments=reasons, workloads={**snapshot.workloads, WORST: workload}
    )
    async with desk(changed, size=(250, 70)) as d:
        assert "[red]qwen" in d.text
        everything = "".join(d.app.written)
        assert "\x1b[31m" not in everything
        assert "title" not in everything
        assert "\u202e" not in everything


async def test_ascii_and_no_colour() -> None:
    async with desk(make_snapshot(), look=Look(glyphs=ASCII, no_color=True)) as d:
        assert d.text.isascii()
        assert "X mixtral-8x22b" in d.lines[1]
        # What may follow ESC [ before the m: attributes, and the terminal's own two colours.
        codes = {c for run in re.findall(r"\x1b\[([\d;]*)m", "".join(d.app.written)) for c in run.split(";")}
        assert codes <= {"", "0", "1", "2", "4", "7", "39", "49"}

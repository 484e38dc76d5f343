"""The reason and the trend of a row: each in a column of its own, at every width."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, GpuUse, Join
from tests.console.screens.desk import desk
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot
from themes.palette import Role

WHY = "KV cache full, preempts 4.1/s"


@dataclass(frozen=True)
class Growing:
    """A history in which every queue grows."""

    step: float = 15.0
    backfilled: int = 0
    seen: int = 60
    """Number of points that are known."""

    def strip(self, key: str, quantity: Quantity, points: int) -> tuple[float, ...]:
        del key, quantity
        return tuple(float(point) for point in range(points))[-self.seen :]


@pytest.mark.parametrize("size", [(120, 40), (160, 40), (200, 60), (250, 70)])
async def test_the_strip_of_a_sick_row_stands_where_that_of_a_healthy_one_does(size: tuple[int, int]) -> None:
    snapshot = replace(make_snapshot(), history=Growing())
    values = {key: Assessment(Severity.OK) for key in snapshot.assessments} | {WORST: Assessment(Severity.WARNING, WHY)}
    async with desk(replace(snapshot, assessments=values), size=size) as d:
        sick, healthy = d.lines[4], next(line for line in d.lines[5:] if "embed" in line or "llama" in line)
        assert "▃▄" in sick
        assert sick.index("▃▄") == healthy.index("▃▄")
        assert d.lines[3].index("15M WAIT") <= sick.index("▃▄")
        assert d.lines[3].index("REASON") == sick.index(WHY[:8])


async def test_a_short_history_takes_its_part_of_the_quarter_of_an_hour_and_not_all_of_it() -> None:
    async with desk(replace(make_snapshot(), history=Growing(seen=12)), size=(120, 40)) as d:
        strip = d.lines[4].split()[-1]
        assert strip == "▅▅", "three of fifteen minutes are two of ten cells"


@pytest.mark.parametrize("size", [(200, 60), (250, 70)])
async def test_on_a_wide_screen_no_reason_is_cut(size: tuple[int, int]) -> None:
    snapshot = replace(make_snapshot(), history=Growing())
    values = dict(snapshot.assessments) | {WORST: Assessment(Severity.WARNING, WHY)}
    async with desk(replace(snapshot, assessments=values), size=size) as d:
        assert any(WHY in line for line in d.lines[4:12])


async def test_the_reason_has_a_fifth_of_the_page_before_less_important_columns_come() -> None:
    for width, least in ((80, 16), (120, 23), (160, 31)):
        async with desk(make_snapshot(), size=(width, 30)) as d:
            column = next(placed for placed in d.grid._layout(width).placed if placed.column.id == "reason")
            assert column.width >= least


async def test_what_is_asleep_is_dim_from_its_name_to_its_numbers() -> None:
    snapshot = make_snapshot()
    asleep = [key for key, one in snapshot.assessments.items() if one.severity is Severity.ASLEEP]
    workload = next(key for key in asleep if key in snapshot.workloads)
    async with desk(snapshot) as d:
        model = d.fleet._table.model_of(snapshot, d.fleet.query_)
        for row in (model.row(workload), model.row(snapshot.pods_of[workload][0])):
            of = {column.id: cell for column, cell in zip(model.columns, row.cells, strict=True)}
            for column in ("name", "run", "wait", "kv", "tok", "ttft", "gpu"):
                spans = [span for span in of[column].draw(12, "right", d.grid.glyphs) if span.text.strip()]
                assert {span.role for span in spans} <= {Role.ASLEEP, Role.DIM, Role.UNKNOWN, Role.STALE}, column


async def test_a_free_gpu_is_no_join_that_failed() -> None:
    snapshot = make_snapshot()
    alone = next(entry.key for entry in snapshot.unmatched if entry.join is Join.GPU_WITHOUT_POD)
    for use, is_listed in ((GpuUse.UNKNOWN, True), (GpuUse.FREE, False)):
        async with desk(replace(snapshot, gpu_use={alone: use})) as d:
            await d.command("joins")
            assert "ghost" in d.text
            assert (alone in d.text) is is_listed


async def test_on_the_smallest_screen_the_reason_of_a_row_is_read_without_turning_the_page() -> None:
    snapshot = make_snapshot()
    sick = {**snapshot.assessments, WORST: Assessment(Severity.CRITICAL, "stuck: requests running")}
    async with desk(replace(snapshot, assessments=sick), size=(40, 10)) as d:
        d.grid.move_to(WORST)
        await d.settle()
        assert "REASON" not in d.text
        assert d.lines[-2].startswith(" stuck: requests running")
        await d.press("G")
        assert "stuck" not in d.lines[-2]


async def test_nodes_that_differ_at_the_end_of_their_names_do_so_in_the_column() -> None:
    snapshot = make_snapshot()
    pods = {key: replace(pod, node=f"pool-h100-eu-west-1-{pod.name}") for key, pod in snapshot.pods.items()}
    async with desk(replace(snapshot, pods=pods), size=(200, 60)) as d:
        key = snapshot.pods_of[WORST][0]
        d.grid.move_to(key)
        await d.settle()
        assert d.line_with(key[-9:]).count(key[-9:]) == 2

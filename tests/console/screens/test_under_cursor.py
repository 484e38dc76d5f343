"""The free lines below the table: the row on which the cursor rests, where there is room for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from console.screens import under_cursor
from console.views.under_cursor import HEIGHTS, height_of
from fleet.model.objects import ObjectRef
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Snapshot
from fleet.timeline.entry import Entry, EntryKind, Evidence, Weight
from fleet.timeline.kinship import Kinship
from fleet.timeline.timeline import Timeline
from tests.console.screens.desk import Desk, desk
from tests.console.screens.scripted import ScriptedSession
from tests.console.screens.worst import WORST
from tests.fleets import NOW, make_snapshot
from themes.glyphs import ASCII
from themes.look import Look

LONG = "KV cache full, preempts 4.1/s, and the queue grows by two requests in every second"


@dataclass(frozen=True)
class Growing:
    """A history in which everything grows, to another height in each row."""

    step: float = 15.0
    backfilled: int = 0

    def strip(self, key: str, quantity: Quantity, points: int) -> tuple[float, ...]:
        del quantity
        return tuple(len(key) * point / points for point in range(points))


def growing(snapshot: Snapshot | None = None) -> Snapshot:
    return replace(snapshot or make_snapshot(), history=Growing())


def block(d: Desk) -> list[str]:
    """The lines of it that are on the screen."""
    start = next((y for y, line in enumerate(d.lines) if line.startswith(("── ", "-- "))), None)
    return [] if start is None else [line for line in d.lines[start:-2] if line.strip()]


@pytest.mark.parametrize(("size", "plots"), [((100, 30), 3), ((120, 40), 4), ((200, 60), 6)])
async def test_where_rows_leave_room_the_row_under_the_cursor_is_shown(size: tuple[int, int], plots: int) -> None:
    values = {**make_snapshot().assessments, WORST: Assessment(Severity.CRITICAL, LONG)}
    async with desk(growing(make_snapshot()), size=size) as d:
        await d.deliver(growing(replace(make_snapshot(), sequence=2, assessments=values)))
        await d.until(lambda: bool(block(d)))
        assert WORST.rpartition("/")[2] in block(d)[0]
        assert LONG[:60] in block(d)[0], "the whole reason, however narrow its column"
        titles = ("waiting", "KV cache", "TTFT p95", "generated", "GPU", "running")
        assert [title for title in titles if f"{title} up to" in block(d)[1]] == list(titles[:plots])
        assert len({len(line) for line in d.lines}) == 1


@dataclass(frozen=True)
class Idle(Growing):
    """A history of nothing but zeros."""

    def strip(self, key: str, quantity: Quantity, points: int) -> tuple[float, ...]:
        del key, quantity
        return (0.0,) * points


async def test_plots_of_nothing_but_zeros_are_one_line() -> None:
    async with desk(replace(make_snapshot(), history=Idle()), size=(120, 40)) as d:
        await d.until(lambda: bool(block(d)))
        assert "waiting up to 0" in block(d)[1]
        assert not [line for line in block(d) if "14m ago" in line], "no axis, since there is no curve"


async def test_on_a_tall_screen_the_times_of_its_requests_have_the_room_that_no_plot_needs() -> None:
    async with desk(growing(), size=(200, 60)) as d:
        await d.until(lambda: bool(block(d)))
        axis = next(y for y, line in enumerate(block(d)) if "14m ago" in line)
        assert axis < 10
        for title in (" LATENCY", " WHERE THE TIME GOES"):
            assert any(line.startswith(title) for line in block(d)[axis:]), title


@pytest.mark.parametrize("size", [(99, 40), (120, 29), (80, 24)])
async def test_on_a_smaller_screen_there_is_nothing(size: tuple[int, int]) -> None:
    async with desk(growing(make_snapshot(pods_per=2)), size=size) as d:
        await d.deliver(growing(replace(make_snapshot(pods_per=2), sequence=2)))
        assert block(d) == []


async def test_it_costs_nothing_while_the_fleet_fills_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(*_: object, **__: object) -> list[object]:
        raise AssertionError("nothing of it is to be worked out")

    monkeypatch.setattr("console.views.under_cursor.under_cursor_lines", drawn)
    monkeypatch.setattr(under_cursor, "REST", 0.01)
    monkeypatch.setattr(under_cursor, "ASK_AFTER", 0.01)
    session = ScriptedSession()
    async with desk(growing(make_snapshot(4, 60)), session=session) as d:
        await d.press("down", "down", "up")
        await d.deliver(growing(replace(make_snapshot(4, 60), sequence=2, at=NOW + 60)))
        assert block(d) == []
    assert not [asked for asked in session.asked if asked[0] == "timeline"]


async def test_it_follows_when_the_cursor_rests_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_cursor, "REST", 3600.0)
    async with desk(growing()) as d:
        await d.until(lambda: bool(block(d)))
        before = block(d)
        await d.press("down", "down", "down")
        assert block(d) == before, "it says whose it is, and stays until the cursor rests"
        monkeypatch.setattr(under_cursor, "REST", 0.01)
        await d.press("down")
        cursor = d.grid.cursor
        assert cursor is not None
        await d.until(lambda: cursor.rpartition("/")[2] in block(d)[0])
        assert len(block(d)) == len(before)


async def test_a_tick_paints_of_it_only_what_changed() -> None:
    snapshot = growing()
    async with desk(snapshot) as d:
        await d.until(lambda: bool(block(d)))
        assert await d.deliver(replace(snapshot, sequence=2, at=NOW + 2)) == 0
        shown = block(d)
        # Another point of the strips: the same numbers are the same picture.
        await d.deliver(replace(snapshot, sequence=3, at=NOW + 16))
        assert block(d)[1:] == shown[1:]


def happened(*entries: Entry) -> Timeline:
    kin = Kinship()
    return Timeline(NOW - 6 * 3600, NOW, entries, kin)


async def test_what_happened_to_it_stands_below_the_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_cursor, "ASK_AFTER", 0.01)
    monkeypatch.setattr(under_cursor, "REST", 0.01)
    snapshot = growing()
    workload = snapshot.workloads[WORST]
    ref = ObjectRef(workload.kind, workload.namespace, workload.name)
    rollout = Entry(NOW - 60, 1.0, EntryKind.CHANGE, "revision 4: image a → b", ref, (Evidence("x", "y"),))
    other = replace(rollout, about=ObjectRef("Deployment", "serving", "another"), what="of another", weight=Weight.BAD)
    with_uid = {key: replace(one, uid=one.uid or f"uid-{key}") for key, one in snapshot.workloads.items()}
    session = ScriptedSession(happened=happened(rollout, other))
    async with desk(replace(snapshot, workloads=with_uid), session=session) as d:
        await d.until(lambda: "revision 4: image a → b" in d.text)
        assert "of another" not in d.text
        for key in ("}", "{"):
            await d.press(key)
        await d.until(lambda: "revision 4: image a → b" in d.text)
    # All rows are told from one answer.
    assert [asked[1] for asked in session.asked if asked[0] == "timeline"] == [snapshot.cluster.id]


async def test_of_a_large_cluster_the_past_is_not_read_unbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_cursor, "ASK_AFTER", 0.01)
    monkeypatch.setattr(under_cursor, "MOST_PODS", 10)
    session = ScriptedSession()
    async with desk(growing(), session=session) as d:
        await d.until(lambda: bool(block(d)))
        await d.deliver(growing(replace(make_snapshot(), sequence=2)))
    assert not [asked for asked in session.asked if asked[0] == "timeline"]


async def test_it_is_drawn_in_ascii_where_there_is_nothing_else() -> None:
    async with desk(growing(), look=Look(ASCII)) as d:
        await d.until(lambda: bool(block(d)))
        assert all(line.isascii() for line in d.lines)


def test_it_stands_apart_and_seldom_changes_its_height() -> None:
    assert [height_of(free) for free in (0, 8, 9, 11, 12, 14, 15, 20, 21, 28, 80)] == [
        0,
        0,
        8,
        8,
        11,
        11,
        14,
        14,
        20,
        20,
        28,
    ]
    assert sorted(HEIGHTS, reverse=True) == list(HEIGHTS)


async def test_the_first_numbers_come_first_and_are_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_cursor, "UNMEASURED", 3600.0)
    async with desk(growing(replace(make_snapshot(), measured_at=None))) as d:
        assert block(d) == []
        await d.deliver(growing(replace(make_snapshot(), sequence=2)))
        await d.until(lambda: bool(block(d)))
    monkeypatch.setattr(under_cursor, "UNMEASURED", 0.01)
    async with desk(growing(replace(make_snapshot(), measured_at=None))) as d:
        await d.until(lambda: bool(block(d)))


async def test_what_happened_in_one_cluster_is_not_told_of_the_same_name_in_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(under_cursor, "ASK_AFTER", 0.01)
    monkeypatch.setattr(under_cursor, "REST", 0.01)
    snapshot = growing()
    there = replace(snapshot, sequence=2, cluster=replace(snapshot.cluster, context="staging"))
    kind, name = WORST.split("/")[1:]
    about = ObjectRef(kind, "serving", name)
    evidence = (Evidence("its generation", "4"),)
    entry = Entry(snapshot.at - 60, 1.0, EntryKind.CHANGE, "image vllm:1 to vllm:2", about, evidence)
    session = ScriptedSession(happened=Timeline(NOW - 3600, NOW, (entry,), Kinship()))
    async with desk(snapshot, session=session, size=(120, 40)) as d:
        await d.until(lambda: "image vllm:1 to vllm:2" in d.text)
        session.happened = Timeline(NOW - 3600, NOW, (), Kinship())
        await d.deliver(there)
        assert "image vllm:1 to vllm:2" not in d.text
        await d.until(lambda: session.asked[-1][:2] == ("timeline", there.cluster.id) and bool(block(d)))
        assert "image vllm:1 to vllm:2" not in d.text

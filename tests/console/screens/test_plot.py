"""The screen of plots: its keys, the mouse, its queries to the store, and the message if there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pytest

from console.session.failure import SessionError
from console.views.plot_page import Layer, PlotPage, plot_lines
from console.views.plot_quantities import PLOTTED, plotted_of
from console.views.series import series_of
from fleet.model.curve import Curve, CurveQuestion, time_range
from fleet.model.objects import ClusterId, ObjectRef
from fleet.model.quantity import Quantity
from fleet.timeline.entry import Entry, EntryKind, Evidence, Weight
from fleet.timeline.kinship import Kinship
from fleet.timeline.timeline import Timeline
from tests.console.screens.desk import SIZES, desk
from tests.console.screens.scripted import ScriptedSession, rising
from tests.console.screens.worst import WORST
from tests.fleets import NOW, make_snapshot
from themes.glyphs import ASCII, UNICODE, Glyphs
from themes.look import Look
from widgets.chart import AXIS
from widgets.chart_view import ChartView

HOUR = 3600.0
NO_STORE = SessionError("no metrics store answers here", "name one with --prometheus URL")


@dataclass(frozen=True)
class Kept:
    """A history of twenty points."""

    step: float = 15.0
    backfilled: int = 0

    def strip(self, key: str, quantity: Quantity, points: int) -> tuple[float, ...]:
        del key, points
        return tuple(range(20)) if quantity is Quantity.WAITING else ()


def questions(session: ScriptedSession) -> list[CurveQuestion]:
    return [asked[1] for asked in session.asked if isinstance(asked[1:2], tuple) and asked[0] == "curve"]  # type: ignore[misc]


@SIZES
async def test_a_key_plots_what_is_under_the_cursor(size: tuple[int, int]) -> None:
    session = ScriptedSession()
    async with desk(make_snapshot(), session=session, size=size) as d:
        await d.press("v")
        await d.until(lambda: "metrics store, every" in d.text)
        assert "requests waiting" in d.text
        assert WORST.rpartition("/")[2] in d.lines[1]
        (asked,) = questions(session)
        assert asked.quantity is Quantity.WAITING
        assert asked.range.points <= 2 * size[0]
        assert asked.range.end % asked.range.step == 0
        assert NOW - asked.range.step < asked.range.end <= NOW
        await d.press("escape")
        assert d.fleet.grid.cursor == WORST


async def test_other_quantities_and_other_spans_are_one_key_away() -> None:
    session = ScriptedSession()
    async with desk(make_snapshot(), session=session) as d:
        await d.press("v", "j", "j", "j")
        await d.until(lambda: "p50 to p99" in d.text)
        assert questions(session)[-1].band == (Quantity.TTFT_P50, Quantity.TTFT_P99)
        for key, span in (("2", HOUR), ("3", 6 * HOUR), ("4", 24 * HOUR), ("5", 7 * 24 * HOUR)):
            await d.press(key)
            asked = questions(session)[-1]
            assert asked.range.seconds == pytest.approx(span, rel=0.05)
            assert asked.range.points <= 2 * 120
        await d.press("k", "k", "k", "k")
        assert [plot.title for plot in PLOTTED if not plot.of_gateways][-1] in d.text


async def test_a_plot_can_be_asked_for_by_name_and_others_are_refused_with_what_there_is() -> None:
    async with desk(make_snapshot()) as d:
        await d.command("plot ttft")
        await d.until(lambda: "time to first token p95" in d.text)
        await d.press("escape")
        await d.command("plot kv_cache_usage")
        await d.until(lambda: "KV cache in use" in d.text)
        await d.command("plot nonsense")
        assert "no plot 'nonsense'; choose one of waiting, running, kv" in d.text


async def test_an_earlier_moment_is_laid_over_it() -> None:
    session = ScriptedSession()
    async with desk(make_snapshot(), session=session) as d:
        await d.press("v", "c")
        await d.until(lambda: "an hour ago" in d.text)
        now, before = questions(session)[-2:]
        assert now.range.end - before.range.end == HOUR
        await d.press("c")
        await d.until(lambda: "yesterday" in d.text)
        assert questions(session)[-2].range.end - questions(session)[-1].range.end == 24 * HOUR
        await d.press("c", "c")
        assert "ago" not in d.lines[2]


async def test_two_that_are_marked_are_laid_over_each_other() -> None:
    session = ScriptedSession()
    snapshot = make_snapshot()
    one, other = snapshot.pods_of[WORST][:2]
    async with desk(snapshot, session=session) as d:
        for key in (one, other):
            d.grid.move_to(key)
            await d.press("space")
        await d.press("v")
        await d.until(lambda: len(questions(session)) == 2)
        assert {one.rpartition("/")[2] in d.lines[2], other.rpartition("/")[2] in d.lines[2]} == {True}
        assert all(question.series.is_one for question in questions(session))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_two_long_names_leave_room_for_both_values_and_keep_their_ends(width: int, glyphs: Glyphs) -> None:
    moments = time_range(NOW, 900.0, 60, 15.0)
    plot = next(one for one in PLOTTED if one.quantity is Quantity.TTFT_P95)
    flat = (7.0,) * moments.points
    layers = tuple(
        Layer(
            f"{'mixtral-8x22b-instruct-' * 3}{end}",
            Curve(plot.quantity, moments, (value,) * moments.points, flat, flat),
        )
        for end, value in (("4hpw5", 11.0), ("k68qr", 13.0))
    )
    page = PlotPage(("a", "b"), plot, "15m", moments, layers, pointer=moments.end)
    lines = plot_lines(page, width, 24, glyphs)
    legend, reading = ("".join(span.text for span in line.spans) for line in (lines[1], lines[-1]))
    for text in (legend, reading):
        assert len(text.rstrip()) <= width
        assert [part in text for part in ("4hpw5 11.0s", "k68qr 13.0s")] == [True, True]
        assert (glyphs.ellipsis in text) is (width < 200)
    assert ("p50 to p99" in legend) is (width == 200)


async def test_what_happened_to_either_of_two_is_marked_and_the_worst_of_a_column_is_seen() -> None:
    snapshot = make_snapshot()
    one, other = snapshot.pods_of[WORST][:2]
    evidence = (Evidence("x", "y"),)

    def entry(key: str, weight: Weight, at: float) -> Entry:
        ref = snapshot.ref("Pod", "serving", key.rpartition("/")[2])
        return Entry(at, 1.0, EntryKind.CHANGE, f"{weight} of it", ref, evidence, weight=weight)

    class Each(ScriptedSession):
        async def timeline(self, of: ObjectRef | ClusterId, since: float) -> Timeline:
            await super().timeline(of, since)
            assert isinstance(of, ObjectRef)
            mine = [entry(one, Weight.BAD, NOW - 300)] if one.endswith(of.name) else []
            theirs = [entry(other, Weight.GOOD, NOW - 299), entry(other, Weight.GOOD, NOW - 600)]
            return Timeline(since, NOW, tuple(mine or theirs), Kinship())

    session = Each()
    async with desk(snapshot, session=session, look=Look(ASCII)) as d:
        for key in (one, other):
            d.grid.move_to(key)
            await d.press("space")
        await d.press("v")
        await d.until(lambda: "bad of it" in d.text and "good of it" in d.text)
        axis = next(line for line in d.lines if line.lstrip().startswith("+---"))
        assert (axis.count("!"), axis.count("o")) == (1, 1)
        asked = len([each for each in session.asked if each[0] == "timeline"])
        await d.deliver(replace(snapshot, sequence=2, at=NOW + 30))
        assert len([each for each in session.asked if each[0] == "timeline"]) == asked
        # A rollout may start while the plot is open.
        await d.deliver(replace(snapshot, sequence=3, at=NOW + 61))
        await d.until(lambda: len([each for each in session.asked if each[0] == "timeline"]) == asked + 2)


async def test_the_pointer_reads_values_by_keys_and_by_the_mouse() -> None:
    session = ScriptedSession()
    async with desk(make_snapshot(), session=session) as d:
        await d.press("v")
        await d.until(lambda: "metrics store, every" in d.text)
        await d.press("left")
        end = questions(session)[-1].range.end
        assert " 100" in d.line_with(_clock(end))
        await d.press("left")
        assert _clock(end - 15) in d.text
        await d.press("shift+left")
        assert _clock(end - 165) in d.text
        # The first column of the chart is the begin of the range.
        await d.pilot.click(ChartView, offset=(AXIS, 10))
        await d.settle()
        assert " 0" in d.line_with(_clock(questions(session)[-1].range.start))
        await d.press("escape")
        assert "metrics store, every" in d.text, "escape takes the pointer away first"
        # A drag reads while the button is down, not only once it is released.
        await d.pilot.mouse_down(ChartView, offset=(AXIS + 20, 10))
        await d.pilot.hover(ChartView, offset=(AXIS, 10))
        await d.settle()
        assert " 0" in d.line_with(_clock(questions(session)[-1].range.start))
        await d.pilot.mouse_up(ChartView, offset=(AXIS, 10))
        await d.press("escape")
        await d.press("escape")
        assert d.fleet.grid.cursor == WORST


def _clock(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


async def test_without_a_store_there_is_what_the_console_kept_and_it_says_since_when() -> None:
    session = ScriptedSession(lacks_store=NO_STORE)
    async with desk(replace(make_snapshot(), history=Kept()), session=session) as d:
        await d.press("v")
        await d.until(lambda: "no metrics store answers here" in d.text)
        assert "kept here: since" in d.text
        assert "0 to 19" in d.lines[2]
        await d.press("j")
        await d.until(lambda: "there is no recording of it" in d.text)


async def test_the_smallest_terminal_shows_the_curve_and_not_only_where_its_numbers_are_from() -> None:
    session = ScriptedSession(curves=lambda question: replace(rising(question), is_recorded=True))
    async with desk(make_snapshot(), size=(40, 10), session=session) as d:
        await d.press("v")
        await d.until(lambda: "kept by the console" in d.text)
        assert any("┤" in line for line in d.lines), d.text
    # Not even where no store answers, as long as the console has kept something.
    snapshot = replace(make_snapshot(), history=Kept())
    async with desk(snapshot, size=(40, 10), session=ScriptedSession(lacks_store=NO_STORE)) as d:
        await d.press("v")
        await d.until(lambda: "kept here" in d.text)
        assert any("┤" in line for line in d.lines), d.text


async def test_what_the_console_kept_is_drawn_as_that_where_no_store_answers() -> None:
    def curve(question: CurveQuestion) -> Curve:
        found = rising(question)
        if question.range.seconds < HOUR:
            return replace(found, is_recorded=True)
        return replace(found, values=(math.nan,) * len(found.values))

    session = ScriptedSession(curves=curve)
    async with desk(make_snapshot(), session=session) as d:
        await d.press("v")
        await d.until(lambda: "kept by the console since" in d.text)
        assert "no metrics store answers here" in d.text
        assert "0 to 100" in d.text
        assert questions(session)[0].key == WORST
        # A store that is minutes old also answers for a week, without data.
        await d.press("5")
        await d.until(lambda: "metrics store, every" in d.text)


async def test_what_happened_is_marked_and_told_below() -> None:
    ref = make_snapshot().ref("Deployment", "serving", "x")
    entry = Entry(
        NOW - 300, 1.0, EntryKind.CHANGE, "revision 4: image a → b", ref, (Evidence("x", "y"),), weight=Weight.BAD
    )
    timeline = Timeline(NOW - 900, NOW, (entry,), Kinship())
    session = ScriptedSession(happened=timeline)
    async with desk(make_snapshot(), session=session, look=Look(ASCII)) as d:
        await d.press("v")
        await d.until(lambda: "revision 4" in d.text)
        axis = next(line for line in d.lines if line.lstrip().startswith("+---"))
        assert "!" in axis
        assert all(line.isascii() for line in d.lines)


async def test_a_tick_asks_again_only_when_the_store_has_another_point() -> None:
    session = ScriptedSession()
    snapshot = make_snapshot()
    async with desk(snapshot, session=session) as d:
        await d.press("v")
        await d.until(lambda: "metrics store, every" in d.text)
        await d.deliver(replace(snapshot, sequence=2, at=NOW + 2))
        assert len(questions(session)) == 1
        await d.deliver(replace(snapshot, sequence=3, at=NOW + 31))
        await d.until(lambda: len(questions(session)) == 2)


async def test_an_unchanged_tick_writes_nothing() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        await d.press("v")
        await d.until(lambda: "metrics store, every" in d.text)
        assert await d.deliver(replace(snapshot, sequence=2)) == 0


def test_a_workload_is_all_the_pods_that_it_ever_had_and_no_others() -> None:
    import re

    snapshot = make_snapshot()
    series = series_of(snapshot, WORST)
    assert series is not None
    for pod in snapshot.pods_of[WORST]:
        assert re.fullmatch(series.pods, snapshot.pods[pod].name), pod
    others = [pod for key, pods in snapshot.pods_of.items() if key != WORST for pod in pods]
    assert not any(re.fullmatch(series.pods, snapshot.pods[pod].name) for pod in others)


def test_ranges_have_round_steps_and_no_more_points_than_asked() -> None:
    for seconds in (900, 3600, 21_600, 86_400, 604_800):
        for points in (40, 160, 400):
            found = time_range(NOW, seconds, points, 15.0)
            assert found.points <= points + 1
            assert found.step >= 15
            assert found.end % found.step == 0
            assert found.before(86_400).end == found.end - 86_400


async def test_a_gpu_has_plots_of_its_own_and_a_node_those_of_all_its_gpus() -> None:
    session = ScriptedSession()
    snapshot = make_snapshot()
    gpu = next(iter(snapshot.gpus))
    async with desk(snapshot, session=session) as d:
        await d.press("o")
        d.grid.move_to(gpu)
        await d.press("v")
        await d.until(lambda: "GPU utilisation 1/" in d.text)
        await d.until(lambda: bool(questions(session)))
        assert questions(session)[-1].series.gpu[0] == snapshot.gpus[gpu].uuid
        await d.press("escape")
        node = next(name for name, cards in snapshot.gpus_on.items() if cards)
        d.grid.move_to(node)
        await d.press("v")
        await d.until(lambda: questions(session)[-1].key == node)
        assert set(questions(session)[-1].series.cards) == {snapshot.gpus[card].uuid for card in snapshot.gpus_on[node]}


async def test_over_long_steps_a_short_peak_is_drawn_and_read() -> None:
    def peaked(question: CurveQuestion) -> Curve:
        values = rising(question).values
        return Curve(question.quantity, question.range, values, values, tuple(v + 400 for v in values), is_peak=True)

    session = ScriptedSession(curves=peaked)
    async with desk(make_snapshot(), session=session, size=(120, 40)) as d:
        await d.press("v", "5")
        await d.until(lambda: "mean to peak" in d.text)
        assert questions(session)[-1].peaks
        assert "500" in d.text, "the scale reaches up to the peak"
        await d.press("left")
        await d.until(lambda: "100  peak 500" in d.text)


def test_a_model_is_all_the_workloads_that_serve_it() -> None:
    snapshot = make_snapshot()
    key, model = next((key, model) for key, model in snapshot.models.items())
    whole = series_of(snapshot, key)
    assert whole is not None
    for workload in model.workloads:
        part = series_of(snapshot, workload)
        assert part is not None
        assert set(part.pods.split("|")) <= set(whole.pods.split("|"))
    assert {plot.name for plot in plotted_of(snapshot, key)} >= {"waiting", "ttft"}

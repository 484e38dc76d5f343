"""The first screen: what is wrong is on it without a key, and it stays in place while the fleet moves."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from console.config.options import Options
from fleet.model.coverage import Coverage
from fleet.model.objects import ModelVersion
from fleet.model.snapshot import Assessment, Health, Severity, SourceStatus
from tests.console.screens.desk import desk, fleet
from tests.console.screens.scripted import ScriptedSession
from tests.console.screens.worst import WORST
from tests.fleets import NOW, make_snapshot, ticked, without
from themes.glyphs import ASCII
from themes.look import Look


async def test_which_model_is_in_trouble_and_how_bad_is_it_costs_no_key() -> None:
    async with desk(make_snapshot()) as d:
        worst = d.lines[1]
        assert "■ mixtral-8x22b: OOMKilled ×17" in worst
        assert re.search(r"wait \S+  TTFT95 2\.33s", worst)
        assert "mixtral-8x22b-00015" in worst
        assert "since before" in worst
        assert "■ 1 more" in d.lines[2]
        assert "? 1 more" in d.lines[2]


async def test_since_when_is_exact_for_what_changed_before_our_eyes() -> None:
    first = make_snapshot()
    calm = {key: Assessment(Severity.OK) for key in first.assessments}
    async with desk(replace(first, assessments=calm)) as d:
        assert "4 serving workloads are well" in d.lines[1]
        sick = calm | {WORST: Assessment(Severity.WARNING, "KV cache full, requests wait")}
        await d.deliver(replace(first, at=NOW + 60, assessments=sick))
        assert "since 14:14" in d.lines[1]
        await d.deliver(replace(first, at=NOW + 600, assessments=sick))
        assert "since 14:14" in d.lines[1]


async def test_the_cause_is_under_the_cursor_without_a_key() -> None:
    async with desk(make_snapshot()) as d:
        assert d.grid.cursor == WORST
        pods = [line for line in d.lines if "22b-000" in line][1:]
        assert [line[3] for line in pods] == ["■", "▲", "◐", "●", "●", "●"]
        assert "OOMKilled ×17" in pods[0]


async def test_until_a_key_is_pressed_the_cursor_is_on_what_is_worst() -> None:
    first = make_snapshot()
    calm = {key: Assessment(Severity.OK) for key in first.assessments}
    async with desk(replace(first, assessments=calm)) as d:
        assert d.grid.cursor != WORST
        await d.deliver(first)
        assert d.grid.cursor == WORST


async def test_the_selection_follows_its_object_when_the_order_changes() -> None:
    first = make_snapshot()
    async with desk(first) as d:
        await d.press("down")
        chosen = d.grid.cursor
        assert chosen is not None
        before = d.grid.visible_keys.index(chosen)
        worse = {key: Assessment(Severity.CRITICAL, "stuck") for key in first.assessments if key != chosen}
        await d.deliver(replace(first, assessments=worse | {chosen: Assessment(Severity.OK)}))
        assert d.grid.cursor == chosen
        assert d.grid.visible_keys.index(chosen) != before


async def test_a_selection_that_vanishes_says_so_and_moves_to_its_neighbour() -> None:
    first = make_snapshot()
    async with desk(first) as d:
        await d.press("down")
        chosen = d.grid.cursor
        assert chosen is not None
        await d.deliver(without(first, chosen))
        assert d.grid.cursor in first.pods_of[WORST]
        assert f"{chosen} is gone" in d.text


async def test_in_another_cluster_the_cursor_begins_anew_on_what_is_worst() -> None:
    here = make_snapshot()
    there = make_snapshot(workloads=2)
    there = replace(there, cluster=replace(there.cluster, context="staging"))
    async with desk(here) as d:
        await d.press("down", "down")
        await d.deliver(there)
        assert d.grid.cursor == "serving/Deployment/llama-8b"
        assert "is gone" not in d.text
        assert "staging" in d.lines[0]
        assert "since before" in d.lines[1]


async def test_the_sources_are_asked_about_the_pods_on_the_screen() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        assert d.session.focused[-1] == frozenset(snapshot.pods_of[WORST])
        await d.press("shift+down")
        other = d.grid.cursor
        assert other is not None
        assert d.session.focused[-1] == frozenset(snapshot.pods_of[other])
        asked = len(d.session.focused)
        await d.deliver(ticked(snapshot))
        assert len(d.session.focused) == asked


async def test_back_from_one_pod_the_pods_on_the_screen_are_asked_about_again() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        shown = d.session.focused[-1]
        await d.press("down", "enter")
        assert len(d.session.focused[-1]) == 1
        await d.press("escape")
        assert d.session.focused[-1] == shown


@pytest.mark.parametrize(
    ("typed", "pods"),
    [
        ("00004", {"llama-70b-00004"}),
        ("!llama|qwen", {"mixtral-8x22b"}),
        ("-l app=qwen-32b", {"qwen-32b"}),
        ("-l app!=qwen-32b,app", {"llama-70b", "llama-8b", "mixtral-8x22b"}),
        ("-f mxtrl", {"mixtral-8x22b"}),
        ("OOMK", {"llama-8b-00009", "mixtral-8x22b-00015"}),
    ],
)
async def test_filters(typed: str, pods: set[str]) -> None:
    async with desk(make_snapshot()) as d:
        assert d.desk.snapshot is not None
        await d.press("slash")
        await d.type(typed)
        await d.press("enter")
        groups = d.fleet.grid._model.groups
        names = {d.desk.snapshot.pods[key].name for group in groups for key in group.children}
        assert names
        assert all(any(name.startswith(start) for start in pods) for name in names)
        assert all(any(name.startswith(start) for name in names) for start in pods)


async def test_a_filter_holds_until_esc_and_a_bad_one_is_explained() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("slash")
        await d.type("qwen")
        assert len(d.fleet.grid._model.groups) == 1
        await d.press("enter")
        await d.deliver(ticked(make_snapshot()))
        assert len(d.fleet.grid._model.groups) == 1
        await d.press("escape")
        assert len(d.fleet.grid._model.groups) == 4
        await d.press("slash")
        await d.type("(")
        await d.press("enter")
        assert "no regular expression" in d.text
        assert len(d.fleet.grid._model.groups) == 4


async def test_a_filter_that_is_given_up_leaves_the_one_before() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("slash")
        await d.type("llama")
        await d.press("enter", "slash")
        await d.type("xyz")
        assert "nothing matches" in d.text
        await d.press("escape")
        assert [g.key for g in d.fleet.grid._model.groups] == [
            "serving/Deployment/llama-8b",
            "serving/Deployment/llama-70b",
        ]
        await d.press("j")
        assert d.grid.cursor != "serving/Deployment/llama-8b"


async def test_sorting_by_shift_letters_and_back_to_worst_first() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("N")
        names = [g.key.rpartition("/")[2] for g in d.fleet.grid._model.groups]
        assert names == ["llama-70b", "llama-8b", "mixtral-8x22b", "qwen-32b"]
        await d.press("N")
        assert [g.key.rpartition("/")[2] for g in d.fleet.grid._model.groups] == names[::-1]
        await d.press("T")
        assert "↓TTFT95" in d.text
        times = [re.findall(r"\d\.\d\ds", line)[0] for line in d.lines if "5/6" in line]
        assert times == ["2.50s", "2.42s", "2.33s", "1.50s"]
        await d.press("S")
        assert d.fleet.grid._model.groups[0].key == WORST


async def test_workloads_that_serve_nothing_are_one_key_away() -> None:
    snapshot = make_snapshot()
    some = dict(list(snapshot.model_of.items())[:3])
    async with desk(replace(snapshot, model_of=some)) as d:
        assert len(d.fleet.grid._model.groups) == 3
        await d.press("a")
        assert len(d.fleet.grid._model.groups) == 4
        await d.press("a")
        assert len(d.fleet.grid._model.groups) == 3


async def test_a_cluster_that_serves_nothing_says_what_to_do() -> None:
    async with desk(fleet(model_of={})) as d:
        assert "serves a model" in d.text
        assert "a shows the other 4 workloads" in d.text


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
        assert "OOMKilled ×17" in d.line_with("-00015-").replace(d.lines[1], "")
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
        assert "LAST 15 MINUTES" in d.text
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


@pytest.mark.parametrize("name", ["prometheus", "kubernetes"])
async def test_a_lost_source_is_one_line_and_recovers(name: str) -> None:
    snapshot = make_snapshot()
    down = SourceStatus(
        name, Health.DOWN, NOW - 120, NOW - 120, "does not answer: connection refused", "is it running?"
    )
    others = tuple(source for source in snapshot.sources if source.name != name)
    async with desk(snapshot) as d:
        await d.deliver(replace(snapshot, sources=(*others, down)))
        line = d.lines[1]
        assert f"{name} down since 14:11: does not answer: connection refused" in line
        assert "is it running?" in line
        assert f"{name} ■ down 2m" in d.lines[0]
        assert d.grid.cursor == WORST
        await d.deliver(snapshot)
        assert "connection refused" not in d.text


async def test_before_the_first_snapshot_it_says_where_it_looks() -> None:
    async with desk(session=ScriptedSession(context="prod-eu1", namespace="serving")) as d:
        assert "prod-eu1 › serving" in d.lines[0]
        assert "looking for the fleet" in d.text


async def test_what_is_wrong_and_what_to_do_is_not_cut_at_80_columns() -> None:
    problem = "https://prometheus.monitoring.example.com:9090 refuses the connection on every one of its addresses"
    remedy = "is it running? kubectl -n monitoring get pods; is the port right? quarterdeck doctor"
    down = SourceStatus("prometheus", Health.DOWN, NOW - 60, problem=problem, remedy=remedy)
    snapshot = make_snapshot()
    async with desk(replace(snapshot, sources=(snapshot.sources[0], down)), size=(80, 24)) as d:
        words = " ".join(d.text.split())
        assert f"{problem} → {remedy}" in words
        assert "MODEL · WORKLOAD" in d.text
        await d.pilot.resize_terminal(60, 10)
        await d.settle()
        assert "prometheus down since" in d.lines[1]
        assert any("MODEL" in line for line in d.lines[:6])


async def test_an_empty_fleet_folds_what_it_says() -> None:
    problem = "pods: forbidden. A cluster administrator must grant nobody get, list and watch of pods and of much else"
    sources = (SourceStatus("kubernetes", Health.DEGRADED, NOW, problem=problem, remedy="quarterdeck doctor"),)
    empty = replace(make_snapshot(), pods={}, workloads={}, model_of={}, models={}, pods_of={}, sources=sources)
    async with desk(empty, size=(60, 24)) as d:
        assert problem in " ".join(" ".join(d.lines[5:]).split())


async def test_pods_that_may_not_be_seen_are_not_said_to_be_none() -> None:
    empty = replace(make_snapshot(), pods={}, workloads={}, model_of={}, models={}, pods_of={})
    async with desk(replace(empty, coverage=Coverage(limited={"pods": ()}))) as d:
        assert "which pods there are is not known: you may not list pods" in d.text
        assert "no workloads" not in d.text


async def test_what_starts_is_named_where_nothing_is_wrong() -> None:
    snapshot = make_snapshot()
    calm = {key: Assessment(Severity.OK) for key in snapshot.assessments}
    starts = {WORST: Assessment(Severity.STARTING, "loading")}
    async with desk(replace(snapshot, assessments=calm | starts)) as d:
        assert "◐ mixtral-8x22b: 5 of 6 ready, loading; the others are well" in d.lines[1]

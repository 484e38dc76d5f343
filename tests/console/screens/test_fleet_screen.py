"""The first screen: problems are on it without a key, and it stays in place while the fleet changes."""

from __future__ import annotations

import re
from array import array
from dataclasses import replace

from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment
from tests.console.screens.desk import desk
from tests.console.screens.worst import WORST
from tests.fleets import NOW, make_snapshot, ticked, without


async def test_which_model_is_in_trouble_and_how_bad_is_it_costs_no_key() -> None:
    async with desk(make_snapshot()) as d:
        worst = d.lines[1]
        assert "■ mixtral-8x22b: OOMKilled ×17" in worst
        assert re.search(r"wait \S+  TTFT95 2\.33s", worst)
        assert "mixtral-8x22b-00015" in worst
        assert "or earlier" in worst
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


async def test_the_first_numbers_call_nothing_well_and_date_nothing() -> None:
    first = make_snapshot()
    async with desk(replace(first, assessments={}, incidents=())) as d:
        assert d.lines[1].strip() == "4 serving workloads, not assessed yet"
        assert "well" not in d.text
        await d.deliver(replace(first, at=NOW + 60))
        assert "or earlier" in d.lines[1]


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


async def test_workloads_that_are_equally_well_do_not_take_the_cursor_from_each_other() -> None:
    first = make_snapshot()
    calm = replace(first, assessments={key: Assessment(Severity.OK) for key in first.assessments})
    waiting = calm.by_workload.columns[Quantity.WAITING]
    async with desk(calm) as d:
        resting = d.grid.cursor
        highlighted = len(d.session.focused)
        for at in range(len(waiting.values)):
            queues = array("d", [900.0 if row == at else 0.0 for row in range(len(waiting.values))])
            columns = {**calm.by_workload.columns, Quantity.WAITING: replace(waiting, values=queues)}
            await d.deliver(ticked(replace(calm, by_workload=replace(calm.by_workload, columns=columns))))
            assert d.grid.cursor == resting
        assert d.grid.visible_keys[0] != resting, "the order is another"
        assert len(d.session.focused) == highlighted, "no other pods are asked about"


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
        assert "or earlier" in d.lines[1]


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


async def test_pods_that_stand_alike_are_one_row_and_every_sick_one_has_its_own() -> None:
    first = make_snapshot(workloads=1, pods_per=60)
    (top,) = first.workloads
    well = [key for key in first.pods_of[top] if first.assessments[key] == Assessment(Severity.OK)]
    async with desk(first, size=(80, 40)) as d:
        unlike = len(first.pods_of[top]) - len(well)
        folded = d.line_with(" alike")
        assert f"+{len(well) - 3} alike" in folded
        assert len(d.grid.visible_keys) == 1 + unlike + 3
        sick, chosen = well[-1], d.grid.visible_keys[3]
        assert sick not in d.grid.visible_keys
        d.grid.move_to(chosen)
        worse = {**first.assessments, sick: Assessment(Severity.CRITICAL, "stuck")}
        await d.deliver(replace(first, assessments=worse))
        assert d.grid.cursor == chosen
        assert first.pods[sick].name[-12:] in d.line_with("stuck")
        assert f"+{len(well) - 4} alike" in d.text
        await d.press("G")
        assert d.grid.cursor is None
        await d.press("enter")
        assert " alike" not in d.text
        assert d.grid.cursor in well
        assert d.screen.where == "fleet"


async def test_pods_with_the_same_fault_beyond_the_first_few_and_the_root_are_one_row() -> None:
    first = make_snapshot(workloads=1, pods_per=60)
    (workload,) = first.model_of
    pods = first.pods_of[workload]
    stuck = dict.fromkeys(pods[:30], Assessment(Severity.WARNING, "no free GPU"))
    worse = {pods[30]: Assessment(Severity.CRITICAL, "OOMKilled")}
    rest = dict.fromkeys(pods[31:], Assessment(Severity.OK))
    ready = {key: replace(first.pods[key], ready=key in rest) for key in pods}
    assessments = {**first.assessments, **stuck, **worse, **rest}
    sick = replace(first, pods=ready, unmatched=(), incidents=(), assessments=assessments)
    async with desk(sick, size=(160, 40)) as d:
        folds = [line for line in d.lines if " alike" in line]
        assert [line.split()[1] for line in folds] == [f"+{len(stuck) - 3}", f"+{len(rest) - 3}"]
        assert "no free GPU" in d.lines[d.lines.index(folds[0]) - 1], "it stands below those that it is like"
        assert "OOMKilled" in d.text


async def test_who_asks_for_all_or_for_some_sees_them() -> None:
    first = make_snapshot(workloads=1, pods_per=60)
    async with desk(first, size=(80, 40)) as d:
        assert " alike" in d.text
        await d.press("a")
        assert " alike" not in d.text
        await d.press("a", "W")
        assert " alike" not in d.text


async def test_of_a_model_that_loads_at_once_the_pods_beyond_the_first_few_are_one_row() -> None:
    snapshot = make_snapshot(workloads=1, pods_per=30)
    (workload,) = snapshot.model_of
    pods = snapshot.pods_of[workload]
    loading = dict.fromkeys(pods[:24], Assessment(Severity.STARTING, "loading"))
    rest = dict.fromkeys(pods[24:], Assessment(Severity.OK))
    sick = {pods[0]: Assessment(Severity.CRITICAL, "OOMKilled")}
    ready = {key: replace(snapshot.pods[key], ready=key in rest) for key in pods}
    found = replace(snapshot, pods=ready, unmatched=(), assessments={**snapshot.assessments, **loading, **rest, **sick})
    async with desk(found) as d:
        d.grid.move_to(workload)
        await d.settle()
        rows = d.lines
        at = rows.index(d.line_with("+20 alike"))
        assert "loading" in rows[at - 1]
        assert "loading" not in rows[at + 1], "it stands below those that it is like"
        assert sum("OOMKilled" in row for row in rows) >= 1

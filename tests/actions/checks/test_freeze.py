"""Freeze windows: their times, and their effect on a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from actions.kinds.scale import Scale
from actions.planning.freeze import FreezeWindow, in_words
from actions.planning.plan import Plan, Verdict
from actions.request import Target
from actions.running.runner import PlanRefusedError, refuse
from fleet.model.snapshot import Snapshot
from tests.actions.plans import check, make_plan
from tests.actions.stage import RULES, FakeCluster
from tests.actions.stage import deployment as raw
from tests.fleet.diagnosis.fleets import STUCK, Fleet

WEEKEND = FreezeWindow("weekend", "16:00", "08:00", ("fri",), "Europe/Berlin", 3, "nobody is there")
NIGHT = FreezeWindow("night", "22:00", "06:00")
YEAR = FreezeWindow("year", "2026-12-18T16:00", "2027-01-04T08:00", zone="Europe/Berlin")
SPRING = FreezeWindow("spring", "01:30", "03:30", zone="Europe/Berlin")
"""Through the hour that is not there on 29 March 2026."""


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("window", "moment", "until"),
    [
        (WEEKEND, at("2026-11-27T15:59"), None),
        (WEEKEND, at("2026-11-27T16:00"), at("2026-11-30T08:00")),
        (WEEKEND, at("2026-11-30T07:59"), at("2026-11-30T08:00")),
        (WEEKEND, at("2026-11-30T08:00"), None),
        (WEEKEND, at("2026-10-24T12:00"), at("2026-10-26T08:00")),
        (NIGHT, at("2026-11-27T05:00", "UTC"), at("2026-11-27T06:00", "UTC")),
        (NIGHT, at("2026-11-27T12:00", "UTC"), None),
        (NIGHT, at("2026-11-27T23:00", "UTC"), at("2026-11-28T06:00", "UTC")),
        (YEAR, at("2026-12-24T12:00"), at("2027-01-04T08:00")),
        (YEAR, at("2027-12-24T12:00"), None),
        (SPRING, at("2026-03-29T01:45"), at("2026-03-29T03:30")),
    ],
)
def test_a_window_is_from_its_beginning_to_its_end_in_its_own_time(
    window: FreezeWindow, moment: float, until: float | None
) -> None:
    assert window.until(moment) == until


def test_the_night_in_which_the_clock_is_set_forward_is_an_hour_shorter() -> None:
    assert at("2026-03-29T03:30") - at("2026-03-29T01:30") == 3600
    assert in_words(at("2026-03-30T08:00"), "Europe/Berlin") == "Mon 30 Mar 08:00 CEST"


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"zone": "Europe/Atlantis"}, "there is no time zone 'Europe/Atlantis'"),
        ({"zone": "../../etc/passwd"}, "there is no time zone '../../etc/passwd'"),
        ({"days": ("freitag",)}, "'freitag' is not a day of the week: one of mon, tue, wed, thu, fri, sat, sun"),
        ({"begins": "four"}, "'four' is neither a time of day (16:00) nor a date and time (2026-12-18T16:00)"),
        (
            {"begins": "16:00+01:00"},
            "'16:00+01:00' is neither a time of day (16:00) nor a date and time (2026-12-18T16:00)",
        ),
        ({"begins": "2026-12-18T16:00"}, "one of its ends is a time of day and the other a date and time"),
        ({"begins": "2026-12-18", "ends": "2026-12-18"}, "it ends before it begins"),
    ],
)
def test_what_is_no_window_is_said(changed: dict[str, Any], fault: str) -> None:
    assert list(replace(WEEKEND, **changed).faults()) == [fault]


async def planned(window: FreezeWindow, snapshot: Snapshot | None = None, name: str = "chat-70b") -> Plan:
    stage = FakeCluster(rules=replace(RULES, freezes=(window,)))
    stage.snapshot = snapshot or stage.snapshot
    stage.add(raw(name))
    return await make_plan(Scale(Target("Deployment", "serving", name), 5), stage.context())


NOW_FROZEN = FreezeWindow("release", "2026-01-01", "2027-01-01", why="of the year")


async def test_a_plan_in_a_window_says_so_and_needs_a_reason() -> None:
    plan = await planned(NOW_FROZEN)
    found = check(plan, "freeze")
    assert found.verdict is Verdict.WARN
    assert found.text == "changes are frozen until Fri 01 Jan 00:00 UTC (release): of the year"
    with pytest.raises(PlanRefusedError, match="a reason"):
        refuse(plan, " ", RULES)
    refuse(plan, "INC-7", RULES)


@pytest.mark.parametrize(
    "window", [replace(NOW_FROZEN, namespaces=("batch-*",)), replace(NOW_FROZEN, begins="2026-12-31")]
)
async def test_outside_of_it_nothing_is_said(window: FreezeWindow) -> None:
    plan = await planned(window)
    assert [one.about for one in plan.checks if one.about == "freeze"] == []
    refuse(plan, "", RULES)


async def test_one_that_blocks_refuses() -> None:
    plan = await planned(replace(NOW_FROZEN, blocks=True))
    assert check(plan, "freeze").verdict is Verdict.BLOCK
    with pytest.raises(PlanRefusedError, match="changes are frozen"):
        refuse(plan, "INC-7", RULES)


async def test_a_critical_incident_of_the_target_breaks_it() -> None:
    fleet = Fleet()
    for name in fleet.pods:
        fleet.engines[name] = STUCK
    snapshot = [fleet.at(seconds) for seconds in (0, 60, 120)][-1]
    assert [one.severity for one in snapshot.incidents] == ["critical"]
    frozen = replace(NOW_FROZEN, blocks=True)
    broken = check(await planned(frozen, snapshot, "chat"), "freeze")
    assert broken.verdict is Verdict.WARN
    assert f"exceptions: {snapshot.incidents[0].sentence}" in broken.text
    calm = check(await planned(frozen, replace(snapshot, incidents=()), "chat"), "freeze")
    assert calm.verdict is Verdict.BLOCK

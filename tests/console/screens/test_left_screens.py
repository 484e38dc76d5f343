"""Remains of a closed screen, before the collector of cycles runs.

A closed widget is a cycle, as Textual makes it. The collector runs rarely here, so nothing heavy may be attached to it.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from actions.kinds.scale import Scale
from console.commands.command import ScreenId
from console.config.options import Options
from console.screens.alerts import AlertScreen
from console.screens.incidents import IncidentScreen
from console.screens.timeline import EntryScreen
from fleet.model.listing import ListedColumn, Listing
from fleet.model.objects import ObjectRef
from fleet.model.snapshot import Snapshot
from fleet.timeline.entry import Entry, EntryKind
from tests.console.screens.desk import Desk, desk, fleet
from tests.console.screens.local_session import session
from tests.console.screens.plans import target
from tests.console.screens.scripted import make_plan
from tests.console.screens.test_timeline import KILLED, ROLLOUT, happened
from tests.console.screens.worst import WORST, healthy
from tests.fleets import make_snapshot
from widgets.cells import Number
from widgets.grid import GridRow
from widgets.line import Line
from widgets.line_view import LineStrip
from widgets.log_buffer import LogLine

POD = healthy(make_snapshot())
REF = ObjectRef("Pod", "serving", make_snapshot().pods[POD].name)
HEAVY = (Snapshot, LineStrip, Line, GridRow, Number, LogLine)
"""Types of which a screen has hundreds, or to which hundreds of objects are attached."""


ENTRY = Entry(1.0, 1.0, EntryKind.CHANGE, "replicas 2 → 3", REF, ())


async def _action(d: Desk) -> None:
    service = d.desk.actions.service
    assert service is not None
    if not d.session.acts.states:
        await service.start(make_plan(Scale(target(), 3)), "INC-1", "Apply")
    d.desk.actions.follow(next(iter(d.session.acts.states)))


OPENERS: Mapping[ScreenId, Callable[[Desk], Awaitable[None] | None]] = {
    ScreenId.DETAIL: lambda d: d.desk.pages.open_detail(POD),
    ScreenId.NODES: lambda d: d.desk.pages.open_nodes(None),
    ScreenId.LOGS: lambda d: d.desk.pages.open_logs(POD, previous=False),
    ScreenId.TEXT: lambda d: d.desk.navigator.push(EntryScreen(d.desk, ENTRY)),
    ScreenId.NUMBERS: lambda d: d.desk.pages.open_screen(ScreenId.NUMBERS, POD),
    ScreenId.LISTING: lambda d: d.desk.pages.open_listing("svc", ""),
    ScreenId.DOCUMENT: lambda d: d.desk.pages.open_yaml(REF),
    ScreenId.SOURCES: lambda d: d.desk.pages.open_screen(ScreenId.SOURCES),
    ScreenId.JOINS: lambda d: d.desk.pages.open_screen(ScreenId.JOINS),
    ScreenId.ALERTS: lambda d: d.desk.pages.open_alerts(""),
    ScreenId.ALERT: lambda d: d.desk.navigator.push(AlertScreen(d.desk, "an alert that is over")),
    ScreenId.INCIDENTS: lambda d: d.desk.pages.open_incidents(None),
    ScreenId.INCIDENT: lambda d: d.desk.navigator.push(IncidentScreen(d.desk, "an incident that is over")),
    ScreenId.MONITORING: lambda d: d.desk.pages.open_screen(ScreenId.MONITORING),
    ScreenId.OBJECTIVES: lambda d: d.desk.pages.open_screen(ScreenId.OBJECTIVES),
    ScreenId.TIMELINE: lambda d: d.desk.pages.open_timeline(None),
    ScreenId.PLOT: lambda d: d.desk.pages.open_plot((POD,), ""),
    ScreenId.WHY: lambda d: d.desk.pages.open_why(POD),
    ScreenId.AUDIT: lambda d: d.desk.pages.open_audit(),
    ScreenId.CHOICE: lambda d: d.desk.scope.choose_namespace(),
    ScreenId.HELP: lambda d: d.desk.pages.open_help(),
    ScreenId.PLAN: lambda d: d.desk.actions.open_plan(Scale(target(), 3)),
    ScreenId.ACTION: _action,
    ScreenId.ACTIONS: lambda d: d.desk.actions.open_actions(),
    ScreenId.REVISIONS: lambda d: d.desk.actions.open_revisions(target()),
    ScreenId.CONFIRM: lambda d: d.desk.navigator.confirm("Quit?", ("one action",), "Stay", "Quit", lambda: None),
    ScreenId.LOCAL: lambda d: d.desk.local_pages.open_list(),
    ScreenId.LOCAL_SERVER: lambda d: d.desk.local_pages.open_server("tiny"),
    ScreenId.LOCAL_LOG: lambda d: d.desk.local_pages.open_log("tiny"),
    ScreenId.FORM: lambda d: d.desk.local_pages.open_up("org/tiny"),
    ScreenId.TRY: lambda d: d.desk.local_pages.open_try("tiny"),
    ScreenId.BENCHES: lambda d: d.desk.local_pages.open_benches("tiny"),
}


@pytest.fixture(scope="module")
def alone() -> None:
    """Objects of earlier files, millions at times, are out of sight: each test looks at all of them three times."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def uncollected(alone: None) -> Iterator[None]:
    """No collector comes by."""
    gc.disable()
    yield
    gc.enable()


def _alive() -> Counter[str]:
    return Counter(type(found).__name__ for found in gc.get_objects() if isinstance(found, HEAVY))


async def _visit(d: Desk, where: ScreenId) -> int:
    """Open a screen, have it draw another Snapshot with the line open, and leave it; the number of its objects."""
    awaited = OPENERS[where](d)
    if awaited is not None:
        await awaited
    await d.until(lambda: d.desk.navigator.is_in_front(where))
    await d.deliver(replace(fleet(), sequence=2))
    drawn = sum(_alive().values())
    d.desk.navigator.go_home()
    await d.until(lambda: d.desk.navigator.is_in_front(ScreenId.FLEET))
    await d.deliver(replace(fleet(), sequence=3))
    return drawn


def test_every_screen_that_can_be_left_is_looked_at() -> None:
    assert {*OPENERS} == {*ScreenId} - {ScreenId.FLEET}


@pytest.mark.parametrize("where", OPENERS)
@pytest.mark.usefixtures("uncollected")
async def test_nothing_heavy_of_a_screen_outlives_it(where: ScreenId, tmp_path: Path) -> None:
    made = session("tiny")
    made.log_lines = tuple(f"line {number}" for number in range(200))
    made.happened = happened(ROLLOUT, KILLED)
    made.listings = {"svc": Listing("Service", "services", True, (ListedColumn("Name"),), ())}
    async with desk(fleet(), session=made, options=Options(audit=tmp_path)) as d:
        d.grid.move_to(WORST)
        await _visit(d, where)
        gc.collect()
        before = _alive()
        assert await _visit(d, where) > sum(before.values()), "it had nothing to lose"
        left = _alive() - before
        # What is read of a log when it is given up is in the hands of who reads.
        assert left.total() <= (where is ScreenId.LOGS), left

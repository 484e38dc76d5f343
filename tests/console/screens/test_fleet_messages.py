"""Messages of the fleet screen when something is missing: a source, the first Snapshot, pods, a cause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from console.views.severity_since import SinceTracker
from console.views.summary import summary
from fleet.model.coverage import Coverage
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Health, Snapshot, SourceStatus
from tests.console.screens.desk import desk
from tests.console.screens.scripted import ScriptedSession
from tests.console.screens.worst import WORST
from tests.fleets import NOW, make_snapshot
from themes.glyphs import UNICODE


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
        assert "connecting to the fleet" in d.text


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
        assert d.lines[1].rstrip().endswith("… :sources"), "where the rest is"
        assert any("MODEL" in line for line in d.lines[:6])


@pytest.mark.parametrize("size", [(60, 24), (120, 40), (200, 60), (60, 12)])
async def test_an_outage_of_an_empty_fleet_is_read_once_and_whole(size: tuple[int, int]) -> None:
    problem = "pods: forbidden. A cluster administrator must grant nobody get, list and watch of pods and of much else"
    sources = (SourceStatus("kubernetes", Health.DEGRADED, NOW, problem=problem, remedy="quarterdeck doctor"),)
    empty = replace(make_snapshot(), pods={}, workloads={}, model_of={}, models={}, pods_of={}, sources=sources)
    async with desk(replace(empty, coverage=Coverage(limited={"pods": ()})), size=size) as d:
        assert " ".join(d.text.split()).count(problem) == 1
        assert " ".join(d.text.split()).count("quarterdeck doctor") == 1
        assert "which pods there are is not known" in d.text


async def test_what_is_degraded_does_not_hide_that_there_are_no_workloads() -> None:
    sources = (SourceStatus("kubernetes", Health.DEGRADED, NOW, problem="services may not be listed"),)
    empty = replace(make_snapshot(), pods={}, workloads={}, model_of={}, models={}, pods_of={}, sources=sources)
    async with desk(empty) as d:
        assert d.text.count("services may not be listed") == 1
        assert "no workloads in namespace serving" in d.text


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
        assert "◐ mixtral-8x22b: 5 of 6 ready, loading; the others are healthy" in d.lines[1]


def test_before_the_first_measurement_the_first_line_names_no_fault() -> None:
    snapshot = make_snapshot(workloads=2, pods_per=3)
    unknown = dict.fromkeys((*snapshot.workloads, *snapshot.pods), Assessment(Severity.UNKNOWN, "no metrics"))
    begins = SourceStatus("scrape", Health.STARTING, snapshot.at)
    awaited = replace(snapshot, assessments=unknown, measured_at=None, sources=(begins,))

    def first(seen: Snapshot) -> str:
        return "".join(span.text for span in summary(seen, SinceTracker(), 120, UNICODE)[0].spans)

    assert first(awaited) == " 2 serving workloads, not assessed yet"
    # A pod that crashes is known without any number, and a source that is down will not measure in a moment.
    (top, *_) = snapshot.model_of
    worse = {**unknown, top: Assessment(Severity.CRITICAL, "CrashLoopBackOff")}
    found, others = summary(replace(awaited, assessments=worse), SinceTracker(), 120, UNICODE)
    assert "CrashLoopBackOff" in "".join(span.text for span in found.spans)
    assert "more" not in "".join(span.text for span in others.spans), "that it is not measured yet is no fault"
    assert "no metrics" in first(replace(awaited, sources=(replace(begins, health=Health.DOWN),)))

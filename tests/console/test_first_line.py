"""The first line, the row and the page of an incident agree on what is wrong, and since when."""

from __future__ import annotations

import pytest

from console.views.incidents import incident_lines
from console.views.root_words import root_reason
from console.views.severity_since import SinceTracker, clock
from console.views.side_panel import glance_lines
from console.views.summary import summary
from console.views.under_cursor import HEIGHTS, under_cursor_lines
from fleet.model.snapshot import Snapshot
from tests.fleet.diagnosis.cluster import Cluster, Failure
from tests.fleet.diagnosis.failures import creating, placing, starting, volumes
from themes.glyphs import UNICODE
from widgets.line import Line

FAILURES = (*creating.FAILURES, *placing.FAILURES, *volumes.FAILURES, *starting.FAILURES)


def failing(failure: Failure) -> Snapshot:
    cluster = Cluster(failure.kind)
    cluster.at(-30)
    failure.change(cluster)
    return cluster.diagnosed().snapshot


def text(line: Line) -> str:
    return "".join(span.text for span in line.spans)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda one: one.name)
def test_the_first_line_and_the_row_begin_with_the_cause(failure: Failure) -> None:
    snapshot = failing(failure)
    first, _ = summary(snapshot, SinceTracker(), 400, UNICODE)
    root = snapshot.incidents[0].root
    assert text(first)[2:].startswith(f" llama: {root.words}")
    assert root_reason(snapshot, f"serving/{failure.kind}/chat").startswith(root.words)


def test_a_workload_that_starts_is_told_by_what_keeps_it_and_the_second_line_has_its_counts() -> None:
    failure = next(one for one in volumes.FAILURES if one.cause == "csi-driver-missing")
    first, second = map(text, summary(failing(failure), SinceTracker(), 120, UNICODE))
    assert first.startswith(" ▲ llama: its volume's driver is not on the node, ContainerCreating")
    assert "pod chat-2" in first
    assert second.startswith(" ◐ llama: 3 of 3 ready")


def test_the_first_line_and_the_page_of_the_incident_tell_the_same_minute() -> None:
    snapshot = failing(next(one for one in placing.FAILURES if one.cause == "no-free-gpu"))
    (incident,) = snapshot.incidents
    first, _ = summary(snapshot, SinceTracker(), 400, UNICODE)
    page = "\n".join(map(text, incident_lines(snapshot, incident.key, lambda _: "", 120, UNICODE)))
    assert text(first).rstrip().endswith(f"since {clock(incident.since)}")
    assert f"{clock(incident.since)}, for 10m; known by its condition PodScheduled" in page


@pytest.mark.parametrize("cause", ["csi-driver-missing", "image-architecture-wrong"])
def test_what_is_told_of_the_selected_row_begins_with_the_cause(cause: str) -> None:
    failure = next(one for one in FAILURES if one.cause == cause)
    snapshot = failing(failure)
    words = snapshot.incidents[0].root.words
    for key in ("serving/chat-2", "serving/Deployment/chat"):
        lines = under_cursor_lines(snapshot, key, (), 200, HEIGHTS[0], UNICODE, plots=False)
        title = next(line for line in lines if line.spans)
        assert f"  {words}" in text(title)
        assert f"  {words}" in text(glance_lines(snapshot, key, 200, UNICODE)[0])

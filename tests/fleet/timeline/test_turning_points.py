"""Turning points: changes and onsets, each once, at a moment when they can be seen."""

from __future__ import annotations

from fleet.model.objects import ObjectRef
from fleet.timeline.entry import Entry, EntryKind, Evidence
from fleet.timeline.turning_points import SEEN_BY, turning_points
from tests.fleet.diagnosis.fleets import STUCK, Fleet


def change(at: float, what: str, kind: EntryKind = EntryKind.CHANGE, within: float = 0.0) -> Entry:
    return Entry(at, within, kind, what, ObjectRef("Deployment", "serving", "chat"), (Evidence("it", "says so"),))


def test_what_happens_within_seconds_is_one_and_what_only_follows_is_none() -> None:
    entries = (
        change(1000, "replicas 3 → 5"),
        change(1004, "replicas 5 → 6"),
        change(1010, "pod made", EntryKind.START),
        change(1100, "cordoned", within=20),
        change(1300, "Unhealthy", EntryKind.EVENT),
    )
    found = turning_points(entries, ())
    assert [[one.what for one in point.changes] for point in found] == [
        ["replicas 3 → 5", "replicas 5 → 6"],
        ["cordoned"],
    ]
    assert [point.at for point in found] == [1000 + SEEN_BY, 1120 + SEEN_BY], "by then it can be seen"


def test_the_onset_of_an_incident_is_one_beside_the_change_before_it() -> None:
    fleet = Fleet(3)
    fleet.engines["chat-1"] = STUCK
    fleet.at(0)
    (incident,) = fleet.at(70).incidents
    found = turning_points(
        (change(incident.since - 300, "image v1 → v2"), change(incident.since + 2, "x")), (incident,)
    )
    assert [(len(point.changes), point.onsets) for point in found] == [(1, ()), (1, (incident,))]

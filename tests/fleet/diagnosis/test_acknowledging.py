"""Acknowledged incidents: known on every console, sorted behind the others, until they become worse."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.diagnosis.incidents.acknowledging import GROWN, QUEUE_LEAST, SHIFT, worsened
from fleet.model.acknowledgement import Acknowledgement, Acknowledgements
from fleet.model.facts import Dated, Facts
from fleet.model.finding import Incident
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from tests.fleet.diagnosis.fleets import CHAT, COOL, STUCK, WELL, Fleet, Q, causes, crashing
from tests.fleet.rows import NOW

STUCK_AT_3 = Acknowledgement(
    "mia", NOW + 70, "draining n1", "engine-stuck", ("serving/chat-3",), Severity.CRITICAL, 1, 0.0, ""
)


def told(*acknowledgements: Acknowledgement) -> Facts:
    return Facts({"acknowledgements": Dated(NOW, Acknowledgements(acknowledgements))})


def two() -> Fleet:
    """A replica that hangs, and one that has lost its GPU: both critical."""
    fleet = Fleet(4)
    fleet.gpus["chat-0"] = COOL | {Q.XID: 79.0}
    fleet.of("chat-0", **crashing(NOW - 300))
    fleet.engines["chat-3"] = STUCK
    return fleet


def one_of(snapshot: Snapshot, cause: str) -> Incident:
    return next(one for one in snapshot.incidents if one.root.cause == cause)


def test_it_stays_and_no_longer_takes_the_first_place_from_one_that_nobody_knows_of() -> None:
    fleet = two()
    first, second = fleet.incidents(0, 70)
    assert first.severity is second.severity is Severity.CRITICAL
    known = replace(STUCK_AT_3, cause=first.root.cause, objects=(first.about,), replicas=first.reach.replicas)
    fleet.facts = told(known)
    behind = fleet.at(72).incidents
    assert [one.key for one in behind] == [second.key, first.key]
    assert behind[1].acknowledged is not None
    assert (behind[1].acknowledged.by, behind[1].acknowledged.note, behind[1].is_known) == ("mia", "draining n1", True)
    assert behind[0].acknowledged is None
    fleet.facts = told()
    assert [one.key for one in fleet.at(74).incidents] == [first.key, second.key]


def test_a_milder_one_that_nobody_knows_of_does_not_come_before_it() -> None:
    fleet = Fleet(4)
    fleet.engines["chat-3"] = STUCK
    fleet.gpus["chat-1"] = COOL | {Q.GPU_TEMPERATURE: 99.0}
    fleet.facts = told(STUCK_AT_3)
    assert causes(fleet.incidents(0, 72, 900)) == ["engine-stuck", "gpu-hot"]


def test_a_console_that_begins_later_knows_it_too() -> None:
    later = two()
    later.facts = told(STUCK_AT_3)
    assert one_of(later.at(600), "engine-stuck").is_known, "it was so when the console came, and may be older"
    on_the_next_day = two()
    on_the_next_day.facts = told(STUCK_AT_3)
    assert one_of(on_the_next_day.at(80 + SHIFT), "engine-stuck").acknowledged is None


def test_what_fires_anew_is_another_one() -> None:
    fleet = two()
    fleet.facts = told(STUCK_AT_3)
    assert one_of([fleet.at(at) for at in (0, 70, 72)][-1], "engine-stuck").is_known
    fleet.engines["chat-3"] = WELL
    assert "engine-stuck" not in causes(fleet.incidents(100, 170, 240))
    fleet.engines["chat-3"] = STUCK
    assert one_of([fleet.at(at) for at in (300, 380)][-1], "engine-stuck").acknowledged is None


@pytest.mark.parametrize(
    "other",
    [
        {"cause": "preemptions"},
        {"objects": ("serving/chat-1",)},
        {"server": "https://other"},
        {"cluster_uid": "uid-other"},
    ],
)
def test_another_cause_object_or_cluster_is_not_meant(other: dict[str, object]) -> None:
    fleet = two()
    fleet.facts = told(replace(STUCK_AT_3, **other))  # type: ignore[arg-type]
    fleet.uid = "uid-own"
    assert one_of([fleet.at(at) for at in (0, 72)][-1], "engine-stuck").acknowledged is None


def test_the_same_cluster_at_another_address_is_meant() -> None:
    fleet = two()
    fleet.facts = told(replace(STUCK_AT_3, server="https://through-a-tunnel", cluster_uid="uid-own"))
    fleet.uid = "uid-own"
    assert one_of([fleet.at(at) for at in (0, 72)][-1], "engine-stuck").is_known


def test_one_of_which_more_pods_have_the_same_by_now_is_known_by_any_of_them() -> None:
    fleet = Fleet(8)
    fleet.engines |= dict.fromkeys(("chat-3", "chat-4", "chat-5"), STUCK)
    fleet.facts = told(replace(STUCK_AT_3, replicas=2))
    (incident,) = fleet.incidents(0, 72)
    assert incident.about == CHAT
    assert incident.is_known


def test_it_calls_again_once_it_reaches_clearly_more_and_goes_on_until_it_is_acknowledged_anew() -> None:
    fleet = Fleet(8)
    fleet.engines["chat-3"] = STUCK
    fleet.facts = told(STUCK_AT_3)
    assert fleet.incidents(0, 72)[0].is_known
    fleet.engines |= dict.fromkeys(("chat-4", "chat-5"), STUCK)
    worse = next(one for one in fleet.incidents(80, 160) if one.root.cause == "engine-stuck")
    assert worse.acknowledged is not None
    assert worse.acknowledged.worse == "3 replicas now, 1 then"
    assert not worse.is_known
    fleet.engines |= dict.fromkeys(("chat-4", "chat-5"), WELL)
    again = next(one for one in fleet.incidents(170, 300) if one.root.cause == "engine-stuck")
    assert again.acknowledged is not None
    assert again.acknowledged.worse, "it has called, and nobody has answered"
    fleet.facts = told(replace(STUCK_AT_3, at=NOW + 301))
    assert next(one for one in fleet.incidents(302) if one.root.cause == "engine-stuck").is_known


def test_worse_is_a_higher_severity_clearly_more_replicas_or_a_clearly_longer_queue() -> None:
    fleet = two()
    incident = one_of([fleet.at(at) for at in (0, 72)][-1], "engine-stuck")
    assert worsened(STUCK_AT_3, incident) == ""
    assert worsened(replace(STUCK_AT_3, severity=Severity.WARNING), incident) == "critical now, warning then"
    for then, now, words in ((2, 3, ""), (1, 2, "2 replicas now, 1 then"), (10, 16, "16 replicas now, 10 then")):
        seen = replace(incident, reach=incident.reach._replace(replicas=now))
        assert worsened(replace(STUCK_AT_3, replicas=then), seen) == words, f"more than {GROWN} times as many"
    for queued, waits, longer in (
        (0.0, 99.0, False),
        (0.0, QUEUE_LEAST, True),
        (400.0, 500.0, False),
        (200.0, 1600.0, True),
    ):
        seen = replace(incident, reach=incident.reach._replace(waiting=waits))
        assert bool(worsened(replace(STUCK_AT_3, waiting=queued), seen)) is longer
    assert worsened(replace(STUCK_AT_3, waiting=None), incident) == ""


def test_while_nothing_is_otherwise_the_incidents_are_the_same_objects() -> None:
    fleet = two()
    fleet.facts = told(STUCK_AT_3)
    before = fleet.incidents(0, 72)
    assert fleet.at(74).incidents is before

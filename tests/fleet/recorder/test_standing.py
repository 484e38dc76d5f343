"""A recording that stands still at a moment: the diagnosis is what it was then, and nothing moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleet.model.finding import FindingState
from fleet.model.in_past import is_past
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from fleet.observer import Observer
from fleet.recorder.moment import Moment
from fleet.recorder.playback import RecordedMetrics
from fleet.recorder.playback_at_moment import LEAD, StandingObjects, StandingPlayback
from fleet.recorder.reader import Recording
from fleet.recorder.writer import RecordingWriter
from tests.fleet.diagnosis.fleets import WELL
from tests.fleet.recorder.seen import Plain, statuses
from tests.fleet.rows import NOW, deployment, engine, kube, measurement, pod

STEP = 15.0
TICKS = 100
FULL = 80
"""The tick from which on the replica preempts requests."""


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    """Twenty-five minutes of a replica that preempts requests in the last five."""
    writer = RecordingWriter(tmp_path / "x.qdr", Plain())
    rows = kube([pod("chat-0"), pod("chat-1")], deployment(desired=2))
    for tick in range(TICKS):
        now = NOW + tick * STEP
        ill = WELL | ({Quantity.PREEMPTIONS: 1.1} if tick >= FULL else {})
        numbers = measurement({engine("chat-0"): WELL, engine("chat-1"): ill}, at=now)
        writer.note(Moment(replace(rows, synced=frozenset({"pods"})), statuses(), numbers), now)
    writer.close()
    with Recording(tmp_path / "x.qdr") as opened:
        yield opened


async def at(recording: Recording, moment: float) -> Snapshot:
    """Play up to a moment, and return what is shown of it."""
    playback = StandingPlayback(recording, moment)
    objects = StandingObjects(playback)
    observer = Observer(objects, RecordedMetrics(objects), clock=playback.now, read_only=True)
    for _ in playback.steps():
        await observer.tick()
    assert (await observer.tick()).at == moment, "it stands still"
    return await observer.tick()


async def test_an_incident_has_the_state_that_it_had_then(recording: Recording) -> None:
    before = await at(recording, NOW + FULL * STEP - 1)
    assert before.incidents == ()
    young = await at(recording, NOW + FULL * STEP + 20)
    assert [one.state for one in young.incidents] == [FindingState.PENDING]
    old = await at(recording, NOW + FULL * STEP + 200)
    assert [one.state for one in old.incidents] == [FindingState.FIRING]
    assert old.incidents[0].since == NOW + FULL * STEP


async def test_it_says_that_it_is_the_past_and_that_nothing_may_be_changed(recording: Recording) -> None:
    snapshot = await at(recording, NOW + 100)
    assert is_past(snapshot)
    assert snapshot.cluster.read_only
    status = snapshot.source("past")
    assert status is not None
    assert not status.problem, "no line of the screen is lost to it"


@pytest.mark.parametrize(("moment", "steps"), [(0.0, 1), (25.0, 3), (LEAD + 300.0, LEAD / STEP + 1)])
def test_it_begins_minutes_before_or_with_the_recording(recording: Recording, moment: float, steps: float) -> None:
    played = list(StandingPlayback(recording, NOW + moment).steps())
    assert len(played) == steps
    assert played[-1] == NOW + moment
    assert played == sorted(played)

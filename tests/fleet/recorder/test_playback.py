"""A recording that is played: an Observer of it shows what was, and survives its end and its damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import RECORDER, Health, Snapshot
from fleet.observer import Observer
from fleet.recorder.file import OBJECTS
from fleet.recorder.file_recorder import FileRecorder
from fleet.recorder.playback import NAME, Playback, PlayedBefore, RecordedMetrics, RecordedObjects
from fleet.recorder.problem import RecordingError
from fleet.recorder.reader import Recording
from fleet.recorder.writer import RecordingWriter
from tests.fleet.recorder.seen import BEGAN, STEP, Plain, moments


class Clock:
    """A steady clock that a test turns."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    recorder = RecordingWriter(tmp_path / "x.qdr", Plain())
    for now, moment in moments(40):
        recorder.note(moment, now)
    recorder.close()
    return tmp_path / "x.qdr"


@pytest.fixture
def playback(file: Path, clock: Clock) -> Iterator[Playback]:
    with Recording(file) as recording:
        yield Playback(recording, BEGAN, 10.0, clock)


def observer(playback: Playback) -> Observer:
    objects = RecordedObjects(playback)
    return Observer(objects, RecordedMetrics(objects), clock=playback.now, read_only=True)


def running(snapshot: Snapshot) -> float:
    return snapshot.by_pod.get("serving/chat-1", Quantity.RUNNING).value


async def test_what_was_is_shown_at_the_speed_that_was_asked_for(playback: Playback, clock: Clock) -> None:
    seen, observing = list(moments(40)), observer(playback)
    for number in (0, 3, 17, 39):
        clock.seconds = 100.0 + number * STEP / 10
        snapshot = await observing.tick()
        measured = seen[number][1].measurement
        assert measured is not None
        assert snapshot.at == BEGAN + number * STEP
        assert running(snapshot) == measured.engine_table.columns[Quantity.RUNNING][1]
        assert snapshot.pods.keys() == seen[number][1].state.pods.keys()


async def test_it_says_that_it_is_a_recording_and_that_nothing_may_be_done(playback: Playback, clock: Clock) -> None:
    observing = observer(playback)
    first = (await observing.tick()).sources[0]
    assert (first.name, first.health) == (NAME, Health.DEGRADED)
    assert "2026-11-29 09:00:00 UTC, played 10×: nothing here is live" in first.problem
    clock.seconds += 1e6
    snapshot = await observing.tick()
    assert "its end" in snapshot.sources[0].problem
    assert snapshot.at == playback.recording.last
    assert snapshot.cluster.read_only


async def test_the_strips_show_what_was_before_the_moment_at_which_it_is_begun(file: Path, clock: Clock) -> None:
    seen = list(moments(40))
    with Recording(file) as recording:
        objects = RecordedObjects(Playback(recording, seen[30][0], 0.0, clock))
        keeps = PlayedBefore(file)
        observing = Observer(
            objects, RecordedMetrics(objects), clock=lambda: seen[30][0], recorder=keeps, records_after=0.0
        )
        strip: tuple[float, ...] = ()
        while len(strip) < 2:
            strip = (await observing.tick()).history.strip("serving/chat-1", Quantity.RUNNING, 60)
            await observing.wait_until_recorded()
    measured = [moment.measurement for _, moment in seen[:31] if moment.measurement is not None]
    assert strip == tuple(each.engine_table.columns[Quantity.RUNNING][1] for each in measured)


@pytest.mark.parametrize("gap", [False, True])
async def test_numbers_that_were_kept_more_seldom_than_measured_are_not_old_for_that(
    tmp_path: Path, clock: Clock, gap: bool
) -> None:
    """Measured every second and kept every fifteen, as it is always kept; (``gap``) then nothing for two minutes."""
    writer = RecordingWriter(tmp_path / "s.qdr", Plain(), every=STEP)
    for number, (_, moment) in enumerate(moments(60)):
        at = BEGAN + number + (120.0 if gap and number > 30 else 0.0)
        measurement = moment.measurement
        assert measurement is not None
        writer.note(moment._replace(measurement=replace(measurement, at=at, interval=1.0)), at)
    writer.close()
    with Recording(tmp_path / "s.qdr") as recording:
        playback = Playback(recording, BEGAN, 1.0, clock)
        observing = observer(playback)
        await observing.tick()
        clock.seconds += 14.0
        assert (await observing.tick()).by_pod.get("serving/chat-1", Quantity.RUNNING).state is State.FRESH
        clock.seconds += 60.0
        state = (await observing.tick()).by_pod.get("serving/chat-1", Quantity.RUNNING).state
        assert state is (State.STALE if gap else State.FRESH)


async def test_another_namespace_can_be_looked_at(playback: Playback) -> None:
    observing = observer(playback)
    observing.select_namespace("elsewhere")
    assert (await observing.tick()).cluster.namespace == "elsewhere"


async def test_what_cannot_be_read_on_leaves_what_was_read_and_says_so(file: Path, clock: Clock) -> None:
    with sqlite3.connect(file) as connection:
        last = connection.execute("SELECT max(id) FROM frames WHERE kind = ?", (OBJECTS,)).fetchone()[0]
        connection.execute("UPDATE frames SET data = x'00' WHERE id = ?", (last,))
    connection.close()
    with Recording(file) as recording:
        observing = observer(Playback(recording, BEGAN, 10.0, clock))
        before = await observing.tick()
        clock.seconds += 1e6
        after = await observing.tick()
    assert "cannot be read beyond" in after.sources[0].problem
    assert after.pods.keys() == before.pods.keys()


async def test_a_recording_of_an_observer_is_what_the_observer_showed(file: Path, tmp_path: Path, clock: Clock) -> None:
    """Recorded, played, recorded again, played: the same."""
    again = tmp_path / "again.qdr"
    shown: list[Snapshot] = []
    with Recording(file) as recording:
        playback = Playback(recording, BEGAN, 1.0, clock)
        objects = RecordedObjects(playback)
        keeping = FileRecorder(lambda: RecordingWriter(again, Plain()))
        observing = Observer(objects, RecordedMetrics(objects), clock=playback.now, recorder=keeping, records_after=0.0)
        await observing.tick()
        for number in range(40):
            clock.seconds = 100.0 + number * STEP
            shown.append(await observing.tick())
            await observing.wait_until_recorded()
        keeping.close()
    with Recording(again) as recording:
        for snapshot in shown:
            found = recording.at(snapshot.at)
            assert found.state.pods == snapshot.pods
            assert found.measurement is not None
            assert found.measurement.at == snapshot.measured_at


async def test_a_file_that_cannot_be_written_is_said_once_and_the_observing_goes_on(
    playback: Playback, tmp_path: Path
) -> None:
    opened = []

    def broken() -> RecordingWriter:
        opened.append(1)
        raise RecordingError("no space left on device")

    objects = RecordedObjects(playback)
    observing = Observer(
        objects, RecordedMetrics(objects), clock=playback.now, recorder=FileRecorder(broken), records_after=0.0
    )
    await observing.tick()
    await observing.tick()
    await observing.wait_until_recorded()
    snapshot = await observing.tick()
    await observing.wait_until_recorded()
    (status,) = [source for source in snapshot.sources if source.name == RECORDER]
    assert status.health is Health.DOWN
    assert "nothing is recorded: no space left on device" in status.problem
    assert opened == [1]
    assert snapshot.pods


def test_what_comes_after_the_end_is_not_kept_and_opens_nothing(tmp_path: Path) -> None:
    opened = []

    def open_file() -> RecordingWriter:
        opened.append(1)
        return RecordingWriter(tmp_path / "late.qdr", Plain())

    keeping, ((now, moment), (later, another)) = FileRecorder(open_file), list(moments(2))
    keeping.note(moment, now)
    keeping.close()
    keeping.note(another, later)
    assert opened == [1]
    assert not keeping.statuses()
    with Recording(tmp_path / "late.qdr") as recording:
        assert recording.last == now

"""The permanent recording: one console writes, the others read; any problem is reported, and mended when possible."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fleet.model.quantity import Quantity
from fleet.model.snapshot import Cluster, Health, SourceStatus
from fleet.observer import Observer
from fleet.recorder.cluster_recordings import AGAIN, BUSY_AGAIN, ContinuousRecorder, RecordingPolicy, file_of
from fleet.recorder.moment import Moment
from fleet.recorder.playback import Playback, RecordedMetrics, RecordedObjects
from fleet.recorder.reader import Recording
from fleet.recorder.thinning import Retention
from fleet.recorder.writer import EVERY
from fleet.snapshot.history import STEP
from tests.fleet.recorder import day, kills
from tests.fleet.recorder.seen import BEGAN, Plain, moments
from tests.waiting import PATIENCE

PROD = Cluster("prod/eu-1", "prod", "https://kube.example.com")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "recordings"


def keeping(folder: Path, cluster: Cluster = PROD, bounds: Retention = Retention()) -> ContinuousRecorder:  # noqa: B008 - frozen
    return ContinuousRecorder(RecordingPolicy(folder, bounds, Plain), cluster)


def status(keeps: ContinuousRecorder) -> SourceStatus:
    (found,) = keeps.statuses()
    return found


def test_every_cluster_has_a_file_that_nobody_else_may_read(folder: Path) -> None:
    (now, moment), elsewhere = next(moments(1)), Cluster("prod/eu-1", "prod", "https://other.example.com")
    for cluster in (PROD, elsewhere):
        keeps = keeping(folder, cluster)
        keeps.note(moment, now)
        keeps.close()
    files = sorted(folder.glob("*.qdr"))
    assert files == sorted(file_of(folder, each.context, each.server) for each in (PROD, elsewhere))
    assert all(file.name.startswith("prod-eu-1-") for file in files)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(entry.stat().st_mode) == 0o600 for entry in folder.iterdir())
    with Recording(files[0]) as recording:
        assert recording.about["context"] == "prod/eu-1"


def test_it_says_since_when_it_keeps_and_how_much(folder: Path) -> None:
    keeps = keeping(folder)
    (now, moment), *_ = moments(1)
    assert keeps.statuses() == ()
    keeps.note(moment, now)
    assert status(keeps).health is Health.LIVE
    assert "recorded since 2026-11-29 09:00:00 UTC" in status(keeps).notes[0]
    assert "MiB of at most 200, 24 h" in status(keeps).notes[0]
    assert status(keeps).endpoint == str(keeps.path)
    keeps.close()


def test_it_says_how_coarse_what_is_older_has_become(folder: Path) -> None:
    keeps = keeping(folder, bounds=Retention(size=60_000))
    for now, moment in moments(400, pods=30):
        keeps.note(moment, now)
    assert " a measurement every " in status(keeps).notes[0]
    keeps.close()
    assert keeps.path.stat().st_size < 200_000


def test_one_console_writes_and_the_next_takes_over(folder: Path) -> None:
    one, two = keeping(folder), keeping(folder)
    seen = list(moments(40))
    one.note(seen[0][1], seen[0][0])
    two.note(seen[1][1], seen[1][0])
    assert status(two).health is Health.OFF
    assert "another console records it" in status(two).notes[0]
    assert two.before(seen[1][0], 600.0, STEP), "it reads what the other has kept"
    one.close()
    later = seen[1][0] + BUSY_AGAIN
    two.note(seen[2][1], later)
    assert status(two).health is Health.LIVE
    two.close()
    with Recording(two.path) as recording:
        assert (recording.first, recording.last) == (BEGAN, later)


def test_a_console_recalls_what_was_kept_before_it_and_not_what_it_has_written(folder: Path) -> None:
    seen = list(moments(60))
    one = keeping(folder)
    for now, moment in seen[:30]:
        one.note(moment, now)
    assert one.before(seen[29][0], 900.0, STEP) == {}
    one.close()
    two = keeping(folder)
    for now, moment in seen[30:]:
        two.note(moment, now)
    recalled = two.before(seen[-1][0], 3600.0, STEP)
    assert recalled
    assert max(recalled) <= seen[29][0]
    two.close()


HOLDING = """
import sys, time
from pathlib import Path
from tests.fleet.recorder.test_cluster_recordings import keeping, moments
keeps = keeping(Path(sys.argv[1]))
((now, moment),) = moments(1)
keeps.note(moment, now)
print("kept", flush=True)
sys.stdin.read()
"""


def test_a_killed_console_holds_nothing(folder: Path) -> None:
    command = [sys.executable, "-c", HOLDING, str(folder)]
    root = str(Path(__file__).parents[3])
    seen = list(moments(3))
    two = keeping(folder)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"kept\n"
        two.note(seen[1][1], seen[1][0])
        assert status(two).health is Health.OFF
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
    two.note(seen[2][1], seen[1][0] + BUSY_AGAIN)
    assert status(two).health is Health.LIVE
    two.close()


def test_a_folder_that_cannot_be_written_is_said_and_tried_again(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder would be")
    keeps = keeping(folder)
    seen = list(moments(3))
    keeps.note(seen[0][1], BEGAN)
    assert status(keeps).health is Health.DEGRADED
    assert not status(keeps).problem, "no screen is drawn differently for it"
    assert "nothing is recorded" in status(keeps).notes[0]
    assert "recorder.enabled" in status(keeps).notes[1]
    folder.unlink()
    keeps.note(seen[1][1], BEGAN + AGAIN / 2)
    assert status(keeps).health is Health.DEGRADED
    keeps.note(seen[2][1], BEGAN + AGAIN)
    assert status(keeps).health is Health.LIVE
    keeps.close()


FULL = """
import resource, sys
from pathlib import Path
from tests.fleet.recorder.test_cluster_recordings import keeping, moments
keeps = keeping(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
for now, moment in moments(2000, pods=40):
    keeps.note(moment, now)
    (status,) = keeps.statuses()
    if status.health != "live":
        print(status.health, *status.notes)
        break
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
keeps.note(moment, now + 60)
(status,) = keeps.statuses()
print(status.health)
keeps.close()
"""


def test_a_full_disk_is_said_and_what_was_kept_before_can_be_read(folder: Path) -> None:
    command = [sys.executable, "-c", FULL, str(folder)]
    output = subprocess.run(
        command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=PATIENCE, check=True
    ).stdout.splitlines()
    assert output[0].startswith("degraded nothing is recorded: ")
    assert "Free some space" in output[0]
    assert output[1] == "live"
    seen = dict(moments(100, pods=40))
    with Recording(file_of(folder, PROD.context, PROD.server)) as recording:
        assert recording.last > BEGAN + 20 * STEP
        for now in list(seen)[:20]:
            assert recording.at(now).state.pods == seen[now].state.pods


def test_a_damaged_file_is_put_aside_and_a_new_one_begun(folder: Path) -> None:
    file = file_of(folder, PROD.context, PROD.server)
    folder.mkdir(parents=True)
    file.write_bytes(b"SQLite format 3\x00" + b"\xff" * 5000)
    keeps = keeping(folder)
    assert keeps.before(BEGAN, 900.0, STEP) == {}
    for now, moment in moments(2):
        keeps.note(moment, now)
    assert status(keeps).health is Health.LIVE
    assert any(file.with_suffix(".damaged").name in note for note in status(keeps).notes)
    assert file.with_suffix(".damaged").stat().st_size == 5016
    keeps.close()
    with Recording(file) as recording:
        assert recording.last > BEGAN


def test_a_defect_ends_the_keeping_and_nothing_else(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    keeps = keeping(folder)
    (now, moment), *_ = moments(1)
    with monkeypatch.context() as patch:
        patch.setattr("fleet.recorder.objects.whole", broken)
        keeps.note(moment, now)
    assert "a defect of Quarterdeck, ZeroDivisionError" in status(keeps).notes[0]
    keeps.note(moment, now + AGAIN)
    assert status(keeps).health is Health.LIVE
    keeps.close()


def test_after_the_end_nothing_is_kept(folder: Path) -> None:
    keeps = keeping(folder)
    keeps.close()
    (now, moment), *_ = moments(1)
    keeps.note(moment, now)
    assert not folder.exists()


async def test_the_next_start_draws_what_was_before_it_with_a_gap_where_none_ran(folder: Path, tmp_path: Path) -> None:
    seen = list(moments(20))
    keeps = keeping(folder)
    for number, (now, moment) in enumerate(seen):
        if not 8 <= number < 12:
            keeps.note(moment, now)
    keeps.close()
    # The console that is started then sees what a recording of that moment says.
    with Recording(keeps.path) as recording:
        playback = Playback(recording, seen[-1][0], 0.0)
        objects = RecordedObjects(playback)
        observing = Observer(
            objects, Measuring(objects), clock=lambda: seen[-1][0], recorder=keeping(folder), records_after=0.0
        )
        snapshot = await observing.tick()
        while not snapshot.history.strip("serving/chat-1", Quantity.RUNNING, 20)[1:]:
            snapshot = await observing.tick()
        strip = snapshot.history.strip("serving/chat-1", Quantity.RUNNING, 20)
        await observing.close()
    for number, (_, moment) in enumerate(seen):
        assert moment.measurement is not None
        running = moment.measurement.engine_table.columns[Quantity.RUNNING][1]
        assert strip[number] == running or (8 <= number < 12 and strip[number] != strip[number]), number


class Measuring(RecordedMetrics):
    """Has something to measure, once."""

    def due(self, state: object, now: float) -> bool:
        del state, now
        return True


def test_the_numbers_of_a_step_are_kept_once(folder: Path) -> None:
    keeps = keeping(folder)
    ((now, moment),) = moments(1)
    assert moment.measurement is not None
    for tick in range(30):
        keeps.note(moment._replace(measurement=replace(moment.measurement, at=now + tick)), now + tick)
    keeps.close()
    with Recording(keeps.path) as recording:
        assert recording.measured(0.0, now + 100) == [now, now + EVERY]


def test_kill_after_kill_loses_the_tick_that_was_being_kept_at_most(folder: Path) -> None:
    assert kills.run(folder, 12).ticks > 12


def test_hours_stay_within_the_bounds_and_the_youngest_is_whole(folder: Path) -> None:
    bounds = Retention(seconds=3 * 3600.0, size=2_200_000)
    found = list(day.hours(folder, 20, 6, bounds, tick=EVERY))
    assert [one.back >= min(one.hour, 3) - 0.01 for one in found] == [True] * 6, "thinned before it goes"
    assert all(one.back < 3.6 for one in found), "all rows are written twice an hour: from there on it can be read"
    assert all(one.size < bounds.size * 1.25 for one in found)
    assert found[-1].coarsest
    with Recording(next(folder.glob("*.qdr"))) as recording:
        last = recording.measured(recording.last - 3600.0, recording.last)
        assert len(last) >= 3600 / EVERY


def of_cluster(uid: str, count: int, start: int = 0) -> list[tuple[float, Moment]]:
    """Moments of a cluster that says which it is."""
    return [
        (now, moment._replace(state=replace(moment.state, cluster=replace(moment.state.cluster, uid=uid))))
        for now, moment in list(moments(start + count))[start:]
    ]


def test_another_cluster_behind_the_same_address_has_a_file_of_its_own(folder: Path) -> None:
    """A tunnel leads elsewhere today, or a test cluster was made again: context and server are the same."""
    for uid, start in (("uid-1", 0), ("uid-1", 2), ("uid-2", 4)):
        keeps = keeping(folder)
        for now, moment in of_cluster(uid, 2, start):
            keeps.note(moment, now)
        kept = status(keeps)
        keeps.close()
    former = keeps.path.with_suffix(".former")
    assert any(
        f"of another cluster that had this address; it was renamed to {former.name}" in note for note in kept.notes
    )
    times = [now for now, _ in moments(6)]
    with Recording(former) as recording:
        assert (recording.about["uid"], recording.first, recording.last) == ("uid-1", times[0], times[3])
    with Recording(keeps.path) as recording:
        assert (recording.about["uid"], recording.last) == ("uid-2", times[5])
        assert recording.first >= times[4]
    assert all(at >= times[4] - STEP for at in keeping(folder).before(times[5], 900.0, STEP))


def test_a_cluster_that_does_not_say_which_it_is_goes_on_in_the_same_file(folder: Path) -> None:
    for uid, start in (("", 0), ("uid-1", 2), ("", 4)):
        keeps = keeping(folder)
        for now, moment in of_cluster(uid, 2, start):
            keeps.note(moment, now)
        keeps.close()
    with Recording(keeps.path) as recording:
        assert (recording.about["uid"], recording.first) == ("uid-1", next(moments(1))[0])
    assert not keeps.path.with_suffix(".former").exists()

"""A recording gives back what was seen, at any moment; it is bounded, and no kill and no cut makes it lie."""

from __future__ import annotations

import math
import os
import re
import signal
import sqlite3
import stat
import subprocess
import sys
import zlib
from array import array
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

import pytest

from fleet.model.histogram import Histogram
from fleet.model.measurement import HistogramKey, Measurement
from fleet.model.quantity import Family
from fleet.recorder.file import APPLICATION, NUMBERS, OBJECTS, VERSION, RecordingFile
from fleet.recorder.moment import Moment
from fleet.recorder.problem import RecordingError
from fleet.recorder.reader import Recording
from fleet.recorder.thinning import Retention, seconds_between, thinned, trim
from fleet.recorder.writer import RecordingWriter
from tests.fleet.recorder.seen import BEGAN, STEP, Plain, moments
from tests.waiting import PATIENCE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "fleet.qdr"


def record(file: Path, ticks: int, pods: int = 3, context: str = "") -> list[tuple[float, Moment]]:
    recorder, seen = RecordingWriter(file, Plain()), list(moments(ticks, pods))
    recorder.describe(context=context)
    for now, moment in seen:
        recorder.note(moment, now)
    recorder.close()
    return seen


def same(one: Measurement | None, other: Measurement | None) -> bool:
    """Bit by bit, in single precision: a NaN equals itself. The order of quantities says nothing."""
    return _content(one) == _content(other)


def _content(measurement: Measurement | None) -> object:
    if measurement is None:
        return None
    columns = {quantity: array("f", column).tobytes() for quantity, column in measurement.engine_table.columns.items()}
    return columns, repr(replace(measurement, engine_table=replace(measurement.engine_table, columns={})))


def is_it(found: Moment, seen: Moment) -> bool:
    rows = [(status.name, status.health, status.problem) for status in found.statuses]
    return (
        all(
            getattr(found.state, f.name) == getattr(seen.state, f.name)
            for f in fields(seen.state)
            if f.name != "generation"
        )
        and rows == [(status.name, status.health, status.problem) for status in seen.statuses]
        and same(found.measurement, seen.measurement)
    )


def test_every_moment_is_given_back_forwards_and_in_any_order(file: Path) -> None:
    seen = record(file, 300)
    with Recording(file) as recording:
        assert (recording.first, recording.last) == (seen[0][0], seen[-1][0])
        assert all(is_it(recording.at(now), moment) for now, moment in seen)
        for number in (250, 3, 299, 0, 140, 141, 17):
            now, moment = seen[number]
            assert is_it(recording.at(now), moment), number
        # Between two ticks, and before the first, it is what had been said last.
        assert is_it(recording.at(seen[7][0] + STEP / 2), seen[7][1])
        assert is_it(recording.at(0.0), seen[0][1])


def test_an_unchanged_tick_writes_nothing(file: Path) -> None:
    now, moment = next(moments(1))
    recorder = RecordingWriter(file, Plain())
    for tick in range(100):
        recorder.note(moment, now + tick)
    recorder.close()
    with RecordingFile.open(file) as opened:
        assert opened.span() == (now, now)


def test_rows_that_did_not_change_stay_the_same_objects_from_moment_to_moment(file: Path) -> None:
    seen = record(file, 40)
    with Recording(file) as recording:
        before = recording.at(seen[1][0]).state
        after = recording.at(seen[4][0]).state
    assert after.pods is not before.pods
    assert after.pods["serving/chat-1"] is before.pods["serving/chat-1"]
    assert after.nodes is before.nodes


def test_what_it_is_of_is_written_down_and_nobody_else_may_read_it(file: Path) -> None:
    record(file, 2, context="prod-eu1")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in file.parent.iterdir()] == [file.name], "one file, with nothing beside it"
    with Recording(file) as recording:
        assert recording.about["context"] == "prod-eu1"


def test_the_next_start_goes_on_in_the_same_file(file: Path) -> None:
    record(file, 5)
    later = list(moments(12))[6:]
    recorder = RecordingWriter(file, Plain())
    for now, moment in later:
        recorder.note(moment, now)
    recorder.close()
    with Recording(file) as recording:
        assert recording.first == BEGAN
        assert all(is_it(recording.at(now), moment) for now, moment in later)


def test_one_may_read_while_another_writes(file: Path) -> None:
    recorder, seen = RecordingWriter(file, Plain()), list(moments(30))
    recorder.note(seen[0][1], seen[0][0])
    with Recording(file) as recording:
        for now, moment in seen[1:]:
            recorder.note(moment, now)
            assert is_it(recording.at(now), moment)
    recorder.close()


def test_what_is_old_goes_and_what_is_left_is_whole(file: Path) -> None:
    seen = record(file, 1000)
    with RecordingFile.create(file) as opened:
        trim(opened, Retention(seconds=3600.0), seen[-1][0])
    with Recording(file) as recording:
        assert recording.first <= seen[-1][0] - 3600.0, "all that is asked for is there"
        assert recording.first > BEGAN
        kept = [(now, moment) for now, moment in seen if now >= seen[-1][0] - 3600.0]
        assert all(is_it(recording.at(now), moment) for now, moment in kept)


def test_what_is_too_large_gets_coarser_before_it_goes_and_the_youngest_half_stays_fine(file: Path) -> None:
    seen = record(file, 500, pods=60)
    with RecordingFile.create(file) as opened:
        before = opened.size()
        trim(opened, Retention(size=before * 9 // 10), seen[-1][0])
        assert opened.size() <= before * 9 // 10
        span = opened.span()
        assert span is not None
        assert span[0] == BEGAN, "nothing at the beginning was forgotten"
        parts = thinned(opened.about())
        # The recording itself states its resolution.
        assert seconds_between(parts, BEGAN) > 0
        assert seconds_between(parts, seen[-1][0]) == 0
    with Recording(file) as recording:
        assert all(is_it(recording.at(now), moment) for now, moment in seen[len(seen) // 2 + 1 :])
        # Thinned data returns the previous measurement with its time.
        older = recording.at(seen[100][0]).measurement
        assert older is not None
        assert older.at <= seen[100][0]


def test_a_bound_that_nothing_fits_into_still_leaves_something_to_read(file: Path) -> None:
    seen = record(file, 200)
    with RecordingFile.create(file) as opened:
        trim(opened, Retention(size=1), seen[-1][0])
    with Recording(file) as recording:
        assert is_it(recording.at(seen[-1][0]), seen[-1][1])


WRITING = """
import sys
from pathlib import Path
from fleet.recorder.writer import RecordingWriter
from tests.fleet.recorder.seen import Plain, moments
recorder = RecordingWriter(Path(sys.argv[1]), Plain())
for now, moment in moments(100_000):
    recorder.note(moment, now)
    print(now, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 2, 40, 130])
def test_a_kill_loses_the_last_tick_at_most(file: Path, lines: int) -> None:
    command = [sys.executable, "-c", WRITING, str(file)]
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        for _ in range(lines):
            written = float(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
    seen = dict(moments(int((written - BEGAN) / STEP) + 1))
    with Recording(file) as recording:
        assert recording.last >= written
        assert all(is_it(recording.at(now), moment) for now, moment in seen.items())


def test_two_who_write_to_one_file_do_not_mix(file: Path) -> None:
    seen, other = list(moments(30)), list(moments(30, pods=5))
    one, two = RecordingWriter(file, Plain()), RecordingWriter(file, Plain())
    for (now, moment), (later, another) in zip(seen, other, strict=True):
        one.note(moment, now)
        two.note(another, later + 1)
    one.close()
    two.close()
    with Recording(file) as recording:
        for (now, moment), (later, another) in zip(seen, other, strict=True):
            assert recording.at(now + 0.5).state.pods in (moment.state.pods, another.state.pods)
            assert recording.at(later + 1.5).state.pods in (moment.state.pods, another.state.pods)


@pytest.mark.parametrize("number", ["1e300", "-1e300", "253402300800"])
def test_a_number_that_is_no_time_is_refused(file: Path, number: str) -> None:
    record(file, 1)
    with sqlite3.connect(file) as connection:
        (data,) = connection.execute("SELECT data FROM frames WHERE kind = ?", (OBJECTS,)).fetchone()
        text = re.sub(rb'"created":[0-9.]+', b'"created":' + number.encode(), zlib.decompress(data))
        connection.execute("UPDATE frames SET data = ? WHERE kind = ?", (zlib.compress(text), OBJECTS))
    connection.close()
    with Recording(file) as recording, pytest.raises(RecordingError, match="too large"):
        recording.at(BEGAN)


@pytest.mark.parametrize("at", [-1.0, 1e300])
def test_a_recording_of_no_time_is_refused(file: Path, at: float) -> None:
    record(file, 1)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE frames SET at = ?", (at,))
    connection.close()
    with pytest.raises(RecordingError, match="invalid time"):
        Recording(file)


def test_a_place_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "x.qdr", Path("/proc/nobody/x.qdr"), tmp_path):
        with pytest.raises(RecordingError):
            RecordingWriter(path, Plain())


def test_a_recording_that_is_cut_anywhere_is_read_or_refused_in_words(file: Path, tmp_path: Path) -> None:
    seen = record(file, 60)
    whole = file.read_bytes()
    cut = tmp_path / "cut.qdr"
    for size in [*range(0, len(whole), len(whole) // 40), len(whole) - 1]:
        cut.write_bytes(whole[:size])
        # Anything but a RecordingError fails the test.
        with suppress(RecordingError), Recording(cut) as recording:
            for now, _ in seen:
                recording.at(now)


def test_a_recording_with_any_byte_changed_is_read_or_refused_in_words(file: Path, tmp_path: Path) -> None:
    seen = record(file, 30)
    whole = bytearray(file.read_bytes())
    changed = tmp_path / "changed.qdr"
    for at in range(0, len(whole), max(1, len(whole) // 120)):
        other = whole.copy()
        other[at] ^= 0xFF
        changed.write_bytes(other)
        with suppress(RecordingError), Recording(changed) as recording:
            for now, _ in seen:
                recording.at(now)


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\x00" + b"\xff" * 4000, b"\x00" * 8192])
def test_what_is_no_recording_is_called_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(RecordingError):
        Recording(tmp_path / "x")


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(RecordingError):
            Recording(path)
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(RecordingError, match="is not a file"):
            RecordingFile.create(path)


def test_a_database_of_others_is_refused_and_nothing_of_it_is_run(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "other")
    other.executescript("CREATE TABLE frames (x); CREATE VIEW about AS SELECT load_extension('x')")
    other.close()
    with pytest.raises(RecordingError, match="not a recording"):
        Recording(tmp_path / "other")


def test_a_recording_of_a_later_version_says_so(file: Path) -> None:
    record(file, 2)
    with sqlite3.connect(file) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(RecordingError, match="newer"):
        Recording(file)


def test_a_frame_that_swells_beyond_reason_is_refused(file: Path) -> None:
    record(file, 2)
    bomb = zlib.compressobj(9)
    data = b"".join(bomb.compress(b"\x00" * 2**20) for _ in range(150)) + bomb.flush()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE frames SET data = ? WHERE kind = ?", (data, OBJECTS))
    connection.close()
    with Recording(file) as recording, pytest.raises(RecordingError, match="too large"):
        recording.at(BEGAN)


def test_numbers_that_do_not_belong_to_their_layout_are_refused(file: Path) -> None:
    record(file, 4)
    with sqlite3.connect(file) as connection:
        rows = connection.execute("SELECT id, data FROM frames WHERE kind = ? ORDER BY id", (NUMBERS,)).fetchall()
        connection.execute("UPDATE frames SET base = ? WHERE id = ?", (rows[1][0] + 9999, rows[2][0]))
    connection.close()
    with Recording(file) as recording:
        recording.at(BEGAN + STEP)
        with pytest.raises(RecordingError, match="missing"):
            recording.at(BEGAN + 2 * STEP)


def test_it_is_told_from_every_other_database(file: Path) -> None:
    record(file, 1)
    header = file.read_bytes()[:100]
    assert int.from_bytes(header[68:72], "big") == APPLICATION


def test_a_number_that_is_too_large_for_a_fleet_is_kept_as_too_large(file: Path) -> None:
    now, moment = next(moments(1))
    assert moment.measurement is not None
    group = HistogramKey("serving", "llama")
    huge = {Family.TTFT: {group: Histogram((1.0, math.inf), (1e300, 2e300), 1e300)}}
    recorder = RecordingWriter(file, Plain())
    recorder.note(moment._replace(measurement=replace(moment.measurement, histograms=huge)), now)
    recorder.close()
    with Recording(file) as recording:
        found = recording.at(now).measurement
    assert found is not None
    assert found.histograms[Family.TTFT][group] == Histogram((1.0, math.inf), (math.inf, math.inf), math.inf)


def test_numbers_are_kept_once_in_a_while_where_that_is_asked_for_and_rows_as_they_change(file: Path) -> None:
    seen = list(moments(60))
    recorder = RecordingWriter(file, Plain(), every=4 * STEP)
    for now, moment in seen:
        recorder.note(moment, now)
    recorder.close()
    with Recording(file) as recording:
        for number, (now, moment) in enumerate(seen):
            assert recording.at(now).state.pods == moment.state.pods
            assert same(recording.at(now).measurement, seen[number // 4 * 4][1].measurement)

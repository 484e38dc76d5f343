"""Recordings that were made to do harm, and files that others left where one is kept."""

from __future__ import annotations

import sqlite3
import stat
import zlib
from contextlib import closing
from pathlib import Path

import pytest

from fleet.model.snapshot import Cluster, Health
from fleet.recorder.cluster_recordings import BACK, ContinuousRecorder, RecordingPolicy
from fleet.recorder.problem import RecordingError, UnusableError
from fleet.recorder.reader import Recording
from fleet.recorder.thinning import Retention
from fleet.recorder.writer import RecordingWriter
from tests.fleet.recorder.seen import BEGAN, Plain, moments

ENDLESS = """WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
SELECT x id, 'objects' kind, 1.0 at, NULL base, x'00' data FROM n"""


def recorded(path: Path, ticks: int = 3) -> Path:
    writer = RecordingWriter(path, Plain())
    for now, moment in moments(ticks):
        writer.note(moment, now)
    writer.close()
    return path


@pytest.mark.parametrize(
    "statement",
    [
        f"ALTER TABLE frames RENAME TO hidden; CREATE VIEW frames AS {ENDLESS}",
        "CREATE TRIGGER t AFTER INSERT ON frames BEGIN DELETE FROM frames; END",
        "CREATE TABLE more (x)",
        "DROP INDEX frames_at",
    ],
)
def test_what_declares_anything_else_is_no_recording_and_nothing_of_it_is_run(tmp_path: Path, statement: str) -> None:
    file = recorded(tmp_path / "x.qdr")
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(statement)
    with pytest.raises(UnusableError, match="its tables differ"):
        Recording(file)
    with pytest.raises(UnusableError, match="its tables differ"):
        RecordingWriter(file, Plain())


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (b'{"pods":[' + b"{}," * 5_000_000 + b"{}]}", "too many values"),
        (b'{"gone":{"pods":[' + b"1," * 20_000_000 + b"1]}}", "too many values"),
        (b'{"pods":' + b"[" * 500_000 + b"]" * 500_000 + b"}", "depth limit"),
        (b'{"pods":[' + b"{}," * 500_000 + b"{}]}", "cluster: Field required"),
        (b'{"gone":{"pods":[' + b"[]," * 20_000 + b"[]]}}", "it has 20005 errors"),
        (b" " * 200_000_000, "too large for a recording"),
    ],
    ids=["rows", "keys", "nested", "wrong-rows", "wrong-keys", "blanks"],
)
def test_a_small_file_that_becomes_a_large_one_is_refused_before_it_fills_the_memory(
    tmp_path: Path, values: bytes, problem: str
) -> None:
    file = recorded(tmp_path / "x.qdr")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE frames SET data = ? WHERE kind = 'objects'", (zlib.compress(values),))
    with Recording(file) as recording, pytest.raises(RecordingError, match=problem):
        recording.at(recording.last)


@pytest.mark.parametrize("value", [b"", "never"])
def test_what_is_of_no_time_is_damaged(tmp_path: Path, value: bytes | str) -> None:
    file = recorded(tmp_path / "x.qdr")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE frames SET at = ? WHERE id = 1", (value,))
    with pytest.raises(UnusableError, match="has no time"):
        Recording(file)


def test_what_it_says_of_itself_in_no_words_is_left_out(tmp_path: Path) -> None:
    file = recorded(tmp_path / "x.qdr")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO about VALUES ('thinned', x'00'), ('facts', x'ff')")
    with Recording(file) as recording:
        assert recording.seconds_between(BEGAN) == 0.0
        assert recording.told_by == ()


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    file = recorded(tmp_path / "x.qdr")
    file.chmod(0o644)
    RecordingWriter(file, Plain()).close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_dated_later_than_now_is_put_aside_where_the_clock_was_wrong(tmp_path: Path) -> None:
    keeps = ContinuousRecorder(RecordingPolicy(tmp_path, Retention(), Plain), Cluster("prod", "prod", "https://kube"))
    (_, first), (_, second), (_, third), (_, fourth) = moments(4)
    keeps.note(first, BEGAN + 9e6)
    # A small correction is not a different clock.
    keeps.note(second, BEGAN + 9e6 - BACK)
    assert not list(tmp_path.glob("*.former"))
    keeps.note(third, BEGAN)
    keeps.note(fourth, BEGAN + 15)
    (status,) = keeps.statuses()
    assert status.health is Health.LIVE
    assert any("from the future by this machine's clock" in note and ".former" in note for note in status.notes)
    keeps.close()
    with Recording(keeps.path) as recording:
        assert (recording.first, recording.last) == (BEGAN + 15, BEGAN + 15)
    (former,) = tmp_path.glob("*.former")
    with Recording(former) as recording:
        assert recording.last == BEGAN + 9e6

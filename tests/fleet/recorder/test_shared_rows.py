"""The past of a recording holds no second copy of the rows: neither of those of the console, nor of what was read."""

from __future__ import annotations

import gc
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from fleet.model.objects import Pod
from fleet.recorder.moment import Moment
from fleet.recorder.objects import ROWS, sharing
from fleet.recorder.reader import Recording
from fleet.recorder.recorded_past import RecordedPast
from fleet.recorder.writer import ANEW, RecordingWriter
from fleet.sources.kube.state import KubeState
from tests.fleet.recorder.fleet import fleet
from tests.fleet.recorder.seen import BEGAN, Plain

FLEET = replace(fleet(40), synced=frozenset({"pods"}))


def without(state: KubeState, count: int) -> KubeState:
    """Return the state without its last pods."""
    return replace(state, pods=dict(list(state.pods.items())[:-count]))


def written(file: Path, *looks: tuple[float, KubeState]) -> RecordingWriter:
    writer = RecordingWriter(file, Plain())
    for at, state in looks:
        writer.note(Moment(state, (), None), BEGAN + at)
    return writer


def pods_alive() -> int:
    gc.collect()
    return sum(type(one) is Pod for one in gc.get_objects())


def gone(past: RecordedPast, until: float, live: KubeState | None = None) -> list[str]:
    found, problem = past.read(BEGAN - 1, BEGAN + until, "", live)
    assert problem is None
    return sorted(one.about.name for one in found.entries if one.what == "pod gone")


def test_what_is_remembered_of_a_recording_are_the_rows_of_the_console(tmp_path: Path) -> None:
    file, past, before = tmp_path / "kept.qdr", RecordedPast(tmp_path / "kept.qdr"), pods_alive()
    writer = written(file, (0, FLEET), (ANEW + 1, FLEET))
    assert gone(past, 2 * ANEW, FLEET) == []
    assert pods_alive() == before
    # A row that the console has no more is remembered until a look without it is read, and no longer.
    now = without(FLEET, 2)
    assert gone(past, 2 * ANEW, now) == []
    writer.note(Moment(now, (), None), BEGAN + 2 * ANEW)
    assert gone(past, 2 * ANEW, now) == sorted(FLEET.pods[key].name for key in list(FLEET.pods)[-2:])
    assert pods_alive() == before
    writer.close()


def test_a_state_that_is_written_in_full_again_adds_only_the_rows_that_are_others(tmp_path: Path) -> None:
    first = next(iter(FLEET.pods))
    other = replace(FLEET, pods={**FLEET.pods, first: replace(FLEET.pods[first], ip="10.9.9.9")})
    written(tmp_path / "kept.qdr", (0, FLEET), (ANEW + 1, other), (2 * ANEW + 2, other)).close()
    with Recording(tmp_path / "kept.qdr") as recording:
        (_, _, one), (_, _, two), (_, _, three) = recording.states(BEGAN, BEGAN + 3 * ANEW)
    assert two.state.pods == other.pods
    assert [key for key, row in two.state.pods.items() if one.state.pods[key] is not row] == [first]
    assert two.state.nodes is one.state.nodes
    assert all(getattr(three.state, name) is getattr(two.state, name) for name in ROWS)


def test_who_asks_again_reads_nothing_that_was_read(tmp_path: Path) -> None:
    file = tmp_path / "kept.qdr"
    past, writer = RecordedPast(file), written(file, (0, FLEET), (2, without(FLEET, 1)))
    assert len(gone(past, 3)) == 1
    with closing(sqlite3.connect(file)) as damaged, damaged:
        assert damaged.execute("UPDATE frames SET data = x'00' WHERE kind = 'objects'").rowcount == 2
    writer.note(Moment(without(FLEET, 3), (), None), BEGAN + 4)
    assert len(gone(past, 5)) == 3
    assert RecordedPast(file).read(BEGAN - 1, BEGAN + 5)[1] is not None, "who reads it for the first time needs them"
    writer.close()


def test_of_several_known_rows_the_first_equal_one_is_shared() -> None:
    key, row = next(iter(FLEET.pods.items()))
    copy, another = replace(row), replace(row, ip="10.9.9.9")
    state = KubeState(1, FLEET.cluster, pods={key: replace(row)})
    one, two, three = (KubeState(0, FLEET.cluster, pods={key: each}) for each in (another, copy, row))
    assert sharing(state, one, two, three).pods is two.pods
    assert sharing(state, one).pods[key] is state.pods[key]
    more = replace(three, pods={key: row, "another": another})
    assert sharing(state, more).pods == {key: row}
    assert sharing(state, more).pods[key] is row

"""Curves from a recording: what was shown then, gaps where nothing was kept, nothing made up."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from fleet.model.curve import CurveQuestion, Series, TimeRange
from fleet.model.quantity import Quantity
from fleet.recorder.curves import RecordedCurves
from fleet.recorder.problem import RecordingError
from fleet.recorder.writer import RecordingWriter
from tests.fleet.recorder.seen import BEGAN, STEP, Plain, moments

POD, WORKLOAD = "serving/chat-1", "serving/Deployment/chat"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    recorder = RecordingWriter(tmp_path / "x.qdr", Plain())
    for number, (now, moment) in enumerate(moments(40)):
        # No console ran for a while.
        if not 10 <= number < 20:
            recorder.note(moment, now)
    recorder.close()
    return tmp_path / "x.qdr"


def asked(key: str, quantity: Quantity = Quantity.RUNNING, end: float = BEGAN + 39 * STEP) -> CurveQuestion:
    return CurveQuestion(quantity, Series(), TimeRange(end, STEP, 40), 60.0, key=key)


def running(number: int) -> list[float]:
    seen = list(moments(40))[number][1].measurement
    assert seen is not None
    return list(seen.engine_table.columns[Quantity.RUNNING])


def test_it_is_what_was_shown_then_with_gaps_where_nothing_was(file: Path) -> None:
    found = RecordedCurves(file).curve(asked(POD))
    assert found.is_recorded
    for number, value in enumerate(found.values):
        assert math.isnan(value) if 10 <= number < 20 else value == running(number)[1], number


def test_a_workload_has_the_sum_of_its_pods(file: Path) -> None:
    found = RecordedCurves(file).curve(asked(WORKLOAD))
    assert found.values[0] == sum(running(0))


def test_what_is_asked_again_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curves = RecordedCurves(file)
    first = curves.curve(asked(POD, end=BEGAN + 38 * STEP))
    read: list[float] = []
    from fleet.recorder.reader import Recording

    read_at = Recording.rows_and_numbers

    def noted(recording: Recording, moment: float) -> object:
        read.append(moment)
        return read_at(recording, moment)

    monkeypatch.setattr(Recording, "rows_and_numbers", noted)
    again = curves.curve(asked(POD))
    assert read == [BEGAN + 39 * STEP]
    assert again.values[9] == first.values[10]


def test_of_what_was_never_kept_there_is_no_curve(file: Path, tmp_path: Path) -> None:
    for question in (asked("serving/nobody"), asked(POD, end=BEGAN - 86_400), asked(POD, Quantity.GPU_POWER)):
        with pytest.raises(RecordingError, match="nothing of it was kept"):
            RecordedCurves(file).curve(question)
    with pytest.raises(RecordingError):
        RecordedCurves(tmp_path / "none.qdr").curve(asked(POD))

"""Curves from a recording: what was shown then, gaps where nothing was kept, nothing made up."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from fleet.model.curve import CurveQuestion, Series, TimeRange
from fleet.model.quantity import Quantity
from fleet.recorder import curves
from fleet.recorder.curves import RecordedCurves
from fleet.recorder.file import RecordingFile
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
    known = RecordedCurves(file)
    first = known.curve(asked(POD, end=BEGAN + 38 * STEP))
    read: list[float] = []
    from fleet.recorder.reader import Recording

    read_at = Recording.rows_and_numbers

    def noted(recording: Recording, moment: float) -> object:
        read.append(moment)
        return read_at(recording, moment)

    monkeypatch.setattr(Recording, "rows_and_numbers", noted)
    again = known.curve(asked(POD))
    assert read == [BEGAN + 39 * STEP]
    assert again.values[9] == first.values[10]


def test_of_what_was_never_kept_there_is_no_curve(file: Path, tmp_path: Path) -> None:
    for question in (asked("serving/nobody"), asked(POD, end=BEGAN - 86_400), asked(POD, Quantity.GPU_POWER)):
        with pytest.raises(RecordingError, match="there is no recording of it"):
            RecordedCurves(file).curve(question)
    with pytest.raises(RecordingError):
        RecordedCurves(tmp_path / "none.qdr").curve(asked(POD))


def test_the_highest_of_each_step_is_there_also_between_the_points(file: Path) -> None:
    long = TimeRange(BEGAN + 36 * STEP, 4 * STEP, 10)
    found = RecordedCurves(file).curve(CurveQuestion(Quantity.RUNNING, Series(), long, 60.0, key=POD, peaks=True))
    assert (found.is_peak, found.apart) == (True, 0.0)
    assert found.low == found.values
    for place, high in enumerate(found.high):
        kept = [n for n in range(4 * place - 3, 4 * place + 1) if n >= 0 and not 10 <= n < 20]
        if kept:
            assert high == max(running(number)[1] for number in kept), place
        else:
            assert math.isnan(high)
    assert any(high > value for high, value in zip(found.high, found.values, strict=True))
    # Where the steps are as short as that, there is nothing between them.
    assert not RecordedCurves(file).curve(replace(asked(POD), peaks=True)).is_peak


def test_how_far_apart_what_was_looked_at_is_said_where_not_all_was(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "_READ", 10)
    long = TimeRange(BEGAN + 36 * STEP, 4 * STEP, 10)
    question = CurveQuestion(Quantity.RUNNING, Series(), long, 60.0, key=POD, peaks=True)
    assert RecordedCurves(file).curve(question).apart == 3 * STEP
    with RecordingFile.create(file) as kept:
        kept.describe(thinned=f"{BEGAN + 9 * STEP:.0f}:300")
    assert RecordedCurves(file).curve(question).apart == 300.0

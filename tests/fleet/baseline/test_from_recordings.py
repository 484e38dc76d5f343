"""Baselines of a recording: of the last hour in which nothing was wrong, by the rules of live numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fleet.baseline.from_recordings import recorded
from fleet.model.baseline import HOUR, BaselineQuestion, Baselines, Then
from fleet.model.curve import Series
from fleet.model.histogram import Histogram, merge, quantile
from fleet.model.measurement import HistogramKey
from fleet.model.quantity import Family, Quantity
from fleet.recorder.moment import Moment
from fleet.recorder.problem import RecordingError
from fleet.recorder.writer import RecordingWriter
from tests.fleet.recorder.seen import BEGAN, Plain, statuses
from tests.fleet.rows import deployment, engine, kube, measurement, node, pod

Q = Quantity
KEY = "serving/Deployment/chat"
STEP = 60.0
EDGES = (0.1, 1.0, 10.0, float("inf"))


def histogram(minute: int, name: str) -> Histogram:
    """One of two pods is slow now and then."""
    slow = 30.0 if name == "chat-1" and minute % 7 == 0 else 1.0
    return Histogram(EDGES, (20.0, 25.0, 25.0 + slow, 25.0 + slow), 9.0)


def moment(minute: int, crashed: bool = False) -> Moment:
    names = ("chat-0", "chat-1")
    rows = [
        pod(name, ready=not crashed, status="CrashLoopBackOff" if crashed else "Running", restarts=4 * crashed)
        for name in names
    ]
    measured = measurement(
        {
            engine(name): {Q.WAITING: float(minute % 5), Q.KV_USAGE: 0.25 + 0.25 * place}
            for place, name in enumerate(names)
        },
        {Family.TTFT: {HistogramKey("serving", "llama", name, "0"): histogram(minute, name) for name in names}},
    )
    state = kube(rows, deployment(desired=2, ready=0 if crashed else 2), [node("node-1")])
    return Moment(state, statuses(), replace(measured, at=BEGAN + minute * STEP))


def file(tmp_path: Path, hours: int, crashed: range = range(0)) -> Path:
    writer = RecordingWriter(tmp_path / "x.qdr", Plain())
    for minute in range(hours * 60):
        writer.note(moment(minute, minute in crashed), BEGAN + minute * STEP)
    writer.close()
    return tmp_path / "x.qdr"


def asked(path: Path, at: float, *quantities: Quantity) -> Baselines:
    return recorded(path, BaselineQuestion(KEY, Series(), quantities or (Q.TTFT_P95, Q.WAITING, Q.KV_USAGE), at))


def test_the_last_calm_hour_is_before_what_went_wrong_and_says_what_it_stands_on(tmp_path: Path) -> None:
    path = file(tmp_path, 4, crashed=range(140, 240))
    found = asked(path, BEGAN + 240 * STEP)
    one = found.of[Q.TTFT_P95][0]
    assert (one.then, one.source) == (Then.CALM, "recorder")
    assert one.end < BEGAN + 140 * STEP
    assert one.end > BEGAN + 100 * STEP, "the last one, and no earlier one"
    assert one.end - one.start <= HOUR
    assert one.points == round((one.end - one.start) / STEP) + 1


def test_its_percentiles_are_of_the_merged_buckets_of_all_pods_and_minutes(tmp_path: Path) -> None:
    found = asked(file(tmp_path, 3), BEGAN + 180 * STEP)
    one = found.of[Q.TTFT_P95][0]
    minutes = range(round((one.start - BEGAN) / STEP), round((one.end - BEGAN) / STEP) + 1)
    whole = merge(histogram(minute, name) for minute in minutes for name in ("chat-0", "chat-1"))
    assert whole is not None
    assert one.value == pytest.approx(quantile(0.95, whole).value, rel=1e-6)
    each = [quantile(0.95, histogram(minute, name)).value for minute in minutes for name in ("chat-0", "chat-1")]
    assert abs(one.value - sum(each) / len(each)) > 0.1
    # Of gauges the mean over the hour, combined as those of now are: requests add up, caches do not.
    assert found.of[Q.WAITING][0].value == pytest.approx(2 * sum(minute % 5 for minute in minutes) / len(minutes))
    assert found.of[Q.KV_USAGE][0].value == pytest.approx(0.375)


def test_where_no_hour_was_calm_there_is_none(tmp_path: Path) -> None:
    assert asked(file(tmp_path, 3, crashed=range(5, 180, 20)), BEGAN + 180 * STEP).of == {}


def test_of_an_object_that_was_not_there_there_is_none(tmp_path: Path) -> None:
    question = BaselineQuestion("serving/Deployment/other", Series(), (Q.WAITING,), BEGAN + 180 * STEP)
    assert recorded(file(tmp_path, 3), question).of == {}


def test_the_last_quarter_of_an_hour_is_no_baseline_of_itself(tmp_path: Path) -> None:
    assert asked(file(tmp_path, 1), BEGAN + 60 * STEP).of == {}


def test_without_a_recording_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingError):
        asked(tmp_path / "none.qdr", BEGAN)

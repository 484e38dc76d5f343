"""The time that requests spend, compared with peers, with an hour ago and with the time before a change."""

from __future__ import annotations

import math

import pytest

from fleet.latency.comparison import LastChange, greatest_growth, past, questions
from fleet.latency.phases import MEANS, RequestPhase
from fleet.latency.report import dominant, latency_report
from fleet.model.curve import Curve, Series
from tests.fleet.diagnosis.fleets import CHAT, WELL, Fleet, Q
from tests.fleet.rows import NOW

USUAL = WELL | {Q.QUEUE_MEAN: 0.1, Q.PREFILL_MEAN: 0.2, Q.DECODE_MEAN: 4.0}


def fleet() -> Fleet:
    made = Fleet(5)
    made.engines = dict.fromkeys(made.engines, USUAL)
    return made


def curves(change: LastChange | None, queue: float, decode: float = 4.0) -> list[Curve]:
    """Answers that were flat until now."""
    asked = questions(Series(), CHAT, NOW, change)
    values = {Q.QUEUE_MEAN: queue, Q.PREFILL_MEAN: 0.2, Q.DECODE_MEAN: decode}
    return [Curve(one.quantity, one.range, (values[one.quantity],) * one.range.points) for one in asked]


def test_a_pod_is_held_against_the_median_of_the_others() -> None:
    made = fleet()
    made.engines["chat-2"] = USUAL | {Q.QUEUE_MEAN: 6.0}
    report = latency_report(made.at(0), "serving/chat-2")
    assert report.growth is not None
    assert (report.growth.phase, report.growth.than) == (RequestPhase.QUEUE, "its peers")
    assert (report.growth.now, report.growth.then) == (6.0, 0.1)
    assert report.comparison.now.total == pytest.approx(10.2)


def test_a_workload_is_held_against_itself_an_hour_ago() -> None:
    made = fleet()
    made.engines = dict.fromkeys(made.engines, USUAL | {Q.DECODE_MEAN: 9.0})
    report = latency_report(made.at(0), CHAT, curves(None, 0.1))
    assert report.growth is not None
    assert (report.growth.phase, report.growth.than) == (RequestPhase.DECODE, "an hour ago")


def test_before_a_change_is_before_it() -> None:
    change = LastChange(NOW - 1800, "image 1 → 2")
    asked = questions(Series(), CHAT, NOW, change)
    rows = []
    for one in asked:
        rising = [float(at) for at in one.range.times()]
        rows.append(Curve(one.quantity, one.range, tuple(rising)))
    found = past(rows, change.at)
    assert found is not None
    assert all(change.at - 300 <= seconds <= change.at for seconds in found.seconds.values())


def test_a_change_of_long_ago_is_reached() -> None:
    asked = questions(Series(), CHAT, NOW, LastChange(NOW - 7 * 3600, "replicas"))
    assert all(one.range.start <= NOW - 7 * 3600 - 300 for one in asked)
    assert [one.quantity for one in asked] == list(MEANS.values())


def test_what_is_as_it_always_was_is_told_by_its_longest_phase() -> None:
    report = latency_report(fleet().at(0), CHAT, curves(None, 0.1))
    assert greatest_growth(report.comparison) is None
    assert dominant(report) is RequestPhase.DECODE
    assert report.comparison.now.share(RequestPhase.DECODE) == pytest.approx(4.0 / 4.3)


def test_what_nobody_measures_is_not_known() -> None:
    report = latency_report(Fleet(3).at(0), CHAT)
    assert report.comparison.now.seconds == {}
    assert math.isnan(report.comparison.now.total)
    assert dominant(report) is None


def test_a_gap_in_the_past_is_no_zero() -> None:
    asked = questions(Series(), CHAT, NOW, None)
    rows = [Curve(one.quantity, one.range, (math.nan,) * one.range.points) for one in asked]
    assert past(rows, NOW - 3600) is None

"""This console's own tallies: asked after every measurement, they are those that are added up from all bins."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping

import pytest

from fleet.model.histogram import Histogram
from fleet.model.measurement import HistogramKey, Measurement
from fleet.model.quantity import Family, Quantity
from fleet.objectives.burn_rate import DAY, HOUR, MINUTE, WINDOWS
from fleet.objectives.ledger import Tally
from fleet.objectives.objective import Goals
from fleet.objectives.own_counts import EventCounter
from fleet.objectives.owners import RequestOwner
from fleet.objectives.source import ObjectivesSource
from tests.fleet.rows import NOW, engine, measurement

EDGES = {Family.TTFT: (0.5,)}
PODS = ("chat-7c9f58-x2k4d", "code-7c9f58-x2k4d")


def seen(at: float, good: float, whole: float, *pods: str) -> Measurement:
    """A measurement in which each pod has so many first tokens per second in time, and in all."""
    groups = {
        HistogramKey("serving", "", pod): Histogram((0.5, 2.0, float("inf")), (good, whole, whole)) for pod in pods
    }
    numbers = {engine(pod): {Quantity.HTTP_REQUESTS: whole, Quantity.HTTP_ERRORS: whole - good} for pod in pods}
    return measurement(numbers, {Family.TTFT: groups}, at=at)


def hours(count: float, step: float) -> Iterator[Measurement]:
    """A measurement every ``step`` seconds; one workload comes and goes."""
    rng = random.Random(5)
    for number in range(int(count * HOUR / step)):
        whole = rng.uniform(1.0, 9.0)
        yield seen(NOW + number * step, whole * rng.random(), whole, *PODS[: rng.choice((1, 2))])


def assert_equal(
    found: Mapping[float, Mapping[RequestOwner, Tally]], expected: Mapping[float, Mapping[RequestOwner, Tally]]
) -> None:
    assert found.keys() == expected.keys()
    for window, tallies in found.items():
        assert tallies.keys() == expected[window].keys()
        for owner, tally in tallies.items():
            other = expected[window][owner]
            assert (tally.bad, tally.all, tally.present) == pytest.approx((other.bad, other.all, other.present))
            assert tally.buckets.keys() == other.buckets.keys()
            for family, edges in tally.buckets.items():
                assert edges == pytest.approx(other.buckets[family])


@pytest.mark.parametrize(("length", "step"), [(0.2, 7.0), (8.0, 110.0)])
def test_tallies_that_were_asked_for_all_the_time_are_those_that_are_asked_for_once(length: float, step: float) -> None:
    """Eight hours: minutes become ten minutes after six, and leave the shorter windows one by one."""
    asked, windows = EventCounter(), (*WINDOWS, 30 * DAY)
    measured: list[Measurement] = []
    for number, one in enumerate(hours(length, step)):
        measured.append(one)
        asked.note(one, EDGES)
        found = asked.tallies(windows)
        if number % 60 == 0:
            once = EventCounter()
            for each in measured:
                once.note(each, EDGES)
            assert_equal(found, once.tallies(windows))


def test_a_window_has_what_happened_in_it() -> None:
    counter = EventCounter()
    for number in range(60):
        counter.note(seen(NOW + number * MINUTE, 3.0, 4.0, PODS[0]), EDGES)
    chat = RequestOwner("serving", "chat")
    five, hour = (counter.tallies((5 * MINUTE, HOUR))[window][chat] for window in (5 * MINUTE, HOUR))
    assert (five.all, five.bad) == pytest.approx((4.0, 1.0))
    assert five.buckets == {Family.TTFT: pytest.approx({0.5: 3.0, float("inf"): 4.0})}
    assert hour.all == pytest.approx(4.0)
    (present,) = (one.present for one in counter.tallies((HOUR,))[HOUR].values() if one.present)
    assert present == pytest.approx(1.0)
    counter.note(seen(NOW + HOUR, 3.0, 4.0, PODS[1]), EDGES)
    (gone,) = (tallies.get(chat) for tallies in counter.tallies((MINUTE,)).values())
    assert gone is None


async def test_own_counts_are_added_up_less_often_than_is_measured() -> None:
    measured: list[Measurement] = []

    async def no_store() -> None:
        return None

    source = ObjectivesSource(Goals(), no_store, lambda: measured[-1] if measured else None)
    assert await source._ask_or_say() == 2.0, "nothing is measured yet"
    measured.append(seen(NOW, 3.0, 4.0, PODS[0]))
    assert await source._ask_or_say() == 10.0
    first = source.facts()
    # Rates cover a minute: what came between two polls is in the next one.
    measured.append(seen(NOW + 10, 3.0, 4.0, PODS[0]))
    assert await source._ask_or_say() == 10.0
    second = source.facts()
    assert first is not None
    assert second is not None
    assert second.value.spent != first.value.spent


async def test_until_the_next_measurement_the_ledger_is_the_same_object() -> None:
    measured = [seen(NOW, 3.0, 4.0, PODS[0])]

    async def no_store() -> None:
        return None

    source = ObjectivesSource(Goals(), no_store, lambda: measured[-1])
    first = await source.ask()
    assert await source.ask() is first
    measured.append(seen(NOW + 7, 1.0, 4.0, PODS[0]))
    second = await source.ask()
    assert second is not first
    assert second.spent != first.spent


def test_a_minute_that_is_kept_is_its_numbers_and_no_new_keys() -> None:
    counter, pods, minutes = EventCounter(), [f"chat{number}-7c9f58-x2k4d" for number in range(50)], 20
    measured = [seen(NOW + number * MINUTE, 3.0, 4.0, *pods) for number in range(minutes + 2)]
    for one in measured[:2]:
        counter.note(one, EDGES)
    before = sys.getallocatedblocks()
    for one in measured[2:]:
        counter.note(one, EDGES)
    # Of each pod: two buckets, two counts of requests, and its presence.
    assert sys.getallocatedblocks() - before < 1.2 * minutes * 5 * len(pods)

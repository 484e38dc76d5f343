"""The values that the strips keep, and their bytes: a quarter of an hour of thousands of pods is much memory."""

from __future__ import annotations

import math
import tracemalloc
from array import array

from fleet.model.frame import Column, Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.snapshot.history import KEPT, POINTS, STEP, RecentHistory

PODS = 1_000
FLOAT = 4
"""Bytes of a number in single precision."""


def frame(names: list[str], value: float) -> Frame:
    columns = {quantity: Column(array("d", [value]) * len(names)) for quantity in KEPT}
    return Frame.of(names, columns, array("d", [0.0]) * len(names), bytes([State.FRESH]) * len(names))


def test_a_strip_is_what_was_recorded_in_each_step() -> None:
    history = RecentHistory()
    for step in range(5):
        history.record(step * STEP, (frame(["a", "b"], step),))
        view = history.record(step * STEP + 2, (frame(["a", "b"], step + 0.5),))

    assert view.strip("b", Quantity.WAITING, 5) == (0.5, 1.5, 2.5, 3.5, 4.5)
    assert view.strip("nobody", Quantity.WAITING, 5) == ()


def test_a_strip_that_was_read_before_the_past_was_filled_has_it_then() -> None:
    history = RecentHistory()
    view = history.record(3 * STEP, (frame(["a"], 3.0),))
    assert view.strip("a", Quantity.WAITING, 4) == (3.0,)

    history.backfill(2 * STEP, {Quantity.WAITING: {"a": 2.0}})
    assert view.strip("a", Quantity.WAITING, 4) == (2.0, 3.0)
    view = history.record(4 * STEP, (frame(["a"], 4.0),))
    assert view.strip("a", Quantity.WAITING, 4) == (2.0, 3.0, 4.0)
    assert view.strip("a", Quantity.RUNNING, 4) == (3.0, 4.0)


def test_who_was_away_has_a_gap_and_who_comes_later_begins_later() -> None:
    history = RecentHistory()
    for step, names in enumerate((["a", "b"], ["b"], ["b", "c"], ["c", "a", "b"])):
        view = history.record(step * STEP, (frame(names, step),))

    a = view.strip("a", Quantity.RUNNING, 4)
    assert (a[0], a[-1]) == (0.0, 3.0)
    assert all(map(math.isnan, a[1:3]))
    assert view.strip("b", Quantity.RUNNING, 4) == (0.0, 1.0, 2.0, 3.0)
    assert view.strip("c", Quantity.RUNNING, 4) == (2.0, 3.0)


def test_nobody_inherits_the_strip_of_who_had_the_row_before() -> None:
    history = RecentHistory(points=4)
    for step in range(40):
        # Every pod is there for two steps: what comes next may get the row of one that went long ago.
        view = history.record(step * STEP, (frame([f"pod-{step}", f"pod-{step - 1}"], step),))

    assert view.strip("pod-39", Quantity.RUNNING, 4) == (39.0,)
    assert view.strip("pod-38", Quantity.RUNNING, 4) == (38.0, 39.0)
    assert view.strip("pod-30", Quantity.RUNNING, 4) == ()


def test_a_quarter_of_an_hour_takes_one_number_per_pod_quantity_and_step() -> None:
    history = RecentHistory()
    names = [f"serving/pod-{i}" for i in range(PODS)]
    history.record(0.0, (frame(names, 0.0),))
    tracemalloc.start()
    for step in range(1, POINTS):
        history.record(step * STEP, (frame(names, step),))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    numbers = POINTS * PODS * len(KEPT) * FLOAT
    # The newest step is that of the Snapshot: two numbers where the others have one, and its index.
    assert kept < 1.25 * numbers


def test_pods_that_come_and_go_take_no_more_than_those_that_stay() -> None:
    history = RecentHistory(points=10)
    pods = 200
    tracemalloc.start()
    took = []
    for step in range(200):
        # A tenth of them is replaced in every step.
        names = [f"serving/pod-{step * pods // 10 + i}" for i in range(pods)]
        history.record(step * STEP, (frame(names, step),))
        if step in (50, 199):
            took.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()

    assert took[1] < 1.1 * took[0]
    # All of the last ten steps have a row: twice as many as are there at once, and no more.
    assert history.rows <= 2.5 * pods

"""Worst first, and calm."""

from __future__ import annotations

import itertools

from fleet.model.severity import Severity
from widgets.grid import WorstFirst
from widgets.grid.model import RowGroup
from widgets.grid.outline import Outline, group_of, neighbours, outline

OK, WARNING, CRITICAL = Severity.OK, Severity.WARNING, Severity.CRITICAL


Columns = tuple[tuple[str, ...], tuple[Severity, ...], tuple[float, ...]]


def rows(*given: tuple[str, Severity, float]) -> Columns:
    names, severities, scores = zip(*given, strict=True)
    return names, severities, scores


def test_severity_then_score_then_name() -> None:
    order = WorstFirst()
    assert order.order(*rows(("b", OK, 1), ("a", OK, 1), ("c", OK, 9), ("d", CRITICAL, 0), ("e", WARNING, 50))) == [
        "d",
        "e",
        "c",
        "a",
        "b",
    ]


def test_small_changes_move_nothing_and_large_ones_do() -> None:
    order = WorstFirst(margin=0.2, floor=1)
    assert order.order(*rows(("a", OK, 10), ("b", OK, 9))) == ["a", "b"]
    assert order.order(*rows(("a", OK, 10), ("b", OK, 10.9))) == ["a", "b"]
    assert order.order(*rows(("a", OK, 10), ("b", OK, 12))) == ["b", "a"]


def test_a_slow_drift_moves_in_the_end() -> None:
    order = WorstFirst(margin=0.2, floor=1)
    order.order(*rows(("a", OK, 10), ("b", OK, 9)))
    orders = [order.order(*rows(("a", OK, 10), ("b", OK, 9 + step / 2))) for step in range(20)]
    assert orders[0] == ["a", "b"]
    assert orders[-1] == ["b", "a"]
    assert sum(before != after for before, after in itertools.pairwise(orders)) == 1


def test_a_change_of_state_moves_at_once() -> None:
    order = WorstFirst()
    order.order(*rows(("a", OK, 10), ("b", OK, 9)))
    assert order.order(*rows(("a", OK, 10), ("b", CRITICAL, 9))) == ["b", "a"]
    assert order.order(*rows(("a", OK, 0), ("b", OK, 9))) == ["b", "a"]


def test_what_did_not_move_is_not_put_in_order_again() -> None:
    order = WorstFirst(margin=0.2, floor=1)
    first = order.order(*rows(("a", OK, 10), ("b", OK, 9)))
    assert order.order(*rows(("a", OK, 10.5), ("b", OK, 9.5))) is first
    assert order.sorted == 1
    assert order.order(*rows(("a", OK, 10), ("b", OK, 20))) == ["b", "a"]
    assert order.sorted == 2


def test_rows_that_come_and_go_leave_the_others_where_they_are_held() -> None:
    order = WorstFirst(margin=0.2, floor=1)
    order.order(*rows(("a", OK, 10), ("b", OK, 9)))
    assert order.order(*rows(("b", OK, 10.9), ("c", OK, 1), ("a", OK, 10))) == ["a", "b", "c"]
    assert order.order((), (), ()) == []
    assert order.order(*rows(("b", OK, 10.9), ("a", OK, 10))) == ["b", "a"], "what was gone is not remembered"


def test_neighbours_are_the_nearest_of_the_same_group_then_of_the_others() -> None:
    groups = [RowGroup("a", ("a1", "a2", "a3")), RowGroup("b", ()), RowGroup("c", ("c1",))]
    laid = outline(groups, {"a", "c"})
    assert laid.keys == ["a", "a1", "a2", "a3", "b", "c", "c1"]
    assert neighbours(laid, 2) == ["a3", "a1", "a", "b", "c"]
    assert neighbours(laid, 4) == ["c", "a"]
    assert Outline().find("a") is None
    assert group_of(groups, "a2") == "a"
    assert group_of(groups, "a2", hint="c") == "a"
    assert group_of(groups, "z") is None

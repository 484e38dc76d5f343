"""Reuse in the fleet table from one Snapshot to the next, counted; and its correctness."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

import pytest

from console.views.filter import parse_filter
from console.views.fleet import fleet_model
from console.views.fleet_order import FilterMatches, FleetOrder, RowsOrder, scores_at
from console.views.identity_cache import IdentityCache
from console.views.query import Query
from console.views.subject import pod_for, restarts_of
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Snapshot
from tests.fleets import make_snapshot, ticked, with_value, without

WORKLOAD = "serving/Deployment/llama-70b"


def pods_of(snapshot: Snapshot, query: Query, order: FleetOrder) -> list[str]:
    """The pods of the workload in the order of the table."""
    groups = fleet_model(snapshot, query, order).groups
    return list(next(group.children for group in groups if group.key == WORKLOAD))


def test_a_tick_that_moves_nothing_puts_nothing_in_order() -> None:
    snapshot, rows = make_snapshot(2, 40), RowsOrder()
    keys = snapshot.pods_of[WORKLOAD]
    first = rows.order(snapshot, snapshot.by_pod, keys)
    assert rows.order(ticked(snapshot), snapshot.by_pod, keys) is first
    calm = with_value(snapshot, first[-1], Quantity.WAITING, 0.5)
    assert rows.order(calm, calm.by_pod, keys) is first
    assert rows.worst.sorted == 1
    busy = with_value(snapshot, first[-1], Quantity.WAITING, 900.0)
    assert rows.order(busy, busy.by_pod, keys) != first
    assert rows.worst.sorted == 2


def test_an_order_that_is_kept_is_the_one_that_would_be_made() -> None:
    order, snapshot = FleetOrder(), make_snapshot(2, 40)
    pods_of(snapshot, Query(), order)
    gone = without(snapshot, *snapshot.pods_of[WORKLOAD][:7])
    worse = replace(
        gone, assessments={**gone.assessments, gone.pods_of[WORKLOAD][-1]: Assessment(Severity.CRITICAL, "stuck")}
    )
    for now in (snapshot, gone, worse, snapshot):
        assert pods_of(now, Query(), order) == pods_of(now, Query(), FleetOrder())


def test_a_workload_out_of_view_holds_nothing_of_the_snapshot_in_which_it_was_in_view() -> None:
    order, snapshot = FleetOrder(), make_snapshot(2, 40)
    held = sys.getrefcount(snapshot.assessments)
    pods_of(snapshot, Query(), order)
    seen = sys.getrefcount(snapshot.assessments)
    later = replace(ticked(snapshot), assessments=dict(snapshot.assessments))
    for _ in range(2):
        fleet_model(later, Query(), order)
    left = sys.getrefcount(snapshot.assessments)
    assert (left, seen > held) == (held, True)


def test_numbers_that_are_none_move_nothing_again_and_again() -> None:
    snapshot, rows = make_snapshot(2, 12), RowsOrder()
    first = snapshot.pods_of[WORKLOAD][0]
    odd = with_value(with_value(snapshot, first, Quantity.WAITING, math.inf), first, Quantity.KV_USAGE, -math.inf)
    order = rows.order(odd, odd.by_pod, snapshot.pods_of[WORKLOAD])
    assert sorted(order) == sorted(snapshot.pods_of[WORKLOAD])
    later = with_value(odd, first, Quantity.WAITING, math.inf)
    assert rows.order(later, later.by_pod, snapshot.pods_of[WORKLOAD]) is order
    assert rows.worst.sorted == 1


def test_pods_that_nothing_measures_are_ordered_as_those_with_nothing_to_do() -> None:
    snapshot = make_snapshot(2, 12)
    keys = ("serving/not-measured", *snapshot.pods_of[WORKLOAD])
    at = snapshot.by_pod.rows(keys)
    assert at[0] == -1
    assert scores_at(snapshot.by_pod, at)[0] == 0.0
    assert math.isnan(snapshot.by_pod.values(at, Quantity.WAITING)[0])
    assert snapshot.by_pod.values(at, Quantity.RUNNING)[1:] == pytest.approx(
        [snapshot.by_pod.value(key, Quantity.RUNNING) for key in keys[1:]], nan_ok=True
    )


def test_a_filter_is_asked_again_of_what_says_something_else_alone() -> None:
    snapshot, matches, wanted = make_snapshot(2, 40), FilterMatches(), parse_filter("oomkilled")
    kept = matches.matching(snapshot, WORKLOAD, "serving llama-70b", wanted)
    assert [snapshot.pods[key].status for key in kept] == ["CrashLoopBackOff"] * 3
    assert matches.matching(ticked(snapshot), WORKLOAD, "serving llama-70b", wanted) is kept
    assert matches.asked == 40
    well = replace(snapshot, assessments={**snapshot.assessments, kept[0]: Assessment(Severity.OK)})
    assert matches.matching(well, WORKLOAD, "serving llama-70b", wanted) == kept[1:]
    assert matches.matching(well, WORKLOAD, "serving llama-70b", parse_filter("llama")) == list(well.pods_of[WORKLOAD])
    pod = replace(well.pods[kept[0]], node="oomkilled-1")
    moved = replace(well, pods={**well.pods, pod.key: pod})
    assert matches.matching(moved, WORKLOAD, "serving llama-70b", wanted) == kept


def test_nothing_is_kept_of_workloads_that_are_gone() -> None:
    order, snapshot = FleetOrder(), make_snapshot(2, 40)
    before = pods_of(snapshot, Query(), order)
    ok = [key for key in before if snapshot.assessments[key].severity is Severity.OK]
    more = snapshot.by_pod.value(ok[0], Quantity.WAITING) + 0.9
    near = with_value(with_value(snapshot, ok[1], Quantity.WAITING, more), ok[1], Quantity.KV_USAGE, 0.9)
    assert pods_of(near, Query(), order) == before
    gone = replace(snapshot, workloads={key: row for key, row in snapshot.workloads.items() if key != WORKLOAD})
    assert [group.key for group in fleet_model(gone, Query(), order).groups] == ["serving/Deployment/llama-8b"]
    assert pods_of(near, Query(), order) == pods_of(near, Query(), FleetOrder()) != before


def test_the_worst_pod_and_the_restarts_are_those_of_the_snapshot_that_is_asked() -> None:
    snapshot = make_snapshot(2, 12)
    worst, restarts = pod_for(snapshot, WORKLOAD), restarts_of(snapshot, WORKLOAD)
    assert worst is not None
    assert snapshot.pods[worst].status == "CrashLoopBackOff"
    assert restarts == 17
    well = replace(snapshot, assessments={**snapshot.assessments, worst: Assessment(Severity.OK)})
    other = pod_for(well, WORKLOAD)
    assert other is not None
    assert well.pods[other].status == "Pending"
    fewer = without(snapshot, worst)
    assert restarts_of(fewer, WORKLOAD) == 0
    assert (pod_for(snapshot, WORKLOAD), restarts_of(snapshot, WORKLOAD)) == (worst, restarts)


def test_what_is_kept_is_made_again_when_what_it_is_made_from_is_another_object() -> None:
    kept, made = IdentityCache[int](), list[int]()

    def make() -> int:
        made.append(1)
        return len(made)

    one, equal = [1], [1]
    assert [kept.get("a", (one,), make), kept.get("a", (one,), make), kept.get("b", (one,), make)] == [1, 1, 2]
    assert kept.get("a", (equal,), make) == 3
    assert kept.get("a", (equal, one), make) == 4

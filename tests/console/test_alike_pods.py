"""Pods that are alike in the table of the fleet: compared again only when what they report has changed."""

from __future__ import annotations

from dataclasses import replace

from console.views.fleet import fleet_model
from console.views.fleet_order import FleetOrder
from console.views.query import Query
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Snapshot
from tests.fleets import make_snapshot, with_value
from widgets.grid.outline import outline


def shown(order: FleetOrder, snapshot: Snapshot) -> list[str]:
    """The rows of the table with its first workload open."""
    groups = fleet_model(snapshot, Query(), order).groups
    return outline(groups, {groups[0].key}).keys


def test_other_numbers_alone_compare_no_pods() -> None:
    order, snapshot = FleetOrder(), make_snapshot(1, 60)
    (workload,) = snapshot.pods_of
    rows = shown(order, snapshot)
    folded = [row for row in rows if row.startswith("\0")]
    assert folded
    assert len(rows) < 60
    for value in (9.0, 90.0, 900.0):
        snapshot = with_value(snapshot, next(iter(snapshot.pods)), Quantity.WAITING, value)
        assert {*shown(order, snapshot)} == {*rows}
    assert order._alike[workload].compared == 1


def test_a_pod_that_reports_something_else_gets_its_own_row_at_once() -> None:
    order, snapshot = FleetOrder(), make_snapshot(1, 60)
    (workload,) = snapshot.pods_of
    rows = shown(order, snapshot)
    hidden = next(key for key in snapshot.pods if key not in rows)
    sick = {**snapshot.assessments, hidden: Assessment(Severity.CRITICAL, "GPU lost")}
    assert hidden in shown(order, replace(snapshot, assessments=sick))
    assert shown(order, snapshot) == rows
    assert order._alike[workload].compared == 3

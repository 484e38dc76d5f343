"""Requests that a pod's end would cut, from how long requests take."""

from __future__ import annotations

from array import array
from dataclasses import replace

from actions.checks.cut_requests import check_cut
from actions.planning.plan import Verdict
from fleet.model.frame import Column, Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot
from tests.actions.stage import SNAPSHOT

PODS = ("serving/chat-0", "serving/chat-1")


def measured(running: float, e2e: float | None = None, *, of: str = "pod") -> Snapshot:
    """Each pod has so many requests; 19 of 20 take less than ``e2e`` seconds, as the pod or the workload has it."""
    columns = {Quantity.RUNNING: Column(array("d", [running] * 2)), Quantity.WAITING: Column(array("d", [0.0] * 2))}
    slow = {} if e2e is None else {Quantity.E2E_P95: Column(array("d", [e2e] * 2))}
    by_pod = _frame(PODS, columns | (slow if of == "pod" else {}))
    workloads = ("serving/Deployment/chat", "serving/Deployment/other")
    return replace(
        SNAPSHOT,
        by_pod=by_pod,
        by_workload=_frame(workloads, slow) if of == "workload" else Frame(),
        workload_of=dict.fromkeys(PODS, workloads[0]),
    )


def _frame(keys: tuple[str, ...], columns: dict[Quantity, Column]) -> Frame:
    return Frame.of(keys, columns, array("d", [0.0] * len(keys)), bytes([State.FRESH] * len(keys)))


def test_those_that_end_within_the_grace_period_are_not_cut() -> None:
    found = check_cut(measured(8, 20.0), PODS, 60.0)
    assert found.verdict is Verdict.PASS
    assert found.text == "16 requests now; each pod has 1m to finish its requests; 19 of 20 take less than 20s"


def test_those_that_take_longer_are() -> None:
    found = check_cut(measured(8, 90.0, of="workload"), PODS, 60.0)
    assert found.verdict is Verdict.WARN
    assert "1 in 20 takes longer than 1m30s" in found.text
    assert "drain" in found.fix


def test_where_nothing_says_how_long_they_take_it_is_a_warning() -> None:
    assert check_cut(measured(8), PODS, 60.0).verdict is Verdict.WARN


def test_none_is_none_and_not_measured_is_not_none() -> None:
    assert check_cut(measured(0), PODS, 60.0).text == "none now"
    found = check_cut(SNAPSHOT, PODS, 60.0)
    assert (found.verdict, found.text) == (Verdict.WARN, "not measured: what takes longer than 1m is aborted")
    assert check_cut(SNAPSHOT, (), 60.0).verdict is Verdict.PASS

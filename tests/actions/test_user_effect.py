"""The effect on users: the same workload before and after, whatever happened to the target."""

from __future__ import annotations

from array import array
from dataclasses import replace

from actions.request import Target
from actions.running.user_effect import affected_workload, load_of
from fleet.model.frame import Column, Frame
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot
from tests.fleets import make_snapshot


def waiting(snapshot: Snapshot, workload: str, value: float) -> Snapshot:
    column = {Quantity.WAITING: Column(array("d", [value]))}
    return replace(snapshot, by_workload=Frame.of((workload,), column, array("d", [0.0]), bytes([State.FRESH])))


def test_a_pod_that_is_gone_is_compared_with_what_serves_now() -> None:
    snapshot = make_snapshot(workloads=1, pods_per=2)
    workload, (key, *rest) = next(iter(snapshot.pods_of.items()))
    pod = snapshot.pods[key]
    through = affected_workload(snapshot, Target("Pod", pod.namespace, pod.name, pod.uid))
    assert through == workload
    left = replace(snapshot, pods={k: snapshot.pods[k] for k in rest}, workload_of=dict.fromkeys(rest, workload))
    assert load_of(waiting(snapshot, workload, 7.0), through).waiting == 7.0
    assert load_of(waiting(left, workload, 3.0), through).waiting == 3.0


def test_nothing_is_felt_of_a_workload_that_is_gone() -> None:
    snapshot = make_snapshot(workloads=1)
    load = load_of(snapshot, "serving/Deployment/gone")
    assert (load.waiting, load.ttft_p95, load.error_ratio) == (None, None, None)

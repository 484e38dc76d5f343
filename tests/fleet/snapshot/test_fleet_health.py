"""Health of pods, workloads and GPUs with several problems: the worst first, then the rest."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

import pytest

from fleet.model.coverage import Coverage
from fleet.model.measurement import EngineId, GpuId, Measurement
from fleet.model.objects import ModelVersion, Pod
from fleet.model.quantity import Quantity
from fleet.model.reading import State
from fleet.model.severity import Severity
from fleet.model.snapshot import Assessment, Health, Snapshot
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, node, pod

CHAT = "serving/Deployment/chat"
STUCK = {
    Quantity.RUNNING: 2.0,
    Quantity.GENERATION_TOKENS: 0.0,
    Quantity.PROMPT_TOKENS: 0.0,
    Quantity.LATEST_TOKENS: 0.0,
}
LLAMA = ModelVersion(model="meta/llama", served_name="llama")
WELL = {Quantity.RUNNING: 2.0, Quantity.GENERATION_TOKENS: 80.0, Quantity.PROMPT_TOKENS: 9.0}


def on_gpu(engines: dict[EngineId, dict[Quantity, float]], gpu: dict[Quantity, float]) -> Measurement:
    return measurement(engines, gpus={GpuId("GPU-1", "", "n1", "0", "serving", "a"): gpu})


def stands(pods: list[Pod], m: Measurement, desired: int = 1) -> Snapshot:
    return Builder().build(kube(pods, deployment(desired=desired), [node("n1")]), m, [LIVE], NOW)


def test_a_stuck_engine_is_not_hidden_by_an_old_xid_on_its_gpu() -> None:
    found = stands([pod("a", node="n1", gpus=1)], on_gpu({engine("a"): STUCK}, {Quantity.XID: 31.0})).assessments
    assert found["serving/a"] == (Severity.CRITICAL, "stuck: requests running, no tokens, XID 31")
    assert found["GPU-1"] == (Severity.WARNING, "XID 31")
    assert found[CHAT].severity is Severity.CRITICAL


@pytest.mark.parametrize("xid", [13, 31, 69])
def test_what_an_application_left_in_the_gauge_says_nothing_of_a_healthy_successor(xid: int) -> None:
    m = on_gpu({engine("a"): WELL}, {Quantity.XID: float(xid)})
    found = stands([pod("a", node="n1", gpus=1)], m).assessments
    assert found["serving/a"] == (Severity.OK, "")
    assert found["GPU-1"] == (Severity.OK, "")


def test_a_fault_of_the_hardware_counts_however_well_its_pod_is() -> None:
    found = stands([pod("a", node="n1", gpus=1)], on_gpu({engine("a"): WELL}, {Quantity.XID: 79.0})).assessments
    assert found["serving/a"] == found["GPU-1"] == (Severity.CRITICAL, "XID 79")


def test_of_a_hot_gpu_and_a_stuck_engine_the_worse_comes_first() -> None:
    m = on_gpu({engine("a"): STUCK}, {Quantity.GPU_TEMPERATURE: 92.0})
    found = stands([pod("a", node="n1", gpus=1)], m).assessments
    assert found["serving/a"] == (Severity.CRITICAL, "stuck: requests running, no tokens, 92 °C")


@pytest.mark.parametrize(
    ("stuck", "severity"), [(("a",), Severity.CRITICAL), (("a", "b"), Severity.CRITICAL), ((), Severity.OK)]
)
def test_the_requests_of_a_ready_pod_that_is_stuck_are_served_by_no_other(
    stuck: tuple[str, ...], severity: Severity
) -> None:
    m = measurement({engine(name): STUCK if name in stuck else WELL for name in "abc"})
    assert stands([pod(name) for name in "abc"], m, 3).assessments[CHAT].severity == severity


def test_a_workload_whose_only_pod_is_stuck_is_critical() -> None:
    found = stands([pod("a")], measurement({engine("a"): STUCK})).assessments[CHAT]
    assert found == (Severity.CRITICAL, "stuck: requests running, no tokens")


def failed(name: str, age: float = 86_400.0, **more: Any) -> Pod:
    status = "UnexpectedAdmissionError"
    return pod(name, phase="Failed", status=status, ready=False, gpus=1, node="n1", created=NOW - age, **more)


def test_dead_pods_whose_workload_has_its_replicas_are_left_over() -> None:
    snapshot = stands([pod("a"), *(failed(f"dead-{i}") for i in range(3))], measurement({engine("a"): WELL}))
    assert snapshot.assessments["serving/dead-0"] == (Severity.GONE, "left over: UnexpectedAdmissionError")
    assert snapshot.assessments[CHAT].severity is Severity.OK
    assert snapshot.free_gpus == {"n1": (8, 8)}


def test_old_dead_pods_are_no_reason_for_what_their_successor_does_now() -> None:
    loading = pod("a", ready=False, phase="Pending", status="ContainerCreating")
    found = stands([loading, failed("dead")], measurement()).assessments
    assert found[CHAT] == (Severity.STARTING, "ContainerCreating")


def test_a_pod_that_has_just_failed_and_has_no_ready_successor_is_critical() -> None:
    loading = pod("a", ready=False, phase="Pending", status="ContainerCreating")
    found = stands([loading, failed("dead", age=30.0)], measurement()).assessments
    assert found["serving/dead"] == (Severity.CRITICAL, "UnexpectedAdmissionError")
    assert found[CHAT].severity is Severity.CRITICAL


def test_a_failed_pod_that_nobody_replaces_stays_critical() -> None:
    found = Builder().build(kube([failed("dead", owner=None)]), measurement(), [LIVE], NOW)
    assert found.assessments["serving/dead"].severity is Severity.CRITICAL
    assert found.assessments[found.workload_of["serving/dead"]].severity is Severity.CRITICAL


@pytest.mark.parametrize("leaving", [{"deleted": NOW}, {"phase": "Succeeded", "status": "Completed", "ready": False}])
def test_a_bare_pod_that_goes_is_gone_as_a_pod_and_as_a_workload(leaving: dict[str, Any]) -> None:
    found = Builder().build(kube([pod("a", owner=None, **leaving)]), measurement(), [LIVE], NOW)
    own = found.assessments["serving/a"]
    assert own.severity is Severity.GONE
    assert found.assessments[found.workload_of["serving/a"]] == own


def test_a_workload_all_of_whose_pods_go_is_critical() -> None:
    found = stands([pod("a", deleted=NOW)], measurement()).assessments
    assert found[CHAT].severity is Severity.CRITICAL


def test_samples_that_are_days_old_are_stale_and_no_ground_for_a_verdict() -> None:
    m = on_gpu({engine("a"): STUCK}, {Quantity.GPU_TEMPERATURE: 92.0})
    days = array("d", [3 * 86_400.0])
    m = replace(m, engine_table=replace(m.engine_table, ages=days), gpu_table=replace(m.gpu_table, ages=days))
    snapshot = stands([pod("a", node="n1", gpus=1)], m)
    reading = snapshot.by_pod.get("serving/a", Quantity.RUNNING)
    assert (reading.value, reading.state, reading.age) == (2.0, State.STALE, 3 * 86_400.0)
    assert snapshot.assessments["serving/a"] == Assessment(Severity.UNKNOWN, "metrics are old")
    assert snapshot.assessments["GPU-1"] == Assessment(Severity.UNKNOWN, "GPU metrics are old")


@pytest.mark.parametrize(("share", "shown"), [(0.4, 0.4), (1.04, 1.0), (3.99, None), (10.25, None)])
def test_no_gpu_is_throttled_for_more_than_all_of_the_time(share: float, shown: float | None) -> None:
    snapshot = stands([pod("a", node="n1", gpus=1)], on_gpu({engine("a"): WELL}, {Quantity.THROTTLE: share}))
    for reading in (
        snapshot.by_gpu.get("GPU-1", Quantity.THROTTLE),
        snapshot.by_pod.get("serving/a", Quantity.THROTTLE),
        snapshot.by_workload.get(CHAT, Quantity.THROTTLE),
    ):
        assert reading.known is (shown is not None)
        assert shown is None or reading.value == pytest.approx(shown)


NOT_YET = Coverage(pending=frozenset({"pods"}))
NOWHERE = Coverage(limited={"pods": ()})
ELSEWHERE = Coverage(limited={"pods": ("batch",)})


@pytest.mark.parametrize(
    ("coverage", "reason"),
    [
        (NOT_YET, "its pods are not listed yet"),
        (NOWHERE, "its pods may not be listed"),
        (ELSEWHERE, "its pods may not be listed"),
    ],
)
def test_of_a_workload_whose_pods_are_not_known_nobody_says_that_none_is_ready(coverage: Coverage, reason: str) -> None:
    seen = replace(kube([], deployment(desired=4, ready=4)), coverage=coverage)
    assert Builder().build(seen, None, [LIVE], NOW).assessments[CHAT] == (Severity.UNKNOWN, reason)
    asleep = replace(kube([], deployment(desired=0)), coverage=coverage)
    assert Builder().build(asleep, None, [LIVE], NOW).assessments[CHAT] == (Severity.ASLEEP, "scaled to 0")


def test_of_a_workload_whose_pods_are_all_known_and_gone_it_is_said() -> None:
    assert stands([], measurement(), 4).assessments[CHAT] == (Severity.CRITICAL, "no replica is ready")
    here = replace(kube([], deployment(desired=4)), coverage=Coverage(limited={"pods": ("serving",)}))
    assert Builder().build(here, None, [LIVE], NOW).assessments[CHAT].severity is Severity.CRITICAL


def test_pods_of_the_pages_that_have_not_come_yet_are_not_missing() -> None:
    m = measurement({engine("a"): WELL})
    seen = replace(kube([pod("a")], deployment(desired=4, ready=4)), coverage=NOT_YET)
    assert Builder().build(seen, m, [LIVE], NOW).assessments[CHAT].severity is Severity.OK
    assert stands([pod("a")], m, 4).assessments[CHAT].severity is Severity.WARNING


def test_before_the_first_measurement_a_pod_is_not_measured_yet_and_after_it_has_no_metrics() -> None:
    """The one that no metrics name is judged again, although nothing of its own has changed."""
    builder, serving = Builder(), kube([pod("a", version=LLAMA), pod("b", version=LLAMA)], deployment(desired=2))
    begins = replace(LIVE, name="scrape", health=Health.STARTING)
    first = builder.build(serving, None, [LIVE, begins], NOW)
    early = first.assessments
    assert not first.incidents, "it is no finding either"
    assert {early[key] for key in ("serving/a", "serving/b")} == {(Severity.UNKNOWN, "not measured yet")}
    assert early[CHAT] == (Severity.UNKNOWN, "not measured yet")
    second = builder.build(serving, measurement({engine("a"): WELL}), [LIVE, LIVE], NOW + 1)
    found = second.assessments
    assert [one.root.cause for one in second.incidents] == ["no-metrics"]
    assert found["serving/a"].severity is Severity.OK
    assert found["serving/b"] == (Severity.UNKNOWN, "no metrics")


def test_without_a_source_that_may_still_measure_there_are_no_metrics() -> None:
    found = Builder().build(kube([pod("a", version=LLAMA)], deployment()), None, [LIVE], NOW).assessments
    assert found["serving/a"] == (Severity.UNKNOWN, "no metrics")

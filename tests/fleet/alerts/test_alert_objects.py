"""The objects that an alert concerns, by any of its labels; named objects that do not exist are reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.alerts.alert_objects import Index
from fleet.alerts.board import NONE, AlertBoardMaker, severity_of
from fleet.model.alerts import Alert, Evaluated, Notified
from fleet.model.facts import Dated, Facts
from fleet.model.measurement import GpuId
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.model.snapshot import Snapshot
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, node, pod

CHAT = "serving/Deployment/chat"


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    gpus: dict[GpuId, dict[Quantity, float]] = {
        GpuId("GPU-1", "", "gpu-1", "0", "serving", "chat-1"): {},
        GpuId("GPU-2", "", "gpu-1", "1"): {},
        GpuId("GPU-3", "7", "gpu-2", "0"): {},
    }
    state = kube(
        [pod("chat-1", node="gpu-1", gpus=1, ip="10.0.0.7"), pod("host", "other", ip="192.168.0.1")],
        [*deployment(), *deployment("other")],
        [node("gpu-1", address="192.168.0.1"), node("gpu-2", address="192.168.0.2")],
    )
    return Builder().build(state, measurement({engine("chat-1"): {}}, gpus=gpus), [LIVE], NOW)


@pytest.mark.parametrize(
    ("labels", "objects"),
    [
        ("namespace=serving pod=chat-1", ["serving/chat-1"]),
        # kube-state-metrics and dcgm-exporter without honorLabels: pod is the exporter.
        (
            "namespace=monitoring pod=ksm-0 exported_namespace=serving exported_pod=chat-1",
            ["serving/chat-1"],
        ),
        ("namespace=monitoring pod=dcgm-0 UUID=GPU-1 Hostname=gpu-1", ["GPU-1", "gpu-1"]),
        ("Hostname=gpu-1 gpu=1", ["GPU-2", "gpu-1"]),
        ("Hostname=gpu-2 gpu=0", ["GPU-3/7", "gpu-2"]),
        ("UUID=GPU-3", ["GPU-3/7"]),
        ("device=nvidia0 gpu=nvidia0 node=gpu-1", ["GPU-1", "gpu-1"]),
        ("namespace=serving deployment=chat", [CHAT]),
        ("namespace=serving workload=chat workload_type=deployment", [CHAT]),
        ("namespace=serving statefulset=chat", []),
        ("namespace=serving job=chat", [CHAT]),
        ("namespace=serving job=serving/chat", [CHAT]),
        ("namespace=serving service=chat", [CHAT]),
        ("namespace=serving model_name=llama", ["serving/llama"]),
        ("model_name=llama", ["serving/llama"]),
        ("namespace=elsewhere model_name=llama", []),
        ("node=gpu-1", ["gpu-1"]),
        ("instance=gpu-1", ["gpu-1"]),
        ("instance=192.168.0.2:9100", ["gpu-2"]),
        ("instance=10.0.0.7:8000", ["serving/chat-1"]),
        ("instance=http://10.0.0.7:8000/metrics", ["serving/chat-1"]),
        # A pod in the host network has the node's address, which does not identify it.
        ("instance=192.168.0.1:9100", ["gpu-1"]),
        ("namespace=serving pod=chat-1 model_name=llama node=gpu-1", ["serving/chat-1", "serving/llama", "gpu-1"]),
        ("namespace=serving pod=gone", []),
        ("severity=critical", []),
        ("instance=", []),
        ("instance=[::1]:8000", []),
    ],
)
def test_labels_name_objects(snapshot: Snapshot, labels: str, objects: list[str]) -> None:
    pairs = dict(pair.split("=", 1) for pair in labels.split())
    assert list(Index(snapshot).concerned(Alert(pairs)).objects) == objects


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"namespace": "serving", "pod": "gone"}, "nothing here is pod=gone"),
        ({"UUID": "GPU-9", "Hostname": "gpu-9"}, "nothing here is UUID=GPU-9, Hostname=gpu-9"),
        ({"severity": "critical", "job": "apiserver"}, "its labels name no object"),
    ],
)
def test_what_cannot_be_joined_is_said(snapshot: Snapshot, labels: dict[str, str], expected: str) -> None:
    assert Index(snapshot).concerned(Alert(labels)).unjoined == expected


def with_alerts(snapshot: Snapshot, *alerts: Alert) -> Snapshot:
    return replace(snapshot, facts=Facts({"am": Dated(NOW, Notified(alerts, ()))}))


def test_an_alert_of_a_gpu_stands_at_its_pod_its_workload_and_its_model(snapshot: Snapshot) -> None:
    board = AlertBoardMaker().board_of(with_alerts(snapshot, Alert({"alertname": "Xid", "UUID": "GPU-1"})))
    (key,) = board.rows
    assert board.of == dict.fromkeys(("GPU-1", "serving/chat-1", CHAT, "serving/llama"), (key,))
    assert [row.merged.alert.name for row in board.about(CHAT)] == ["Xid"]


def test_what_is_silenced_or_pending_marks_nothing_and_is_listed(snapshot: Snapshot) -> None:
    labels = {"namespace": "serving", "pod": "chat-1"}
    board = AlertBoardMaker().board_of(
        with_alerts(
            snapshot,
            Alert(labels | {"alertname": "A"}, silenced_by=("s",)),
            Alert(labels | {"alertname": "B"}, inhibited_by=("f",)),
            Alert(labels | {"alertname": "C"}, firing=False),
        )
    )
    assert board.about("serving/chat-1") == ()
    assert len(board.of["serving/chat-1"]) == 3


def test_the_worst_comes_first(snapshot: Snapshot) -> None:
    def fires(name: str, severity: str, **more: object) -> Alert:
        return Alert({"alertname": name, "severity": severity}, **more)  # type: ignore[arg-type]

    alerts = (
        fires("Watchdog", "none"),
        fires("Slow", "warning"),
        fires("Quiet", "critical", silenced_by=("s",)),
        fires("Soon", "critical", firing=False),
        fires("Full", "critical"),
    )
    board = AlertBoardMaker().board_of(with_alerts(snapshot, *alerts))
    assert [row.merged.alert.name for row in board.rows.values()] == ["Full", "Slow", "Soon", "Watchdog", "Quiet"]
    assert [severity_of(row.merged.alert) for row in board.rows.values()] == [
        Severity.CRITICAL,
        Severity.WARNING,
        Severity.STARTING,
        Severity.OK,
        Severity.ASLEEP,
    ]


def test_the_board_is_the_same_while_nothing_changes(snapshot: Snapshot) -> None:
    maker, with_one = AlertBoardMaker(), with_alerts(snapshot, Alert({"alertname": "A", "node": "gpu-1"}))
    first = maker.board_of(with_one)
    later = replace(with_one, at=NOW + 2, facts=Facts({"am": Dated(NOW + 2, with_one.facts.of(Notified)["am"].value)}))
    assert maker.board_of(later) is first
    assert maker.board_of(with_alerts(snapshot)) is not first
    assert maker.board_of(snapshot) is NONE


def test_of_a_view_of_one_namespace_the_whole_cluster_is_joined(snapshot: Snapshot) -> None:
    view = replace(snapshot, pods={}, workloads={}, whole=snapshot)
    board = AlertBoardMaker().board_of(replace(view, facts=Facts({"rules": Dated(NOW, Evaluated((), ()))})))
    assert board.rows == {}
    alert = Alert({"namespace": "serving", "pod": "chat-1"})
    assert Index(view).concerned(alert).objects == ("serving/chat-1",)

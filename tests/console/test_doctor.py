"""The doctor: its findings, and that its fixes work."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from console import main
from console.config.load import load
from console.config.problem import ConfigError, Problem
from console.config.settings import PrometheusSettings, Settings
from console.doctor.check import DoctorCheck, DoctorStatus
from console.doctor.permissions import NeededPermission, PermissionReview, grants, judge, needs
from console.doctor.report import lines
from console.doctor.sources import check_api_server, check_metrics
from console.doctor.surroundings import check_configuration, check_terminal
from fleet.model.coverage import Coverage
from fleet.model.measurement import GpuId
from fleet.model.objects import Serving
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Cluster, Health, Snapshot, SourceStatus
from fleet.snapshot.builder import Builder
from fleet.sources import metrics_collector
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, node, pod
from tests.simulator.api_process import Process, simulator

PODS = NeededPermission("pods", ("list", "watch"), "the pods", essential=True)
LOGS = NeededPermission("pods/log", ("get",), "logs")
NODES = NeededPermission("nodes", ("list", "watch"), "nodes", namespaced=False)


def status(name: str, health: Health, **more: Any) -> SourceStatus:
    return SourceStatus(name, health, NOW, **more)


def fleet(*sources: SourceStatus, engines: bool = True, gpus: bool = False) -> Snapshot:
    """One pod that holds a GPU."""
    measured = measurement(
        {engine("chat-1-a"): {Quantity.RUNNING: 1.0}} if engines else {},
        gpus={GpuId("GPU-1", "", "n1", "0", "serving", "chat-1-a"): {Quantity.GPU_UTIL: 0.5}} if gpus else {},
    )
    pods = [pod("chat-1-a", node="n1", gpus=1, gpu_resource="nvidia.com/gpu")]
    return Builder().build(kube(pods, deployment(), [node("n1")]), measured, [LIVE, *sources], NOW)


def found(snapshot: Snapshot, settings: Settings | None = None) -> dict[str, DoctorCheck]:
    return {check.subject: check for check in check_metrics(snapshot, settings or Settings())}


def test_without_a_prometheus_it_says_how_to_get_one() -> None:
    check = found(fleet(status("prometheus", Health.OFF)))["prometheus"]
    assert check.verdict is DoctorStatus.WARN
    assert "helm install prometheus" in check.fix


def test_a_prometheus_that_must_be_there_and_is_not_fails() -> None:
    settings = Settings(prometheus=PrometheusSettings(enabled="always"))
    assert found(fleet(status("prometheus", Health.OFF)), settings)["prometheus"].verdict is DoctorStatus.FAIL


def test_a_prometheus_that_is_switched_off_is_fine() -> None:
    settings = Settings(prometheus=PrometheusSettings(enabled="never"))
    assert found(fleet(status("prometheus", Health.OFF)), settings)["prometheus"].verdict is DoctorStatus.OK


def test_a_prometheus_that_does_not_answer_says_where_and_what_to_do() -> None:
    down = status("prometheus", Health.DOWN, endpoint="http://p:9090", problem="connection refused", remedy="start it")
    check = found(fleet(down))["prometheus"]
    assert (check.verdict, check.finding, check.fix) == (
        DoctorStatus.FAIL,
        "http://p:9090: connection refused",
        "start it",
    )


def test_no_engine_series_gives_a_snippet_that_scrapes_them() -> None:
    check = found(fleet(engines=False))["engines"]
    assert check.verdict is DoctorStatus.WARN
    assert "kind: PodMonitor" in check.fix


def test_engines_that_are_not_read_are_named_and_need_no_fix() -> None:
    triton = pod("a", serving=Serving("Triton"))
    snapshot = Builder().build(kube([triton], deployment()), measurement(), [LIVE], NOW)
    expected = DoctorCheck(
        "engines", DoctorStatus.OK, "none with supported metrics", ("serving/a: Triton: not read yet",)
    )
    assert found(snapshot)["engines"] == expected
    both = Builder().build(kube([triton, pod("b", serving=Serving("vLLM"))], deployment()), measurement(), [LIVE], NOW)
    assert found(both)["engines"].verdict is DoctorStatus.WARN


def test_gpus_without_dcgm_series_say_how_to_get_them() -> None:
    check = found(fleet())["GPUs"]
    assert check.verdict is DoctorStatus.WARN
    assert "helm install dcgm-exporter" in check.fix
    assert found(fleet(gpus=True))["GPUs"].verdict is DoctorStatus.OK


def test_what_may_not_be_seen_is_not_proposed_to_be_installed_or_relabelled() -> None:
    """An exporter and the pods of other namespaces may be there and right, where this identity does not look."""
    state = kube([pod("a")], deployment(), [node("n1")])
    state = replace(state, coverage=Coverage(limited={"pods": ("serving",)}))
    engines = measurement({engine("a"): {}, engine("b", namespace="batch"): {}})
    snapshot = Builder().build(state, engines, [LIVE], NOW)
    checks = found(snapshot)
    assert "joins" not in checks
    assert checks["GPUs"].fix == ""
    assert "whether one runs is not known: you may not list pods beyond serving" in checks["GPUs"].finding


def test_series_without_a_pod_give_the_relabelling() -> None:
    measured = measurement({engine("chat-1-a"): {Quantity.RUNNING: 1.0}, engine("elsewhere"): {Quantity.RUNNING: 1.0}})
    snapshot = Builder().build(kube([pod("chat-1-a")], deployment()), measured, [LIVE], NOW)
    check = found(snapshot)["joins"]
    assert check.verdict is DoctorStatus.WARN
    assert "elsewhere" in check.details[0]
    assert "__meta_kubernetes_pod_name" in check.fix


def test_the_api_server() -> None:
    snapshot = fleet()
    snapshot = replace(snapshot, cluster=Cluster(user="me", groups=("a", "b"), version="v1.36.0"))
    assert check_api_server(snapshot, explained=False) == DoctorCheck(
        "API server", DoctorStatus.OK, "Kubernetes v1.36.0, as me (a, b), 1 pod"
    )
    down = replace(snapshot, sources=(status("kubernetes", Health.DOWN, problem="401", remedy="log in"),))
    assert check_api_server(down, explained=False) == DoctorCheck("API server", DoctorStatus.FAIL, "401", (), "log in")
    degraded = replace(snapshot, sources=(status("kubernetes", Health.DEGRADED, notes=("nodes: forbidden",)),))
    assert check_api_server(degraded, explained=False).details == ("nodes: forbidden",)
    assert check_api_server(degraded, explained=True).verdict is DoctorStatus.OK


def test_what_is_missing_is_granted_where_one_looks() -> None:
    commands = list(grants((PODS, LOGS, NODES), "ann@example.com", "serving"))
    assert commands == [
        "kubectl create clusterrole quarterdeck-reader --verb=list,watch --resource=nodes",
        "kubectl create clusterrolebinding quarterdeck-reader --clusterrole=quarterdeck-reader --user=ann@example.com",
        "kubectl create role quarterdeck-reader -n serving --verb=get --resource=pods/log",
        "kubectl create rolebinding quarterdeck-reader -n serving --role=quarterdeck-reader --user=ann@example.com",
        "kubectl create role quarterdeck-reader-2 -n serving --verb=list,watch --resource=pods",
        "kubectl create rolebinding quarterdeck-reader-2 -n serving --role=quarterdeck-reader-2 --user=ann@example.com",
    ]


def test_a_service_account_is_granted_as_one_and_names_are_quoted() -> None:
    *_, last = grants((LOGS,), "system:serviceaccount:ops:viewer", "")
    assert last.endswith(" --serviceaccount=ops:viewer")
    *_, last = grants((LOGS,), "x; rm -rf /", "")
    assert shlex.split(last)[-1] == "--user=x; rm -rf /"


@pytest.mark.parametrize(
    ("answer", "namespace", "verdict", "finding"),
    [
        (PermissionReview(), "", DoctorStatus.OK, "me may read everything that is shown, in all namespaces"),
        (PermissionReview((LOGS,)), "", DoctorStatus.WARN, "me may not read pods/log in all namespaces"),
        (PermissionReview((PODS,), "a"), "a", DoctorStatus.FAIL, "me may not read pods in namespace a"),
        (
            PermissionReview((), "a"),
            "",
            DoctorStatus.WARN,
            "me sees no other namespace than a, and may read everything there",
        ),
        (PermissionReview(trouble="refused"), "", DoctorStatus.WARN, "could not be checked: refused"),
    ],
)
def test_the_verdict_on_permissions(
    answer: PermissionReview, namespace: str, verdict: DoctorStatus, finding: str
) -> None:
    check = judge(answer, "me", namespace)
    assert (check.verdict, check.finding) == (verdict, finding)


def test_kubectl_takes_the_names_of_all_needs() -> None:
    assert {need.parts for need in needs()} >= {
        ("pods", "", ""),
        ("deployments", "apps", ""),
        ("pods", "", "log"),
        ("services", "", "proxy"),
    }


@pytest.mark.parametrize(
    ("environ", "encoding", "size", "verdict", "expected"),
    [
        ({"TERM": "xterm-256color"}, "utf-8", (120, 40), DoctorStatus.OK, "quarterdeck-dark, Unicode glyphs, 120x40"),
        ({"TERM": "xterm"}, "utf-8", (80, 24), DoctorStatus.OK, "theme ansi"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "utf-8", (80, 24), DoctorStatus.OK, "no colours"),
        ({"TERM": "xterm"}, "ascii", (80, 24), DoctorStatus.WARN, "ASCII glyphs"),
        ({"TERM": "xterm"}, "utf-8", (40, 10), DoctorStatus.WARN, "40x10"),
        ({"TERM": "dumb"}, "utf-8", (80, 24), DoctorStatus.WARN, "TERM=dumb"),
    ],
)
def test_the_terminal(
    environ: dict[str, str], encoding: str, size: tuple[int, int], verdict: DoctorStatus, expected: str
) -> None:
    check = check_terminal(environ, encoding, size, interactive=True)
    assert check.verdict is verdict
    assert expected in check.finding
    assert bool(check.fix) is (verdict is DoctorStatus.WARN)


def test_the_configuration(tmp_path: Path) -> None:
    broken = check_configuration(ConfigError(Problem("f:1", "bad", "mend it")), {})
    assert (broken.verdict, broken.details) == (DoctorStatus.FAIL, ("f:1: bad   mend it",))
    file = tmp_path / "c.toml"
    file.write_text('[prometheus]\nbearer_token_env = "NOWHERE"\n')
    check = check_configuration(load({}, file=file, policy=tmp_path / "none"), {})
    assert check.verdict is DoctorStatus.WARN
    assert "NOWHERE is not set" in check.details[0]


def test_the_report_indents_and_cannot_be_steered_from_outside() -> None:
    check = DoctorCheck("API server", DoctorStatus.FAIL, "bad \x1b[31mred", ("one", "two"), "do this\nthen that")
    assert list(lines([check])) == [
        "fail  API server     bad red",
        "                     - one",
        "                     - two",
        "                     fix: do this",
        "                          then that",
    ]


def test_the_report_is_folded_to_the_terminal_but_not_what_is_to_be_copied() -> None:
    fix = "helm install prometheus prometheus-community/kube-prometheus-stack -n monitoring --create-namespace"
    finding = "Kubernetes v1.36.0, as admin (system:masters, system:authenticated), 41 pods"
    folded = list(lines([DoctorCheck("acknowledgements", DoctorStatus.WARN, finding, (finding,), fix)], 60))
    *others, last = folded
    assert last.endswith(fix)
    assert all(len(line) <= 60 for line in others)
    assert " ".join(" ".join(others).split()) == f"warn acknowledgements {finding} - {finding}"
    assert {line.index("Kubernetes") for line in others if "Kubernetes" in line} == {23, 25}


@pytest.fixture(scope="module")
def simulation() -> Iterator[Process]:
    with simulator("--pods", "4") as running:
        yield running


class Doctor(Protocol):
    """Runs ``quarterdeck doctor --json`` in this process: exit code and report."""

    def __call__(self, *arguments: str) -> tuple[int, dict[str, Any]]: ...


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    # Rates need two scrapes some seconds apart; nothing here looks at a rate.
    monkeypatch.setattr(metrics_collector, "SETTLE", 0.1)

    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main.main(["doctor", "--json", *arguments])
        report: dict[str, Any] = json.loads(capsys.readouterr().out)
        return code, report

    return run


@pytest.mark.parametrize(
    ("context", "code", "permissions", "actions"),
    [
        ("demo", 0, "ok", "ok"),
        ("demo-auditor", 0, "warn", "warn"),
        ("demo-teamlead", 0, "warn", "warn"),
        ("demo-nobody", 1, "fail", "warn"),
    ],
)
def test_on_a_cluster_as_each_identity(
    simulation: Process, doctor: Doctor, context: str, code: int, permissions: str, actions: str
) -> None:
    ended, report = doctor("--kubeconfig", str(simulation.kubeconfig), "--context", context)
    assert ended == code, report
    assert report["schema"] == "quarterdeck/doctor/v1"
    verdicts = {check["subject"]: check["verdict"] for check in report["checks"]}
    assert verdicts["permissions"] == permissions
    assert verdicts["actions"] == actions
    assert verdicts["kubeconfig"] == "ok"
    assert verdicts["API server"] == "ok"


def test_without_a_kubeconfig(doctor: Doctor) -> None:
    code, report = doctor()
    assert code == 3
    [kubeconfig] = [check for check in report["checks"] if check["subject"] == "kubeconfig"]
    assert kubeconfig["verdict"] == "fail"
    assert "--kubeconfig" in kubeconfig["fix"]


def test_a_broken_configuration_does_not_stop_it(tmp_path: Path, doctor: Doctor) -> None:
    file = tmp_path / "c.toml"
    file.write_text("nonsense")
    _, report = doctor("--config", str(file), "--kubeconfig", "/nowhere/kubeconfig")
    checks = report["checks"]
    assert (checks[0]["subject"], checks[0]["verdict"]) == ("configuration", "fail")
    assert f"{file}:1" in checks[0]["details"][0]
    assert any("/nowhere/kubeconfig" in check["finding"] for check in checks)


def test_who_may_list_and_not_watch_is_warned_and_not_failed() -> None:
    check = judge(PermissionReview((replace(PODS, verbs=("watch",)),)), "ann", "")
    assert check.verdict is DoctorStatus.WARN
    assert "may list but not watch, so changes arrive late: pods" in check.finding
    assert "no fleet" not in " ".join(check.details)
    assert "--verb=watch --resource=pods" in check.fix

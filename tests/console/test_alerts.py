"""Alerts in the console and in the document: from an alert to its object and back, marks, and alerts without
objects.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from console import main
from console.app.app import QuarterdeckApp
from console.commands.command import ScreenId
from console.config.options import Options
from console.config.settings import AlertmanagerSettings, ClusterSettings, RulesSettings, Settings, UiSettings
from console.views.alert_marks import board
from console.wiring.session import session_of
from tests.console.stage import Stage
from tests.fleet.sources.alerts.servers import Said, answering
from tests.simulator.api_process import Process, simulator
from themes.look import Look, use

RULE = {
    "name": "KvCacheFull",
    "type": "alerting",
    "query": "vllm:kv_cache_usage_perc > 0.95",
    "duration": 120,
    "health": "ok",
    "alerts": [],
}
RULES = {"status": "success", "data": {"groups": [{"name": "serving", "rules": [RULE]}]}}


def posted(name: str, *, silenced: bool = False, **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "severity": "critical"} | labels,
        "annotations": {
            "summary": f"{name} of {labels.get('pod', 'somebody')} \x1b[31m[bold]",
            "runbook_url": "http://r",
        },
        "startsAt": "2026-11-29T12:00:00Z",
        "generatorURL": "http://prometheus/graph?g0.expr=x",
        "status": {"silencedBy": ["s1"] if silenced else []},
        "fingerprint": name,
    }


SILENCE = {
    "id": "s1",
    "status": {"state": "active"},
    "matchers": [{"name": "alertname", "value": "Slow", "isRegex": False}],
    "startsAt": "2026-11-29T12:00:00Z",
    "endsAt": "2036-11-29T12:00:00Z",
    "createdBy": "ops",
    "comment": "INC-7",
}


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--pods", "4", "--seed", "7") as running:
        yield running


@pytest.fixture
def server() -> Iterator[Said]:
    with answering({"/api/v2/alerts": [], "/api/v2/silences": [SILENCE], "/api/v1/rules": RULES}) as running:
        yield running


@asynccontextmanager
async def console(fleet: Process, server: Said, size: tuple[int, int] = (160, 40)) -> AsyncIterator[Stage]:
    use(Look())
    settings = Settings(
        cluster=ClusterSettings(kubeconfig=str(fleet.kubeconfig)),
        alertmanager=AlertmanagerSettings(url=server.url),
        rules=RulesSettings(url=server.url),
        ui=UiSettings(refresh=0.5),
    )
    session = session_of(settings)
    app = QuarterdeckApp(session, Options())
    async with app.run_test(size=size) as pilot:
        stage = Stage(app, pilot, session)
        await stage.until(lambda: app.desk is not None and app.desk.snapshot is not None)
        await stage.until(lambda: bool(stage.snapshot.model_of))
        yield stage


def where(stage: Stage) -> ScreenId | None:
    front = stage.desk.navigator.front
    return front.where if front is not None else None


def pod_of(stage: Stage) -> tuple[str, str]:
    """Namespace and name of a pod that serves a model."""
    workload = next(key for key in stage.snapshot.workloads if key in stage.snapshot.model_of)
    namespace, _, name = stage.snapshot.pods_of[workload][0].partition("/")
    return namespace, name


async def test_from_an_alert_to_its_object_and_back_by_one_key(fleet: Process, server: Said) -> None:
    async with console(fleet, server) as stage:
        namespace, pod = pod_of(stage)
        key = f"{namespace}/{pod}"
        server.answers["/api/v2/alerts"] = [
            posted("KvCacheFull", namespace=namespace, pod=pod),
            posted("Slow", silenced=True, namespace=namespace, pod=pod),
            posted("ApiDown", job="apiserver"),
            posted("Gone", namespace=namespace, pod="long-gone"),
        ]
        await stage.until(lambda: (alerts := board(stage.snapshot)) is not None and len(alerts.rows) == 4)
        await stage.line("alerts")
        await stage.until(lambda: "KvCacheFull" in stage.shown)
        assert "silenced" in stage.shown
        assert f"KvCacheFull of {pod}" in stage.shown
        assert "its labels name no object" not in stage.shown, "it has a summary"
        assert "\x1b" not in stage.shown
        alerts = board(stage.snapshot)
        assert alerts is not None
        row = next(one for one, found in alerts.rows.items() if found.merged.alert.name == "KvCacheFull")
        stage.move_to(row)
        await stage.pilot.press("enter")
        await stage.until(lambda: "vllm:kv_cache_usage_perc > 0.95" in stage.shown)
        for text in (
            key,
            "for 2m",
            "http://prometheus/graph?g0.expr=x",
            "http://r",
            "alertmanager",
            "2026-11-29 12:00",
        ):
            assert text in stage.shown
        await stage.pilot.press("asterisk")
        await stage.until(lambda: where(stage) is ScreenId.DETAIL)
        await stage.until(lambda: "ALERTS" in stage.shown)
        await stage.pilot.press("asterisk")
        await stage.until(lambda: where(stage) is ScreenId.ALERTS)
        await stage.until(lambda: "KvCacheFull" in stage.shown)
        assert "ApiDown" not in stage.shown, "those of the object alone"
        await stage.pilot.press("escape")
        await stage.until(lambda: where(stage) is ScreenId.DETAIL)


async def test_a_gpu_is_called_by_its_number_and_its_node(fleet: Process, server: Said) -> None:
    async with console(fleet, server, (120, 40)) as stage:
        await stage.until(lambda: any(gpu.node for gpu in stage.snapshot.gpus.values()))
        gpu = next(gpu for gpu in stage.snapshot.gpus.values() if gpu.node)
        server.answers["/api/v2/alerts"] = [posted("GpuXid", UUID=gpu.uuid, Hostname=gpu.node)]
        await stage.until(lambda: (alerts := board(stage.snapshot)) is not None and bool(alerts.rows))
        await stage.line("alerts")
        called = f"GPU {gpu.ordinal} of {gpu.node}"
        await stage.until(lambda: called in stage.shown)
        await stage.pilot.press("enter")
        await stage.until(lambda: f"{called}, {gpu.uuid}" in stage.shown)


async def test_who_silenced_it_and_what_could_not_be_joined_is_said(fleet: Process, server: Said) -> None:
    async with console(fleet, server) as stage:
        server.answers["/api/v2/alerts"] = [posted("Slow", silenced=True, pod="long-gone")]
        await stage.until(lambda: (alerts := board(stage.snapshot)) is not None and bool(alerts.rows))
        await stage.line("alerts")
        await stage.until(lambda: "Slow" in stage.shown)
        await stage.pilot.press("enter")
        await stage.until(lambda: "INC-7" in stage.shown)
        assert "none: nothing here is pod=long-gone" in stage.shown
        assert "by ops: INC-7" in stage.shown
        assert 'alertname="Slow"' in stage.shown
        await stage.pilot.press("asterisk")
        await stage.until(lambda: "the alert names no object that is in view" in stage.shown)


async def test_the_row_is_marked_and_nothing_is_cut_for_it(fleet: Process, server: Said) -> None:
    async with console(fleet, server, (80, 24)) as stage:
        namespace, pod = pod_of(stage)
        plain = stage.shown.splitlines()
        server.answers["/api/v2/alerts"] = [posted("KvCacheFull", namespace=namespace, pod=pod)]
        await stage.until(lambda: (alerts := board(stage.snapshot)) is not None and bool(alerts.rows))
        await stage.until(lambda: "alert KvCacheFu" in stage.shown)
        head = next(line for line in plain if "MODEL" in line)
        assert head in stage.shown, "the columns are those of before"


async def test_without_an_alert_it_is_said_who_was_asked(fleet: Process, server: Said) -> None:
    async with console(fleet, server) as stage:
        await stage.line("alerts")
        await stage.until(lambda: "no alert is pending or fires (alertmanager, rules)" in stage.shown)


def test_they_are_in_the_document(fleet: Process, server: Said, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["snapshot", "--json", "--kubeconfig", str(fleet.kubeconfig), "--alertmanager", server.url]
    assert main.main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["alerts"] == []
    pod = next(pod for pod in found["pods"] if pod.get("workload"))
    server.answers["/api/v2/alerts"] = [
        posted("KvCacheFull", namespace=pod["namespace"], pod=pod["name"]),
        posted("Slow", silenced=True, pod="gone"),
    ]
    assert main.main(arguments) == 0
    full, slow = json.loads(capsys.readouterr().out)["alerts"]
    assert (full["name"], full["state"], full["objects"]) == ("KvCacheFull", "firing", [pod["key"]])
    assert (full["severity"], full["since"], full["sources"]) == ("critical", 1795953600.0, ["alertmanager"])
    assert (slow["state"], slow["silences"], slow["unjoined"]) == ("silenced", ["s1"], "nothing here is pod=gone")

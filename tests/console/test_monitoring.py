"""The check of monitoring itself, on the screen and in the doctor's report."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from console import main
from console.doctor.check import DoctorStatus
from console.doctor.monitoring import check_monitoring
from console.views.monitoring import examined_text, monitoring_lines
from fleet.monitoring.faults import Examined, FaultKind, MonitoringFault
from tests.console.test_alerts import RULES, console
from tests.fleet.sources.alerts.servers import Said, answering
from tests.simulator.api_process import Process, simulator
from themes.glyphs import UNICODE

DEAD = MonitoringFault(
    FaultKind.DEAD, "serving/Full", "kv_usage: no such metric; there is kv_usage_total", "its alert cannot fire"
)
DOWN = MonitoringFault(FaultKind.DOWN, "engines", "2 down: a, b", "its Targets page says why")
PARTLY = MonitoringFault(FaultKind.PARTLY, "serving/Either", "old: no such metric")


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    with simulator("--pods", "4", "--seed", "7") as running:
        yield running


@pytest.fixture
def server() -> Iterator[Said]:
    with answering({"/api/v2/alerts": [], "/api/v2/silences": [], "/api/v1/rules": RULES}) as running:
        yield running


def text(examined: Examined) -> str:
    lines = monitoring_lines(examined, 100, UNICODE)
    return "\n".join("".join(span.text for span in line.spans) for line in lines)


def test_faults_stand_by_their_kind_with_what_to_do() -> None:
    shown = text(Examined(0.0, (DEAD, DOWN, PARTLY), 12, 20, 3, ("targets: it may not be asked\x1b[31m",)))
    assert "2 faults; 12 rules with 20 selectors, in 3 queries" in shown
    assert (
        shown.index("NO SUCH SERIES") < shown.index("TARGET DOWN") < shown.index("PARTLY") < shown.index("NOT CHECKED")
    )
    for full in ("serving/Full", "there is kv_usage_total", "its alert cannot fire", "2 down: a, b"):
        assert full in shown
    assert "\x1b" not in shown


def test_nothing_wrong_is_said_of_what_was_looked_at() -> None:
    assert examined_text(Examined(0.0, (PARTLY,), 1, 2, 3)).startswith("no problems in what was checked; 1 rule ")


def test_the_doctor_warns_and_an_alternative_is_no_warning() -> None:
    dead, down = check_monitoring(Examined(0.0, (DEAD, DOWN, PARTLY), 12, 20, 3))
    assert (dead.verdict, down.verdict) == (DoctorStatus.WARN, DoctorStatus.WARN)
    assert dead.finding == "1 rule refers to series that do not exist (12 rules, 20 selectors)"
    assert dead.details == ("serving/Full: kv_usage: no such metric; there is kv_usage_total",)
    (fine,) = check_monitoring(Examined(0.0, (PARTLY,), 12, 20, 3))
    assert fine.verdict is DoctorStatus.OK


async def test_the_screen_says_what_could_not_be_looked_at(fleet: Process, server: Said) -> None:
    async with console(fleet, server) as stage:
        await stage.until(lambda: bool(stage.snapshot.facts.by_source.get("rules")))
        await stage.line("monitoring")
        await stage.until(lambda: "1 rule with 0 selectors" in stage.shown)
        assert "no metrics store answers" in stage.shown


def test_the_doctor_looks_at_it(fleet: Process, server: Said, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["doctor", "--json", "--kubeconfig", str(fleet.kubeconfig)]) == 0
    checks = {check["subject"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["monitoring"]["verdict"] == "ok"
    assert "no rules are known" in checks["monitoring"]["details"][0]

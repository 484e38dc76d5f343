"""A new check of plans, one function and one row: every plan on a cluster has it, including that of a silence, and a
plan that it blocks is not run.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from actions.checks import every
from actions.kinds.cordon import Cordon
from actions.kinds.scale import Scale
from actions.kinds.silence import ALERT, SilenceAlert
from actions.planning.plan import Check, Plan, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Target
from actions.running.runner import PlanRefusedError
from actions.spec import Api
from console.cli import exit_codes
from console.cli.dispatch import dispatch
from console.cli.find_alert import find_alert
from console.views.plan import plan_lines
from fleet.model.alerts import Alert, Notified
from fleet.model.facts import Dated, Facts
from fleet.model.snapshot import Health, SourceStatus
from tests.actions.plans import make_plan
from tests.actions.stage import NOW, FakeCluster, deployment
from tests.simulator.api_process import simulator
from themes.glyphs import UNICODE

WHY = "the fleet is frozen until Monday"
CHAT = Target("Deployment", "serving", "chat-70b")


async def check_embargo(plan: Plan, context: ClusterContext) -> Check:
    """Nothing changes in production while it is under embargo."""
    production = plan.target.namespace == "serving" or plan.target.kind == ALERT
    frozen = context.scope.context != "staging" and production
    return Check(
        "embargo", Verdict.BLOCK if frozen else Verdict.PASS, WHY if frozen else "no embargo", "wait for Monday"
    )


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one row."""
    monkeypatch.setattr(every, "FIRST", (*every.FIRST, every.PlanCheck(check_embargo)))


def cluster() -> FakeCluster:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "uid": "uid-n1"}, "spec": {}}
    stage = FakeCluster()
    stage.add(deployment(), node)
    return stage


async def test_every_plan_has_it_and_where_it_blocks_nothing_is_sent() -> None:
    stage = cluster()
    runner = stage.runner()
    plan = await runner.executor.plan(Scale(CHAT, 5))
    assert [check.about for check in plan.checks][:2] == ["permission", "embargo"]
    assert plan.verdict is Verdict.BLOCK
    with pytest.raises(PlanRefusedError, match=WHY):
        runner.start(plan, "INC-7", "test")
    await runner.close()
    assert stage.mutations() == []


async def test_a_plan_that_it_lets_pass_says_so() -> None:
    plan = await make_plan(Cordon(Target("Node", "", "n1")), cluster().context())
    assert Check("embargo", Verdict.PASS, "no embargo", "wait for Monday") in plan.checks
    assert plan.verdict is not Verdict.BLOCK


async def test_a_silence_has_it_and_none_of_the_checks_that_are_about_objects() -> None:
    stage = cluster()
    labels = {"alertname": "Full", "pod": "chat-1"}
    stage.snapshot = replace(
        stage.snapshot,
        facts=Facts({"alertmanager": Dated(NOW, Notified((Alert(labels, fingerprint="f1"),), ()))}),
        sources=(SourceStatus("alertmanager", Health.LIVE, NOW, last_ok=NOW, endpoint="http://alerts:9093"),),
    )
    runner = stage.runner()
    plan = await runner.executor.plan(SilenceAlert(find_alert("f1", stage.snapshot, "")))
    assert [check.about for check in plan.checks] == ["embargo", "alertmanager"]
    with pytest.raises(PlanRefusedError, match=WHY):
        runner.start(plan, "INC-7", "test")
    await runner.close()
    assert stage.mutations() == []


async def test_it_is_for_the_plans_of_the_apis_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every, "LAST", (every.PlanCheck(check_embargo, frozenset({Api.ALERTMANAGER})),))
    plan = await make_plan(Scale(CHAT, 5), cluster().context())
    assert [check.about for check in plan.checks].count("embargo") == 1


async def test_it_is_on_the_page_of_the_plan() -> None:
    plan = await make_plan(Scale(CHAT, 5), cluster().context())
    page = "\n".join("".join(span.text for span in line.spans) for line in plan_lines(plan, 100, UNICODE))
    assert WHY in page
    assert "wait for Monday" in page


def test_it_is_in_a_dry_run_and_in_its_json_and_blocks_in_earnest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with simulator("--scenario", "steady", "--pods", "12", "--seed", "7") as process:

        def scale(*flags: str) -> int:
            line = ["scale", "deployment/chat-70b", "5", "--kubeconfig", str(process.kubeconfig), *flags]
            return dispatch("quarterdeck", line, {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})

        number = scale("--dry-run")
        assert WHY in capsys.readouterr().out
        assert scale("--dry-run", "--json") == number
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert document["plan"]["verdict"] == "block"
        assert {"about": "embargo", "verdict": "block", "text": WHY, "fix": "wait for Monday"} in document["plan"][
            "checks"
        ]
        assert scale("--yes") == exit_codes.REFUSED
        assert WHY in "".join(capsys.readouterr())

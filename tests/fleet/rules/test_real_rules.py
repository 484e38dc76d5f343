"""Rules in a real Prometheus: promtool takes them, and they say what the console says at the same moment."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fleet.metrics.registry import ENGINES
from fleet.model.facts import Dated, Facts
from fleet.model.snapshot import Snapshot
from fleet.objectives.board import ObjectiveBoard, board_of
from fleet.objectives.burn_rate import HOUR, BurnPace
from fleet.objectives.objective import Goals, objective
from fleet.objectives.store_counts import StoredCounts
from fleet.rules.document import as_yaml, rule_file
from fleet.rules.names import names_in
from fleet.snapshot.builder import Builder
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.servers import Prometheus
from tests.fleet.objectives import past
from tests.fleet.objectives.past import AsOfThen
from tests.fleet.rows import deployment, kube, pod
from tests.waiting import until

pytestmark = pytest.mark.real("prometheus", "promtool")

GOALS = Goals((objective("errors", 0.01), objective("ttft_p95", 2.0), objective("availability", 0.999)), days=3.25)
VLLM = ENGINES.of_products(["vLLM"])


@pytest.fixture
def now() -> int:
    return past.now()


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, now: int) -> Iterator[Prometheus]:
    with past.three_days(tmp_path_factory.mktemp("past"), now) as running:
        yield running


@pytest.fixture
async def source(store: Prometheus) -> AsyncIterator[PrometheusSource]:
    found = PrometheusSource(PrometheusEndpoint(store.url))
    yield found
    await found.close()


async def seen(source: PrometheusSource, now: int) -> tuple[Snapshot, ObjectiveBoard]:
    """The fleet as the console sees it at the end of the data."""
    measured = await source.measure(None, now)
    ledger = await StoredCounts(GOALS).ledger(AsOfThen(source, now), None)
    pods = {past.NEW: "chat", past.OTHER: "tiny", past.DEEP: "deep"}
    state = kube(
        [pod(name, workload, namespace="llm") for name, workload in pods.items()],
        [one for workload in pods.values() for one in deployment(workload, namespace="llm")],
    )
    facts = Facts({"objectives": Dated(now, ledger)})
    snapshot = Builder().build(state, replace(measured, clock_skew=0.0), (), now, facts=facts)
    found = board_of(snapshot)
    assert found is not None
    return snapshot, found


async def test_rules_say_what_the_console_says(source: PrometheusSource, now: int, tmp_path: Path) -> None:
    snapshot, board = await seen(source, now)
    names = await names_in(AsOfThen(source, now), VLLM)
    document = rule_file(snapshot, board.rows, VLLM, names, 300.0)
    for group in document["groups"]:
        group.pop("interval", None)
    text = as_yaml(document)
    file = tmp_path / "check.yml"
    file.write_text(text)
    checked = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)  # noqa: ASYNC221
    assert checked.returncode == 0, checked.stderr
    with past.three_days(tmp_path, now, text) as running:

        def evaluated() -> list[dict[str, Any]]:
            return [rule for group in running.get("/api/v1/rules")["groups"] for rule in group["rules"]]

        await until(lambda: all(rule.get("health") == "ok" for rule in evaluated()))
        # What is recorded by the first evaluation is read by the alerts of the second.
        await until(lambda: bool(_alerts(evaluated())))
        rules = evaluated()
        found = _alerts(rules)
        of_budgets = [one for one in found if one["alertname"].startswith("QuarterdeckErrorBudget")]
        burns = {(one["objective"], one["model"]) for one in of_budgets}
        fast = {(r.budget.objective.name, r.subject.name) for r in board.rows if r.budget.pace is not BurnPace.CALM}
        assert burns == fast == {("ttft_p95", "llama")}
        causes = {(one["cause"], one["pod"]) for one in found if "cause" in one}
        findings = [finding for incident in snapshot.incidents for finding in incident.findings]
        ours = {(one.cause, one.key.partition("/")[2]) for one in findings if one.kind == "engine"}
        assert causes == ours == {("queue-deep", past.DEEP)}
        (row,) = [r for r in board.of["llm/llama"] if r.budget.objective.name == "ttft_p95"]
        ((_, recorded),) = running.query(
            'quarterdeck:objective_bad:ratio_rate1h{objective="ttft_p95",model="llama"}', _now(running)
        )
        assert recorded == pytest.approx(row.budget.spent[HOUR].bad, rel=0.02)


def _alerts(rules: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [alert["labels"] for rule in rules for alert in rule.get("alerts", ())]


def _now(running: Prometheus) -> float:
    return float(running.get("/api/v1/query", query="time()")["result"][0])

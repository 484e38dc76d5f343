"""Budgets from a real Prometheus: each number equals the result of PromQL written by hand."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from fleet.metrics.dialect import Match, Op
from fleet.model.facts import Dated, Facts
from fleet.model.measurement import EngineId
from fleet.model.problem import NothingToAskError
from fleet.model.quantity import Quantity
from fleet.model.snapshot import Snapshot
from fleet.objectives import queries
from fleet.objectives.board import ObjectiveBoard, board_of
from fleet.objectives.burn_rate import DAY, HOUR, WINDOWS, BurnPace
from fleet.objectives.ledger import Ledger
from fleet.objectives.objective import Goals, ObjectiveSet, objective
from fleet.objectives.store_counts import StoredCounts
from fleet.snapshot.builder import Builder
from fleet.sources.prometheus.source import PrometheusSource
from fleet.sources.prometheus.transport import PrometheusEndpoint
from tests.fleet.metrics.servers import Prometheus
from tests.fleet.objectives import past
from tests.fleet.objectives.past import AsOfThen
from tests.fleet.rows import deployment, kube, measurement, pod

pytestmark = pytest.mark.real("prometheus", "promtool")

NOW = past.now()

GOALS = Goals(
    (objective("errors", 0.01), objective("ttft_p95", 2.0), objective("availability", 0.999)),
    (ObjectiveSet("tiny", (objective("errors", 0.1),), models=("tiny",)),),
    days=3.25,
)
LLAMA, TINY = "llm/llama", "llm/tiny"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with past.three_days(tmp_path_factory.mktemp("past"), NOW) as running:
        yield running


@pytest.fixture
async def store(prometheus: Prometheus) -> AsyncIterator[AsOfThen]:
    source = PrometheusSource(PrometheusEndpoint(prometheus.url))
    yield AsOfThen(source, NOW)
    await source.close()


def seen(ledger: Ledger) -> Snapshot:
    """The fleet of today: the pods from before the rollout are gone."""
    engines: dict[EngineId, dict[Quantity, float]] = {
        EngineId("llm", past.NEW, "llama", "0"): {},
        EngineId("llm", past.OTHER, "tiny", "0"): {},
    }
    state = kube(
        [pod(past.NEW, namespace="llm"), pod(past.OTHER, "tiny", namespace="llm")],
        [*deployment(namespace="llm"), *deployment("tiny", namespace="llm")],
    )
    snapshot = Builder().build(state, measurement(engines), (), NOW)
    return replace(snapshot, facts=Facts({"objectives": Dated(NOW, ledger)}))


async def board(store: AsOfThen, goals: Goals = GOALS) -> ObjectiveBoard:
    found = board_of(seen(await StoredCounts(goals).ledger(store, None)))
    assert found is not None
    return found


def by_hand(window: float) -> str:
    return f"[{window:.0f}s]"


async def test_burn_of_latency_is_the_share_above_the_edge_by_promql(store: AsOfThen, prometheus: Prometheus) -> None:
    found = await board(store)
    (row,) = [row for row in found.of[LLAMA] if row.budget.objective.name == "ttft_p95"]
    assert row.budget.edge == 2.5
    assert row.budget.is_snapped
    name = "vllm:time_to_first_token_seconds"
    for window in (*WINDOWS, GOALS.period):
        good = f'sum(rate({name}_bucket{{model_name="llama",le="2.5"}}{by_hand(window)}))'
        every = f'sum(rate({name}_bucket{{model_name="llama",le="+Inf"}}{by_hand(window)}))'
        bad = prometheus.value(f"1 - {good} / {every}", NOW)
        assert row.budget.spent[window].bad == pytest.approx(bad, rel=1e-6), window
        assert row.budget.burn(window) == pytest.approx(bad / 0.05, rel=1e-6)
    assert row.budget.burn(HOUR) == pytest.approx(16, rel=0.01)
    assert row.budget.pace is BurnPace.FAST


async def test_burn_of_errors_counts_the_pods_that_are_gone(store: AsOfThen, prometheus: Prometheus) -> None:
    found = await board(store)
    (row,) = [row for row in found.of[LLAMA] if row.budget.objective.name == "errors"]
    for window in (*WINDOWS, GOALS.period):
        of_chat = 'namespace="llm",pod=~"chat-.*"'
        failed = f'sum(rate(http_requests_total{{{of_chat},status="5xx"}}{by_hand(window)}))'
        bad = prometheus.value(f"{failed} / sum(rate(http_requests_total{{{of_chat}}}{by_hand(window)}))", NOW)
        assert row.budget.spent[window].bad == pytest.approx(bad, rel=1e-6), window
    period = row.budget.spent[GOALS.period]
    assert row.budget.left == pytest.approx(1 - period.bad / 0.01 * period.covered / GOALS.period, rel=1e-6)
    assert row.budget.pace is BurnPace.CALM, "4 % errors are a burn of 4"


async def test_availability_is_the_time_in_which_an_engine_was_there(store: AsOfThen) -> None:
    found = await board(store)
    (row,) = [row for row in found.of[TINY] if row.budget.objective.name == "availability"]
    assert row.budget.spent[3 * DAY].bad == pytest.approx(1 / 72, abs=1 / 72 * 0.12)
    assert row.budget.spent[DAY].bad == pytest.approx(0, abs=0.001)
    (other,) = [row for row in found.of[LLAMA] if row.budget.objective.name == "availability"]
    assert other.budget.spent[3 * DAY].bad < 0.001, "one pod took over from the other"


async def test_a_group_has_objectives_of_its_own_and_the_rest_of_all(store: AsOfThen) -> None:
    found = await board(store)
    targets = {row.budget.objective.name: row.budget.objective.share for row in found.of[TINY]}
    assert targets == {"availability": 0.999, "errors": pytest.approx(0.9), "ttft_p95": 0.95}


async def test_history_that_is_too_short_is_told(store: AsOfThen) -> None:
    goals = replace(GOALS, days=30.0)
    found = await board(store, goals)
    (row,) = [row for row in found.of[LLAMA] if row.budget.objective.name == "errors"]
    assert row.budget.covered == pytest.approx(past.HOURS * HOUR, abs=1.1 * goals.period / queries.LOOKS)
    assert row.budget.spent[3 * DAY].covered == 3 * DAY
    assert row.budget.covered < goals.period


async def test_windows_with_too_many_samples_are_read_sparsely(
    store: AsOfThen, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = await board(store)
    monkeypatch.setattr(queries, "SAMPLES", 20_000)
    sparse = await board(store)
    assert sparse.ledger.sparse[3 * DAY] >= 60
    assert not exact.ledger.sparse
    for row, other in zip(
        sorted(exact.rows, key=lambda one: one.key), sorted(sparse.rows, key=lambda one: one.key), strict=True
    ):
        if not math.isnan(row.budget.spent[3 * DAY].bad):
            assert other.budget.spent[3 * DAY].bad == pytest.approx(row.budget.spent[3 * DAY].bad, abs=0.002)


async def test_the_number_of_queries_does_not_grow_with_the_fleet(store: AsOfThen) -> None:
    counts = StoredCounts(GOALS)
    await counts.ledger(store, None)
    assert counts.requests <= 30
    await counts.ledger(store, None)
    assert counts.requests == 0, "nothing of it is news at the same moment"


async def test_series_of_another_cluster_are_not_counted(store: AsOfThen) -> None:
    with pytest.raises(NothingToAskError):
        await StoredCounts(GOALS, [Match("cluster", Op.EQUAL, "there")]).ledger(store, None)

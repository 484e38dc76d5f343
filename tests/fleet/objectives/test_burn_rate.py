"""Burn of budgets, and the incidents that it makes: red where it is fast, with its root where that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from fleet.model.facts import Dated, Facts
from fleet.model.finding import Incident
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.objectives.bucket_edges import snapped, spellings
from fleet.objectives.burn_rate import DAY, HOUR, PAIRS, WINDOWS, BurnPace, ErrorBudget, Spent
from fleet.objectives.ledger import Ledger, Tally
from fleet.objectives.objective import Goals, objective
from fleet.objectives.owners import RequestOwner, stem_of
from fleet.snapshot.builder import Builder
from tests.fleet.rows import NOW, deployment, engine, kube, measurement, pod

PERIOD = 30 * DAY
AVAILABLE = objective("errors", 0.001)


def budget(
    bad: float, windows: Mapping[float, float] | None = None, events: float = 1e6, covered: float = PERIOD
) -> ErrorBudget:
    """One of which this share is bad in all windows but in those that say otherwise."""
    shares = dict.fromkeys((*WINDOWS, PERIOD), bad) | dict(windows or {})
    spent = {window: Spent(share, events, min(covered, window)) for window, share in shares.items()}
    return ErrorBudget(AVAILABLE, PERIOD, spent)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_alerts_from_its_burn_on_and_only_if_both_windows_do(pair: tuple[float, float, float, BurnPace]) -> None:
    long, short, factor, pace = pair
    at = factor * 0.001
    both = {long: at * 1.001, short: at * 1.001}
    assert budget(0, both).pace is pace
    assert budget(0, {window: share * 0.99 for window, share in both.items()}).pace is BurnPace.CALM
    assert budget(0, {long: both[long]}).pace is BurnPace.CALM
    assert budget(0, {short: both[short]}).pace is BurnPace.CALM


def test_a_total_outage_is_a_page_after_52_seconds() -> None:
    outage = budget(1.0, covered=51.0)
    assert outage.pace is BurnPace.CALM
    assert budget(1.0, covered=53.0).pace is BurnPace.FAST


def test_a_single_bad_request_of_few_is_no_page() -> None:
    """Workbook, "Low-traffic services": at 99.9 % and 14.4x one request must be of at least 70."""
    assert budget(0.0, {HOUR: 0.02, WINDOWS[0]: 0.02}, events=69).pace is BurnPace.CALM
    assert budget(0.0, {HOUR: 0.02, WINDOWS[0]: 0.02}, events=71).pace is BurnPace.FAST


def test_what_is_left_counts_only_what_was_seen() -> None:
    assert budget(0.0005).left == pytest.approx(0.5)
    assert budget(0.0005, covered=PERIOD / 2).left == pytest.approx(0.75)
    assert budget(0.002).left == pytest.approx(-1.0)


def test_a_threshold_between_two_edges_snaps_to_the_one_above() -> None:
    edges = (1.0, 2.5, 5.0, float("inf"))
    assert [snapped(seconds, edges) for seconds in (0.5, 1.0, 2.0, 2.5, 60.0)] == [1.0, 1.0, 2.5, 2.5, 5.0]
    assert set(spellings(1.0)) == {"1", "1.0", "1.00"}
    assert set(spellings(0.25)) == {"0.25"}
    assert "2500" in spellings(2.5, 1000.0)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("chat-7c9f58-x2k4d", "chat"),
        ("chat-70b-7c9f58-x2k4d", "chat-70b"),
        ("chat-70b-0", "chat-70b"),
        ("llama-8-0", "llama-8"),
        ("chat", "chat"),
        ("chat-x2k4d", "chat"),
    ],
)
def test_the_pods_of_a_workload_have_one_stem(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def incidents(goals: Goals, bad: float, waiting: float) -> Sequence[Incident]:
    """A fleet with one model, of which this share fails, and so many requests wait in its pod."""
    state = kube([pod("chat-7c9f58-x2k4d")], deployment())
    numbers = {
        Quantity.RUNNING: 4.0,
        Quantity.WAITING: waiting,
        Quantity.GENERATION_TOKENS: 100.0,
        Quantity.PROMPT_TOKENS: 10.0,
        Quantity.KV_USAGE: 0.5,
    }
    measured = measurement({engine("chat-7c9f58-x2k4d"): numbers})
    owner = RequestOwner("serving", "chat")
    spent = {window: {owner: Tally(bad=100 * bad, all=100.0)} for window in (*WINDOWS, goals.period)}
    ledger = Ledger(goals, spent, {owner: NOW - goals.period}, dict.fromkeys(spent, NOW), "prometheus")
    return Builder().build(state, measured, (), NOW, facts=Facts({"objectives": Dated(NOW, ledger)})).incidents


def test_a_fast_burn_is_a_critical_incident_and_a_slow_one_a_warning() -> None:
    goals = Goals((objective("errors", 0.01),))
    (fast,) = incidents(goals, 0.2, 0)
    assert (fast.root.cause, fast.severity) == ("budget-burns-fast", Severity.CRITICAL)
    assert fast.root.words == "errors burns its budget 20x, nothing left"
    (slow,) = incidents(goals, 0.04, 0)
    assert (slow.root.cause, slow.severity) == ("budget-burns", Severity.WARNING)
    assert incidents(goals, 0.005, 0) == ()


def test_defaults_are_told_of_no_incident() -> None:
    assert incidents(Goals(), 0.2, 0) == ()


def test_a_burn_is_in_one_incident_with_its_root_and_makes_it_as_bad_as_users_feel_it() -> None:
    goals = Goals((objective("errors", 0.01),))
    (alone,) = incidents(Goals(), 0.0, 60)
    assert (alone.root.cause, alone.severity) == ("queue-deep", Severity.WARNING)
    (both,) = incidents(goals, 0.2, 60)
    assert both.root.cause == "queue-deep"
    assert "budget-burns-fast" in {finding.cause for finding in both.findings}
    assert both.severity is Severity.CRITICAL

"""Gateways and endpoint pickers say what engines cannot: errors, open breakers, retries, engines out of sight."""

from __future__ import annotations

import pytest

from fleet.diagnosis.evidence import explain
from fleet.model.finding import FindingState
from fleet.model.measurement import GatewayId
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from tests.fleet.diagnosis.fleets import CHAT, STUCK, WELL, Fleet, Q, causes, unready
from tests.fleet.rows import NOW

ROUTER = GatewayId("gateways", "router-0", "endpoint picker", "llama")
QUIET = {
    Q.GATEWAY_REQUESTS: 20.0,
    Q.GATEWAY_ERRORS: 0.0,
    Q.GATEWAY_RETRIES: 0.0,
    Q.GATEWAY_BREAKERS: 0.0,
    Q.GATEWAY_ENDPOINTS: 3.0,
    Q.GATEWAY_STALE: 0.0,
}


def fleet_before(**numbers: float) -> Fleet:
    """Three replicas that are well, and a gateway with these numbers."""
    fleet = Fleet()
    fleet.gateways[ROUTER] = QUIET | {Quantity[one]: value for one, value in numbers.items()}
    return fleet


def test_of_a_gateway_that_is_well_nothing_is_said() -> None:
    assert fleet_before().incidents(0, 120, 600) == ()


@pytest.mark.parametrize(
    ("numbers", "cause", "severity"),
    [
        ({"GATEWAY_ERRORS": 1.2}, "gateway-errors", Severity.WARNING),
        ({"GATEWAY_ERRORS": 9.0}, "gateway-errors", Severity.CRITICAL),
        ({"GATEWAY_BREAKERS": 1.0}, "gateway-breaker-open", Severity.WARNING),
        ({"GATEWAY_RETRIES": 4.0}, "gateway-retries", Severity.WARNING),
        ({"GATEWAY_ENDPOINTS": 0.0}, "picker-sees-no-engine", Severity.CRITICAL),
        ({"GATEWAY_STALE": 2.0}, "picker-blind", Severity.WARNING),
        ({"GATEWAY_ENDPOINTS": 0.0, "GATEWAY_ERRORS": 20.0}, "picker-sees-no-engine", Severity.CRITICAL),
        ({"GATEWAY_BREAKERS": 1.0, "GATEWAY_RETRIES": 6.0}, "gateway-breaker-open", Severity.WARNING),
    ],
)
def test_the_first_line_names_what_the_gateway_counts_at_once_and_fires_when_it_lasts(
    numbers: dict[str, float], cause: str, severity: Severity
) -> None:
    fleet = fleet_before()
    fleet.at(0)
    fleet.gateways[ROUTER] = QUIET | {Quantity[one]: value for one, value in numbers.items()}
    (seen,) = fleet.incidents(15)
    assert (seen.root.cause, seen.about, seen.state) == (cause, CHAT, FindingState.PENDING)
    (fires,) = fleet.incidents(140)
    assert (fires.root.cause, fires.severity, fires.state) == (cause, severity, FindingState.FIRING)
    assert explain(fleet.at(141), fires.root).evidence


@pytest.mark.parametrize(
    "numbers",
    [
        {"GATEWAY_REQUESTS": 0.2, "GATEWAY_ERRORS": 0.1},
        {"GATEWAY_ERRORS": 0.5},
        {"GATEWAY_RETRIES": 1.0},
        {"GATEWAY_REQUESTS": 0.0, "GATEWAY_RETRIES": 0.0},
    ],
)
def test_few_requests_and_few_errors_are_none(numbers: dict[str, float]) -> None:
    assert fleet_before(**numbers).incidents(0, 120, 300) == ()


def test_a_picker_without_engines_is_not_at_fault_where_no_replica_is_ready() -> None:
    fleet = fleet_before(GATEWAY_ENDPOINTS=0.0, GATEWAY_ERRORS=20.0)
    fleet.of(*fleet.pods, **unready(NOW, status="CrashLoopBackOff", restarts=4))
    (found,) = fleet.incidents(0, 140)
    assert "picker" not in found.root.cause
    assert "gateway-errors" in [one.cause for one in found.symptoms]


def test_an_engine_that_hangs_explains_what_its_gateway_counts() -> None:
    fleet = fleet_before(GATEWAY_ERRORS=5.0, GATEWAY_BREAKERS=1.0, GATEWAY_RETRIES=5.0)
    fleet.engines["chat-1"] = STUCK
    (found,) = fleet.incidents(0, 140)
    assert (found.root.cause, found.about) == ("engine-stuck", "serving/chat-1")


def test_numbers_that_a_gateway_does_not_have_prove_nothing() -> None:
    fleet = Fleet()
    fleet.gateways[ROUTER] = {Q.GATEWAY_REQUESTS: 20.0, Q.GATEWAY_BREAKERS: 0.0}
    assert causes(fleet.incidents(0, 140)) == []
    fleet.engines = dict.fromkeys(fleet.pods, WELL | {Q.ERROR_RATIO: 0.5})
    assert causes(fleet.incidents(150, 300)) == ["errors"]

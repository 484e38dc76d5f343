"""sglang-router: workers by address, and what names no model."""

from __future__ import annotations

import pytest

from fleet.model.measurement import GatewayId
from fleet.model.quantity import Family, Quantity
from tests.fleet.metrics.product_pages import SGLANG_ROUTER
from tests.fleet.metrics.recorded import read, replay, seconds_between
from tests.fleet.metrics.rig import gateway

RECORDED = "sglang-router-0.3.2"
PROCESS = GatewayId("llm", "p", "sglang-router")
TINY = PROCESS._replace(model="tiny")
WORKERS = {port: PROCESS._replace(backend=f"127.0.0.1:{port}") for port in (41311, 41312, 41313)}


@pytest.mark.contract
async def test_the_recording_while_idle() -> None:
    m = await replay(read(RECORDED, "metrics-idle.txt"))
    assert set(m.gateways) >= set(WORKERS.values())
    assert [gateway(m, Quantity.GATEWAY_IN_FLIGHT, row) for row in WORKERS.values()] == [0, 0, 0]


@pytest.mark.contract
async def test_the_recording_under_load() -> None:
    first, second = (read(RECORDED, f"metrics-under-load-{n}.txt") for n in (1, 2))
    apart = seconds_between(RECORDED)
    m = await replay(first, second, seconds=apart)
    for port, row in WORKERS.items():
        active = second.sum("smg_worker_requests_active", worker=f".*:{port}")
        assert gateway(m, Quantity.GATEWAY_IN_FLIGHT, row) == active

    def rate(name: str, **labels: str) -> float:
        return (second.sum(name, **labels) - first.sum(name, **labels)) / apart

    asked = rate("smg_router_requests_total", model="tiny")
    assert gateway(m, Quantity.GATEWAY_REQUESTS, TINY) == pytest.approx(asked)
    assert gateway(m, Quantity.GATEWAY_REQUESTS, TINY) == pytest.approx(43 / apart)
    rejected = rate("smg_http_rate_limit_total", result="rejected")
    assert gateway(m, Quantity.GATEWAY_REJECTIONS, PROCESS) == pytest.approx(rejected)
    assert gateway(m, Quantity.GATEWAY_RETRIES, PROCESS) == pytest.approx(rate("smg_worker_retries_total"))
    assert gateway(m, Quantity.GATEWAY_ERRORS, PROCESS) == pytest.approx(
        rate("smg_http_responses_total", status_code="5..")
    )
    # Of streams its durations end at the headers: they are no latency.
    assert Family.GATEWAY_E2E not in m.gateway_histograms


@pytest.mark.contract
@pytest.mark.parametrize(
    ("page", "breakers"),
    [("under-load-1", [0, 0, 0]), ("one-backend-dead", [0, 1, 0]), ("recovered", [0, 0, 0])],
)
async def test_a_circuit_breaker_counts_while_it_is_open_and_not_half_open(page: str, breakers: list[int]) -> None:
    m = await replay(read(RECORDED, f"metrics-{page}.txt"))
    assert [gateway(m, Quantity.GATEWAY_BREAKERS, row) for row in WORKERS.values()] == breakers


async def test_a_worker_that_was_asked_nothing_yet_has_nothing_in_flight() -> None:
    m = await replay(SGLANG_ROUTER % (0, 0, 0, 0), SGLANG_ROUTER % (40, 10, 90, 30))
    behind = [PROCESS._replace(backend=f"10.0.0.{n}:8000") for n in (1, 2)]
    assert [gateway(m, Quantity.GATEWAY_IN_FLIGHT, row) for row in behind] == [8, 0]
    assert gateway(m, Quantity.GATEWAY_REQUESTS, TINY) == pytest.approx(5)
    assert gateway(m, Quantity.GATEWAY_REJECTIONS, PROCESS) == pytest.approx(3)

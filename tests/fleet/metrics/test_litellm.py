"""LiteLLM's proxy: its counts for models, and its counts of itself."""

from __future__ import annotations

import math

import pytest

from fleet.model.histogram import quantile
from fleet.model.measurement import GatewayId
from fleet.model.quantity import Family, Quantity
from tests.fleet.metrics.product_pages import litellm
from tests.fleet.metrics.recorded import percentile, read, replay
from tests.fleet.metrics.rig import gateway

RECORDED = "litellm-1.108.7"
PROCESS = GatewayId("llm", "p", "LiteLLM")
TINY = PROCESS._replace(model="tiny")
BROKEN = PROCESS._replace(model="broken")
_ALL = "litellm_proxy_total_requests_metric_total"
_USERS = "(?!litellm-internal).*"


@pytest.mark.contract
async def test_the_recording() -> None:
    before, after = (read(RECORDED, f"metrics-{when}.txt") for when in ("under-load-1", "after-load"))
    m = await replay(before, after)
    # Its own health checks ask for no model and are not counted.
    assert {row.model for row in m.gateways} == {"", "tiny", "broken", "llama", "other"}
    assert gateway(m, Quantity.GATEWAY_IN_FLIGHT, PROCESS) == after.sum("litellm_in_flight_requests") - 1 == 0
    for model, row in (("tiny", TINY), ("broken", BROKEN)):
        for quantity, status in (
            (Quantity.GATEWAY_REQUESTS, ".*"),
            (Quantity.GATEWAY_REJECTIONS, "429"),
            (Quantity.GATEWAY_ERRORS, "5.."),
        ):
            grown = [
                sum(
                    value
                    for name, labels, value in page.samples
                    if name == _ALL
                    and labels["requested_model"] == model
                    and labels["team"] != "litellm-internal-health-check"
                    and (status == ".*" or labels["status_code"].startswith(status.rstrip(".")))
                )
                for page in (before, after)
            ]
            assert gateway(m, quantity, row) == pytest.approx((grown[1] - grown[0]) / 10), (model, quantity)


@pytest.mark.contract
async def test_the_recording_from_its_beginning() -> None:
    idle, after = (read(RECORDED, f"metrics-{when}.txt") for when in ("idle", "after-load"))
    assert (await replay(idle)).gateways == (PROCESS,)
    m = await replay(idle, after)
    # 120 requests for `tiny`: 88 were rejected, 2 failed; fallbacks of `broken` count for `tiny`.
    assert gateway(m, Quantity.GATEWAY_REJECTIONS, TINY) == pytest.approx(8.8)
    assert gateway(m, Quantity.GATEWAY_ERRORS, TINY) == pytest.approx(0.2)
    assert gateway(m, Quantity.GATEWAY_RETRIES, TINY) == 0
    saved = after.sum("litellm_deployment_successful_fallbacks_total", requested_model="broken")
    lost = after.sum("litellm_deployment_failed_fallbacks_total", requested_model="broken")
    assert gateway(m, Quantity.GATEWAY_RETRIES, BROKEN) == pytest.approx((saved + lost) / 10) == pytest.approx(3.0)
    names = {
        Family.GATEWAY_TTFT: "litellm_llm_api_time_to_first_token_metric",
        Family.GATEWAY_E2E: "litellm_request_total_latency_metric",
    }
    for family, name in names.items():
        buckets = after.buckets(name, requested_model="tiny", team=_USERS)
        found = m.gateway_histograms[family][TINY]
        assert found.count == pytest.approx(37 / 10)
        for q in (0.5, 0.95):
            assert quantile(q, found).value == pytest.approx(percentile(q, {}, buckets))


async def test_the_scrape_is_no_request_of_a_user_and_a_health_check_neither() -> None:
    checks = ("", "200", "litellm-internal-health-check")
    m = await replay(
        litellm({("tiny", "200", "None"): 0, checks: 0}), litellm({("tiny", "200", "None"): 50, checks: 90}, 4)
    )
    assert m.gateways == (PROCESS, TINY)
    assert gateway(m, Quantity.GATEWAY_IN_FLIGHT, PROCESS) == 3
    assert gateway(m, Quantity.GATEWAY_REQUESTS, TINY) == pytest.approx(5)
    assert math.isnan(gateway(m, Quantity.GATEWAY_REQUESTS, PROCESS))


async def test_nothing_refused_yet_is_none_refused() -> None:
    m = await replay(litellm({("tiny", "200", "None"): 0}), litellm({("tiny", "200", "None"): 50}))
    for quantity in (Quantity.GATEWAY_REJECTIONS, Quantity.GATEWAY_ERRORS, Quantity.GATEWAY_RETRIES):
        assert gateway(m, quantity, TINY) == 0


async def test_users_and_keys_are_no_part_of_what_is_kept() -> None:
    m = await replay(litellm({("tiny", "200", "None"): 0}), litellm({("tiny", "200", "None"): 50}))
    assert "a@b" not in repr(m)

"""Endpoint pickers: three generations of names, and what of them is a rejection or an error."""

from __future__ import annotations

import pytest

from fleet.model.measurement import GatewayId, Measurement
from fleet.model.quantity import Family, Quantity
from tests.fleet.metrics.recorded import replay
from tests.fleet.metrics.rig import gateway

PROCESS = GatewayId("llm", "p", "endpoint picker")
TINY = PROCESS._replace(model="tiny")
CURRENT = """\
llm_d_epp_ready_endpoints{{name="tiny-pool"}} 2
llm_d_epp_flow_control_stale_endpoints{{detector="utilization"}} {stale}
llm_d_epp_flow_control_queue_size{{inference_pool="tiny-pool",model_name="tiny",target_model_name="tiny"}} 7
llm_d_epp_request_running{{model_name="tiny",target_model_name="tiny",priority="0"}} 3
llm_d_epp_request_total{{model_name="tiny",target_model_name="tiny",priority="0"}} {asked}
llm_d_epp_request_error_total{{model_name="tiny",target_model_name="tiny",error_code="Internal"}} {failed}
llm_d_epp_request_error_total{{model_name="tiny",target_model_name="tiny",error_code="BadRequest"}} {asked}
llm_d_epp_flow_control_requests_total{{outcome="Dispatched",inference_pool="tiny-pool"}} {asked}
llm_d_epp_flow_control_requests_total{{outcome="RejectedCapacity",inference_pool="tiny-pool"}} {rejected}
llm_d_epp_flow_control_requests_total{{outcome="EvictedTTL",inference_pool="tiny-pool"}} {rejected}
llm_d_epp_flow_control_requests_total{{outcome="EvictedContextCancelled",inference_pool="tiny-pool"}} {asked}
llm_d_epp_request_duration_seconds_bucket{{model_name="tiny",target_model_name="tiny",le="1.0"}} {asked}
llm_d_epp_request_duration_seconds_bucket{{model_name="tiny",target_model_name="tiny",le="+Inf"}} {asked}
"""
FIRST = """\
inference_pool_ready_pods{{name="tiny-pool"}} 2
inference_model_request_total{{model_name="tiny",target_model_name="tiny"}} {asked}
inference_model_request_error_total{{model_name="tiny",target_model_name="tiny",error_code="ModelServerError"}} {failed}
"""


async def _between(page: str) -> Measurement:
    nothing = page.format(asked=0, failed=0, rejected=0, stale=0)
    return await replay(nothing, page.format(asked=100, failed=20, rejected=5, stale=1))


async def test_the_current_names() -> None:
    m = await _between(CURRENT)
    assert gateway(m, Quantity.GATEWAY_ENDPOINTS, PROCESS) == 2
    assert gateway(m, Quantity.GATEWAY_STALE, PROCESS) == 1
    assert gateway(m, Quantity.GATEWAY_IN_FLIGHT, TINY) == 3
    assert gateway(m, Quantity.GATEWAY_QUEUED, TINY) == 7
    assert gateway(m, Quantity.GATEWAY_REQUESTS, TINY) == pytest.approx(10)
    assert gateway(m, Quantity.GATEWAY_ERRORS, TINY) == pytest.approx(2), "a bad request is its client's error"
    assert gateway(m, Quantity.GATEWAY_REJECTIONS, PROCESS) == pytest.approx(1), "what a client took back is none"
    assert m.gateway_histograms[Family.GATEWAY_E2E][TINY].count == pytest.approx(10)


async def test_the_first_names() -> None:
    m = await _between(FIRST)
    assert gateway(m, Quantity.GATEWAY_ENDPOINTS, PROCESS) == 2
    assert gateway(m, Quantity.GATEWAY_REQUESTS, TINY) == pytest.approx(10)
    assert gateway(m, Quantity.GATEWAY_ERRORS, TINY) == pytest.approx(2)


async def test_a_release_with_two_generations_counts_each_request_once() -> None:
    m = await _between(FIRST + CURRENT)
    assert gateway(m, Quantity.GATEWAY_ENDPOINTS, PROCESS) == 2
    assert gateway(m, Quantity.GATEWAY_REQUESTS, TINY) == pytest.approx(10)
    assert gateway(m, Quantity.GATEWAY_ERRORS, TINY) == pytest.approx(2)

"""The router of production-stack: servers by address, and engines that it is not."""

from __future__ import annotations

import pytest

from fleet.model.measurement import EngineId, GatewayId
from fleet.model.quantity import Quantity
from tests.fleet.metrics.recorded import replay
from tests.fleet.metrics.rig import gateway

PROCESS = GatewayId("llm", "p", "vLLM router")
PAGE = """\
vllm:num_requests_running{{server="http://10.0.0.1:8000"}} 4
vllm:healthy_pods_total{{server="http://10.0.0.1:8000"}} 1
vllm:healthy_pods_total{{server="http://10.0.0.2:8000"}} 0
vllm:num_prefill_requests{{server="http://10.0.0.1:8000"}} 1
vllm:num_decoding_requests{{server="http://10.0.0.1:8000"}} 3
vllm:num_incoming_requests_total{{model="tiny"}} {asked}
vllm:request_errors_total{{server="http://10.0.0.2:8000",model="tiny",error_type="ConnectionError"}} {failed}
"""


async def test_its_servers_and_its_requests() -> None:
    m = await replay(PAGE.format(asked=0, failed=0), PAGE.format(asked=50, failed=10))
    assert m.engines == tuple[EngineId, ...]()
    well, away = (PROCESS._replace(backend=f"10.0.0.{n}:8000") for n in (1, 2))
    assert [gateway(m, Quantity.GATEWAY_ENDPOINTS, row) for row in (well, away)] == [1, 0]
    assert gateway(m, Quantity.GATEWAY_IN_FLIGHT, well) == 4
    assert gateway(m, Quantity.GATEWAY_REQUESTS, PROCESS._replace(model="tiny")) == pytest.approx(5)
    failed = away._replace(model="tiny")
    assert gateway(m, Quantity.GATEWAY_ERRORS, failed) == pytest.approx(1)

"""The router of vLLM's production-stack: names of 2026, at its own port.

A request that no server could take is counted as incoming and nowhere else.

Not read, on purpose: ``vllm:num_requests_running`` and other names of engines (copies of their numbers, with their
address in the label ``server``), and ``vllm:avg_*`` (means that the router computes itself).
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, Metric, MetricType, Pick, Proof, Rule
from fleet.metrics.flags import Flags
from fleet.metrics.product import Product
from fleet.model.quantity import Family, Quantity

_C = MetricType.COUNTER

VLLM_ROUTER = Dialect(
    product=Product(
        "vLLM router",
        programs=(("vllm-router",), ("vllm_router.app",)),
        apps=("vllm-router",),
        images=("lmstack-router", "vllm-router", "production-stack/router"),
        prefixes=("vllm:healthy_pods", "vllm:num_incoming_requests"),
        port=8000,
        flags=Flags(model=(), name=()),
    ),
    proof=Proof.DOCUMENTATION,
    versions="2025 and 2026",
    model_labels=("model",),
    rank_labels=(),
    backend_labels=("server",),
    present=(Quantity.GATEWAY_ENDPOINTS,),
    rules={
        Quantity.GATEWAY_ENDPOINTS: Rule((Metric("vllm:healthy_pods_total"),)),
        Quantity.GATEWAY_IN_FLIGHT: Rule(
            (Metric("vllm:num_prefill_requests"), Metric("vllm:num_decoding_requests")), pick=Pick.SUM
        ),
        Quantity.GATEWAY_REQUESTS: Rule((Metric("vllm:num_incoming_requests_total", _C),)),
        Quantity.GATEWAY_ERRORS: Rule((Metric("vllm:request_errors_total", _C),)),
    },
    families={Family.GATEWAY_E2E: ("vllm:request_latency_seconds",)},
)

"""SGLang's router ("Model Gateway"): names and behaviour of 0.3.2, whose prefix is ``smg_``.

Its metrics have a separate port (``--prometheus-port``). Series for rejections, retries and answers name no model;
those for requests in flight name the worker. Before the first event a counter does not exist.

Not read, on purpose: ``smg_router_request_duration_seconds`` and ``smg_http_request_duration_seconds`` (streams end at
the headers), ``smg_http_connections_active`` (likewise), ``smg_worker_pool_size`` (includes dead workers). Of
``smg_worker_cb_state`` (0 closed, 1 open, 2 half-open) only open is read: without traffic it stays half-open.
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, Match, Metric, MetricType, Op, Proof, Rule
from fleet.metrics.flags import Flags
from fleet.metrics.product import Product
from fleet.model.quantity import Quantity

_C = MetricType.COUNTER

SGLANG_ROUTER = Dialect(
    product=Product(
        "sglang-router",
        programs=(("sglang_router.launch_router",), ("sglang-router",), ("smg",)),
        apps=(
            "sglang-router",
            "sgl-router",
        ),
        images=("sglang-router", "sgl-model-gateway", "/smg"),
        prefixes=("smg_",),
        port=29000,
        flags=Flags(port=("--prometheus-port",), model=(), name=()),
    ),
    proof=Proof.RECORDING,
    versions="0.3",
    model_labels=("model",),
    rank_labels=(),
    backend_labels=("worker",),
    present=(Quantity.GATEWAY_IN_FLIGHT,),
    rules={
        # Before its first request a worker has only its health: nothing is in flight.
        Quantity.GATEWAY_IN_FLIGHT: Rule(
            (Metric("smg_worker_requests_active"), Metric("smg_worker_health", scale=0.0))
        ),
        Quantity.GATEWAY_REQUESTS: Rule((Metric("smg_router_requests_total", _C),)),
        # Answered 408: the queue was full, or no slot came in time.
        Quantity.GATEWAY_REJECTIONS: Rule(
            (Metric("smg_http_rate_limit_total", _C, where=(Match("result", Op.EQUAL, "rejected"),)),)
        ),
        Quantity.GATEWAY_ERRORS: Rule(
            (Metric("smg_http_responses_total", _C, where=(Match("status_code", Op.MATCHES, "5.."),)),)
        ),
        Quantity.GATEWAY_RETRIES: Rule((Metric("smg_worker_retries_total", _C),)),
        Quantity.GATEWAY_BREAKERS: Rule((Metric("smg_worker_cb_state", state=1.0),)),
    },
)

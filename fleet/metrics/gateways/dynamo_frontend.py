"""Dynamo's frontend: 1.6.1, ``dynamo_frontend_*`` on its HTTP port.

A name that no worker serves counts under ``model="unknown_model"``. With no worker left it reports itself healthy, and
the families of its workers disappear. HTTP status codes are unreliable: after a worker's death clients got 200.

Not read, on purpose: ``dynamo_frontend_queued_requests`` (a subset of the active ones: forwarded, no first token yet),
``dynamo_frontend_disconnected_clients`` (a gauge that only grows), ``dynamo_frontend_worker_last_*`` (of the last
request, also while idle).
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, Match, Metric, MetricType, Op, Proof, Rule
from fleet.metrics.flags import Flags
from fleet.metrics.product import Product
from fleet.model.quantity import Family, Quantity

_C = MetricType.COUNTER
_REQUESTS = "dynamo_frontend_requests_total"


def _errors_of(error_type: str) -> Rule:
    where = (Match("error_type", Op.MATCHES, error_type),)
    return Rule((Metric(_REQUESTS, _C, where=where),), zero_beside=Quantity.GATEWAY_REQUESTS)


DYNAMO_FRONTEND = Dialect(
    product=Product(
        "Dynamo frontend",
        programs=(("dynamo.frontend",),),
        apps=("dynamo-frontend",),
        prefixes=("dynamo_frontend_",),
        port=8000,
        flags=Flags(port=("--http-port",), model=(), name=()),
        port_variables=("DYN_HTTP_PORT",),
    ),
    proof=Proof.RECORDING,
    versions="1.6",
    model_labels=("model",),
    rank_labels=(),
    present=(Quantity.GATEWAY_IN_FLIGHT,),
    rules={
        Quantity.GATEWAY_IN_FLIGHT: Rule(
            (Metric("dynamo_frontend_active_requests"), Metric("dynamo_frontend_inflight_requests"))
        ),
        Quantity.GATEWAY_QUEUED: Rule((Metric("dynamo_frontend_router_queue_pending_requests"),)),
        Quantity.GATEWAY_REQUESTS: Rule((Metric(_REQUESTS, _C),)),
        Quantity.GATEWAY_REJECTIONS: _errors_of("overload"),
        # Client errors (validation, not_found, cancelled) are not the gateway's.
        Quantity.GATEWAY_ERRORS: _errors_of("internal|unavailable|response_timeout"),
        Quantity.GATEWAY_RETRIES: Rule(
            (Metric("dynamo_frontend_model_migration_total", _C),), zero_beside=Quantity.GATEWAY_REQUESTS
        ),
    },
    families={
        Family.GATEWAY_TTFT: ("dynamo_frontend_time_to_first_token_seconds",),
        Family.GATEWAY_E2E: ("dynamo_frontend_request_duration_seconds",),
    },
)

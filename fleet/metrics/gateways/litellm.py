"""LiteLLM's proxy with ``callbacks: ["prometheus"]``: names and behaviour of 1.108.7 and 1.109.1.

Its metrics need no licence. They require a key unless ``require_auth_for_metrics_endpoint: false`` is set, and they are
at ``/metrics/``, with a redirect from ``/metrics``. Each series has labels for keys, users and addresses, which are
never read.

``requested_model`` is the public name, "other" for one that does not exist. A request saved by a fallback is counted
under the fallback's name. A stream abandoned by its client is a 200. GET /health sends real completions to every
deployment, and these are counted: they are excluded here.

Not read, on purpose: ``litellm_deployment_state`` (two series per deployment, one of which stays at "outage"), the
other ``litellm_deployment_*`` (attempts, of which a request may take several), ``litellm_request_queue_time_seconds``
(from the arrival at the web server to the handler: there is no queue).
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, Match, Metric, MetricType, Op, Pick, Proof, Rule
from fleet.metrics.flags import Flags
from fleet.metrics.product import MetricsSwitch, Product
from fleet.model.quantity import Family, Quantity

_C = MetricType.COUNTER
_REQUESTS = "litellm_proxy_total_requests_metric_total"


def _answered(status: str) -> Rule:
    where = (Match("status_code", Op.MATCHES, status),)
    return Rule((Metric(_REQUESTS, _C, where=where),), zero_beside=Quantity.GATEWAY_REQUESTS)


LITELLM = Dialect(
    product=Product(
        "LiteLLM",
        programs=(("litellm",), ("litellm.proxy.proxy_cli",)),
        apps=("litellm",),
        images=("berriai/litellm", "/litellm"),
        prefixes=("litellm_",),
        port=4000,
        path="/metrics/",
        switch=MetricsSwitch(otherwise='LiteLLM has them only with callbacks: ["prometheus"]'),
        port_variables=("PORT",),
        flags=Flags(model=(), name=()),
    ),
    proof=Proof.PROGRAM,
    versions="1.108 and 1.109",
    where=(Match("team", Op.NOT_EQUAL, "litellm-internal-health-check"),),
    model_labels=("requested_model",),
    rank_labels=(),
    present=(Quantity.GATEWAY_IN_FLIGHT,),
    rules={
        # The request for the metrics is one of them.
        Quantity.GATEWAY_IN_FLIGHT: Rule((Metric("litellm_in_flight_requests", less=1.0),)),
        Quantity.GATEWAY_REQUESTS: Rule((Metric(_REQUESTS, _C),)),
        # LiteLLM's own answer while all deployments are cooling down, or a limit of its configuration.
        Quantity.GATEWAY_REJECTIONS: _answered("429"),
        Quantity.GATEWAY_ERRORS: _answered("5.."),
        Quantity.GATEWAY_RETRIES: Rule(
            (
                Metric("litellm_deployment_successful_fallbacks_total", _C),
                Metric("litellm_deployment_failed_fallbacks_total", _C),
            ),
            pick=Pick.SUM,
            zero_beside=Quantity.GATEWAY_REQUESTS,
        ),
    },
    families={
        # Only for streams.
        Family.GATEWAY_TTFT: ("litellm_llm_api_time_to_first_token_metric",),
        Family.GATEWAY_E2E: ("litellm_request_total_latency_metric",),
    },
)

"""The endpoint picker (EPP) of llm-d's router and of the Gateway API inference extension: three generations of names.

``llm_d_epp_*`` is current; ``inference_objective_*``, ``inference_pool_*`` and ``inference_extension_*`` were before,
``inference_model_*`` the first. A release may have two of them for the same requests: the newest counts. Of its flow
control, which a feature gate enables, no series names a model; nor does the pool's.

Not read, on purpose: ``*_average_*`` (means over the pool, which the engines' own numbers give), and
``*_pool_saturation`` of a pool as a whole (1.0 also where it is empty, or where nothing is known of its engines).
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, Match, Metric, MetricType, Op, Pick, Proof, Rule
from fleet.metrics.flags import Flags
from fleet.metrics.product import Product
from fleet.model.quantity import Family, Quantity

_C = MetricType.COUNTER
_REQUEST = ("llm_d_epp_request", "inference_objective_request", "inference_model_request")
_INDEX = ("llm_d_epp_kv_cache", "kvcache")
_FLOW = ("llm_d_epp_flow_control", "inference_extension_flow_control")

# A request that the client took back was not rejected.
_REJECTED = Match("outcome", Op.MATCHES, "Rejected.*|Evicted(TTL|NoEndpoints|Other)")
_OWN_ERROR = Match("error_code", Op.NOT_MATCHES, "BadRequest|4..")


def _each(bases: tuple[str, ...], name: str, kind: MetricType = MetricType.GAUGE, *where: Match) -> Rule:
    return Rule(tuple(Metric(f"{base}_{name}", kind, where=where) for base in bases))


def _saturation(stage: str) -> Rule:
    where = (Match("stage", Op.EQUAL, stage),)
    return Rule((Metric("llm_d_epp_flow_control_pool_saturation", where=where),))


ENDPOINT_PICKER = Dialect(
    product=Product(
        "endpoint picker",
        apps=("endpoint-picker", "inference-scheduler"),
        images=(
            "llm-d-inference-scheduler",
            "llm-d-router",
            "gateway-api-inference-extension/epp",
            "/endpoint-picker",
        ),
        prefixes=("llm_d_epp_", "inference_pool_", "inference_objective_", "inference_extension_"),
        port=9090,
        flags=Flags(port=("--metrics-port", "--metricsPort"), model=(), name=()),
    ),
    proof=Proof.DOCUMENTATION,
    versions="Gateway API inference extension 0.3 to 1.5, llm-d 0.3 to 0.10",
    model_labels=("target_model_name", "model_name"),
    rank_labels=(),
    present=(Quantity.GATEWAY_ENDPOINTS,),
    rules={
        Quantity.GATEWAY_ENDPOINTS: Rule((Metric("llm_d_epp_ready_endpoints"), Metric("inference_pool_ready_pods"))),
        Quantity.GATEWAY_STALE: Rule((Metric("llm_d_epp_flow_control_stale_endpoints"),)),
        Quantity.GATEWAY_IN_FLIGHT: Rule(
            (
                Metric("llm_d_epp_request_running"),
                Metric("inference_objective_running_requests"),
                Metric("inference_model_running_requests"),
            )
        ),
        Quantity.GATEWAY_QUEUED: _each(_FLOW, "queue_size"),
        Quantity.GATEWAY_REQUESTS: _each(_REQUEST, "total", _C),
        Quantity.GATEWAY_REJECTIONS: _each(_FLOW, "requests_total", _C, _REJECTED),
        Quantity.GATEWAY_ERRORS: _each(_REQUEST, "error_total", _C, _OWN_ERROR),
        # Of precise prefix routing: an index fed by the engines' cache events. Its names before had no prefix.
        Quantity.GATEWAY_INDEX_LOOKUPS: _each(_INDEX, "index_lookup_requests_total", _C),
        Quantity.GATEWAY_INDEX_ADMISSIONS: _each(_INDEX, "index_admissions_total", _C),
        Quantity.GATEWAY_INDEX_ERRORS: Rule(
            (
                Metric("llm_d_epp_kv_cache_events_zmq_errors_total", _C),
                Metric("llm_d_epp_kv_cache_events_subscriber_reconnections_total", _C),
            ),
            pick=Pick.SUM,
        ),
        # Of the two halves of a pool that computes prompts and generates tokens apart.
        Quantity.GATEWAY_PREFILL_LOAD: _saturation("prefill"),
        Quantity.GATEWAY_DECODE_LOAD: _saturation("decode"),
        Quantity.GATEWAY_UNMATCHED: Rule((Metric("llm_d_epp_disaggregatedset_strict_header_no_match_total", _C),)),
    },
    families={
        Family.GATEWAY_TTFT: ("llm_d_epp_request_ttft_seconds", "inference_objective_request_ttft_seconds"),
        Family.GATEWAY_E2E: tuple(f"{base}_duration_seconds" for base in _REQUEST),
    },
)

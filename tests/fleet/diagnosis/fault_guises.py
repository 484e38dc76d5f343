"""Faults that exporters show by other names: counters beside gauges, events of caches and indexes, other exporters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.fleet.diagnosis.fault_pages import Fault, more, page, stalled
from tests.fleet.metrics.pages import Card

_INDEX = """\
llm_d_epp_ready_endpoints{{name="{model}-pool"}} 3
llm_d_epp_request_total{{model_name="{model}",target_model_name="{model}"}} {asked}
llm_d_epp_kv_cache_index_lookup_requests_total {lookups}
llm_d_epp_kv_cache_index_admissions_total {admissions}
llm_d_epp_kv_cache_events_zmq_errors_total {errors}
llm_d_epp_disaggregatedset_strict_header_no_match_total {unmatched}
"""


def index(*, admissions: float = 5.0, errors: float = 0.0, unmatched: float = 0.0) -> Callable[[float, str], str]:
    """The page of an endpoint picker that routes by an index of the engines' prefix caches; numbers are per second."""
    return lambda t, model: _INDEX.format(
        model=model,
        asked=int(20 * t),
        lookups=int(20 * t),
        admissions=900 + int(admissions * t),
        errors=int(errors * t),
        unmatched=int(unmatched * t),
    )


def halves(prefill: float, decode: float) -> Callable[[float, str], str]:
    """The page of an endpoint picker of a pool that computes prompts and generates tokens apart."""
    name = "llm_d_epp_flow_control_pool_saturation"
    return lambda t, model: (
        index()(t, model)
        + f'{name}{{inference_pool="{model}-pool",stage="prefill"}} {prefill}\n'
        + f'{name}{{inference_pool="{model}-pool",stage="decode"}} {decode}\n'
    )


def refused(t: float, model: str) -> str:
    """The page of an engine that most clients ask for a model that it does not serve."""
    return page(t, model, http={("/v1/completions", "2xx"): float(int(t)), ("/v1/completions", "4xx"): 6.0 * int(t)})


GUISES: Mapping[str, Fault] = {
    "wakes-without-end": Fault(
        cause="sleep-operation-hangs",
        engine=stalled('vllm:sleep_mode_operations_in_flight{{operation="wake"}} 1\n', waiting=0),
    ),
    "sleeps-well": Fault(
        cause="", engine=stalled('vllm:sleep_mode_operations_in_flight{{operation="wake"}} 0\n', waiting=0)
    ),
    "asked-for-another-model": Fault(cause="clients-refused", engine=refused),
    "fabric-route": Fault(
        cause="gpu-fabric-degraded",
        about="gpu",
        gpu=lambda _: {"DCGM_FI_DEV_FABRIC_HEALTH_MASK": 0b0101_0001_1001_1010},
    ),
    "fabric-well": Fault(cause="", gpu=lambda _: {"DCGM_FI_DEV_FABRIC_HEALTH_MASK": 0b0101_0001_1010_1010}),
    "prefill-full": Fault(cause="pools-unbalanced", about="workload", gateway=halves(1.0, 0.2)),
    "both-halves-full": Fault(cause="", gateway=halves(1.0, 0.9)),
    "xid-counted": Fault(cause="gpu-lost", about="gpu", gpu=lambda _: {'DCGM_EXP_XID_ERRORS_COUNT{xid="79"}': 1}),
    "xid-counted-often": Fault(
        cause="gpu-hardware-xid", about="gpu", gpu=lambda _: {'DCGM_EXP_XID_ERRORS_COUNT{xid="119"}': 3}
    ),
    "xid-counted-echo": Fault(cause="", gpu=lambda _: {'DCGM_EXP_XID_ERRORS_COUNT{xid="45"}': 4}),
    "heat-by-violations": Fault(
        cause="gpu-throttled-by-heat",
        about="gpu",
        gpu=lambda t: {"DCGM_FI_DEV_THERMAL_VIOLATION": int(3e8 * t)},
        card=Card(temperature=82.0),
    ),
    "power-by-violations": Fault(cause="", gpu=lambda t: {"DCGM_FI_DEV_POWER_VIOLATION": int(3e8 * t)}),
    "index-not-fed": Fault(cause="picker-index-stale", about="workload", gateway=index(admissions=0.0)),
    "index-events-fail": Fault(cause="picker-index-stale", about="workload", gateway=index(errors=1.0)),
    "index-well": Fault(cause="", gateway=index()),
    "rollout-unmatched": Fault(cause="pools-revisions-differ", about="workload", gateway=index(unmatched=4.0)),
    "tier-read-fails": Fault(
        cause="kv-tier-fails", engine=more('lmcache_mp_l1_read_failure_total{{reason="not_found"}} {t}\n')
    ),
    "tier-does-not-answer": Fault(
        cause="kv-tier-fails", engine=more('lmcache:remote_ping_errors_total{{model_name="{model}"}} {t}\n')
    ),
}

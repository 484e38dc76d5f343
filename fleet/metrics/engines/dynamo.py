"""Dynamo's workers: 1.6.1, ``dynamo_component_*`` at DYN_SYSTEM_PORT.

A worker runs another product's engine and exposes that one's metrics on the same page (``vllm:*``, ``sglang:*``): these
are read by their own dialects, which come first. The rules here apply where the engine has no such number. No series
names the model. ``worker_id`` is hexadecimal here and decimal on the frontend.

Not read, on purpose: ``dynamo_component_requests_total`` (counted when a request comes in),
``dynamo_component_errors_total`` (includes clients that disconnected), ``dynamo_component_request_duration_seconds`` as
a histogram (it mixes the endpoint that generates with others), the endpoint /health (503 of a worker that serves).
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, Match, Metric, MetricType, Op, Proof, Rule
from fleet.metrics.flags import Flags
from fleet.metrics.product import Product
from fleet.model.quantity import Quantity

_GENERATE = (Match("dynamo_endpoint", Op.EQUAL, "generate"),)

DYNAMO = Dialect(
    product=Product(
        "Dynamo",
        programs=(("dynamo.vllm",), ("dynamo.sglang",), ("dynamo.trtllm",), ("dynamo.mocker",), ("dynamo", "serve")),
        images=("ai-dynamo/",),
        prefixes=("dynamo_component_",),
        port=9090,
        flags=Flags(port=()),
        port_variables=("DYN_SYSTEM_PORT",),
        speaks=("vLLM", "SGLang"),
    ),
    proof=Proof.RECORDING,
    versions="1.6",
    model_labels=(),
    rank_labels=(),
    present=(Quantity.RUNNING,),
    rules={
        Quantity.RUNNING: Rule((Metric("dynamo_component_inflight_requests", where=_GENERATE),)),
        Quantity.REQUESTS: Rule(
            (Metric("dynamo_component_request_duration_seconds_count", MetricType.COUNTER, where=_GENERATE),)
        ),
        # A ratio, despite its name. Not in 1.6, whose engines expose it themselves.
        Quantity.KV_USAGE: Rule((Metric("dynamo_component_gpu_cache_usage_percent"),)),
    },
)

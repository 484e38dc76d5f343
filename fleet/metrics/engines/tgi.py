"""Text Generation Inference: its own ``router/src/server.rs`` and ``backends/v3/src``, as of its last commits (2026).

No series names the model. Counters have no ``_total``. ``tgi_request_count`` grows when a request comes in; finished
requests are ``tgi_request_success`` and ``tgi_request_failure``.

Not read, on purpose: ``tgi_request_mean_time_per_token_duration`` (a mean per request, which is not the inter-token
latency), ``tgi_batch_*_duration`` (of batches, not of requests), ``tgi_batch_current_max_tokens`` (what the batch may
grow to, not what it holds).
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, Match, Metric, MetricType, Op, Pick, Proof, Rule
from fleet.metrics.flags import Flags
from fleet.metrics.product import Product
from fleet.model.quantity import Family, Quantity

_C = MetricType.COUNTER
# Client errors (validation, template) and rejections (overloaded) are not the engine's errors.
_OWN_FAULT = (Match("err", Op.MATCHES, "generation|incomplete|dropped"),)

TGI = Dialect(
    product=Product(
        "TGI",
        programs=(("text-generation-launcher",), ("text-generation-router",)),
        images=("text-generation-inference",),
        prefixes=("tgi_",),
        port=80,
        flags=Flags(
            port=("--port", "-p"),
            keys=("--api-key",),
            key_variables=("API_KEY",),
            harmless=("num-shard", "max-input-length", "max-total-tokens", "max-batch-prefill-tokens"),
        ),
        port_variables=("PORT",),
    ),
    proof=Proof.DOCUMENTATION,
    versions="2.x and 3.x",
    model_labels=(),
    present=(Quantity.RUNNING, Quantity.WAITING),
    rules={
        Quantity.RUNNING: Rule((Metric("tgi_batch_current_size"),)),
        Quantity.WAITING: Rule((Metric("tgi_queue_size"),)),
        Quantity.KV_CAPACITY: Rule((Metric("tgi_batch_max_total_tokens"),)),
        Quantity.PROMPT_TOKENS: Rule((Metric("tgi_request_input_length_sum", _C),)),
        # Counted when a request ends.
        Quantity.GENERATION_TOKENS: Rule((Metric("tgi_request_generated_tokens_sum", _C),)),
        Quantity.REQUESTS: Rule((Metric("tgi_request_success", _C), Metric("tgi_request_failure", _C)), pick=Pick.SUM),
        Quantity.REQUEST_ERRORS: Rule(
            (Metric("tgi_request_failure", _C, where=_OWN_FAULT),), zero_beside=Quantity.REQUESTS
        ),
    },
    families={
        Family.E2E: ("tgi_request_duration",),
        Family.QUEUE: ("tgi_request_queue_duration",),
    },
    phases={Quantity.QUEUE_MEAN: ("tgi_request_queue_duration",)},
)

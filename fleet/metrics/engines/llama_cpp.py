"""llama.cpp's server (``llama-server --metrics``): names and behaviour of build 11434, ``tools/server`` of its source.

No series has a label: the model is the one that the pod serves. The token counters move when a request ends (for its
prompt: when that is done), so over a short window their rate is 0 and then jumps.

Not read, on purpose: ``prompt_tokens_seconds`` and ``predicted_tokens_seconds`` (averages since the last scrape by
anyone), ``n_tokens_max`` (a high-water mark typed as a counter), ``n_busy_slots_per_decode`` (a mean since the start).
"""

from __future__ import annotations

from fleet.metrics.dialect import Dialect, Metric, MetricType, Pick, Proof, Rule
from fleet.metrics.flags import Flags
from fleet.metrics.product import MetricsSwitch, Product
from fleet.model.quantity import Quantity

_C = MetricType.COUNTER
_COMPUTED = Metric("llamacpp:prompt_tokens_total", _C)
_CACHED = Metric("llamacpp:prompt_tokens_cached_total", _C)

LLAMA_CPP = Dialect(
    product=Product(
        "llama.cpp",
        programs=(("llama-server",), ("llama_cpp.server",)),
        images=("llama.cpp", "llama-cpp"),
        prefixes=("llamacpp:", "llamacpp_"),
        port=8080,
        port_variables=("LLAMA_ARG_PORT",),
        switch=MetricsSwitch(needs="--metrics"),
        flags=Flags(
            model=("--model", "-m", "-hf", "-hfr", "--hf-repo"),
            name=("--alias", "-a"),
            tls=("--ssl-cert-file", "--ssl-key-file"),
            secret=("--api-key", "--api-key-file", "--hf-token", "-hft"),
            keys=("--api-key", "--api-key-file"),
            key_variables=("LLAMA_API_KEY",),
        ),
        model_variables=("LLAMA_ARG_MODEL", "LLAMA_ARG_HF_REPO"),
    ),
    proof=Proof.PROGRAM,
    versions="builds to 11549",
    prefixes=("llamacpp:", "llamacpp_"),
    opt_in={"llamacpp:": "the server runs with --metrics"},
    model_labels=(),
    present=(Quantity.RUNNING, Quantity.WAITING),
    rules={
        Quantity.RUNNING: Rule((Metric("llamacpp:requests_processing"),)),
        # Requests of disconnected clients stay in it until a slot finds the connection closed.
        Quantity.WAITING: Rule((Metric("llamacpp:requests_deferred"),)),
        # Until mid-2025; since then only /slots shows how full each slot is.
        Quantity.KV_USAGE: Rule((Metric("llamacpp:kv_cache_usage_ratio"),)),
        # The first excludes cached tokens; builds without the second do not expose those.
        Quantity.PROMPT_TOKENS: Rule((_COMPUTED, _CACHED), pick=Pick.SUM),
        Quantity.GENERATION_TOKENS: Rule((Metric("llamacpp:tokens_predicted_total", _C),)),
        # Its steps, not tokens: what moves while a request runs, so that 0 means that it stands still.
        Quantity.LATEST_TOKENS: Rule((Metric("llamacpp:n_decode_total", _C),), latest=True),
        Quantity.PREFIX_HITS: Rule((_CACHED,)),
        Quantity.PREFIX_QUERIES: Rule((_COMPUTED, _CACHED), pick=Pick.SUM),
        Quantity.SPEC_ACCEPTED: Rule((Metric("llamacpp:spec_decode_num_accepted_tokens_total", _C),)),
        Quantity.SPEC_DRAFTED: Rule((Metric("llamacpp:spec_decode_num_draft_tokens_total", _C),)),
    },
)

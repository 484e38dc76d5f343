"""vLLM's flags: ``vllm serve --help`` and ``vllm bench serve --help``, 0.6 to 0.33."""

from __future__ import annotations

from typing import Final

from fleet.metrics.flags import Flags

_HARMLESS: Final = """
    model-impl host uds uvicorn-log-level allow-credentials allowed-origins allowed-methods allowed-headers
    lora-modules chat-template chat-template-content-format response-role tool-call-parser tool-parser-plugin
    reasoning-parser tool-server ssl-ca-certs ssl-cert-reqs root-path disable-access-log-for-endpoints
    max-log-len runner convert task tokenizer tokenizer-mode tokenizer-revision trust-remote-code dtype seed
    hf-config-path allowed-local-media-path code-revision rope-scaling rope-theta max-model-len quantization
    max-seq-len-to-capture max-logprobs logprobs-mode config-format hf-overrides override-pooler-config
    generation-config override-generation-config load-format download-dir safetensors-load-strategy
    ignore-patterns pt-load-map-location guided-decoding-backend reasoning-backend structured-outputs-config
    distributed-executor-backend pipeline-parallel-size master-addr master-port nnodes tensor-parallel-size
    decode-context-parallel-size data-parallel-size data-parallel-rank data-parallel-start-rank
    data-parallel-size-local data-parallel-address data-parallel-rpc-port data-parallel-backend
    expert-placement-strategy all2all-backend eplb-config block-size gpu-memory-utilization
    kv-cache-memory-bytes swap-space kv-cache-dtype num-gpu-blocks-override prefix-caching-hash-algo
    cpu-offload-gb mamba-cache-dtype mamba-ssm-cache-dtype limit-mm-per-prompt mm-processor-kwargs
    mm-encoder-tp-mode max-lora-rank max-loras max-cpu-loras lora-dtype fully-sharded-loras speculative-config
    num-speculative-tokens speculative-model ray-workers-use-nsight max-num-batched-tokens max-num-seqs
    max-num-partial-prefills max-long-partial-prefills long-prefill-token-threshold num-lookahead-slots
    scheduling-policy scheduler-cls scheduler-delay-factor compilation-config kv-transfer-config
    kv-events-config ec-transfer-config weight-transfer-config additional-config attention-backend device
    shutdown-timeout api-server-count headless worker-extension-cls worker-cls logits-processors
    show-hidden-metrics-for-version otlp-traces-endpoint collect-detailed-traces base-url dataset-name
    random-input-len random-output-len num-prompts max-concurrency percentile-metrics metric-percentiles
    result-dir result-filename temperature request-rate distributed-init-method language-model-only
    optimization-level tp pp dp
"""

VLLM_FLAGS: Final = Flags(
    secret=("--api-key", "--hf-token"),
    keys=("--api-key",),
    key_variables=("VLLM_API_KEY",),
    # A middleware may require one, too.
    configuration=("--config", "--middleware"),
    several=("--served-model-name", "--lora-modules", "--api-key", "--middleware"),
    switches=(
        "--allow-credentials",
        "--async-scheduling",
        "--calculate-kv-scales",
        "--data-parallel-external-lb",
        "--data-parallel-hybrid-lb",
        "--data-parallel-multi-port-external-lb",
        "--enable-prefix-caching",
        "--enforce-eager",
        "--fully-sharded-loras",
        "--headless",
        "--language-model-only",
        "--trust-remote-code",
        "-dpe",
        "-dph",
        "-dpm",
        "-ep",
    ),
    headless=("--headless",),
    harmless=tuple(_HARMLESS.split()),
)

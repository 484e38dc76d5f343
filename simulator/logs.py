"""What a vLLM container prints: while it starts, while it serves, when it dies."""

from __future__ import annotations

from datetime import UTC, datetime

from simulator.blueprint import WorkloadSpec
from simulator.engine_server import EngineServer


def line(at: float, where: str, text: str, level: str = "INFO") -> str:
    """A line in vLLM's own format."""
    return f"{level} {datetime.fromtimestamp(at, UTC):%m-%d %H:%M:%S} [{where}] {text}"


def start_messages(workload: WorkloadSpec, revision: str) -> list[tuple[float, str, str]]:
    """What it prints until it serves: seconds after the container's start, source, text."""
    model, spec = workload.model, workload.model.engine
    shards = max(1, round(model.weights_gib / 4.7))
    messages = [
        (0.5, "api_server.py:1894", f"vLLM API server version {workload.version}"),
        (
            1.0,
            "utils.py:233",
            (
                f"non-default args: {{'model': '{model.repository}', 'revision': '{revision}', "
                f"'served_model_name': ['{workload.served}'], 'max_model_len': {spec.max_model_len}, "
                f"'tensor_parallel_size': {workload.gpus}}}"
            ),
        ),
        (
            2.5,
            "core.py:93",
            (
                f"Initializing a V1 LLM engine (v{workload.version}) with config: model='{model.repository}', "
                f"revision={revision}, dtype=torch.bfloat16, tensor_parallel_size={workload.gpus}"
            ),
        ),
        (4.0, "gpu_model_runner.py:2602", f"Starting to load model {model.repository}..."),
    ]
    for shard in sorted({1, shards // 4, shards // 2, 3 * shards // 4, shards} - {0}):
        at = 4.0 + (model.load - 5.0) * shard / shards
        share = 100 * shard // shards
        messages.append(
            (at, "weight_utils.py:392", f"Loading safetensors checkpoint shards: {share}% Completed | {shard}/{shards}")
        )
    each = model.weights_gib / workload.gpus
    concurrency = spec.kv_tokens / spec.max_model_len
    ready = model.load + model.compile
    messages += [
        (
            model.load,
            "gpu_model_runner.py:2653",
            f"Model loading took {each:.4f} GiB and {model.load - 4:.6f} seconds",
        ),
        (
            model.load + 0.6 * model.compile,
            "monitor.py:34",
            f"torch.compile takes {0.6 * model.compile:.2f} s in total",
        ),
        (
            model.load + 0.7 * model.compile,
            "kv_cache_utils.py:1087",
            f"GPU KV cache size: {spec.kv_tokens:,} tokens",
        ),
        (
            model.load + 0.7 * model.compile,
            "kv_cache_utils.py:1091",
            f"Maximum concurrency for {spec.max_model_len:,} tokens per request: {concurrency:.2f}x",
        ),
        (
            ready - 0.5,
            "gpu_model_runner.py:3480",
            f"Graph capturing finished in {0.3 * model.compile:.0f} secs, took 0.61 GiB",
        ),
        (ready - 0.1, "launcher.py:36", "Starting vLLM API server 0 on http://0.0.0.0:8000"),
    ]
    return messages


def throughput(server: EngineServer, seconds: float, prompt: int, generated: int) -> str:
    """The text of the line that vLLM prints every ten seconds, of the tokens since the last one."""
    running, waiting, kv_usage = server.engine.shown
    stats = server.engine.stats
    hits = 100 * stats.prefix_hits / max(1, stats.prefix_queries)
    return (
        f"Engine 000: Avg prompt throughput: {prompt / seconds:.1f} tokens/s, Avg generation throughput: "
        f"{generated / seconds:.1f} tokens/s, Running: {running} reqs, Waiting: {waiting} reqs, "
        f"GPU KV cache usage: {kv_usage * 100:.1f}%, Prefix cache hit rate: {hits:.1f}%"
    )


CUDA_OUT_OF_MEMORY = (
    "EngineCore failed to start.",
    (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.96 GiB. GPU 0 has a total capacity of 44.39 "
        "GiB of which 1.12 GiB is free."
    ),
    "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': 1}",
)
GPU_FELL_OFF = (
    "EngineCore encountered a fatal error.",
    "RuntimeError: CUDA error: unspecified launch failure",
    "AsyncLLM output_handler failed.",
    (
        "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) "
        "for the root cause."
    ),
)
NO_DEVICE = (
    "RuntimeError: CUDA error: no CUDA-capable device is detected",
    "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': 1}",
)
BAD_REVISION = (
    (
        "ValueError: There is no module or parameter named 'model.layers.0.self_attn.qkv_proj.weight_scale' in "
        "LlamaForCausalLM"
    ),
    "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': 1}",
)

"""Log lines of a vLLM container: at its start, while it serves, at its end."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from string import Template

from simulator.blueprint import WorkloadSpec
from simulator.data import text
from simulator.engine_server import EngineServer

PERIOD = 10
"""Seconds between two lines of throughput."""
_BEFORE = 1800.0
"""Seconds before a simulation of which a log has lines."""


def line(at: float, where: str, text: str, level: str = "INFO") -> str:
    """A line in vLLM's own format."""
    return f"{level} {datetime.fromtimestamp(at, UTC):%m-%d %H:%M:%S} [{where}] {text}"


@cache
def start_messages(workload: WorkloadSpec, revision: str) -> list[tuple[float, str, str]]:
    """Return the log of a start: seconds after the container's start, source, text."""
    model, spec = workload.model, workload.model.engine
    shards = max(1, round(model.weights_gib / 4.7))
    facts = {
        "version": workload.version,
        "model": model.repository,
        "revision": revision,
        "served": workload.served,
        "gpus": workload.gpus,
        "max_model_len": spec.max_model_len,
        "shards": shards,
        "half": shards // 2,
        "half_percent": 100 * (shards // 2) // shards,
        "weights": f"{model.weights_gib / workload.gpus:.4f}",
        "load_seconds": f"{0.92 * model.load:.6f}",
        "compile_seconds": f"{0.6 * model.compile:.2f}",
        "capture_seconds": f"{0.3 * model.compile:.0f}",
        "kv_tokens": f"{spec.kv_tokens:,}",
        "concurrency": f"{spec.kv_tokens / spec.max_model_len:.2f}",
    }
    messages = []
    for entry in text("vllm-start.log").splitlines():
        phase, share, where, message = entry.split(maxsplit=3)
        after = float(share) * model.load if phase == "load" else model.load + float(share) * model.compile
        messages.append((after, where, Template(message).substitute(facts)))
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


def lines_before(server: EngineServer, origin: float, seconds: float, seed: str) -> Iterator[tuple[float, str]]:
    """Yield the throughput lines of the time before a simulation, with the rates of its first ``seconds``, about;
    none for an engine without work.
    """
    stats, chance = server.engine.stats, random.Random(seed)
    prompt, generated = (PERIOD * tokens / seconds for tokens in (stats.prompt_tokens, stats.generation_tokens))
    if not prompt + generated:
        return
    for step in range(int(_BEFORE / PERIOD), 0, -1):
        share, at = chance.uniform(0.6, 1.3), origin - step * PERIOD
        text = throughput(server, PERIOD, round(share * prompt), round(share * generated))
        yield at, line(at, "loggers.py:248", text)


_INITIALIZATION_FAILED = (
    "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore_DP0': 1}"
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
    _INITIALIZATION_FAILED,
)
BAD_REVISION = (
    (
        "ValueError: There is no module or parameter named 'model.layers.0.self_attn.qkv_proj.weight_scale' in "
        "LlamaForCausalLM"
    ),
    _INITIALIZATION_FAILED,
)

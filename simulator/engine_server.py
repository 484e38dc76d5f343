"""A vLLM server process: an engine and the HTTP server in front of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from simulator.engine import Engine, EngineSpec
from simulator.exposition import (
    CONTENT_TYPE,
    Readings,
    exposition,
    header,
    number,
    series,
)
from simulator.http_page import http_page
from simulator.interfaces import Answer
from simulator.stats import EngineStats

JSON = "application/json"
_ZERO_SOURCES = ("host", "p2p", "disk", "external_unspecified")


class EngineServer:
    """Answers for one engine process that started at `started` (simulated unix seconds)."""

    def __init__(
        self,
        spec: EngineSpec,
        *,
        version: str,
        model_name: str,
        root: str,
        started: float,
        gpu_memory_utilization: float = 0.92,
        pooling: bool = False,
    ) -> None:
        handler = "/v1/embeddings" if pooling else "/v1/chat/completions"
        self.engine = Engine(spec, started, EngineStats(spec.max_model_len, handler))
        self.model_name = model_name
        self.version = version
        self._root = root
        self._started = started
        self._page = exposition(version, model_name, "0", started)
        self._http = http_page(started)
        self._info = _cache_config_info(spec, gpu_memory_utilization)

    def respond(self, method: str, path: str, body: bytes) -> Answer:
        """The answer to an HTTP request; a call for a completion goes by the engine's state, not through its queue."""
        route = path.partition("?")[0]
        if route == "/metrics":
            return Answer(200, CONTENT_TYPE, self.metrics().encode())
        if route == "/health":
            return Answer(200, "text/plain; charset=utf-8", b"")
        if route == "/v1/models" and method == "GET":
            answer = self._json(200, self._models())
        elif route in {"/v1/completions", "/v1/chat/completions"} and method == "POST":
            answer = self._complete(route, body)
        else:
            route = "none"
            answer = self._json(404, {"detail": "Not Found"})
        self.engine.stats.http.observe(route, method, answer.status, answer.delay, len(body), len(answer.body))
        return answer

    def metrics(self) -> str:
        """The /metrics page."""
        return "".join(
            (
                self._process(),
                self._page.render(self._readings()),
                self._info,
                self._http.render(self.engine.stats.http),
            )
        )

    @staticmethod
    def _json(status: int, content: Mapping[str, Any], delay: float = 0.0) -> Answer:
        return Answer(status, JSON, json.dumps(content, separators=(",", ":")).encode(), delay)

    def _error(self, status: int, kind: str, message: str, param: str | None) -> Answer:
        return self._json(status, {"error": {"message": message, "type": kind, "param": param, "code": status}})

    def _models(self) -> dict[str, Any]:
        permission = {
            "id": f"modelperm-{int(self._started * 1000):016x}",
            "object": "model_permission",
            "created": int(self._started),
            "allow_create_engine": False,
            "allow_sampling": True,
            "allow_logprobs": True,
            "allow_search_indices": False,
            "allow_view": True,
            "allow_fine_tuning": False,
            "organization": "*",
            "group": None,
            "is_blocking": False,
        }
        card = {
            "id": self.model_name,
            "object": "model",
            "created": int(self._started),
            "owned_by": "vllm",
            "root": self._root,
            "parent": None,
            "max_model_len": self.engine.spec.max_model_len,
            "permission": [permission],
        }
        return {"object": "list", "data": [card]}

    def _complete(self, route: str, body: bytes) -> Answer:
        try:
            call = json.loads(body)
            model, max_tokens = call.get("model", self.model_name), int(call.get("max_tokens", 16))
        except (ValueError, TypeError, AttributeError):
            return self._error(400, "BadRequestError", "The request body is not valid JSON.", None)
        if model != self.model_name:
            message = f"The model `{model}` does not exist. Valid aliases: {self.model_name}."
            return self._error(404, "NotFoundError", message, "model")
        limit = self.engine.spec.max_model_len
        if max_tokens > limit:
            message = (
                f"max_tokens={max_tokens} cannot be greater than max_model_len={limit}. Please request fewer "
                f"output tokens. (parameter=max_tokens, value={max_tokens})"
            )
            return self._error(400, "BadRequestError", message, "max_tokens")
        chat = route == "/v1/chat/completions"
        text = " ok" * max_tokens
        choice = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        prompt = max(1, len(body) // 16)
        content = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{int(self.engine.now * 1000):x}",
            "object": "chat.completion" if chat else "text_completion",
            "created": int(self.engine.now),
            "model": self.model_name,
            "choices": [{"index": 0, **choice, "logprobs": None, "finish_reason": "length"}],
            "usage": {
                "prompt_tokens": prompt,
                "total_tokens": prompt + max_tokens,
                "completion_tokens": max_tokens,
            },
        }
        return self._json(200, content, self.engine.expected_latency(prompt, max_tokens))

    def _process(self) -> str:
        engine = self.engine
        collections = engine.stats.generation_tokens // 700
        generations = [collections, collections // 11, collections // 170]
        parts = []
        for name, text, values in (
            ("python_gc_objects_collected_total", "Objects collected during gc", [n * 17 for n in generations]),
            ("python_gc_objects_uncollectable_total", "Uncollectable objects found during GC", [0, 0, 0]),
            ("python_gc_collections_total", "Number of times this generation was collected", generations),
        ):
            parts.append(header(name, "counter", text))
            parts += [f'{name}{{generation="{i}"}} {number(n)}\n' for i, n in enumerate(values)]
        labels = {
            "implementation": "CPython",
            "major": "3",
            "minor": "12",
            "patchlevel": "11",
            "version": "3.12.11",
        }
        parts.append(header("python_info", "gauge", "Python platform information"))
        parts.append(series("python_info", labels) + " 1.0\n")
        for name, kind, text, value in (
            ("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", 2.9e10),
            ("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", 5.6e9),
            (
                "process_start_time_seconds",
                "gauge",
                "Start time of the process since unix epoch in seconds.",
                round(self._started, 2),
            ),
            (
                "process_cpu_seconds_total",
                "counter",
                "Total user and system CPU time spent in seconds.",
                round(40 + 0.3 * engine.busy, 2),
            ),
            ("process_open_fds", "gauge", "Number of open file descriptors.", 118 + engine.load),
            ("process_max_fds", "gauge", "Maximum number of open file descriptors.", 1048576),
        ):
            parts.append(f"{header(name, kind, text)}{name} {number(value)}\n")
        return "".join(parts)

    def _readings(self) -> Readings:
        engine, stats = self.engine, self.engine.stats
        running, waiting, kv_usage = engine.shown
        computed = stats.prompt_tokens - stats.prompt_tokens_cached
        single = {
            "zero": 0,
            "estimated_flops_per_gpu": 0,
            "estimated_read_bytes_per_gpu": 0,
            "estimated_write_bytes_per_gpu": 0,
            "num_requests_running": running,
            "num_requests_waiting": waiting,
            "kv_cache_usage_perc": kv_usage,
            "prefix_cache_queries": stats.prefix_queries,
            "prefix_cache_hits": stats.prefix_hits,
            "prefix_hit_rate": stats.prefix_hits / max(1, stats.prefix_queries),
            "external_prefix_cache_queries": 0,
            "external_prefix_cache_hits": 0,
            "mm_cache_queries": 0,
            "mm_cache_hits": 0,
            "num_preemptions": stats.preemptions,
            "prompt_tokens": stats.prompt_tokens,
            "prompt_tokens_cached": stats.prompt_tokens_cached,
            "generation_tokens": stats.generation_tokens,
        }
        labelled: dict[str, Mapping[str, float]] = {
            "num_requests_waiting_by_reason": {"capacity": waiting, "deferred": 0},
            "engine_sleep_state": {
                "awake": not engine.asleep,
                "weights_offloaded": engine.asleep,
                "discard_all": 0,
            },
            "prompt_tokens_by_source": {
                "local_compute": computed,
                "local_cache_hit": stats.prompt_tokens_cached,
                "external_kv_transfer": 0,
            },
            "prompt_tokens_cached_by_source": {"device": stats.prefix_hits, **dict.fromkeys(_ZERO_SOURCES, 0)},
            "request_success": stats.success,
            "admission_rejections": {"max_num_queued_reqs": 0, "max_num_queued_tokens": 0},
        }
        histograms = {
            "request_prompt_tokens": stats.request_prompt,
            "request_generation_tokens": stats.request_generation,
            "iteration_tokens": stats.iteration_tokens,
            "request_max_num_generation_tokens": stats.request_max_generation,
            "request_params_n": stats.params_n,
            "request_params_max_tokens": stats.params_max_tokens,
            "time_to_first_token": stats.time_to_first_token,
            "inter_token_latency": stats.inter_token_latency,
            "request_time_per_output_token": stats.time_per_output_token,
            "e2e_request_latency": stats.e2e,
            "request_queue_time": stats.queue,
            "request_inference_time": stats.inference,
            "request_prefill_time": stats.prefill,
            "request_decode_time": stats.decode,
            "request_num_preemptions": stats.request_preemptions,
            "request_prefill_kv_computed_tokens": stats.prefill_computed,
        }
        return Readings(single, labelled, histograms)


@lru_cache(maxsize=64)
def _cache_config_info(spec: EngineSpec, gpu_memory_utilization: float) -> str:
    labels = {
        "_block_size_resolved": "True",
        "block_size": str(spec.block_size),
        "cache_dtype": "auto",
        "cache_hit_alignment_tokens": "None",
        "effective_attention_block_size": str(spec.block_size),
        "enable_mamba_shared_prefix_checkpoint": "False",
        "enable_prefix_caching": "True",
        "engine": "0",
        "gpu_memory_utilization": str(gpu_memory_utilization),
        "hash_block_size": "None",
        "is_attention_free": "False",
        "kv_cache_dtype_skip_layers": "[]",
        "kv_cache_layout": "None",
        "kv_cache_max_concurrency": str(round(spec.kv_tokens / spec.max_model_len, 2)),
        "kv_cache_memory_bytes": "None",
        "kv_cache_size_tokens": str(spec.kv_tokens),
        "kv_offloading_backend": "native",
        "kv_offloading_size": "None",
        "kv_sharing_fast_prefill": "False",
        "mamba_block_size": "None",
        "mamba_cache_dtype": "auto",
        "mamba_cache_mode": "none",
        "mamba_page_size_padded": "None",
        "mamba_ssm_cache_dtype": "float32",
        "num_cpu_blocks": "None",
        "num_gpu_blocks": str(spec.num_blocks),
        "num_gpu_blocks_override": "None",
        "prefix_cache_retention_interval": "0",
        "prefix_caching_hash_algo": "sha256",
        "prefix_match_unit": "None",
        "replayssm_buffer_len": "16",
        "skip_page_size_padded": "None",
        "sliding_window": "None",
        "swa_bounded_replay": "True",
        "use_kda_recoverssm": "False",
        "use_replayssm": "False",
        "user_specified_block_size": "False",
    }
    name = "vllm:cache_config_info"
    return f"{header(name, 'gauge', 'Information of the LLMEngine CacheConfig')}{series(name, labels)} 1.0\n"

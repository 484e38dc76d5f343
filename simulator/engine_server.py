"""A vLLM server process: an engine and the HTTP server in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from simulator.engine import Engine, EngineSpec
from simulator.exposition import CONTENT_TYPE, Readings, page
from simulator.interfaces import Answer
from simulator.stats import EngineStats

GPU_MEMORY_UTILIZATION = 0.92
"""Default share of the GPU's memory that vLLM takes."""
COMPLETIONS, CHAT = "/v1/completions", "/v1/chat/completions"


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
        pooling: bool = False,
        weight: int = 1,
    ) -> None:
        stats = EngineStats(spec.max_model_len, "/v1/embeddings" if pooling else CHAT, weight)
        self.engine = Engine(spec.shrunk(weight), started, stats)
        self._model = model_name
        self._root = root
        self._started = started
        facts = {
            "model": model_name,
            "block_size": str(spec.block_size),
            "num_blocks": str(spec.num_blocks),
            "kv_tokens": str(spec.kv_tokens),
            "max_concurrency": str(round(spec.kv_tokens / spec.max_model_len, 2)),
            "memory_utilization": str(GPU_MEMORY_UTILIZATION),
        }
        self._pages = (
            page("process.txt", None),
            page(f"vllm-{version}.txt", started, **facts),
            page("http.txt", started),
        )

    def respond(self, method: str, path: str, body: bytes, share: float = 1.0) -> Answer:
        """Return the answer to an HTTP request; a completion request depends on the engine's state, not on its queue.

        ``share``: as in ``metrics``.
        """
        route = path.partition("?")[0]
        if route == "/metrics":
            return Answer(200, CONTENT_TYPE, self.metrics(share).encode())
        if route == "/health":
            return Answer(200, "text/plain; charset=utf-8", b"")
        if route == "/v1/models" and method == "GET":
            answer = _json(200, self._models())
        elif route in {COMPLETIONS, CHAT} and method == "POST":
            answer = self._complete(route, body)
        else:
            route, answer = "none", _json(404, {"detail": "Not Found"})
        self.engine.stats.http.observe(route, method, answer.status, answer.delay, len(body), len(answer.body))
        return answer

    def metrics(self, share: float = 1.0) -> str:
        """Return the /metrics page. Counters are multiplied by ``share``: a tenth for a fleet simulated ten times as
        fast as real time. A rate over real time is then the rate of simulated time, consistent with the latencies
        (Little's law).
        """
        readings = self._readings()
        return "".join([part.render(readings, share) for part in self._pages])

    def _readings(self) -> Readings:
        engine, stats = self.engine, self.engine.stats
        running, waiting, kv_usage = engine.shown
        finished = {f"finished_{reason}": count for reason, count in stats.success.items()}
        own = {
            "started": round(self._started, 2),
            "cpu_seconds": round(40 + 0.3 * engine.busy, 2),
            "open_fds": 118 + engine.load,
            "running": running,
            "waiting": waiting,
            "kv_usage": kv_usage,
            "awake": not engine.asleep,
            "asleep": engine.asleep,
            "prefix_hit_rate": stats.prefix_hits / max(1, stats.prefix_queries),
            "prompt_tokens_computed": stats.prompt_tokens - stats.prompt_tokens_cached,
        }
        return vars(stats) | vars(stats.http) | finished | own

    def _models(self) -> dict[str, Any]:
        created = int(self._started)
        may = dict.fromkeys(("allow_sampling", "allow_logprobs", "allow_view"), True)
        may |= dict.fromkeys(("allow_create_engine", "allow_search_indices", "allow_fine_tuning", "is_blocking"), False)
        permission = {"id": f"modelperm-{created:016x}", "object": "model_permission", "created": created} | may
        card = {
            "id": self._model,
            "object": "model",
            "created": created,
            "owned_by": "vllm",
            "root": self._root,
            "parent": None,
            "max_model_len": self.engine.spec.max_model_len,
            "permission": [permission | {"organization": "*", "group": None}],
        }
        return {"object": "list", "data": [card]}

    def _complete(self, route: str, body: bytes) -> Answer:
        try:
            call = orjson.loads(body)
            model, max_tokens = call.get("model", self._model), int(call.get("max_tokens", 16))
        except (ValueError, TypeError, AttributeError):
            return _error(400, "BadRequestError", "The request body is not valid JSON.", None)
        if model != self._model:
            message = f"The model `{model}` does not exist. Valid aliases: {self._model}."
            return _error(404, "NotFoundError", message, "model")
        limit = self.engine.spec.max_model_len
        if max_tokens > limit:
            message = (
                f"max_tokens={max_tokens} cannot be greater than max_model_len={limit}. Please request fewer "
                f"output tokens. (parameter=max_tokens, value={max_tokens})"
            )
            return _error(400, "BadRequestError", message, "max_tokens")
        output = " ok" * max_tokens
        choice = {"message": {"role": "assistant", "content": output}} if route == CHAT else {"text": output}
        prompt = max(1, len(body) // 16)
        content = {
            "id": f"{'chatcmpl' if route == CHAT else 'cmpl'}-{int(self.engine.now * 1000):x}",
            "object": "chat.completion" if route == CHAT else "text_completion",
            "created": int(self.engine.now),
            "model": self._model,
            "choices": [{"index": 0, **choice, "logprobs": None, "finish_reason": "length"}],
            "usage": {
                "prompt_tokens": prompt,
                "total_tokens": prompt + max_tokens,
                "completion_tokens": max_tokens,
            },
        }
        return _json(200, content, self.engine.expected_latency(prompt, max_tokens))


def _json(status: int, content: Mapping[str, Any], delay: float = 0.0) -> Answer:
    return Answer(status, "application/json", orjson.dumps(content), delay)


def _error(status: int, kind: str, message: str, param: str | None) -> Answer:
    return _json(status, {"error": {"message": message, "type": kind, "param": param, "code": status}})

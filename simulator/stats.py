"""What an engine counts about itself, as vLLM's front end does (vllm/v1/metrics/loggers.py, stats.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.histogram import Histogram

if TYPE_CHECKING:
    from simulator.engine import Request

REQUEST_LATENCY = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0),
    *(40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0),
)
TIME_TO_FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0),
    *(2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
)
TOKEN_LATENCY = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0),
    *(2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
)
ITERATION_TOKENS = (1.0, *(float(2**n) for n in range(3, 15)))
PARAMS_N = (1.0, 2.0, 5.0, 10.0, 20.0)
NUM_PREEMPTIONS = (1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 20.0)
HTTP_DURATION = (0.1, 0.5, 1.0)
HTTP_DURATION_HIGHR = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5),
    *(2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 7.5, 10.0, 30.0, 60.0),
)
FINISHED_REASONS = ("stop", "length", "abort", "error", "repetition")


def token_edges(max_model_len: int) -> tuple[float, ...]:
    """The 1-2-5 series up to the model's length, in tokens: the buckets of vLLM's per-request token counts."""
    edges: list[float] = []
    decade = 1
    while True:
        for mantissa in (1, 2, 5):
            if mantissa * decade > max_model_len:
                return tuple(edges)
            edges.append(float(mantissa * decade))
        decade *= 10


ROUTES = (
    ("/v1/models", "GET"),
    ("/v1/chat/completions", "POST"),
    ("/openapi.json", "GET"),
    ("/v1/completions", "POST"),
    ("none", "GET"),
)
"""The handlers that an instrumented server of some age has seen."""


@dataclass(slots=True)
class HttpStats:
    """What prometheus-fastapi-instrumentator counts; `/metrics` and `/health` are not among it."""

    requests: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """By handler, method and status class (2xx, 4xx, 5xx)."""
    received: dict[str, int] = field(default_factory=dict)
    """Bytes of request bodies by handler, as of responses in `sent`."""
    sent: dict[str, int] = field(default_factory=dict)
    durations: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    highr: Histogram = field(default_factory=lambda: Histogram(HTTP_DURATION_HIGHR))

    def __post_init__(self) -> None:
        for handler, method in ROUTES:
            self._route(handler, method)
            self.requests[handler, method, "4xx" if handler == "none" else "2xx"] = 0
        self.requests["/v1/completions", "POST", "4xx"] = 0

    def _route(self, handler: str, method: str) -> Histogram:
        self.received[handler] = self.sent[handler] = 0
        self.durations[handler, method] = Histogram(HTTP_DURATION)
        return self.durations[handler, method]

    def observe(self, handler: str, method: str, status: int, seconds: float, received: int, sent: int) -> None:
        """A request was answered."""
        histogram = self.durations.get((handler, method)) or self._route(handler, method)
        key = (handler, method, f"{status // 100}xx")
        self.requests[key] = self.requests.get(key, 0) + 1
        self.received[handler] += received
        self.sent[handler] += sent
        histogram.add(seconds)
        self.highr.add(seconds)


@dataclass(slots=True)
class EngineStats:
    """Counters and histograms of one engine since its process started; seconds and tokens."""

    max_model_len: int
    handler: str = "/v1/chat/completions"
    """The route by which the fleet's traffic comes."""
    http: HttpStats = field(default_factory=HttpStats)
    prefix_queries: int = 0
    prefix_hits: int = 0
    preemptions: int = 0
    prompt_tokens: int = 0
    prompt_tokens_cached: int = 0
    generation_tokens: int = 0
    success: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FINISHED_REASONS, 0))
    time_to_first_token: Histogram = field(default_factory=lambda: Histogram(TIME_TO_FIRST_TOKEN))
    inter_token_latency: Histogram = field(default_factory=lambda: Histogram(TOKEN_LATENCY))
    time_per_output_token: Histogram = field(default_factory=lambda: Histogram(TOKEN_LATENCY))
    e2e: Histogram = field(default_factory=lambda: Histogram(REQUEST_LATENCY))
    queue: Histogram = field(default_factory=lambda: Histogram(REQUEST_LATENCY))
    inference: Histogram = field(default_factory=lambda: Histogram(REQUEST_LATENCY))
    prefill: Histogram = field(default_factory=lambda: Histogram(REQUEST_LATENCY))
    decode: Histogram = field(default_factory=lambda: Histogram(REQUEST_LATENCY))
    iteration_tokens: Histogram = field(default_factory=lambda: Histogram(ITERATION_TOKENS))
    params_n: Histogram = field(default_factory=lambda: Histogram(PARAMS_N))
    request_preemptions: Histogram = field(default_factory=lambda: Histogram(NUM_PREEMPTIONS))
    request_prompt: Histogram = field(init=False)
    request_generation: Histogram = field(init=False)
    request_max_generation: Histogram = field(init=False)
    params_max_tokens: Histogram = field(init=False)
    prefill_computed: Histogram = field(init=False)

    def __post_init__(self) -> None:
        edges = token_edges(self.max_model_len)
        self.request_prompt = Histogram(edges)
        self.request_generation = Histogram(edges)
        self.request_max_generation = Histogram(edges)
        self.params_max_tokens = Histogram(edges)
        self.prefill_computed = Histogram(edges)

    def admitted(self, prompt: int, cached: int) -> None:
        """A request was scheduled for the first time and its prompt looked up in the prefix cache."""
        self.prefix_queries += prompt
        self.prefix_hits += cached

    def prefilled(self, ttft: float, prompt: int, cached: int) -> None:
        """A request gave its first token `ttft` seconds after it arrived."""
        self.prompt_tokens += prompt
        self.prompt_tokens_cached += cached
        self.time_to_first_token.add(ttft)

    def finished(self, request: Request, now: float) -> None:
        """A request gave its last token."""
        decode = now - request.first_token
        self.success["length" if request.output >= request.max_tokens else "stop"] += 1
        self.e2e.add(now - request.arrival)
        self.queue.add(request.scheduled - request.arrival)
        self.prefill.add(request.first_token - request.scheduled)
        self.decode.add(decode)
        self.inference.add(now - request.scheduled)
        self.time_per_output_token.add(decode / (request.output - 1) if request.output > 1 else 0.0)
        self.request_prompt.add(request.prompt)
        self.request_generation.add(request.output)
        self.request_max_generation.add(request.output)
        self.params_max_tokens.add(request.max_tokens)
        self.params_n.add(1)
        self.request_preemptions.add(request.preemptions)
        self.prefill_computed.add(request.prompt - request.cached)
        self.http.observe(self.handler, "POST", 200, now - request.arrival, request.prompt * 4, request.output * 220)

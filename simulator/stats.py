"""Counters of an engine, as vLLM's front end has them (vllm/v1/metrics/loggers.py, stats.py)."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import InitVar, dataclass, field
from functools import partial

from simulator.request import Request

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
SEEN_ROUTES = (
    ("/v1/models", "GET", "2xx"),
    ("/v1/chat/completions", "POST", "2xx"),
    ("/openapi.json", "GET", "2xx"),
    ("/v1/completions", "POST", "2xx"),
    ("none", "GET", "4xx"),
    ("/v1/completions", "POST", "4xx"),
)
"""Handler, method and status class of the requests that a server of some age has had."""


class Histogram:
    """Counts per bucket (not cumulative), the last of which is the one above the highest edge."""

    __slots__ = ("count", "counts", "edges", "sum")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.count = 0
        self.sum = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Observe `value`, `times` over."""
        self.counts[bisect_left(self.edges, value)] += times
        self.count += times
        self.sum += value * times


def token_edges(max_model_len: int) -> tuple[float, ...]:
    """The 1-2-5 series up to the model's length, in tokens: the buckets of vLLM's per-request token counts."""
    series = (float(mantissa * 10**decade) for decade in range(len(str(max_model_len))) for mantissa in (1, 2, 5))
    return tuple(edge for edge in series if edge <= max_model_len)


class HttpStats:
    """Counters of prometheus-fastapi-instrumentator, by labels; `/metrics` and `/health` are not among them."""

    def __init__(self) -> None:
        self.requests: dict[str, int] = {}
        # Bytes of the bodies: only their count and sum are exposed.
        self.request_size: dict[str, Histogram] = defaultdict(lambda: Histogram(()))
        self.response_size: dict[str, Histogram] = defaultdict(lambda: Histogram(()))
        self.duration: dict[str, Histogram] = defaultdict(lambda: Histogram(HTTP_DURATION))
        self.duration_highr = Histogram(HTTP_DURATION_HIGHR)
        for handler, method, status in SEEN_ROUTES:
            self._series(handler, method, status)

    def _series(self, handler: str, method: str, status: str) -> tuple[str, Histogram, Histogram, Histogram]:
        route = f'handler="{handler}",method="{method}"'
        key = f'{route},status="{status}"'
        self.requests.setdefault(key, 0)
        label = f'handler="{handler}"'
        return key, self.request_size[label], self.response_size[label], self.duration[route]

    def observe(
        self, handler: str, method: str, status: int, seconds: float, received: int, sent: int, times: int = 1
    ) -> None:
        """A request was answered; sizes in bytes."""
        key, request_size, response_size, duration = self._series(handler, method, f"{status // 100}xx")
        self.requests[key] += times
        request_size.add(received, times)
        response_size.add(sent, times)
        duration.add(seconds, times)
        self.duration_highr.add(seconds, times)


@dataclass(eq=False)
class EngineStats:
    """Counters and histograms of one engine since its process started; seconds and tokens.

    Fields have the names used in the templates of /metrics pages. `handler` is the route of the fleet's traffic; every
    request that the engine reports counts `weight` times.
    """

    max_model_len: InitVar[int]
    handler: str = "/v1/chat/completions"
    weight: int = 1
    http: HttpStats = field(init=False, default_factory=HttpStats)
    prefix_queries: int = 0
    prefix_hits: int = 0
    preemptions: int = 0
    prompt_tokens: int = 0
    prompt_tokens_cached: int = 0
    generation_tokens: int = 0
    success: dict[str, int] = field(init=False, default_factory=lambda: dict.fromkeys(FINISHED_REASONS, 0))
    time_to_first_token: Histogram = field(init=False, default_factory=partial(Histogram, TIME_TO_FIRST_TOKEN))
    inter_token_latency: Histogram = field(init=False, default_factory=partial(Histogram, TOKEN_LATENCY))
    time_per_output_token: Histogram = field(init=False, default_factory=partial(Histogram, TOKEN_LATENCY))
    e2e: Histogram = field(init=False, default_factory=partial(Histogram, REQUEST_LATENCY))
    queue: Histogram = field(init=False, default_factory=partial(Histogram, REQUEST_LATENCY))
    inference: Histogram = field(init=False, default_factory=partial(Histogram, REQUEST_LATENCY))
    prefill: Histogram = field(init=False, default_factory=partial(Histogram, REQUEST_LATENCY))
    decode: Histogram = field(init=False, default_factory=partial(Histogram, REQUEST_LATENCY))
    iteration_tokens: Histogram = field(init=False, default_factory=partial(Histogram, ITERATION_TOKENS))
    params_n: Histogram = field(init=False, default_factory=partial(Histogram, PARAMS_N))
    request_preemptions: Histogram = field(init=False, default_factory=partial(Histogram, NUM_PREEMPTIONS))
    # From here on the buckets are those of the model's length.
    request_prompt: Histogram = field(init=False)
    request_generation: Histogram = field(init=False)
    request_max_generation: Histogram = field(init=False)
    params_max_tokens: Histogram = field(init=False)
    prefill_computed: Histogram = field(init=False)

    def __post_init__(self, max_model_len: int) -> None:
        edges = token_edges(max_model_len)
        self.request_prompt = Histogram(edges)
        self.request_generation = Histogram(edges)
        self.request_max_generation = Histogram(edges)
        self.params_max_tokens = Histogram(edges)
        self.prefill_computed = Histogram(edges)

    def admitted(self, prompt: int, cached: int) -> None:
        """A request was scheduled for the first time and its prompt looked up in the prefix cache."""
        self.prefix_queries += prompt * self.weight
        self.prefix_hits += cached * self.weight

    def preempted(self) -> None:
        """A request lost its place in the KV cache."""
        self.preemptions += self.weight

    def stepped(self, steps: int, seconds: float, decoding: int, chunk: int) -> None:
        """Count `steps` iterations of `seconds` each, which gave `decoding` requests a token and prefilled `chunk`
        tokens.
        """
        self.iteration_tokens.add((decoding + chunk) * self.weight, steps)
        self.generation_tokens += steps * decoding * self.weight
        self.inter_token_latency.add(seconds, steps * decoding * self.weight)

    def prefilled(self, ttft: float, request: Request) -> None:
        """A request gave its first token, if it wants any, `ttft` seconds after it arrived."""
        self.prompt_tokens += request.prompt * self.weight
        self.prompt_tokens_cached += request.cached * self.weight
        self.generation_tokens += self.weight if request.output else 0
        self.time_to_first_token.add(ttft, self.weight)

    def resumed(self, gap: float) -> None:
        """Count the next token of a preempted request, `gap` seconds after the previous one."""
        self.generation_tokens += self.weight
        self.inter_token_latency.add(gap, self.weight)

    def finished(self, request: Request, now: float) -> None:
        """A request gave its last token."""
        decode, times = now - request.first_token, self.weight
        self.success["length" if request.output >= request.max_tokens else "stop"] += times
        self.e2e.add(now - request.arrival, times)
        self.queue.add(request.scheduled - request.arrival, times)
        self.prefill.add(request.first_token - request.scheduled, times)
        self.decode.add(decode, times)
        self.inference.add(now - request.scheduled, times)
        self.time_per_output_token.add(decode / (request.output - 1) if request.output > 1 else 0.0, times)
        self.request_prompt.add(request.prompt, times)
        self.request_generation.add(request.output, times)
        self.request_max_generation.add(request.output, times)
        self.params_max_tokens.add(request.max_tokens, times)
        self.params_n.add(1, times)
        self.request_preemptions.add(request.preemptions, times)
        self.prefill_computed.add(request.prompt - request.cached, times)
        sizes = (request.prompt * 4, request.output * 220)
        self.http.observe(self.handler, "POST", 200, now - request.arrival, *sizes, times)

"""Requests that arrive at the fleet, and the router that spreads them over the replicas."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.engine import Engine
from simulator.request import Request

DAY = 86400.0
BURST_SECONDS = 20.0
"""Approximate length of a burst in seconds."""


@dataclass(frozen=True, slots=True)
class TrafficSpec:
    """Requests of the users of one workload; lengths in tokens, log-normal around a median."""

    rate: float
    """Requests per second for each replica, averaged over the day."""
    prompt: int
    output: int
    """Median lengths; an output of 0 means embeddings."""
    prompt_spread: float = 0.8
    output_spread: float = 0.7
    max_tokens: int = 4096
    prefixes: int = 12
    """Number of different shared prefixes (system prompts, documents); the first ones are the most common."""
    prefix_tokens: int = 400
    burstiness: float = 0.25
    """Standard deviation of the rate's logarithm."""


class Traffic:
    """The stream of requests of one workload, the same for the same seed, at whatever hour it begins.

    ``morning`` (unix seconds) is when the rate is average: it is highest six hours later, lowest six before.
    """

    def __init__(self, spec: TrafficSpec, replicas: float, seed: str, morning: float) -> None:
        self.spec = spec
        self._morning = morning
        self.factor = 1.0
        """Multiplier of the rate, set by scenarios."""
        self.longer_prompts = self.longer_answers = 1.0
        """The same for lengths."""
        self._rate = spec.rate * replicas
        self._random = random.Random(seed)
        self._burst = 0.0

    def rate(self, now: float) -> float:
        """Requests per second at `now` (unix seconds)."""
        day = 1 + 0.2 * math.sin((now - self._morning) / DAY * math.tau)
        spread = self.spec.burstiness
        return self._rate * day * self.factor * math.exp(self._burst - spread * spread / 2)

    def arrivals(self, start: float, end: float) -> list[Request]:
        """The requests that arrive from `start` to `end`, in order."""
        keep = math.exp(-(end - start) / BURST_SECONDS)
        noise = self._random.gauss(0, self.spec.burstiness * math.sqrt(1 - keep * keep))
        self._burst = self._burst * keep + noise
        rate = self.rate(start)
        requests: list[Request] = []
        at = start
        while rate > 0:
            at += self._random.expovariate(rate)
            if at >= end:
                break
            requests.append(self._request(at))
        return requests

    def _request(self, at: float) -> Request:
        spec, draw = self.spec, self._random
        prompt = round(draw.lognormvariate(math.log(spec.prompt), spec.prompt_spread) * self.longer_prompts)
        output = 0
        if spec.output:
            output = round(draw.lognormvariate(math.log(spec.output), spec.output_spread) * self.longer_answers)
            output = max(1, output)
        prefix = min(int(draw.paretovariate(1.0)) - 1, spec.prefixes - 1)
        return Request(at, prompt + spec.prefix_tokens, output, spec.max_tokens, prefix, spec.prefix_tokens)


class Router:
    """Sends a request to the less loaded of two replicas drawn at random, as many gateways do."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def route(self, request: Request, replicas: Sequence[Engine]) -> None:
        """Give the request to one of `replicas`; with none it is lost, as the client gets a 503."""
        if not replicas:
            return
        first, second = self._random.choice(replicas), self._random.choice(replicas)
        (first if first.load <= second.load else second).submit(request)

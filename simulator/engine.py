"""One vLLM engine: continuous batching over a pool of KV-cache blocks.

The engine runs iteration by iteration, as vLLM does. An iteration gives every decoding request one token and spends the
rest of the token budget on prefills (chunked prefill), so one long prompt delays everybody's next token. While nothing
changes between iterations (no prefill, no arrival or completion) several are taken at once: the cost of simulating a
second grows with the events in it, not with the tokens generated.
"""

from __future__ import annotations

import heapq
import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace

from simulator.request import Request
from simulator.stats import EngineStats

NEVER = 86_400.0
"""Seconds to the answer of an engine that gives none."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Capability of one engine: limits in requests and tokens, costs in seconds, one token pool for all its GPUs."""

    max_model_len: int
    num_blocks: int
    step_base: float
    """Seconds of an empty iteration: reading the weights once."""
    step_per_seq: float
    """Seconds that each decoding request adds."""
    step_per_kv_token: float
    """Seconds that each token held in the KV cache adds: attention reads it."""
    prefill_rate: float
    """Prompt tokens computed per second."""
    block_size: int = 16
    max_num_seqs: int = 256
    max_num_batched_tokens: int = 8192
    patience: float = 120.0
    """Seconds after which a waiting client gives up."""

    @property
    def kv_tokens(self) -> int:
        """Tokens that fit the KV cache."""
        return self.num_blocks * self.block_size

    def shrunk(self, weight: int) -> EngineSpec:
        """An engine that is as full with one request as this one with `weight`: how several are simulated as one."""
        return replace(
            self,
            num_blocks=self.num_blocks // weight,
            max_num_seqs=max(1, self.max_num_seqs // weight),
            step_per_seq=self.step_per_seq * weight,
            step_per_kv_token=self.step_per_kv_token * weight,
        )


@dataclass(slots=True)
class Engine:
    """The state of one engine. `submit` requests, then `advance`; read `stats` and the gauges."""

    spec: EngineSpec
    now: float
    stats: EngineStats
    slowdown: float = 1.0
    """Factor by which everything is slower than on a healthy GPU."""
    handicap: float = 1.0
    """Factor by which its software is slower: a bad version."""
    stuck: bool = False
    """True if the process answers while its engine loop hangs."""
    asleep: bool = False
    running: dict[Request, None] = field(default_factory=dict)
    waiting: deque[Request] = field(default_factory=deque)
    busy: float = 0.0
    """Seconds spent computing since the start, and of these in prefill."""
    busy_prefill: float = 0.0
    shown: tuple[int, int, float] = (0, 0, 0.0)
    """Running, waiting and KV usage (ratio) as the engine last reported them: a stuck one reports no more."""
    _prefilling: deque[Request] = field(default_factory=deque)
    _backlog: int = 0
    _resident: int = 0
    _step: int = 0
    _finishing: list[tuple[int, int, Request]] = field(default_factory=list)
    _pushed: int = 0
    _owed: float = 0.0
    """Seconds of prefill still owed for the other requests that the prefilled ones stand for."""
    _prefixes: OrderedDict[int, int] = field(default_factory=OrderedDict)
    _prefix_tokens: int = 0

    @property
    def load(self) -> int:
        """Number of requests in the engine, which a least-loaded router compares."""
        return len(self.running) + len(self.waiting)

    @property
    def kv_usage(self) -> float:
        """Share of the KV blocks that running requests hold, 0-1; unused cached prefixes count as free."""
        return min(1.0, self._blocks(self._resident, len(self.running)) / self.spec.num_blocks)

    def expected_latency(self, prompt: int, output: int) -> float:
        """Seconds that a request of so many tokens would take now, by the length of the queue and the batch.

        An engine that hangs or sleeps does not answer: no client waits for so long.
        """
        if self.stuck or self.asleep:
            return NEVER
        batch = max(1, len(self.running))
        queue = len(self.waiting) / batch
        step = self._step_time(batch)
        return (1 + queue) * (step * max(1, output) + prompt / self.spec.prefill_rate * self._factor)

    def submit(self, request: Request) -> None:
        """Queue a request; its prompt and output are cut to the model's length."""
        limit = self.spec.max_model_len
        request.prompt = min(request.prompt, limit - 1)
        request.output = min(request.output, request.max_tokens, limit - request.prompt)
        self.waiting.append(request)

    def advance(self, until: float) -> None:
        """Simulate up to time `until`; the last iteration may end a little after it."""
        if self.stuck or self.asleep:
            self.now = max(self.now, until)
            self._drop_impatient()
            return
        while self.now < until:
            self._drop_impatient()
            if not self._make_room():
                self._admit()
            if not self.running:
                arrival = self.waiting[0].arrival if self.waiting else math.inf
                self.now = min(until, max(arrival, self.now))
                continue
            if self._prefilling:
                self._mixed_step()
            else:
                self._decode_steps(until)
        weight = self.stats.weight
        self.shown = (len(self.running) * weight, len(self.waiting) * weight, self.kv_usage)

    def _blocks(self, tokens: int, requests: int) -> float:
        # The last block of each request is half full on average.
        return tokens / self.spec.block_size + 0.5 * requests

    def _drop_impatient(self) -> None:
        # A client that disconnects leaves no trace in vLLM's request metrics.
        waiting = self.waiting
        while waiting and waiting[0].scheduled < 0 and self.now - waiting[0].arrival > self.spec.patience:
            waiting.popleft()

    def _admit(self) -> None:
        spec, waiting = self.spec, self.waiting
        while waiting and waiting[0].arrival <= self.now and len(self.running) < spec.max_num_seqs:
            request = waiting[0]
            if self._backlog >= spec.max_num_batched_tokens - len(self.running):
                return
            tokens = request.prompt + request.generated
            count = len(self.running) + 1
            if count > 1 and self._blocks(self._resident + tokens + count, count) > spec.num_blocks:
                return
            waiting.popleft()
            cached = self._prefix_hit(request)
            if request.scheduled < 0:
                request.scheduled = self.now
                request.cached = cached
                self.stats.admitted(request.prompt, cached)
            request.todo = tokens - cached
            self._backlog += request.todo
            self._resident += tokens
            self.running[request] = None
            self._prefilling.append(request)

    def _prefix_hit(self, request: Request) -> int:
        """Tokens of the prompt that the prefix cache holds, in whole blocks; remembers the prefix as used last."""
        if request.prefix < 0:
            return 0
        size = self.spec.block_size
        shareable = min(request.prefix_tokens, request.prompt - 1) // size * size
        known = self._prefixes.pop(request.prefix, 0)
        self._prefixes[request.prefix] = max(known, shareable)
        self._prefix_tokens += max(0, shareable - known)
        free = self.spec.kv_tokens - self._resident - request.prompt
        while self._prefix_tokens > max(0, free) and self._prefixes:
            self._prefix_tokens -= self._prefixes.popitem(last=False)[1]
        return min(known, shareable)

    def _make_room(self) -> bool:
        """Preempt the latest requests until one more token for each fits; return whether that was necessary.

        Their tokens are recomputed later. As in vLLM V1's scheduler, an iteration that preempts admits no request.
        """
        running, before = self.running, len(self.running)
        while len(running) > 1 and self._blocks(self._resident + len(running), len(running)) > self.spec.num_blocks:
            request, _ = running.popitem()
            if request.todo:
                self._prefilling.remove(request)
                self._backlog -= request.todo
                request.todo = 0
            else:
                request.generated = request.output - (request.finish_step - self._step)
                request.finish_step = -1
                request.last_token = self.now
            self._resident -= request.prompt + request.generated
            request.preemptions += 1
            self.stats.preempted()
            self.waiting.appendleft(request)
        return len(running) < before

    def _step_time(self, decoding: int) -> float:
        spec = self.spec
        return (spec.step_base + spec.step_per_seq * decoding + spec.step_per_kv_token * self._resident) * self._factor

    @property
    def _factor(self) -> float:
        return self.slowdown * self.handicap

    def _mixed_step(self) -> None:
        decoding = len(self.running) - len(self._prefilling)
        budget = max(1, self.spec.max_num_batched_tokens - decoding)
        chunk = 0
        done: list[Request] = []
        while self._prefilling and chunk < budget:
            request = self._prefilling[0]
            part = min(request.todo, budget - chunk)
            request.todo -= part
            chunk += part
            if not request.todo:
                done.append(self._prefilling.popleft())
        self._backlog -= chunk
        prefill = chunk / self.spec.prefill_rate * self._factor
        self.busy_prefill += prefill
        self._owed += prefill * (self.stats.weight - 1)
        self._decoded(1, decoding, self._step_time(decoding) + prefill, chunk)
        for request in done:
            self._prefilled(request)
        self._finish_due()

    def _decode_steps(self, until: float) -> None:
        count = len(self.running)
        seconds = self._step_time(count)
        horizon = until
        if self.waiting and self.waiting[0].arrival > self.now:
            horizon = min(until, self.waiting[0].arrival)
        room = ((self.spec.num_blocks - 0.5 * count) * self.spec.block_size - self._resident) / count
        steps = min(self._finishing[0][0] - self._step, math.ceil((horizon - self.now) / seconds), int(room))
        steps = max(1, steps)
        owed = min(self._owed, steps * seconds)
        self._owed -= owed
        self.busy_prefill += owed
        self._decoded(steps, count, seconds + owed / steps, 0)
        self._finish_due()

    def _decoded(self, steps: int, count: int, seconds: float, chunk: int) -> None:
        """Count `steps` iterations of `seconds` each, which gave `count` requests one token each and prefilled `chunk`
        tokens.
        """
        self.now += steps * seconds
        self._step += steps
        self.busy += steps * seconds
        self._resident += steps * count
        self.stats.stepped(steps, seconds, count, chunk)

    def _prefilled(self, request: Request) -> None:
        if request.first_token < 0:
            request.first_token = self.now
            self.stats.prefilled(self.now - request.arrival, request)
        else:
            self.stats.resumed(self.now - request.last_token)
        if not request.output:  # an embedding: the prefill is all there is
            request.finish_step = self._step
        else:
            request.generated += 1
            self._resident += 1
            request.finish_step = self._step + request.output - request.generated
        self._pushed += 1
        heapq.heappush(self._finishing, (request.finish_step, self._pushed, request))

    def _finish_due(self) -> None:
        finishing = self._finishing
        while finishing and (finishing[0][0] <= self._step or finishing[0][2].finish_step != finishing[0][0]):
            due, _, request = heapq.heappop(finishing)
            if request.finish_step != due:
                continue  # preempted meanwhile: it has another entry, or will have
            del self.running[request]
            self._resident -= request.prompt + request.output
            request.finish_step = -1
            self.stats.finished(request, self.now)

"""Benchmarks of nodes of this machine, as they were kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Level:
    """What was measured at one concurrency. Latencies in seconds; None for what was not measured."""

    concurrency: int
    requests: int
    failed: int
    duration: float
    requests_rate: float
    """Requests per second."""
    output_rate: float
    """Output tokens per second."""
    ttft_p50: float | None = None
    ttft_p95: float | None = None
    ttft_p99: float | None = None
    itl_p50: float | None = None
    itl_p95: float | None = None
    itl_p99: float | None = None
    e2e_p50: float | None = None
    e2e_p95: float | None = None
    e2e_p99: float | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """One sweep."""

    id: str
    node: str
    model: str
    """The served name."""
    at: float
    """Unix time of its begin."""
    prompt_tokens: int
    output_tokens: int
    levels: tuple[Level, ...]
    version: str = ""
    """Of vLLM."""
    arguments: tuple[str, ...] = ()
    """Of the node, without model, host and port."""
    cancelled: bool = False
    tool: str = "vllm bench serve"
    """What measured."""

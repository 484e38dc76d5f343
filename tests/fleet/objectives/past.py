"""Three days of requests in a real Prometheus, made beforehand: pods come and go, and the last hour is bad."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fleet.sources.prometheus.source import PrometheusSource
from tests.fleet.metrics.servers import Prometheus, prometheus_on

SCRAPE = 60
HOURS = 80
OLD, NEW, OTHER, DEEP = "chat-6b5d4f-q8sfp", "chat-7c9f58-x2k4d", "tiny-0", "deep-0"
"""The pod before the rollout (a day ago), the one after it, and that of another model."""
EDGES = (0.5, 1.0, 2.5, 5.0)
PER_SCRAPE = 120
"""Requests of a pod from one scrape to the next."""

Counts = dict[str, float]


def now() -> int:
    """The last whole scrape. A server that evaluates rules is to be started at once: what is much older is stale to it,
    and beside data from its future it can record nothing."""
    return int(time.time()) // SCRAPE * SCRAPE


def _late(at: int, end: int) -> float:
    """The share of the requests that took between 2.5 and 5 s: until the last hour all was well."""
    return 0.8 if at > end - 3600 else 0.02


def _pod(
    end: int, namespace: str, pod: str, model: str, lives: Callable[[int], bool], late: Callable[[int, int], float]
) -> Iterator[str]:
    where = f'namespace="{namespace}",pod="{pod}",instance="{pod}:8000",job="vllm"'
    of_model = f'{where},model_name="{model}",engine="0"'
    total = {"all": 0.0, "late": 0.0, "failed": 0.0}
    for at in range(end - HOURS * 3600, end, SCRAPE):
        if not lives(at):
            total = dict.fromkeys(total, 0.0)
            continue
        total["all"] += PER_SCRAPE
        total["late"] += PER_SCRAPE * late(at, end)
        total["failed"] += PER_SCRAPE * (0.04 if at > end - 3600 else 0.002)
        good = total["all"] - total["late"]
        cumulative = {0.5: good / 2, 1.0: good * 0.8, 2.5: good, 5.0: total["all"]}
        for upper, count in cumulative.items():
            yield f'vllm:time_to_first_token_seconds_bucket{{{of_model},le="{upper}"}} {count:.6f} {at}'
        yield f'vllm:time_to_first_token_seconds_bucket{{{of_model},le="+Inf"}} {total["all"]:.6f} {at}'
        yield f"vllm:num_requests_running{{{of_model}}} 4 {at}"
        yield f"vllm:num_requests_waiting{{{of_model}}} 2 {at}"
        http = f'{where},handler="/v1/chat/completions",method="POST"'
        yield f'http_requests_total{{{http},status="2xx"}} {total["all"] - total["failed"]:.6f} {at}'
        yield f'http_requests_total{{{http},status="5xx"}} {total["failed"]:.6f} {at}'


def _deep(end: int) -> Iterator[str]:
    """A pod in which many wait, of the last hour."""
    where = f'namespace="llm",pod="{DEEP}",instance="{DEEP}:8000",job="vllm",model_name="deep",engine="0"'
    for at in range(end - 3600, end, SCRAPE):
        for name, value in (("running", 4), ("waiting", 60)):
            yield f"vllm:num_requests_{name}{{{where}}} {value} {at}"


def _openmetrics(end: int) -> Iterator[str]:
    rollout = end - 24 * 3600
    outage = range(end - 30 * 3600, end - 29 * 3600)  # nobody served ``tiny`` then
    lines = [
        *_pod(end, "llm", OLD, "llama", lambda at: at <= rollout, _late),
        # Its process began again six hours ago: the counters start from zero.
        *_pod(end, "llm", NEW, "llama", lambda at: at >= rollout and abs(at - end + 6 * 3600) > 60, _late),
        *_pod(end, "llm", OTHER, "tiny", lambda at: at not in outage, lambda _, __: 0.01),
        *_deep(end),
    ]
    seen = ""
    for line in sorted(lines, key=lambda one: (one.partition("{")[0], one.partition("} ")[0])):
        name = line.partition("{")[0]
        if name != seen:
            seen = name
            yield f"# TYPE {name} gauge"
        yield line
    yield "# EOF"


@contextmanager
def three_days(folder: Path, end: int, rules: str = "") -> Iterator[Prometheus]:
    """A Prometheus that holds those until then (Unix time), and evaluates these rules (YAML)."""
    text = folder / "history.txt"
    text.write_text("\n".join(_openmetrics(end)) + "\n")
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=64h"]
    subprocess.run([*blocks, str(text), str(folder / "data")], check=True, capture_output=True)
    configuration = folder / "prometheus.yml"
    message = "global:\n  scrape_interval: 1m\n  evaluation_interval: 1s\n"
    if rules:
        (folder / "rules.yml").write_text(rules)
        message += f"rule_files: [{folder / 'rules.yml'}]\n"
    configuration.write_text(message)
    with prometheus_on(configuration, folder) as running:
        yield running


@dataclass(frozen=True)
class AsOfThen:
    """A store whose now is that of the data."""

    source: PrometheusSource
    end: int

    async def query(self, text: str, at: float | None = None) -> list[object]:
        return await self.source.query(text, at)

    async def range(self, text: str, start: float, end: float, step: float) -> list[object]:
        return await self.source.range(text, start, end, step)

    async def now(self) -> float:
        return self.end + 1.0

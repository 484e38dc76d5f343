"""Fleets of other sizes, and those so large that a request stands for several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from simulator.blueprint import DEFAULT, MAX_RATE
from tests.simulator.fleet_support import Watched, increase, only, value


@pytest.mark.parametrize("pods", [18, 1000, 10_000])
def test_every_size_can_be_simulated_by_one_core(pods: int) -> None:
    fleet = DEFAULT.scaled(pods)
    assert fleet.pods == pods
    assert sum(w.traffic.rate * w.replicas / w.weight for w in fleet.workloads) <= MAX_RATE
    assert {w.weight for w in fleet.workloads if w.traffic.rate < 1} == {1}
    if pods <= 1000:
        assert {w.weight for w in fleet.workloads} == {1}


def test_a_request_that_stands_for_four_loads_an_engine_like_four() -> None:
    (usual,) = only("chat-8b").workloads
    workload = replace(usual, traffic=replace(usual.traffic, burstiness=0.0))

    def served(weight: int) -> Sequence[float]:
        """Running requests, KV usage, tokens/s, requests/s and TTFT (s) of an engine, as means."""
        blueprint = replace(DEFAULT, workloads=(replace(workload, weight=weight, max_replicas=0),))
        fleet = Watched(blueprint=blueprint)
        running, usage, before = 0.0, 0.0, fleet.pages("chat-8b")
        for _ in range(30):
            fleet.run(4)
            after = fleet.pages("chat-8b")
            running += sum(value(page, "vllm:num_requests_running") for page in after.values()) / 150
            usage += sum(value(page, "vllm:kv_cache_usage_perc") for page in after.values()) / 150

        def grown(name: str) -> float:
            return sum(increase(before[pod], after[pod], name) for pod in before) / 600

        ttft = "vllm:time_to_first_token_seconds"
        requests = grown("vllm:e2e_request_latency_seconds_count")
        return (
            running,
            usage,
            grown("vllm:generation_tokens_total"),
            requests,
            grown(f"{ttft}_sum") / grown(f"{ttft}_count"),
        )

    one, four = served(1), served(4)
    assert four[:4] == pytest.approx(one[:4], rel=0.25)
    assert four[4] < 2 * one[4]

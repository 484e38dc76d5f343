"""The numbers on the demo's pages agree at any speed: requests inside = rate x time inside (Little's law)."""

from __future__ import annotations

import pytest

from simulator.dcgm import render
from simulator.gpu import Gpu
from tests.simulator.fleet_support import Watched, only, parse, value

SECONDS = 300
"""Five simulated minutes."""
LOOK = 3
"""Seconds of them between two looks at the gauges."""


def total(pages: list[str], name: str) -> float:
    return sum(sample.value for page in pages for sample in parse(page, name) if sample.name == name)


@pytest.mark.parametrize("speed", [1.0, 20.0])
def test_running_and_waiting_requests_fit_the_rate_and_the_latencies(speed: float) -> None:
    watched = Watched(blueprint=only("chat-70b", "chat-8b"))
    watched.clock.speed = speed
    pods = [pod for name in ("chat-70b", "chat-8b") for pod in watched.pods(name)]

    def pages() -> list[str]:
        return [watched.page(pod) for pod in pods]

    before = pages()
    running = waiting = 0.0
    looks = SECONDS // LOOK
    for _ in range(looks):
        watched.run(LOOK)
        now = pages()
        running += total(now, "vllm:num_requests_running") / looks
        waiting += total(now, "vllm:num_requests_waiting") / looks
    after, real = pages(), SECONDS / speed

    def grown(name: str) -> float:
        return total(after, name) - total(before, name)

    rate = grown("vllm:request_success_total") / real
    served = grown("vllm:request_inference_time_seconds_sum") / grown("vllm:request_inference_time_seconds_count")
    queued = grown("vllm:request_queue_time_seconds_sum") / grown("vllm:request_queue_time_seconds_count")
    inside = grown("vllm:e2e_request_latency_seconds_sum") / grown("vllm:e2e_request_latency_seconds_count")
    assert running > 10
    assert rate * served == pytest.approx(running, rel=0.1)
    assert rate * queued == pytest.approx(waiting, rel=0.1, abs=1.0)
    assert rate * inside == pytest.approx(running + waiting, rel=0.1)
    assert grown("vllm:generation_tokens_total") / rate / real == pytest.approx(
        grown("vllm:request_generation_tokens_sum") / grown("vllm:request_generation_tokens_count"), rel=0.15
    )


def test_a_gpu_is_throttled_for_no_more_than_all_of_the_time_however_fast_it_is_simulated() -> None:
    watched = Watched(blueprint=only("chat-8b"))
    machine = next(m for m in watched.fleet.cluster.machines.values() if m.gpus)
    gpu: Gpu = machine.gpus[0]
    speed = 10.0

    def nanoseconds() -> float:
        return value(render([gpu], 1 / speed), "DCGM_FI_DEV_THERMAL_VIOLATION")

    before = nanoseconds()
    gpu.thermal_violation += 60.0
    assert (nanoseconds() - before) / 1e9 / (60.0 / speed) == pytest.approx(1.0)

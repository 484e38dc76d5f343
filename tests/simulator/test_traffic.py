"""Requests arrive as described, and go where there is room; time passes as told."""

from __future__ import annotations

import pytest

from simulator.clock import RealtimeClock
from simulator.engine import Engine
from simulator.request import Request
from simulator.stats import EngineStats
from simulator.traffic import Router, Traffic, TrafficSpec
from tests.simulator.test_engine import SPEC

MORNING = 1_795_251_600.0
AFTERNOON = MORNING + 5.5 * 3600
"""A time near the peak."""
NIGHT = AFTERNOON + 12 * 3600


def drawn(spec: TrafficSpec, *, seed: str = "a", start: float = AFTERNOON, seconds: int = 600) -> list[Request]:
    traffic = Traffic(spec, 2, seed, MORNING)
    return [r for n in range(seconds * 10) for r in traffic.arrivals(start + n / 10, start + (n + 1) / 10)]


def test_the_rate_is_per_replica_and_follows_the_day() -> None:
    spec = TrafficSpec(rate=5.0, prompt=100, output=50, burstiness=0.0)
    day, night = len(drawn(spec)), len(drawn(spec, start=NIGHT))
    assert day == pytest.approx(600 * 5 * 2 * 1.2, rel=0.06)
    assert night == pytest.approx(600 * 5 * 2 * 0.8, rel=0.06)


def test_requests_come_in_order_and_their_lengths_around_the_medians() -> None:
    requests = drawn(TrafficSpec(rate=5.0, prompt=600, output=200, prefix_tokens=150, prefixes=4))
    assert [r.arrival for r in requests] == sorted(r.arrival for r in requests)
    prompts, outputs = sorted(r.prompt for r in requests), sorted(r.output for r in requests)
    assert prompts[len(prompts) // 2] == pytest.approx(750, rel=0.1)
    assert outputs[len(outputs) // 2] == pytest.approx(200, rel=0.1)
    counts = [sum(r.prefix == n for r in requests) for n in range(4)]
    assert counts[0] > counts[1] > counts[2] > 0
    assert {r.prefix for r in requests} == {0, 1, 2, 3}


def test_bursts_vary_the_rate_but_not_its_mean() -> None:
    calm = TrafficSpec(rate=5.0, prompt=100, output=50, burstiness=0.0)
    bursty = TrafficSpec(rate=5.0, prompt=100, output=50, burstiness=0.5)

    def per_10s(requests: list[Request]) -> list[int]:
        return [sum(10 * n <= r.arrival - AFTERNOON < 10 * n + 10 for r in requests) for n in range(60)]

    def spread(counts: list[int]) -> float:
        mean = sum(counts) / len(counts)
        return sum((c - mean) ** 2 for c in counts) / len(counts) / mean

    assert spread(per_10s(drawn(bursty))) > 4 * spread(per_10s(drawn(calm)))
    assert len(drawn(bursty, seconds=3000)) == pytest.approx(len(drawn(calm, seconds=3000)), rel=0.25)


def test_the_same_seed_draws_the_same_requests() -> None:
    spec = TrafficSpec(rate=5.0, prompt=100, output=50)

    def lengths(seed: str) -> list[tuple[float, int, int]]:
        return [(r.arrival, r.prompt, r.output) for r in drawn(spec, seed=seed, seconds=60)]

    assert lengths("a") == lengths("a")
    assert lengths("a") != lengths("b")


def test_the_router_prefers_the_less_loaded() -> None:
    full, empty = (Engine(SPEC, 0.0, EngineStats(SPEC.max_model_len)) for _ in range(2))
    for _ in range(100):
        full.submit(Request(0.0, 10, 10, 10))
    router = Router("a")
    for _ in range(60):
        router.route(Request(0.0, 10, 10, 10), [full, empty])
    assert 35 <= empty.load < 60  # both draws fall on the full one a quarter of the time
    router.route(Request(0.0, 10, 10, 10), [])


def test_clocks() -> None:
    real = [100.0]
    clock = RealtimeClock(5000.0, speed=4.0, monotonic=lambda: real[0])
    assert clock.now() == 5000.0
    real[0] += 2.5
    assert clock.now() == 5010.0
    assert clock.speed == 4.0
    with pytest.raises(ValueError, match="above 0"):
        RealtimeClock(0.0, speed=0.0)


def test_the_hour_at_which_it_begins_makes_no_difference() -> None:
    spec = TrafficSpec(rate=5.0, prompt=100, output=50)

    def begun_at(morning: float) -> list[tuple[float, int]]:
        traffic = Traffic(spec, 2, "a", morning)
        drawn = [r for n in range(600) for r in traffic.arrivals(morning + n / 10, morning + (n + 1) / 10)]
        return [(round(r.arrival - morning, 3), r.prompt) for r in drawn]

    assert begun_at(MORNING) == begun_at(MORNING + 7 * 3600)

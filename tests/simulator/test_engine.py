"""The engine keeps its books, and slower, smaller or fuller engines behave worse in the way real ones do."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.engine import Engine, EngineSpec
from simulator.request import Request
from simulator.stats import EngineStats, token_edges

SPEC = EngineSpec(
    max_model_len=8192,
    num_blocks=8000,
    step_base=0.02,
    step_per_seq=1e-4,
    step_per_kv_token=1e-8,
    prefill_rate=10_000,
)


def engine(spec: EngineSpec = SPEC) -> Engine:
    return Engine(spec, 0.0, EngineStats(spec.max_model_len))


def served(spec: EngineSpec, rate: float, seconds: float, prompt: int = 500, output: int = 200) -> Engine:
    """An engine after `seconds` of requests that arrive at random."""
    draw, at, target = random.Random(7), 0.0, engine(spec)
    while (at := at + draw.expovariate(rate)) < seconds:
        target.submit(Request(at, round(prompt * draw.uniform(0.5, 1.5)), round(output * draw.uniform(0.5, 1.5)), 8192))
    target.advance(seconds)
    return target


def mean_itl(target: Engine) -> float:
    return target.stats.inter_token_latency.sum / target.stats.inter_token_latency.count


def mean_ttft(target: Engine) -> float:
    return target.stats.time_to_first_token.sum / target.stats.time_to_first_token.count


def test_one_request_takes_its_prefill_and_one_step_per_token() -> None:
    target = engine()
    target.submit(Request(1.0, 1000, 101, 200))
    target.advance(30.0)
    stats = target.stats
    assert stats.success["stop"] == 1
    assert stats.prompt_tokens == 1000
    assert stats.generation_tokens == 101
    assert stats.time_to_first_token.count == 1
    # 1,000 tokens at 10,000/s and one step; attention over the cache adds a little.
    assert 0.12 <= stats.time_to_first_token.sum < 0.1215
    assert stats.inter_token_latency.count == 100
    assert 100 * 0.0201 <= stats.decode.sum < 100 * 0.0203
    assert abs(stats.e2e.sum - stats.queue.sum - stats.prefill.sum - stats.decode.sum) < 1e-9
    assert target.kv_usage == 0


def test_an_answer_that_reaches_its_limit_finishes_by_length() -> None:
    target = engine()
    target.submit(Request(0.0, 10, 500, 64))
    target.advance(10.0)
    assert target.stats.success["length"] == 1
    assert target.stats.generation_tokens == 64


def test_requests_are_cut_to_the_length_of_the_model() -> None:
    target = engine()
    target.submit(Request(0.0, 20_000, 5000, 5000))
    target.advance(60.0)
    assert target.stats.request_prompt.sum + target.stats.request_generation.sum <= SPEC.max_model_len


@settings(max_examples=40, deadline=None)
@given(
    requests=st.lists(
        st.tuples(st.floats(0, 20), st.integers(1, 3000), st.integers(1, 800), st.integers(-1, 2)), max_size=60
    ),
    blocks=st.sampled_from([300, 1000, 8000]),
    step=st.sampled_from([0.05, 0.5, 7.0]),
)
def test_every_token_is_counted_once_whatever_arrives(
    requests: list[tuple[float, int, int, int]], blocks: int, step: float
) -> None:
    target = engine(replace(SPEC, num_blocks=blocks, max_model_len=4096, patience=1e9))
    for at, prompt, output, prefix in sorted(requests):
        target.submit(Request(at, prompt, output, 8192, prefix, 256))
    until = 0.0
    while target.load or until < 20:
        until += step
        target.advance(until)
        assert 0 <= target.kv_usage <= 1
        assert until < 20_000, "the engine does not come to an end"
    stats = target.stats
    assert sum(stats.success.values()) == len(requests)
    assert stats.time_to_first_token.count == len(requests)
    assert stats.generation_tokens == stats.request_generation.sum
    assert stats.generation_tokens == stats.time_to_first_token.count + stats.inter_token_latency.count
    assert stats.prompt_tokens == stats.request_prompt.sum
    assert stats.prompt_tokens - stats.prefill_computed.sum == stats.prefix_hits
    assert stats.request_preemptions.sum == stats.preemptions
    assert target.kv_usage == 0


def test_the_length_of_the_time_steps_does_not_matter() -> None:
    fine, coarse = engine(), engine()
    draw = random.Random(3)
    arrivals = sorted(draw.uniform(0, 60) for _ in range(200))
    for target in (fine, coarse):
        draw.seed(4)
        for at in arrivals:
            target.submit(Request(at, draw.randrange(1, 1500), draw.randrange(1, 400), 8192))
    for tick in range(1, 1201):
        fine.advance(tick / 10)
    coarse.advance(120.0)
    assert fine.stats.success == coarse.stats.success
    assert fine.stats.generation_tokens == coarse.stats.generation_tokens
    assert abs(fine.stats.e2e.sum / coarse.stats.e2e.sum - 1) < 0.01


def test_half_the_speed_means_longer_queues_and_a_later_first_token() -> None:
    spec = replace(SPEC, max_num_seqs=16)
    healthy = served(spec, rate=2.2, seconds=120)
    slow = served(replace(spec, prefill_rate=5000, step_base=0.04, step_per_seq=2e-4), rate=2.2, seconds=120)
    assert healthy.shown[1] == 0
    assert slow.shown[1] > 10
    assert mean_ttft(slow) > 5 * mean_ttft(healthy)
    assert slow.stats.queue.sum > healthy.stats.queue.sum


def test_a_smaller_kv_cache_means_preemptions_and_slower_tokens() -> None:
    roomy = served(SPEC, rate=4, seconds=180, prompt=200, output=900)
    tight = served(replace(SPEC, num_blocks=2400), rate=4, seconds=180, prompt=200, output=900)
    assert roomy.stats.preemptions == 0
    assert tight.stats.preemptions > 20
    assert tight.kv_usage > 0.9
    preempted = tight.stats.inter_token_latency
    # A preempted request's next token comes after a wait: a tail that a roomy engine does not have.
    assert sum(preempted.counts[12:]) > 10
    assert sum(roomy.stats.inter_token_latency.counts[12:]) == 0


def test_a_long_prompt_slows_the_tokens_of_the_others() -> None:
    quiet, disturbed = engine(), engine()
    for target in (quiet, disturbed):
        for _ in range(8):
            target.submit(Request(0.0, 100, 400, 8192))
    for n in range(6):
        disturbed.submit(Request(2.0 + n, 8000, 1, 8192))
    quiet.advance(20.0)
    disturbed.advance(20.0)
    assert max(i for i, n in enumerate(quiet.stats.inter_token_latency.counts) if n) <= 1
    assert disturbed.stats.inter_token_latency.counts[11] >= 40  # 0.75 to 1 s
    assert mean_itl(disturbed) > mean_itl(quiet)


def test_a_shared_prefix_is_computed_once() -> None:
    target = engine()
    for n in range(5):
        target.submit(Request(float(n * 5), 1000, 10, 100, prefix=1, prefix_tokens=800))
    target.advance(60.0)
    stats = target.stats
    assert stats.prefix_queries == 5000
    assert stats.prefix_hits == 4 * 800
    assert stats.prompt_tokens_cached == 4 * 800
    assert stats.prefill_computed.sum == 5000 - 3200


def test_a_full_kv_cache_evicts_prefixes() -> None:
    target = engine(replace(SPEC, num_blocks=200))
    target.submit(Request(0.0, 1000, 10, 100, prefix=1, prefix_tokens=800))
    for n in range(4):
        target.submit(Request(5.0 + n, 2500, 400, 400))
        target.submit(Request(5.1 + n, 1000, 10, 100, prefix=2 + n, prefix_tokens=800))
    target.submit(Request(100.0, 1000, 10, 100, prefix=1, prefix_tokens=800))
    target.advance(200.0)
    assert target.stats.prefix_hits == 0


def test_no_more_requests_run_than_allowed() -> None:
    target = served(replace(SPEC, max_num_seqs=4), rate=10, seconds=20)
    assert len(target.running) == 4
    assert target.shown[1] == len(target.waiting) > 50


def test_clients_that_wait_too_long_go_away_without_a_trace() -> None:
    target = served(replace(SPEC, max_num_seqs=2, patience=10.0), rate=20, seconds=60)
    assert len(target.waiting) <= 20 * 10 * 1.3
    assert target.stats.success["abort"] == 0
    assert target.stats.queue.sum / target.stats.queue.count <= 11.0


def test_a_stuck_engine_shows_what_it_last_showed() -> None:
    target = served(SPEC, rate=5, seconds=30)
    shown, tokens = target.shown, target.stats.generation_tokens
    target.stuck = True
    for n in range(20):
        target.submit(Request(30.0 + n, 100, 100, 100))
    target.advance(60.0)
    assert target.shown == shown
    assert target.stats.generation_tokens == tokens
    assert target.load >= 20


def test_embeddings_end_with_their_prefill() -> None:
    target = engine()
    target.submit(Request(0.0, 512, 0, 0))
    target.advance(5.0)
    assert target.stats.success["length"] + target.stats.success["stop"] == 1
    assert target.stats.generation_tokens == 0
    assert target.stats.inter_token_latency.count == 0
    assert target.kv_usage == 0


def test_token_buckets_follow_the_length_of_the_model() -> None:
    assert token_edges(1024) == (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
    assert token_edges(20_000)[-3:] == (5000, 10_000, 20_000)

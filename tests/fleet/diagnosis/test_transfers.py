"""KV blocks from other engines: transfers that fail or never end, and requests that wait for something else."""

from __future__ import annotations

import pytest

from fleet.model.finding import FindingState
from fleet.model.severity import Severity
from tests.fleet.diagnosis.fleets import COOL, WELL, Fleet, Q, causes

IDLE = {Q.RUNNING: 0.0, Q.WAITING: 0.0, Q.GENERATION_TOKENS: 0.0, Q.PROMPT_TOKENS: 0.0, Q.LATEST_TOKENS: 0.0}
DEFERRED = {Q.WAITING: 12.0, Q.WAITING_CAPACITY: 0.0, Q.WAITING_DEFERRED: 12.0}
FETCHING = {Q.KV_FETCHING: 12.0}


@pytest.mark.parametrize(
    ("numbers", "cause"),
    [
        (IDLE | DEFERRED | FETCHING, "kv-transfer-stalled"),
        (IDLE | FETCHING, "kv-transfer-stalled"),
        (IDLE | DEFERRED, "requests-wait-for-input"),
        (WELL | {Q.KV_TRANSFER_FAILURES: 0.2}, "kv-transfers-fail"),
        (IDLE | FETCHING | {Q.KV_TRANSFER_FAILURES: 0.2}, "kv-transfers-fail"),
        (WELL | {Q.KV_TIER_HEALTHY: 0.0}, "kv-tier-unhealthy"),
        (WELL | {Q.ENGINE_HEALTHY: 0.0}, "rank-unhealthy"),
        (IDLE | {Q.RUNNING: 5.0, Q.ENGINE_HEALTHY: 0.0}, "rank-unhealthy"),
        (WELL | {Q.ENGINE_REJECTIONS: 1.5, Q.ERROR_RATIO: 0.3}, "engine-rejects-requests"),
    ],
)
def test_it_is_seen_at_once_and_fires_when_it_lasts(numbers: dict[Q, float], cause: str) -> None:
    fleet = Fleet()
    fleet.at(0)
    fleet.engines["chat-1"] = numbers
    (seen,) = fleet.incidents(15)
    assert (seen.root.cause, seen.about, seen.state) == (cause, "serving/chat-1", FindingState.PENDING)
    (fires,) = fleet.incidents(80)
    assert (fires.root.cause, fires.state) == (cause, FindingState.FIRING)


@pytest.mark.parametrize(
    "numbers",
    [
        WELL | DEFERRED | FETCHING,
        IDLE | {Q.KV_FETCHING: 0.0, Q.WAITING_DEFERRED: 0.0, Q.WAITING_CAPACITY: 0.0},
        WELL | {Q.KV_TRANSFER_FAILURES: 1 / 60},
        WELL | {Q.KV_TIER_HEALTHY: 1.0, Q.ENGINE_HEALTHY: 1.0},
        WELL | {Q.ENGINE_REJECTIONS: 0.0},
    ],
)
def test_what_flows_is_no_fault_however_many_wait_for_blocks(numbers: dict[Q, float]) -> None:
    fleet = Fleet()
    fleet.engines = dict.fromkeys(fleet.pods, numbers)
    assert fleet.incidents(0, 70, 300) == ()


def test_a_stall_is_critical_once_the_window_has_no_token() -> None:
    fleet = Fleet()
    fleet.engines["chat-1"] = IDLE | FETCHING | {Q.GENERATION_TOKENS: 40.0, Q.PROMPT_TOKENS: 5.0}
    (seen,) = fleet.incidents(0)
    assert (seen.severity, seen.root.words) == (Severity.WARNING, "requests wait for KV blocks, none runs")
    fleet.engines["chat-1"] = IDLE | FETCHING
    (later,) = fleet.incidents(60)
    assert (later.severity, later.root.words) == (Severity.CRITICAL, "stuck: requests wait for KV blocks, none runs")


def test_a_lost_gpu_is_the_root_of_a_stall() -> None:
    fleet = Fleet()
    fleet.engines["chat-1"] = IDLE | FETCHING
    fleet.gpus["chat-1"] = COOL | {Q.XID: 79.0}
    (found,) = fleet.incidents(0, 70)
    assert found.root.cause == "gpu-lost"


def test_a_rank_that_is_dead_explains_the_queue_of_the_others() -> None:
    fleet = Fleet()
    fleet.engines = dict.fromkeys(fleet.pods, WELL | {Q.WAITING: 80.0})
    fleet.engines["chat-1"] = WELL | {Q.ENGINE_HEALTHY: 0.0, Q.WAITING: 80.0}
    assert causes(fleet.incidents(0, 70)) == ["rank-unhealthy"]

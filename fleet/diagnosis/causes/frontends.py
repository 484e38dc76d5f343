"""API servers in front of engines: the time to first token that no phase of an engine has."""

from __future__ import annotations

import math

from fleet.diagnosis import thresholds
from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.families.frontend_cause import FrontendCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.frontend_subject import FrontendSubject, is_most_of
from fleet.model.severity import Severity


def _spent(of: FrontendSubject) -> bool | None:
    if math.isnan(of.before):
        return None
    return of.before >= thresholds.FRONTEND.at(of.profile) and is_most_of(of.ttft, of.before)


def _times(of: FrontendSubject) -> str:
    if math.isnan(of.before):
        return ""
    return f"{of.before:.2f} s of {of.ttft:.2f} s; {of.queue:.2f} s in the queue, {of.prefill:.2f} s reading prompts"


_BEFORE: Fact[FrontendSubject] = Fact(
    "most of the time to first token is spent before the engine's queue",
    "ttft_p50 - queue_mean - prefill_mean",
    _spent,
    _times,
)
_ENOUGH: Fact[FrontendSubject] = Fact(
    "enough requests to tell",
    "requests_per_second",
    lambda of: None if math.isnan(of.finished) else of.finished >= thresholds.FRONTEND_REQUESTS.at(of.profile),
    lambda of: f"{of.finished:.1f} requests/s",
)
_QUEUE: Fact[FrontendSubject] = Fact(
    "requests wait in the engine",
    "requests_waiting",
    lambda of: None if math.isnan(of.waiting) else of.waiting >= 1,
    lambda of: f"{of.waiting:.0f} waiting",
)
_FETCHES: Fact[FrontendSubject] = Fact(
    "requests wait for KV blocks, adapters or grammars",
    "requests_waiting_for_kv_transfer, requests_waiting_deferred",
    lambda of: of.fetching > 0,
    lambda of: f"{of.fetching:.0f} such requests",
)

SATURATED = FrontendCause(
    id="api-server-saturated",
    severity=Severity.WARNING,
    sentence="First tokens are late, but not in the engines: requests spend the time in the API server before them.",
    words=says("API server delays first tokens"),
    must=(_BEFORE, _ENOUGH),
    # The engine's own means are of requests that have ended: while a queue builds up they are behind.
    must_not=(_QUEUE, _FETCHES),
    explains=("ttft-objective-missed",),
    after=300,
    clears=300,
    lookalikes=("queue-grows", "long-prompts", "slow-after-rollout"),
    helps=(
        Help("see the CPU limit of its container, and its arguments", "describe"),
        Help("see what happened before", "past"),
        Help("run more API servers per engine, or give the container more CPU"),
    ),
    avoid=("Do not add GPUs: they wait for requests.",),
    decides=(
        "the CPU of the container: one full core per API server means tokenizing; throttled periods mean its limit",
        "what the requests have in common: images and grammars are prepared before the queue",
    ),
)
"""Findings catalogue F49, without the CPU's own counters (vLLM issue 25301)."""
OF_FRONTENDS = (SATURATED,)

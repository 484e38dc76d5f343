"""Traffic that differs from the usual: a growing queue, longer prompts, a prefix cache that stops hitting.

Reported for a workload as a whole: its traffic reaches all replicas alike.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from fleet.diagnosis import thresholds
from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.causes.symptoms import GPU_FAULTS, OVERLOAD, QUEUES
from fleet.diagnosis.serving import TrafficSubject
from fleet.diagnosis.serving_causes import TrafficCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.thresholds import Threshold
from fleet.model.severity import Severity

_SOON = 900.0
"""Seconds within which a growing queue must reach its limit to be reported."""
_LEAST = 3.0
"""Waiting requests below which growth of the queue is not reported."""
_SLOWEST = 0.05
"""Smallest growth of a queue that is reported, in requests per second."""
_PAST = Help("see what came before it", "past")
_DESCRIBE = Help("see how it is set up", "describe")


def _known(*numbers: float) -> bool:
    return all(number == number for number in numbers)


def _at_least(
    name: str,
    reads: str,
    number: Callable[[TrafficSubject], float],
    least: Threshold,
    words: Callable[[TrafficSubject], str],
) -> Fact[TrafficSubject]:
    """A number of a workload that is at a threshold of its profile, or above it; unknown where the number is."""

    def holds(subject: TrafficSubject) -> bool | None:
        found = number(subject)
        return found >= least.at(subject.profile) if _known(found) else None

    return Fact(name, reads, holds, words)


def _grows(subject: TrafficSubject) -> bool | None:
    points = subject.waiting
    if len(points) < 3 or not _known(*points):
        return None
    steps = [after - before for before, after in pairwise(points)]
    risen = sum(step > 0 for step in steps)
    return min(steps) >= 0 and risen >= 2 and points[-1] >= _LEAST and subject.growth > _SLOWEST


def _seconds_left(subject: TrafficSubject) -> float:
    """Seconds until as many wait in each replica as are a problem; 0 where they do."""
    room = thresholds.QUEUE_DEEP.at(subject.profile) * max(1, subject.ready) - subject.waiting[-1]
    return max(0.0, room / subject.growth)


def _left(subject: TrafficSubject) -> str:
    return "its limit is passed" if not (left := _seconds_left(subject)) else f"at its limit in {left:.0f} s"


def _growth_words(subject: TrafficSubject) -> str:
    points = subject.waiting
    if not points:
        return ""
    return f"{subject.growth:.2f} requests/s over {(len(points) - 1) * subject.step:.0f} s, {points[-1]:.0f} waiting"


_GROWS: Fact[TrafficSubject] = Fact(
    "its queue grows without a pause",
    "requests_waiting",
    _grows,
    _growth_words,
)
_SOON_DEEP: Fact[TrafficSubject] = Fact(
    "it comes to its limit within a quarter of an hour",
    "requests_waiting",
    lambda subject: subject.growth > 0 and _seconds_left(subject) < _SOON,
    lambda subject: _left(subject) if subject.growth > 0 else "it does not grow",
)

_DEFERRED: Fact[TrafficSubject] = Fact(
    "most of them do not wait for capacity",
    "requests_waiting_capacity",
    lambda subject: (
        subject.for_room < subject.waiting[-1] / 2 if subject.waiting and _known(subject.for_room) else None
    ),
    lambda subject: f"{subject.for_room:.0f} wait for capacity",
)

QUEUE_GROWS = TrafficCause(
    id="queue-grows",
    severity=Severity.WARNING,
    sentence="Requests come faster than they are served: ever more of them wait.",
    words=says("queue grows"),
    must=(_GROWS, _SOON_DEEP),
    must_not=(_DEFERRED,),
    after=60,
    clears=180,
    alike=("kv-cache-full", "engine-stuck", "queue-deep"),
    helps=(Help("add replicas", "scale"), _PAST),
    avoid=("Do not wait for the latency to tell: what waits is in no histogram before it has its first token.",),
    decides=("whether users ask more often, or replicas serve more slowly than before",),
)
"""Findings catalogue F02."""


def _prompts(times: Threshold) -> Callable[[TrafficSubject], bool | None]:
    def holds(subject: TrafficSubject) -> bool | None:
        now, usual = subject.now.prompt, subject.usual.prompt
        return now >= times.at(subject.profile) * usual if _known(now, usual) else None

    return holds


def _itl(times: Threshold) -> Callable[[TrafficSubject], bool | None]:
    def holds(subject: TrafficSubject) -> bool | None:
        now, usual = subject.now.itl, subject.usual.itl
        return now >= times.at(subject.profile) * usual if _known(now, usual) else None

    return holds


def _prompt_words(subject: TrafficSubject) -> str:
    now, usual = subject.now.prompt, subject.usual.prompt
    return f"{now:.0f} tokens in the mean, {usual:.0f} are usual" if _known(now, usual) else ""


_LONG: Fact[TrafficSubject] = Fact(
    "its prompts are longer than usual",
    "prompt_tokens_per_second / requests_per_second",
    _prompts(thresholds.PROMPTS_LONGER),
    _prompt_words,
)
_STALLS: Fact[TrafficSubject] = Fact(
    "its tokens come more slowly than usual",
    "itl_p95",
    _itl(thresholds.ITL_SLOWER),
    lambda subject: (
        f"inter-token latency p95 {subject.now.itl * 1000:.0f} ms, {subject.usual.itl * 1000:.0f} are usual"
    ),
)
_PREEMPTS: Fact[TrafficSubject] = Fact(
    "it preempts",
    "preemptions_per_second",
    lambda subject: (
        subject.preemptions > thresholds.PREEMPTIONS.at(subject.profile) if _known(subject.preemptions) else None
    ),
    lambda subject: f"{subject.preemptions:.1f} requests/s preempted",
)

LONG_PROMPTS = TrafficCause(
    id="long-prompts",
    severity=Severity.WARNING,
    sentence="Prompts got long: while they are read in, the tokens of all other requests wait.",
    words=says("long prompts stall tokens"),
    must=(_LONG, _STALLS),
    # A cache that is too small gives the same picture, and is to be looked for first.
    must_not=(_PREEMPTS,),
    explains=OVERLOAD,
    after=300,
    clears=300,
    still=(
        Fact("its prompts are longer than usual", _LONG.reads, _prompts(thresholds.PROMPTS_EASED), _prompt_words),
        Fact("its tokens come more slowly than usual", _STALLS.reads, _itl(thresholds.ITL_EASED)),
    ),
    alike=("kv-cache-preempts", "gpu-throttled-by-hardware", "gpu-throttled-by-heat"),
    helps=(
        _PAST,
        _DESCRIBE,
        Help("add replicas", "scale"),
        Help(
            "allow fewer prompt tokens at a time (--max-num-batched-tokens), or send documents to a pool of their own"
        ),
    ),
    avoid=("Do not allow fewer than some 512 tokens at a time: throughput falls, and prompts wait for longer.",),
    decides=("who sends them: one tenant's documents belong in a pool for long contexts",),
)
"""Findings catalogue F28."""


def _hits(share: Threshold) -> Callable[[TrafficSubject], bool | None]:
    def holds(subject: TrafficSubject) -> bool | None:
        now, usual = subject.now.prefix_hits, subject.usual.prefix_hits
        return now < share.at(subject.profile) * usual if _known(now, usual) else None

    return holds


def _hit_words(subject: TrafficSubject) -> str:
    now, usual = subject.now.prefix_hits, subject.usual.prefix_hits
    return f"{now:.0%} of prompt tokens are found, {usual:.0%} are usual" if _known(now, usual) else ""


_FELL: Fact[TrafficSubject] = Fact(
    "its prefix cache finds less than usual",
    "prefix_cache_hit_ratio",
    _hits(thresholds.PREFIX_SHARE),
    _hit_words,
)
_WAS_WORTH = _at_least(
    "it usually finds enough to matter",
    "prefix_cache_hit_ratio",
    lambda subject: subject.usual.prefix_hits,
    thresholds.PREFIX_WORTH,
    lambda subject: f"{subject.usual.prefix_hits:.0%}",
)
_EVICTS = _at_least(
    "the KV cache is full, and evicts what it knew",
    "kv_cache_usage",
    lambda subject: subject.kv_usage,
    thresholds.KV_EASED,
    lambda subject: f"KV cache {subject.kv_usage:.0%} in use",
)
_LOOKED_UP = _at_least(
    "enough is looked up to tell",
    "prefix_cache_query_tokens_per_second",
    lambda subject: subject.looked_up,
    thresholds.PREFIX_LOOKED_UP,
    lambda subject: f"{subject.looked_up:.0f} prompt tokens/s",
)

PREFIX_COLLAPSE = TrafficCause(
    id="prefix-cache-collapse",
    severity=Severity.WARNING,
    sentence="The prefix cache finds much less than usual: prompts that were known are read in anew.",
    words=says("prefix cache finds little"),
    must=(_FELL, _WAS_WORTH, _LOOKED_UP),
    must_not=(_PREEMPTS, _EVICTS),
    explains=QUEUES,
    # A new replica needs as long to have warm prefixes.
    after=900,
    clears=300,
    still=(Fact(_FELL.name, _FELL.reads, _hits(thresholds.PREFIX_EASED), _hit_words),),
    alike=("kv-cache-preempts",),
    helps=(_PAST, _DESCRIBE),
    avoid=("Do not restart replicas: each of them begins with an empty cache.",),
    decides=(
        "whether all replicas find less, or some: all is the prompt (a time at its beginning), some is the routing",
    ),
)
"""Findings catalogue F27."""
_REVISED: Fact[TrafficSubject] = Fact(
    "it has a revision that is new",
    "creation and revision label of its pods",
    lambda subject: _known(subject.revised),
    lambda subject: f"since {subject.revised / 60:.0f} min" if _known(subject.revised) else "",
)

SLOW_AFTER_ROLLOUT = TrafficCause(
    id="slow-after-rollout",
    severity=Severity.WARNING,
    sentence="Tokens come more slowly than before the new revision, and prompts are no longer.",
    words=says("slower since its rollout"),
    must=(_STALLS, _REVISED),
    must_not=(_PREEMPTS, Fact(_LONG.name, _LONG.reads, _prompts(thresholds.PROMPTS_EASED), _prompt_words)),
    explains=("replica-slow", "replica-overloaded", *QUEUES),
    # New replicas compile and fill their caches first.
    after=600,
    clears=600,
    still=(Fact(_STALLS.name, _STALLS.reads, _itl(thresholds.ITL_EASED)),),
    alike=("long-prompts", "gpu-throttled-by-hardware", "gpu-throttled-by-heat", *GPU_FAULTS),
    helps=(
        Help("see what is different in it", "past"),
        Help("go back to the revision before", "rollback"),
        _DESCRIBE,
    ),
    avoid=("Do not judge in the first ten minutes: a new replica compiles, and its prefix cache is cold.",),
    decides=("whether only the pods of the new revision are slow: then it is the revision, else the traffic",),
)
"""Findings catalogue F36."""

_REFUSED: Fact[TrafficSubject] = Fact(
    "its drafts are accepted less than usual",
    "spec_acceptance_ratio",
    lambda subject: (
        subject.now.accepted < thresholds.SPEC_SHARE.at(subject.profile) * subject.usual.accepted
        if _known(subject.now.accepted, subject.usual.accepted)
        else None
    ),
    lambda subject: f"{subject.now.accepted:.0%} of the drafted tokens, {subject.usual.accepted:.0%} are usual",
)
_DRAFTED = _at_least(
    "enough is drafted to tell",
    "spec_draft_tokens_per_second",
    lambda subject: subject.drafted,
    thresholds.SPEC_DRAFTED,
    lambda subject: f"{subject.drafted:.0f} tokens/s",
)

SPEC_COLLAPSE = TrafficCause(
    id="speculation-collapse",
    severity=Severity.WARNING,
    sentence="Speculative decoding guesses much less than usual: its work is thrown away, and tokens come more slowly.",
    words=says("speculative decoding guesses little"),
    must=(_REFUSED, _DRAFTED),
    explains=QUEUES,
    after=900,
    clears=300,
    helps=(_PAST, _DESCRIBE, Help("go back to the revision before", "rollback")),
    avoid=("Do not take creative texts for it: of those a third to a half is accepted by nature.",),
    decides=("whether the model was changed and its draft was not: they belong together",),
)
"""Findings catalogue F29."""

_TURNED_AWAY = _at_least(
    "gateways turn requests away",
    "gateway_rejections_per_second / gateway_requests_per_second",
    lambda subject: subject.rejected,
    thresholds.REJECTED,
    lambda subject: f"{subject.rejected:.1%} of {subject.asked:.1f} requests/s" if _known(subject.rejected) else "",
)
_MANY = _at_least(
    "so many that users notice",
    "gateway_rejections_per_second / gateway_requests_per_second",
    lambda subject: subject.rejected,
    thresholds.REJECTED_SERIOUS,
    lambda subject: f"{subject.rejected:.1%}",
)
_ENOUGH = _at_least(
    "enough is asked to tell",
    "gateway_requests_per_second",
    lambda subject: subject.asked,
    thresholds.ASKED,
    lambda subject: f"{subject.asked:.1f} requests/s",
)

REJECTED = TrafficCause(
    id="requests-turned-away",
    severity=Severity.WARNING,
    sentence="Gateways turn requests for the model away: its limits are reached, or nobody behind them is free.",
    words=says("requests turned away"),
    must=(_TURNED_AWAY, _ENOUGH),
    serious=(_MANY,),
    after=300,
    clears=300,
    alike=("queue-deep", "autoscaler-at-maximum"),
    helps=(Help("add replicas", "scale"), _PAST, Help("see the limits of the gateway", "describe")),
    avoid=("Do not raise the limits where the queue is long: what is let in then waits for longer than users do.",),
    decides=("whether it is one tenant's quota, or all are turned away: 429 is a limit, 503 is nobody who is free",),
)
"""Findings catalogue F35."""
_MANY_START: Fact[TrafficSubject] = Fact(
    "many replicas start at once",
    "how its pods stand",
    lambda subject: subject.starting >= max(2, (subject.ready + subject.starting) / 4),
    lambda subject: f"{subject.starting} start, {subject.ready} are ready",
)
_QUEUES_UP: Fact[TrafficSubject] = Fact(
    "requests wait for them",
    "requests_waiting",
    lambda subject: (
        subject.waiting[-1] >= thresholds.QUEUE_AT_MAXIMUM.at(subject.profile) * max(1, subject.ready)
        if subject.waiting and _known(subject.waiting[-1])
        else None
    ),
    lambda subject: f"{subject.waiting[-1]:.0f} waiting" if subject.waiting else "",
)

COLD_START = TrafficCause(
    id="cold-start-storm",
    severity=Severity.WARNING,
    sentence="Many replicas load their model at once, and requests wait in those that are left.",
    words=says("many replicas load, requests wait"),
    must=(_MANY_START, _QUEUES_UP),
    explains=OVERLOAD,
    after=60,
    clears=120,
    alike=("autoscaler-at-maximum",),
    helps=(
        Help("pause the rollout, where one takes the replicas away", "pause"),
        _PAST,
        Help("see how far they have come", "logs"),
    ),
    avoid=("Do not restart those that load: they begin anew, all at once again.",),
    decides=("whether a rollout took more away at a time than it should (maxUnavailable), or a node took them",),
)
"""Findings catalogue F08."""
OF_TRAFFIC = (QUEUE_GROWS, LONG_PROMPTS, SLOW_AFTER_ROLLOUT, PREFIX_COLLAPSE, SPEC_COLLAPSE, REJECTED, COLD_START)

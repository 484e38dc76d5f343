"""Traffic that differs from the usual: a growing queue, longer prompts, a prefix cache that stops hitting.

Reported for a workload as a whole: its traffic reaches all replicas alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from fleet.diagnosis import thresholds
from fleet.diagnosis.cause import Help, says
from fleet.diagnosis.causes.symptoms import GATEWAY_ERRORS, OVERLOAD, QUEUES
from fleet.diagnosis.families.traffic_cause import TrafficCause
from fleet.diagnosis.sign import Fact
from fleet.diagnosis.subjects.serving import TrafficSubject, never_shrank
from fleet.diagnosis.threshold import Threshold
from fleet.model.severity import Severity

_SOON = 900.0
"""Seconds within which a growing queue must reach its limit to be reported."""
_LEAST = 3.0
"""Waiting requests below which growth of the queue is not reported."""
_SLOWEST = 0.05
"""Smallest growth of a queue that is reported, in requests per second."""
_PAST = Help("see what happened before", "past")
_DESCRIBE = Help("see how it is set up", "describe")


def _known(*numbers: float) -> bool:
    return not any(map(math.isnan, numbers))


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
    risen = sum(before < after for before, after in pairwise(points))
    return never_shrank(points) and risen >= 2 and points[-1] >= _LEAST and subject.growth > _SLOWEST


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
    "its queue grows steadily",
    "requests_waiting",
    _grows,
    _growth_words,
)
_SOON_DEEP: Fact[TrafficSubject] = Fact(
    "it reaches its limit within a quarter of an hour",
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
    sentence="Requests arrive faster than they are served: the queue keeps growing.",
    words=says("queue grows"),
    must=(_GROWS, _SOON_DEEP),
    must_not=(_DEFERRED,),
    after=60,
    clears=180,
    lookalikes=("kv-cache-full", "engine-stuck", "queue-deep"),
    helps=(Help("add replicas", "scale"), _PAST),
    avoid=("Do not wait for latency to show it: a waiting request is in no histogram before its first token.",),
    decides=("whether traffic has grown, or replicas have become slower",),
)
"""Findings catalogue F02."""


def _prompts(times: Threshold) -> Callable[[TrafficSubject], bool | None]:
    return lambda of: of.changed(lambda one: one.prompt, lambda usual: times.at(of.profile) * usual, up=True)


def _itl(times: Threshold) -> Callable[[TrafficSubject], bool | None]:
    return lambda of: of.changed(lambda one: one.itl, lambda usual: times.at(of.profile) * usual, up=True)


def _prompt_words(subject: TrafficSubject) -> str:
    now, usual = subject.now.prompt, subject.usual.prompt
    return f"{now:.0f} tokens on average, usually {usual:.0f}" if _known(now, usual) else ""


def _stall_words(subject: TrafficSubject) -> str:
    return f"inter-token latency p95 {subject.now.itl * 1000:.0f} ms, usually {subject.usual.itl * 1000:.0f}"


_LONG: Fact[TrafficSubject] = Fact(
    "its prompts are longer than usual",
    "prompt_tokens_per_second / requests_per_second",
    _prompts(thresholds.PROMPTS_LONGER),
    _prompt_words,
)
STALLS: Fact[TrafficSubject] = Fact(
    "its tokens arrive more slowly than usual",
    "itl_p95",
    _itl(thresholds.ITL_SLOWER),
    _stall_words,
)
STILL_STALLS: Fact[TrafficSubject] = Fact(STALLS.name, STALLS.reads, _itl(thresholds.ITL_EASED), _stall_words)
LONGER: Fact[TrafficSubject] = Fact(_LONG.name, _LONG.reads, _prompts(thresholds.PROMPTS_EASED), _prompt_words)
"""Prompts that are long enough to explain slow tokens."""
PREEMPTING: Fact[TrafficSubject] = Fact(
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
    sentence="Prompts got longer: while they are prefilled, the tokens of all other requests wait.",
    words=says("long prompts stall tokens"),
    must=(_LONG, STALLS),
    # A cache that is too small looks the same, and must be excluded first.
    must_not=(PREEMPTING,),
    explains=OVERLOAD,
    after=300,
    clears=300,
    keeps_firing=(LONGER, STILL_STALLS),
    lookalikes=("kv-cache-preempts", "gpu-throttled-by-hardware", "gpu-throttled-by-heat"),
    helps=(
        _PAST,
        _DESCRIBE,
        Help("add replicas", "scale"),
        Help(
            "allow fewer prompt tokens at a time (--max-num-batched-tokens), or send long documents to a separate pool"
        ),
    ),
    avoid=("Do not allow fewer than about 512 tokens at a time: throughput falls, and prompts wait longer.",),
    decides=("who sends them: one tenant's documents belong in a long-context pool",),
)
"""Findings catalogue F28."""


def _hits(share: Threshold) -> Callable[[TrafficSubject], bool | None]:
    return lambda of: of.changed(lambda one: one.prefix_hits, lambda usual: share.at(of.profile) * usual, up=False)


def _hit_words(subject: TrafficSubject) -> str:
    now, usual = subject.now.prefix_hits, subject.usual.prefix_hits
    return f"{now:.0%} of prompt tokens hit, usually {usual:.0%}" if _known(now, usual) else ""


_FELL: Fact[TrafficSubject] = Fact(
    "its prefix cache hits less than usual",
    "prefix_cache_hit_ratio",
    _hits(thresholds.PREFIX_SHARE),
    _hit_words,
)
_WAS_WORTH = _at_least(
    "it usually hits enough to matter",
    "prefix_cache_hit_ratio",
    lambda subject: subject.usual.prefix_hits,
    thresholds.PREFIX_WORTH,
    lambda subject: f"{subject.usual.prefix_hits:.0%}",
)
_EVICTS = _at_least(
    "the KV cache is full and evicts prefixes",
    "kv_cache_usage",
    lambda subject: subject.kv_usage,
    thresholds.KV_EASED,
    lambda subject: f"KV cache {subject.kv_usage:.0%} in use",
)
_LOOKED_UP = _at_least(
    "enough lookups to tell",
    "prefix_cache_query_tokens_per_second",
    lambda subject: subject.looked_up,
    thresholds.PREFIX_LOOKED_UP,
    lambda subject: f"{subject.looked_up:.0f} prompt tokens/s",
)

PREFIX_COLLAPSE = TrafficCause(
    id="prefix-cache-collapse",
    severity=Severity.WARNING,
    sentence="The prefix cache hits much less than usual: prompts that were cached are computed again.",
    words=says("few prefix cache hits"),
    must=(_FELL, _WAS_WORTH, _LOOKED_UP),
    must_not=(PREEMPTING, _EVICTS),
    explains=(*QUEUES, "slower-than-usual"),
    # A new replica needs this long to warm its prefix cache.
    after=900,
    clears=300,
    keeps_firing=(Fact(_FELL.name, _FELL.reads, _hits(thresholds.PREFIX_EASED), _hit_words),),
    lookalikes=("kv-cache-preempts",),
    helps=(_PAST, _DESCRIBE),
    avoid=("Do not restart replicas: each of them starts with an empty cache.",),
    decides=(
        "whether all replicas hit less or only some: all means the prompt (a timestamp at its start), some the routing",
    ),
)
"""Findings catalogue F27."""
_REFUSED: Fact[TrafficSubject] = Fact(
    "fewer of its draft tokens are accepted than usual",
    "spec_acceptance_ratio",
    lambda of: of.changed(
        lambda one: one.accepted, lambda usual: thresholds.SPEC_SHARE.at(of.profile) * usual, up=False
    ),
    lambda subject: f"{subject.now.accepted:.0%} of draft tokens accepted, usually {subject.usual.accepted:.0%}",
)
_DRAFTED = _at_least(
    "enough draft tokens to tell",
    "spec_draft_tokens_per_second",
    lambda subject: subject.drafted,
    thresholds.SPEC_DRAFTED,
    lambda subject: f"{subject.drafted:.0f} tokens/s",
)

SPEC_COLLAPSE = TrafficCause(
    id="speculation-collapse",
    severity=Severity.WARNING,
    sentence="Far fewer draft tokens are accepted than usual: the work is wasted, and tokens arrive more slowly.",
    words=says("few draft tokens accepted"),
    must=(_REFUSED, _DRAFTED),
    explains=(*QUEUES, "slower-than-usual"),
    after=900,
    clears=300,
    helps=(_PAST, _DESCRIBE, Help("roll back to the previous revision", "rollback")),
    avoid=("Do not mistake creative writing for it: there, a third to a half is accepted normally.",),
    decides=("whether the model was changed and its draft model was not: they belong together",),
)
"""Findings catalogue F29."""

_TURNED_AWAY = _at_least(
    "gateways reject requests",
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
    "enough requests to tell",
    "gateway_requests_per_second",
    lambda subject: subject.asked,
    thresholds.ASKED,
    lambda subject: f"{subject.asked:.1f} requests/s",
)

REJECTED = TrafficCause(
    id="requests-turned-away",
    severity=Severity.WARNING,
    sentence="Gateways reject requests for the model: a limit is reached, or no backend is free.",
    words=says("requests rejected"),
    must=(_TURNED_AWAY, _ENOUGH),
    serious=(_MANY,),
    explains=(GATEWAY_ERRORS,),
    after=300,
    clears=300,
    lookalikes=("queue-deep", "autoscaler-at-maximum"),
    helps=(Help("add replicas", "scale"), _PAST, Help("see the limits of the gateway", "describe")),
    avoid=("Do not raise the limits while the queue is long: what is admitted then waits longer than users do.",),
    decides=("whether one tenant is rejected or all are: 429 means a limit, 503 no free backend",),
)
"""Findings catalogue F35."""
_MANY_START: Fact[TrafficSubject] = Fact(
    "many replicas start at once",
    "the states of its pods",
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
    sentence="Many replicas load their model at once, and requests wait in the remaining ones.",
    words=says("many replicas load, requests wait"),
    must=(_MANY_START, _QUEUES_UP),
    explains=OVERLOAD,
    after=60,
    clears=120,
    lookalikes=("autoscaler-at-maximum",),
    helps=(
        Help("pause the rollout, if one is replacing them", "pause"),
        _PAST,
        Help("see how far they have got", "logs"),
    ),
    avoid=("Do not restart those that are loading: they would all start over at once.",),
    decides=("whether a rollout replaced too many at a time (maxUnavailable), or a node was lost",),
)
"""Findings catalogue F08."""
OF_TRAFFIC = (
    QUEUE_GROWS,
    LONG_PROMPTS,
    PREFIX_COLLAPSE,
    SPEC_COLLAPSE,
    REJECTED,
    COLD_START,
)

"""Can the remaining replicas carry the load, and do users wait already? From the last ten minutes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from actions.number_words import bounded_span, count
from actions.planning.impact import Impact
from actions.planning.plan import Check, Verdict

ABOUT = "capacity"

_NONE = 0.5
"""Requests at a time that round to none."""
FULL = 0.9
"""KV cache usage (ratio) from which vLLM has little room for a burst before it preempts."""


QUEUED = 1.0
"""Constantly waiting requests per replica from which the remaining ones do not keep up."""
SLOW = 5.0
"""Seconds to the first token (p95) from which users wait: five times the target of an interactive service."""
_FIRST = "no ready replica is removed before its replacement is ready"
_EARLIER = "scale up first, or choose a quieter time"


def check_capacity(found: Sequence[Impact], *, ready: int = 0, first: bool = False) -> Check:
    """Check the models that lose replicas; report the one that is worst off.

    Free KV cache means nothing if requests wait all the same (a limit of sequences, or of tokens at once), so the queue
    and the time to the first token are judged too. ``ready``: number of ready pods that go, of a model or of none.
    ``first``: each goes only once its replacement is ready, so that no capacity is lost; but caches are, and waiting
    users are reported anyway.
    """
    if not found:
        text = "it serves no model, so no load moves" if ready else "no ready replica is removed"
        return Check(ABOUT, Verdict.PASS, text)
    check = Check(ABOUT, Verdict.PASS, _FIRST) if first else _by_cache(found)
    late = max(found, key=lambda impact: (impact.queue >= QUEUED, impact.ttft.value > SLOW, impact.queue))
    if not (words := _suffering(late)):
        return check
    name = f" of {late.model}" if len(found) > 1 else ""
    return Check(ABOUT, Verdict.WARN, f"{check.text}; users{name} wait already: {words}", check.fix or _EARLIER)


def _suffering(impact: Impact) -> str:
    """Return the impact on users already present before the action; empty if nothing stands out."""
    parts = []
    if impact.queue >= QUEUED:
        mean, now = impact.waiting, impact.waiting_now
        waiting = max(n for n in (mean, now) if not math.isnan(n))
        # A mean beside another check's number of now is a contradiction where it is not called one.
        eases = f" on average, {now:.0f} now" if mean > now + _NONE else ""
        parts.append(f"{count(waiting, 'request')} in the queue{eases}")
    if impact.ttft.value > SLOW:
        parts.append(f"TTFT p95 {bounded_span(impact.ttft)}")
    return ", ".join(parts)


def _by_cache(found: Sequence[Impact]) -> Check:
    left = [impact for impact in found if impact.remaining]
    if not left:
        load = max((impact.requests * impact.replicas for impact in found), key=lambda n: -1.0 if math.isnan(n) else n)
        if math.isnan(load):
            return Check(ABOUT, Verdict.WARN, "no replica is left to take its requests")
        if load < _NONE:
            return Check(
                ABOUT, Verdict.WARN, "no replica is left; there were almost no requests in the last ten minutes"
            )
        return Check(ABOUT, Verdict.WARN, f"no replica is left to take {count(load, 'request')} at a time")
    worst = max(left, key=lambda impact: -1.0 if math.isnan(impact.kv_after) else impact.kv_after)
    who = f"the other {worst.remaining} ready replicas" if worst.remaining > 1 else "the one other ready replica"
    if math.isnan(worst.kv_after):
        return Check(ABOUT, Verdict.WARN, f"{who} would carry more, and their load is not measured")
    text = f"{who} would run at KV {worst.kv_after:.0%} (now {worst.kv:.0%})"
    if worst.kv_after > 1:
        grows = f" about {worst.growth:.1f}/s" if worst.growth >= 0.05 else ""
        return Check(ABOUT, Verdict.WARN, f"{text}: queue grows{grows}", _EARLIER)
    if worst.kv_after >= FULL:
        return Check(ABOUT, Verdict.WARN, f"{text}: no room for a burst", _EARLIER)
    return Check(ABOUT, Verdict.PASS, text)

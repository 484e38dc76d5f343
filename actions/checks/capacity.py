"""Can the replicas that remain carry the load? From the last ten minutes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from actions.blast import Blast
from actions.plan import Check, Verdict

ABOUT = "capacity"

_NONE = 0.5
"""Requests at a time that round to none."""
FULL = 0.9
"""KV cache in use (ratio) from which vLLM has little room for a burst before it preempts."""


def check_capacity(found: Sequence[Blast]) -> Check:
    """Of the models that lose replicas; the one that is worst off is told."""
    left = [blast for blast in found if blast.remaining]
    if not found:
        return Check(ABOUT, Verdict.PASS, "no ready replica is taken away")
    if not left:
        load = max((blast.requests * blast.replicas for blast in found), key=lambda n: -1.0 if math.isnan(n) else n)
        if math.isnan(load):
            return Check(ABOUT, Verdict.WARN, "nobody is left to carry its requests")
        if load < _NONE:
            return Check(ABOUT, Verdict.WARN, "nobody is left; in the last ten minutes there were next to no requests")
        return Check(ABOUT, Verdict.WARN, f"nobody is left to carry {load:.0f} requests at a time")
    worst = max(left, key=lambda blast: -1.0 if math.isnan(blast.kv_after) else blast.kv_after)
    who = f"the other {worst.remaining} ready replicas" if worst.remaining > 1 else "the one other ready replica"
    if math.isnan(worst.kv_after):
        return Check(ABOUT, Verdict.WARN, f"{who} would carry more, and how full they are is not measured")
    text = f"{who} would run at KV {worst.kv_after:.0%} (now {worst.kv:.0%})"
    if worst.kv_after > 1:
        grows = f" about {worst.growth:.1f}/s" if worst.growth >= 0.05 else ""
        return Check(ABOUT, Verdict.WARN, f"{text}: queue grows{grows}", "scale up first, or at a quieter time")
    if worst.kv_after >= FULL:
        return Check(ABOUT, Verdict.WARN, f"{text}: no room for a burst", "scale up first, or at a quieter time")
    return Check(ABOUT, Verdict.PASS, text)

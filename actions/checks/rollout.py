"""Is another rollout of it under way?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.follow.rollout import state_of
from actions.number_words import count
from actions.planning.plan import Check, Verdict

ABOUT = "rollout"


def check_rollout(obj: Mapping[str, Any]) -> Check:
    """Check a Deployment, StatefulSet or another object with such a status."""
    state = state_of(obj)
    if state.paused:
        return Check(ABOUT, Verdict.WARN, "its rollout is paused: a change of the template waits until it is resumed")
    if state.failed:
        return Check(ABOUT, Verdict.WARN, f"its rollout has failed: {state.failed}")
    if state.by_hand and state.updated < state.total:
        text = f"OnDelete: {state.updated} of {count(state.total, 'pod')} {'runs' if state.updated == 1 else 'run'} "
        return Check(ABOUT, Verdict.WARN, f"{text}the newest template; each of the others gets it when it ends")
    if state.rolling:
        return Check(ABOUT, Verdict.WARN, f"a rollout is under way: {state.words}")
    if not state.settled:
        return Check(ABOUT, Verdict.WARN, f"no rollout under way, but it is not complete: {state.words}")
    return Check(ABOUT, Verdict.PASS, "no rollout under way")

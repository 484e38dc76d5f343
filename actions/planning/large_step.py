"""A large step, which may be a typing error: 65 for 5, or 0 for 10."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from actions.catalogue import spec_of
from actions.planning.plan import Change, Plan

TIMES: Final = 3
MORE: Final = 10
"""Threshold, with the factor: three times as many replicas and ten more are a large step."""
_REPLICAS: Final = ("replicas", "maximum", "minimum")
"""Changes that are numbers of replicas: of a workload, and its bounds."""


def large_step(plan: Plan) -> Change | None:
    """The change of a plan that takes replicas far up, or all of them away; None for a plan of small steps."""
    if not spec_of(plan.kind).sets_replicas:
        return None
    for part in plan.parts:
        if (large := large_step(part)) is not None:
            return replace(large, what=f"{large.what} of {part.target.name}")
    found = {change.what: change for change in plan.changes}
    return next((found[what] for what in _REPLICAS if what in found and _is_large(found[what])), None)


def _is_large(change: Change) -> bool:
    try:
        before, after = int(change.before), int(change.after)
    except ValueError:
        return False
    if after == 0:
        # A minimum of 0 alone does not make an autoscaler remove replicas.
        return before > 0 and change.what != "minimum"
    return after >= TIMES * before and after - before >= MORE

"""What a plan says."""

from __future__ import annotations

from actions.plan import Check, Plan, Verdict


def check(plan: Plan, about: str) -> Check:
    """The only one that was made of a thing."""
    (found,) = [check for check in plan.checks if check.about == about]
    return found


def verdict(plan: Plan, about: str) -> Verdict:
    """That of the only check of a thing."""
    return check(plan, about).verdict

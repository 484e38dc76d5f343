"""What is reckoned from pods that may not be seen is not known, and no reason to go ahead."""

from __future__ import annotations

from collections.abc import Sequence

from actions.checks import capacity, cut, last_replica
from actions.plan import Check, Verdict
from actions.request import Target
from fleet.model.snapshot import Snapshot

_FROM_PODS = frozenset({capacity.ABOUT, cut.ABOUT, last_replica.ABOUT})
"""Checks that are about the pods of the target's namespace, as the Snapshot knows them."""


def seen(checks: Sequence[Check], snapshot: Snapshot, target: Target) -> tuple[Check, ...]:
    """The checks; where not all pods of the target's namespace are known, none of them passes for lack of pods."""
    coverage = snapshot.coverage
    if coverage.sees("pods", target.namespace) if target.namespace else coverage.whole("pods"):
        return tuple(checks)
    lack = coverage.lack("pods")
    return tuple(
        Check(check.about, Verdict.WARN, f"not known: {lack}")
        if check.about in _FROM_PODS and check.verdict is Verdict.PASS
        else check
        for check in checks
    )

"""The replicas of each ReplicaSet of a Deployment: the arithmetic of the deployment controller.

After k8s.io/kubernetes/pkg/controller/deployment (rolling.go, sync.go, util/deployment_util.go), version 1.36.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """Allowed deviation of a rollout from the desired number of pods, in absolute numbers."""

    surge: int
    unavailable: int


@dataclass(frozen=True, slots=True)
class Part:
    """The pods of one ReplicaSet: the requested number, and the available ones among them."""

    replicas: int
    available: int = 0


def share(value: int | str, of: int, rounded: Callable[[float], int]) -> int:
    """An absolute number, or a percentage of `of`."""
    return value if isinstance(value, int) else int(rounded(int(value.rstrip("%")) * of / 100))


def limits(spec: Mapping[str, Any]) -> Limits:
    """Return maxSurge (percentages rounded up) and maxUnavailable (down) of a Deployment; never both 0."""
    desired = int(spec["replicas"])
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Limits(0, desired)
    rolling = strategy.get("rollingUpdate") or {}
    surge = share(rolling.get("maxSurge", "25%"), desired, math.ceil)
    unavailable = share(rolling.get("maxUnavailable", "25%"), desired, math.floor)
    return Limits(surge, min(desired, unavailable or int(not surge)))


def grow(desired: int, limit: Limits, new: int, total: int) -> int:
    """Replicas of the new ReplicaSet after a step: as many more as maxSurge leaves room for."""
    if new >= desired:
        return desired
    return new + max(0, min(desired + limit.surge - total, desired - new))


def shrink(desired: int, limit: Limits, new: Part, old: Sequence[Part]) -> list[int]:
    """Return replicas of the old ReplicaSets (oldest first) after a step: unavailable pods go first, then spare
    ones.
    """
    least = desired - limit.unavailable
    after = [part.replicas for part in old]
    budget = sum(after) + new.replicas - least - (new.replicas - new.available)
    for number, part in enumerate(old):
        ill = min(max(0, budget), after[number] - min(part.available, after[number]))
        after[number] -= ill
        budget -= ill
    spare = sum(part.available for part in old) + new.available - least
    for number in range(len(old)):
        gone = min(max(0, spare), after[number])
        after[number] -= gone
        spare -= gone
    return after


def resized(desired: int, limit: Limits, sizes: Sequence[tuple[int, int]]) -> list[int]:
    """Return replicas of the ReplicaSets in use, largest first, when a Deployment is scaled during a rollout.

    Each of `sizes` is (replicas, the total allowed when they were last set): they grow and shrink in proportion, and
    the rounding remainder goes to the first.
    """
    allowed = desired + limit.surge if desired else 0
    to_add = allowed - sum(replicas for replicas, _ in sizes)
    after, added = [], 0
    for replicas, allowed_before in sizes:
        part = 0
        if replicas and to_add != added:
            wanted = -replicas if not desired else _rounded(replicas * allowed / (allowed_before or allowed)) - replicas
            part = min(wanted, to_add - added) if to_add > 0 else max(wanted, to_add - added)
        added += part
        after.append(replicas + part)
    if after:
        after[0] = max(0, after[0] + to_add - added)
    return after


def _rounded(value: float) -> int:
    """Half away from zero, as Go does."""
    return math.floor(value + 0.5)

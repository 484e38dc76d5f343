"""How a workload replaces its pods: how many are added first, how many are taken away first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT = "25%"
"""Of both numbers of a Deployment."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """Pods beyond the replicas that may be added, and pods short of them that may be missing, at one moment."""

    replicas: int
    surge: int
    unavailable: int
    recreate: bool = False
    """All end before the first new one starts."""
    by_hand: bool = False
    """Nothing is replaced until somebody deletes it (OnDelete)."""

    @property
    def leaving(self) -> int:
        """Pods that may be away at one moment."""
        return 0 if self.by_hand else min(self.replicas, self.unavailable)

    @property
    def words(self) -> str:
        """For people: ``one more at a time``."""
        if self.recreate:
            return "all end, then all start (Recreate)"
        if self.by_hand:
            return "each is replaced when somebody deletes it (OnDelete)"
        added = f"{self.surge} added first" if self.surge else "none added first"
        return f"{added}, {self.unavailable or 'none'} taken away first"


def rolling_of(obj: Mapping[str, Any]) -> Rolling:
    """Of a raw Deployment or StatefulSet."""
    spec: Mapping[str, Any] = obj.get("spec") or {}
    replicas = int(spec.get("replicas", 1))
    if obj.get("kind") == "StatefulSet":
        update = spec.get("updateStrategy") or {}
        missing = (update.get("rollingUpdate") or {}).get("maxUnavailable", 1)
        return Rolling(
            replicas, 0, max(1, amount(missing, replicas, up=True)), by_hand=update.get("type") == "OnDelete"
        )
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Rolling(replicas, 0, replicas, recreate=True)
    surge, unavailable = written_of(obj)
    added, missing = amount(surge, replicas, up=True), amount(unavailable, replicas, up=False)
    # Two percentages that both come to nothing would never move: the controller takes one away then.
    return Rolling(replicas, added, missing if added or missing else 1)


def written_of(obj: Mapping[str, Any]) -> tuple[int | str, int | str]:
    """maxSurge and maxUnavailable of a Deployment as they are written: a number, or a percentage as text."""
    update = ((obj.get("spec") or {}).get("strategy") or {}).get("rollingUpdate") or {}
    return update.get("maxSurge", DEFAULT), update.get("maxUnavailable", DEFAULT)


def amount(written: int | str, replicas: int, *, up: bool) -> int:
    """Pods; a percentage is of the replicas, and rounded ``up`` or down."""
    if isinstance(written, int):
        return written
    if not written.endswith("%"):
        return int(written)
    share = int(written[:-1]) * replicas / 100
    return math.ceil(share) if up else math.floor(share)

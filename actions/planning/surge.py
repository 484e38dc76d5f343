"""The replacement of a workload's pods: how many are added first, how many are removed first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from actions.kubeobj import kind_in
from fleet.dataclass import dataclass
from fleet.kinds.kind import Replicas, Update

DEFAULT = "25%"
"""Default of both numbers of a Deployment."""


@dataclass(frozen=True, slots=True)
class Rolling:
    """Pods beyond the replicas that may be added, and pods short of them that may be missing, at one moment."""

    replicas: int
    surge: int
    unavailable: int
    recreate: bool = False
    """All end before the first new one starts."""
    by_hand: bool = False
    """True if nothing is replaced until it is deleted (OnDelete)."""
    partition: int = 0
    """Partition of a StatefulSet: pods of a lower ordinal keep the template that they have."""

    @property
    def replaced(self) -> int:
        """Number of pods that a new template reaches automatically."""
        return 0 if self.by_hand else max(0, self.replicas - self.partition)

    @property
    def held(self) -> bool:
        """True if there are pods, and none of them is replaced automatically."""
        return self.replicas > 0 and not self.replaced

    @property
    def leaving(self) -> int:
        """Pods that may be away at one moment."""
        return min(self.replaced, self.unavailable)

    @property
    def words(self) -> str:
        """Text for people: ``one more at a time``."""
        if self.recreate:
            return "all end, then all start (Recreate)"
        if self.by_hand:
            return "each is replaced when it is deleted (OnDelete)"
        if self.held:
            return f"none is replaced: partition {self.partition} holds all of them back"
        added = f"{self.surge} added first" if self.surge else "none added first"
        kept = f"; {self.keeping}" if self.partition else ""
        return f"{added}, {self.unavailable or 'none'} removed first{kept}"

    @property
    def keeping(self) -> str:
        """The pods that keep their template; empty for none."""
        if self.held or not self.partition:
            return f"{self.replicas} keep their template" if self.held else ""
        pods = "pod 0 keeps" if self.partition == 1 else f"pods 0 to {self.partition - 1} keep"
        return f"{pods} the previous template (partition {self.partition})"


def rolling_of(obj: Mapping[str, Any]) -> Rolling:
    """Return the replacement of pods of a raw workload when its template changes."""
    spec: Mapping[str, Any] = obj.get("spec") or {}
    kind = kind_in(obj)
    replicas = (kind.replicas or Replicas()).wanted(obj)
    if kind.update is Update.UPDATE_STRATEGY:
        update = spec.get(kind.update) or {}
        details = update.get("rollingUpdate") or {}
        missing = max(1, amount(details.get("maxUnavailable", 1), replicas, up=True))
        if update.get("type") == "OnDelete":
            return Rolling(replicas, 0, missing, by_hand=True)
        return Rolling(replicas, 0, missing, partition=int(details.get("partition") or 0))
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Rolling(replicas, 0, replicas, recreate=True)
    surge, unavailable = written_of(obj)
    added, missing = amount(surge, replicas, up=True), amount(unavailable, replicas, up=False)
    # Two percentages that both round to 0 would block: the controller then removes one pod.
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

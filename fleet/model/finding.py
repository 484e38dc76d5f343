"""Findings, each one cause at one object, and the incidents that group them.

An incident has one root, and contains its consequences.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from fleet.dataclass import dataclass
from fleet.model.severity import Severity


class FindingState(StrEnum):
    """A finding's place in time, by the hysteresis of its cause."""

    PENDING = "pending"
    """Holding, but not yet for as long as it must to fire."""
    FIRING = "firing"
    RECOVERING = "recovering"
    """No longer holding, but not yet for as long as it must to be over."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause at one object."""

    cause: str
    """The cause's id."""
    kind: str
    """Kind of the object: node, GPU, pod, workload, or an aspect of one of these (fleet.diagnosis.cause)."""
    key: str
    """The object's key in the Snapshot; of an engine its pod's."""
    severity: Severity
    words: str
    """The short words of it, as in the row of the object."""
    state: FindingState
    since: float
    """Unix time since which it is known to hold."""
    told_by: str
    """Source of ``since``: a condition, the numbers of the past, this console."""
    due: float = 0.0
    """Unix time at which a pending one fires."""
    may_be_older: bool = False
    """True if it held already in the first that is known of it: it may have begun before ``since``."""
    not_before: float = -math.inf
    """Unix time before which it cannot have begun; minus infinity where that is not known."""
    held_by: float = math.inf
    """Unix time by which it held for certain; infinite where that is not known."""

    def can_follow(self, root: Finding) -> bool:
        """True unless it held for certain before the other can have begun."""
        return root.not_before <= self.held_by


class Reach(NamedTuple):
    """Impact of an incident on users. NaN for unmeasured values."""

    replicas: int = 0
    """Pods that are concerned."""
    of: int = 0
    """Pods that the workloads concerned want, or have where a rollout adds some; 0 for none."""
    running: float = math.nan
    """Requests that run in the pods concerned."""
    waiting: float = math.nan
    """Requests that wait there."""
    workloads: tuple[str, ...] = ()
    """Keys of the workloads concerned."""


class Acknowledged(NamedTuple):
    """An acknowledgement of an incident."""

    by: str
    at: float
    """Unix time."""
    note: str
    worse: str = ""
    """Change for the worse since then, in words; empty while it holds."""

    @property
    def holds(self) -> bool:
        """True if the incident is as it was when acknowledged: one that has become worse alerts again."""
        return not self.worse


@dataclass(frozen=True, slots=True)
class Incident:
    """A root and all that follows from it."""

    key: str
    """Identity: the same for as long as the incident lasts."""
    about: str
    """The key of the object that it is about: the root's own, or the workload whose pods share the cause."""
    sentence: str
    """The root's cause in one sentence."""
    findings: Sequence[Finding]
    """All of them, the root first. Their words are put together when one is taken from here."""
    severity: Severity
    """The worst of them."""
    state: FindingState
    """Firing where any of them is; else pending where any is."""
    reach: Reach
    objects: tuple[str, ...] = ()
    """Keys of the objects with its findings, the root's first."""
    roots: int = 1
    """Number of ``objects``, from the first on, that have the root's cause."""
    acknowledged: Acknowledged | None = None
    """The latest acknowledgement; None if there is none."""

    @property
    def is_known(self) -> bool:
        """True if it is acknowledged and has not become worse since."""
        return self.acknowledged is not None and self.acknowledged.holds

    @property
    def root(self) -> Finding:
        """The finding from which the others follow; of several alike, the worst."""
        return self.findings[0]

    @property
    def since(self) -> float:
        """Unix time since which its root is known to hold."""
        return self.root.since

    def affects(self, namespace: str) -> bool:
        """True if its objects, or the workloads on them, are in this namespace; also where none is known."""
        workloads = self.reach.workloads
        return not workloads or any(key.startswith(f"{namespace}/") for key in workloads)

    @property
    def alike(self) -> Sequence[Finding]:
        """Findings with the cause of the root, itself among them."""
        return [finding for finding in self.findings if finding.cause == self.root.cause]

    @property
    def symptoms(self) -> Sequence[Finding]:
        """Findings that follow from the root."""
        return [finding for finding in self.findings if finding.cause != self.root.cause]

"""Faults of monitoring itself: something it says, or would say, is not so."""

from __future__ import annotations

from enum import StrEnum

from fleet.dataclass import dataclass


class FaultKind(StrEnum):
    """The kind of a fault, the worst first."""

    NOT_EVALUATED = "not evaluated"
    """A rule that fails, or has not been evaluated for a while: its alert says nothing."""
    DEAD = "no such series"
    """A rule whose series are not there: its alert cannot fire."""
    DOWN = "target down"
    TWICE = "counted twice"
    PARTLY = "partly no such series"
    """A rule with an alternative (``or``) that is not there, as those for several releases have."""


@dataclass(frozen=True, slots=True)
class MonitoringFault:
    """One fault, what it is about, and what to do."""

    kind: FaultKind
    about: str
    """The rule, target or metric."""
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Examined:
    """The result of looking at monitoring."""

    at: float
    """Unix time."""
    faults: tuple[MonitoringFault, ...]
    rules: int = 0
    """How many were looked at."""
    selectors: int = 0
    """How many they have, each counted once."""
    queries: int = 0
    """How many were sent."""
    gaps: tuple[str, ...] = ()
    """Looks that could not be made, and why."""

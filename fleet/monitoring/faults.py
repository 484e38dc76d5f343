"""Faults of monitoring itself: it reports, or would report, wrong results."""

from __future__ import annotations

from enum import StrEnum

from fleet.dataclass import dataclass


class FaultKind(StrEnum):
    """The kind of a fault, the worst first."""

    NOT_EVALUATED = "not evaluated"
    """A rule that fails, or has not been evaluated for a while: its alert means nothing."""
    DEAD = "no such series"
    """A rule whose series do not exist: its alert cannot fire."""
    DOWN = "target down"
    TWICE = "counted twice"
    PARTLY = "partly no such series"
    """A rule with an alternative (``or``) that does not exist, as in rules for several releases."""


@dataclass(frozen=True, slots=True)
class MonitoringFault:
    """One fault, its subject, and what to do."""

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
    """Number of rules checked."""
    selectors: int = 0
    """Number of distinct selectors in them."""
    queries: int = 0
    """Number of queries sent."""
    gaps: tuple[str, ...] = ()
    """Looks that could not be made, and why."""

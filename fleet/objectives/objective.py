"""An objective: the share of requests, or of time, that must be good, and the objects that it applies to.

A percentile is equivalent to a share: "TTFT p95 within 2.5 s" means that 95 % of the requests have their first token
within 2.5 s. A histogram counts the share exactly if its buckets have an edge there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from fleet.dataclass import dataclass
from fleet.model.quantity import Family, Quantity

DAYS: Final = 30.0
"""Days over which an error budget lasts, as in the SRE workbook."""


class Indicator(StrEnum):
    """The thing that is counted."""

    AVAILABILITY = "availability"
    """Time in which at least one engine was measured."""
    ERRORS = "errors"
    """Requests that were not answered with 5xx."""
    TTFT = "ttft"
    """Requests whose first token came in time."""
    ITL = "itl"
    """Tokens that came in time after the previous one."""
    E2E = "e2e"
    """Requests that were done in time."""


FAMILIES: Final[Mapping[Indicator, Family]] = {
    Indicator.TTFT: Family.TTFT,
    Indicator.ITL: Family.ITL,
    Indicator.E2E: Family.E2E,
}
"""The histograms of the latencies."""
PERCENTILES: Final = ("p50", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Objective:
    """One promise."""

    name: str
    """``availability``, ``errors``, ``ttft_p95``: as it is called in the configuration."""
    measure: Indicator
    share: float
    """The share that must be good, 0 to 1."""
    seconds: float = math.nan
    """The latency within which it is good; NaN if it is not a latency."""

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return 1.0 - self.share

    @property
    def family(self) -> Family | None:
        """The histogram that counts it."""
        return FAMILIES.get(self.measure)

    @property
    def quantity(self) -> Quantity | None:
        """The quantity of a row that shows its current value."""
        if self.measure is Indicator.ERRORS:
            return Quantity.ERROR_RATIO
        return Quantity(self.name) if self.family is not None else None


def objective(name: str, value: float) -> Objective:
    """The objective of a key of the configuration. Raises KeyError for a name that is none."""
    if name == Indicator.AVAILABILITY:
        return Objective(name, Indicator.AVAILABILITY, value)
    if name == Indicator.ERRORS:
        return Objective(name, Indicator.ERRORS, 1.0 - value)
    return Objective(name, *_LATENCIES[name], value)


_LATENCIES: Final = {
    f"{measure}_{percentile}": (measure, int(percentile[1:]) / 100)
    for measure in FAMILIES
    for percentile in PERCENTILES
}
NAMES: Final = (Indicator.AVAILABILITY.value, Indicator.ERRORS.value, *_LATENCIES)
"""The keys of the configuration."""

DEFAULTS: Final = (objective("errors", 0.01), objective("ttft_p95", 2.5))
"""Objectives if the user has set none: one request of a hundred may fail, and a user who waits 2.5 s for a first token
leaves. They are shown but raise no incident: nobody has promised them.
"""


@dataclass(frozen=True, slots=True)
class ObjectiveSet:
    """Objectives for some models or workloads, by shell patterns; no pattern is for all."""

    name: str
    objectives: tuple[Objective, ...]
    models: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    def has_model(self, namespace: str, name: str) -> bool:
        """True if it applies to this model as a whole."""
        of_workloads_alone = bool(self.workloads) and not self.models
        return not of_workloads_alone and _is_one(namespace, self.namespaces) and _is_one(name, self.models)

    def has_workload(self, namespace: str, name: str) -> bool:
        """True if it applies to this workload alone."""
        return bool(self.workloads) and _is_one(namespace, self.namespaces) and _is_one(name, self.workloads)


def _is_one(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class Goals:
    """All objectives of a configuration."""

    every: tuple[Objective, ...] = ()
    """Objectives of all models, unless a group overrides them."""
    groups: tuple[ObjectiveSet, ...] = field(default_factory=tuple)
    days: float = DAYS
    """Days of an error budget."""
    defaults: bool = True
    """True if ``DEFAULTS`` apply where nothing is set."""

    @property
    def are_set(self) -> bool:
        """True if the user has set any objective."""
        return bool(self.every or self.groups)

    @property
    def period(self) -> float:
        """Seconds of an error budget."""
        return self.days * 86_400

    def of_model(self, namespace: str, name: str) -> tuple[Objective, ...]:
        """Return the objectives of a model: those of the first group that contains it, completed by the general
        ones.
        """
        group = next((one for one in self.groups if one.has_model(namespace, name)), None)
        return self._completed(group.objectives if group is not None else ())

    def of_workload(self, namespace: str, name: str) -> tuple[Objective, ...]:
        """Return the objectives set for a workload itself; none if it uses those of its model."""
        group = next((one for one in self.groups if one.has_workload(namespace, name)), None)
        return group.objectives if group is not None else ()

    def all(self) -> tuple[Objective, ...]:
        """Return each distinct objective."""
        every = (*self._completed(()), *(one for group in self.groups for one in group.objectives))
        return tuple(dict.fromkeys(every))

    def _completed(self, own: Sequence[Objective]) -> tuple[Objective, ...]:
        rest = self.every or (DEFAULTS if self.defaults and not self.are_set else ())
        named = {one.name for one in own}
        found = (*own, *(one for one in rest if one.name not in named))
        return tuple(sorted(found, key=lambda one: NAMES.index(one.name)))

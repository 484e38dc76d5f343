"""Separation of a model's slow replicas from the others by an attribute that only the slow ones have.

Every attribute divides the replicas in two; attributes that divide them alike are one test. An attribute is named only
if Fisher's exact test, corrected for the number of tests, makes chance unlikely.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from fleet.dataclass import dataclass
from fleet.latency.attributes import ATTRIBUTES, Named, Numeric
from fleet.latency.exact_tests import FAMILY_WISE, fisher, least, number_of_tests
from fleet.latency.slowness import FEWEST, MEASURES, SlownessMeasure, median, slow_ones
from fleet.model.reading import State
from fleet.model.snapshot import Snapshot

_AGES: Final = ((86_400, "days"), (3600, "h"), (60, "min"))
LARGEST_GAP: Final = 0.2
"""Part of the range of a number that a gap must be to divide replicas into low and high ones."""


@dataclass(frozen=True, slots=True)
class Division:
    """An attribute (or several that come to the same) with the replicas that have it."""

    attributes: tuple[str, ...]
    """``node gpu-3``, ``SM clock below 1200 MHz``."""
    having: frozenset[str]
    """Pod keys."""
    slow: int
    """Number of them that are slow."""
    chance: float
    """Chance that so many are by luck alone, corrected for the number of tests; at most 1."""

    @property
    def is_named(self) -> bool:
        """True if chance is unlikely enough to name it."""
        return self.chance <= FAMILY_WISE


@dataclass(frozen=True, slots=True)
class Separation:
    """Replicas of one model by one measure: the slow ones, and their common attributes."""

    measure: SlownessMeasure
    values: dict[str, float]
    """Pod key → value, of all that were compared."""
    slow: frozenset[str]
    divisions: tuple[Division, ...] = ()
    """Attributes that are more frequent among the slow replicas than among the others, the likeliest first."""
    tests: int = 0
    """Number of tests that was corrected for."""
    can_tell: bool = True
    """False if no attribute could have been significant: too few replicas are slow, or too few exist."""

    @property
    def named(self) -> tuple[Division, ...]:
        """Divisions that are hardly luck."""
        return tuple(division for division in self.divisions if division.is_named)

    @property
    def alone(self) -> tuple[str, ...]:
        """Attributes that all slow replicas have and no other has, whether or not by chance."""
        same = (division.attributes for division in self.divisions if division.having == self.slow)
        return tuple(attribute for attributes in same for attribute in attributes)

    @property
    def median(self) -> float:
        """Median of all values."""
        return median(list(self.values.values()))


def replicas_of(snapshot: Snapshot, workload: str) -> tuple[str, ...]:
    """Return the keys of the ready, freshly measured pods that serve the workload's model, in any workload."""
    model = snapshot.models.get(snapshot.model_of.get(workload, ""))
    tops = model.workloads if model is not None else (workload,)
    keys = [key for top in tops for key in snapshot.pods_of.get(top, ()) if snapshot.pods[key].ready]
    frame = snapshot.by_pod
    rows = zip(keys, frame.rows(keys), strict=True)
    return tuple(key for key, row in rows if row >= 0 and frame.states[row] < State.STALE)


def separations(snapshot: Snapshot, workload: str) -> tuple[Separation, ...]:
    """Compare the replicas by each measure; a measure by which none is slow has no divisions."""
    keys = replicas_of(snapshot, workload)
    if len(keys) < FEWEST:
        return ()
    return tuple(_separation(snapshot, keys, measure) for measure in MEASURES)


def _separation(snapshot: Snapshot, keys: Sequence[str], measure: SlownessMeasure) -> Separation:
    frame = snapshot.by_pod
    found = {key: measure.value(frame, frame.index[key]) for key in keys}
    values = {key: value for key, value in found.items() if not math.isnan(value)}
    slow = slow_ones(values)
    if not slow:
        return Separation(measure, values, slow)
    groups = _groups(snapshot, tuple(values))
    attainable = [least(len(having), len(slow), len(values)) for having in groups]
    tests = number_of_tests(attainable)
    divisions = []
    for having, attributes in groups.items():
        together = len(having & slow)
        if together * len(values) > len(having) * len(slow):
            chance = fisher(together, len(having), len(slow), len(values))
            divisions.append(Division(attributes, having, together, min(1.0, chance * tests)))
    divisions.sort(key=lambda one: (one.chance, -one.slow, len(one.having)))
    can_tell = any(p * tests <= FAMILY_WISE for p in attainable)
    return Separation(measure, values, slow, tuple(divisions), tests, can_tell)


def _groups(snapshot: Snapshot, keys: tuple[str, ...]) -> dict[frozenset[str], tuple[str, ...]]:
    """Return the replicas that have an attribute → the words for it; attributes that all have are left out."""
    groups: dict[frozenset[str], list[str]] = defaultdict(list)
    for attribute in ATTRIBUTES:
        for having, words in _halves(snapshot, keys, attribute):
            if 0 < len(having) < len(keys):
                groups[having].append(words)
    return {having: tuple(words) for having, words in groups.items()}


def _halves(
    snapshot: Snapshot, keys: tuple[str, ...], attribute: Named | Numeric
) -> Iterator[tuple[frozenset[str], str]]:
    pods = snapshot.pods
    if isinstance(attribute, Numeric):
        yield from _gap(attribute, {key: attribute.value(snapshot, pods[key]) for key in keys})
        return
    having: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        for value in attribute.values(snapshot, pods[key]):
            having[value].add(key)
    for value, found in having.items():
        yield frozenset(found), f"{attribute.name} {value}"


def _gap(attribute: Numeric, values: dict[str, float]) -> Iterator[tuple[frozenset[str], str]]:
    """Yield the two sides of the widest gap between the numbers, regardless of which replicas are slow: one test, not
    many.
    """
    known = sorted((value, key) for key, value in values.items() if not math.isnan(value))
    if len(known) < len(values) or known[-1][0] == known[0][0]:
        return
    gaps = [(upper[0] - lower[0], at) for at, (lower, upper) in enumerate(pairwise(known), 1)]
    widest, at = max(gaps)
    if widest < LARGEST_GAP * (known[-1][0] - known[0][0]):
        return
    side = known[at:] if attribute.slow_when_high else known[:at]
    limit = known[at][0] if attribute.slow_when_high else known[at - 1][0]
    relation = "at least" if attribute.slow_when_high else "at most"
    yield frozenset(key for _, key in side), f"{attribute.name} {relation} {number_words(limit, attribute.unit)}"


def number_words(value: float, unit: str) -> str:
    """Return a limit as a person says it: ``6 days``, ``37%``, ``71 °C``."""
    if unit == "ratio":
        return f"{value:.0%}"
    if unit == "s":
        size, name = next((one for one in _AGES if value >= 2 * one[0]), (1, "s"))
        return f"{value / size:.0f} {name}"
    return f"{value:.3g} {unit}".strip() if value < 1000 else f"{value:.0f} {unit}".strip()

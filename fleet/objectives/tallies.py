"""Answers of a store as tallies by owner."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from fleet.metrics.answers import Sample, edge, samples
from fleet.metrics.dialect_set import DialectSet
from fleet.model.quantity import Family
from fleet.objectives.ledger import Tally
from fleet.objectives.owners import RequestOwner, owner_of
from fleet.objectives.queries import ALL, BAD, PRESENT, SINCE, look

_FAMILIES = {str(family): family for family in Family}


def tallies(
    results: Iterable[Iterable[Mapping[str, Any]]], dialects: DialectSet, window: float, at: float
) -> dict[RequestOwner, Tally]:
    """The tallies of a window that ends at ``at``, from the answers to ``queries.spent``. Raises SourceProblem."""
    buckets: dict[RequestOwner, dict[Family, dict[float, float]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(float))
    )
    counts: dict[RequestOwner, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for labels, value, tag in _finite(results):
        owner = owner_of(labels, dialects)
        if (family := _FAMILIES.get(tag)) is not None:
            buckets[owner][family][edge(labels)] += value
        else:
            counts[owner][tag] += value
    looks = _looks(window, at)
    return {
        owner: Tally(
            {family: dict(edges) for family, edges in buckets[owner].items()} if owner in buckets else {},
            counts[owner][BAD] if owner in counts else 0.0,
            counts[owner][ALL] if owner in counts else 0.0,
            min(1.0, counts[owner][PRESENT] / looks) if owner in counts else 0.0,
        )
        for owner in dict.fromkeys((*buckets, *counts))
    }


def began(results: Iterable[Iterable[Mapping[str, Any]]], dialects: DialectSet) -> dict[RequestOwner, float]:
    """The time of the first sample of each owner, from the answers to ``queries.since``. Raises SourceProblem."""
    found: dict[RequestOwner, float] = {}
    for labels, value, tag in _finite(results):
        if tag == SINCE:
            owner = owner_of(labels, dialects)
            found[owner] = min(value, found.get(owner, value))
    return found


def _finite(results: Iterable[Iterable[Mapping[str, Any]]]) -> Iterable[Sample]:
    return (one for result in results for one in samples(result) if math.isfinite(one[1]))


def _looks(window: float, at: float) -> int:
    """Return the number of presence samples: a subquery evaluates at round times, and not at its very beginning."""
    step = look(window)
    return max(1, math.floor(at / step) - math.floor((at - window) / step))

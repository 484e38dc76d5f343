"""The queries for the buckets of the engines' histograms: by model, and by engine for those requested."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from fleet.metrics.dialect import Match, Op
from fleet.metrics.expressions import QueryScope, histogram_rates, in_units, unit_labels
from fleet.metrics.identity import NAMESPACE_LABELS
from fleet.metrics.promql import joined, listed, pattern, selector, tagged
from fleet.model.quantity import Family


def model_buckets(scope: QueryScope) -> str:
    """Bucket rates of every latency family by namespace and model."""
    labels = scope.kept_labels("le", *unit_labels(scope.engines), *NAMESPACE_LABELS, *scope.engines.model_labels)
    rates = ((family, _bucket_rates(scope, family)) for family in scope.engines.families)
    return joined([tagged(family, f"sum by ({labels}) ({rate})") for family, rate in rates if rate])


def bucket_counts(scope: QueryScope) -> str:
    """Return the query for the number of series behind each bucket of ``model_buckets``.

    It distinguishes buckets that all engines have from those that only some releases have: cumulative counts may be
    added up only over the former. It costs as much as the rates themselves, but changes only with the engines.
    """
    labels = scope.kept_labels("le", *unit_labels(scope.engines), *NAMESPACE_LABELS, *scope.engines.model_labels)
    parts = []
    for family in scope.engines.families:
        instants = " or ".join(
            in_units(member, base, selector(name, member.where))
            for member in scope.engines
            for base in member.families.get(family, ())
            for name in scope.spellings(member, f"{base}_bucket", f"{base}_count")
        )
        if instants:
            parts.append(tagged(family, f"count by ({labels}) ({instants})"))
    return joined(parts)


def engine_buckets(scope: QueryScope, families: Iterable[Family], where: Mapping[str, Collection[str]] | None) -> str:
    """Return the query for bucket rates by engine, for engines with the given label values (label → values), or all."""
    labels = listed(("le", *unit_labels(scope.engines), *scope.key))
    chosen: list[tuple[Match, ...]] = [()]
    if where is not None:
        chosen = [(Match(label, Op.MATCHES, pattern(values)),) for label, values in sorted(where.items()) if values]
    parts = []
    for family in families:
        rates = " or ".join(filter(None, (_bucket_rates(scope, family, matches) for matches in chosen)))
        if rates:
            parts.append(tagged(family, f"sum by ({labels}) ({rates})"))
    return joined(parts)


def _bucket_rates(scope: QueryScope, family: Family, matches: Sequence[Match] = ()) -> str:
    every = (
        histogram_rates(scope, member, member.families.get(family, ()), "bucket", matches) for member in scope.engines
    )
    return " or ".join(filter(None, every))

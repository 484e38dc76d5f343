"""The parts of queries: the PromQL spelling of a dialect's metrics, for those that a store has.

Queries are joined with ``or``; each part carries a label ``q`` that identifies it. Rates of a renamed counter are
``rate(new) or rate(old)`` per series, so that a process that exposes both is counted once, under its newest name.

Many metrics at once are selected by a regular expression on ``__name__``. For stores that refuse those,
``by_exact_names`` spells the names out: longer queries, split to fit into a URL, whose number does not grow with the
fleet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from fleet.dataclass import dataclass
from fleet.metrics.dialect import Dialect, Match, Op
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.identity import engine_labels
from fleet.metrics.promql import duration, listed, names_are_exact, pattern, selector, tagged

NAMED = "metric"
"""The label that holds a metric's name where names are exact: ``or`` takes series that only differ in ``__name__`` for
the same."""
DIALECT = "dialect"
"""Label that names the product of the metrics."""
_AT_ONCE = 20
"""Exact names in one part of a query."""
STAMP = "stamp"
DOWN = "down"
GONE = "gone"
YOUNG = "young"
PRESENT = "present"
RESET = "reset"
ODD = "odd"
PER_SECOND = "le_per_second"
"""Label of buckets whose ``le`` is not in seconds: its units per second."""
PART = "part"
"""Label that distinguishes the summands of a number."""
PROCESS = "process"
"""Label in place of the row's, behind a quantity's name: its series name neither model nor engine."""


@dataclass(frozen=True, slots=True)
class QueryScope:
    """The subject of the queries.

    ``engines``, ``gateways`` and ``gpus``: the dialects that the store has series of. ``names``: the counters and
    histograms in the data, as spelled there. ``labels``: the labels in the data that may name an engine. ``key``: those
    of them that suffice to distinguish the engines. ``window``: seconds of the rates. Restricting queries to these
    keeps them short enough for any proxy's limit on URLs, and the answers small.
    """

    engines: DialectSet
    gateways: DialectSet
    gpus: DialectSet
    names: frozenset[str]
    labels: frozenset[str]
    key: tuple[str, ...]
    window: float = 60.0
    replicas: tuple[str, ...] = ()
    """Labels in the data that distinguish the samples of several scrapers of one target: each sample counts once."""
    gpus_are_alike: bool = False
    """True if the metrics that show a GPU name each one, with all its labels: no others need to be tried for that, of
    which there are thirty."""

    @property
    def range(self) -> str:
        """The window as PromQL has it, to the millisecond."""
        return duration(self.window)

    def kept_labels(self, *labels: str) -> str:
        """The labels to keep in an aggregation."""
        naming = engine_labels(self.engines)
        return listed(label for label in labels if label in self.labels or label not in naming)

    def spellings(self, dialect: Dialect, name: str, presence: str = "") -> list[str]:
        """Return the names that this metric has here; none if it is absent. ``presence`` is the name that shows it, if
        not its own: for a histogram, its count.
        """
        spelt = dialect.spellings(name)
        if len(spelt) == 1:
            return list(spelt)
        present = dialect.spellings(presence or name)
        return [here for here, there in zip(spelt, present, strict=True) if there in self.names]


Names = Mapping[Dialect, Iterable[str]]
"""Names of metrics under their dialect's own prefix."""


def by_name(operator: str, labels: Iterable[str], wanted: Names) -> list[str]:
    """An aggregation of all these metrics that keeps the name of each; in parts where names are exact."""
    if not names_are_exact():
        patterns: dict[tuple[Match, ...], list[str]] = defaultdict(list)
        for dialect, names in wanted.items():
            if bare := spelling_pattern(dialect, set(names)):
                patterns[dialect.where].append(bare)
        by = listed(("__name__", *labels))
        every = ((Match("__name__", Op.MATCHES, "|".join(some)), *where) for where, some in patterns.items())
        return [f"{operator} by ({by}) ({selector('', named)})" for named in every]
    spelt = [(dialect, name) for dialect, names in wanted.items() for n in names for name in dialect.spellings(n)]
    kept = listed((NAMED, *labels))
    return [
        f"{operator} by ({kept}) ({' or '.join(_with_name(*one) for one in spelt[start : start + _AT_ONCE])})"
        for start in range(0, len(spelt), _AT_ONCE)
    ]


def _with_name(dialect: Dialect, name: str) -> str:
    return f'label_replace({selector(name, dialect.where)}, "{NAMED}", "{name}", "", "")'


def spelling_pattern(dialect: Dialect, names: Collection[str]) -> str:
    """A regular expression for these names of a dialect in every spelling; empty for none."""
    own = dialect.prefixes[0]
    prefixed = {name.removeprefix(own) for name in names if own and name.startswith(own)}
    bare = {name for name in names if not own or not name.startswith(own)}
    parts = [f"({pattern(dialect.prefixes)})({pattern(prefixed)})"] if prefixed else []
    return "|".join((*parts, *([pattern(bare)] if bare else [])))


def stamp_part(dialect: Dialect, labels: Iterable[str], names: Iterable[str] | None = None) -> str:
    """Return the query for the time of the first of these metrics that exists, with all identifying labels and the
    dialect.
    """
    every = dialect.seen_by() if names is None else names
    stamps = " or ".join(f"timestamp({selector(name, dialect.where)})" for name in every)
    named = f'label_replace(max by ({listed(labels)}) ({stamps}), "{DIALECT}", "{dialect.name}", "", "")'
    return tagged(STAMP, named)


def histogram_rates(
    scope: QueryScope, member: Dialect, bases: Iterable[str], part: str, matches: Sequence[Match] = ()
) -> str:
    """The rates of one part (sum, count, bucket) of these histograms of a dialect; of a sum in seconds."""
    rates = []
    for base in bases:
        for name in scope.spellings(member, f"{base}_{part}", f"{base}_count"):
            rate = rate_of(scope, member, name, (*matches, *member.where))
            if part == "bucket":
                rate = in_units(member, base, rate)
            elif part == "sum" and base in member.per_second:
                rate = f"{rate} / {member.per_second[base]:g}"
            rates.append(rate)
    return " or ".join(rates)


def unchecked_rates(scope: QueryScope, member: Dialect, bases: Iterable[str]) -> str:
    """The rates of the buckets of these histograms in every spelling, whether the data have it or not."""
    return " or ".join(
        in_units(member, base, rate_of(scope, member, name, member.where))
        for base in bases
        for name in member.spellings(f"{base}_bucket")
    )


def unit_labels(dialects: DialectSet) -> tuple[str, ...]:
    """The label that keeps buckets of different units apart, where one of these dialects has some."""
    return (PER_SECOND,) if any(member.per_second for member in dialects) else ()


def in_units(member: Dialect, base: str, buckets: str) -> str:
    """Buckets of a histogram, with the unit of their ``le`` where that is not seconds."""
    if base not in member.per_second:
        return buckets
    return f'label_replace({buckets}, "{PER_SECOND}", "{member.per_second[base]:g}", "", "")'


def rate_of(scope: QueryScope, member: Dialect, name: str, matches: Sequence[Match], *, latest: bool = False) -> str:
    """The rate of a counter of a dialect, of each series once; ``latest``: between its last two samples."""
    return deduplicated(scope, member, plain_rate(scope, name, matches, latest=latest))


def deduplicated(scope: QueryScope, member: Dialect, vector: str) -> str:
    """Return a vector in which samples seen by several scrapers, or repeated by several ranks, appear once."""
    labels = (*scope.replicas, *member.repeated_by)
    return f"max without ({listed(labels)}) ({vector})" if labels else vector


def plain_rate(scope: QueryScope, name: str, matches: Sequence[Match], *, latest: bool = False) -> str:
    """The rate of a counter, as often as it was scraped."""
    return f"{rate_function(latest=latest)}({selector(name, matches)}{scope.range})"


def rate_function(*, latest: bool) -> str:
    """PromQL's function for the rate over a range, or between the last two samples in it, resets counted by both."""
    return "irate" if latest else "rate"

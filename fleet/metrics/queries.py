"""The PromQL of a tick, made from the dialects. How many queries there are depends neither on the fleet nor on them.

Whoever asks says which dialects the store has series of: the others are looked for by the names that every process of
theirs has, and by nothing else, so that a query grows with what a fleet runs and not with what is known.

Queries are joined with ``or``; each part carries a label ``q`` that says what it is. Rates of a renamed counter are
``rate(new) or rate(old)`` per series, so that a process that exposes both is counted once, under its newest name.

Many metrics at once are selected by a regular expression on ``__name__``. Where a store refuses those,
``by_exact_names`` spells them out: longer queries, cut to what a URL carries, and no more of them for a larger fleet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fleet.metrics.dialect import IMPLAUSIBLE, Dialect, Kind, Match, Metric, Op, Pick, Rule
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.identity import (
    CLUSTER_LABEL,
    NAMESPACE_LABELS,
    PROCESS_LABELS,
    REPLICA_LABELS,
    engine_labels,
    gateway_labels,
    gpu_key_labels,
    gpu_labels,
)
from fleet.metrics.promql import (
    LONGEST,
    duration,
    joined,
    listed,
    names_are_exact,
    pattern,
    queries,
    scaled,
    selector,
    span,
    tagged,
)
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.quantity import Family, Quantity

NAMED = "metric"
"""The label that holds a metric's name where names are exact: ``or`` takes series that only differ in ``__name__`` for
the same."""
DIALECT = "dialect"
"""The label that names the product whose metrics are meant."""
_AT_ONCE = 20
"""Exact names in one part of a query."""
STAMP = "stamp"
DOWN = "down"
GONE = "gone"
YOUNG = "young"
PRESENT = "present"
RESET = "reset"
PER_SECOND = "le_per_second"
"""The label of buckets whose ``le`` is not in seconds: how many of its units a second has."""
PART = "part"
"""The label that tells the summands of a number apart."""
PROCESS = "process"
"""Behind a quantity's name: its series name neither model nor engine."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the queries are about.

    ``engines``, ``gateways`` and ``gpus``: the dialects that the store has series of. ``names``: the counters and
    histograms that the data have, as they spell them. ``labels``: those that the data have of the labels that may name
    an engine. ``key``: those of them that are enough to tell the engines apart. ``window``: seconds of the rates.
    Asking for nothing else keeps the queries short enough for any proxy's limit on URLs, and the answers small.
    """

    engines: DialectSet
    gateways: DialectSet
    gpus: DialectSet
    names: frozenset[str]
    labels: frozenset[str]
    key: tuple[str, ...]
    window: float = 60.0
    replicas: tuple[str, ...] = ()
    """The labels of the data that tell apart the samples of several scrapers of the same: each counts once."""

    @property
    def range(self) -> str:
        """The window as PromQL has it, to the millisecond."""
        return duration(self.window)

    def by(self, *labels: str) -> str:
        """The labels to keep in an aggregation."""
        naming = engine_labels(self.engines)
        return listed(label for label in labels if label in self.labels or label not in naming)

    def spellings(self, dialect: Dialect, name: str, presence: str = "") -> list[str]:
        """The names that this metric has here; none where it is absent. ``presence`` is the name that tells, if not its
        own: of a histogram its count.
        """
        spelt = dialect.spellings(name)
        if len(spelt) == 1:
            return list(spelt)
        told = dialect.spellings(presence or name)
        return [here for here, there in zip(spelt, told, strict=True) if there in self.names]


Names = Mapping[Dialect, Iterable[str]]
"""Names of metrics under their dialect's own prefix."""


def _by_name(operator: str, labels: Iterable[str], wanted: Names) -> list[str]:
    """An aggregation of all these metrics that keeps the name of each; in parts where names are exact."""
    if not names_are_exact():
        patterns: dict[tuple[Match, ...], list[str]] = defaultdict(list)
        for dialect, names in wanted.items():
            if bare := _spelt(dialect, set(names)):
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


def engines(window: float, asked: DialectSet, young: float) -> list[str]:
    """The first query of a tick: whose the engines are and when they were seen, and which metrics there are.

    Besides, which targets are down, which engines have ended within ``window`` seconds, and which were not there
    ``young`` seconds ago. ``asked`` are the dialects that the store is known to have; of the others, gateways among
    them, only that they are there.
    """
    changing = [_down(asked), _gone(asked, window), _young(asked, young)] if asked else []
    stamps = (_stamps(member, engine_labels(ENGINES)) for member in asked)
    return queries((*changing, *_present(asked), *stamps))


def _running(asked: DialectSet) -> list[str]:
    """Selectors of the metrics that every engine of these dialects has."""
    return [selector(name, member.where) for member in asked for name in running_names(member)]


def running_names(member: Dialect) -> list[str]:
    """The names of what every process of a dialect has, in every spelling."""
    metrics = member.rules[member.present[0]].metrics
    return [name for metric in metrics for name in member.spellings(metric.name)]


def _gone(asked: DialectSet, window: float) -> str:
    """Engines without a sample now that had one within the window: rates go back to them."""
    running = _running(asked)
    gone = " or ".join(f"(count_over_time({one}{duration(window)}) unless {one})" for one in running)
    return tagged(GONE, f"max by ({listed(engine_labels(ENGINES))}) ({gone})")


def _young(asked: DialectSet, seconds: float) -> str:
    """Engines that were not there so many seconds ago: ``rate`` divides their increase by more than their age."""
    running = _running(asked)
    young = " or ".join(f"({one} unless {one} offset {span(seconds)})" for one in running)
    return tagged(YOUNG, f"max by ({listed(engine_labels(ENGINES))}) ({young})")


def young_samples(scope: Scope, where: Mapping[str, Collection[str]]) -> list[str]:
    """The raw samples within the window of every counter of the engines whose label is among these values.

    None where names are exact (raw samples cannot be joined), or where they are too many for a URL.
    """
    names = (_spelt(member, {metric.name for _, metric in member.counters()}) for member in scope.engines)
    counters = "|".join(filter(None, names))
    if names_are_exact() or not counters:
        return []
    named = Match("__name__", Op.MATCHES, counters)
    chosen = [Match(label, Op.MATCHES, pattern(values)) for label, values in sorted(where.items()) if values]
    found = [f"{selector('', (named, match))}{scope.range}" for match in chosen]
    return found if all(len(quote(one)) <= LONGEST for one in found) else []


def _present(asked: DialectSet) -> list[str]:
    wanted: dict[Dialect, set[str]] = {}
    for member in asked:
        bases = {base for bases in (*member.families.values(), *member.phases.values()) for base in bases}
        counters = {metric.name for _, metric in member.counters() if len(member.spellings(metric.name)) > 1}
        wanted[member] = counters | {f"{base}_count" for base in bases}
    for member in (*ENGINES, *GATEWAYS):
        if member not in wanted:
            wanted[member] = {metric.name for metric in member.rules[member.present[0]].metrics}
    for member in GPUS:
        wanted[member] = {metric.name for quantity in member.present for metric in member.rules[quantity].metrics}
    parts = _by_name("count", (CLUSTER_LABEL, *REPLICA_LABELS), wanted)
    # Each with a tag of its own: `or` takes series that only differ in their name for the same.
    return [tagged(f"{PRESENT}/{at}", part) for at, part in enumerate(parts)]


def _spelt(dialect: Dialect, names: Collection[str]) -> str:
    """A regular expression for these names of a dialect in every spelling; empty for none."""
    own = dialect.prefixes[0]
    prefixed = {name.removeprefix(own) for name in names if own and name.startswith(own)}
    bare = {name for name in names if not own or not name.startswith(own)}
    parts = [f"({pattern(dialect.prefixes)})({pattern(prefixed)})"] if prefixed else []
    return "|".join((*parts, *([pattern(bare)] if bare else [])))


def _down(asked: DialectSet) -> str:
    """Targets that do not answer Prometheus, of the jobs that scrape engines."""
    jobs = f"max by (namespace, job) ({' or '.join(_running(asked))})"
    return tagged(DOWN, f"max by ({listed(PROCESS_LABELS)}) ({selector('up')} == 0 and on (namespace, job) {jobs})")


def _stamps(dialect: Dialect, labels: Iterable[str], names: Iterable[str] | None = None) -> str:
    """The time of the first of these metrics that is there, with all labels that say whose it is, and the dialect."""
    every = dialect.seen_by() if names is None else names
    stamps = " or ".join(f"timestamp({selector(name, dialect.where)})" for name in every)
    named = f'label_replace(max by ({listed(labels)}) ({stamps}), "{DIALECT}", "{dialect.name}", "", "")'
    return tagged(STAMP, named)


def engine_numbers(scope: Scope) -> list[str]:
    """Per engine (or per process): every gauge by name, and the rates of every counter and of the phases."""
    names = {member: [metric.name for _, metric in member.gauges()] for member in scope.engines}
    told = dict.fromkeys((*scope.key, *scope.engines.telling, *_value_labels(scope.engines)))
    return queries((*_rates_of_engines(scope), *_by_name("max", told, names)))


def _value_labels(dialects: DialectSet) -> Iterator[str]:
    for member in dialects:
        yield from member.value_labels()


def _rates_of_engines(scope: Scope) -> Iterable[str]:
    yield from _resets(scope)
    for member in scope.engines:
        for quantity, rule in member.rules.items():
            rates = _rates_of(scope, member, rule.metrics)
            if rates and rule.per_process:
                # Other servers have the metrics of processes too: only all labels tell theirs from an engine's.
                by = scope.by(*PROCESS_LABELS)
                yield tagged(f"{quantity}/{PROCESS}", _summed(by, rule, rates))
            elif rates:
                yield tagged(quantity, _summed(listed(scope.key), rule, rates))
        for quantity, bases in member.phases.items():
            for part in ("sum", "count"):
                if of_part := _rates(scope, member, bases, part):
                    yield tagged(f"{quantity}/{part}", f"sum by ({listed(scope.key)}) ({of_part})")


def _rates_of(scope: Scope, member: Dialect, metrics: Iterable[Metric]) -> list[str]:
    """The rates of each counter among these metrics, in the canonical unit."""
    every = (
        " or ".join(
            scaled(_rate(scope, member, name, (*metric.where, *member.where)), metric.scale)
            for name in scope.spellings(member, metric.name)
        )
        for metric in metrics
        if metric.kind is Kind.COUNTER
    )
    return list(filter(None, every))


def _summed(by: str, rule: Rule, numbers: Sequence[str]) -> str:
    """The metrics of a quantity as one number per row: the first that the row has, or the sum of them."""
    if rule.pick is Pick.SUM and len(numbers) > 1:
        # Series of two metrics may have the same labels: `or` would take them for the same.
        told = (f'label_replace({number}, "{PART}", "{at}", "", "")' for at, number in enumerate(numbers))
        return f"sum by ({by}) ({' or '.join(told)})"
    return " or ".join(f"sum by ({by}) ({number})" for number in numbers)


def _resets(scope: Scope) -> Iterable[str]:
    resets = " or ".join(
        f"resets({selector(name, member.where)}{scope.range})"
        for member in scope.engines
        if (rule := member.rules.get(Quantity.GENERATION_TOKENS)) is not None
        for metric in rule.metrics
        if metric.kind is Kind.COUNTER
        for name in scope.spellings(member, metric.name)
    )
    if resets:
        yield tagged(RESET, f"max by ({listed(scope.key)}) ({resets}) > 0")


def model_buckets(scope: Scope) -> str:
    """Bucket rates of every latency family by namespace and model."""
    labels = scope.by("le", *_units(scope.engines), *NAMESPACE_LABELS, *scope.engines.model_labels)
    rates = ((family, _bucket_rates(scope, family)) for family in scope.engines.families)
    return joined([tagged(family, f"sum by ({labels}) ({rate})") for family, rate in rates if rate])


def bucket_counts(scope: Scope) -> str:
    """How many series stand behind each bucket of ``model_buckets``.

    That tells a bucket that all engines have from one that only some releases have: cumulative counts may be added up
    only over the former. As dear as the rates themselves, but it changes only with the engines.
    """
    labels = scope.by("le", *_units(scope.engines), *NAMESPACE_LABELS, *scope.engines.model_labels)
    parts = []
    for family in scope.engines.families:
        instants = " or ".join(
            _in_units(member, base, selector(name, member.where))
            for member in scope.engines
            for base in member.families.get(family, ())
            for name in scope.spellings(member, f"{base}_bucket", f"{base}_count")
        )
        if instants:
            parts.append(tagged(family, f"count by ({labels}) ({instants})"))
    return joined(parts)


def engine_buckets(scope: Scope, families: Iterable[Family], where: Mapping[str, Collection[str]] | None) -> str:
    """Bucket rates by engine: of the engines whose label is among the values given for it (label → values), or all."""
    labels = listed(("le", *_units(scope.engines), *scope.key))
    chosen: list[tuple[Match, ...]] = [()]
    if where is not None:
        chosen = [(Match(label, Op.MATCHES, pattern(values)),) for label, values in sorted(where.items()) if values]
    parts = []
    for family in families:
        rates = " or ".join(filter(None, (_bucket_rates(scope, family, matches) for matches in chosen)))
        if rates:
            parts.append(tagged(family, f"sum by ({labels}) ({rates})"))
    return joined(parts)


def gateways(scope: Scope) -> list[str]:
    """Whose each gateway's rows are and when they were seen, every number of them, and their histograms; none where the
    store has no gateway.
    """
    labels = gateway_labels(scope.gateways)
    by = listed((*labels, DIALECT))
    parts = []
    for member in scope.gateways:
        parts.append(_stamps(member, labels))
        for quantity, rule in member.rules.items():
            numbers = [_of(member, number) for number in _every_number(scope, member, rule.metrics)]
            parts.append(tagged(quantity, _summed(by, rule, numbers)))
        for family, bases in member.families.items():
            rates = _of(member, _unchecked_rates(scope, member, bases))
            parts.append(tagged(family, f"sum by ({listed(('le', *_units(scope.gateways)))}, {by}) ({rates})"))
    return queries(parts)


def _of(member: Dialect, expression: str) -> str:
    return f'label_replace({expression}, "{DIALECT}", "{member.name}", "", "")'


def _every_number(scope: Scope, member: Dialect, metrics: Iterable[Metric]) -> Iterator[str]:
    """Each metric of one quantity, each sample once: gauges as they are, counters as rates, in the canonical unit."""
    for metric in metrics:
        where = (*metric.where, *member.where)
        spelt = []
        for name in member.spellings(metric.name):
            gauge = _once(scope, member, selector(name, where))
            gauge = f"clamp_min({gauge} - {metric.less:g}, 0)" if metric.less else gauge
            number = _rate(scope, member, name, where) if metric.kind is Kind.COUNTER else gauge
            spelt.append(scaled(number, metric.scale))
        yield " or ".join(spelt)


def _unchecked_rates(scope: Scope, member: Dialect, bases: Iterable[str]) -> str:
    return " or ".join(
        _in_units(member, base, _rate(scope, member, name, member.where))
        for base in bases
        for name in member.spellings(f"{base}_bucket")
    )


def gpus(scope: Scope) -> list[str]:
    """Whose each GPU is and when it was seen; every gauge by name, and the rates of the counters tagged with theirs.

    The labels that say whose a GPU is are most of an answer: they come once per GPU, with the time of a sample. The
    numbers come with its UUID alone.
    """
    keys = gpu_key_labels(scope.gpus)
    parts = []
    wanted: dict[Dialect, list[str]] = {}
    for member in scope.gpus:
        gauges = (metric.name for _, metric in member.gauges())
        wanted[member] = list(dict.fromkeys((*member.seen_by(), *gauges, *member.masks)))
        for _, metric in member.counters():
            # The maximum around it counts each GPU once, however many scrapers see it.
            where = (*metric.where, *member.where)
            rates = " or ".join(
                f"{_every_rate(scope, name, where)} and {selector(name, where)} < {IMPLAUSIBLE:g}"
                for name in member.spellings(metric.name)
            )
            parts.append(tagged(metric.name, f"max by ({listed(keys)}) ({rates})"))
    for member, names in wanted.items():
        parts.append(
            _stamps(member, gpu_labels(scope.gpus), [spelt for name in names for spelt in member.spellings(name)])
        )
    told = dict.fromkeys((*keys, *(label for label in _value_labels(scope.gpus) if label not in keys)))
    return queries((*parts, *_by_name("max", told, wanted)))


def samples(names: Sequence[str], labels: Mapping[str, str], seconds: float) -> list[str]:
    """The raw samples of the series of one of these names and these labels, for their distance in time.

    Where names are exact it is a query for each of them: raw samples cannot be joined.
    """
    rest = [Match(label, Op.EQUAL, value) for label, value in sorted(labels.items()) if label != "__name__"]
    if names_are_exact():
        return [f"{selector(name, rest)}[{seconds:g}s]" for name in names]
    return [f"{selector('', (Match('__name__', Op.MATCHES, pattern(names)), *rest))}[{seconds:g}s]"]


def _rates(scope: Scope, member: Dialect, bases: Iterable[str], part: str, matches: Sequence[Match] = ()) -> str:
    """The rates of one part (sum, count, bucket) of these histograms of a dialect; of a sum in seconds."""
    rates = []
    for base in bases:
        for name in scope.spellings(member, f"{base}_{part}", f"{base}_count"):
            rate = _rate(scope, member, name, (*matches, *member.where))
            if part == "bucket":
                rate = _in_units(member, base, rate)
            elif part == "sum" and base in member.per_second:
                rate = f"{rate} / {member.per_second[base]:g}"
            rates.append(rate)
    return " or ".join(rates)


def _units(dialects: DialectSet) -> tuple[str, ...]:
    """The label that keeps buckets of different units apart, where one of these dialects has some."""
    return (PER_SECOND,) if any(member.per_second for member in dialects) else ()


def _in_units(member: Dialect, base: str, buckets: str) -> str:
    """Buckets of a histogram, with the unit of their ``le`` where that is not seconds."""
    if base not in member.per_second:
        return buckets
    return f'label_replace({buckets}, "{PER_SECOND}", "{member.per_second[base]:g}", "", "")'


def _bucket_rates(scope: Scope, family: Family, matches: Sequence[Match] = ()) -> str:
    every = (_rates(scope, member, member.families.get(family, ()), "bucket", matches) for member in scope.engines)
    return " or ".join(filter(None, every))


def _rate(scope: Scope, member: Dialect, name: str, matches: Sequence[Match]) -> str:
    return _once(scope, member, _every_rate(scope, name, matches))


def _once(scope: Scope, member: Dialect, vector: str) -> str:
    """A vector in which what several scrapers saw, or several ranks repeat, stands once."""
    labels = (*scope.replicas, *member.repeated_by)
    return f"max without ({listed(labels)}) ({vector})" if labels else vector


def _every_rate(scope: Scope, name: str, matches: Sequence[Match]) -> str:
    return f"rate({selector(name, matches)}{scope.range})"

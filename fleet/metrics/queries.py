"""The PromQL of a tick, made from the dialects. The number of queries depends on neither the fleet nor the dialects.

The caller says which dialects the store has series of: others are only looked for by the metrics that every process of
theirs has, so that a query grows with what a fleet runs and not with what is known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from fleet.metrics.dialect import IMPLAUSIBLE, Dialect, Match, Metric, MetricType, Op, Pick, Rule
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.expressions import (
    DIALECT,
    DOWN,
    GONE,
    ODD,
    PART,
    PRESENT,
    PROCESS,
    RESET,
    YOUNG,
    Names,
    QueryScope,
    by_name,
    deduplicated,
    histogram_rates,
    plain_rate,
    rate_of,
    spelling_pattern,
    stamp_part,
    unchecked_rates,
    unit_labels,
)
from fleet.metrics.identity import (
    CLUSTER_LABEL,
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
from fleet.model.quantity import Quantity


def engines(window: float, asked: DialectSet, young: float) -> list[str]:
    """Return the first query of a tick: the engines with their sample times, and the products that exist.

    Also the targets that are down, the engines that ended within ``window`` seconds, and those that did not exist
    ``young`` seconds ago. ``asked`` are the dialects that the store is known to have; for the others, gateways
    included, only their presence is queried.
    """
    changing = [_down(asked), _recently_gone(asked, window), _young_engines(asked, young)] if asked else []
    stamps = (stamp_part(member, engine_labels(ENGINES)) for member in asked)
    return queries((*changing, *_products(), *stamps))


def running_selectors(asked: DialectSet) -> list[str]:
    """Return selectors of the metrics that every engine of these dialects has."""
    return [selector(name, member.where) for member in asked for name in running_names(member)]


def running_names(member: Dialect) -> list[str]:
    """Return the names that every process of a dialect has, in every spelling."""
    metrics = member.rules[member.present[0]].metrics
    return [name for metric in metrics for name in member.spellings(metric.name)]


def _recently_gone(asked: DialectSet, window: float) -> str:
    """Engines without a sample now that had one within the window: rates go back to them."""
    running = running_selectors(asked)
    gone = " or ".join(f"(count_over_time({one}{duration(window)}) unless {one})" for one in running)
    return tagged(GONE, f"max by ({listed(engine_labels(ENGINES))}) ({gone})")


def _young_engines(asked: DialectSet, seconds: float) -> str:
    """Return the query for engines that did not exist so many seconds ago: ``rate`` divides their increase by more than
    their age.

    Compared by the labels that identify an engine: one that a second scraper has begun to see, or that got another
    target label, is not young.
    """
    running = running_selectors(asked)
    by = f"max by ({listed(engine_labels(ENGINES))})"
    now, then = (" or ".join(f"{one}{offset}" for one in running) for offset in ("", f" offset {span(seconds)}"))
    return tagged(YOUNG, f"{by} ({now}) unless {by} ({then})")


def young_samples(scope: QueryScope, where: Mapping[str, Collection[str]]) -> list[str]:
    """Return the queries for the raw samples of every counter, within the window, of the engines with these label
    values.

    None if names are exact (raw samples cannot be joined), or if they do not fit into a URL.
    """
    names = (spelling_pattern(member, {metric.name for _, metric in member.counters()}) for member in scope.engines)
    counters = "|".join(filter(None, names))
    if names_are_exact() or not counters:
        return []
    named = Match("__name__", Op.MATCHES, counters)
    chosen = [Match(label, Op.MATCHES, pattern(values)) for label, values in sorted(where.items()) if values]
    found = [f"{selector('', (named, match))}{scope.range}" for match in chosen]
    return found if all(len(quote(one)) <= LONGEST for one in found) else []


def names(asked: DialectSet, of_gpus: DialectSet) -> list[str]:
    """Return the queries for the counters and histograms of these dialects that exist, in any spelling, and for GPUs
    that are odd.

    As expensive as all gauges, since every series of them is looked at.
    """
    wanted: dict[Dialect, set[str]] = {}
    for member in asked:
        bases = {base for bases in (*member.families.values(), *member.phases.values()) for base in bases}
        counters = {metric.name for _, metric in member.counters() if len(member.spellings(metric.name)) > 1}
        wanted[member] = counters | {f"{base}_count" for base in bases}
    return queries((*_presence((), wanted), *_odd_gpus(of_gpus)))


def _products() -> list[str]:
    """The metrics that every process of a product has, by which it is known to be there."""
    wanted = {m: {metric.name for metric in m.rules[m.present[0]].metrics} for m in (*ENGINES, *GATEWAYS)}
    for member in GPUS:
        wanted[member] = {metric.name for quantity in member.present for metric in member.rules[quantity].metrics}
    return _presence((CLUSTER_LABEL, *REPLICA_LABELS), wanted)


def _presence(labels: Iterable[str], wanted: Names) -> list[str]:
    # Each with its own tag: `or` treats series that differ only in their name as the same.
    return [tagged(f"{PRESENT}/{at}", part) for at, part in enumerate(by_name("count", labels, wanted))]


def _down(asked: DialectSet) -> str:
    """Targets that do not answer Prometheus, of the jobs that scrape engines."""
    jobs = f"max by (namespace, job) ({' or '.join(running_selectors(asked))})"
    return tagged(DOWN, f"max by ({listed(PROCESS_LABELS)}) ({selector('up')} == 0 and on (namespace, job) {jobs})")


def engine_numbers(scope: QueryScope) -> list[str]:
    """Per engine (or per process): every gauge by name, and the rates of every counter and of the phases."""
    names = {member: [metric.name for _, metric in member.gauges()] for member in scope.engines}
    labels = dict.fromkeys((*scope.key, *scope.engines.distinguishing, *_value_labels(scope.engines)))
    return queries((*_rates_of_engines(scope), *by_name("max", labels, names)))


def _value_labels(dialects: DialectSet) -> Iterator[str]:
    for member in dialects:
        yield from member.value_labels()


def _rates_of_engines(scope: QueryScope) -> Iterable[str]:
    yield from _resets(scope)
    for member in scope.engines:
        for quantity, rule in member.rules.items():
            rates = _rates_of(scope, member, rule)
            if rates and rule.per_process:
                # Other servers have the metrics of processes too: only all labels tell theirs from an engine's.
                by = scope.kept_labels(*PROCESS_LABELS)
                yield tagged(f"{quantity}/{PROCESS}", _summed(by, rule, rates))
            elif rates:
                yield tagged(quantity, _summed(listed(scope.key), rule, rates))
        for quantity, bases in member.phases.items():
            for part in ("sum", "count"):
                if of_part := histogram_rates(scope, member, bases, part):
                    yield tagged(f"{quantity}/{part}", f"sum by ({listed(scope.key)}) ({of_part})")


def _rates_of(scope: QueryScope, member: Dialect, rule: Rule) -> list[str]:
    """The rates of each counter of a quantity, in the canonical unit."""
    every = (
        " or ".join(
            scaled(rate_of(scope, member, name, (*metric.where, *member.where), latest=rule.latest), metric.scale)
            for name in scope.spellings(member, metric.name)
        )
        for metric in rule.metrics
        if metric.kind is MetricType.COUNTER
    )
    return list(filter(None, every))


def _summed(by: str, rule: Rule, numbers: Sequence[str]) -> str:
    """The metrics of a quantity as one number per row: the first that the row has, or the sum of them."""
    if rule.pick is Pick.SUM and len(numbers) > 1:
        # Series of two metrics may have the same labels: `or` would treat them as the same.
        parts = (f'label_replace({number}, "{PART}", "{at}", "", "")' for at, number in enumerate(numbers))
        return f"sum by ({by}) ({' or '.join(parts)})"
    return " or ".join(f"sum by ({by}) ({number})" for number in numbers)


def _resets(scope: QueryScope) -> Iterable[str]:
    resets = " or ".join(
        f"resets({selector(name, member.where)}{scope.range})"
        for member in scope.engines
        if (rule := member.rules.get(Quantity.GENERATION_TOKENS)) is not None
        for metric in rule.metrics
        if metric.kind is MetricType.COUNTER
        for name in scope.spellings(member, metric.name)
    )
    if resets:
        yield tagged(RESET, f"max by ({listed(scope.key)}) ({resets}) > 0")


def gateways(scope: QueryScope) -> list[str]:
    """Return the queries for gateways: their rows with sample times, every number, and histograms; none if the store
    has no gateway.
    """
    labels = gateway_labels(scope.gateways)
    by = listed((*labels, DIALECT))
    parts = []
    for member in scope.gateways:
        parts.append(stamp_part(member, labels))
        for quantity, rule in member.rules.items():
            numbers = [_labelled_with(member, number) for number in _every_number(scope, member, rule.metrics)]
            parts.append(tagged(quantity, _summed(by, rule, numbers)))
        for family, bases in member.families.items():
            rates = _labelled_with(member, unchecked_rates(scope, member, bases))
            parts.append(tagged(family, f"sum by ({listed(('le', *unit_labels(scope.gateways)))}, {by}) ({rates})"))
    return queries(parts)


def _labelled_with(member: Dialect, expression: str) -> str:
    return f'label_replace({expression}, "{DIALECT}", "{member.name}", "", "")'


def _every_number(scope: QueryScope, member: Dialect, metrics: Iterable[Metric]) -> Iterator[str]:
    """Each metric of one quantity, each sample once: gauges as they are, counters as rates, in the canonical unit."""
    for metric in metrics:
        where = (*metric.where, *member.where)
        spelt = []
        for name in member.spellings(metric.name):
            gauge = deduplicated(scope, member, selector(name, where))
            gauge = f"clamp_min({gauge} - {metric.less:g}, 0)" if metric.less else gauge
            gauge = gauge if metric.state is None else f"({gauge} == bool {metric.state:g})"
            number = rate_of(scope, member, name, where) if metric.kind is MetricType.COUNTER else gauge
            spelt.append(scaled(number, metric.scale))
        yield " or ".join(spelt)


def gpus(scope: QueryScope) -> list[str]:
    """Return the queries for GPUs: identity and sample time of each; gauges by name; rates of counters, tagged.

    The labels that identify a GPU are most of an answer: they come once per GPU, with the time of a sample. The numbers
    come with its UUID only.
    """
    keys = gpu_key_labels(scope.gpus)
    parts: list[str] = []
    wanted = {member: _gauges_and_masks(member) for member in scope.gpus}
    for member in scope.gpus:
        # Once, where several quantities have the same counter.
        for metric in dict.fromkeys(metric for _, metric in member.counters()):
            # The maximum around it counts each GPU once, however many scrapers see it.
            where = (*metric.where, *member.where)
            rates = " or ".join(
                f"{plain_rate(scope, name, where)} and {selector(name, where)} < {IMPLAUSIBLE:g}"
                for name in member.spellings(metric.name)
            )
            parts.append(tagged(metric.name, f"max by ({listed(keys)}) ({rates})"))
    for member, names in wanted.items():
        shown_by = None if scope.gpus_are_alike else _every_spelling(member, names)
        parts.append(stamp_part(member, gpu_labels(scope.gpus), shown_by))
    labels = dict.fromkeys((*keys, *(label for label in _value_labels(scope.gpus) if label not in keys)))
    return queries((*parts, *by_name("max", labels, wanted)))


def _odd_gpus(asked: DialectSet) -> Iterator[str]:
    """Yield the number of GPUs that are named otherwise, or only, by other metrics than those that show one; no answer
    for none.

    An exporter may omit the labels of a pod from some of its series, and scrape configurations drop some.
    """
    by = f"group by ({listed(gpu_labels(asked))})"
    for member in asked:
        shown = member.seen_by()
        others = [name for name in _every_spelling(member, _gauges_and_masks(member)) if name not in shown]
        some, rest = (" or ".join(selector(name, member.where) for name in names) for names in (shown, others))
        if others:
            yield tagged(ODD, f"count ({by} ({rest}) unless {by} ({some}))")


def _gauges_and_masks(member: Dialect) -> list[str]:
    """Every metric that a GPU may be read from but for its counters, those that show it first."""
    return list(dict.fromkeys((*member.seen_by(), *(metric.name for _, metric in member.gauges()), *member.masks)))


def _every_spelling(member: Dialect, names: Iterable[str]) -> list[str]:
    return [spelt for name in names for spelt in member.spellings(name)]


def samples(names: Sequence[str], labels: Mapping[str, str], seconds: float) -> list[str]:
    """The raw samples of the series of one of these names and these labels, for their distance in time.

    Where names are exact it is a query for each of them: raw samples cannot be joined.
    """
    rest = [Match(label, Op.EQUAL, value) for label, value in sorted(labels.items()) if label != "__name__"]
    if names_are_exact():
        return [f"{selector(name, rest)}[{seconds:g}s]" for name in names]
    return [f"{selector('', (Match('__name__', Op.MATCHES, pattern(names)), *rest))}[{seconds:g}s]"]
